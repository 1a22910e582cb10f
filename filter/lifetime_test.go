package filter_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/testserver"
)

// lived writes a table's lifetimes.
func lived(s *filter.Survey, name string) string {
	h := s.Tables[filter.TableName{DB: "shop", Name: name}]
	if h == nil {
		return "none"
	}
	var out []string
	for _, l := range h.Lifetimes {
		text := l.Event
		if l.Other.Name != "" {
			text += " " + l.Other.String()
		}
		if l.Pos.IsZero() || l.End.Compare(l.Pos) <= 0 || l.Time.IsZero() || l.Thread == 0 {
			text += " (incomplete)"
		}
		out = append(out, text)
	}
	if h.Gone {
		out = append(out, "gone")
	}
	return strings.Join(out, ", ")
}

func TestLifetimes(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		for _, c := range []struct {
			name, script string
			want         map[string]string
			only         string
		}{
			{"made, changed, emptied, dropped", "USE shop\nCREATE TABLE w (a INT)\nALTER TABLE w ADD COLUMN b INT\nCREATE INDEX i ON w (b)\nTRUNCATE w\nDROP TABLE w",
				map[string]string{"w": "create, alter, alter, truncate, drop, gone", "t": "none"}, ""},
			{"renamed in turn", "USE shop\nRENAME TABLE t TO t_old, u TO t\nALTER TABLE t RENAME TO u2\nRENAME TABLE u2 TO other.u2",
				map[string]string{"t": "rename-to shop.t_old, rename-from shop.u, rename-to shop.u2, gone", "t_old": "rename-from shop.t",
					"u": "rename-to shop.t, gone", "u2": "rename-from shop.t, rename-to other.u2, gone"}, ""},
			{"dropped with its database", "DROP DATABASE shop\nCREATE DATABASE shop\nCREATE TABLE shop.t (a INT)", map[string]string{"t": "drop, create", "u": "drop, gone"}, ""},
			{"what did nothing", "USE shop\nDROP TABLE IF EXISTS nosuch\nCREATE TABLE IF NOT EXISTS t (z INT)\nCREATE TEMPORARY TABLE t (a INT)\nDROP TEMPORARY TABLE t",
				map[string]string{"t": "none", "nosuch": "none"}, ""},
			{"replaced", "USE shop\nCREATE OR REPLACE TABLE t (a INT)", map[string]string{"t": "create"}, testserver.MariaDB1011},
		} {
			if c.only != "" && c.only != kind {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				s.t = t
				survey := scan(t, s.log(two, c.script), shop, filter.Options{BaseRows: map[filter.TableName]int64{{DB: "shop", Name: "t"}: 3, {DB: "shop", Name: "u"}: 2}})
				for name, want := range c.want {
					if got := lived(survey, name); got != want {
						t.Errorf("%s: %s, want %s", name, got, want)
					}
				}
			})
		}
	})
}

func TestWhatIsHarmless(t *testing.T) {
	s := newSource(t, testserver.MySQL97)
	files := s.log(two, `
		USE shop
		DROP TABLE IF EXISTS nosuch
		SET binlog_format=STATEMENT
		CREATE TEMPORARY TABLE w (a INT)
		DROP TEMPORARY TABLE w
		SET binlog_format=ROW
		CREATE TABLE w (a INT PRIMARY KEY)
		TRUNCATE w
		INSERT INTO w VALUES (1)
		DROP TABLE w
		CREATE TABLE _t_new LIKE t
		INSERT INTO _t_new SELECT * FROM t
		RENAME TABLE t TO _t_old, _t_new TO t
		DROP TABLE _t_old`)
	survey := scan(t, files, shop, filter.Options{BaseRows: map[filter.TableName]int64{{DB: "shop", Name: "t"}: 3, {DB: "shop", Name: "u"}: 2}})
	var got []string
	for _, h := range survey.Harmless {
		got = append(got, h.Why)
	}
	want := []string{filter.WhyNothing, filter.WhyTemporary, filter.WhyEmpty, filter.WhyOwn, filter.WhyTableCopy}
	if fmt.Sprint(got) != fmt.Sprint(want) || survey.HarmlessAll != int64(len(want)) || len(survey.Incidents) > 0 {
		t.Errorf("%q (%d), want %q; incidents %s", got, survey.HarmlessAll, want, show(survey))
	}
}

// What a session did before its wipe is told, and its user where any of its statements names one.
func TestTheSessionOfAWipe(t *testing.T) {
	s := newSource(t, testserver.MySQL97)
	files := s.log(two, `
		INSERT INTO shop.u VALUES (70),(71)
		B: INSERT INTO shop.t (a) VALUES (9)
		CREATE VIEW shop.v AS SELECT 1
		DROP TABLE shop.t
		INSERT INTO shop.u VALUES (72)
		B: INSERT INTO shop.u VALUES (73)`)
	survey := scan(t, files, shop, filter.Options{})
	if len(survey.Incidents) != 1 {
		t.Fatal(show(survey))
	}
	in := survey.Incidents[0]
	if in.SessionBefore.Transactions != 2 || in.SessionBefore.Rows != 2 || in.SessionFrom.IsZero() || in.SessionFrom.After(in.Time) {
		t.Errorf("before: %+v from %v", in.SessionBefore, in.SessionFrom)
	}
	if in.SessionAfter.Rows != 1 || in.OthersAfter.Rows != 1 {
		t.Errorf("after: %+v, others %+v", in.SessionAfter, in.OthersAfter)
	}
	if !strings.HasPrefix(in.User, "root@") {
		t.Errorf("user %q", in.User)
	}
}

// DDL that cannot be taken apart is found by the survey, before a restore would come to it.
func TestStatementsThatReachOut(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		for script, want := range map[string]bool{
			"RENAME TABLE shop.t TO other.t":        true,
			"CREATE TABLE shop.n LIKE other.x":      true,
			"DROP TABLE shop.t, other.x":            false,
			"RENAME TABLE shop.t TO shop.t9":        false,
			"RENAME TABLE other.x TO other.y":       false,
			"ALTER TABLE shop.t ADD COLUMN c INT":   false,
			"ALTER TABLE shop.t RENAME TO other.t9": true,
		} {
			t.Run(script, func(t *testing.T) {
				s.t = t
				survey := scan(t, s.log(two, script), shop, filter.Options{})
				got := false
				for _, f := range survey.Findings {
					got = got || f.Code == "reaches-out" && f.Blocks && !f.Time.IsZero()
				}
				if got != want {
					t.Errorf("%v: %+v", got, survey.Findings)
				}
			})
		}
	})
}

// A reading that ends at a place, and one from there on, together count on one timeline what a reading of all counts.
func TestReadingInTwoParts(t *testing.T) {
	s := newSource(t, testserver.MySQL97)
	files := s.log(two, "USE shop\nINSERT INTO t (a) VALUES (7),(8)\nUPDATE t SET b = 1\nDELETE FROM t WHERE a = 7\nINSERT INTO u VALUES (4)")
	all := transactions(t, files)
	count := func(line *filter.Timeline) string {
		var out []string
		for _, name := range []string{"t", "u"} {
			var b filter.Bucket
			for _, x := range line.Tables[filter.TableName{DB: "shop", Name: name}] {
				b = filter.Bucket{Inserted: b.Inserted + x.Inserted, Updated: b.Updated + x.Updated, Deleted: b.Deleted + x.Deleted}
			}
			out = append(out, fmt.Sprintf("%s +%d ~%d -%d", name, b.Inserted, b.Updated, b.Deleted))
		}
		return strings.Join(out, ", ")
	}
	line := func() *filter.Timeline { return filter.NewTimeline(time.Now().Add(-time.Hour), time.Now()) }
	whole := line()
	scan(t, files, shop, filter.Options{Timeline: whole})
	want := count(whole)
	for _, x := range all {
		parts := line()
		before := scan(t, files, shop, filter.Options{End: x.start, Timeline: parts})
		after := scan(t, files, shop, filter.Options{From: x.start, Timeline: parts})
		if got := count(parts); got != want {
			t.Errorf("cut at %s: %s, want %s", x.start, got, want)
		}
		if n := before.Totals.Transactions + after.Totals.Transactions; n != int64(len(all)) {
			t.Errorf("cut at %s: %d transactions, want %d", x.start, n, len(all))
		}
	}
}

// A timeline stays small, whatever the span and however many the tables.
func TestTimelineBounds(t *testing.T) {
	from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, span := range []time.Duration{0, time.Second, time.Minute, time.Hour, 31 * time.Hour, 40 * 24 * time.Hour, 400 * 24 * time.Hour, 4000 * 24 * time.Hour, 40000 * 24 * time.Hour} {
		x := filter.NewTimeline(from, from.Add(span))
		if x.Buckets < 1 || x.Buckets > 201 || x.From.After(from) || x.From.Add(time.Duration(x.Buckets)*x.Width).Before(from.Add(span)) {
			t.Errorf("%v: %d buckets of %v from %v", span, x.Buckets, x.Width, x.From)
		}
	}
	if (filter.Moment{}).IsZero() != true || (filter.Moment{Pos: binlog.Position{File: "b.000001", Offset: 4}}).IsZero() {
		t.Error("a moment's zero")
	}
}
