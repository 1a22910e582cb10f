package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
	"time"

	"lifeboat/internal/disk"
)

// Reopened is a backup as it comes back from what was kept of it, as if its files had lain there for a while. The test fails unless all that it gives out is the same.
func Reopened(t testing.TB, s *Snapshot, db string) *Snapshot {
	t.Helper()
	if runtime.GOOS != "linux" {
		return s // nothing is kept there
	}
	was := s.opened
	s.opened = time.Now().Add(time.Minute)
	k, ok := s.Keep()
	s.opened = was
	if !ok {
		t.Fatal("the backup is not kept")
	}
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	kept := &Kept{}
	if err := json.Unmarshal(text, kept); err != nil {
		t.Fatal(err)
	}
	again, err := Reopen(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	a, err := json.Marshal(s.Index())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(again.Index())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("its index was\n%s\nand is\n%s", a, b)
	}
	if db == "" && !s.Index().Nameless {
		db = s.Index().Databases[0]
	}
	x, y := statements(t, s, db), statements(t, again, db)
	for i := range min(len(x), len(y)) {
		if !reflect.DeepEqual(x[i], y[i]) {
			t.Fatalf("statement %d was %+v, and is %+v", i, x[i], y[i])
		}
	}
	if len(x) != len(y) {
		t.Fatalf("%d statements, then %d", len(x), len(y))
	}
	return again
}

func statements(t testing.TB, s *Snapshot, db string) (out []Statement) {
	t.Helper()
	err := s.Statements(t.Context(), db, func(st Statement) error {
		st.SQL = bytes.Clone(st.SQL)
		out = append(out, st)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTouched changes a file and puts size and time of change back.
func TestTouched(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing is kept on " + runtime.GOOS)
	}
	text := read(t, "testdata/mysql97-gtid.sql")
	path := filepath.Join(t.TempDir(), "dump.sql")
	old := time.Now().Add(-time.Hour)
	put := func(text []byte) (stamp disk.Stamp) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		stamp, _ = disk.StampOf(info)
		return stamp
	}
	first := put(text)
	s, err := Open(t.Context(), path, "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.opened = time.Unix(0, 0) // long before it was written
	if k, ok := s.Keep(); !ok {
		t.Error("the backup is not kept")
	} else if _, err := Reopen(t.Context(), k); !errors.Is(err, ErrTouched) {
		t.Errorf("of a file that is younger than its reading, of which a system may not tell the next change: %v", err)
	}
	s.opened = time.Now().Add(time.Minute)
	k, ok := s.Keep()
	if !ok {
		t.Fatal("the backup is not kept")
	}
	if _, err := Reopen(t.Context(), k); err != nil {
		t.Fatalf("before the change: %v", err)
	}
	for put(bytes.Replace(text, []byte("INSERT INTO"), []byte("Insert Into"), 1)) == first {
	}
	if _, err := Reopen(t.Context(), k); !errors.Is(err, ErrTouched) {
		t.Errorf("of a file that was changed: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Reopen(t.Context(), k); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of a file that is gone: %v", err)
	}
}
