package oracle

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

// database is what every case works in; neighbour may be used beside it.
const (
	database  = "d"
	neighbour = "e"
)

// pair is a source and a target of one kind, shared by the cases that start the source with the same options.
type pair struct {
	rebuilt  int // cases restored into a dump
	kind     string
	src, dst *scratch.Server
	from, to *sql.DB
	user     string // that restores; "": root
}

func newPair(t *testing.T, kind string, args []string) *pair {
	t.Helper()
	const noSync = "--innodb-flush-method=nosync" // no test here outlives its servers
	p := &pair{kind: kind, src: testserver.Source(t, kind, slices.Concat(args, []string{noSync})...), dst: testserver.Start(t, kind, slices.Concat(targetArgs(args), []string{noSync})...)}
	p.from, p.to = testserver.Open(t, p.src), testserver.Open(t, p.dst)
	p.from.SetMaxIdleConns(0) // a session serves once: what it was set to must not reach another
	return p
}

// dsn is the target for who restores.
func (p *pair) dsn() string {
	if p.user == "" {
		return p.dst.DSN()
	}
	return p.user + "@unix(" + p.dst.Socket() + ")/"
}

// targetArgs are those options of the source that the rows themselves need.
func targetArgs(args []string) (out []string) {
	for _, a := range args {
		if !strings.Contains(a, "binlog") && !strings.Contains(a, "log-bin") && !strings.Contains(a, "gtid") && !strings.Contains(a, "log-slave") {
			out = append(out, a)
		}
	}
	return out
}

func must(t *testing.T, db *sql.DB, queries ...string) {
	t.Helper()
	for _, q := range queries {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// end is where the source's log ends.
func (p *pair) end(t *testing.T) (file, offset string) {
	t.Helper()
	query := "SHOW MASTER STATUS"
	if p.kind == testserver.MySQL97 {
		query = "SHOW BINARY LOG STATUS"
	}
	r := ask(t, p.from, query)[0]
	return r[0], r[1]
}

// renumber begins the source's log anew with the given number.
func (p *pair) renumber(t *testing.T, first string) {
	t.Helper()
	verb := "RESET MASTER TO "
	if p.kind == testserver.MySQL97 {
		verb = "RESET BINARY LOGS AND GTIDS TO "
	}
	must(t, p.from, verb+first)
}

// run executes statements, each in its session, after what sets each session up.
func (p *pair) run(t *testing.T, list []statement, settings ...string) {
	t.Helper()
	sessions := map[string]*sql.Conn{}
	running := map[string]func(){} // by session: waits for what it runs
	defer func() {
		for _, wait := range running {
			wait()
		}
		for _, c := range sessions {
			c.Close()
		}
	}()
	for _, s := range list {
		if !meant(s.kinds, p.kind) {
			continue
		}
		c := sessions[s.session]
		if c == nil {
			var err error
			if c, err = p.from.Conn(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := c.ExecContext(t.Context(), "SET NAMES utf8mb4"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.ExecContext(t.Context(), "USE "+database); err != nil {
				t.Fatal(err)
			}
			for _, set := range settings {
				name, value, _ := strings.Cut(set, "=")
				if _, err := c.ExecContext(t.Context(), "SET SESSION "+name+"="+literal(value)); err != nil {
					t.Fatal(err)
				}
			}
			sessions[s.session] = c
		}
		if wait := running[s.session]; wait != nil {
			delete(running, s.session)
			wait()
		}
		done := make(chan error, 1)
		exec := func() {
			_, err := c.ExecContext(t.Context(), s.sql)
			done <- err
		}
		wait := func() {
			if err := <-done; s.fails != (err != nil) {
				t.Fatalf("line %d: %s: %v", s.line, s.sql, err)
			}
		}
		if s.async {
			running[s.session] = wait
			go exec()
			continue
		}
		exec()
		wait()
	}
}

// scene is what the wipe left behind, and what there was before it.
type scene struct {
	c        *oracleCase
	p        *pair
	archive  string
	second   string // another copy of some files, or ""
	dump     string // "": there is no base
	start    string // FILE:OFFSET of the base
	first    string // the first file of the archive
	stop     string // FILE:OFFSET of the end
	want     string
	findings []string // of the archive
}

func (p *pair) disaster(t *testing.T, c *oracleCase) *scene {
	t.Helper()
	s := &scene{c: c, p: p, archive: filepath.Join(t.TempDir(), "archive")}
	must(t, p.from, "FLUSH LOGS")
	s.first, _ = p.end(t)
	if len(c.base) > 0 {
		must(t, p.from, "CREATE DATABASE IF NOT EXISTS "+database+" CHARACTER SET latin1")
		p.run(t, c.base)
	}
	reset := p.globals(t, c.global)
	defer reset()
	if len(c.base) > 0 {
		s.takeDump(t)
	} else {
		must(t, p.from, "CREATE DATABASE IF NOT EXISTS "+database+" CHARACTER SET latin1")
	}
	p.run(t, c.log, c.session...)
	s.want = capture(t, p.from, database, c.lost)
	file, offset := p.end(t)
	s.stop = file + ":" + offset
	p.run(t, c.after)
	must(t, p.from, "DROP DATABASE "+database, "DROP DATABASE IF EXISTS "+neighbour)
	if c.archive != "live" {
		must(t, p.from, "FLUSH LOGS")
	}
	s.collect(t)
	if c.archive != "" {
		shapes()[c.archive](t, s)
	}
	return s
}

// literal is a variable's value as SET takes it.
func literal(value string) string {
	if _, err := strconv.Atoi(value); err == nil {
		return value
	}
	return "'" + value + "'"
}

// globals sets variables of the source, and returns what sets them back.
func (p *pair) globals(t *testing.T, list []string) func() {
	t.Helper()
	var back []string
	for _, g := range list {
		name, value, _ := strings.Cut(g, "=")
		old := ask(t, p.from, "SELECT @@GLOBAL."+name)[0][0]
		back = append(back, "SET GLOBAL "+name+"="+literal(old))
		must(t, p.from, "SET GLOBAL "+name+"="+value)
	}
	slices.Reverse(back) // a variant may set again what its case has set
	return func() { must(t, p.from, back...) }
}

func (s *scene) takeDump(t *testing.T) {
	t.Helper()
	file, offset := s.p.end(t)
	s.start = file + ":" + offset
	s.dump = filepath.Join(t.TempDir(), "base.sql")
	args := []string{"--no-defaults", "-uroot", "-S", s.p.src.Socket(), "--single-transaction", "--routines", "--triggers", "--events", testserver.Coordinates(s.p.kind),
		"--default-character-set=utf8mb4", "--result-file=" + s.dump}
	if s.c.into == "" {
		args = append(args, "--databases")
	}
	out, err := exec.Command(testserver.Bin(t, s.p.kind, "mysqldump"), append(args, database)...).CombinedOutput()
	if err != nil {
		t.Fatalf("mysqldump: %v\n%s", err, out)
	}
}

// collect copies the case's binlogs.
func (s *scene) collect(t *testing.T) {
	t.Helper()
	if err := os.Mkdir(s.archive, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range s.files(t, s.p.src.DataDir()) {
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(s.archive, filepath.Base(path)), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// files lists the case's binlogs in a folder, in order.
func (s *scene) files(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "binlog.[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list, func(a, b string) int { return number(a) - number(b) })
	return slices.DeleteFunc(list, func(f string) bool { return number(f) < number(s.first) })
}

// number is that of a binlog's name.
func number(name string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(filepath.Ext(name), "."))
	return n
}

// load feeds SQL to the target's own client.
func (s *scene) load(ctx context.Context, t *testing.T, input []byte, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(ctx, testserver.Bin(t, s.p.kind, "mysql"), append([]string{"--no-defaults", "-uroot", "-S", s.p.dst.Socket(), "--binary-mode"}, args...)...)
	cmd.Stdin = bytes.NewReader(input)
	return cmd.CombinedOutput()
}

// purged is the statement with which a dump sets the GTIDs of a server that has none yet.
var purged = regexp.MustCompile(`(?s)SET @@GLOBAL.GTID_PURGED=.*?;`)

// loadBase puts the base on the target as a person would.
func (s *scene) loadBase(t *testing.T) {
	t.Helper()
	if s.dump == "" {
		must(t, s.p.to, "CREATE DATABASE "+database+" CHARACTER SET latin1")
		return
	}
	text, err := os.ReadFile(s.dump)
	if err != nil {
		t.Fatal(err)
	}
	text = purged.ReplaceAll(text, nil)
	args := []string{}
	if s.c.into != "" {
		must(t, s.p.to, "CREATE DATABASE "+s.c.into+" CHARACTER SET latin1")
		args = append(args, s.c.into)
	}
	if out, err := s.load(t.Context(), t, text, args...); err != nil {
		t.Fatalf("loading the base: %v\n%s", err, out)
	}
}

// clear empties the target.
func (s *scene) clear(t *testing.T) {
	t.Helper()
	for _, name := range []string{database, neighbour, s.c.into, "_lifeboat"} {
		if name != "" {
			must(t, s.p.to, "DROP DATABASE IF EXISTS `"+name+"`")
		}
	}
}
