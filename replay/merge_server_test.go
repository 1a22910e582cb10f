package replay_test

import (
	"fmt"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/replay"
)

// TestMergeLoads holds that the merge meets the rows it should, by LOAD DATA: values that need an escape in it, and the count of its
// commands, since one that was not taken is silently run as INSERT.
func TestMergeLoads(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			var script strings.Builder
			script.WriteString("CREATE DATABASE shop CHARACTER SET utf8mb4\nUSE shop\n" +
				"CREATE TABLE kept (k VARBINARY(9) PRIMARY KEY, v TEXT, b BLOB, d DECIMAL(9,2), at DATETIME(3), n BIGINT UNSIGNED, l CHAR(5) CHARACTER SET latin1)\n" +
				"CREATE TABLE quiet (id INT PRIMARY KEY, v VARCHAR(20))\n")
			for i, v := range []string{`a\tb`, `line\nline`, `\\N`, `\\`, `nul\0`, `it\'s`, `"`, ``, `C:\\temp\\new`, `\r\n`, `\Z`, `é漢🙂`, ` end `} {
				fmt.Fprintf(&script, "INSERT INTO kept VALUES (_binary'k%d\\t\\0\\\\', '%s', _binary'\\0\\t\\n\\\\%c\\0', -%d.50, '2026-01-02 03:04:05.%03d', 18446744073709551615-%d, 'ascii'), ('m%d', NULL, NULL, NULL, NULL, NULL, NULL)\n", i, v, 0x80+i, i, i, i, i)
				fmt.Fprintf(&script, "INSERT INTO quiet VALUES (%d,'%s'),(-%d,'x')\n", 2*i+1, v, 2*i+1)
			}
			s.run(script.String())
			dump := s.dump("shop")
			s.run("USE shop\nUPDATE kept SET v=CONCAT('\\t\\\\',v,'\\n'), b=CONCAT(b,_binary'\\t\\xff\\0'), d=-d WHERE k LIKE 'k1%'\nDELETE FROM kept WHERE k LIKE 'k2%' OR k='m3'\n" +
				"UPDATE kept SET k=_binary'moved\\n' WHERE k='m4'\nINSERT INTO kept (k,v) VALUES ('new','\\t')")
			want := state(t, s.db, "shop")
			s.run("DROP TABLE shop.kept")
			dir := s.archive()
			db, p, res, err := s.restore(dump, dir, stopBefore("incident:1"), replay.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := state(t, db, "shop"); got != want {
				t.Errorf("the restored database differs, %s", diff(want, got))
			}
			var name string
			var loads int
			if err := db.QueryRow("SHOW GLOBAL STATUS LIKE 'Com_load'").Scan(&name, &loads); err != nil || loads != 3 {
				t.Errorf("%d times LOAD DATA for the rows of two tables and what the log inserts beyond them (%v)", loads, err)
			}
			if res.Counts.BaseRows != 52 || len(res.Doubts) > 0 || res.Counts.Orphans > 0 || len(res.Incomplete) > 0 {
				t.Errorf("%+v, doubts %v, incomplete %q", res.Counts, res.Doubts, res.Incomplete)
			}
			for _, r := range p.Routes {
				if r.Merge != (r.Name == "kept") || r.MergeWhy != "" {
					t.Errorf("the plan says of %s: %+v", r.Name, r)
				}
			}
		})
	}
}

// TestIndexesBehindTheRows holds that the merge builds a table's indexes when its rows are there, and that the table is what it was.
func TestIndexesBehindTheRows(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run("CREATE DATABASE shop CHARACTER SET utf8mb4\nUSE shop\n" +
				"CREATE TABLE parent (id INT PRIMARY KEY, code INT, KEY code (code))\n" +
				"CREATE TABLE child (id INT PRIMARY KEY, parent INT, KEY (parent), CONSTRAINT c FOREIGN KEY (parent) REFERENCES parent (id))\n" +
				"CREATE TABLE goods (shelf INT, id INT AUTO_INCREMENT, name VARCHAR(50), at DATETIME, u INT UNIQUE, PRIMARY KEY (shelf, id), KEY (id), KEY by_name (name(5), at DESC) COMMENT 'it''s; \\\\', KEY at (at))\n" +
				"INSERT INTO parent VALUES (1,10),(2,20)\nINSERT INTO child VALUES (1,1),(2,2)\n" +
				"INSERT INTO goods (shelf, name, at, u) VALUES (1,'saw','2026-01-01',1),(1,'axe','2026-01-02',2),(2,'nail',NULL,3)")
			dump := s.dump("shop")
			s.run("USE shop\nUPDATE goods SET name='hatchet' WHERE id=2\nDELETE FROM goods WHERE id=1\nINSERT INTO goods (shelf, name, u) VALUES (3,'pin',1)\nUPDATE parent SET code=11 WHERE id=1")
			want := state(t, s.db, "shop")
			s.run("DROP TABLE shop.child")
			built := 0
			db, _, res, err := s.restore(dump, s.archive(), stopBefore("incident:1"), replay.Options{IndexesLaterFrom: 1, Report: func(p replay.Progress) {
				if p.Phase == "build indexes" {
					built = max(built, int(p.Total))
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if got := state(t, db, "shop"); got != want {
				t.Errorf("the restored database differs, %s", diff(want, got))
			}
			if built != 1 || len(res.Incomplete) > 0 {
				t.Errorf("indexes of %d tables were built later, wanted those of goods alone; incomplete %q", built, res.Incomplete)
			}
		})
	}
}
