package filter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/testserver"
)

const stopScript = `
	CREATE DATABASE shop
	USE shop
	C: CREATE TABLE shop.t (a INT PRIMARY KEY, b INT)
	CREATE TABLE other_than_t (a INT PRIMARY KEY)
	ROWS t 1 3
	UPDATE t SET b=7 WHERE a=1
	FLUSH LOGS
	BEGIN
	ROWS t 11 12
	ROWS other_than_t 1 5
	DELETE FROM t WHERE a=2
	COMMIT
	DROP TABLE t
	CREATE TABLE t (a INT PRIMARY KEY)
	ROWS t 1 1
	FLUSH LOGS
	ROWS other_than_t 100 102
	B: TRUNCATE shop.other_than_t
	B: INSERT INTO shop.other_than_t VALUES (1)`

// point is a stop, where it must lie, and what must be known of the tables before it.
func stopAt(t *testing.T, spec string, after bool) filter.Stop {
	t.Helper()
	p, err := filter.ParsePoint(spec)
	if err != nil {
		t.Fatal(err)
	}
	return filter.Stop{Point: p, After: after, Given: true}
}

// tableCounts writes the histories in short.
func tableCounts(s *filter.Survey) string {
	var out []string
	for name, h := range s.Tables {
		from := ""
		if h.FromLog {
			from = " from log"
		}
		if !h.Missing.IsZero() {
			from += " missing"
		}
		out = append(out, fmt.Sprintf("%s +%d ~%d -%d, %d statements%s", name.Name, h.Inserted, h.Updated, h.Deleted, len(h.Lifetimes), from))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// at finds the transaction whose last change reads so.
func at(t *testing.T, all []transaction, sql string, nth int) int {
	t.Helper()
	for i, x := range all {
		if strings.HasPrefix(x.sql, sql) {
			if nth--; nth < 0 {
				return i
			}
		}
	}
	t.Fatalf("no transaction %q", sql)
	return 0
}

func TestStops(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind, testserver.GTID(kind)...)
		files := s.log("", stopScript)
		all := transactions(t, files)
		drop, create, load := at(t, all, "DROP TABLE", 0), at(t, all, "CREATE TABLE t", 0), at(t, all, "delete t", 0)
		last := len(all) - 1
		const (
			whole      = "other_than_t +9 ~0 -0, 2 statements from log; t +6 ~1 -1, 3 statements from log"
			beforeDrop = "other_than_t +5 ~0 -0, 1 statements from log; t +5 ~1 -1, 1 statements from log"
			beforeLoad = "other_than_t +0 ~0 -0, 1 statements from log; t +3 ~1 -0, 1 statements from log"
			afterDrop  = "other_than_t +5 ~0 -0, 1 statements from log; t +5 ~1 -1, 2 statements from log"
			// the wipe goes on to its CREATE
			afterWipe = "other_than_t +5 ~0 -0, 1 statements from log; t +5 ~1 -1, 3 statements from log"
			beforeAll = ""
		)
		fileEnds := map[string]uint64{}
		r, err := binlog.NewReader(files, binlog.Position{})
		if err != nil {
			t.Fatal(err)
		}
		for {
			it, err := r.Next(context.Background())
			if err != nil {
				break
			}
			if it.Kind == binlog.FileEnd {
				fileEnds[it.End.File] = it.End.Offset
			}
		}
		first, second, third := files[0].Name(), files[1].Name(), files[2].Name()
		zero := binlog.Position{}
		cases := []struct {
			name, spec string
			after      bool
			at         binlog.Position
			tables     string
			fails      string
		}{
			{"end", "end", false, zero, whole, ""},
			{"before an incident", "incident:1", false, all[drop].start, beforeDrop, ""},
			{"after an incident", "incident:1", true, all[create].end, afterWipe, ""},
			{"before the second incident", "incident:2", false, all[at(t, all, "TRUNCATE", 0)].start, "other_than_t +8 ~0 -0, 1 statements from log; t +6 ~1 -1, 3 statements from log", ""},
			{"no such incident", "incident:7", false, zero, "", "the incidents found are 1, 2"},
			{"the start of one", all[drop].start.String(), false, all[drop].start, beforeDrop, ""},
			{"after the one at", all[drop].start.String(), true, all[drop].end, afterDrop, ""},
			{"the end of one", all[load].end.String(), false, all[load+1].start, beforeDrop, ""},
			{"the end of the last", all[last].end.String(), false, all[last].end, whole, ""},
			{"the start of the log", all[0].start.String(), false, all[0].start, beforeAll, ""},
			{"the start of a file", second + ":4", false, all[load].start, beforeLoad, ""},
			{"the end of a file", fmt.Sprintf("%s:%d", first, fileEnds[first]), false, binlog.Position{File: first, Offset: fileEnds[first]}, beforeLoad, ""},
			{"the end of the log", fmt.Sprintf("%s:%d", third, fileEnds[third]), false, binlog.Position{File: third, Offset: fileEnds[third]}, whole, ""},
			{"inside one", fmt.Sprintf("%s:%d", second, all[load].start.Offset+10), false, zero, "", fmt.Sprintf("from %s to %s", all[load].start, all[load].end)},
			{"behind the end of a file", fmt.Sprintf("%s:%d", first, fileEnds[first]+1), false, zero, "", fmt.Sprintf("%s ends at %d", first, fileEnds[first])},
			{"behind the end of the log", fmt.Sprintf("%s:%d", third, fileEnds[third]+1), false, zero, "", "what was read ends at " + third},
			{"no such file, later", "binlog.099999:4", false, zero, "", "there is no file binlog.099999; the files are " + first + " to " + third},
			{"no such file, of another name", "a.000001:4", false, zero, "", "there is no file a.000001"},
			{"a time before all", "2020-01-02", false, all[0].start, beforeAll, ""},
			{"a time after all", "2099-01-02T00:00:00+02:00", false, zero, whole, ""},
			{"a time after all, after", "2099-01-02 00:00:00", true, zero, whole, ""},
		}
		if g := all[drop].gtid; !g.IsZero() {
			missing := g
			missing.Seq += 100000
			cases = append(cases, []struct {
				name, spec string
				after      bool
				at         binlog.Position
				tables     string
				fails      string
			}{
				{"before a GTID", g.String(), false, all[drop].start, beforeDrop, ""},
				{"after a GTID", g.String(), true, all[drop].end, afterDrop, ""},
				{"after the last GTID", all[last].gtid.String(), true, all[last].end, whole, ""},
				{"a GTID that is not there", missing.String(), false, zero, "", "no such point in the log; what was read ends at " + third},
			}...)
		} else if kind == testserver.MariaDB1011 {
			t.Error("no GTIDs")
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				survey, err := filter.Scan(context.Background(), files, shop, filter.Options{Stop: stopAt(t, c.spec, c.after)})
				if c.fails != "" {
					if err == nil || !errors.Is(err, filter.ErrNoSuchPoint) || !strings.Contains(err.Error(), c.fails) {
						t.Fatalf("%v; want %q", err, c.fails)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if survey.Stop != c.at {
					t.Errorf("stops at %v, want %v", survey.Stop, c.at)
				}
				if got := tableCounts(survey); got != c.tables {
					t.Errorf("\n got %s\nwant %s", got, c.tables)
				}
				if want := changesBefore(all, c.at); survey.ChangesRead != want {
					t.Errorf("%d changes, want %d", survey.ChangesRead, want)
				}
				for _, st := range survey.Statements {
					if !c.at.IsZero() && st.Pos.Compare(c.at) >= 0 {
						t.Errorf("a statement of after the stop: %s", st.SQL)
					}
				}
				if len(survey.Incidents) != 2 {
					t.Errorf("%d incidents: those behind the stop are wanted too", len(survey.Incidents))
				}
			})
		}
		// Each transaction's own start and commit time, against an independent count.
		for i, x := range all {
			survey := scan(t, files, shop, filter.Options{Stop: stopAt(t, x.start.String(), false)})
			if want := changesBefore(all, x.start); survey.Stop != x.start || survey.ChangesRead != want {
				t.Errorf("before %s: stop %s, %d changes, want %d", x.start, survey.Stop, survey.ChangesRead, want)
			}
			before := slices.IndexFunc(all, func(y transaction) bool { return y.committed >= x.committed })
			if got := scan(t, files, shop, filter.Options{Stop: stopAt(t, x.committed, false)}).Stop; got != all[before].start {
				t.Errorf("before %s: %s, want %s", x.committed, got, all[before].start)
			}
			after := slices.IndexFunc(all, func(y transaction) bool { return y.committed > x.committed })
			want := binlog.Position{}
			if after >= 0 {
				want = all[after].start
			}
			if got := scan(t, files, shop, filter.Options{Stop: stopAt(t, x.committed, true)}).Stop; got != want {
				t.Errorf("after %s: %s, want %s (%d)", x.committed, got, want, i)
			}
		}
	})
}

// Header times are set by clients and go back: the first transaction that is late enough is the stop.
func TestStopAtTimesThatGoBack(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newSource(t, kind)
		files := s.log("", `
			SET TIMESTAMP=1700000100
			CREATE DATABASE shop
			SET TIMESTAMP=1700000300
			CREATE TABLE shop.a (a INT)
			SET TIMESTAMP=1700000200
			CREATE TABLE shop.b (a INT)
			SET TIMESTAMP=DEFAULT`)
		all := transactions(t, files)
		for spec, want := range map[string]int{"2023-11-14T22:15:00Z": 0, "2023-11-14T22:17:00+00:00": 1, "2023-11-15 00:18:20+02:00": 1, "2023-11-14T22:18:20.000Z": 1} {
			if got := scan(t, files, shop, filter.Options{Stop: stopAt(t, spec, false)}).Stop; got != all[want].start {
				t.Errorf("before %s: %s, want %s", spec, got, all[want].start)
			}
		}
	}, testserver.MariaDB1011, testserver.MySQL56)
}

func TestTaggedGTID(t *testing.T) {
	s := newSource(t, testserver.MySQL97, testserver.GTID(testserver.MySQL97)...)
	files := s.log("", "CREATE DATABASE shop\nSET gtid_next='AUTOMATIC:wipe'\nCREATE TABLE shop.a (a INT)\nSET gtid_next='AUTOMATIC'\nCREATE TABLE shop.b (a INT)")
	all := transactions(t, files)
	g := all[1].gtid
	if g.Tag != "wipe" {
		t.Fatalf("%s has no tag", g)
	}
	if got := scan(t, files, shop, filter.Options{Stop: stopAt(t, g.String(), false)}).Stop; got != all[1].start {
		t.Errorf("%s: %s, want %s", g, got, all[1].start)
	}
	untagged := g
	untagged.Tag, untagged.Seq = "", 99999
	if _, err := filter.Scan(context.Background(), files, shop, filter.Options{Stop: stopAt(t, untagged.String(), false)}); !errors.Is(err, filter.ErrNoSuchPoint) {
		t.Errorf("%s: %v", untagged, err)
	}
}

func TestParsePoint(t *testing.T) {
	utc := time.Date(2026, 1, 31, 3, 15, 0, 0, time.UTC)
	for _, spec := range []string{"2026-01-31T03:15:00Z", "2026-01-31 03:15:00", "2026-01-31T03:15", "2026-01-31 03:15", "2026-01-31 05:15:00+02:00", "2026-01-31T05:15+02:00", " 2026-01-31T03:15:00.000Z "} {
		p, err := filter.ParsePoint(spec)
		if err != nil || !p.Time.Equal(utc) {
			t.Errorf("%q: %v %v", spec, p.Time, err)
		}
	}
	for _, spec := range []string{"incident:3", "end", "binlog.000001:4", "mysql-bin.000123:4294967300", "0-1-49", "3e11fa47-71ca-11e1-9e33-c80aa9429562:23", "3e11fa47-71ca-11e1-9e33-c80aa9429562:tag:23", "2026-01-31T03:15:00Z", "2026-01-31T03:15:00.123456Z"} {
		p, err := filter.ParsePoint(spec)
		if err != nil {
			t.Errorf("%q: %v", spec, err)
			continue
		}
		if p.String() != spec {
			t.Errorf("%q comes back as %q", spec, p)
		}
	}
	for _, spec := range []string{"", "incident:", "yesterday", "binlog.000001", "binlog.000001:", "binlog.000001:x", "dir/binlog.000001:4", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"} {
		if p, err := filter.ParsePoint(spec); err == nil {
			t.Errorf("%q is read as %q", spec, p)
		}
	}
}
