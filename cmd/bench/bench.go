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
	root      string
	workloads string
	runs      int
	pipeRuns  int   // of mysqlbinlog | mysql, which takes most of the time
	size      int64 // of the binlogs, MiB
	percent   int   // of each workload's rows
	memory    string
	quick     bool
	only      string // ways, by their short names
	audit     bool
	curve     bool
	full      bool
}

// The database to restore and the server's settings. The settings are those of the source and of every target.
const (
	database   = "sbtest"
	bufferPool = 2 << 30
)

func (b *bench) settings() []string {
	set := []string{"--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0"}
	if b.workload.maria {
		return append(set, "--innodb-log-file-size=1G")
	}
	return append(set, "--innodb-redo-log-capacity=2G")
}

// bench measures one workload.
type bench struct {
	w        io.Writer
	opts     options
	root     string
	lifeboat string
	workload *workload
	programs rig.Programs
	dir      string // of the servers
	archive  *archive
	whole    time.Duration // of the last lifeboat restore
}

func run(ctx context.Context, w io.Writer, o options) error {
	if o.runs < 1 || o.size < 1 || o.percent < 1 {
		return errors.New("-runs, -size and -percent are at least 1")
	}
	chosen, err := choose(o.workloads)
	if err != nil {
		return err
	}
	root, err := filepath.Abs(o.root)
	if err != nil {
		return err
	}
	for _, one := range chosen {
		one.rows = one.rows * o.percent / 100
		o := o
		if o.full {
			o.size = one.full
			if one.letter != "A" && o.only == "" {
				o.only = "applier,four,lifeboat"
			}
		}
		b := &bench{w: w, opts: o, root: root, workload: one, lifeboat: filepath.Join(root, "bin", "lifeboat")}
		if err := b.run(ctx); err != nil {
			return fmt.Errorf("workload %s: %w", one.letter, err)
		}
	}
	return nil
}

func (b *bench) run(ctx context.Context) (err error) {
	if _, err := os.Stat(b.lifeboat); err != nil {
		return fmt.Errorf("%w: run `make build` first", err)
	}
	if b.programs, err = rig.Find(b.root, b.workload.kind()); err != nil {
		return err
	}
	if b.programs.MariaDB() != b.workload.maria {
		return fmt.Errorf("it is for %s: unset LIFEBOAT_MYSQLD", b.workload.kind())
	}
	if b.dir, err = os.MkdirTemp("", "lifeboat-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.opts.curve {
		return b.curve(ctx)
	}
	if b.archive, err = b.openArchive(ctx); err != nil {
		return err
	}
	b.say("%s, in %s", b.describe(), b.archive.dir)
	if b.opts.audit {
		return b.audits(ctx)
	}
	results := map[string][]sample{}
	for n := range b.opts.runs {
		for _, way := range b.ways() {
			if n >= way.most {
				continue
			}
			s, err := b.measure(ctx, way)
			if err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			results[way.name] = append(results[way.name], s)
			b.say("run %d of %d: %s: %s", n+1, b.opts.runs, way.name, s)
		}
	}
	return b.report(results)
}

func (b *bench) family() string {
	if b.workload.maria {
		return "MariaDB"
	}
	return "MySQL"
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.w, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

func (b *bench) start(ctx context.Context, args ...string) (*scratch.Server, error) {
	o := b.programs.Options(b.dir, append(b.settings(), args...)...)
	o.BufferPool = bufferPool
	return scratch.Start(ctx, o)
}

// measure runs one way on a fresh server and holds the result against the source's final state.
func (b *bench) measure(ctx context.Context, way way) (s sample, err error) {
	server, err := b.start(ctx, way.server...)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	before := processorTime(server.PID())
	if s, err = way.run(ctx, server); err != nil {
		return s, server.Explain(err)
	}
	s.server += processorTime(server.PID()) - before
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
