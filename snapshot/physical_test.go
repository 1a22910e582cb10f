package snapshot_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/snapshot"
)

// TestPhysicalBackup: a folder of the real mariadb-backup is named, with its coordinates and what to do.
func TestPhysicalBackup(t *testing.T) {
	s := testserver.Source(t, testserver.MariaDB1011)
	src := &source{kind: testserver.MariaDB1011, server: s, db: testserver.Open(t, s)}
	run(t, src.conn(t), "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)")
	at, dir := src.position(t), filepath.Join(t.TempDir(), "backup")
	if out, err := exec.CommandContext(t.Context(), testserver.MariaBackup(t), "--no-defaults", "--backup", "--user=root", "--socket="+s.Socket(), "--datadir="+s.DataDir(), "--target-dir="+dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, err := snapshot.Open(t.Context(), dir, "shop", nil)
	if !errors.Is(err, snapshot.ErrUnsupported) || !strings.Contains(err.Error(), at.String()) || !strings.Contains(err.Error(), "--base-loaded") {
		t.Errorf("%v, the server was at %v", err, at)
	}
	if got, err := snapshot.PhysicalPosition(dir); err != nil || got != at {
		t.Errorf("%v, %v, the server was at %v", got, err, at)
	}
	if _, err := snapshot.PhysicalPosition(t.TempDir()); !errors.Is(err, snapshot.ErrNotDump) {
		t.Errorf("an empty folder: %v", err)
	}
}

// FuzzPhysical: a place in the log is that of a file's name and a number, or an error says which file holds none.
func FuzzPhysical(f *testing.F) {
	for _, s := range []string{"binlog.000003\t157\t8c5f-1:1-7\n", "./log/binlog.000003 157", "a\\b 18446744073709551616", " \x00 -1", "x"} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "xtrabackup_binlog_info")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		at, err := snapshot.PhysicalPosition(dir)
		var failed *snapshot.ReadError
		if err != nil && (!errors.As(err, &failed) || failed.Path != path) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && strings.ContainsAny(at.File, "/\\ \n\t") {
			t.Fatalf("%q: the file is %q", text, at.File)
		}
	})
}
