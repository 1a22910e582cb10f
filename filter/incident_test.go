package filter_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/testserver"
)

// show writes incidents in short, one a line: its rows ("+" for at least), its steps, how many
// transactions the session has in it, and what session and others wrote beside and afterwards.
func show(s *filter.Survey) string {
	var lines []string
	for _, i := range s.Incidents {
		rows := fmt.Sprint(i.RowsLost)
		if !i.Exact {
			rows += "+"
		}
		var steps []string
		for _, st := range i.Statements {
			steps = append(steps, st.Kind)
		}
		lines = append(lines, fmt.Sprintf("%s %s of %s rows %s: %s; session %d, wrote %d/%d; others %d/%d", i.ID, i.Kind, strings.Join(i.Tables, ","), rows,
			strings.Join(steps, ","), len(i.Session), i.SessionAfter.Transactions, i.SessionAfter.Rows, i.OthersAfter.Transactions, i.OthersAfter.Rows))
	}
	for _, m := range s.Harmless {
		if m.Why == filter.WhyTableCopy {
			lines = append(lines, "migration: "+m.SQL)
		}
	}
	return strings.Join(lines, "\n")
}

type incidentCase struct {
	name, given, script string
	base                map[string]int64 // of shop; nil: none
	scope               filter.Scope
	want                string
	mariadb             string // where it differs: row transactions name no session there
	only                string // a kind of server
	not                 string
}

const two = `
	CREATE DATABASE shop
	CREATE DATABASE other
	USE shop
	CREATE TABLE t (a INT PRIMARY KEY, b INT)
	CREATE TABLE u (a INT PRIMARY KEY)
	CREATE TABLE other.x (a INT PRIMARY KEY)
	INSERT INTO t (a) VALUES (1),(2),(3)
	INSERT INTO u VALUES (1),(2)
	INSERT INTO other.x VALUES (1),(2),(3),(4)`

const parts = `
	CREATE DATABASE shop
	USE shop
	CREATE TABLE t (a INT PRIMARY KEY, b INT) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (100))
	CREATE TABLE u (a INT PRIMARY KEY, b INT)
	INSERT INTO t (a) VALUES (1),(20)`

const big = `
	CREATE DATABASE shop
	USE shop
	CREATE TABLE t (a INT PRIMARY KEY, b INT)
	CREATE TABLE u (a INT PRIMARY KEY, b INT)
	ROWS t 1 2000
	ROWS u 1 400`

func incidentCases() []incidentCase {
	tu := map[string]int64{"t": 3, "u": 2}
	return []incidentCase{
		{name: "drop database", given: two, base: tu, script: "DROP DATABASE shop",
			want: "1 drop-database of t,u rows 5: drop-database; session 1, wrote 0/0; others 0/0"},
		{name: "drop database, no base", given: two, script: "INSERT INTO shop.u VALUES (9)\nDROP DATABASE shop",
			want: "1 drop-database of u rows 1+: drop-database; session 1, wrote 0/0; others 0/0"},
		{name: "another database", given: two, base: tu, script: "DROP DATABASE other"},
		{name: "all databases", given: two, scope: filter.Scope{Tables: []string{"t", "x", "u"}}, script: "DROP TABLE shop.t\nDROP TABLE other.x",
			want: "1 drop-table of shop.t,other.x rows 0+: drop-table,drop-table; session 2, wrote 0/0; others 0/0"},
		{name: "several tables, two databases", given: two, base: tu, script: "DROP TABLE shop.t, other.x, shop.u",
			want: "1 drop-table of t,u rows 5: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "no base, at least what was seen", given: two, script: "USE shop\nINSERT INTO t (a) VALUES (7),(8)\nDELETE FROM t WHERE a=1\nDROP TABLE t",
			want: "1 drop-table of t rows 1+: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "base and changes", given: two, base: tu, script: "USE shop\nINSERT INTO t (a) VALUES (7),(8)\nDELETE FROM t WHERE a=1\nDROP TABLE t",
			want: "1 drop-table of t rows 4: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "one of the tables only", given: two, base: tu, scope: filter.Scope{Database: "shop", Tables: []string{"u"}}, script: "USE shop\nDROP TABLE t, u",
			want: "1 drop-table of u rows 2: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "excluded", given: two, base: tu, scope: filter.Scope{Database: "shop", Exclude: []string{"t"}}, script: "USE shop\nDROP TABLE t"},
		{name: "truncate", given: two, base: tu, script: "USE shop\nTRUNCATE t\nTRUNCATE t",
			want: "1 truncate of t rows 3: truncate; session 2, wrote 1/0; others 0/0"},
		{name: "drop column", given: two, base: tu, script: "ALTER TABLE shop.t DROP COLUMN b, ADD COLUMN c INT",
			want: "1 alter of t rows 0+: alter; session 1, wrote 0/0; others 0/0"},
		{name: "drop column in two phases", only: testserver.MariaDB1011, given: two, base: tu, script: "SET binlog_alter_two_phase=1\nALTER TABLE shop.t DROP COLUMN b, ALGORITHM=COPY\nSET binlog_alter_two_phase=0",
			want: "1 alter of t rows 0+: alter; session 1, wrote 0/0; others 0/0"},
		{name: "add column", given: two, base: tu, script: "ALTER TABLE shop.t ADD COLUMN c INT\nALTER TABLE shop.t ADD INDEX i (c)\nALTER TABLE shop.t DROP INDEX i, DROP PRIMARY KEY"},
		{name: "drop partition", given: parts, base: map[string]int64{"t": 2, "u": 0}, script: "ALTER TABLE shop.t DROP PARTITION p0\nDROP TABLE shop.t",
			want: "1 alter of t rows 0+: alter,drop-table; session 2, wrote 0/0; others 0/0"},
		{name: "truncate partition", given: parts, base: map[string]int64{"t": 2, "u": 0}, script: "ALTER TABLE shop.t TRUNCATE PARTITION p0",
			want: "1 alter of t rows 0+: alter; session 1, wrote 0/0; others 0/0"},
		{name: "exchange partition", given: parts, base: map[string]int64{"t": 2, "u": 0}, script: "ALTER TABLE shop.t EXCHANGE PARTITION p0 WITH TABLE shop.u\nDROP TABLE shop.u",
			want: "1 alter of t,u rows 0+: alter,drop-table; session 2, wrote 0/0; others 0/0"},
		{name: "discard tablespace", given: two, base: tu, script: "ALTER TABLE shop.t DISCARD TABLESPACE",
			want: "1 alter of t rows 0+: alter; session 1, wrote 0/0; others 0/0"},
		{name: "create or replace", only: testserver.MariaDB1011, given: two, base: tu, script: "USE shop\nCREATE OR REPLACE TABLE t (a INT)\nCREATE OR REPLACE TABLE n (a INT)\nCREATE OR REPLACE TABLE t (a INT)",
			want: "1 replace-table of t rows 3: replace-table,create; session 3, wrote 1/0; others 0/0"},
		{name: "create or replace that fails", only: testserver.MariaDB1011, given: two, base: tu,
			script: "USE shop\nCREATE OR REPLACE TABLE t (a INT, a INT)-- fails\nCREATE OR REPLACE TABLE n (a INT, a INT)-- fails\nCREATE OR REPLACE TABLE u (v INT PRIMARY KEY) SELECT 1 AS v FROM information_schema.TABLES-- fails",
			want:   "1 drop-table of t,u rows 5: drop-table,drop-table; session 2, wrote 0/0; others 0/0"},
		{name: "create or replace database", only: testserver.MariaDB1011, given: two, base: tu, script: "CREATE OR REPLACE DATABASE shop",
			want: "1 drop-database of t,u rows 5: drop-database,create; session 1, wrote 0/0; others 0/0"},
		{name: "mass delete", given: big, base: map[string]int64{"t": 2000, "u": 400}, script: "DELETE FROM shop.t WHERE a<=1000\nDELETE FROM shop.t WHERE a<=1501\nDELETE FROM shop.u WHERE a<=99\nDELETE FROM shop.u",
			want:    "1 mass-delete of t,u rows 802: mass-delete,mass-delete; session 3, wrote 1/99; others 0/0",
			mariadb: "1 mass-delete of t rows 501: mass-delete; session 1, wrote 0/0; others 2/400\n2 mass-delete of u rows 301: mass-delete; session 1, wrote 0/0; others 0/0"},
		{name: "mass delete of both at once", given: big, base: map[string]int64{"t": 2000, "u": 400}, script: "BEGIN\nDELETE FROM shop.u\nDELETE FROM shop.t\nCOMMIT",
			want: "1 mass-delete of u,t rows 2400: mass-delete,mass-delete; session 1, wrote 0/0; others 0/0"},
		{name: "mass delete, no base", given: big, script: "DELETE FROM shop.t WHERE a<=999\nDELETE FROM shop.u\nDELETE FROM shop.t",
			want: "1 mass-delete of t rows 1001: mass-delete; session 1, wrote 0/0; others 0/0"},
		{name: "mass update", given: big, base: map[string]int64{"t": 2000, "u": 400}, script: "UPDATE shop.t SET b=1 WHERE a<=1000\nUPDATE shop.t SET b=2",
			want: "1 mass-update of t rows 2000: mass-update; session 1, wrote 0/0; others 0/0"},
		{name: "delete and reload", given: big, base: map[string]int64{"t": 2000, "u": 400}, script: "USE shop\nBEGIN\nDELETE FROM u\nROWS u 1 390\nCOMMIT\nBEGIN\nROWS t 3001 3500\nUPDATE t SET b=1 WHERE a>3000\nCOMMIT"},
		{name: "drop of nothing", given: two, base: tu, script: "USE shop\nDROP TABLE IF EXISTS nosuch\nDROP TABLE IF EXISTS shop.nosuch, other.nosuch\nDROP TEMPORARY TABLE IF EXISTS t\nCREATE TABLE IF NOT EXISTS t (z INT)\nDROP VIEW IF EXISTS v"},
		{name: "drop of nothing, no base", only: testserver.MySQL97, given: two, script: "USE shop\nDROP TABLE IF EXISTS nosuch\nDROP DATABASE IF EXISTS nosuch"},
		{name: "drop of some", given: two, base: tu, script: "USE shop\nDROP TABLE IF EXISTS nosuch, t",
			want: "1 drop-table of t rows 3: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "drop of all that the base lacks", only: testserver.MySQL97, given: two, base: map[string]int64{"u": 2}, script: "DROP TABLE IF EXISTS shop.t",
			want: "1 drop-table of t rows 0+: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "a failed drop of some", not: testserver.MySQL97, given: two, base: tu, script: "USE shop\nDROP TABLE IF EXISTS nosuch, t\nDROP TABLE u, nosuch2 -- fails",
			want: "1 drop-table of t,u rows 5: drop-table,drop-table; session 2, wrote 0/0; others 0/0"},
		{name: "MyISAM", given: two + "\nCREATE TABLE m (a INT PRIMARY KEY) ENGINE=MyISAM\nROWS m 1 5", base: map[string]int64{"t": 3, "u": 2, "m": 5}, script: "DROP TABLE IF EXISTS shop.m",
			want: "1 drop-table of m rows 5: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "temporary tables", given: two, base: tu, script: "USE shop\nCREATE TEMPORARY TABLE t (a INT)\nINSERT INTO t VALUES (1)\nDROP TABLE t\nCREATE TEMPORARY TABLE w (a INT)\nTRUNCATE w\nDROP TEMPORARY TABLE w"},
		{name: "a working table", given: two, base: tu, script: "USE shop\nCREATE TABLE w (a INT PRIMARY KEY)\nROWS w 1 500\nUPDATE w SET a=a+1000\nDELETE FROM w\nROWS w 1 10\nTRUNCATE w\nDROP TABLE w"},
		{name: "made by one, dropped by another", given: two, base: tu, script: "CREATE TABLE shop.w (a INT PRIMARY KEY)\nROWS shop.w 1 3\nB: DROP TABLE shop.w",
			want: "1 drop-table of w rows 3: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "made by one, filled by another", not: testserver.MariaDB1011, given: two, base: tu, script: "CREATE TABLE shop.w (a INT PRIMARY KEY)\nB: INSERT INTO shop.w VALUES (1),(2)\nDROP TABLE shop.w",
			want: "1 drop-table of w rows 2: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "gh-ost", given: big, base: map[string]int64{"t": 2000, "u": 400}, script: `
			USE shop
			CREATE TABLE _t_ghc (a INT PRIMARY KEY)
			CREATE TABLE _t_gho LIKE t
			B: ALTER TABLE shop._t_gho DROP COLUMN b
			INSERT INTO _t_gho SELECT a FROM t
			INSERT INTO _t_ghc VALUES (1)
			B: DELETE FROM shop._t_gho WHERE a = 5
			RENAME TABLE t TO _t_del, _t_gho TO t
			B: DROP TABLE IF EXISTS shop._t_ghc
			B: DROP TABLE IF EXISTS shop._t_del`,
			want: "migration: DROP TABLE IF EXISTS `shop`.`_t_ghc` /* generated by server */\nmigration: DROP TABLE IF EXISTS `shop`.`_t_del` /* generated by server */"},
		{name: "pt-online-schema-change", given: big, base: map[string]int64{"t": 2000, "u": 400}, script: `
			CREATE TABLE shop._t_new LIKE shop.t
			ALTER TABLE shop._t_new ADD COLUMN c INT
			CREATE TRIGGER shop.pt_osc_shop_t_del AFTER DELETE ON shop.t FOR EACH ROW DELETE IGNORE FROM shop._t_new WHERE shop._t_new.a <=> OLD.a
			CREATE TRIGGER shop.pt_osc_shop_t_ins AFTER INSERT ON shop.t FOR EACH ROW REPLACE INTO shop._t_new (a, b) VALUES (NEW.a, NEW.b)
			INSERT LOW_PRIORITY IGNORE INTO shop._t_new (a, b) SELECT a, b FROM shop.t WHERE a <= 1000
			B: DELETE FROM shop.t WHERE a = 5
			INSERT LOW_PRIORITY IGNORE INTO shop._t_new (a, b) SELECT a, b FROM shop.t WHERE a > 1000
			RENAME TABLE shop.t TO shop._t_old, shop._t_new TO shop.t
			DROP TABLE IF EXISTS shop._t_old
			DROP TRIGGER IF EXISTS shop.pt_osc_shop_t_del
			DROP TRIGGER IF EXISTS shop.pt_osc_shop_t_ins`,
			want: "migration: DROP TABLE IF EXISTS `_t_old` /* generated by server */"},
		{name: "a swap for an empty table", given: big, base: map[string]int64{"t": 2000, "u": 400}, script: `
			USE shop
			CREATE TABLE t_new LIKE t
			RENAME TABLE t TO t_old, t_new TO t
			DROP TABLE t_old`,
			want: "1 drop-table of t_old rows 2000: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "views and triggers", given: two + "\nCREATE VIEW v AS SELECT * FROM t\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.b=1", base: tu, script: "USE shop\nDROP VIEW v\nDROP TRIGGER g"},
		{name: "the unit tests", given: two, base: tu, script: `
			USE shop
			DROP TABLE t
			DROP TABLE u
			CREATE TABLE t (a INT PRIMARY KEY)
			CREATE TABLE u (a INT PRIMARY KEY)
			ROWS t 1 2
			B: INSERT INTO shop.u VALUES (900)
			ROWS u 1 1
			B: INSERT INTO other.x VALUES (900)
			DROP TABLE t
			CREATE TABLE t (a INT PRIMARY KEY)
			B: INSERT INTO shop.u VALUES (901),(902)`,
			want:    "1 drop-table of t,u rows 7: drop-table,drop-table,create,create,drop-table,create; session 8, wrote 2/3; others 2/3",
			mariadb: "1 drop-table of t,u rows 7: drop-table,drop-table,create,create,drop-table,create; session 6, wrote 0/0; others 4/6"},
		{name: "two sessions", given: two, base: tu, script: "DROP TABLE shop.t\nB: DROP TABLE shop.u\nCREATE TABLE shop.t (a INT PRIMARY KEY)\nB: CREATE TABLE shop.u (a INT PRIMARY KEY)\nB: CREATE TABLE shop.t2 (a INT)",
			want: "1 drop-table of t rows 3: drop-table,create; session 2, wrote 0/0; others 3/0\n2 drop-table of u rows 2: drop-table,create; session 3, wrote 1/0; others 1/0"},
		{name: "a pause", not: testserver.MySQL97, given: two, base: tu, script: `
			SET TIMESTAMP=1700000000
			DROP TABLE shop.t
			SET TIMESTAMP=1700000590
			CREATE TABLE shop.t (a INT PRIMARY KEY)
			SET TIMESTAMP=1700001191
			DROP TABLE shop.u
			CREATE TABLE shop.u (a INT PRIMARY KEY)
			SET TIMESTAMP=DEFAULT`,
			want: "1 drop-table of t rows 3: drop-table,create; session 2, wrote 0/0; others 2/0\n2 drop-table of u rows 2: drop-table,create; session 2, wrote 0/0; others 0/0"},
		{name: "after the pause, no more of it", not: testserver.MySQL97, given: two, base: tu, script: `
			SET TIMESTAMP=1700000000
			DROP TABLE shop.t
			SET TIMESTAMP=1700000601
			CREATE TABLE shop.t (a INT PRIMARY KEY)
			SET TIMESTAMP=DEFAULT`,
			want: "1 drop-table of t rows 3: drop-table; session 1, wrote 0/0; others 1/0"},
		{name: "prepared and rolled back", only: testserver.MySQL97, given: big, base: map[string]int64{"t": 2000, "u": 400},
			script: "XA START 'x'\nDELETE FROM shop.t\nXA END 'x'\nXA PREPARE 'x'\nEND A\nB: XA ROLLBACK 'x'"},
		{name: "prepared and committed", only: testserver.MySQL97, given: big, base: map[string]int64{"t": 2000, "u": 400},
			script: "XA START 'x'\nDELETE FROM shop.t\nXA END 'x'\nXA PREPARE 'x'\nEND A\nB: INSERT INTO shop.u (a) VALUES (900)\nC: XA COMMIT 'x'",
			want:   "1 mass-delete of t rows 2000: mass-delete; session 2, wrote 0/0; others 0/0"},
		{name: "sequences", only: testserver.MariaDB1011, given: two, base: tu, script: "USE shop\nCREATE SEQUENCE q\nDO NEXTVAL(q)\nDROP SEQUENCE q\nB: CREATE SEQUENCE shop.q2\nDROP SEQUENCE shop.q2",
			want: "1 drop-table of q2 rows 0: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "renamed, then dropped", given: two, base: tu, script: "USE shop\nRENAME TABLE t TO t9\nDROP TABLE t9",
			want: "1 drop-table of t9 rows 3: drop-table; session 1, wrote 0/0; others 0/0"},
		{name: "moved away and back", given: two, base: tu, script: "RENAME TABLE shop.t TO other.t\nRENAME TABLE other.t TO shop.t9\nDROP TABLE shop.t9",
			want: "1 drop-table of t9 rows 3: drop-table; session 1, wrote 0/0; others 0/0"},
	}
}

func TestIncidents(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		for _, c := range incidentCases() {
			if c.only != "" && c.only != kind || c.not == kind {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				s.t = t
				files := s.log(c.given, c.script)
				scope, o := c.scope, filter.Options{}
				if scope.Database == "" && len(scope.Tables) == 0 {
					scope = shop
				}
				if c.base != nil {
					o.BaseRows = map[filter.TableName]int64{}
					for name, n := range c.base {
						o.BaseRows[filter.TableName{DB: "shop", Name: name}] = n
					}
				}
				want := c.want
				if kind == testserver.MariaDB1011 && c.mariadb != "" {
					want = c.mariadb
				}
				survey := scan(t, files, scope, o)
				if got := show(survey); got != want {
					t.Errorf("\n got %s\nwant %s", got, want)
				}
				if again := scan(t, files, scope, o); !reflect.DeepEqual(survey.Incidents, again.Incidents) {
					t.Error("a second reading finds other incidents")
				}
			})
		}
	})
}
