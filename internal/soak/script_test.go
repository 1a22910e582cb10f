// Package soak restores random workloads: a seed gives a script of DML and DDL over schemas that it makes up, and a route; the
// restored database must equal the source's, value by value, or the restore must have said by name what it cannot do. It has tests only.
package soak

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"lifeboat/internal/testserver"
)

// The databases of a script: one that is restored, and one beside it in the same log.
const (
	database  = "d"
	neighbour = "e"
)

// statement is one statement of a session. The one with base set is no SQL: there the backup is taken.
type statement struct {
	session int
	base    bool
	sql     string
}

func (s statement) String() string {
	if s.base {
		return "-- base --"
	}
	return fmt.Sprintf("s%d: %s;", s.session, s.sql)
}

// script is a workload. It depends on the seed and on nothing that a server says, so that any part of it is a script too.
type script struct {
	seed       uint64
	kind       string
	route      route
	globals    []string // of the source, NAME=VALUE
	gtid       bool
	statements []statement
}

func (s *script) String() string {
	lines := make([]string, len(s.statements))
	for i, q := range s.statements {
		lines[i] = q.String()
	}
	return strings.Join(lines, "\n") + "\n"
}

// route is how the script's state is restored.
type route struct {
	Memory     int64
	Workers    int
	Stops      int // the first run is stopped after so many reports, each later one after some more; 0: it is not
	BaseLoaded bool
	Into       string
	Databases  bool // the dump holds CREATE DATABASE
	Serial     bool // no table folds
	Spills     bool // to disk, what does not fit into memory
}

// flavour is what a seed's script is made of. Not each script has everything, so that one refusal does not keep all else from being tried.
type flavour struct {
	sessions                                                                          int
	foreignKeys, partitions, xa, cross, crossRename, programs, temporary, partialJSON bool
	ddl                                                                               int // of a hundred transactions
	onlyKeyed                                                                         bool
	image                                                                             string
}

type generator struct {
	*rand.Rand
	script  *script
	f       flavour
	maria   bool
	old     bool // MySQL 5.6
	tables  []*table
	beside  []*table // in the neighbour
	temp    []*table // of the session
	names   int
	session int
	open    []bool // by session: it is in a transaction
}

func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

// pick chooses one of the words.
func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

func (g *generator) name(prefix string) string {
	g.names++
	return fmt.Sprintf("%s%d", prefix, g.names)
}

func (g *generator) add(format string, args ...any) {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	g.script.statements = append(g.script.statements, statement{session: g.session, sql: text})
}

// generate writes the script of a seed.
func generate(kind string, seed uint64, sessions int) *script {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x1ea4)), script: &script{seed: seed, kind: kind}, maria: testserver.IsMariaDB(kind), old: kind == testserver.MySQL56}
	g.chooseFlavour(sessions)
	if *image != "" {
		g.f.image = *image
	}
	g.chooseRoute()
	g.script.gtid = !g.maria && g.oneIn(3)
	g.chooseGlobals()
	g.add("CREATE DATABASE %s CHARACTER SET %s", database, pick(g, "utf8mb4", "latin1", "utf8mb4 COLLATE utf8mb4_bin"))
	g.add("CREATE DATABASE %s", neighbour)
	for s := range g.f.sessions {
		g.session = s
		g.add("USE %s", database)
		g.add("SET NAMES utf8mb4")
		if g.f.image != "" {
			g.add("SET SESSION binlog_row_image=%s", g.f.image)
		}
		g.settings()
	}
	g.session = 0
	for range 1 + g.IntN(4) {
		g.createTable()
	}
	if g.f.cross || g.oneIn(3) {
		g.createBeside()
	}
	total := 10 + g.IntN(50)
	base := -1
	if !g.oneIn(5) {
		base = g.IntN(total)
	}
	for n := range total {
		if n == base {
			g.script.statements = append(g.script.statements, statement{base: true})
		}
		g.session = g.IntN(g.f.sessions)
		if !g.open[g.session] && g.IntN(100) < g.f.ddl {
			g.ddl()
			continue
		}
		g.transaction()
	}
	return g.script
}

func (g *generator) chooseFlavour(sessions int) {
	g.f = flavour{sessions: sessions, foreignKeys: g.oneIn(2), partitions: g.oneIn(3), xa: g.oneIn(3), cross: g.oneIn(3), crossRename: g.oneIn(20),
		programs: g.oneIn(5), temporary: g.oneIn(4), partialJSON: !g.maria && !g.old && g.oneIn(10), ddl: pick(g, 0, 10, 10, 25, 50), onlyKeyed: g.oneIn(2)}
	g.open = make([]bool, sessions)
	if g.oneIn(2) {
		g.f.image = pick(g, "FULL", "MINIMAL", "MINIMAL", "NOBLOB")
	}
}

func (g *generator) chooseRoute() {
	r := &g.script.route
	r.Memory = int64(1) << g.IntN(27)
	r.Workers = 1 + g.IntN(4)
	if g.oneIn(2) {
		r.Stops = 1 + g.IntN(40)
	}
	r.BaseLoaded = g.oneIn(3)
	if g.oneIn(3) {
		r.Into = "restored_as"
	}
	r.Databases = g.oneIn(2) && r.Into == ""
	// Not drawn: a seed keeps the script that it had before there was this.
	r.Serial = g.script.seed%8 == 5
	r.Spills = g.script.seed%4 == 2
}

func (g *generator) chooseGlobals() {
	set := func(s string) { g.script.globals = append(g.script.globals, s) }
	if g.maria {
		if g.oneIn(3) {
			set("log_bin_compress=1")
			set("log_bin_compress_min_len=10")
		}
		if g.oneIn(3) {
			set("binlog_alter_two_phase=1")
		}
	}
	if !g.old && g.oneIn(3) {
		set("binlog_row_metadata=FULL")
	}
	if !g.old && !g.maria && g.oneIn(3) {
		set("binlog_transaction_compression=1")
	}
	if !g.old && !g.maria && g.oneIn(4) {
		set("binlog_rows_query_log_events=1")
	}
}

// settings of a session change what its statements mean, or how they are logged.
func (g *generator) settings() {
	if g.oneIn(3) {
		g.add("SET SESSION sql_mode=%s", pick(g, "''", "'STRICT_TRANS_TABLES'", "'ANSI_QUOTES'", "'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'", "'NO_BACKSLASH_ESCAPES'"))
	}
	if g.oneIn(3) {
		g.add("SET SESSION time_zone=%s", pick(g, "'+00:00'", "'+08:00'", "'-03:30'"))
	}
	if g.oneIn(8) {
		g.add("SET SESSION foreign_key_checks=%d", g.IntN(2))
	}
	if g.f.partialJSON && g.oneIn(2) {
		g.add("SET SESSION binlog_row_value_options=%s", pick(g, "''", "'PARTIAL_JSON'"))
	}
	// Not on MariaDB: with neither check it fills an empty table in bulk, and logs rows that it then ignores for their keys.
	if !g.maria && g.oneIn(6) {
		g.add("SET SESSION unique_checks=%d", g.IntN(2))
	}
	if g.f.image != "" && g.oneIn(3) {
		g.add("SET SESSION binlog_row_image=%s", pick(g, "FULL", "MINIMAL", "NOBLOB"))
	}
}

// transaction is one to twenty statements, and its end. With several sessions a transaction stays open while others run.
func (g *generator) transaction() {
	if g.f.sessions > 1 {
		g.interleaved()
		return
	}
	if g.oneIn(12) {
		g.settings()
	}
	if g.f.temporary && g.oneIn(4) {
		g.temporary()
	}
	if g.oneIn(4) {
		for range 1 + g.IntN(3) {
			g.dml()
		}
		return
	}
	if g.f.xa && g.oneIn(4) {
		g.xa()
		return
	}
	g.add("%s", pick(g, "BEGIN", "START TRANSACTION"))
	g.body(1 + g.IntN(pick(g, 3, 6, 20)))
	g.add("%s", pick(g, "COMMIT", "COMMIT", "COMMIT", "COMMIT", "COMMIT", "ROLLBACK"))
}

func (g *generator) body(n int) {
	var points []string
	for range n {
		switch {
		case g.oneIn(8):
			p := pick(g, "a", "b")
			points = append(points, p)
			g.add("SAVEPOINT %s", p)
			g.dml()
		case len(points) > 0 && g.oneIn(3):
			g.add("%s SAVEPOINT %s", pick(g, "ROLLBACK TO", "RELEASE"), pick(g, points...))
		default:
			g.dml()
		}
	}
}

// interleaved is a step of a transaction that goes on when the session's turn comes again.
func (g *generator) interleaved() {
	switch open := g.open[g.session]; {
	case !open && g.oneIn(4):
		g.dml()
	case !open:
		g.add("BEGIN")
		g.body(1 + g.IntN(4))
		g.open[g.session] = true
	case g.oneIn(2):
		g.body(1 + g.IntN(3))
	default:
		g.add("%s", pick(g, "COMMIT", "COMMIT", "COMMIT", "ROLLBACK"))
		g.open[g.session] = false
	}
}

// xa is a distributed transaction. It may be decided only later, after others or after the backup, or never.
func (g *generator) xa() {
	id := g.name("x")
	g.add("XA START '%s'", id)
	g.body(1 + g.IntN(4))
	g.add("XA END '%s'", id)
	switch {
	case g.oneIn(4):
		g.add("XA COMMIT '%s' ONE PHASE", id)
		return
	case g.oneIn(6):
		g.add("XA ROLLBACK '%s'", id)
		return
	}
	g.add("XA PREPARE '%s'", id)
	g.add("XA %s '%s'", pick(g, "COMMIT", "COMMIT", "ROLLBACK"), id)
}
