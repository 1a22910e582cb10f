package binlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// divided is a file held in memory that can be read from every place where a transaction begins.
type divided struct {
	memory
	cuts   []uint64
	format *Format
}

func divide(f memory, stretch uint64) divided {
	k := &Skim{scan: NewScanner(bytes.NewReader(f.b), f.name), stretch: stretch}
	for {
		fr, err := k.scan.Next()
		if err == nil {
			err = k.event(fr)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, ErrTorn) {
			break
		}
		if err != nil {
			return divided{memory: f} // as the archive does with a damaged file
		}
	}
	cuts, format := k.Cuts()
	return divided{f, cuts, format}
}

func (d divided) Cuts() ([]uint64, *Format) { return d.cuts, d.format }

func (d divided) OpenAt(_ context.Context, from, to uint64) (io.ReadCloser, error) {
	if to == 0 {
		to = uint64(len(d.b))
	}
	return io.NopCloser(bytes.NewReader(d.b[from:to])), nil
}

// story is all that a stream tells, one line for each item; at the end its error. A most that is not zero ends it early.
func story(t testing.TB, s Stream, most int) (out []string) {
	t.Helper()
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	var rows RowReader
	for n := 0; most == 0 || n < most; n++ {
		it, err := s.Next(context.Background())
		if err != nil {
			return append(out, err.Error())
		}
		out = append(out, itemText(&it, &rows))
	}
	return out
}

func itemText(it *Item, rows *RowReader) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d %s %s %s %q", it.Kind, it.Pos, it.End, it.Time, it.Name)
	if it.Tx != nil {
		fmt.Fprintf(&s, " tx %+v", *it.Tx)
	}
	if it.Query != nil {
		fmt.Fprintf(&s, " query %+v", *it.Query)
	}
	if it.Format != nil {
		fmt.Fprintf(&s, " format %+v", *it.Format)
	}
	if it.Ending != nil {
		fmt.Fprintf(&s, " ending %+v", *it.Ending)
	}
	if it.Rows == nil {
		return s.String()
	}
	r := *it.Rows
	fmt.Fprintf(&s, " rows %s.%s %v %d %v %d %x %x %x %q %d %v", r.Table.Database, r.Table.Table, r.Table.Types, r.Kind, r.Partial, r.Flags, r.Before, r.After,
		r.Data, r.Statement, r.Count, r.CountErr)
	n := int64(0)
	rows.Reset(&r)
	for {
		more, err := rows.Next()
		if err != nil {
			fmt.Fprintf(&s, " %v", err)
		}
		if err != nil || !more {
			break
		}
		n++
	}
	if n != r.Count {
		fmt.Fprintf(&s, " COUNT %d", n)
	}
	return s.String()
}

func all(string, string) bool { return true }

// sameStory holds what readers side by side tell against what one reader tells.
func sameStory(t *testing.T, files []File, from Position, whole bool) {
	t.Helper()
	one, err := Open(t.Context(), files, from, ReadOptions{Workers: 1, Count: all})
	if err != nil {
		t.Fatal(err)
	}
	want := story(t, one, 0)
	for _, line := range want {
		if strings.Contains(line, " COUNT ") {
			t.Errorf("rows are not counted as they are read: %.200s", line)
		}
	}
	for _, workers := range []int{2, 3, 5} {
		for _, size := range []int{60, 300, 5000, batchSize} {
			r, err := NewReader(files, from)
			if err != nil {
				t.Fatal(err)
			}
			r.o.Count = all
			got := story(t, readAhead(t.Context(), r, workers, size), 0)
			if slices.Equal(got, want) {
				continue
			}
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != want[i] {
					g, w := "nothing", "nothing"
					if i < len(got) {
						g = got[i]
					}
					if i < len(want) {
						w = want[i]
					}
					t.Fatalf("%d workers, buffers of %d bytes: item %d is\n%.600s\nand not\n%.600s", workers, size, i, g, w)
				}
			}
		}
		if !whole {
			return
		}
	}
}

// TestSideBySide reads each file of the corpus, and all of them as one chain, by one reader and by several that begin at every place
// where a transaction begins: both must tell the same, whatever the sizes of buffers.
func TestSideBySide(t *testing.T) {
	var chain []File
	cuts := 0
	for _, f := range corpusFiles(t) {
		d := divide(memory{filepath.Base(f.name), f.b}, 1)
		cuts += len(d.cuts)
		sameStory(t, []File{d}, Position{}, len(f.b) < 100_000)
		chain = append(chain, d)
		for _, at := range d.cuts[:min(len(d.cuts), 3)] {
			sameStory(t, []File{d}, Position{d.name, at}, false)
			sameStory(t, []File{d}, Position{d.name, at + 1}, false)
		}
	}
	sameStory(t, chain, Position{}, true)
	if cuts < 100 {
		t.Errorf("only %d places to begin at: the test shows little", cuts)
	}
}

// TestSideBySideDamaged does the same with damaged files: an error comes at the same place, after the same items.
func TestSideBySideDamaged(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, f := range damageable(t) {
		for range 40 {
			b := bytes.Clone(f.b)
			if rng.IntN(2) == 0 {
				b = b[:rng.IntN(len(b))]
			} else {
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			}
			sameStory(t, []File{divide(memory{"a.000001", f.b}, 1), divide(memory{"a.000002", b}, 1), divide(memory{"a.000003", f.b}, 1)}, Position{}, false)
		}
	}
}

// TestSideBySideStops leaves off anywhere: nothing goes on reading.
func TestSideBySideStops(t *testing.T) {
	var chain []File
	for _, f := range damageable(t) {
		chain = append(chain, divide(memory{filepath.Base(f.name), f.b}, 1))
	}
	before := runtime.NumGoroutine()
	for most := range 60 {
		r, err := NewReader(chain, Position{})
		if err != nil {
			t.Fatal(err)
		}
		story(t, readAhead(t.Context(), r, 3, 300), most+1)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines are left of %d", n, before)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Open(ctx, chain, Position{}, ReadOptions{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Next(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 10_000 {
		if _, err = s.Next(ctx); err != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after it was cancelled: %v", err)
	}
}

// lockedAt is a file that cannot be opened, or not at some place.
type lockedAt struct {
	divided
	at uint64
}

func (f lockedAt) OpenAt(ctx context.Context, from, to uint64) (io.ReadCloser, error) {
	if from >= f.at {
		return nil, os.ErrPermission
	}
	return f.divided.OpenAt(ctx, from, to)
}

// TestSideBySideUnreadable wants the error of a later part after all items of the parts before it.
func TestSideBySideUnreadable(t *testing.T) {
	for _, f := range damageable(t) {
		d := divide(memory{"a.000001", f.b}, 1)
		if len(d.cuts) < 3 {
			continue
		}
		at := d.cuts[len(d.cuts)-2]
		r, err := NewReader([]File{lockedAt{d, at}}, Position{})
		if err != nil {
			t.Fatal(err)
		}
		r.o.Count = all
		got := story(t, readAhead(t.Context(), r, 4, 300), 0)
		one, err := Open(t.Context(), []File{d}, Position{}, ReadOptions{Workers: 1, Count: all})
		if err != nil {
			t.Fatal(err)
		}
		want := story(t, one, 0)
		if n := len(got) - 1; !slices.Equal(got[:n], want[:n]) || !strings.Contains(got[n], "permission") || !strings.Contains(want[n], fmt.Sprintf(":%d ", at)) {
			t.Errorf("%s: after %d items: %s", f.name, n, got[n])
		}
	}
}
