package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/target/scratch"
)

type options struct {
	root   string
	runs   int
	size   int64 // of the binlogs, MiB
	memory string
	quick  bool
}

// The archive's tables and the server's settings. The settings are those of the source and of every target.
const (
	database   = "sbtest"
	tables     = 8
	tableRows  = 100_000
	bufferPool = 2 << 30
)

func settings() []string {
	return []string{"--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0", "--innodb-redo-log-capacity=2G"}
}

// bench is one run of the program.
type bench struct {
	w        io.Writer
	opts     options
	root     string
	lifeboat string
	programs rig.Programs
	dir      string // of the servers
	archive  *archive
}

func run(ctx context.Context, w io.Writer, o options) (err error) {
	if o.runs < 1 || o.size < 1 {
		return errors.New("-runs and -size are at least 1")
	}
	b := &bench{w: w, opts: o}
	if b.root, err = filepath.Abs(o.root); err != nil {
		return err
	}
	b.lifeboat = filepath.Join(b.root, "bin", "lifeboat")
	if _, err := os.Stat(b.lifeboat); err != nil {
		return fmt.Errorf("%w: run `make build` first", err)
	}
	if b.programs, err = rig.Find(b.root, "mysql-9.7"); err != nil {
		return err
	}
	if b.programs.MariaDB() {
		return errors.New("the benchmark's figures are for MySQL: unset LIFEBOAT_MYSQLD")
	}
	if b.dir, err = os.MkdirTemp("", "lifeboat-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.archive, err = b.openArchive(ctx); err != nil {
		return err
	}
	b.say("archive: %s", b.archive)
	results := map[string][]sample{}
	for n := range o.runs {
		for _, way := range b.ways() {
			s, err := b.measure(ctx, way)
			if err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			results[way.name] = append(results[way.name], s)
			b.say("run %d of %d: %s: %s", n+1, o.runs, way.name, s)
		}
	}
	return b.report(results)
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.w, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

func (b *bench) start(ctx context.Context, args ...string) (*scratch.Server, error) {
	o := b.programs.Options(b.dir, append(settings(), args...)...)
	o.BufferPool = bufferPool
	return scratch.Start(ctx, o)
}

// measure runs one way on a fresh server and holds the result against the source's final state.
func (b *bench) measure(ctx context.Context, way way) (s sample, err error) {
	server, err := b.start(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if s, err = way.run(ctx, server); err != nil {
		return s, server.Explain(err)
	}
	got, err := checksums(ctx, server.DSN())
	if err != nil {
		return s, err
	}
	for name, want := range b.archive.Checksums {
		if got[name] != want {
			return s, fmt.Errorf("THE RESULTS DIFFER: table %s has checksum %s, and on the source it had %s", name, got[name], want)
		}
	}
	if len(got) != len(b.archive.Checksums) {
		return s, fmt.Errorf("THE RESULTS DIFFER: %d tables instead of %d", len(got), len(b.archive.Checksums))
	}
	return s, nil
}

// checksums are the server's own CHECKSUM TABLE of every table of the benchmark.
func checksums(ctx context.Context, dsn string) (map[string]string, error) {
	db, err := rig.Open(dsn, database)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	names, err := db.QueryContext(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?", database)
	if err != nil {
		return nil, err
	}
	defer names.Close()
	out := map[string]string{}
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			return nil, err
		}
		out[name] = ""
	}
	if err := names.Err(); err != nil {
		return nil, err
	}
	for name := range out {
		var title, sum string
		if err := db.QueryRowContext(ctx, "CHECKSUM TABLE `"+name+"`").Scan(&title, &sum); err != nil {
			return nil, err
		}
		out[name] = sum
	}
	return out, nil
}
