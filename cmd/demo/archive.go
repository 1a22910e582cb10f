package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/ui/text"
)

// nightly makes the full backup with the server's own tool, and lets the log from before it expire.
func (s *story) nightly(ctx context.Context) error {
	dump, err := s.programs.Client("mysqldump")
	if err != nil {
		return err
	}
	s.backup = filepath.Join(s.dir, "full.sql")
	args := []string{dump, "--no-defaults", "--user=root", "--socket=" + s.source.Socket(), "--all-databases", "--single-transaction"}
	if s.programs.MariaDB() {
		args = append(args, "--master-data=2")
	} else {
		args = append(args, "--source-data=2", "--routines", "--events")
	}
	args = append(args, "--result-file="+s.backup)
	s.shell(rig.Wrap(args...))
	if err := s.quiet(ctx, args...); err != nil {
		return err
	}
	info, err := os.Stat(s.backup)
	if err != nil {
		return err
	}
	logs, err := s.logs(ctx)
	if err != nil {
		return err
	}
	if _, err := s.shop.ExecContext(ctx, "FLUSH BINARY LOGS"); err != nil {
		return err
	}
	last := logs[len(logs)-1]
	if _, err := s.shop.ExecContext(ctx, "PURGE BINARY LOGS TO '"+last+"'"); err != nil {
		return err
	}
	s.say("One full dump of all databases, %s. The binlogs from before %s have expired, as they do: the tables' CREATE statements are in no log any more.", text.Bytes(info.Size()), last)
	return nil
}

// dumpReference makes a plain dump of the shop alone.
func (s *story) dumpReference(ctx context.Context) error {
	dump, err := s.programs.Client("mysqldump")
	if err != nil {
		return err
	}
	s.reference = filepath.Join(s.dir, "reference.sql")
	args := []string{dump, "--no-defaults", "--user=root", "--socket=" + s.source.Socket(), "--single-transaction", "--result-file=" + s.reference}
	if !s.programs.MariaDB() {
		args = append(args, "--set-gtid-purged=OFF")
	}
	return s.quiet(ctx, append(args, "shop")...)
}

// logs lists the source's binlog files in order.
func (s *story) logs(ctx context.Context) ([]string, error) {
	rows, err := s.shop.QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(string)
		}
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		out = append(out, *values[0].(*string))
	}
	if len(out) == 0 {
		return nil, errors.New("the source has no binlogs")
	}
	return out, rows.Err()
}

// archive copies the binlogs to two places and damages both copies, each in another file.
func (s *story) archive(ctx context.Context) error {
	if _, err := s.shop.ExecContext(ctx, "FLUSH BINARY LOGS"); err != nil {
		return err
	}
	logs, err := s.logs(ctx)
	if err != nil {
		return err
	}
	closed := logs[:len(logs)-1] // the last is in use
	if len(closed) < 5 {
		return fmt.Errorf("only %d binlogs: there should be more traffic", len(closed))
	}
	var bytes int64
	for _, name := range []string{"nas", "offsite"} {
		folder := filepath.Join(s.dir, "binlogs-"+name)
		if err := os.Mkdir(folder, 0o755); err != nil {
			return err
		}
		s.copies = append(s.copies, folder)
		bytes = 0
		for _, l := range closed {
			to := filepath.Join(folder, l)
			if err := rig.CopyFile(filepath.Join(s.source.DataDir(), l), to); err != nil {
				return err
			}
			info, err := os.Stat(to)
			if err != nil {
				return err
			}
			bytes += info.Size()
		}
	}
	flipped, lost := closed[len(closed)/3], closed[len(closed)/2]
	if err := flipBit(filepath.Join(s.copies[0], flipped)); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(s.copies[1], lost)); err != nil {
		return err
	}
	if s.seal, err = rig.Seal(append(slices.Clone(s.copies), s.backup)...); err != nil {
		return err
	}
	s.say("The full backup from before all that, and the binlogs since (%s to %s, %s), copied to two places. Neither copy is whole: in %s one bit of %s has flipped on the disk, and %s has lost %s.",
		closed[0], closed[len(closed)-1], text.Bytes(bytes), filepath.Base(s.copies[0]), flipped, filepath.Base(s.copies[1]), lost)
	s.say("")
	fmt.Fprintf(s.w, "    %s\n    %s\n    %s\n", s.backup, s.copies[0], s.copies[1])
	if s.crm, err = rig.Take(ctx, s.shop, "crm"); err != nil {
		return err
	}
	return nil
}

// flipBit changes one bit in the middle of a file.
func flipBit(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	var one [1]byte
	at := info.Size() / 2
	if _, err := f.ReadAt(one[:], at); err != nil {
		return errors.Join(err, f.Close())
	}
	one[0] ^= 0x10
	_, err = f.WriteAt(one[:], at)
	return errors.Join(err, f.Close())
}
