package replay_test

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// TestMoved restores a parent whose rows get other values to refer to, which its children follow and the log does not say: by itself each, up
// to so many, and from there in the serial lane.
func TestMoved(t *testing.T) {
	s := newSource(t, testserver.MariaDB1011)
	s.run(`CREATE DATABASE shop
		USE shop
		CREATE TABLE p (id INT PRIMARY KEY, v INT)
		CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)
		CREATE TABLE o (id INT PRIMARY KEY)
		INSERT INTO p VALUES (1,1),(2,2),(3,3)
		INSERT INTO c VALUES (1,1),(2,1),(3,2),(4,3)`)
	dump := s.dump("shop")
	for _, times := range []int{3, 70} {
		script := "USE shop\n"
		for range times {
			script += "INSERT INTO o SELECT IFNULL(MAX(id),0)+1 FROM o\nUPDATE p SET id=id+10 WHERE v=1\nUPDATE c SET p=2 WHERE id=2\nUPDATE c SET p=(SELECT id FROM p WHERE v=1) WHERE id=2\n"
		}
		s.run(script)
		want := state(t, s.db, "shop")
		dir := s.archive()
		if got := state(t, s.stopped(dump, dir, 64<<20), "shop"); got != want {
			t.Errorf("%d times, stopped again and again: the restored database differs, %s", times, diff(want, got))
		}
		for _, memory := range []int64{1, 64 << 20} {
			db, _, res, err := s.restore(dump, dir, func(*plan.Request) {}, replay.Options{Memory: memory})
			if err != nil {
				t.Fatal(err)
			}
			if got := state(t, db, "shop"); got != want {
				t.Errorf("%d times, memory %d: the restored database differs, %s", times, memory, diff(want, got))
			}
			wantSerial := ""
			if times > 3 {
				wantSerial = "c p"
			}
			if got := strings.Join(slices.Sorted(maps.Keys(res.Lanes)), " "); got != wantSerial || len(res.Doubts) > 0 || len(res.Incomplete) > 0 {
				t.Errorf("%d times, memory %d: lanes %v, doubts %v, incomplete %q", times, memory, res.Lanes, res.Doubts, res.Incomplete)
			}
		}
	}
}

// TestCounterBehindUpdates lets a row get the greatest key by an update that is made as one: the next row comes behind it, also where the server does not see to that.
func TestCounterBehindUpdates(t *testing.T) {
	s := newSource(t, testserver.MySQL56)
	s.run(`CREATE DATABASE shop
		USE shop
		CREATE TABLE p (id TINYINT PRIMARY KEY AUTO_INCREMENT, v INT)
		CREATE TABLE c (id INT PRIMARY KEY, p TINYINT, FOREIGN KEY (p) REFERENCES p (id) ON UPDATE CASCADE)
		CREATE TABLE f (id DOUBLE PRIMARY KEY AUTO_INCREMENT, v INT)
		INSERT INTO p VALUES (1,1),(2,2)
		INSERT INTO c VALUES (1,1)
		INSERT INTO f (v) VALUES (1),(2)`)
	dump := s.dump("shop")
	s.run("USE shop\nUPDATE p SET id=50 WHERE id=1\nINSERT INTO f (v) VALUES (2),(2)\nDELETE FROM f WHERE id=4")
	db, _, res, err := s.restore(dump, s.archive(), func(*plan.Request) {}, replay.Options{})
	if err != nil || len(res.Lanes) > 0 {
		t.Fatalf("%v, %+v", err, res)
	}
	for table, want := range map[string]int{"p": 51, "f": 5} {
		var id int
		if _, err := db.Exec("INSERT INTO shop." + table + " (v) VALUES (3)"); err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRow("SELECT id FROM shop." + table + " WHERE v=3").Scan(&id); err != nil || id != want {
			t.Errorf("the next row of %s is %d, %v", table, id, err)
		}
	}
}

// stopped restores, and is stopped at later and later reports until one run comes through.
func (s *source) stopped(dump, dir string, memory int64) *sql.DB {
	s.t.Helper()
	p, src, err := s.plan(dump, dir, func(q *plan.Request) { q.DropExisting = s.to != nil })
	if err != nil {
		s.t.Fatal(err)
	}
	dst := s.target()
	for limit := 1; ; limit += 1 + limit/4 {
		ctx, cancel := context.WithCancel(s.t.Context())
		srv, err := target.Open(ctx, dst.DSN(), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		n := 0
		_, err = replay.Restore(ctx, p, src, srv, replay.Options{Workers: 2, Memory: memory, Report: func(replay.Progress) {
			if n++; n == limit {
				cancel()
			}
		}})
		srv.Close()
		cancel()
		if err == nil {
			return testserver.Open(s.t, dst)
		}
		if !errors.Is(err, context.Canceled) {
			s.t.Fatal(err)
		}
	}
}
