package filter_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/testserver"
)

func void(s *filter.Survey) string {
	var out []string
	for at, why := range s.Void {
		out = append(out, fmt.Sprintf("%s %s", at, why))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func findings(s *filter.Survey) string {
	var out []string
	for _, f := range s.Findings {
		line := f.Code
		if f.Blocks {
			line += "!"
		}
		out = append(out, line)
	}
	return strings.Join(out, " ")
}

// A temporary table made in a transaction keeps its ROLLBACK in the log of these servers. What is rolled
// back to a savepoint stays in it, too.
func TestRolledBack(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		const given = "CREATE DATABASE shop\nUSE shop\nCREATE TABLE t (a INT PRIMARY KEY)\nCREATE TABLE u (a INT PRIMARY KEY)\nCREATE TABLE m (a INT PRIMARY KEY) ENGINE=MyISAM\nROWS t 1 300"
		script := `
			BEGIN
			ROWS t 501 502
			ROWS m 1 1
			CREATE TEMPORARY TABLE x (a INT)
			DROP TEMPORARY TABLE x
			DELETE FROM t
			ROLLBACK
			BEGIN
			ROWS t 601 603
			CREATE TEMPORARY TABLE x (a INT)
			DROP TEMPORARY TABLE x
			SAVEPOINT one
			DELETE FROM t
			ROWS u 1 1
			SAVEPOINT two
			ROWS m 2 2
			ROWS u 2 3
			ROLLBACK TO two
			ROWS u 4 4
			ROLLBACK TO SAVEPOINT one
			ROWS t 701 701
			COMMIT`
		want := "m +2 ~0 -0, 0 statements; t +4 ~0 -0, 0 statements"
		if kind == testserver.MySQL97 { // with GTIDs it takes no row of MyISAM in a transaction
			script = strings.NewReplacer("ROWS m 1 1\n", "\n", "ROWS m 2 2\n", "\n").Replace(script)
			want = "t +4 ~0 -0, 0 statements"
		}
		files := s.log(given, script)
		survey := scan(t, files, shop, filter.Options{BaseRows: map[filter.TableName]int64{{DB: "shop", Name: "t"}: 300, {DB: "shop", Name: "u"}: 0, {DB: "shop", Name: "m"}: 0}})
		if got := tableCounts(survey); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		if got := show(survey); got != "" {
			t.Errorf("incidents though nothing was lost: %s", got)
		}
		var undone int
		for start, ranges := range survey.VoidRanges {
			for _, r := range ranges {
				undone += int(rowEventsIn(t, files, r))
				if r.From.Compare(start) < 0 || r.To.Compare(r.From) <= 0 {
					t.Errorf("%v undone of the transaction at %s", r, start)
				}
			}
		}
		if undone == 0 || len(survey.Void) != 1 {
			// MySQL 8 and later keep neither in the log.
			if kind != testserver.MySQL97 {
				t.Errorf("%d row events undone, void: %s", undone, void(survey))
			}
		}
	})
}

func rowEventsIn(t *testing.T, files []binlog.File, in filter.Range) (n int64) {
	t.Helper()
	r, err := binlog.NewReader(files, binlog.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		it, err := r.Next(context.Background())
		if err != nil {
			return n
		}
		if it.Kind == binlog.RowChange && it.Pos.Compare(in.From) >= 0 && it.Pos.Compare(in.To) < 0 {
			n++
		}
	}
}

func TestXA(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		files := s.log("CREATE DATABASE shop\nUSE shop\nCREATE TABLE t (a INT PRIMARY KEY)", `
			C: XA START 'keep','b',7
			C: INSERT INTO shop.t VALUES (1),(2)
			C: XA END 'keep','b',7
			C: XA PREPARE 'keep','b',7
			END C
			D: XA START 'drop'
			D: INSERT INTO shop.t VALUES (3)
			D: XA END 'drop'
			D: XA PREPARE 'drop'
			END D
			INSERT INTO shop.t VALUES (10)
			E: XA COMMIT 'keep','b',7
			INSERT INTO shop.t VALUES (11)
			FLUSH LOGS
			E: XA ROLLBACK 'drop'
			E: XA START 'at once'
			E: INSERT INTO shop.t VALUES (20)
			E: XA END 'at once'
			E: XA COMMIT 'at once' ONE PHASE
			F: XA START 'open'
			F: INSERT INTO shop.t VALUES (30)
			F: XA END 'open'
			F: XA PREPARE 'open'
			END F`)
		defer s.run("G: XA ROLLBACK 'open'")
		base := filter.Options{BaseRows: map[filter.TableName]int64{{DB: "shop", Name: "t"}: 0}}
		survey := scan(t, files, shop, base)
		if got, want := tableCounts(survey), "t +5 ~0 -0, 0 statements"; got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		var decided binlog.Position
		for _, x := range survey.XA {
			if !x.Decided.IsZero() {
				decided = x.Decided
			}
		}
		all := transactions(t, files)
		commit := all[at(t, all, "XA COMMIT", 0)]
		if decided != commit.start || len(survey.XA) != 3 {
			t.Errorf("decided at %s, want %s; %v", decided, commit.start, survey.XA)
		}
		want := fmt.Sprintf("%s rolled back (XA ROLLBACK); %s prepared, and neither committed nor rolled back", all[1].start, all[len(all)-1].start)
		if got := void(survey); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		if got := findings(survey); got != "xa-undecided" {
			t.Errorf("findings %q", got)
		}
		// Between PREPARE and COMMIT: the rows do not count yet.
		o := base
		o.Stop = stopAt(t, commit.start.String(), false)
		if got, want := tableCounts(scan(t, files, shop, o)), "t +1 ~0 -0, 0 statements"; got != want {
			t.Errorf("stopped before the XA COMMIT\n got %s\nwant %s", got, want)
		}
		o.Stop = stopAt(t, commit.start.String(), true)
		if got, want := tableCounts(scan(t, files, shop, o)), "t +3 ~0 -0, 0 statements"; got != want {
			t.Errorf("stopped after the XA COMMIT\n got %s\nwant %s", got, want)
		}
		// A base from between PREPARE and COMMIT lacks rows that are not read again.
		o = base
		o.From = all[2].start
		if got := findings(scan(t, files, shop, o)); got != "xa-undecided! xa-undecided" {
			t.Errorf("from %s: findings %q", o.From, got)
		}
	}, testserver.MySQL97, testserver.MariaDB1011)
}

// MySQL 5.6 logs a distributed transaction at its commit, as any other.
func TestXAOfOldServers(t *testing.T) {
	s := newSource(t, testserver.MySQL56)
	files := s.log("CREATE DATABASE shop\nUSE shop\nCREATE TABLE t (a INT PRIMARY KEY)", `
		XA START 'keep'
		INSERT INTO t VALUES (1)
		XA END 'keep'
		XA PREPARE 'keep'
		B: INSERT INTO shop.t VALUES (9)
		XA COMMIT 'keep'
		XA START 'drop'
		INSERT INTO t VALUES (2)
		XA END 'drop'
		XA PREPARE 'drop'
		XA ROLLBACK 'drop'`)
	survey := scan(t, files, shop, filter.Options{BaseRows: map[filter.TableName]int64{{DB: "shop", Name: "t"}: 0}})
	if got, want := tableCounts(survey), "t +2 ~0 -0, 0 statements"; got != want || findings(survey) != "" || len(survey.XA) > 0 {
		t.Errorf("got %s, findings %q, %v", got, findings(survey), survey.XA)
	}
}

func TestFindings(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		const given = `
			CREATE DATABASE shop
			CREATE DATABASE other
			USE shop
			CREATE TABLE t (a INT PRIMARY KEY, b INT, j LONGTEXT)
			CREATE TABLE other.x (a INT PRIMARY KEY)
			CREATE TABLE other.y (a INT PRIMARY KEY)
			CREATE TRIGGER other.y BEFORE INSERT ON other.y FOR EACH ROW INSERT INTO shop.t (a) VALUES (NEW.a)
			CREATE FUNCTION f (n INT) RETURNS INT RETURN n`
		for _, c := range []struct{ name, script, want string }{
			{"rows", "INSERT INTO shop.t (a) VALUES (1)", ""},
			{"statement", "SET binlog_format=STATEMENT\nUPDATE shop.t SET b=1\nSET binlog_format=ROW", "statement-format!"},
			{"statement by USE", "USE shop\nSET binlog_format=STATEMENT\nINSERT INTO t (a) VALUES (5)\nSET binlog_format=ROW", "statement-format!"},
			{"statement elsewhere", "USE shop\nSET binlog_format=STATEMENT\nINSERT INTO other.x VALUES (1)\nSET binlog_format=ROW", ""},
			{"statement of another database that reads this one", "SET binlog_format=STATEMENT\nINSERT INTO other.x SELECT a FROM shop.t\nSET binlog_format=ROW", ""},
			{"load data", "SET binlog_format=STATEMENT\nLOAD DATA INFILE '%s' INTO TABLE shop.t (a)\nSET binlog_format=ROW", "statement-format!"},
			{"load data as rows", "LOAD DATA INFILE '%s' INTO TABLE shop.t (a)", ""},
			{"accounts", "USE shop\nCREATE USER shop_user\nGRANT SELECT ON shop.* TO shop_user\nDROP USER shop_user", ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				s.t = t
				if strings.Contains(c.script, "%s") {
					c.script = fmt.Sprintf(c.script, loadable(t, s))
				}
				survey := scan(t, s.log(given, c.script), shop, filter.Options{})
				if got := findings(survey); got != c.want {
					t.Errorf("got %q, want %q: %v", got, c.want, survey.Findings)
				}
			})
		}
		t.Run("images", func(t *testing.T) {
			s.t = t
			files := s.log(given, "USE shop\nINSERT INTO t (a) VALUES (1)\nSET binlog_row_image=MINIMAL\nUPDATE t SET b=1\nSET binlog_row_image=FULL")
			h := scan(t, files, shop, filter.Options{}).Tables[filter.TableName{DB: "shop", Name: "t"}]
			if h == nil || !h.Partial || h.Updated != 1 {
				t.Errorf("%+v", h)
			}
		})
		if kind != testserver.MySQL97 {
			return
		}
		t.Run("partial JSON", func(t *testing.T) {
			s.t = t
			files := s.log(given, "USE shop\nALTER TABLE t MODIFY j JSON\nINSERT INTO t (a,j) VALUES (1,JSON_OBJECT('k',REPEAT('x',100),'n',1))\nSET binlog_row_value_options=PARTIAL_JSON\nUPDATE t SET j=JSON_SET(j,'$.n',2)\nSET binlog_row_value_options=DEFAULT")
			survey := scan(t, files, shop, filter.Options{})
			all := transactions(t, files)
			h := survey.Tables[filter.TableName{DB: "shop", Name: "t"}]
			if x := all[len(all)-1]; h == nil || h.PartialJSON.Pos.Compare(x.start) < 0 || h.PartialJSON.Pos.Compare(x.end) >= 0 {
				t.Errorf("%+v, want a place in %s", h, x.start)
			}
			o := filter.Options{Stop: stopAt(t, all[len(all)-1].start.String(), false)}
			if h := scan(t, files, shop, o).Tables[filter.TableName{DB: "shop", Name: "t"}]; !h.PartialJSON.IsZero() {
				t.Errorf("%s lies behind the stop", h.PartialJSON.Pos)
			}
		})
	})
}

// loadable writes a file with one row where the server may read it.
func loadable(t *testing.T, s *source) string {
	t.Helper()
	path := filepathIn(t, s.dir, "rows.txt", "77\n")
	return path
}

func TestScope(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		files := s.log("", `
			CREATE DATABASE shop
			CREATE DATABASE other
			USE other
			CREATE TABLE shop.a (a INT PRIMARY KEY)
			CREATE TABLE x LIKE shop.a
			CREATE TABLE shop.b LIKE x
			USE shop
			CREATE TABLE other.y (a INT PRIMARY KEY)
			INSERT INTO other.y VALUES (1)
			INSERT INTO a VALUES (1),(2)
			INSERT INTO b SELECT a FROM a
			UPDATE a, other.y SET a.a=a.a+10, y.a=y.a+10 WHERE a.a=1 AND y.a=1
			RENAME TABLE other.y TO shop.y
			INSERT INTO y VALUES (3)
			RENAME TABLE b TO other.b
			INSERT INTO other.b VALUES (9)
			CREATE VIEW v AS SELECT * FROM a
			CREATE TRIGGER g BEFORE INSERT ON a FOR EACH ROW SET NEW.a=NEW.a
			INSERT INTO mysql.help_topic VALUES (999999,'no topic',1,'d','e','u')
			DELETE FROM mysql.help_topic WHERE help_topic_id=999999
			DROP TRIGGER g`)
		for _, c := range []struct {
			name       string
			scope      filter.Scope
			tables     string
			statements int
			rows       int64
		}{
			{"a database", shop, "a +2 ~1 -0, 1 statements from log; b +2 ~0 -0, 2 statements from log; y +1 ~0 -0, 1 statements missing", 8, 6},
			{"one table", filter.Scope{Database: "shop", Tables: []string{"a"}}, "a +2 ~1 -0, 1 statements from log", 2, 3},
			{"all but one", filter.Scope{Database: "shop", Exclude: []string{"a", "y"}}, "b +2 ~0 -0, 2 statements from log", 3, 2},
			{"the other", filter.Scope{Database: "other"}, "b +1 ~0 -0, 1 statements missing; x +0 ~0 -0, 1 statements from log; y +1 ~1 -0, 2 statements from log", 5, 3},
			{"all", filter.Scope{}, "a +2 ~1 -0, 1 statements from log; b +1 ~0 -0, 1 statements from log; b +2 ~0 -0, 2 statements from log; x +0 ~0 -0, 1 statements from log; y +1 ~0 -0, 1 statements from log; y +1 ~1 -0, 2 statements from log", 11, 9},
		} {
			t.Run(c.name, func(t *testing.T) {
				survey := scan(t, files, c.scope, filter.Options{})
				if got := tableCounts(survey); got != c.tables {
					t.Errorf("\n got %s\nwant %s", got, c.tables)
				}
				if len(survey.Statements) != c.statements {
					t.Errorf("%d statements, want %d", len(survey.Statements), c.statements)
				}
				if survey.Totals.RowsInScope != c.rows {
					t.Errorf("%d rows in scope, want %d", survey.Totals.RowsInScope, c.rows)
				}
				if survey.Databases["shop"] == 0 || survey.Databases["other"] == 0 || survey.Databases["nosuch"] != 0 {
					t.Errorf("databases %v", survey.Databases)
				}
			})
		}
	})
}
