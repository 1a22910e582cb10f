package main

import (
	"context"
	"fmt"
	"strings"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/ui/text"
)

// workload is one kind of archive: what fills the base, and what changes it afterwards.
type workload struct {
	letter string
	title  string
	maria  bool
	rows   int      // of the base, over all tables
	source []string // further options of the server that writes the log
	fill   func(context.Context, *maker) error
	// change makes one slice of the log, the n-th, and returns its number of transactions.
	change func(ctx context.Context, m *maker, n int) (int64, error)
	// split cuts the final dump of its only table, so that several clients have something to load.
	split []string
	many  bool  // other databases are there that are not wanted
	full  int64 // size of the binlogs for -full, MiB
}

// maker is a workload being made on a source server.
type maker struct {
	b *bench
	w *workload
	s *scratch.Server
}

func workloads() []*workload {
	sysbench := func(script string, more ...string) (func(context.Context, *maker) error, func(context.Context, *maker, int) (int64, error)) {
		const slice = 20_000
		fill := func(ctx context.Context, m *maker) error { return m.sysbench(ctx, script, "prepare", "--threads=4") }
		change := func(ctx context.Context, m *maker, n int) (int64, error) {
			args := append([]string{"--threads=8", fmt.Sprintf("--rand-seed=%d", n), fmt.Sprintf("--events=%d", slice), "--time=0"}, more...)
			return slice, m.sysbench(ctx, script, "run", args...)
		}
		return fill, change
	}
	all := []*workload{
		{letter: "A", full: 520, title: "sysbench oltp_write_only, pareto keys", rows: 800_000},
		{letter: "B", full: 300, title: "sysbench oltp_insert", rows: 800_000},
		{letter: "C", full: 300, title: "wide rows with JSON and TEXT", rows: 20_000, fill: fillWide, change: changeWide},
		{letter: "D", full: 300, title: "one table, composite and secondary unique keys", rows: 400_000, fill: fillUnique, change: changeUnique,
			split: []string{"tenant%4=0", "tenant%4=1", "tenant%4=2", "tenant%4=3"}},
		{letter: "E", full: 150, title: "foreign keys with cascades", rows: 220_000, fill: numbered().fill, change: numbered().change},
		{letter: "F", full: 200, title: "200 small tables in 50 databases, one of them wanted", rows: 200_000, fill: fillMany, change: changeMany, many: true},
		{letter: "G", full: 100, title: "sysbench oltp_write_only, compressed transactions", rows: 800_000, source: []string{"--binlog-transaction-compression=ON"}},
		{letter: "H", full: 300, title: "sysbench oltp_write_only, MariaDB", rows: 800_000, maria: true},
		{letter: "I", full: 150, title: "foreign keys with cascades, MariaDB", rows: 220_000, maria: true, fill: numbered().fill, change: numbered().change},
		{letter: "J", full: 200, title: "sysbench oltp_write_only, binlog_row_image=MINIMAL", rows: 800_000, source: []string{"--binlog-row-image=MINIMAL"}},
		{letter: "K", full: 150, title: "foreign keys with cascades, keys of text, MariaDB", rows: 220_000, maria: true, fill: identified().fill, change: identified().change},
		{letter: "L", full: 150, title: "foreign keys with cascades, binlog_row_image=MINIMAL, MariaDB", rows: 220_000, maria: true, source: []string{"--binlog-row-image=MINIMAL"},
			fill: numbered().fill, change: numbered().change},
	}
	for _, w := range all {
		switch {
		case w.letter == "B":
			w.fill, w.change = sysbench("oltp_insert")
		case w.fill == nil:
			w.fill, w.change = sysbench("oltp_write_only", "--rand-type=pareto")
		}
	}
	return all
}

// choose finds the workloads that letters name, such as "A,C"; "all" is every one.
func choose(letters string) ([]*workload, error) {
	all := workloads()
	if strings.EqualFold(letters, "all") {
		return all, nil
	}
	var out []*workload
	for _, l := range strings.Split(letters, ",") {
		n := len(out)
		for _, w := range all {
			if strings.EqualFold(w.letter, strings.TrimSpace(l)) {
				out = append(out, w)
			}
		}
		if len(out) == n {
			return nil, fmt.Errorf("there is no workload %q: name some of A to L, such as A,D, or all", l)
		}
	}
	return out, nil
}

// kind is the folder of .servers that has the workload's server.
func (w *workload) kind() string {
	if w.maria {
		return "mariadb-10.11"
	}
	return "mysql-9.7"
}

func (w *workload) String() string {
	return fmt.Sprintf("%s. %s, %s rows", w.letter, w.title, text.Count(int64(w.rows)))
}

const tables = 8 // of sysbench

func (m *maker) sysbench(ctx context.Context, script, command string, more ...string) error {
	args := append([]string{m.b.sysbenchProgram(), script, "--db-driver=mysql", "--mysql-socket=" + m.s.Socket(), "--mysql-user=root", "--mysql-db=" + database,
		fmt.Sprintf("--tables=%d", tables), fmt.Sprintf("--table-size=%d", m.w.rows/tables)}, more...)
	_, err := output(rig.Command(ctx, append(args, command)...))
	return err
}
