package archive

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/gzip"

	"lifeboat/internal/binlog"
)

// TestDivided reads closed files in pieces, which together are what Open gives. Packed files and those that may still grow are not divided.
func TestDivided(t *testing.T) {
	s := newServer(1, 7)
	closed, live := s.begin().transactions(30_000).rotate(number(2)), s.begin().transactions(20_000).live()
	dir := write(t, map[string][]byte{number(1): closed, number(2): live})
	a, err := Open(t.Context(), []string{dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := a.Files[0]
	cuts, _ := f.Cuts()
	if len(cuts) < 2 {
		t.Fatalf("%d cuts in %d bytes", len(cuts), len(closed))
	}
	if more, _ := a.Files[1].Cuts(); len(more) > 0 {
		t.Errorf("a file that is being written has cuts: %v", more)
	}
	var got []byte
	from := uint64(0)
	for _, to := range append(cuts, 0) {
		got = append(got, readAt(t, f, from, to)...)
		from = to
	}
	if !bytes.Equal(got, closed) {
		t.Errorf("the pieces are %d bytes, the file %d", len(got), len(closed))
	}
	sameItems(t, a)

	// The same bytes again are as good; others are not.
	if err := os.Rename(filepath.Join(dir, number(1)), filepath.Join(dir, "was")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, number(1)), closed, 0o600); err != nil {
		t.Fatal(err)
	}
	sameItems(t, a)
	closed[cuts[1]+30] ^= 1
	if err := os.WriteFile(filepath.Join(dir, number(1)), closed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.OpenAt(t.Context(), 0, cuts[0]); !errors.Is(err, ErrChanged) {
		t.Errorf("of a changed file: %v", err)
	}
}

// TestPackedIsNotDivided gives a packed copy of the same file.
func TestPackedIsNotDivided(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(newServer(1, 7).begin().transactions(30_000).rotate(number(2))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), []string{write(t, map[string][]byte{number(1) + ".gz": packed.Bytes()})}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if cuts, _ := a.Files[0].Cuts(); len(cuts) > 0 {
		t.Errorf("cuts: %v", cuts)
	}
	sameItems(t, a)
}

func readAt(t *testing.T, f *File, from, to uint64) []byte {
	t.Helper()
	body, err := f.OpenAt(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sameItems reads the chain by one reader and by several.
func sameItems(t *testing.T, a *Archive) {
	t.Helper()
	var files []binlog.File
	for _, f := range a.Files {
		files = append(files, f)
	}
	var streams [2]binlog.Stream
	for i, workers := range []int{1, 3} {
		s, err := binlog.Open(t.Context(), files, binlog.Position{}, binlog.ReadOptions{Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		streams[i] = s
	}
	for n := 0; ; n++ {
		x, err1 := streams[0].Next(t.Context())
		y, err2 := streams[1].Next(t.Context())
		if x.Kind != y.Kind || x.Pos != y.Pos || x.End != y.End || x.Query != nil && !bytes.Equal(x.Query.SQL, y.Query.SQL) || !errors.Is(err1, err2) {
			t.Fatalf("item %d: %v %s (%v), %v %s (%v)", n, x.Kind, x.Pos, err1, y.Kind, y.Pos, err2)
		}
		if err1 != nil {
			if !errors.Is(err1, io.EOF) || n < 90_000 {
				t.Fatalf("after %d items: %v", n, err1)
			}
			return
		}
	}
}
