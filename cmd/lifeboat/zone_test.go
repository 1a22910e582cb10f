package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// A dump with --skip-tz-utc gives moments in a zone that it does not name: to take them for UTC in silence would move them by hours.
func TestDumpInItsServersZone(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			m := &archiveMaker{t: t, dir: t.TempDir()}
			m.start(kind, "--default-time-zone=+03:00")
			m.run("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY, at TIMESTAMP NULL)", "CREATE TABLE shop.d (id INT PRIMARY KEY, at DATETIME)",
				"INSERT INTO shop.t VALUES (1, '2026-06-01 12:00:00')", "INSERT INTO shop.d VALUES (1, '2026-06-01 12:00:00')")
			m.dump(testserver.Coordinates(kind), "--skip-tz-utc")
			m.run("INSERT INTO shop.t VALUES (2, '2026-06-01 13:00:00')", "INSERT INTO shop.d VALUES (2, '2026-06-01 13:00:00')", "FLUSH BINARY LOGS")
			m.collect("binlogs", 0)
			to := testserver.Start(t, kind)
			db := testserver.Open(t, to)
			dump := filepath.Join(m.dir, "dump.sql")
			restore := func(code int, says string, more ...string) {
				t.Helper()
				args := []string{"restore", "--binlogs", filepath.Join(m.dir, "binlogs"), "--snapshot", dump, "--database", "shop", "--drop-existing", "--progress", "none", "--target", to.DSN()}
				o := lifeboat(t, append(args, more...)...).want(t, code)
				if said := strings.Join(strings.Fields(o.out), " "); !strings.Contains(said, says) {
					t.Errorf("it does not say %q: %s", says, o)
				}
			}
			moments := func(want string) {
				t.Helper()
				if got := one(t, db, "SELECT CONCAT_WS(' ', (SELECT GROUP_CONCAT(UNIX_TIMESTAMP(at) - UNIX_TIMESTAMP('2026-06-01 09:00:00') ORDER BY id) FROM shop.t), (SELECT GROUP_CONCAT(at ORDER BY id) FROM shop.d))"); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
			if _, err := db.Exec("SET GLOBAL time_zone = '+00:00'"); err != nil {
				t.Fatal(err)
			}
			db.SetMaxIdleConns(-1)
			const days = "2026-06-01 12:00:00,2026-06-01 13:00:00"
			restore(exitDone, "DONE", "--exclude-table", "t")
			restore(exitIncomplete, "come out as if it were UTC: t;")
			moments("10800,3600 " + days) // as it says
			v := lifeboat(t, "verify", "--binlogs", filepath.Join(m.dir, "binlogs"), "--snapshot", dump, "--database", "shop", "--progress", "none", "--target", to.DSN())
			if said := strings.Join(strings.Fields(v.out), " "); !strings.Contains(said, "come out as if it were UTC: t;") {
				t.Errorf("verify does not say what it takes for known: %s", v)
			}
			text, err := os.ReadFile(dump)
			if err != nil {
				t.Fatal(err)
			}
			write(t, dump, bytes.Replace(text, []byte("INSERT INTO"), []byte("SET TIME_ZONE='+03:00';\nINSERT INTO"), 1))
			restore(exitDone, "DONE")
			moments("0,3600 " + days)
		})
	}
}

// The same of a dump of MySQL Shell with tzUtc: false.
func TestShellDumpInItsServersZone(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			m := &archiveMaker{t: t, dir: t.TempDir()}
			m.start(kind, "--default-time-zone=+00:00")
			m.run("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY, at TIMESTAMP NULL)", "INSERT INTO shop.t VALUES (1, '2026-06-01 12:00:00'), (2, '2026-06-01 12:00:00')")
			dump := filepath.Join(m.dir, "shell")
			testserver.ShellDump(t, testserver.Open(t, m.server), dump, testserver.ShellOptions{Schemas: []string{"shop"}, LocalTime: true})
			m.run("UPDATE shop.t SET at = '2026-06-01 13:00:00' WHERE id = 2", "FLUSH BINARY LOGS")
			m.collect("binlogs", 0)
			to := testserver.Start(t, kind, "--default-time-zone=+00:00")
			o := lifeboat(t, "restore", "--binlogs", filepath.Join(m.dir, "binlogs"), "--snapshot", dump, "--database", "shop", "--progress", "none", "--target", to.DSN()).want(t, exitIncomplete)
			if said := strings.Join(strings.Fields(o.out), " "); !strings.Contains(said, "come out as if it were UTC: t;") {
				t.Errorf("it does not say which table's times it cannot tell: %s", o)
			}
			const want = "2026-06-01 14:00:00,2026-06-01 13:00:00" // the dump's, in the zone +02:00 that it does not name, and the log's
			if got := one(t, testserver.Open(t, to), "SELECT GROUP_CONCAT(at ORDER BY id) FROM shop.t"); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}
