package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"lifeboat/internal/disk"
)

// keeps keeps an archive as if its files had lain there for a while, and brings what is kept through JSON.
func keeps(t *testing.T, a *Archive) *Kept {
	t.Helper()
	a.opened = time.Now().Add(time.Minute)
	k, ok := a.Keep()
	if !ok {
		t.Fatal("the archive is not kept")
	}
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	out := &Kept{}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestKept reopens an archive of every kind of file that is kept: all that a restore reads of it is the same.
func TestKept(t *testing.T) {
	s := newServer(1, 7)
	files := map[string][]byte{
		number(1):              s.begin().transactions(30_000).rotate(number(2)),
		number(2) + ".gz":      gz(s.begin().transactions(100).rotate(number(3))),
		number(3):              s.begin().transactions(100).live(),
		"notes.txt":            []byte("not a binlog"),
		"binlog.index":         []byte("./" + number(1) + "\n./" + number(2) + "\n./" + number(3) + "\n"),
		"copy/" + number(1):    []byte("folders in a folder of binlogs do not count"),
		"binlog.000003.sha256": []byte("nor do these"),
	}
	files[number(3)] = files[number(3)][:len(files[number(3)])-5] // torn
	dir := write(t, files)
	a, err := Open(t.Context(), []string{dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, since, err := Reopen(t.Context(), []string{dir}, keeps(t, a), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(since) > 0 || len(b.Files) != 3 {
		t.Fatalf("%d files; since then %q", len(b.Files), since)
	}
	for i, f := range a.Files {
		g := b.Files[i]
		cuts, format := f.Cuts()
		again, formatAgain := g.Cuts()
		if i == 0 && len(cuts) == 0 {
			t.Error("the first file should be one that is read in stretches")
		}
		if !reflect.DeepEqual(cuts, again) || len(cuts) > 0 && !reflect.DeepEqual(format, formatAgain) {
			t.Errorf("%s: cuts at %v and %v, formats %v and %v", f.Name(), cuts, again, format, formatAgain)
		}
		want := File{Path: f.Path, Size: f.Size, Format: f.Format, Compressed: f.Compressed, Proven: f.Proven, Good: f.Good, Digest: f.Digest, name: f.name, best: g.best, cuts: g.cuts}
		if !reflect.DeepEqual(want, *g) {
			t.Errorf("%s: %+v, was %+v", f.Name(), *g, want)
		}
		if b.Index(f.Name()) != i {
			t.Errorf("%s is file %d", f.Name(), b.Index(f.Name()))
		}
		if x, y := content(t, f), content(t, g); !bytes.Equal(x, y) {
			t.Errorf("%s: %d bytes, then %d", f.Name(), len(x), len(y))
		}
	}
	// What is kept of it once more is the same.
	if k, again := keeps(t, a), keeps(t, b); !reflect.DeepEqual(k, again) {
		t.Errorf("kept %+v, and then %+v", k, again)
	}
	// A file that is touched while it is read is noticed as ever.
	if err := os.Truncate(filepath.Join(dir, number(1)), 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Files[0].Open(t.Context()); !errors.Is(err, ErrChanged) {
		t.Errorf("of a file that was cut: %v", err)
	}
}

// TestTouched changes something in the folder, each time so that size and time of change stay. What is opened then are the bytes that were kept, or nothing.
func TestTouched(t *testing.T) {
	s := newServer(1, 7)
	first, second := s.begin().transactions(50).rotate(number(2)), s.begin().transactions(50).live()
	more := append(bytes.Clone(second), s.begin().transactions(5).stop()[4:]...)
	in := func(dir string, name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		name   string
		change func(dir string) error
		read   string // from where the first file then is read; "": it cannot be
		since  []string
	}{
		{"nothing", func(string) error { return nil }, number(1), nil},
		{"a byte", func(dir string) error { return spoil(in(dir, number(1)), 500) }, "copy/" + number(1), nil},
		{"a byte of each copy", func(dir string) error {
			return errors.Join(spoil(in(dir, number(1)), 500), spoil(in(dir, "copy/"+number(1)), 500))
		}, "", nil},
		{"a byte of the last file", func(dir string) error { return spoil(in(dir, number(2)), 500) }, "", nil},
		{"a byte of the other copy", func(dir string) error { return spoil(in(dir, "copy/"+number(1)), 500) }, number(1), nil},
		{"cut short", func(dir string) error { return os.Truncate(in(dir, number(2)), 1000) }, "", nil},
		{"another file", func(dir string) error { return os.WriteFile(in(dir, number(3)), second, 0o600) }, number(1), []string{number(3) + " has come"}},
		{"grown", func(dir string) error { return os.WriteFile(in(dir, number(2)), more, 0o600) }, number(1), []string{number(2) + " has grown"}},
		{"a file less", func(dir string) error { return os.Remove(in(dir, number(2))) }, "", nil},
		{"a copy less", func(dir string) error { return os.Remove(in(dir, number(1))) }, "copy/" + number(1), nil},
		{"packed", func(dir string) error {
			return errors.Join(os.WriteFile(in(dir, number(1)+".gz"), gz(first), 0o600), os.Remove(in(dir, number(1))), os.Remove(in(dir, "copy/"+number(1))))
		}, number(1) + ".gz", nil},
		{"copied anew", func(dir string) error {
			path := in(dir, number(1))
			return errors.Join(os.WriteFile(path+"~", first, 0o600), os.Rename(path+"~", path))
		}, number(1), nil},
	} {
		for _, young := range []bool{false, true} { // files that nobody can tell by their stamps, too
			dir := write(t, map[string][]byte{number(1): first, number(2): second, "copy/" + number(1): first})
			paths := []string{dir, in(dir, "copy")}
			old := time.Now().Add(-time.Hour)
			for _, name := range []string{number(1), number(2), "copy/" + number(1)} {
				if err := os.Chtimes(in(dir, name), old, old); err != nil {
					t.Fatal(err)
				}
			}
			a, err := Open(t.Context(), paths, Options{})
			if err != nil {
				t.Fatal(err)
			}
			a.opened = time.Unix(0, 0) // long before any of them was written
			k, ok := a.Keep()
			if !ok || k.Chain[0].Stamp != nil {
				t.Fatalf("kept: %v, %+v; of files that are younger than their reading a system may not tell the next change", ok, k)
			}
			if !young {
				k = keeps(t, a)
			}
			want := [][]byte{content(t, a.Files[0]), content(t, a.Files[1])}
			if err := c.change(dir); err != nil {
				t.Fatal(err)
			}
			b, since, err := Reopen(t.Context(), paths, k, Options{})
			if c.read == "" {
				if !errors.Is(err, ErrTouched) {
					t.Errorf("%s: %v", c.name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if b.Files[0].Path != in(dir, c.read) || !slices.Equal(since, c.since) {
				t.Errorf("%s: it is read from %s, and since then %q", c.name, b.Files[0].Path, since)
			}
			for i, was := range want {
				if got := content(t, b.Files[i]); !bytes.Equal(got, was) {
					t.Errorf("%s: %d bytes of %s, not the %d that were kept", c.name, len(got), b.Files[i].Name(), len(was))
				}
			}
		}
	}
}

// spoil changes a byte and puts the file's time of change back, until the system notes another time for it.
func spoil(path string, at int64) error {
	before, err := os.Stat(path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	content[at] ^= 1
	was, _ := disk.StampOf(before)
	for now := was; now == was; {
		if err := errors.Join(os.WriteFile(path, content, 0o600), os.Chtimes(path, before.ModTime(), before.ModTime())); err != nil {
			return err
		}
		after, err := os.Stat(path)
		if err != nil {
			return err
		}
		now, _ = disk.StampOf(after)
	}
	return nil
}

// TestNotKept: of damaged files the next opening may find other copies, or more of them.
func TestNotKept(t *testing.T) {
	b := newServer(1, 7).begin().transactions(50).stop()
	b[len(b)/2] ^= 1
	a, err := Open(t.Context(), []string{write(t, map[string][]byte{number(1): b})}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	a.opened = time.Now().Add(time.Minute)
	if _, ok := a.Keep(); ok {
		t.Error("an archive with a damaged file is kept")
	}
}
