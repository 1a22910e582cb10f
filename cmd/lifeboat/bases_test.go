package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// twoBackups is a server with a full backup, and a later one of some tables. What there was between the two, and before the wipe, is kept
// beside as databases kept1 and kept2.
type twoBackups struct {
	scene
	db       *sql.DB
	old, new string
}

// newSource is a server that logs, and one session of it.
func newSource(t *testing.T, kind string, args ...string) *twoBackups {
	t.Helper()
	s := &twoBackups{scene: scene{kind: kind, dir: t.TempDir(), server: testserver.Source(t, kind, args...)}}
	s.db = testserver.Open(t, s.server)
	s.db.SetMaxOpenConns(1)
	return s
}

func (s *twoBackups) exec(t *testing.T, text string) {
	t.Helper()
	for q := range strings.SplitSeq(text, ";\n") {
		if q = strings.TrimSpace(q); q == "" {
			continue
		}
		if _, err := s.db.Exec(q); err != nil {
			t.Fatalf("%.200s: %v", q, err)
		}
	}
}

// dump takes one with the server's own tool.
func (s *twoBackups) dump(t *testing.T, name string, what ...string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	args := []string{"--no-defaults", "-uroot", "-S", s.server.Socket(), "--single-transaction", testserver.Coordinates(s.kind), "--result-file=" + path}
	if s.kind == testserver.MySQL97 {
		args = append(args, "--set-gtid-purged=OFF") // its backups have positions; those of the others have GTIDs, too
	}
	args = append(append(args, "shop"), what...)
	if out, err := exec.Command(testserver.Bin(t, s.kind, "mysqldump"), args...).CombinedOutput(); err != nil {
		t.Fatalf("mysqldump: %v\n%s", err, out)
	}
	return path
}

// keep notes the truth: tables, and what hangs on them.
func (s *twoBackups) keep(t *testing.T, as string, tables ...string) {
	t.Helper()
	s.exec(t, "SET SESSION sql_log_bin=0;\nCREATE DATABASE "+as)
	for _, n := range tables {
		s.exec(t, "CREATE TABLE "+as+"."+n+" LIKE shop."+n+";\nINSERT INTO "+as+"."+n+" SELECT * FROM shop."+n)
	}
	s.exec(t, "SET SESSION sql_log_bin=1")
}

func newTwoBackups(t *testing.T, kind string) *twoBackups {
	t.Helper()
	s := &twoBackups{scene: scene{kind: kind, dir: t.TempDir()}}
	s.server = testserver.Source(t, kind, append([]string{"--max-binlog-size=8192"}, testserver.GTID(kind)...)...)
	s.db = testserver.Open(t, s.server)
	s.db.SetMaxOpenConns(1)
	s.exec(t, `CREATE DATABASE shop;
USE shop;
CREATE TABLE a (id INT PRIMARY KEY, v INT);
CREATE TABLE b (id INT PRIMARY KEY, v INT, UNIQUE KEY (v));
CREATE TABLE gone (id INT PRIMARY KEY);
CREATE TABLE nokey (v INT, w VARCHAR(20));
INSERT INTO a VALUES (1,1),(2,2),(3,3),(4,4);
INSERT INTO b VALUES (1,1),(2,2),(3,3),(4,4);
INSERT INTO nokey VALUES (1,'x'),(1,'x'),(2,'y');
INSERT INTO gone VALUES (1);
CREATE VIEW v AS SELECT id FROM a`)
	s.old = s.dump(t, "old.sql")
	s.exec(t, `UPDATE a SET v = v + 10;
UPDATE b SET v = v + 100 WHERE id < 3;
DELETE FROM b WHERE id = 4;
BEGIN;
UPDATE a SET v = v * 2 WHERE id = 1;
UPDATE b SET v = 1000 WHERE id = 1;
DELETE FROM nokey WHERE v = 1 LIMIT 1;
COMMIT;
ALTER TABLE b ADD COLUMN x INT NOT NULL DEFAULT 7;
CREATE TABLE d (id INT PRIMARY KEY, t TEXT);
INSERT INTO d VALUES (1,'between');
CREATE TABLE c (id INT PRIMARY KEY, v INT);
INSERT INTO c VALUES (1,1);
DROP TABLE gone;
FLUSH LOGS;
INSERT INTO nokey VALUES (3,'z')`)
	s.keep(t, "kept1", "a", "b", "c", "d", "nokey")
	s.exec(t, `FLUSH LOGS;
CREATE OR REPLACE VIEW v AS SELECT id, v FROM a;
UPDATE d SET t = 'later';
INSERT INTO b VALUES (5,5,5);
DELETE FROM nokey WHERE v = 2;
CREATE TRIGGER tb BEFORE INSERT ON b FOR EACH ROW SET NEW.x = 1`)
	s.new = s.dump(t, "new.sql", "b", "d", "nokey")
	s.exec(t, `INSERT INTO b (id, v) VALUES (6,6);
UPDATE b SET v = v + 1 WHERE id > 3 ORDER BY v DESC;
BEGIN;
DELETE FROM d;
INSERT INTO d VALUES (2,'end');
UPDATE a SET v = 0 WHERE id = 2;
UPDATE c SET v = 9;
COMMIT;
INSERT INTO nokey VALUES (3,'z');
ALTER TABLE a ADD COLUMN w INT DEFAULT 3;
UPDATE a SET w = id`)
	s.keep(t, "kept2", "a", "b", "c", "d", "nokey")
	s.exec(t, "FLUSH LOGS;\nDROP TABLE a, b, d")
	s.collect(t)
	return s
}

// equal holds tables, all five unless some are named, against what was kept.
func (s *twoBackups) equal(t *testing.T, kept string, to *scratch.Server, name string, tables ...string) {
	t.Helper()
	args := []string{"verify", "--database", kept, "--target", to.DSN(), "--into", name, "--against", s.server.DSN(), "--progress", "none"}
	if tables == nil {
		tables = []string{"a", "b", "c", "d", "nokey"}
	}
	for _, n := range tables {
		args = append(args, "--table", n)
	}
	o := lifeboat(t, args...)
	if o.code != 0 {
		t.Errorf("%s is not what %s keeps:\n%s", name, kept, o)
	}
}

// Each table comes from the backup that covers it best, and its changes count from there: onto a server, without one, and in verify.
func TestSeveralBases(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newTwoBackups(t, kind)
			to := testserver.Start(t, kind)
			names := s.files(t)
			last := names[len(names)-1]
			from := []string{"--binlogs", s.binlogs(), "--snapshot", s.old, "--snapshot", s.new, "--database", "shop", "--progress", "none"}
			with := func(command string, more ...string) []string {
				return append(append([]string{command}, from...), more...)
			}
			o := lifeboat(t, with("plan", "--stop-before", last+":4")...).want(t, 0)
			p := &plan.Plan{}
			if err := json.Unmarshal([]byte(o.out), p); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.Bases[0].Tables, " ") + " | " + strings.Join(p.Bases[1].Tables, " "); got != "a gone | b d nokey" || !p.Bases[0].Programs {
				t.Errorf("the picks: %s", got)
			}
			lifeboat(t, with("restore", "--stop-before", last+":4", "--dry-run", "--target", to.DSN())...).want(t, 0, "base 2", "the newest before", "views, routines and events")
			lifeboat(t, with("audit")...).want(t, 0, "drop-table")

			lifeboat(t, with("restore", "--stop-before", last+":4", "--target", to.DSN(), "--into", "picked", "--verify")...).want(t, 0, "DONE")
			s.equal(t, "kept2", to, "picked")
			s.programs(t, to, "picked")
			lifeboat(t, with("verify", "--stop-before", last+":4", "--target", to.DSN(), "--into", "picked")...).want(t, 0, "THE SAME")

			// A named backup, and a saved plan.
			saved := filepath.Join(t.TempDir(), "plan.json")
			lifeboat(t, with("plan", "--snapshot", "b="+s.old, "--stop-before", last+":4", "--into", "named", "-o", saved)...).want(t, 0)
			lifeboat(t, "restore", "--plan", saved, "--binlogs", s.binlogs(), "--target", to.DSN(), "--progress", "none").want(t, 0, "DONE")
			s.equal(t, "kept2", to, "named")

			// Stopped before the newer backup, it is left out.
			middle := s.middle(t)
			lifeboat(t, with("restore", "--stop-before", middle, "--target", to.DSN(), "--into", "early")...).want(t, 0, "DONE")
			s.equal(t, "kept1", to, "early")
			lifeboat(t, with("plan", "--stop-before", middle)...).want(t, 0, `"unused": "it is newer than the stop point"`)

			out := filepath.Join(t.TempDir(), "out")
			lifeboat(t, with("restore", "--stop-before", last+":4", "--output", out)...).want(t, 0, "DONE")
			text, err := os.ReadFile(filepath.Join(out, "shop.sql"))
			if err != nil {
				t.Fatal(err)
			}
			s.feed(t, to, text)
			s.equal(t, "kept2", to, "shop")
			s.programs(t, to, "shop")
		})
	}
}

// A backup without coordinates gives what no other has, and the others keep their place in the log.
func TestSeveralBasesOneOfUnknownDate(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newTwoBackups(t, kind)
			stop := s.place(t, "ALTER TABLE A ADD COLUMN W")
			text, err := os.ReadFile(s.old)
			if err != nil {
				t.Fatal(err)
			}
			var keep []string
			for line := range strings.Lines(string(text)) {
				if !strings.Contains(line, "CHANGE MASTER") && !strings.Contains(line, "CHANGE REPLICATION") && !strings.Contains(line, "GTID_PURGED") && !strings.Contains(line, "gtid_slave_pos") && !strings.Contains(line, "+00000") {
					keep = append(keep, line)
				}
			}
			s.old = filepath.Join(s.dir, "undated.sql")
			if err := os.WriteFile(s.old, []byte(strings.Join(keep, "")), 0o644); err != nil {
				t.Fatal(err)
			}
			to := testserver.Start(t, kind)
			args := []string{"--binlogs", s.binlogs(), "--snapshot", s.old, "--snapshot", s.new, "--database", "shop", "--progress", "none", "--stop-before", stop, "--target", to.DSN()}
			lifeboat(t, append([]string{"restore", "--dry-run"}, args...)...).want(t, 0, "the snapshot does not say where")
			lifeboat(t, append([]string{"restore", "--snapshot-position", "unknown"}, args...)...).want(t, 0, "DONE")
			s.equal(t, "kept2", to, "shop", "b", "c", "d", "nokey")
			db := testserver.Open(t, to)
			var want, got string
			for _, x := range []struct {
				db   *sql.DB
				name string
				into *string
			}{{s.db, "kept2", &want}, {db, "shop", &got}} {
				if err := x.db.QueryRow("SELECT GROUP_CONCAT(id, '=', v ORDER BY id) FROM " + x.name + ".a").Scan(x.into); err != nil {
					t.Fatal(err)
				}
			}
			if got != want {
				t.Errorf("table a holds %s, want %s", got, want)
			}
		})
	}
}

// middle is where kept1 was kept.
func (s *twoBackups) middle(t *testing.T) string { return s.place(t, "CREATE OR REPLACE") }

// place is that of the first statement that has the words in it.
func (s *twoBackups) place(t *testing.T, words string) string {
	t.Helper()
	o := lifeboat(t, "audit", "--binlogs", s.binlogs(), "--snapshot", s.old, "--database", "shop", "--format", "json", "--progress", "none")
	a := struct {
		Changes []struct {
			Position string `json:"position"`
			SQL      string `json:"sql"`
		} `json:"schema_changes"`
	}{}
	if err := json.Unmarshal([]byte(o.out), &a); err != nil {
		t.Fatal(err)
	}
	for _, c := range a.Changes {
		if strings.Contains(strings.ToUpper(c.SQL), words) {
			return c.Position
		}
	}
	t.Fatalf("no %s in:\n%s", words, o)
	return ""
}

// programs looks for the trigger of the newer backup, and the view as the log left it.
func (s *twoBackups) programs(t *testing.T, to *scratch.Server, name string) {
	t.Helper()
	db := testserver.Open(t, to)
	var trigger, columns int
	if err := db.QueryRow("SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? AND TRIGGER_NAME = 'tb'", name).Scan(&trigger); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 'v'", name).Scan(&columns); err != nil {
		t.Fatal(err)
	}
	if trigger != 1 || columns != 2 {
		t.Errorf("%s: %d triggers, view of %d columns; want 1 and 2", name, trigger, columns)
	}
}

// What would be done twice to one table, or not at all to another, is refused by name.
func TestSeveralBasesRefused(t *testing.T) {
	for name, c := range map[string]struct {
		kind           string
		tables         string
		between, after string
		code           int
		want           []string
	}{
		"one statement for both": {testserver.MySQL97, "a", "DROP TABLE a, b;\nCREATE TABLE a (id INT PRIMARY KEY);\nCREATE TABLE b (id INT PRIMARY KEY)", "", 1, []string{"a statement that some of the backups hold and others do not", "DROP TABLE"}},
		"swapped names":          {testserver.MariaDB1011, "a", "RENAME TABLE a TO x, b TO a, x TO b", "", 1, []string{"some of the backups hold", "RENAME TABLE"}},
		"cascades":               {testserver.MariaDB1011, "parent", "DELETE FROM parent WHERE id = 1", "DELETE FROM parent WHERE id = 2", 1, []string{"child and parent are taken from backups of different dates", "--snapshot child=PATH"}},
		"cascades in the log":    {testserver.MySQL97, "parent", "DELETE FROM parent WHERE id = 1", "DELETE FROM parent WHERE id = 2", 0, nil},
		"prepared between": {testserver.MySQL97, "a", "XA START 'q';\nINSERT INTO a VALUES (77);\nXA END 'q';\nXA PREPARE 'q'", "XA COMMIT 'q'", 1,
			[]string{"its rows of a were prepared before their backup was taken"}},
		"a trigger dropped":                  {testserver.MariaDB1011, "a", "DROP TRIGGER tr", "", 1, []string{"DROP TRIGGER"}},
		"a backup's table that is not there": {testserver.MariaDB1011, "a", "DO 1", "", 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &twoBackups{scene: scene{kind: c.kind, dir: t.TempDir()}}
			s.server = testserver.Source(t, c.kind, append([]string{"--max-binlog-size=8192"}, testserver.GTID(c.kind)...)...)
			s.db = testserver.Open(t, s.server)
			s.db.SetMaxOpenConns(1)
			s.exec(t, `CREATE DATABASE shop;
USE shop;
CREATE TABLE a (id INT PRIMARY KEY);
CREATE TABLE b (id INT PRIMARY KEY);
CREATE TABLE parent (id INT PRIMARY KEY);
CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
INSERT INTO parent VALUES (1),(2),(3);
INSERT INTO child VALUES (1,1),(2,2),(3,3);
CREATE TRIGGER tr BEFORE INSERT ON b FOR EACH ROW SET NEW.id = NEW.id;
CREATE TABLE c (id INT PRIMARY KEY)`)
			s.old = s.dump(t, "old.sql")
			s.exec(t, c.between)
			s.new = s.dump(t, "new.sql", c.tables)
			s.exec(t, c.after+";\nFLUSH LOGS;\nFLUSH LOGS;\nINSERT INTO b VALUES (99)")
			s.collect(t)
			args := []string{"plan", "--binlogs", s.binlogs(), "--snapshot", s.old, "--snapshot", s.new, "--database", "shop", "--stop-after", "end", "--progress", "none"}
			if c.want == nil && c.code == 1 {
				lifeboat(t, append(args, "--snapshot", "b="+s.new)...).oneLine(t).want(t, 1, "has no such table")
				return
			}
			lifeboat(t, args...).want(t, c.code, c.want...)
		})
	}
}

// What neither backup nor log made is listed, and all else is restored.
func TestTablesWithoutABase(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newTwoBackups(t, kind)
			to := testserver.Start(t, kind)
			names := s.files(t)
			args := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", s.new, "--database", "shop", "--progress", "none", "--stop-before", names[len(names)-1] + ":4"}
			o := lifeboat(t, append(args, "--target", to.DSN(), "--format", "json")...).want(t, 3)
			rep := struct {
				Incomplete []string `json:"incomplete"`
			}{}
			if err := json.Unmarshal([]byte(o.out), &rep); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(rep.Incomplete, "\n"); len(rep.Incomplete) != 2 || !strings.Contains(got, "table a: ") || !strings.Contains(got, "table c: ") {
				t.Errorf("listed: %s", got)
			}
			s.equal(t, "kept2", to, "shop", "b", "d", "nokey")
		})
	}
}

// A restore over several backups that is stopped after its first report, then after its second, and so on, ends as one that was not, merged and
// with the backups loaded first.
func TestSeveralBasesResumed(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newTwoBackups(t, kind)
			to := testserver.Start(t, kind)
			names := s.files(t)
			a, err := archive.Open(t.Context(), []string{s.binlogs()}, archive.Options{})
			if err != nil {
				t.Fatal(err)
			}
			q := plan.Request{Archive: a, Scope: filter.Scope{Database: "shop"}, Stop: filter.Stop{Point: filter.Point{Position: binlog.Position{File: names[len(names)-1], Offset: 4}}, Given: true}}
			for _, path := range []string{s.old, s.new} {
				x, err := snapshot.Open(t.Context(), path, "shop", nil)
				if err != nil {
					t.Fatal(err)
				}
				q.Bases = append(q.Bases, plan.Backup{Snapshot: x})
			}
			srv, err := target.Open(t.Context(), to.DSN(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			for into, first := range map[string]bool{"merged": false, "first": true} {
				q.Into = into
				p, _, err := plan.Make(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				base, err := p.Joined(q.Bases)
				if err != nil {
					t.Fatal(err)
				}
				runs := 0
				for err = context.Canceled; err != nil; {
					runs++
					run, cancel := context.WithCancel(t.Context())
					n := 0
					_, err = replay.Restore(run, p, replay.NewSource(a, base), srv, replay.Options{Workers: 2, Memory: 1, BaseFirst: first, Report: func(replay.Progress) {
						if n++; n == 2*runs {
							cancel()
						}
					}})
					cancel()
					if err != nil && !errors.Is(run.Err(), context.Canceled) || runs > 200 {
						t.Fatalf("%s, run %d: %v", into, runs, err)
					}
				}
				if runs < 5 {
					t.Errorf("%s: only %d runs: too few stops to prove anything", into, runs)
				}
				s.equal(t, "kept2", to, into)
				s.programs(t, to, into)
			}
		})
	}
}
