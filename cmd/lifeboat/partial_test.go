package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/report"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// lostColumns are the columns of table lost with what makes a value of each the same text wherever it is stored.
var lostColumns = [...]struct{ name, sql, text string }{
	{"id", "INT NOT NULL", "%s"},
	{"u", "INT UNSIGNED", "%s & 4294967295"},
	{"big", "BIGINT UNSIGNED", "CAST(%s AS UNSIGNED)"},
	{"d", "DECIMAL(12,3)", "%s"},
	{"f", "DOUBLE", "%s"},
	{"v", "VARCHAR(20) CHARACTER SET utf8mb4 NOT NULL", "HEX(%s)"},
	{"l", "CHAR(20) CHARACTER SET latin1", "HEX(%s)"},
	{"t", "MEDIUMTEXT CHARACTER SET utf8mb4", "HEX(%s)"},
	{"bl", "BLOB", "HEX(%s)"},
	{"bn", "BINARY(4)", "HEX(%s)"},
	{"e", "ENUM('a','b''c')", "%s+0"},
	{"s", "SET('x','y')", "%s+0"},
	{"dt", "DATETIME(3)", "%s"},
	{"ts", "TIMESTAMP NULL", "%s"},
	{"tm", "TIME(2)", "%s"},
	{"da", "DATE", "%s"},
	{"y", "YEAR", "%s+0"},
	{"bits", "BIT(10)", "%s+0"},
	{"g", "POINT", "HEX(%s)"},
	{"j", "JSON", "HEX(CONCAT(%s))"},
}

// lostRows are all rows of a table as text, in the order of their text.
func lostRows(t *testing.T, db *sql.DB, table, where string, named bool) string {
	t.Helper()
	var list []string
	for i, c := range lostColumns {
		name := "`" + c.name + "`"
		if !named {
			name = fmt.Sprintf("c%d", i+1)
		}
		list = append(list, "IFNULL("+fmt.Sprintf(c.text, name)+",'NULL')")
	}
	return rowsOf(t, db, "SELECT CONCAT_WS('|',"+strings.Join(list, ",")+") FROM "+table+where)
}

func rowsOf(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s.String)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// lostTables is a server with a backup of one table alone, and changes of others whose CREATE the log does not reach back to.
func lostTables(t *testing.T, kind, metadata string) *twoBackups {
	t.Helper()
	s := &twoBackups{scene: scene{kind: kind, dir: t.TempDir()}}
	args := testserver.GTID(kind)
	if metadata != "" {
		args = append(args, "--binlog-row-metadata="+metadata)
	}
	s.server = testserver.Source(t, kind, append([]string{"--max-binlog-size=8192"}, args...)...)
	s.db = testserver.Open(t, s.server)
	s.db.SetMaxOpenConns(1)
	var columns []string
	for _, c := range lostColumns {
		text := c.sql
		if kind == testserver.MySQL56 && text == "JSON" {
			text = "TEXT CHARACTER SET utf8mb4"
		}
		columns = append(columns, "`"+c.name+"` "+text)
	}
	row := func(id int, name string) string {
		return fmt.Sprintf("(%d, 4000000000, 9223372036854775813, -12.345, 0.1, '%s', 'é', '客户', x'00ff5c27', x'00ff0001', 2, 3, '2024-01-02 03:04:05.678', '2024-06-07 08:09:10', '-12:13:14.15', '2024-02-29', 1999, b'1000000001', ST_GeomFromText('POINT(1 2)'), '{\"a\": [1, null]}')", id, name)
	}
	s.exec(t, `CREATE DATABASE shop;
USE shop;
SET SESSION time_zone = '+00:00';
SET NAMES utf8mb4;
CREATE TABLE kept (id INT PRIMARY KEY, v INT);
CREATE TABLE words__lifeboat_partial (id INT PRIMARY KEY);
CREATE TABLE lost (`+strings.Join(columns, ", ")+`, PRIMARY KEY (id));
CREATE TABLE bag (v INT, w VARCHAR(20));
CREATE TABLE words (w VARCHAR(20) CHARACTER SET utf8mb4 PRIMARY KEY, n INT);
CREATE TABLE moved (id INT PRIMARY KEY, v INT);
CREATE TABLE emptied (id INT PRIMARY KEY);
CREATE TABLE dropped (id INT PRIMARY KEY);
CREATE TABLE changed (id INT PRIMARY KEY, v INT);
INSERT INTO kept VALUES (1,1),(2,2);
INSERT INTO lost VALUES `+row(1, "one")+","+row(2, "two")+","+row(3, "three")+","+row(4, "four")+","+row(5, "five")+","+row(6, "untouched")+`;
INSERT INTO bag VALUES (1,'x'),(1,'x'),(2,'y'),(3,'z');
INSERT INTO words VALUES ('a',1),('b',2),('c',3);
INSERT INTO moved VALUES (1,1),(2,2);
INSERT INTO emptied VALUES (1);
INSERT INTO dropped VALUES (1);
INSERT INTO changed VALUES (1,1),(2,2),(3,3)`)
	s.new = s.dump(t, "kept.sql", "kept", "words__lifeboat_partial")
	s.exec(t, `UPDATE kept SET v = v + 1;
UPDATE lost SET v = 'ünë', u = u + 1, l = NULL WHERE id IN (1,2);
UPDATE lost SET d = 99.5, e = 'a', s = '' WHERE id = 1;
DELETE FROM lost WHERE id IN (3,4);
INSERT INTO lost VALUES `+row(4, "again")+","+row(7, "new")+`;
UPDATE lost SET id = 50 WHERE id = 5;
UPDATE lost SET j = '[]', g = NULL, ts = NULL, bl = '' WHERE id = 7;
UPDATE bag SET w = 'changed' WHERE v = 1 LIMIT 1;
INSERT INTO bag VALUES (4,'twice'),(4,'twice'),(5,'gone');
DELETE FROM bag WHERE v IN (2,5);
DELETE FROM words WHERE w = 'a';
INSERT INTO words VALUES ('A',10),('Ö',11);
UPDATE words SET n = 20 WHERE w = 'b';
UPDATE moved SET v = 10 WHERE id = 1;
RENAME TABLE moved TO moved_on;
UPDATE moved_on SET v = 11 WHERE id = 1;
INSERT INTO moved_on VALUES (3,3);
UPDATE emptied SET id = 2;
TRUNCATE TABLE emptied;
INSERT INTO emptied VALUES (3);
UPDATE dropped SET id = 2;
DROP TABLE dropped;
UPDATE changed SET v = 10 WHERE id < 3;
ALTER TABLE changed ADD INDEX (v);
UPDATE changed SET v = 11 WHERE id = 1;
ALTER TABLE changed ADD COLUMN z VARCHAR(9) DEFAULT 'zz';
UPDATE changed SET z = 'set' WHERE id = 1;
FLUSH LOGS`)
	s.exec(t, "FLUSH LOGS")
	s.collect(t)
	return s
}

// touched is what the log shows of lost.
const touched = " WHERE id IN (1,2,4,7,50)"

// check holds the partial tables in a database against the source.
func (s *twoBackups) checkPartial(t *testing.T, db *sql.DB, in string, named bool) {
	t.Helper()
	if _, err := db.Exec("SET SESSION time_zone = '+00:00'"); err != nil {
		t.Fatal(err)
	}
	if got, want := lostRows(t, db, in+".lost__lifeboat_partial", "", named), lostRows(t, s.db, "shop.lost", touched, true); got != want {
		t.Errorf("lost:\n%s\nwant:\n%s", got, want)
	}
	column := func(name string, i int) string {
		if named {
			return "`" + name + "`"
		}
		return fmt.Sprintf("c%d", i)
	}
	for table, want := range map[string]string{
		"bag":       "1 changed\n4 twice\n4 twice",
		"moved_on":  "1 11\n3 3",
		"emptied":   "3",
		"words":     "A 10\nb 20\nÖ 11",
		"changed":   "1 11 set",
		"changed_1": "1 11\n2 10",
	} {
		names := map[string][]string{"bag": {"v", "w"}, "moved_on": {"id", "v"}, "emptied": {"id"}, "words": {"w", "n"}, "changed": {"id", "v", "z"}, "changed_1": {"id", "v"}}[table]
		var list []string
		for i, n := range names {
			list = append(list, "CONVERT(CONVERT("+column(n, i+1)+" USING binary) USING utf8mb4)")
		}
		name := table + "__lifeboat_partial"
		switch table {
		case "changed_1":
			name = "changed__lifeboat_partial_1"
		case "words":
			name = "words__lifeboat_partial_1" // the backup holds a table of the plain name
		}
		if got := rowsOf(t, db, "SELECT CONCAT_WS(' ',"+strings.Join(list, ",")+") FROM "+in+"."+name); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
	if got, want := rowsOf(t, db, "SELECT v FROM "+in+".kept"), "2\n3"; got != want {
		t.Errorf("kept: %q", got)
	}
	if got := rowsOf(t, db, "SELECT COUNT(*) FROM "+in+".words__lifeboat_partial"); got != "0" {
		t.Errorf("the backup's own table has %s rows", got)
	}
	if got := rowsOf(t, db, "SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA='"+in+"' AND TABLE_NAME='lost__lifeboat_partial'"); !strings.HasPrefix(got, "NOT THE WHOLE TABLE shop.lost: ") {
		t.Errorf("comment: %q", got)
	}
	if got := rowsOf(t, db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA='"+in+"'"); strings.Contains(got, "dropped") || strings.Count(got, "partial") != 8 {
		t.Errorf("tables:\n%s", got)
	}
}

// What the log shows of tables that neither backup nor log made comes as tables of their own, if asked for: onto a server, into a dump of
// either form, with the metadata of each kind of server, and with all of it.
func TestPartialTables(t *testing.T) {
	for _, one := range []struct {
		kind, metadata string
		named          bool
	}{{testserver.MySQL97, "FULL", true}, {testserver.MariaDB1011, "FULL", true}, {testserver.MySQL97, "", false}, {testserver.MariaDB1011, "", false}, {testserver.MySQL56, "", false}} {
		t.Run(one.kind+one.metadata, func(t *testing.T) {
			t.Parallel()
			s := lostTables(t, one.kind, one.metadata)
			names := s.files(t)
			common := []string{"--binlogs", s.binlogs(), "--snapshot", s.new, "--database", "shop", "--progress", "none", "--stop-before", names[len(names)-1] + ":4"}
			run := func(code int, words []string, args ...string) *ran {
				t.Helper()
				return lifeboat(t, slices.Concat(args[:1], common, args[1:])...).want(t, code, words...)
			}
			to := testserver.Start(t, one.kind)
			db := testserver.Open(t, to)
			db.SetMaxOpenConns(1)

			run(3, []string{"lost", "--partial-tables makes a table of the rows"}, "restore", "--target", to.DSN(), "--into", "without")
			if got := rowsOf(t, db, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA='without'"); got != "2" {
				t.Errorf("without being asked for: %s tables", got)
			}
			o := run(3, nil, "restore", "--target", to.DSN(), "--partial-tables", "--format", "json")
			var rep report.Restore
			if err := json.Unmarshal([]byte(o.out), &rep); err != nil {
				t.Fatal(err)
			}
			if len(rep.Partial) != 7 || rep.ExitCode != 3 || !rep.Sum.Closes {
				t.Errorf("reported: %+v", rep.Partial)
			}
			for _, p := range rep.Partial {
				if p.Of == "lost" && p.Rows != 5 || p.From == "" {
					t.Errorf("reported: %+v", p)
				}
			}
			s.checkPartial(t, db, "shop", one.named)
			if one.named {
				if got := rowsOf(t, db, "SELECT GROUP_CONCAT(COLUMN_NAME) FROM information_schema.KEY_COLUMN_USAGE WHERE CONSTRAINT_NAME='PRIMARY' AND TABLE_SCHEMA='shop' AND TABLE_NAME='lost__lifeboat_partial'"); got != "id" {
					t.Errorf("key: %q", got)
				}
			}
			run(3, []string{"it is a partial table"}, "verify", "--target", to.DSN(), "--partial-tables")
			run(12, []string{"only on the target"}, "verify", "--target", to.DSN())
			run(64, nil, "restore", "--target", to.DSN(), "--partial-tables", "--base-loaded")

			dir := filepath.Join(t.TempDir(), "sql")
			run(3, []string{"lost__lifeboat_partial holds 5 rows"}, "restore", "--output", dir, "--into", "dumped", "--partial-tables")
			text, err := os.ReadFile(filepath.Join(dir, "dumped.sql"))
			if err != nil {
				t.Fatal(err)
			}
			s.feed(t, to, text)
			s.checkPartial(t, db, "dumped", one.named)
			if one.kind == testserver.MySQL97 {
				return // its mydumper form needs no other server
			}
			dir = filepath.Join(t.TempDir(), "my")
			run(3, nil, "restore", "--output", dir, "--into", "loaded", "--partial-tables", "--output-format", "mydumper")
			again := testserver.Start(t, one.kind)
			loader := exec.Command(testserver.Mydumper(t, "myloader"), "--threads=1", "--socket="+again.Socket(), "--user=root", "--directory="+dir)
			if text, err := loader.CombinedOutput(); err != nil {
				t.Fatalf("myloader: %v: %s", err, text)
			}
			other := testserver.Open(t, again)
			other.SetMaxOpenConns(1)
			s.checkPartial(t, other, "loaded", one.named)
		})
	}
}

// A restore that is stopped while it makes partial tables makes them anew, and drops nothing else of such a name.
func TestPartialTablesResumed(t *testing.T) {
	s := lostTables(t, testserver.MariaDB1011, "FULL")
	names := s.files(t)
	to := testserver.Start(t, testserver.MariaDB1011)
	srv, err := target.Open(t.Context(), to.DSN(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	a, err := archive.Open(t.Context(), []string{s.binlogs()}, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := snapshot.Open(t.Context(), s.new, "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	point, err := filter.ParsePoint(names[len(names)-1] + ":4")
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := plan.Make(t.Context(), plan.Request{Archive: a, Snapshot: x, Scope: filter.Scope{Database: "shop"}, PartialTables: true, Stop: filter.Stop{Point: point, Given: true}})
	if err != nil {
		t.Fatal(err)
	}
	runs, stopped := 0, 0
	for err = context.Canceled; err != nil; {
		runs++
		run, cancel := context.WithCancel(t.Context())
		n := 0
		_, err = replay.Restore(run, p, replay.NewSource(a, x), srv, replay.Options{Workers: 2, Memory: 1 << 20, Report: func(p replay.Progress) {
			if p.Phase != replay.PhasePartial {
				return
			}
			if n++; n == runs {
				cancel()
			}
		}})
		if err != nil {
			stopped++
		}
		cancel()
		if err != nil && !errors.Is(run.Err(), context.Canceled) || runs > 100 {
			t.Fatalf("run %d: %v", runs, err)
		}
	}
	if stopped < 8 { // before each of seven tables, and while the log was read for them
		t.Errorf("%d runs were stopped at the partial tables", stopped)
	}
	db := testserver.Open(t, to)
	db.SetMaxOpenConns(1)
	s.checkPartial(t, db, "shop", true)
}
