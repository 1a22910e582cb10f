package oracle

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// TestTargetInTrouble restores while the target kills the connections, is read-only for a time, or holds rows locked: the restore comes
// through, or stops and goes on when it is called again; either way the state is the source's.
func TestTargetInTrouble(t *testing.T) {
	c, err := readCase(filepath.Join(testserver.Root(t), "testdata", "cases", "large-transaction.case"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			p := newPair(t, kind, nil)
			s := p.disaster(t, c)
			must(t, p.to, "SET GLOBAL innodb_lock_wait_timeout=1")
			for name, trouble := range map[string]func(t *testing.T) (over func()){
				"killed":    func(t *testing.T) func() { p.killOthers(t); return func() {} },
				"read only": p.readOnly,
				"locked":    p.lock,
			} {
				t.Run(name, func(t *testing.T) {
					s.clear(t)
					runs := s.restoreInTrouble(t, trouble)
					t.Logf("%d runs", runs)
					if d := difference(s.want, capture(t, p.to, database, nil)); d != "" {
						t.Error(d)
					}
				})
			}
		})
	}
}

// restoreInTrouble makes trouble at the second report of each of the first five runs, and ends it when the run is over.
func (s *scene) restoreInTrouble(t *testing.T, trouble func(t *testing.T) func()) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p, src := s.plan(ctx, t, false)
	for run := 1; ; run++ {
		srv, err := target.Open(ctx, s.p.dst.DSN(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var over func()
		n := 0
		_, err = replay.Restore(ctx, p, src, srv, replay.Options{Workers: 1, Memory: 1, Report: func(replay.Progress) {
			if n++; n == 1+run && run < 6 {
				over = trouble(t)
			}
		}})
		if over != nil {
			over()
		}
		srv.Close()
		if err == nil {
			return run
		}
		if run > 20 {
			t.Fatalf("no run came through: %v", err)
		}
	}
}

func (s *scene) plan(ctx context.Context, t *testing.T, baseLoaded bool) (*plan.Plan, replay.Source) {
	t.Helper()
	a, err := archive.Open(ctx, s.copies(), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(ctx, s.dump, database, nil)
	if err != nil {
		t.Fatal(err)
	}
	point, err := filter.ParsePoint(s.stop)
	if err != nil {
		t.Fatal(err)
	}
	q := plan.Request{Archive: a, Snapshot: snap, Scope: filter.Scope{Database: database}, Stop: filter.Stop{Point: point, Given: true}}
	if baseLoaded {
		q.Snapshot, q.BaseLoaded, q.SnapshotPosition = nil, true, s.start
	}
	p, _, err := plan.Make(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	return p, replay.NewSource(a, q.Snapshot)
}

// killOthers ends all connections of the target but the one that asks.
func (p *pair) killOthers(t *testing.T) {
	for _, r := range ask(t, p.to, "SELECT ID FROM information_schema.PROCESSLIST WHERE ID<>CONNECTION_ID() AND USER='root'") {
		_, _ = p.to.ExecContext(t.Context(), "KILL "+r[0]) // it may have gone meanwhile
	}
}

// readOnly makes the target read-only. A superuser may write all the same on MariaDB: there this only kills the sessions.
func (p *pair) readOnly(t *testing.T) func() {
	name := "super_read_only"
	if p.kind == testserver.MariaDB1011 {
		name = "read_only"
		p.killOthers(t)
	}
	must(t, p.to, "SET GLOBAL "+name+"=1")
	return func() { must(t, p.to, "SET GLOBAL "+name+"=0", "SET GLOBAL read_only=0") }
}

// lock holds every row there is, for longer than a session may wait for one.
func (p *pair) lock(t *testing.T) func() {
	tx, err := p.to.BeginTx(t.Context(), nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	for _, r := range ask(t, p.to, "SELECT CONCAT('`',TABLE_SCHEMA,'`.`',TABLE_NAME,'`') FROM information_schema.TABLES WHERE TABLE_SCHEMA='"+database+"' AND TABLE_TYPE='BASE TABLE'") {
		if _, err := tx.ExecContext(t.Context(), "SELECT COUNT(*) FROM "+r[0]+" FOR UPDATE"); err != nil {
			t.Error(err)
		}
	}
	timer := time.AfterFunc(3*time.Second, func() { _ = tx.Rollback() })
	return func() { timer.Stop(); _ = tx.Rollback() }
}

// TestTargetsOwnLog restores to a target that writes a log of its own: nothing of the restore is in it, unless the user may not switch it off.
// Then all of it is, and the result is right all the same.
func TestTargetsOwnLog(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			p := &pair{kind: kind, src: testserver.Source(t, kind), dst: testserver.Source(t, kind)}
			p.from, p.to = testserver.Open(t, p.src), testserver.Open(t, p.dst)
			p.from.SetMaxIdleConns(0)
			must(t, p.to, "CREATE USER weak@localhost", "GRANT ALL ON d.* TO weak@localhost", "GRANT ALL ON e.* TO weak@localhost", "GRANT ALL ON _lifeboat.* TO weak@localhost")
			to := &pair{kind: kind, from: p.to}
			for _, c := range []struct{ user, file string }{{"", "ddl-forms"}, {"weak", "ddl-forms"}, {"weak", "foreign-key-cascades"}, {"weak", "duplicates-without-key"}, {"weak", "unique-values-move"}} {
				script, err := readCase(filepath.Join(testserver.Root(t), "testdata", "cases", c.file+".case"))
				if err != nil {
					t.Fatal(err)
				}
				must(t, p.from, "DROP DATABASE IF EXISTS "+database, "DROP DATABASE IF EXISTS "+neighbour)
				s := p.disaster(t, script)
				for _, r := range []route{{name: "fresh", memory: 64 << 20, workers: 2}, {name: "tiny", memory: 1, workers: 2}} {
					s.clear(t)
					p.user = c.user
					before, offset := to.end(t)
					if d := s.restore(t, r); d != "" {
						t.Errorf("%s, user %q, route %s: %s", c.file, c.user, r.name, d)
					}
					p.user = ""
					if after, at := to.end(t); (after != before || at != offset) == (c.user == "") {
						t.Errorf("%s, user %q, route %s: the target's log went from %s:%s to %s:%s", c.file, c.user, r.name, before, offset, after, at)
					}
				}
				s.clear(t)
			}
		})
	}
}

// TestDeadlock restores while another session, which has written much, holds the last of the rows and then asks for the first one: the
// server takes the restore's transaction back, which is made again.
func TestDeadlock(t *testing.T) {
	script := &oracleCase{name: "deadlock", kinds: testserver.Kinds()}
	for _, q := range []string{"CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB", "INSERT INTO t VALUES (1,0),(2,0),(3,0),(4,0),(5,0),(6,0),(7,0),(8,0)"} {
		script.base = append(script.base, statement{session: "s1", kinds: script.kinds, sql: q})
	}
	script.log = []statement{{session: "s1", kinds: script.kinds, sql: "UPDATE t SET v=v+id"}}
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			p := newPair(t, kind, nil)
			s := p.disaster(t, script)
			must(t, p.to, "CREATE DATABASE heavy", "CREATE TABLE heavy.h (a INT) ENGINE=InnoDB", "INSERT INTO heavy.h VALUES (1),(2),(3),(4),(5),(6),(7),(8)")
			for range 8 {
				must(t, p.to, "INSERT INTO heavy.h SELECT a FROM heavy.h")
			}
			for _, serial := range []bool{false, true} {
				s.clear(t)
				s.loadBase(t)
				s.deadlock(t, serial)
				if d := difference(s.want, capture(t, p.to, database, nil)); d != "" {
					t.Errorf("serial %t: %s", serial, d)
				}
			}
		})
	}
}

func (s *scene) deadlock(t *testing.T, serial bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	other, err := s.p.to.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback() }()
	run := func(q string) {
		if _, err := other.ExecContext(ctx, q); err != nil {
			t.Fatalf("%s: %v: the other session was to be the one that comes through", q, err)
		}
	}
	run("UPDATE heavy.h SET a=a+1") // a transaction that changed more is not the one that is taken back
	run("SELECT v FROM d.t WHERE id=8 FOR UPDATE")
	p, src := s.plan(ctx, t, true)
	srv, err := target.Open(ctx, s.p.dst.DSN(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	done := make(chan error, 1)
	go func() {
		_, err := replay.Restore(ctx, p, src, srv, replay.Options{Workers: 1, Memory: 64 << 20, Serial: serial, Patience: time.Minute})
		done <- err
	}()
	waits := "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state='LOCK WAIT'"
	for ask(t, s.p.to, waits)[0][0] == "0" {
		select {
		case err := <-done:
			t.Fatalf("the restore did not wait for the row: %v", err)
		case <-time.After(200 * time.Millisecond): // asked more often than each 100 ms, InnoDB gives the same answer for ever
		}
	}
	run("SELECT v FROM d.t WHERE id=1 FOR UPDATE")
	if text := ask(t, s.p.to, "SHOW ENGINE INNODB STATUS")[0][2]; !strings.Contains(text, "LATEST DETECTED DEADLOCK") {
		t.Error("there was no deadlock")
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("serial %t: %v", serial, err)
	}
}

// TestFileOverFourGiB reads events that lie beyond 4 GiB in their file, where the place that their headers name has wrapped: places come
// from the framing.
func TestFileOverFourGiB(t *testing.T) {
	src := testserver.Source(t, testserver.MySQL97)
	must(t, testserver.Open(t, src), "CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)", "FLUSH LOGS")
	b := read(t, filepath.Join(src.DataDir(), "binlog.000001"))
	head := magicLength + int(binary.LittleEndian.Uint32(b[lengthAt:]))
	const size, count = 16 << 20, 300
	filler := make([]byte, size) // an event of a type that no reader here looks into
	filler[4] = byte(binlog.HeartbeatEvent)
	binary.LittleEndian.PutUint32(filler[9:], size)
	binary.LittleEndian.PutUint32(filler[size-4:], crc32.ChecksumIEEE(filler[:size-4]))
	parts := []io.Reader{bytes.NewReader(b[:head])}
	for range count {
		parts = append(parts, bytes.NewReader(filler))
	}
	want := places(t, bytes.NewReader(b))
	got := places(t, io.MultiReader(append(parts, bytes.NewReader(b[head:]))...))
	for i, place := range got[1+count:] {
		if place != want[i+1]+size*count {
			t.Fatalf("event %d lies at %d, want %d", i, place, want[i+1]+size*count)
		}
	}
	if len(got) != len(want)+count || got[1+count] <= 4<<30 {
		t.Fatalf("%d events, want %d; the first of the rest lies at %d", len(got), len(want)+count, got[1+count])
	}
}

func places(t *testing.T, r io.Reader) (out []uint64) {
	t.Helper()
	for s := binlog.NewScanner(r, "binlog.000001"); ; {
		at := s.Offset()
		_, err := s.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if at == 0 {
			at = magicLength
		}
		out = append(out, at)
	}
}
