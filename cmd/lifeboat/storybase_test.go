package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lifeboat/internal/report"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/verify"
)

// The base of the incident that lifeboat exists for: an old full copy without coordinates, partly changed since, and a log that does not reach
// back to it. What is true of each row is worked out here from the source server and from who wrote what, without lifeboat.
func TestTheStorysBase(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newOldCopy(t, kind)
			to := testserver.Start(t, kind)
			args := []string{"--binlogs", s.binlogs(), "--snapshot", s.dump(), "--snapshot-position", "unknown", "--database", "shop", "--target", to.DSN(), "--progress", "none", "--format", "json"}
			o := lifeboat(t, append([]string{"restore", "--stop-after", "end"}, args...)...)
			rep := &report.Restore{}
			if err := json.Unmarshal([]byte(o.out), rep); err != nil {
				t.Fatalf("%v\n%s", err, o)
			}
			got, true1 := s.rows(t, testserver.Open(t, to), "shop"), s.rows(t, s.db, "shop")
			s.judge(t, got, true1)
			s.doubts(t, rep, got)

			o = lifeboat(t, append([]string{"verify", "--stop-after", "end"}, args...)...)
			v := &verify.Result{}
			if err := json.Unmarshal([]byte(o.out), v); err != nil {
				t.Fatalf("%v\n%s", err, o)
			}
			s.evidence(t, v)
		})
	}
}

// oldCopy is such a base and its log.
type oldCopy struct {
	scene
	db      *sql.DB
	base    map[int]string // the copy's rows by id, as they were when it was found
	missed  map[int]bool   // changed on the server when its log was not kept
	changed map[int]bool   // changed in the copy
	logged  map[int]string // by the log: the first change's verb
}

const copied = 400

func newOldCopy(t *testing.T, kind string) *oldCopy {
	t.Helper()
	s := &oldCopy{scene: scene{kind: kind, dir: t.TempDir()}, missed: map[int]bool{}, changed: map[int]bool{}, logged: map[int]string{}}
	s.server = testserver.Source(t, kind, testserver.GTID(kind)...)
	s.db = testserver.Open(t, s.server)
	s.db.SetMaxOpenConns(1)
	s.exec(t, "CREATE DATABASE shop; USE shop; CREATE TABLE t (id INT PRIMARY KEY, u INT, v VARCHAR(40), UNIQUE KEY (u)); CREATE TABLE still (id INT PRIMARY KEY); INSERT INTO still VALUES (1),(2),(3)")
	for id := 1; id <= copied; id++ {
		s.exec(t, fmt.Sprintf("INSERT INTO t VALUES (%d, %d, 'first')", id, id))
	}
	// The copy: another database on the server, which does not log it.
	s.exec(t, "SET SESSION sql_log_bin=0; CREATE DATABASE crm; CREATE TABLE crm.t LIKE shop.t; INSERT INTO crm.t SELECT * FROM shop.t; CREATE TABLE crm.still LIKE shop.still; INSERT INTO crm.still SELECT * FROM shop.still")
	s.write(t, rand.New(rand.NewPCG(1, 1)), "crm.t", 60, func(id int, _ string) { s.changed[id] = true })
	s.exec(t, "SET SESSION sql_log_bin=1")
	s.write(t, rand.New(rand.NewPCG(2, 2)), "shop.t", 420, func(id int, _ string) { s.missed[id] = true })
	s.exec(t, "FLUSH LOGS")
	logs, err := filepath.Glob(filepath.Join(s.server.DataDir(), "binlog.0*"))
	if err != nil || len(logs) == 0 {
		t.Fatal(err)
	}
	from := logs[len(logs)-1]
	s.write(t, rand.New(rand.NewPCG(3, 3)), "shop.t", 320, func(id int, verb string) {
		if s.logged[id] == "" {
			s.logged[id] = verb
		}
	})
	s.exec(t, "FLUSH LOGS")
	s.base = s.rows(t, s.db, "crm")
	args := []string{"--no-defaults", "-uroot", "-S", s.server.Socket(), "--result-file=" + s.dump()}
	if kind == testserver.MySQL97 {
		args = append(args, "--set-gtid-purged=OFF")
	}
	if out, err := exec.Command(testserver.Bin(t, kind, "mysqldump"), append(args, "crm")...).CombinedOutput(); err != nil {
		t.Fatalf("mysqldump: %v\n%s", err, out)
	}
	s.renameInDump(t)
	if err := os.Mkdir(s.binlogs(), 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(filepath.Join(s.binlogs(), filepath.Base(from)), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// renameInDump: the copy was of a database of the same name, on another machine.
func (s *oldCopy) renameInDump(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(s.dump())
	if err == nil {
		err = os.WriteFile(s.dump(), bytes.ReplaceAll(text, []byte("Database: crm"), []byte("Database: shop")), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s *oldCopy) exec(t *testing.T, q string) {
	t.Helper()
	if _, err := s.db.Exec(q); err != nil {
		t.Fatalf("%.200s: %v", q, err)
	}
}

// write changes single rows at random: values, unique values, and keys that come and go.
func (s *oldCopy) write(t *testing.T, r *rand.Rand, table string, n int, note func(id int, verb string)) {
	t.Helper()
	for i := range n {
		id, verb := 1+r.IntN(copied*5/4), "UPDATE"
		q := fmt.Sprintf("UPDATE %s SET v='%s %d' WHERE id=%d", table, table, i, id)
		switch r.IntN(5) {
		case 0:
			verb, q = "DELETE", fmt.Sprintf("DELETE FROM %s WHERE id=%d", table, id)
		case 1:
			verb, q = "INSERT", fmt.Sprintf("INSERT IGNORE INTO %s VALUES (%d, %d, 'new %d')", table, id, 1+r.IntN(copied*5/4), i)
		case 2:
			q = fmt.Sprintf("UPDATE IGNORE %s SET u=%d WHERE id=%d", table, 1+r.IntN(copied*5/4), id)
		}
		res, err := s.db.Exec(q)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if n, err := res.RowsAffected(); err != nil {
			t.Fatal(err)
		} else if n > 0 {
			note(id, verb)
		}
	}
}

func (s *oldCopy) rows(t *testing.T, db *sql.DB, name string) map[int]string {
	t.Helper()
	rows, err := db.Query("SELECT id, CONCAT_WS('|', id, u, HEX(v)) FROM " + name + ".t")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[int]string{}
	for rows.Next() {
		var id int
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			t.Fatal(err)
		}
		out[id] = text
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// judge holds every row that the log or the unchanged base determines against the truth, and every other one against the base: it is as
// that has it, or gave way to a unique value that the log wrote.
func (s *oldCopy) judge(t *testing.T, got, truth map[int]string) {
	t.Helper()
	determined, open := 0, 0
	for id := 1; id <= copied*5/4; id++ {
		if s.logged[id] != "" || !s.missed[id] && !s.changed[id] {
			determined++
			if got[id] != truth[id] {
				t.Errorf("row %d is %q, and was %q (first change in the log: %q)", id, got[id], truth[id], s.logged[id])
			}
			continue
		}
		open++
		if got[id] != s.base[id] && got[id] != "" {
			t.Errorf("row %d, of which only the base tells, is %q, not %q", id, got[id], s.base[id])
		}
	}
	if determined < copied/2 || open < 50 {
		t.Fatalf("%d rows determined, %d not: the test shows nothing", determined, open)
	}
}

// doubts holds the report of the restore against what is known.
func (s *oldCopy) doubts(t *testing.T, rep *report.Restore, got map[int]string) {
	t.Helper()
	want := map[string]int64{}
	for id, verb := range s.logged {
		switch _, there := s.base[id]; {
		case verb == "INSERT" && there:
			want["inserted by the log, but there already"]++
		case verb != "INSERT" && !there:
			want["changed by the log, but not there"]++
		}
	}
	for id := range s.base {
		if s.logged[id] == "" && got[id] == "" {
			want["in the way of a unique value of another row, and removed"]++
		}
	}
	found := map[string]int64{}
	for _, d := range rep.Doubts {
		found[d.What] += d.Rows
	}
	for what, n := range want {
		if found[what] != n {
			t.Errorf("%d rows %s, want %d (%+v)", found[what], what, n, rep.Doubts)
		}
	}
	if len(want) != 3 || len(found) != 3 {
		t.Errorf("the kinds of evidence: %v, want %v", found, want)
	}
}

// evidence holds what verify counts against what is known.
func (s *oldCopy) evidence(t *testing.T, v *verify.Result) {
	t.Helper()
	want := replay.Evidence{Base: int64(len(s.base))}
	truth := s.rows(t, s.db, "shop")
	for id := range s.base {
		switch _, there := truth[id]; {
		case s.logged[id] == "":
			want.Only++
		case there:
			want.Replaced++
		default:
			want.Removed++
		}
	}
	for id, verb := range s.logged {
		if _, there := s.base[id]; !there && verb != "INSERT" {
			want.Missing++
		}
	}
	for _, x := range v.Tables {
		if x.Evidence != nil {
			x.Evidence.First = want.First // its place is for a person to look
		}
		switch {
		case x.Evidence == nil:
			t.Errorf("no evidence of table %s", x.Name)
		case x.Name == "still" && *x.Evidence != (replay.Evidence{Base: 3, Only: 3}), x.Name == "t" && *x.Evidence != want:
			t.Errorf("table %s: %+v, want %+v", x.Name, *x.Evidence, want)
		}
	}
}
