package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/ui/text"
)

// archive is what every way restores from: a base dump, the binlogs after it, and, for the floor, dumps of
// the final state. It is kept in .bench under a name that says what it was made from.
type archive struct {
	Server       string
	File         string // where the base ends
	Offset       int64
	Binlogs      []string // their names, in order
	Bytes        int64    // of the binlogs from the base on
	Transactions int64
	Checksums    map[string]string // by table, at the end of the log

	dir string
}

// madeWith goes up when archives are to be made anew.
const madeWith = 2

const describedIn = "archive.json"

func (a *archive) base() string           { return filepath.Join(a.dir, "base.sql") }
func (a *archive) binlogs() string        { return filepath.Join(a.dir, "binlogs") }
func (a *archive) final(n int) string     { return filepath.Join(a.dir, fmt.Sprintf("final%d.sql", n)) }
func (a *archive) binlog(i string) string { return filepath.Join(a.binlogs(), i) }

func (a *archive) String() string {
	return fmt.Sprintf("sysbench oltp_write_only, %d tables of %s rows, pareto keys, MySQL %s: %s of binlog, %s transactions, in %s",
		tables, text.Count(tableRows), a.Server, text.Bytes(a.Bytes), text.Count(a.Transactions), a.dir)
}

// openArchive takes the archive from the cache, or makes it.
func (b *bench) openArchive(ctx context.Context) (*archive, error) {
	name := fmt.Sprintf("write-only-%d-%s-%dx%d-pareto-%dMiB", madeWith, b.programs.Server.Version, tables, tableRows, b.opts.size)
	a := &archive{dir: filepath.Join(b.root, ".bench", name)}
	described, err := os.ReadFile(filepath.Join(a.dir, describedIn))
	if err == nil {
		return a, json.Unmarshal(described, a)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(a.dir), 0o755); err != nil {
		return nil, err
	}
	place := a.dir
	if a.dir, err = os.MkdirTemp(filepath.Dir(place), "new-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(a.dir) // what was finished has moved
	b.say("making the archive; it is kept for the next time")
	if err := b.makeArchive(ctx, a); err != nil {
		return nil, fmt.Errorf("making the archive: %w", err)
	}
	if described, err = json.MarshalIndent(a, "", "  "); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(a.dir, describedIn), described, 0o644); err != nil {
		return nil, err
	}
	if err := os.Rename(a.dir, place); err != nil {
		return nil, err
	}
	made := *a
	made.dir = place
	return &made, nil
}

func (b *bench) makeArchive(ctx context.Context, a *archive) (err error) {
	source, err := b.start(ctx, "--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--max-binlog-size=64M")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	a.Server = source.Version()
	if err := execute(ctx, source.DSN(), "CREATE DATABASE "+database); err != nil {
		return err
	}
	if _, err := b.sysbench(ctx, source, "prepare", "--threads=4"); err != nil {
		return err
	}
	if err := b.dump(ctx, source, a.base(), "--single-transaction", "--source-data=2", "--databases", database); err != nil {
		return err
	}
	if a.File, a.Offset, err = coordinates(a.base()); err != nil {
		return err
	}
	for seed := 1; a.Bytes < b.opts.size<<20; seed++ {
		const slice = 20_000
		if _, err := b.sysbench(ctx, source, "run", "--threads=8", "--rand-type=pareto", fmt.Sprintf("--rand-seed=%d", seed), fmt.Sprintf("--events=%d", slice), "--time=0"); err != nil {
			return err
		}
		a.Transactions += slice
		if a.Bytes, err = written(source, a); err != nil {
			return err
		}
	}
	if a.Checksums, err = checksums(ctx, source.DSN()); err != nil {
		return err
	}
	if err := execute(ctx, source.DSN(), "FLUSH BINARY LOGS"); err != nil {
		return err
	}
	if err := copyBinlogs(source, a); err != nil {
		return err
	}
	for n := 1; n <= tables; n++ {
		if err := b.dump(ctx, source, a.final(n), "--single-transaction", "--set-gtid-purged=OFF", database, fmt.Sprintf("sbtest%d", n)); err != nil {
			return err
		}
	}
	return nil
}

func execute(ctx context.Context, dsn, statement string) error {
	db, err := rig.Open(dsn, "")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}

// logs are the source's binlogs from the base on, in order.
func logs(source *scratch.Server, a *archive) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(source.DataDir(), "binlog.[0-9]*"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range found {
		if name := filepath.Base(f); name >= a.File {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func written(source *scratch.Server, a *archive) (int64, error) {
	names, err := logs(source, a)
	if err != nil {
		return 0, err
	}
	total := -a.Offset
	for _, n := range names {
		info, err := os.Stat(filepath.Join(source.DataDir(), n))
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, nil
}

// copyBinlogs leaves out the file that the server has just begun.
func copyBinlogs(source *scratch.Server, a *archive) error {
	names, err := logs(source, a)
	if err != nil {
		return err
	}
	a.Binlogs = names[:len(names)-1]
	if err := os.Mkdir(a.binlogs(), 0o755); err != nil {
		return err
	}
	for _, n := range a.Binlogs {
		if err := rig.CopyFile(filepath.Join(source.DataDir(), n), a.binlog(n)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) sysbench(ctx context.Context, source *scratch.Server, command string, more ...string) ([]byte, error) {
	program := filepath.Join(b.root, ".servers", "tools", "bin", "sysbench")
	args := append([]string{program, "oltp_write_only", "--db-driver=mysql", "--mysql-socket=" + source.Socket(), "--mysql-user=root", "--mysql-db=" + database,
		fmt.Sprintf("--tables=%d", tables), fmt.Sprintf("--table-size=%d", tableRows)}, more...)
	return output(rig.Command(ctx, append(args, command)...))
}

func (b *bench) dump(ctx context.Context, source *scratch.Server, to string, more ...string) error {
	program, err := b.programs.Client("mysqldump")
	if err != nil {
		return err
	}
	args := append([]string{program, "--no-defaults", "--user=root", "--socket=" + source.Socket(), "--result-file=" + to}, more...)
	_, err = output(rig.Command(ctx, args...))
	return err
}

// coordinates reads where a dump says that it was taken.
func coordinates(dump string) (file string, offset int64, err error) {
	f, err := os.Open(dump)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := f.Read(head)
	if err != nil {
		return "", 0, err
	}
	const mark = "SOURCE_LOG_FILE='"
	at := strings.Index(string(head[:n]), mark)
	if at < 0 {
		return "", 0, fmt.Errorf("%s does not say where in the log it was taken", dump)
	}
	_, err = fmt.Sscanf(strings.ReplaceAll(string(head[at+len(mark):n]), "'", " "), "%s , SOURCE_LOG_POS=%d", &file, &offset)
	return file, offset, err
}
