package replay_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// TestOrphansAreCounted restores over a base that lacks a row which the log deletes: nothing can be done
// about it, but the result says so, also after stops.
func TestOrphansAreCounted(t *testing.T) {
	s := newSource(t, "mysql97")
	s.run("CREATE DATABASE shop\nUSE shop\nCREATE TABLE t (a INT)\nINSERT INTO t VALUES (1),(2),(3)")
	dump := s.dump("shop")
	s.run("USE shop\nDELETE FROM t WHERE a=3\nUPDATE t SET a=5 WHERE a=2")
	dir := s.archive()
	text, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	short := bytes.Replace(text, []byte(",\n(3)"), nil, 1)
	if len(short) == len(text) {
		short = bytes.Replace(text, []byte(",(3)"), nil, 1)
	}
	if len(short) == len(text) {
		t.Fatalf("the dump does not hold the row: %s", text)
	}
	if err := os.WriteFile(dump, short, 0o644); err != nil {
		t.Fatal(err)
	}
	db, _, res, err := s.restore(dump, dir, func(*plan.Request) {}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(column(t, db, "SELECT a FROM shop.t ORDER BY a"), " "); got != "1 5" {
		t.Errorf("rows %s; want 1 5", got)
	}
	if res.Counts.Orphans != 1 || len(res.Orphans) != 1 || !strings.Contains(res.Orphans[0], "table t: 1 rows were changed by the log, but not there, the first at binlog.") {
		t.Errorf("orphans: %d, %q; want the one deletion", res.Counts.Orphans, res.Orphans)
	}
	if !strings.Contains(strings.Join(res.Incomplete, "\n"), "1 changes of the log found no row") {
		t.Errorf("incomplete: %q; want it to name the orphan", res.Incomplete)
	}
}

// quoted is a value that mysqldump would not quote.
var quoted = regexp.MustCompile(`\b(\d+)\b`)

// TestDoubtsOfTheFold restores with the fold over a base that lacks rows which the log changes, and has one that it inserts. What comes out is
// right, but the result tells of each of them, table by table with the first place; and of nothing else: rows that came and
// went, that got their old values back, or whose keys differ only to the log.
func TestDoubtsOfTheFold(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run(`CREATE DATABASE shop
				USE shop
				CREATE TABLE t (a INT PRIMARY KEY, b INT)
				CREATE TABLE u (a VARCHAR(9), b INT, c INT UNIQUE, PRIMARY KEY (a,b))
				CREATE TABLE v (a VARCHAR(9) PRIMARY KEY, b INT)
				CREATE TABLE w (a INT PRIMARY KEY, b INT)
				INSERT INTO t VALUES (1,1),(2,2),(3,3),(4,4),(5,5),(6,6)
				INSERT INTO u VALUES ('x',1,1),('y',1,2),('z',1,3)
				INSERT INTO v VALUES ('k',1),('m',1)
				INSERT INTO w VALUES (1,1)`)
			dump := s.dump("shop")
			s.run(`USE shop
				UPDATE t SET b=b+1 WHERE a=1
				DELETE FROM t WHERE a=3
				UPDATE t SET b=9 WHERE a=4
				INSERT INTO t VALUES (7,7),(8,8)
				DELETE FROM t WHERE a=8
				UPDATE t SET b=0 WHERE a=5
				UPDATE t SET b=5 WHERE a=5
				INSERT INTO t VALUES (9,9)
				UPDATE u SET c=7 WHERE a='y'
				DELETE FROM u WHERE a='z'
				INSERT INTO u VALUES ('w',1,3)
				UPDATE v SET a='K' WHERE a='k'
				UPDATE v SET a='k', b=2 WHERE a='K'
				DELETE FROM v WHERE a='m'
				INSERT INTO v VALUES ('M',3)
				UPDATE w SET b=5
				UPDATE w SET b=1`)
			want := state(t, s.db, "shop")
			dir := s.archive()
			for _, memory := range []int64{1, 1 << 20} {
				_, _, res, err := s.restore(dump, dir, func(*plan.Request) {}, replay.Options{Memory: memory})
				if err != nil || len(res.Doubts) > 0 || strings.Contains(fmt.Sprint(res.Incomplete), "the log") {
					t.Fatalf("exact base, memory %d: %v, doubts %v, incomplete %q", memory, err, res.Doubts, res.Incomplete)
				}
			}
			text, err := os.ReadFile(dump)
			if err != nil {
				t.Fatal(err)
			}
			changed := string(text)
			for _, c := range [][2]string{{"(3,3)", "(7,0)"}, {"(4,4)", "(40,4)"}, {"('z',1,3)", "('q',1,30)"}} {
				if kind == testserver.MySQL56 { // its dump is the test's own
					c[0], c[1] = quoted.ReplaceAllString(c[0], "'$1'"), quoted.ReplaceAllString(c[1], "'$1'")
				}
				if !strings.Contains(changed, c[0]) {
					t.Fatalf("the dump does not hold %s", c[0])
				}
				changed = strings.Replace(changed, c[0], c[1], 1)
			}
			other := filepath.Join(t.TempDir(), "base.sql")
			if err := os.WriteFile(other, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, memory := range []int64{1, 1 << 20} {
				db, _, res, err := s.restore(other, dir, func(*plan.Request) {}, replay.Options{Memory: memory})
				if err != nil {
					t.Fatal(err)
				}
				got := strings.NewReplacer("3430,34\n", "", "71,31,3330\n", "").Replace(state(t, db, "shop"))
				if got != want {
					t.Errorf("memory %d: the rows of the log differ, %s", memory, diff(want, got))
				}
				var lines []string
				for _, d := range res.Doubts {
					if d.First.IsZero() {
						t.Errorf("%s: no place", d)
					}
					lines = append(lines, fmt.Sprintf("%s %d %d", d.Table, d.Kind, d.Rows))
				}
				if got, want := strings.Join(lines, ", "), "t 0 2, t 1 1, u 0 1"; got != want {
					t.Errorf("memory %d: doubts %s, want %s: %v", memory, got, want, res.Doubts)
				}
				if res.Counts.Orphans != 3 || res.Counts.Present != 1 || strings.Count(fmt.Sprint(res.Incomplete), "written over") != 2 {
					t.Errorf("orphans %d, present %d, incomplete %q", res.Counts.Orphans, res.Counts.Present, res.Incomplete)
				}
			}
		})
	}
}
