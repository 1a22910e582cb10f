package replay_test

import (
	"fmt"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// apartScript changes every row of a table again and again, and in between come statements about others, of every kind that ends the window of its
// own tables alone: a table that is filled and emptied, one that gets columns, one whose next version takes its name, one that goes and comes back.
func apartScript() (script string, rows int64) {
	rows = 20
	script = "USE shop\nCREATE TABLE t (id INT PRIMARY KEY, v INT)\nCREATE TABLE stage (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))\n" +
		"CREATE TABLE d (id INT PRIMARY KEY, c INT, UNIQUE KEY (c))\nCREATE TABLE bag (v VARCHAR(9))\nCREATE TABLE gone (id INT PRIMARY KEY)\n"
	for i := range rows {
		script += fmt.Sprintf("INSERT INTO t VALUES (%d,0)\n", i)
	}
	for i := range 6 {
		script += fmt.Sprintf(`UPDATE t SET v=v+1
			UPDATE base SET v=v+1
			INSERT INTO stage (v) VALUES ('a%[1]d'),('b%[1]d')
			INSERT INTO gone (id) VALUES (%[1]d)
			INSERT INTO bag VALUES ('same'),('same')
			UPDATE d SET c=c+10 ORDER BY c DESC
			INSERT INTO d (id,c) VALUES (%[1]d,%[1]d)
			TRUNCATE TABLE stage
			INSERT INTO stage (v) VALUES ('c%[1]d')
			ALTER TABLE d ADD COLUMN more%[1]d INT DEFAULT %[1]d, DROP KEY c, ADD UNIQUE KEY c (c)
			UPDATE d SET more%[1]d=id
			DELETE FROM d WHERE id=%[1]d-2
			CREATE TABLE next LIKE stage
			INSERT INTO next (id,v) VALUES (7,'d%[1]d')
			RENAME TABLE stage TO old, next TO stage
			INSERT INTO old (v) VALUES ('e')
			UPDATE stage SET v=CONCAT(v,'x')
			CREATE TRIGGER on%[1]d BEFORE INSERT ON old FOR EACH ROW SET NEW.v='t'
			DROP TABLE old
			ALTER TABLE bag RENAME TO box
			DELETE FROM box LIMIT 1
			CREATE INDEX v ON box (v)
			DROP INDEX v ON box
			ALTER TABLE box RENAME TO bag
			DROP TABLE gone
			CREATE TABLE gone (id INT PRIMARY KEY, v%[1]d INT)
			INSERT INTO gone VALUES (100,%[1]d)
			CREATE TRIGGER g%[1]d BEFORE INSERT ON gone FOR EACH ROW SET NEW.id=1
			UPDATE t SET v=v+1 WHERE id>%[1]d
			`, i)
	}
	return script, rows
}

// TestApart restores a log with such statements: the rows of a table that they are not about are written once, and the restore may be stopped
// anywhere.
func TestApart(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011, testserver.MySQL56} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run("CREATE DATABASE shop\nUSE shop\nCREATE TABLE base (id INT PRIMARY KEY, v INT)\nINSERT INTO base VALUES (1,1),(2,2)")
			dump := s.dump("shop")
			script, rows := apartScript()
			s.run(script)
			want := state(t, s.db, "shop")
			dir := s.archive()
			for _, from := range []string{"", dump} {
				for _, o := range []replay.Options{{Memory: 64 << 20, Workers: 2}, {Memory: 1, Workers: 2}} {
					db, _, res, err := s.restore(from, dir, func(*plan.Request) {}, o)
					if err != nil {
						t.Fatal(err)
					}
					if got := state(t, db, "shop"); got != want || !res.Counts.Closes() || len(res.Doubts) > 0 {
						t.Errorf("snapshot %q, memory %d: doubts %v, %s", from, o.Memory, res.Doubts, diff(want, got))
					}
					if o.Memory == 1 {
						continue
					}
					if n := res.Counts.Rows["t"].Upserts + res.Counts.Rows["base"].Upserts; n != rows+2 {
						t.Errorf("snapshot %q: %d rows that no statement is about were written %d times", from, rows+2, n)
					}
					if n := res.Counts.Rows["stage"]; n.Upserts > 3*6 {
						t.Errorf("rows that were to go were written: %+v", n)
					}
				}
				if got := state(t, s.stopped(from, dir, 64<<20), "shop"); got != want {
					t.Errorf("snapshot %q, stopped again and again: %s", from, diff(want, got))
				}
			}
		})
	}
}
