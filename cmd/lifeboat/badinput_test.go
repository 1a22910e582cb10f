package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// Every bad input gives one clear line that names what is wrong, where, and what to do; its own exit code; and a
// target as it was.
func TestBadInput(t *testing.T) {
	s := disaster(t, testserver.MariaDB1011)
	to := testserver.Start(t, s.kind)
	db := testserver.Open(t, to)
	for _, q := range []string{"CREATE DATABASE taken; CREATE TABLE taken.t (id INT)", "CREATE USER poor@localhost IDENTIFIED BY 'sesame-7'", "GRANT SELECT ON taken.* TO poor@localhost"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	poor := strings.Replace(to.DSN(), "root@", "poor:sesame-7@", 1)
	files := s.files(t)
	second, last := files[1], files[len(files)-1]
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir string) // of a copy of the scene
		args   []string                       // after those of a good restore; --target may come again
		code   int
		say    []string
	}{
		{"an empty folder", func(t *testing.T, dir string) {
			for _, f := range files {
				remove(t, dir, f)
			}
		}, nil, exitGap, []string{"no binary logs", "binlogs"}},
		{"no binlogs", func(t *testing.T, dir string) {
			for _, f := range files {
				write(t, filepath.Join(dir, "binlogs", f), []byte("a letter to my aunt\n"))
			}
		}, nil, exitGap, []string{"not a binary log", files[0]}},
		{"encrypted", func(t *testing.T, dir string) {
			for _, f := range files {
				edit(t, filepath.Join(dir, "binlogs", f), func(b []byte) []byte { return append([]byte("\xfdbin"), b[4:]...) })
			}
		}, nil, exitGap, []string{"encrypted", files[0], "--read-from-remote-server"}},
		{"one encrypted", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "binlogs", second), func(b []byte) []byte { return append([]byte("\xfdbin"), b[4:]...) })
		}, nil, exitGap, []string{second}},
		{"torn", func(t *testing.T, dir string) {
			remove(t, dir, last)
			edit(t, filepath.Join(dir, "binlogs", files[len(files)-2]), func(b []byte) []byte { return b[:len(b)-60] })
		}, []string{"--stop-after", "end"}, exitGap, []string{files[len(files)-2]}},
		{"a flipped bit", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "binlogs", files[2]), func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
		}, nil, exitCorrupt, []string{files[2], "intact copy"}},
		{"a missing file", func(t *testing.T, dir string) { remove(t, dir, files[2]) }, nil, exitGap, []string{files[2]}},
		{"a snapshot cut short", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "dump.sql"), func(b []byte) []byte { return b[:len(b)*2/3] })
		}, nil, exitGap, []string{"dump.sql", "cut short"}},
		{"a snapshot of another server", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "dump.sql"), func(b []byte) []byte {
				return []byte(strings.NewReplacer("binlog.00000", "elsewhere-bin.00000", "SET GLOBAL gtid_slave_pos", "-- gtid_slave_pos").Replace(string(b)))
			})
		}, nil, exitGap, []string{"elsewhere-bin"}},
		{"a snapshot newer than the stop", nil, []string{"--stop-before", files[0] + ":4"}, exitFailed, []string{"newer", "older backup"}},
		{"no snapshot there", func(t *testing.T, dir string) { remove(t, dir, "../dump.sql") }, nil, exitFailed, []string{"dump.sql"}},
		{"an unknown database", nil, []string{"--database", "shopp"}, exitFailed, []string{"shopp", "shop"}},
		{"the database is there", nil, []string{"--into", "taken"}, exitFailed, []string{"taken", "--into", "--drop-existing"}},
		{"no such incident", nil, []string{"--stop-before", "incident:9"}, exitFailed, []string{"incident:9", "the incidents found are 1"}},
		{"no such position", nil, []string{"--stop-before", last + ":4000000"}, exitFailed, []string{last + ":4000000"}},
		{"no such file", nil, []string{"--stop-before", "binlog.000777:4"}, exitFailed, []string{"binlog.000777:4"}},
		{"inside a transaction", nil, []string{"--stop-before", files[3] + ":" + inside(t, s, files[3])}, exitFailed, []string{"inside"}},
		{"no such GTID", nil, []string{"--stop-after", "0-1-999999"}, exitFailed, []string{"0-1-999999"}},
		{"wrong credentials", nil, []string{"--target", strings.Replace(poor, "sesame-7", "sesame-8", 1)}, exitFailed, []string{"refused", "poor", "LIFEBOAT_PASSWORD"}},
		{"no privilege", nil, []string{"--target", poor}, exitFailed, []string{"refused", "denied", "privileges on shop"}},
		{"no server", nil, []string{"--target", "root@unix(/nowhere/at.all)/"}, exitFailed, []string{"cannot be reached", "/nowhere/at.all"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyScene(t, s)
			if c.change != nil {
				c.change(t, dir)
			}
			before, was := inputs(t, dir), databases(t, db)
			args := []string{"restore", "--binlogs", filepath.Join(dir, "binlogs"), "--snapshot", filepath.Join(dir, "dump.sql"), "--progress", "none"}
			for _, d := range [][2]string{{"--database", "shop"}, {"--target", to.DSN()}, {"--stop-before", "incident:1"}} {
				if !strings.Contains(strings.Join(c.args, " "), d[0]) && !(d[0] == "--stop-before" && strings.Contains(strings.Join(c.args, " "), "--stop-after")) {
					args = append(args, d[:]...)
				}
			}
			o := lifeboat(t, append(args, c.args...)...).oneLine(t).want(t, c.code, c.say...)
			t.Log(o.err)
			if strings.Contains(o.err, "sesame") {
				t.Errorf("it tells the password:\n%s", o)
			}
			if now := databases(t, db); now != was {
				t.Errorf("the target holds %s, before: %s", now, was)
			}
			if inputs(t, dir) != before {
				t.Error("an input was changed")
			}
			o = lifeboat(t, append(args, append(c.args, "--progress", "json")...)...)
			if o.code != c.code || !strings.Contains(o.err, `"type":"error"`) || !strings.Contains(o.err, fmt.Sprintf(`"exit_code":%d`, c.code)) {
				t.Errorf("as JSON:\n%s", o)
			}
		})
	}
}

// Audit of the same damages: it reports all that is known, with the code that the archive deserves.
func TestAuditOfDamage(t *testing.T) {
	s := disaster(t, testserver.MariaDB1011)
	files := s.files(t)
	for _, c := range []struct {
		name   string
		change func(dir string)
		code   int
		say    []string
	}{
		{"a flipped bit", func(dir string) {
			edit(t, filepath.Join(dir, "binlogs", files[2]), func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
		}, exitCorrupt, []string{"DAMAGED", files[2], "customers"}},
		{"a missing file", func(dir string) { remove(t, dir, files[2]) }, exitGap, []string{"GAP", files[2], "customers", "1: drop-table"}},
		{"missing, but before the base", func(dir string) { remove(t, dir, files[0]) }, exitDone, []string{"COMPLETE", "1: drop-table"}},
		{"a torn end", func(dir string) {
			remove(t, dir, files[len(files)-1])
			edit(t, filepath.Join(dir, "binlogs", files[len(files)-2]), func(b []byte) []byte { return b[:len(b)-60] })
		}, exitGap, []string{"TORN END", "1: drop-table"}},
		{"a snapshot cut short", func(dir string) {
			edit(t, filepath.Join(dir, "dump.sql"), func(b []byte) []byte { return b[:len(b)*2/3] })
		}, exitGap, []string{"cut short", "customers"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyScene(t, s)
			c.change(dir)
			before := inputs(t, dir)
			lifeboat(t, "audit", "--binlogs", filepath.Join(dir, "binlogs"), "--snapshot", filepath.Join(dir, "dump.sql"), "--database", "shop", "--progress", "none").want(t, c.code, c.say...)
			lifeboat(t, "audit", "--binlogs", filepath.Join(dir, "binlogs"), "--progress", "none", "--format", "json").want(t, map[bool]int{true: exitDone, false: c.code}[strings.Contains(c.name, "snapshot") || strings.Contains(c.name, "before")])
			if inputs(t, dir) != before {
				t.Error("an input was changed")
			}
		})
	}
}

// Rows that cannot be read are refused with their table, count and place before anything is written, whatever is accepted.
func TestUnsupportedValues(t *testing.T) {
	openScene(t, "unsupported-values")
	for _, more := range [][]string{nil, {"--allow-incomplete"}, {"--base-loaded", "--snapshot-position", "binlog.000002:4"}} {
		args := append([]string{"plan", "--binlogs", "binlogs", "--database", "shop"}, more...)
		if len(more) < 2 {
			args = append(args, "--snapshot", "dump.sql")
		}
		lifeboat(t, args...).want(t, exitFailed, "binlog.000002:4364", "2 row events cannot be read", "shop.clocks", "--exclude-table")
	}
}

// A base that was taken after the wipe does not hold what was lost, and audit says so.
func TestBaseAfterTheWipe(t *testing.T) {
	s := disaster(t, testserver.MySQL97)
	s.takeDump(t, "--set-gtid-purged=ON")
	args := []string{"--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--progress", "none"}
	o := lifeboat(t, append([]string{"audit"}, args...)...).want(t, 0, "before the snapshot was taken", "use a snapshot from before it")
	if strings.Contains(o.out, "stop before it") {
		t.Errorf("it offers what this snapshot cannot do:\n%s", o)
	}
}

func copyScene(t *testing.T, s *scene) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, change(content))
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "binlogs", name)); err != nil {
		t.Fatal(err)
	}
}

// inside finds an offset within a transaction of a file: just before an Xid event's end, say.
func inside(t *testing.T, s *scene, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.binlogs(), name))
	if err != nil {
		t.Fatal(err)
	}
	for at := 4; at+19 < len(content); {
		size := int(content[at+9]) | int(content[at+10])<<8 | int(content[at+11])<<16 | int(content[at+12])<<24
		if content[at+4] == 16 { // Xid
			return fmt.Sprint(at)
		}
		at += size
	}
	t.Fatalf("no transaction in %s", name)
	return ""
}
