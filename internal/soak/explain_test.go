package soak

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// What is the server's own, and not the restore's, by the name under which it is counted. TestServersOwn proves each.
const (
	defaultCollation = "a COLLATE that is the table's default is printed, or not"
	quotedTable      = "a trigger's table is quoted, or not"
	orderOfKeys      = "keys are printed in the order that the server gives them when it makes the table"
	staleDefault     = "a session that outlived its database kept the default character set of that one (MariaDB, docs/limits.md)"
	guessedDefault   = "the database's default character set is what most of its tables have, as the plan says, since nothing else tells"
	emptyMember      = "an ENUM's empty member and its error value, which a dump writes alike"
)

// explain compares once more where two states differ, and names what the difference is made of; it is nil where any of it is not known.
// stale: the plan names tables whose session may have kept the default character set that its database had before; guessed: it says that it
// guesses the database's.
func (b *bench) explain(ctx context.Context, want, got *state, stale, guessed bool) ([]string, error) {
	if got == nil || len(want.lines) != len(got.lines) {
		return nil, nil
	}
	w, g := &state{slices.Clone(want.lines), want.auto}, &state{slices.Clone(got.lines), got.auto}
	named := map[string]bool{}
	alike := func(i int, name string, change func(string) string) {
		if x, y := change(w.lines[i]), change(g.lines[i]); w.lines[i] != g.lines[i] && (x != w.lines[i] || y != g.lines[i]) {
			w.lines[i], g.lines[i] = x, y
			named[name] = true
		}
	}
	for i := range w.lines {
		switch kind, _, _ := strings.Cut(w.lines[i], " "); {
		case w.lines[i] == g.lines[i]:
		case kind == "database" && guessed:
			alike(i, guessedDefault, func(string) string { return "database" })
		case kind == "row":
			alike(i, emptyMember, func(s string) string { return emptyOrError.ReplaceAllString(s, "empty") })
		case kind == "table":
			alike(i, defaultCollation, withoutDefaultCollation)
			if stale {
				alike(i, staleDefault, func(s string) string { return tableDefault.ReplaceAllString(s, "") })
			}
			if w.lines[i] == g.lines[i] {
				continue
			}
			same, err := b.remake(ctx, &w.lines[i], &g.lines[i])
			if err != nil {
				return nil, err
			}
			if same {
				named[orderOfKeys] = true
			}
		case strings.Contains(w.lines[i], " TRIGGER "):
			alike(i, quotedTable, func(s string) string { return triggersTable.ReplaceAllString(s, "${1}${2}${3}") })
		}
	}
	// Rows come in the order of their text, which has changed.
	slices.Sort(w.lines)
	slices.Sort(g.lines)
	if difference(w, g) != "" {
		return nil, nil
	}
	var list []string
	for name := range named {
		list = append(list, name)
	}
	slices.Sort(list)
	return list, nil
}

var (
	tableDefault    = regexp.MustCompile(` (DEFAULT CHARSET=|CHARACTER SET |COLLATE[ =])\w+`) // columns name theirs where it is another
	emptyOrError    = regexp.MustCompile(`empty:\d+`)
	triggersTable   = regexp.MustCompile("( (?:INSERT|UPDATE|DELETE) ON )`?([a-z]+\\d*)`?( FOR EACH ROW )")
	tablesCollation = regexp.MustCompile(`\) ENGINE=.* DEFAULT CHARSET=(\w+)(?: COLLATE=(\w+))?`)
)

// withoutDefaultCollation leaves out what a column has from its table anyhow.
func withoutDefaultCollation(line string) string {
	m := tablesCollation.FindStringSubmatch(line)
	if m == nil {
		return line
	}
	collation := m[2]
	switch {
	case collation != "":
	case m[1] == "latin1":
		collation = "latin1_swedish_ci"
	default:
		collation = m[1] + "_general_ci" // servers that do not print it have that one
	}
	return strings.ReplaceAll(line, " COLLATE "+collation+" ", " ")
}

// remake makes both tables anew on one server, and puts what that prints into their place where it is the same for both.
func (b *bench) remake(ctx context.Context, want, got *string) (bool, error) {
	c, err := b.dst.db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	var made []string
	for _, line := range []string{*want, *got} {
		head, create, _ := strings.Cut(line, ": ")
		table := strings.TrimPrefix(head, "table ")
		for _, q := range []string{"DROP DATABASE IF EXISTS soak_remade", "CREATE DATABASE soak_remade", "USE soak_remade", "SET NAMES utf8mb4, sql_mode='', foreign_key_checks=0", create} {
			if _, err := c.ExecContext(ctx, q); err != nil {
				return false, nil // what cannot be made again stays a difference
			}
		}
		r, err := ask(ctx, c, "SHOW CREATE TABLE "+table)
		if err != nil {
			return false, err
		}
		made = append(made, head+": "+withoutDefaultCollation(strings.ReplaceAll(counterClause.ReplaceAllString(definition(r[0][1], "soak_remade"), ""), "\n", " ")))
		if _, err := c.ExecContext(ctx, "DROP DATABASE soak_remade"); err != nil {
			return false, err
		}
	}
	if made[0] != made[1] {
		return false, nil
	}
	*want, *got = made[0], made[1]
	return true, nil
}

// brokenIndex is what InnoDB writes when it does not find a row in a unique index of its own, so that duplicates get in.
var brokenIndex = regexp.MustCompile("Record in index `?(\\w+)`? of table `?d`?\\.`?(\\w+)`? was not found")

// brokenIndexes are those that the source's own log complained of since it was so long, as TABLE.INDEX.
func brokenIndexes(path string, from int64) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, max(0, info.Size()-from))
	if _, err := f.ReadAt(text, from); err != nil {
		return nil, err
	}
	var list []string
	for _, m := range brokenIndex.FindAllSubmatch(text, -1) {
		list = append(list, string(m[2])+"."+string(m[1]))
	}
	return list, nil
}

// TestServersOwn shows that the server's own dump, client and mysqlbinlog leave the same state as lifeboat, where both differ from the source.
func TestServersOwn(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "own", "*.sql"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	benches := map[string]*bench{}
	for _, path := range paths {
		kind, _, _ := strings.Cut(filepath.Base(path), "-")
		t.Run(filepath.Base(path), func(t *testing.T) {
			if benches[kind] == nil {
				benches[kind] = newBench(t, kind)
				t.Cleanup(func() { delete(benches, kind) })
			}
			b := benches[kind]
			s := &script{kind: kind, route: route{Memory: 1 << 20, Workers: 2}}
			if err := s.read(path); err != nil {
				t.Fatal(err)
			}
			o, sc, err := b.check(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if o.status != equal || !strings.HasPrefix(o.reason, "but for ") {
				t.Fatalf("%s %s %s, want equal but for what the server itself writes", o.status, o.reason, o.detail)
			}
			byLifeboat, err := capture(t.Context(), b.dst.db, database)
			if err != nil {
				t.Fatal(err)
			}
			byTool := b.byTool(t, s, sc)
			if d := difference(byTool, byLifeboat); d != "" {
				t.Errorf("lifeboat and the server's own tools differ: %s", d)
			}
			if difference(sc.want, byTool) == "" {
				t.Error("the server's own tools leave what the source had")
			}
		})
	}
}

// TestSessionsFromBeforeTheBase holds MariaDB's sessions that had outlived a default character set when the base was taken: their tables get the old one
// where rows show it, and are named where none do.
func TestSessionsFromBeforeTheBase(t *testing.T) {
	b := newBench(t, testserver.MariaDB1011)
	for name, want := range map[string]status{"rows": equal, "blind": incomplete} {
		s := &script{kind: testserver.MariaDB1011, route: route{Memory: 1 << 20, Workers: 2, Databases: true}}
		if err := s.read(filepath.Join("testdata", "early", name+".sql")); err != nil {
			t.Fatal(err)
		}
		o, _, err := b.check(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if o.status != want || o.status == equal && o.reason != "" || o.status == incomplete && !strings.Contains(o.reason, "had another character set on the source: table") {
			t.Errorf("%s: %s %s %s, want %s", name, o.status, o.reason, o.detail, want)
		}
	}
}

// byTool restores with the server's own programs, and reads what comes out.
func (b *bench) byTool(t *testing.T, s *script, sc *scene) *state {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.clear(t.Context(), s))
	must(b.makeDatabase(t.Context(), s, sc))
	must(b.loadBase(t.Context(), s, sc))
	startFile, start, _ := strings.Cut(sc.start, ":")
	stopFile, stop, _ := strings.Cut(sc.stop, ":")
	args := []string{"--no-defaults", "--start-position=" + start, "--stop-position=" + stop}
	files, err := filepath.Glob(filepath.Join(sc.archive, "binlog.[0-9]*"))
	must(err)
	number := func(path string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(filepath.Ext(path), "."))
		must(err)
		return n
	}
	for _, f := range files {
		if n := number(f); n >= number(startFile) && n <= number(stopFile) {
			args = append(args, f)
		}
	}
	text, err := exec.Command(testserver.Bin(t, b.kind, "mysqlbinlog"), args...).Output()
	must(err)
	client := exec.Command(testserver.Bin(t, b.kind, "mysql"), "--no-defaults", "-uroot", "-S", b.dst.Socket(), "--binary-mode")
	client.Stdin = strings.NewReader(string(text))
	if out, err := client.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("%w: %s", err, out))
	}
	st, err := capture(t.Context(), b.dst.db, database)
	must(err)
	return st
}
