package filter_test

import (
	"strconv"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/testserver"
)

// Every collation of the servers is read in its own character set; those of UTF-8, and the ones that no
// client may use, are left out.
func TestCharsetsOfCollations(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		rows, err := s.db.Query("SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS WHERE ID IS NOT NULL AND CHARACTER_SET_NAME IS NOT NULL")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		seen := 0
		for rows.Next() {
			var id int
			var want string
			if err := rows.Scan(&id, &want); err != nil {
				t.Fatal(err)
			}
			switch want {
			case "utf8", "utf8mb3", "utf8mb4", "ucs2", "utf16", "utf16le", "utf32":
				want = ""
			}
			q := &binlog.Query{}
			q.Vars.ClientCollation = uint16(id)
			if got := filter.ReadingMode(q, &binlog.Format{}).Charset; got != want {
				t.Errorf("collation %d: %q, want %q", id, got, want)
			}
			seen++
		}
		if err := rows.Err(); err != nil || seen < 100 {
			t.Errorf("%d collations, %v", seen, err)
		}
	})
}

func TestNamesInOtherCharacterSets(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		const given = "CREATE DATABASE shop\nCREATE DATABASE other\nUSE shop\nCREATE TABLE t (a INT PRIMARY KEY)"
		for _, c := range []struct{ name, script, findings, tables string }{
			{"a quote in gbk", "SET NAMES gbk\nCREATE TABLE shop.u (a INT) COMMENT '\xbf\\'\nDROP TABLE shop.t /* '\xbf' */\nSET NAMES utf8", "", "t u"},
			{"white space in latin1", "SET NAMES latin1\nDROP\xa0TABLE\xa0shop.t\nSET NAMES utf8", "", "t"},
			{"a name in latin1", "SET NAMES latin1\nDROP TABLE shop.t\nCREATE TABLE shop.caf\xe9 (a INT)\nDROP TABLE shop.caf\xe9\nSET NAMES utf8", "", "café t"},
			{"a name in cp1251", "SET NAMES cp1251\nCREATE TABLE shop.\xf2\xe5\xf1\xf2 (a INT)\nSET NAMES utf8", "unknown-statement!", ""},
			{"a name in cp1251, elsewhere", "USE other\nSET NAMES cp1251\nCREATE TABLE \xf2\xe5\xf1\xf2 (a INT)\nSET NAMES utf8", "unknown-statement", ""},
			{"a name in utf8", "USE other\nSET NAMES utf8\nCREATE TABLE shop.тест (a INT)", "", "тест"},
			{"quotes", "SET sql_mode=ANSI_QUOTES\nCREATE TABLE other.\"it's\" (a INT)\nDROP TABLE \"shop\".\"t\"\nSET sql_mode=DEFAULT", "", "t"},
			{"qualified without USE", "USE other\nDROP TABLE `shop` . `t`", "", "t"},
		} {
			t.Run(c.name, func(t *testing.T) {
				s.t = t
				survey := scan(t, s.log(given, c.script), shop, filter.Options{})
				if got := findings(survey); got != c.findings {
					t.Errorf("findings %q, want %q: %v", got, c.findings, survey.Findings)
				}
				for _, name := range strings.Fields(c.tables) {
					if h := survey.Tables[filter.TableName{DB: "shop", Name: name}]; h == nil || len(h.Lifetimes) == 0 {
						t.Errorf("nothing is known of %s: %s", name, tableCounts(survey))
					}
				}
				if n := len(strings.Fields(c.tables)); len(survey.Tables) != n {
					t.Errorf("%s; want %s tables", tableCounts(survey), strconv.Itoa(n))
				}
			})
		}
	})
}

// What a base already holds cannot stand in the way of a restore, nor count.
func TestInBase(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind, testserver.GTID(kind)...)
		files := s.log("", `
			CREATE DATABASE shop
			USE shop
			CREATE TABLE t (a INT PRIMARY KEY)
			SET binlog_format=STATEMENT
			INSERT INTO t (a) VALUES (1)
			SET binlog_format=ROW
			B: DROP TABLE shop.t
			CREATE TABLE t (a INT PRIMARY KEY)
			ROWS t 1 5
			ROWS t 11 12
			B: DELETE FROM shop.t WHERE a=1`)
		all := transactions(t, files)
		in := all[at(t, all, "insert t", 0)]
		o := filter.Options{
			InBase:   func(tx *binlog.Transaction) bool { return tx.Start.Compare(in.start) <= 0 },
			BaseRows: map[filter.TableName]int64{{DB: "shop", Name: "t"}: 5},
		}
		survey := scan(t, files, shop, o)
		if got, want := tableCounts(survey), "t +2 ~0 -1, 0 statements"; got != want || show(survey) != "" || findings(survey) != "" {
			t.Errorf("got %s, want %s; incidents %q, findings %q", got, want, show(survey), findings(survey))
		}
		if survey.LastInBase != in.start || survey.Totals.InBase != int64(len(all)-2) {
			t.Errorf("last in base %s, %d of %d transactions", survey.LastInBase, survey.Totals.InBase, len(all))
		}
	})
}

// A place inside a transaction is no place to begin at: half of it would be replayed.
func TestFromInsideATransaction(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		files := s.log("CREATE DATABASE shop\nUSE shop\nCREATE TABLE t (a INT PRIMARY KEY)", "BEGIN\nROWS t 1 1\nDELETE FROM t\nCOMMIT\nROWS t 2 2")
		body, err := files[0].Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		events := binlog.NewScanner(body, files[0].Name())
		maps := 0
		for {
			f, err := events.Next()
			if err != nil {
				break
			}
			if f.Type != binlog.TableMapEvent {
				continue
			}
			maps++
			from := binlog.Position{File: files[0].Name(), Offset: f.Offset}
			if _, err := filter.Scan(t.Context(), files, shop, filter.Options{From: from}); err == nil || !strings.Contains(err.Error(), from.String()) || !strings.Contains(err.Error(), "inside a transaction") {
				t.Errorf("from %s: %v", from, err)
			}
		}
		if maps != 3 {
			t.Errorf("%d table maps", maps)
		}
		for _, x := range transactions(t, files) {
			if _, err := filter.Scan(t.Context(), files, shop, filter.Options{From: x.start}); err != nil {
				t.Errorf("from %s: %v", x.start, err)
			}
		}
	})
}

// What cannot be told to have made a table does not pass for the table's beginning.
func TestCreateIfNotExists(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		const given = "CREATE DATABASE shop\nUSE shop\nCREATE TABLE t (a INT PRIMARY KEY)\nROWS t 1 9"
		files := s.log(given, "CREATE TABLE IF NOT EXISTS shop.t (a INT PRIMARY KEY)\nINSERT INTO shop.t VALUES (20)")
		for _, base := range []map[filter.TableName]int64{nil, {{DB: "shop", Name: "t"}: 9}} {
			h := scan(t, files, shop, filter.Options{BaseRows: base}).Tables[filter.TableName{DB: "shop", Name: "t"}]
			if h.FromLog || h.Missing.IsZero() != (base != nil) {
				t.Errorf("base %v: %+v", base, h)
			}
			if base != nil && len(h.Lifetimes) > 0 {
				t.Errorf("a statement that did nothing: %v", h.Lifetimes)
			}
		}
		files = s.log("CREATE DATABASE shop", "CREATE TABLE IF NOT EXISTS shop.t (a INT PRIMARY KEY)\nINSERT INTO shop.t VALUES (20)")
		h := scan(t, files, shop, filter.Options{}).Tables[filter.TableName{DB: "shop", Name: "t"}]
		if kind == testserver.MySQL56 {
			if h.FromLog || h.Missing.IsZero() {
				t.Errorf("its log does not tell whether the table was there: %+v", h)
			}
		} else if !h.FromLog || !h.Missing.IsZero() {
			t.Errorf("%+v", h)
		}
	})
}
