package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lifeboat/internal/target/folder"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

// toFolder restores the scene into a dump.
func (s *scene) toFolder(t *testing.T, snapshot, dir string, more ...string) *ran {
	t.Helper()
	args := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", snapshot, "--database", "shop", "--output", dir, "--progress", "none"}
	return lifeboat(t, append(args, more...)...).want(t, 0, "DONE", "is complete")
}

// feed loads a script with the server's own client.
func (s *scene) feed(t *testing.T, to *scratch.Server, text []byte) {
	t.Helper()
	cmd := exec.Command(testserver.Bin(t, s.kind, "mysql"), "--no-defaults", "-uroot", "-S", to.Socket(), "--binary-mode")
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// same compares what was loaded with what there was before the wipe.
func (s *scene) same(t *testing.T, to *scratch.Server) {
	t.Helper()
	lifeboat(t, "verify", "--database", "kept", "--target", to.DSN(), "--into", "shop", "--against", s.server.DSN(), "--progress", "none").want(t, 0, "THE SAME", "3 tables")
}

// A restore into a folder is loaded by the stock clients of both families, whatever its form, and holds what a restore onto a server does.
func TestRestoreIntoFolder(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := disaster(t, kind)
			before := inputs(t, s.dir)
			out := t.TempDir()
			s.toFolder(t, s.dump(), filepath.Join(out, "sql"), "--stop-before", "incident:1")
			s.toFolder(t, s.dump(), filepath.Join(out, "my"), "--stop-before", "incident:1", "--output-format", "mydumper", "--compress")
			if now := inputs(t, s.dir); now != before {
				t.Errorf("an input was changed:\n%s\nbefore:\n%s", now, before)
			}

			to := testserver.Start(t, kind)
			text, err := os.ReadFile(filepath.Join(out, "sql", "shop.sql"))
			if err != nil {
				t.Fatal(err)
			}
			s.feed(t, to, text)
			s.same(t, to)
			checkManifest(t, filepath.Join(out, "sql"))

			to = testserver.Start(t, kind)
			checkManifest(t, filepath.Join(out, "my"))
			uncompress(t, filepath.Join(out, "my"))
			// One thread: MariaDB now and then has two of its sessions in a deadlock, which this version does not try again.
			load := exec.Command(testserver.Mydumper(t, "myloader"), "--threads=1", "--socket="+to.Socket(), "--user=root", "--directory="+filepath.Join(out, "my"))
			if text, err := load.CombinedOutput(); err != nil {
				t.Fatalf("myloader: %v: %s", err, text)
			}
			s.same(t, to)
		})
	}
}

// A dump that lifeboat wrote is a base for the log behind it.
func TestFolderIsABase(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := disaster(t, kind)
			names := s.files(t)
			middle := names[len(names)-3] // behind the dump, and before the wipe
			if kind == testserver.MySQL56 {
				middle = names[len(names)-2] // its log is the shortest
			}
			for _, format := range []string{folder.SQL, folder.MyDumper} {
				half, whole := filepath.Join(t.TempDir(), "half"), filepath.Join(t.TempDir(), "whole")
				s.toFolder(t, s.dump(), half, "--stop-before", middle+":4", "--output-format", format)
				base := half
				if format == folder.SQL && kind == testserver.MySQL97 {
					base = filepath.Join(half, "shop.sql") // the folder alone does, too
				}
				s.toFolder(t, base, whole, "--stop-before", "incident:1")
				text, err := os.ReadFile(filepath.Join(whole, "shop.sql"))
				if err != nil {
					t.Fatal(err)
				}
				to := testserver.Start(t, kind)
				s.feed(t, to, text)
				s.same(t, to)

				lifeboat(t, "restore", "--binlogs", s.binlogs(), "--snapshot", base, "--database", "shop", "--stop-before", "incident:1", "--target", to.DSN(), "--drop-existing", "--progress", "none").want(t, 0, "DONE")
				s.same(t, to)
			}
		})
	}
}

// Tables that the log made lie in a dump as the log has their CREATE, in the session that it had: the dump as a base reads them so, too.
func TestFolderOfLogMadeTablesIsABase(t *testing.T) {
	for _, kind := range testserver.AllKinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, kind)
			s.exec(t, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4;\nUSE shop;\nCREATE TABLE a (id INT PRIMARY KEY);\nINSERT INTO a VALUES (1)")
			s.old = s.dump(t, "old.sql")
			s.exec(t, "SET NAMES gbk;\nSET SESSION sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
			if kind != testserver.MySQL56 {
				s.exec(t, "SET SESSION explicit_defaults_for_timestamp=0")
			}
			s.exec(t, "CREATE TABLE \"late\" (id INT PRIMARY KEY, ts TIMESTAMP, c VARCHAR(9) DEFAULT '\xd6\xd0\\' COMMENT 'it ends with \\', d VARCHAR(9)) COMMENT '\xd5\\; '';\\'")
			s.exec(t, "INSERT INTO late (id, d) VALUES (1, 'x\\');\nSET NAMES utf8mb4;\nSET SESSION sql_mode=''")
			if kind == testserver.MariaDB118 {
				s.exec(t, "SET SESSION character_set_collations='utf8mb4=utf8mb4_bin'")
			}
			s.exec(t, "CREATE TABLE later (id INT PRIMARY KEY, c CHAR(5) CHARACTER SET utf8mb4);\nINSERT INTO later VALUES (1, '☃')")
			want := s.definitions(t, s.server, "shop")
			s.exec(t, "FLUSH LOGS;\nFLUSH LOGS;\nDROP DATABASE shop")
			s.collect(t)
			to := testserver.Start(t, kind)
			for _, format := range []string{folder.SQL, folder.MyDumper} {
				dir := filepath.Join(t.TempDir(), "full")
				s.toFolder(t, s.old, dir, "--stop-before", "incident:1", "--output-format", format)
				lifeboat(t, "restore", "--binlogs", s.binlogs(), "--snapshot", dir, "--database", "shop", "--stop-before", "incident:1", "--target", to.DSN(), "--into", format, "--verify", "--progress", "none").want(t, 0, "DONE", "THE SAME")
				if got := s.definitions(t, to, format); got != want {
					t.Errorf("%s: got\n%s\nwant\n%s", format, got, want)
				}
				text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
				if err != nil {
					t.Fatal(err)
				}
				if format == folder.SQL {
					if err := os.WriteFile(filepath.Join(dir, "manifest.json"), bytes.Replace(text, []byte(`"bytes": `), []byte(`"bytes": 1`), 1), 0o600); err != nil {
						t.Fatal(err)
					}
					lifeboat(t, "plan", "--binlogs", s.binlogs(), "--snapshot", dir, "--database", "shop", "--stop-before", "incident:1", "--progress", "none").want(t, 10, "manifest.json says", "take another copy")
				}
			}
		})
	}
}

// definitions are those of late and later, with the rows of both.
func (s *twoBackups) definitions(t *testing.T, on *scratch.Server, name string) string {
	t.Helper()
	db := testserver.Open(t, on)
	out := ""
	for _, table := range []string{"late", "later"} {
		var n, create, rows string
		if err := db.QueryRow("SHOW CREATE TABLE `"+name+"`."+table).Scan(&n, &create); err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRow("SELECT GROUP_CONCAT(HEX(c), ' ', id) FROM `" + name + "`." + table).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		out += create + "\n" + rows + "\n"
	}
	return out
}

// A folder that is there is never written into, and a refusal leaves none behind.
func TestFolderIsWhole(t *testing.T) {
	t.Parallel()
	s := disaster(t, testserver.MariaDB1011)
	parent := t.TempDir()
	args := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--progress", "none", "--output"}
	lifeboat(t, append(slices.Clone(args), parent, "--stop-before", "incident:1")...).want(t, 1, "exists already")
	lifeboat(t, append(slices.Clone(args), filepath.Join(parent, "new"), "--stop-before", "incident:1", "--snapshot-position", "unknown")...).want(t, 1, "--target or --scratch")
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// checkManifest holds manifest.json against the folder: every file, with its checksum.
func checkManifest(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m folder.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{"manifest.json": ""}
	for _, f := range m.Files {
		listed[f.Name] = f.SHA256
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(listed) {
		t.Fatalf("%d files, %d listed, %v", len(entries), len(listed), err)
	}
	for _, e := range entries {
		sum, ok := listed[e.Name()]
		info, err := e.Info()
		if err != nil || !ok || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: listed %v, %v, %v", e.Name(), ok, info.Mode(), err)
		}
		if sum == "" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if is := fmt.Sprintf("%x", sha256.Sum256(content)); err != nil || is != sum {
			t.Errorf("%s: %s, listed %s, %v", e.Name(), is, sum, err)
		}
	}
	if len(m.Tables) != 3 || m.Position.IsZero() {
		t.Errorf("tables %v, position %s", m.Tables, m.Position)
	}
}

// uncompress is for loaders that are older than zstd.
func uncompress(t *testing.T, dir string) {
	t.Helper()
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	files, err := filepath.Glob(filepath.Join(dir, "*.zst"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing is compressed: %v", err)
	}
	for _, name := range files {
		packed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := decoder.DecodeAll(packed, nil)
		if err == nil {
			err = errors.Join(os.WriteFile(strings.TrimSuffix(name, ".zst"), plain, 0o600), os.Remove(name))
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}
