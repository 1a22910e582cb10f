package replay_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// A target that keeps names in lower case takes what is so already, and nothing else: its foreign keys would be of tables that the log does not know, and
// their child rows would be left over.
func TestLowerCaseNames(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for _, table := range []string{"orders", "Orders"} {
				s := newSource(t, kind)
				s.run("CREATE DATABASE shop\nUSE shop\nCREATE TABLE " + table + " (id INT PRIMARY KEY, v INT)\nCREATE TABLE item (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES " + table + " (id) ON DELETE CASCADE)\n" +
					"INSERT INTO " + table + " VALUES (1,1),(2,2)\nINSERT INTO item VALUES (1,1),(2,2),(3,2)")
				dump := s.dump("shop")
				s.run("USE shop\nUPDATE item SET o=1 WHERE id=3\nDELETE FROM " + table + " WHERE id=1\nUPDATE " + table + " SET v=3")
				want := state(t, s.db, "shop")
				dir := s.archive()
				s.to = testserver.Start(t, kind, "--lower-case-table-names=1")
				db, _, _, err := s.restore(dump, dir, func(*plan.Request) {}, replay.Options{})
				if table == "Orders" {
					if !errors.Is(err, plan.ErrInexact) || !strings.Contains(err.Error(), "table Orders has capitals") {
						t.Errorf("%s: %v", table, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", table, err)
				}
				if got := state(t, db, "shop"); got != want {
					t.Errorf("%s: %s", table, diff(want, got))
				}
			}
		})
	}
}

// TestSourceOfLowerCaseNames restores the log of a source that keeps names in lower case, and logs statements as they were typed: onto a target that does so, too, all is as
// it was there; another is refused.
func TestSourceOfLowerCaseNames(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, kind, "--lower-case-table-names=1")
			to := map[bool]*scratch.Server{true: testserver.Start(t, kind, "--lower-case-table-names=1"), false: testserver.Start(t, kind)}
			for _, c := range []struct{ name, log string }{
				{"made, altered and renamed", "UPDATE orders SET v=3\nCREATE TABLE Fresh (id INT PRIMARY KEY)\nINSERT INTO FRESH VALUES (1)\nALTER TABLE Orders ADD w INT\nUPDATE ORDERS SET w=id\nRENAME TABLE Item TO Items, Shop.Fresh TO fresher\nINSERT INTO items VALUES (9,1)"},
				{"the counter is set back", "INSERT INTO orders (v) VALUES (1),(2),(3)\nALTER TABLE item ADD x INT\nTRUNCATE TABLE Rest\nINSERT INTO rest (v) VALUES (5)"},
				{"triggers go with their table", "CREATE TRIGGER tr AFTER INSERT ON Rest FOR EACH ROW SET @a=1\nINSERT INTO rest (v) VALUES (5)\nRENAME TABLE Rest TO Other\nCREATE TABLE Rest (id INT PRIMARY KEY)\nINSERT INTO rest VALUES (1)"},
				{"a wipe", "UPDATE orders SET v=9\nDROP DATABASE Shop\nCREATE DATABASE Shop"},
				{"a table of the database as it was typed", "UPDATE orders SET v=9\nTRUNCATE TABLE Shop.rest"},
				{"a view, and rows that go along", "CREATE VIEW Seen AS SELECT o.v FROM Orders o\nDELETE FROM Orders WHERE id=1\nALTER TABLE Item ADD y INT\nDELETE FROM Orders WHERE id=2"},
			} {
				s.run("CREATE DATABASE Shop\nUSE shop\nCREATE TABLE Orders (id INT PRIMARY KEY AUTO_INCREMENT, v INT)\nCREATE TABLE Item (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES Orders (id) ON DELETE CASCADE)\n" +
					"CREATE TABLE Rest (id INT PRIMARY KEY AUTO_INCREMENT, v INT)\nINSERT INTO Orders VALUES (1,1),(2,2)\nINSERT INTO Item VALUES (1,1),(2,2),(3,2)\nINSERT INTO Rest VALUES (70,1)")
				dump := s.dump("shop")
				s.run("USE Shop\n" + c.log)
				want := state(t, s.db, "shop")
				s.run("FLUSH BINARY LOGS")
				dir := s.archive()
				s.run("DROP DATABASE Shop")
				past := pastAll(t, dir)
				if _, _, err := s.plan(dump, dir, func(*plan.Request) {}); errors.Is(err, plan.ErrIncidents) != (strings.Contains(c.log, "TRUNCATE") || strings.Contains(c.log, "DROP")) {
					t.Errorf("%s, without a stop point: %v", c.name, err)
				}
				_, src, err := s.plan(dump, dir, past)
				if err != nil {
					t.Fatal(err)
				}
				if bare, err := filter.Scan(t.Context(), src.Files, filter.Scope{Database: "shop"}, filter.Options{}); err != nil || !bare.Format.LowerNames {
					t.Errorf("%s, without a base: names are read as they are, %v", c.name, err)
				}
				for lower, server := range to {
					s.to = server
					db, _, res, err := s.restore(dump, dir, func(q *plan.Request) { q.DropExisting = true; past(q) }, replay.Options{})
					if !lower {
						if !errors.Is(err, plan.ErrInexact) || !strings.Contains(err.Error(), "the source keeps names in lower case") {
							t.Errorf("%s, names as they are: %v, %+v", c.name, err, res)
						}
						continue
					}
					if err != nil || len(res.Incomplete) > 0 {
						t.Fatalf("%s: %v, %+v", c.name, err, res)
					}
					if got := state(t, db, "shop"); got != want {
						t.Errorf("%s: %s", c.name, diff(want, got))
					}
				}
			}
		})
	}
}

// TestNamesThatDifferInCase is of a source that tells them apart: nothing of it is taken for a source that does not.
func TestNamesThatDifferInCase(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, kind)
			s.to = testserver.Start(t, kind)
			for _, c := range []struct{ name, base, log string }{
				{"made in the log, and empty", "", "CREATE TABLE Orders (id INT)\nALTER TABLE Orders ADD v INT\nRENAME TABLE Orders TO Older\nTRUNCATE TABLE Older\nDROP TABLE Older"},
				{"nothing to drop", "", "DROP TABLE IF EXISTS Orders, ORDERS\nDROP DATABASE IF EXISTS Shop\nDROP VIEW IF EXISTS Item"},
				{"of the base, and empty", "CREATE TABLE Orders (id INT)", "ALTER TABLE Orders ADD v INT\nTRUNCATE TABLE Orders"},
				{"of another database", "CREATE DATABASE Shop\nCREATE TABLE Shop.orders (id INT PRIMARY KEY)", "INSERT INTO Shop.orders VALUES (1)\nTRUNCATE TABLE Shop.orders\nDROP DATABASE Shop"},
			} {
				s.run("CREATE DATABASE shop\nUSE shop\nCREATE TABLE orders (id INT PRIMARY KEY, v INT)\nCREATE TABLE item (id INT PRIMARY KEY)\nINSERT INTO orders VALUES (1,1),(2,2)\n" + c.base)
				dump := s.dump("shop")
				s.run("USE shop\nUPDATE orders SET v=3\n" + c.log + "\nUPDATE shop.orders SET v=4 WHERE id=2\nINSERT INTO shop.item VALUES (1)")
				want := state(t, s.db, "shop")
				dir := s.archive()
				s.run("DROP DATABASE shop")
				past := pastAll(t, dir)
				db, p, res, err := s.restore(dump, dir, func(q *plan.Request) { q.DropExisting = true; past(q) }, replay.Options{})
				if err != nil || p.LowerNames {
					t.Errorf("%s: names are read in lower case: %t, %v, %+v", c.name, p != nil && p.LowerNames, err, res)
					continue
				}
				if got := state(t, db, "shop"); got != want {
					t.Errorf("%s: %s", c.name, diff(want, got))
				}
			}
		})
	}
}

// pastAll stops where an archive's last file begins, which says that incidents before that are meant.
func pastAll(t *testing.T, dir string) func(*plan.Request) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "binlog.0*"))
	if err != nil {
		t.Fatal(err)
	}
	return stopBefore(filepath.Base(files[len(files)-1]) + ":4")
}
