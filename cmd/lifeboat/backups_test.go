package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// backup is a way to take one: where it lies, and what to say of its place in the log if it does not tell.
type backup struct {
	path, position string
}

// fromBackup makes a disaster with a backup of the tool, restores from it and compares.
func fromBackup(t *testing.T, kind string, dump func(*scene) backup) *ran {
	t.Helper()
	var b backup
	s := disasterOf(t, kind, func(s *scene) { b = dump(s) })
	to, before := testserver.Start(t, kind), inputs(t, s.dir)
	args := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", b.path, "--database", "shop", "--stop-before", "incident:1", "--target", to.DSN(), "--progress", "none"}
	if b.position != "" {
		args = append(args, "--snapshot-position", b.position)
	}
	o := lifeboat(t, args...).want(t, 0, "DONE")
	lifeboat(t, "verify", "--database", "kept", "--target", to.DSN(), "--into", "shop", "--against", s.server.DSN(), "--progress", "none").want(t, 0, "THE SAME", "3 tables")
	if now := inputs(t, s.dir); now != before {
		t.Errorf("an input was changed:\n%s\nbefore:\n%s", now, before)
	}
	return o
}

// at is the end of the scene's log.
func (s *scene) at(t *testing.T) string {
	t.Helper()
	q := "SHOW MASTER STATUS"
	if s.kind == testserver.MySQL97 {
		q = "SHOW BINARY LOG STATUS"
	}
	out, err := exec.Command(testserver.Bin(t, s.kind, "mysql"), "--no-defaults", "-uroot", "-S", s.server.Socket(), "-N", "-e", q).Output()
	if f := strings.Fields(string(out)); err == nil && len(f) >= 2 {
		return f[0] + ":" + f[1]
	}
	t.Fatalf("%v: %s", err, out)
	return ""
}

func TestRestoreFromMydumper(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		for _, args := range [][]string{{"--rows=10"}, {"--compress", "--statement-size=1000"}} {
			t.Run(kind+args[0], func(t *testing.T) {
				t.Parallel()
				fromBackup(t, kind, func(s *scene) backup {
					b := backup{path: filepath.Join(s.dir, "backup")}
					if kind == testserver.MySQL97 {
						b.position = s.at(t) // mydumper 0.10 records none of such a server
					}
					testserver.DumpFolder(t, b.path, append([]string{"--socket=" + s.server.Socket(), "--user=root"}, args...)...)
					return b
				})
			})
		}
	}
}

func TestRestoreFromShell(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		for name, o := range map[string]testserver.ShellOptions{"instance": {Schemas: []string{"crm", "shop"}, ChunkRows: 10}, "tables": {Schemas: []string{"shop"}, Tables: true, Hex: true, Plain: true},
			"newer": {Schemas: []string{"shop"}, Newer: true}} {
			t.Run(kind+"-"+name, func(t *testing.T) {
				t.Parallel()
				fromBackup(t, kind, func(s *scene) backup {
					b := backup{path: filepath.Join(s.dir, "backup")}
					testserver.ShellDump(t, testserver.Open(t, s.server), b.path, o)
					return b
				})
			})
		}
	}
}

func TestRestoreFromTab(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			fromBackup(t, kind, func(s *scene) backup {
				b := backup{path: filepath.Join(s.dir, "backup"), position: s.at(t)}
				if err := os.Mkdir(b.path, 0o777); err != nil {
					t.Fatal(err)
				}
				args := []string{"--no-defaults", "-uroot", "-S", s.server.Socket(), "--tab=" + b.path, "shop"}
				if out, err := exec.Command(testserver.Bin(t, kind, "mysqldump"), args...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				return b
			})
		})
	}
}
