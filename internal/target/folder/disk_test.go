package folder

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

var errFull = errors.New("no space left on device")

// badDisk fails from its k-th step on: it makes files, writes half of what it is given, syncs, and renames.
type badDisk struct {
	osDisk
	mu   *sync.Mutex // compressors write in goroutines of their own
	left *int
	last *string // what it failed at first
}

func (b badDisk) step(what string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if *b.left--; *b.left >= 0 {
		return nil
	}
	if *b.last == "" {
		*b.last = what
	}
	return errFull
}

// over reports whether a step failed, and the first that did.
func (b badDisk) over() (bool, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return *b.left < 0, *b.last
}

func (b badDisk) create(path string) (sink, error) {
	if err := b.step("create"); err != nil {
		return nil, err
	}
	s, err := b.osDisk.create(path)
	return badSink{s, b}, err
}

func (b badDisk) rename(from, to string) error {
	return errors.Join(b.step("rename"), func() error {
		if over, _ := b.over(); over {
			return nil
		}
		return b.osDisk.rename(from, to)
	}())
}

func (b badDisk) syncDir(path string) error {
	if err := b.step("sync folder"); err != nil {
		return err
	}
	return b.osDisk.syncDir(path)
}

type badSink struct {
	sink
	b badDisk
}

func (s badSink) Write(p []byte) (int, error) {
	if err := s.b.step("write"); err != nil {
		n, _ := s.sink.Write(p[:len(p)/2])
		return n, err
	}
	return s.sink.Write(p)
}

func (s badSink) Sync() error { return errors.Join(s.b.step("sync"), s.sink.Sync()) }

func (s badSink) Close() error { return errors.Join(s.b.step("close"), s.sink.Close()) }

// TestEveryStepOfTheDisk fails step 0, 1, 2 … of writing a dump, until one comes through. Every failure is told; before its last step,
// which is after the dump has its name, nothing is left behind.
func TestEveryStepOfTheDisk(t *testing.T) {
	for _, o := range []Options{{Format: SQL}, {Format: SQL, Compress: true}, {Format: MyDumper}, {Format: MyDumper, Compress: true}} {
		failed := map[string]int{}
		for k, passed := 0, false; !passed; k++ {
			o.Database = "shop"
			dir := t.TempDir()
			path := filepath.Join(dir, "out")
			f, err := Create(path, o)
			if err != nil {
				t.Fatal(err)
			}
			left := k
			disk := badDisk{mu: new(sync.Mutex), left: &left, last: new(string)}
			f.disk = disk
			m, err := fill(f)
			err = errors.Join(err, f.Discard())
			over, last := disk.over()
			passed = !over
			if passed != (err == nil) || err != nil && !errors.Is(err, errFull) {
				t.Fatalf("%v, step %d (%s): passed %v, %v", o, k, last, passed, err)
			}
			failed[last]++
			names, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			named := passed || last == "sync folder" && len(names) == 1 // the folder above, after it has its name
			switch {
			case !named && len(names) > 0:
				t.Errorf("%v, step %d (%s): left behind %v", o, k, last, names)
			case named:
				whole(t, path, m)
			}
		}
		for _, what := range []string{"create", "write", "sync", "close", "rename", "sync folder"} {
			if failed[what] == 0 {
				t.Errorf("%v: no %s failed", o, what)
			}
		}
		t.Logf("%s, compressed %v: %v", o.Format, o.Compress, failed)
	}
}

func fill(f *Folder) (*Manifest, error) {
	for _, table := range []string{"a", "b"} {
		if err := f.Table(table, []Statement{{SQL: []byte("CREATE TABLE " + table + " (v LONGTEXT)")}}); err != nil {
			return nil, err
		}
		for range 3 {
			if err := f.Row(table, "INSERT INTO "+table+" VALUES ", fmt.Appendf(nil, "('%x')", bytes.Repeat([]byte{'x', 0, 9}, 100_000))); err != nil {
				return nil, err
			}
		}
	}
	if err := f.Program("VIEW", "v", "", []Statement{{SQL: []byte("CREATE VIEW v AS SELECT 1")}}); err != nil {
		return nil, err
	}
	return f.Publish()
}

// whole checks a dump against its manifest, file by file.
func whole(t *testing.T, path string, m *Manifest) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if m == nil {
		m = &Manifest{}
		if err := json.Unmarshal(text, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range m.Files {
		b, err := os.ReadFile(filepath.Join(path, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(b)); int64(len(b)) != f.Bytes || sum != f.SHA256 {
			t.Errorf("%s is not what the manifest says", f.Name)
		}
	}
	if len(m.Files) == 0 || len(m.Tables) != 2 {
		t.Errorf("the manifest has %d files, %d tables", len(m.Files), len(m.Tables))
	}
}
