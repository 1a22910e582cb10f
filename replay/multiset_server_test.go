package replay_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/spill"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// TestRowsThatWereNotThere restores tables without a key over a base that lacks some of the rows that the log changes. What comes out is what
// the changes one after another come to, and each that found nothing is counted: also where an equal row came behind it, so that
// nothing seems to have changed.
func TestRowsThatWereNotThere(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run(`CREATE DATABASE shop
				USE shop
				CREATE TABLE t (a INT, b VARCHAR(9))
				CREATE TABLE f (a INT, b FLOAT)
				INSERT INTO t VALUES (1,'x'),(1,'x'),(1,'x'),(2,'back'),(3,'moved'),(4,'stays')
				INSERT INTO f VALUES (1,0.5),(1,0.5),(2,0.25)`)
			dump := s.dump("shop")
			s.run(`USE shop
				DELETE FROM t WHERE a=1 LIMIT 2
				DELETE FROM t WHERE a=2
				INSERT INTO t VALUES (2,'back')
				UPDATE t SET b='here' WHERE a=3
				DELETE FROM f WHERE a=1
				INSERT INTO f VALUES (1,0.5)`)
			want := state(t, s.db, "shop")
			dir := s.archive()
			ways := []replay.Options{{Memory: 1}, {Memory: 1 << 20}, {Memory: 1, Spill: spill.Folder(t.TempDir())}}
			for _, o := range ways {
				memory := fmt.Sprintf("%d, spill %v", o.Memory, o.Spill != nil)
				db, _, res, err := s.restore(dump, dir, func(*plan.Request) {}, o)
				if err != nil || len(res.Doubts) > 0 || len(res.Incomplete) > 0 || len(res.Lanes) > 0 {
					t.Fatalf("exact base, memory %s: %v, doubts %v, incomplete %q, lanes %v", memory, err, res.Doubts, res.Incomplete, res.Lanes)
				}
				if got := state(t, db, "shop"); got != want {
					t.Errorf("exact base, memory %s: %s", memory, diff(want, got))
				}
			}
			text, err := os.ReadFile(dump)
			if err != nil {
				t.Fatal(err)
			}
			changed := string(text)
			for _, row := range []string{"(1,'x'),\n", "(1,'x'),\n", "(2,'back'),\n", "(3,'moved'),\n", "(1,0.5),\n", "(1,0.5),\n"} {
				if !strings.Contains(changed, row) {
					row = strings.TrimSuffix(row, "\n")
				}
				if !strings.Contains(changed, row) {
					t.Fatalf("the dump does not hold %s", row)
				}
				changed = strings.Replace(changed, row, "", 1)
			}
			other := filepath.Join(t.TempDir(), "base.sql")
			if err := os.WriteFile(other, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, o := range ways {
				memory := fmt.Sprintf("%d, spill %v", o.Memory, o.Spill != nil)
				for _, baseFirst := range []bool{false, true} {
					o.BaseFirst = baseFirst
					db, _, res, err := s.restore(other, dir, func(*plan.Request) {}, o)
					if err != nil {
						t.Fatal(err)
					}
					if got := strings.Join(column(t, db, "SELECT CONCAT(a,b) FROM shop.t UNION ALL SELECT CONCAT(a,b) FROM shop.f ORDER BY 1"), " "); got != "10.5 20.25 2back 3here 4stays" {
						t.Errorf("memory %s, base first %t: rows %s", memory, baseFirst, got)
					}
					var lines []string
					for _, d := range res.Doubts {
						lines = append(lines, fmt.Sprintf("%s %d %d %t", d.Table, d.Kind, d.Rows, d.First.IsZero()))
					}
					if got, want := strings.Join(lines, ", "), "f 0 2 false, t 0 3 false"; got != want {
						t.Errorf("memory %s, base first %t: doubts %s, want %s: %v", memory, baseFirst, got, want, res.Doubts)
					}
				}
			}
		})
	}
}
