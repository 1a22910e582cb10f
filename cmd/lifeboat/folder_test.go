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
			load := exec.Command(testserver.Mydumper(t, "myloader"), "--socket="+to.Socket(), "--user=root", "--directory="+filepath.Join(out, "my"))
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
				if format == folder.SQL {
					base = filepath.Join(half, "shop.sql")
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
