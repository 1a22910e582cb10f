package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

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
	Parts        int               // number of dumps of the final rows
	Checksums    map[string]string // by table, at the end of the log

	dir string
}

// madeWith goes up when archives are to be made anew.
const madeWith = 4

const describedIn = "archive.json"

func (a *archive) base() string           { return filepath.Join(a.dir, "base.sql") }
func (a *archive) binlogs() string        { return filepath.Join(a.dir, "binlogs") }
func (a *archive) schema() string         { return filepath.Join(a.dir, "schema.sql") }
func (a *archive) final(n int) string     { return filepath.Join(a.dir, fmt.Sprintf("final%d.sql", n)) }
func (a *archive) binlog(i string) string { return filepath.Join(a.binlogs(), i) }

func (b *bench) describe() string {
	a := b.archive
	return fmt.Sprintf("%s, %s: %s of binlog, %s transactions", b.workload, a.Server, text.Bytes(a.Bytes), text.Count(a.Transactions))
}

// openArchive takes the archive from the cache, or makes it.
func (b *bench) openArchive(ctx context.Context) (*archive, error) {
	name := fmt.Sprintf("%s-%d-%s-%d-rows-%dMiB", b.workload.letter, madeWith, b.programs.Server.Version, b.workload.rows, b.opts.size)
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
	source, err := b.start(ctx, append([]string{"--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--max-binlog-size=64M"}, b.workload.source...)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	a.Server = b.family() + " " + source.Version()
	if err := execute(ctx, source.DSN(), "CREATE DATABASE "+database); err != nil {
		return err
	}
	m := &maker{b: b, w: b.workload, s: source}
	if err := b.workload.fill(ctx, m); err != nil {
		return err
	}
	coordinatesFlag := "--source-data=2"
	if b.workload.maria {
		coordinatesFlag = "--master-data=2"
	}
	if err := b.dump(ctx, source, a.base(), "--single-transaction", coordinatesFlag, "--databases", database); err != nil {
		return err
	}
	if a.File, a.Offset, err = coordinates(a.base()); err != nil {
		return err
	}
	for n := 1; a.Bytes < b.opts.size<<20; n++ {
		made, err := b.workload.change(ctx, m, n)
		if err != nil {
			return err
		}
		a.Transactions += made
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
	return b.dumpFinal(ctx, source, a)
}

// dumpFinal makes one dump of the tables' definitions and some of their rows, which load side by side.
func (b *bench) dumpFinal(ctx context.Context, source *scratch.Server, a *archive) error {
	more := []string{"--single-transaction"}
	if !b.workload.maria {
		more = append(more, "--set-gtid-purged=OFF")
	}
	if err := b.dump(ctx, source, a.schema(), append(more, "--no-data", database)...); err != nil {
		return err
	}
	more = append(more, "--no-create-info", "--skip-triggers")
	for _, name := range slices.Sorted(maps.Keys(a.Checksums)) {
		parts := b.workload.split
		if parts == nil {
			parts = []string{""}
		} else {
			more = append(more, "--skip-add-locks", "--skip-disable-keys")
		}
		for _, where := range parts {
			args := slices.Clone(more)
			if where != "" {
				args = append(args, "--where="+where)
			}
			a.Parts++
			if err := b.dump(ctx, source, a.final(a.Parts), append(args, database, name)...); err != nil {
				return err
			}
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

func (b *bench) sysbenchProgram() string {
	return filepath.Join(b.root, ".servers", "tools", "bin", "sysbench")
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
	found := position.FindSubmatch(head[:n])
	if found == nil {
		return "", 0, fmt.Errorf("%s does not say where in the log it was taken", dump)
	}
	offset, err = strconv.ParseInt(string(found[2]), 10, 64)
	return string(found[1]), offset, err
}

var position = regexp.MustCompile(`(?:SOURCE|MASTER)_LOG_FILE='([^']+)', (?:SOURCE|MASTER)_LOG_POS=(\d+)`)
