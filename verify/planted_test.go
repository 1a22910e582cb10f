package verify_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
	"lifeboat/verify"
)

// restored is a database that a restore brought to a server, with what it should hold.
type restored struct {
	kind     string
	socket   string
	pid      int     // of its server
	db       *sql.DB // of the server it is on
	server   *target.Server
	expected *replay.Expected
}

// restore makes database a with script, dumps it, runs later, and brings all of it to another server.
func restore(t testing.TB, kind string, script, later []string, dump ...string) *restored {
	t.Helper()
	source := testserver.Source(t, kind, "--sql-mode=ALLOW_INVALID_DATES", "--max-allowed-packet=64M")
	db := testserver.Open(t, source)
	db.SetMaxOpenConns(1)
	all := func(list []string) {
		t.Helper()
		for _, q := range list {
			if _, err := db.Exec(q); err != nil {
				t.Fatalf("%.300s: %v", q, err)
			}
		}
	}
	all(append([]string{"SET NAMES utf8mb4"}, script...))
	dir := t.TempDir()
	base := filepath.Join(dir, "base.sql")
	args := append([]string{"--no-defaults", "-uroot", "-S", source.Socket(), "--single-transaction", "--routines", "--events", testserver.Coordinates(kind), "--result-file=" + base}, dump...)
	if out, err := exec.Command(testserver.Bin(t, kind, "mysqldump"), append(args, "a")...).CombinedOutput(); err != nil {
		t.Fatalf("mysqldump: %v\n%s", err, out)
	}
	all(later)
	all([]string{"FLUSH LOGS"})
	files, err := filepath.Glob(filepath.Join(source.DataDir(), "binlog.0*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(f)), content, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return bring(t, kind, dir, base)
}

func bring(t testing.TB, kind, binlogs, base string) *restored {
	t.Helper()
	ctx := t.Context()
	a, err := archive.Open(ctx, []string{binlogs}, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Open(ctx, base, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	end, err := filter.ParsePoint("end")
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := plan.Make(ctx, plan.Request{Archive: a, Snapshot: s, Scope: filter.Scope{Database: "a"}, Stop: filter.Stop{Point: end, After: true, Given: true}})
	if err != nil {
		t.Fatal(err)
	}
	to := testserver.Start(t, kind, "--sql-mode=ALLOW_INVALID_DATES", "--max-allowed-packet=64M")
	r := &restored{kind: kind, socket: to.Socket(), pid: to.PID(), db: testserver.Open(t, to), server: open(t, to.DSN())}
	r.db.SetMaxOpenConns(1)
	src := replay.NewSource(a, s)
	if _, err := replay.Restore(ctx, p, src, r.server, replay.Options{Workers: 2, Memory: 64 << 20}); err != nil {
		t.Fatal(err)
	}
	if r.expected, err = replay.Expect(ctx, p, src, replay.Options{Memory: 64 << 20}); err != nil {
		t.Fatal(err)
	}
	r.exec(t, "SET NAMES utf8mb4", "SET SESSION sql_mode='ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'", "SET SESSION foreign_key_checks=0")
	return r
}

func (r *restored) exec(t testing.TB, list ...string) {
	t.Helper()
	for _, q := range list {
		if _, err := r.db.Exec(q); err != nil {
			t.Fatalf("%.300s: %v", q, err)
		}
	}
}

func (r *restored) verify(t *testing.T) *verify.Result {
	t.Helper()
	out, err := verify.Expected(t.Context(), r.expected, verify.Side{Server: r.server, Database: "a"}, verify.Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// everything is a database with every type of column in the snapshot, changed by the log, and only in the log, and tables without a key.
func everything(kind string) (script, later []string) {
	column, value := shape(kind)
	script = []string{"SET SESSION sql_mode='ALLOW_INVALID_DATES'", "CREATE DATABASE a", fmt.Sprintf(table, "a", column)}
	at := func(id int, more string) string { return fmt.Sprintf(row, "a", id, value+more) }
	for id := 1; id <= 30; id++ {
		script = append(script, at(id, ""))
	}
	script = append(script,
		"UPDATE a.t SET bl=x'0001', tx='short' WHERE id > 3",
		"CREATE TABLE a.plain (id INT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL DEFAULT 7, v VARCHAR(40), l VARCHAR(40) CHARACTER SET latin1, KEY (v))",
		"INSERT INTO a.plain (n, v, l) VALUES (1, 'one', 'eins'), (2, 'two', 'zwölf'), (3, 'three', 'ß')",
		"CREATE TABLE a.dup (v VARCHAR(20), n INT)", "INSERT INTO a.dup VALUES ('x', 1), ('x', 1), ('x', 1), ('y', NULL)",
		"CREATE TABLE a.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES a.plain (id))",
		"CREATE TRIGGER a.tr BEFORE INSERT ON a.plain FOR EACH ROW SET NEW.n = NEW.n + 0",
		"CREATE FUNCTION a.fu() RETURNS INT DETERMINISTIC RETURN 42", "CREATE VIEW a.vi AS SELECT id FROM a.plain")
	for id := 31; id <= 50; id++ {
		later = append(later, at(id, ", NULL"))
	}
	later = append(later, "UPDATE a.t SET v='later', u='später', j2=3 WHERE id BETWEEN 10 AND 20", "DELETE FROM a.t WHERE id IN (5, 40)",
		"UPDATE a.t SET e='', s='', y=0, da='0000-00-00', b=NULL WHERE id=11", "UPDATE a.t SET f=NULL, g=-1e300, d=-0.5 WHERE id=12",
		"INSERT INTO a.plain (n, v, l) VALUES (4, 'four', 'élève'), (5, NULL, NULL)", "ALTER TABLE a.plain ADD c INT NOT NULL DEFAULT -3, ADD w VARCHAR(9) DEFAULT 'new'",
		"INSERT INTO a.plain (n, v) VALUES (6, 'six')", "INSERT INTO a.dup VALUES ('z', 2), ('x', 1)", "DELETE FROM a.dup WHERE v='x' LIMIT 2", "INSERT INTO a.child VALUES (1, 1), (2, 2)")
	script = append(script, "ALTER TABLE a.t ADD j2 INT")
	return script, later
}

// A true restore verifies, whatever the types; each of 200 single differences is found.
func TestPlantedDifferences(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		for _, hex := range []bool{false, true} {
			name := kind
			var dump []string
			if hex {
				name, dump = kind+" hex-blob", []string{"--hex-blob"}
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				script, later := everything(kind)
				r := restore(t, kind, script, later, dump...)
				if v := r.verify(t); v.Err() != nil || v.Unchecked > 0 || len(v.Tables) != 4 {
					t.Fatalf("a true restore: %v\n%s", v.Err(), text(t, v))
				}
				if hex {
					return
				}
				r.exec(t, "CREATE DATABASE kept")
				for _, n := range []string{"t", "plain", "dup", "child"} {
					r.exec(t, fmt.Sprintf("CREATE TABLE kept.%s LIKE a.%s", n, n), fmt.Sprintf("INSERT INTO kept.%s SELECT * FROM a.%s", n, n))
				}
				found := 0
				for _, p := range r.plants(t, 200) {
					r.exec(t, p.change...)
					v := r.verify(t)
					if said := text(t, v); !errors.Is(v.Err(), verify.ErrDifferent) || v.Differences != 1 || !strings.Contains(said, p.says) {
						t.Errorf("%s: %d differences, and %q is wanted:\n%s", p.change, v.Differences, p.says, said)
					} else {
						found++
					}
					r.exec(t, p.back...)
				}
				if found != 200 {
					t.Errorf("%d of 200 planted differences found", found)
				}
				if v := r.verify(t); v.Err() != nil {
					t.Errorf("not the same in the end:\n%s", text(t, v))
				}
			})
		}
	}
}

// plant is one difference, how to take it back, and what must be said of it.
type plant struct {
	change, back []string
	says         string
}

// plants draws differences: values of every column, rows too many and too few, definitions and programs.
func (r *restored) plants(t *testing.T, n int) (out []plant) {
	t.Helper()
	var changed []plant // in each column of each kind of row: from the snapshot, changed, new
	for i, c := range append(changes, signless(r.kind)...) {
		if !strings.HasPrefix(c.change, "UPDATE b.t SET ") || !strings.HasSuffix(c.change, "WHERE id=1") {
			continue
		}
		set := strings.TrimSuffix(strings.TrimPrefix(c.change, "UPDATE b.t SET "), " WHERE id=1")
		column, _, _ := strings.Cut(set, "=")
		for _, id := range []int{1, 2, 3, 13 + i%5, 21 + i%9, 31 + i%9} {
			if id >= 13 && id <= 20 && (column == "v" || column == "u") {
				continue // these have other values there
			}
			changed = append(changed, plant{
				[]string{fmt.Sprintf("UPDATE a.t SET %s WHERE id=%d", set, id)}, []string{fmt.Sprintf("REPLACE INTO a.t SELECT * FROM kept.t WHERE id=%d", id)},
				fmt.Sprintf("changed  id=%d: %s is ", id, column)})
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	rnd.Shuffle(len(changed), func(i, j int) { changed[i], changed[j] = changed[j], changed[i] })
	out = []plant{
		{[]string{"DROP TRIGGER a.tr"}, []string{"CREATE TRIGGER a.tr BEFORE INSERT ON a.plain FOR EACH ROW SET NEW.n = NEW.n + 0"}, "trigger tr: only in base and log"},
		{[]string{"DROP TRIGGER a.tr", "CREATE TRIGGER a.tr BEFORE INSERT ON a.plain FOR EACH ROW SET NEW.n = NEW.n + 1"}, []string{"DROP TRIGGER a.tr", "CREATE TRIGGER a.tr BEFORE INSERT ON a.plain FOR EACH ROW SET NEW.n = NEW.n + 0"}, "trigger tr: its text is another"},
		{[]string{"DROP FUNCTION a.fu"}, []string{"CREATE FUNCTION a.fu() RETURNS INT DETERMINISTIC RETURN 42"}, "function fu: only in base and log"},
		{[]string{"DROP VIEW a.vi"}, []string{"CREATE VIEW a.vi AS SELECT id FROM a.plain"}, "view vi: only in base and log"},
		{[]string{"CREATE VIEW a.vj AS SELECT 1"}, []string{"DROP VIEW a.vj"}, "view vj: only on the target"},
		{[]string{"ALTER TABLE a.plain ALTER n SET DEFAULT 8"}, []string{"ALTER TABLE a.plain ALTER n SET DEFAULT 7"}, "column n is defined as"},
		{[]string{"ALTER TABLE a.plain ALTER n DROP DEFAULT"}, []string{"ALTER TABLE a.plain ALTER n SET DEFAULT 7"}, "column n is defined as"},
		{[]string{"ALTER TABLE a.plain ALTER c SET DEFAULT 3"}, []string{"ALTER TABLE a.plain ALTER c SET DEFAULT -3"}, "column c: its default is"},
		{[]string{"ALTER TABLE a.plain ALTER w SET DEFAULT 'old'"}, []string{"ALTER TABLE a.plain ALTER w SET DEFAULT 'new'"}, "its default"},
		{[]string{"ALTER TABLE a.plain MODIFY w VARCHAR(10) DEFAULT 'new'"}, []string{"ALTER TABLE a.plain MODIFY w VARCHAR(9) DEFAULT 'new'"}, "its type"},
		{[]string{"ALTER TABLE a.plain DROP KEY v"}, []string{"ALTER TABLE a.plain ADD KEY (v)"}, "the key (v) of base and log is missing"},
		{[]string{"ALTER TABLE a.plain ADD UNIQUE KEY (n)"}, []string{"ALTER TABLE a.plain DROP KEY n"}, "the target has a unique key (n)"},
		{[]string{"ALTER TABLE a.dup ADD x INT"}, []string{"ALTER TABLE a.dup DROP x"}, "column x is only on the target"},
		{[]string{"RENAME TABLE a.dup TO kept.gone"}, []string{"RENAME TABLE kept.gone TO a.dup"}, "only in base and log"},
		{[]string{"CREATE TABLE a.more (id INT)"}, []string{"DROP TABLE a.more"}, "only on the target"},
		{[]string{"INSERT INTO a.dup VALUES ('x', 1)"}, []string{"DELETE FROM a.dup WHERE v='x' LIMIT 1"}, "extra    v='x', n=1"},
		{[]string{"DELETE FROM a.dup WHERE v='x' LIMIT 1"}, []string{"INSERT INTO a.dup VALUES ('x', 1)"}, "missing  v='x', n=1"},
		{[]string{"UPDATE a.dup SET n=1 WHERE v='y'"}, []string{"UPDATE a.dup SET n=NULL WHERE v='y'"}, "missing  v='y', n=NULL"},
		{[]string{"UPDATE a.plain SET l='Eins' WHERE id=1"}, []string{"UPDATE a.plain SET l='eins' WHERE id=1"}, "l is 'Eins', expected 'eins'"},
		{[]string{"UPDATE a.plain SET l='zwolf' WHERE id=2"}, []string{"UPDATE a.plain SET l='zwölf' WHERE id=2"}, "l is 'zwolf', expected 'zwölf'"},
		{[]string{"UPDATE a.plain SET l='eleve' WHERE id=4"}, []string{"UPDATE a.plain SET l='élève' WHERE id=4"}, "l is 'eleve', expected 'élève'"},
		{[]string{"UPDATE a.plain SET c=3 WHERE id=1"}, []string{"UPDATE a.plain SET c=-3 WHERE id=1"}, "c is 3, expected -3"},
		{[]string{"UPDATE a.child SET p=2 WHERE id=1"}, []string{"UPDATE a.child SET p=1 WHERE id=1"}, "p is 2, expected 1"},
	}
	for id := 1; id <= 50; id++ {
		if id != 5 && id != 40 {
			out = append(out, plant{[]string{fmt.Sprintf("DELETE FROM a.t WHERE id=%d", id)}, []string{fmt.Sprintf("INSERT INTO a.t SELECT * FROM kept.t WHERE id=%d", id)}, fmt.Sprintf("missing  id=%d", id)})
		}
	}
	for id := 60; id < 70; id++ {
		out = append(out, plant{[]string{fmt.Sprintf("INSERT INTO a.t (id) VALUES (%d)", id)}, []string{fmt.Sprintf("DELETE FROM a.t WHERE id=%d", id)}, fmt.Sprintf("extra    id=%d", id)})
	}
	out = slices.Concat(out, changed)
	if len(out) < n {
		t.Fatalf("%d differences to plant, %d wanted", len(out), n)
	}
	return out[:n]
}

// signless are changes of JSON, where there is JSON.
func signless(kind string) (out []struct{ change, back string }) {
	if kind != testserver.MySQL56 {
		out = append(out, struct{ change, back string }{`UPDATE b.t SET j='{"a": [1, 2.51, null]}' WHERE id=1`, ""})
	}
	return out
}
