package spill

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// memory is a storage whose k-th call fails, and whose bytes may be changed.
type memory struct {
	calls, fail int // fail: number of the call that fails, from 1; 0: none
	err         error
	short       bool // it writes a part before it fails
	open        int
	files       []*memoryFile
}

type memoryFile struct {
	of   *memory
	data []byte
}

func (m *memory) String() string { return "the test's memory" }

func (m *memory) call() error {
	if m.calls++; m.calls == m.fail {
		return m.err
	}
	return nil
}

func (m *memory) Create() (File, error) {
	if err := m.call(); err != nil {
		return nil, err
	}
	m.open++
	f := &memoryFile{of: m}
	m.files = append(m.files, f)
	return f, nil
}

func (f *memoryFile) WriteAt(p []byte, at int64) (int, error) {
	err := f.of.call()
	n := len(p)
	if err != nil {
		if n = 0; f.of.short {
			n = len(p) / 2
		}
	}
	if f.data = append(f.data[:at], p[:n]...); f.of.short && n < len(p) {
		err = nil // a file that says less than it should
	}
	return n, err
}

func (f *memoryFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.of.call(); err != nil {
		return 0, err
	}
	if at >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) Close() error {
	f.of.open--
	return nil
}

// joinText keeps both values, so that their order shows.
func joinText(older, newer []byte) ([]byte, error) {
	return append(append(older, '+'), newer...), nil
}

// fill adds runs of random records, and returns what they are, by section and key.
func fill(r *Runs, rng *rand.Rand, runs, longest int) ([]map[string]string, error) {
	const sections = 3
	want := make([]map[string]string, sections)
	for s := range want {
		want[s] = map[string]string{}
	}
	for n := range runs {
		err := r.Add(func(w *Writer) error {
			for s := range want {
				keys := map[string]bool{}
				for range rng.IntN(40) {
					keys[fmt.Sprint(rng.IntN(60))] = true
				}
				var sorted []string
				for k := range keys {
					sorted = append(sorted, k)
				}
				slices.Sort(sorted)
				for _, k := range sorted {
					v := fmt.Sprintf("%d.%s", n, strings.Repeat("x", rng.IntN(2)*rng.IntN(longest)))
					if err := w.Put(s, []byte(k), []byte(v)); err != nil {
						return err
					}
					if old, ok := want[s][k]; ok {
						v = old + "+" + v
					}
					want[s][k] = v
				}
			}
			return nil
		})
		if err != nil {
			return want, err
		}
	}
	return want, nil
}

// read gives back a section's records.
func read(r *Runs, section int) (keys, values []string, err error) {
	rd, err := r.Read(section)
	if err != nil {
		return nil, nil, err
	}
	for rd.Next() {
		keys, values = append(keys, string(rd.Key)), append(values, string(rd.Value))
	}
	return keys, values, rd.Err()
}

func compare(t *testing.T, r *Runs, want []map[string]string) {
	t.Helper()
	for s := range want {
		keys, values, err := read(r, s)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(keys) || len(keys) != len(want[s]) {
			t.Fatalf("section %d: %d keys, sorted %t; want %d", s, len(keys), slices.IsSorted(keys), len(want[s]))
		}
		for i, k := range keys {
			if values[i] != want[s][k] {
				t.Fatalf("section %d, key %s: %.60q, want %.60q", s, k, values[i], want[s][k])
			}
		}
	}
}

// TestRuns reads back what random runs hold, few and so many that they are merged more than once, joined from the oldest to the youngest.
func TestRuns(t *testing.T) {
	for _, runs := range []int{0, 1, 2, fanIn - 1, fanIn, fanIn + 1, 3*fanIn + 5, fanIn*fanIn + 1} {
		m := &memory{}
		r := New(m, joinText)
		want, err := fill(r, rand.New(rand.NewPCG(uint64(runs), 1)), runs, 20_000/(runs+1))
		if err != nil {
			t.Fatal(err)
		}
		if most := 2 * fanIn; r.Count() > most {
			t.Errorf("%d runs were left of %d", r.Count(), runs)
		}
		compare(t, r, want)
		compare(t, r, want) // it may be read again
		if keys, _, err := read(r, 99); len(keys) > 0 || err != nil {
			t.Errorf("a section that nobody wrote: %d keys, %v", len(keys), err)
		}
		if err := r.Close(); err != nil || m.open != 0 {
			t.Errorf("%d of %d files are open: %v", m.open, len(m.files), err)
		}
	}
}

// TestApart keeps records of one key apart where there is no join, the older run's first.
func TestApart(t *testing.T) {
	r := New(&memory{}, nil)
	for n := range fanIn + 3 {
		err := r.Add(func(w *Writer) error {
			return errors.Join(w.Put(4, []byte("k"), fmt.Append(nil, n)), w.Put(4, []byte("k"), fmt.Append(nil, n, "again")))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, values, err := read(r, 4)
	if err != nil {
		t.Fatal(err)
	}
	for n := range fanIn + 3 {
		if values[2*n] != fmt.Sprint(n) || values[2*n+1] != fmt.Sprint(n, "again") {
			t.Fatalf("%v", values)
		}
	}
	if r.Records(4) != 2*(fanIn+3) || r.Records(5) != 0 {
		t.Errorf("%d records", r.Records(4))
	}
}

// TestOrderIsHeld refuses a run that is not in order, as it could not be read in order.
func TestOrderIsHeld(t *testing.T) {
	put := func(join Join, records ...string) error {
		return New(&memory{}, join).Add(func(w *Writer) error {
			for _, one := range records {
				if err := w.Put(int(one[0]-'0'), []byte(one[1:]), nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, records := range [][]string{{"1b", "1a"}, {"2a", "1b"}, {"1a", "2a", "1b"}} {
		if put(nil, records...) == nil {
			t.Errorf("%v was taken", records)
		}
	}
	if put(joinText, "1a", "1a") == nil {
		t.Error("a key that is to be joined was taken twice in one run")
	}
	if err := put(joinText, "1a", "2", "2a", "4a"); err != nil {
		t.Error(err)
	}
}

// TestEveryFault fails each call in turn: the error comes out, says where, and leaves no file open.
func TestEveryFault(t *testing.T) {
	full := errors.New("no room")
	for _, short := range []bool{false, true} {
		failed := 0
		for k := 1; ; k++ {
			m := &memory{fail: k, err: full, short: short}
			r := New(m, joinText)
			want, err := fill(r, rand.New(rand.NewPCG(5, 5)), fanIn+3, 500)
			for s := 0; err == nil && s < len(want); s++ {
				_, _, err = read(r, s)
			}
			if m.calls < k {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			failed++
			var where *Error
			if !errors.As(err, &where) || where.Where != m.String() || !errors.Is(err, full) && !errors.Is(err, io.ErrShortWrite) {
				t.Fatalf("call %d: %v", k, err)
			}
			if r.Close(); m.open != 0 {
				t.Fatalf("call %d left %d files open", k, m.open)
			}
		}
		if failed < 50 {
			t.Errorf("only %d calls", failed)
		}
	}
}

// TestEveryDamage changes each byte of a small run in turn, and cuts it short everywhere: never are other records read.
func TestEveryDamage(t *testing.T) {
	m := &memory{}
	r := New(m, joinText)
	err := r.Add(func(w *Writer) error {
		for s := range 2 {
			for k := range 9 {
				if err := w.Put(s, fmt.Append(nil, k), bytes.Repeat([]byte{byte(k)}, k)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f := m.files[0]
	good := slices.Clone(f.data)
	damaged := func(what string) {
		t.Helper()
		for s := range 2 {
			if _, _, err := read(r, s); err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("%s: %v", what, err)
				}
				return
			}
		}
		t.Fatalf("%s was not seen", what)
	}
	for i := range good {
		for _, bit := range []byte{1, 0x80} {
			f.data[i] ^= bit
			damaged(fmt.Sprintf("a change of byte %d", i))
			f.data[i] ^= bit
		}
		f.data = f.data[:i]
		damaged(fmt.Sprintf("an end at byte %d", i))
		f.data = f.data[:len(good)]
	}
	half := len(good) / 2
	f.data = append(slices.Clone(good[half:]), good[:half]...)
	damaged("a block in another block's place")
}

// TestFolder keeps nothing in the folder, not even while it is written, and says what is wrong with one that is not there.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	r := New(Folder(dir), joinText)
	want, err := fill(r, rand.New(rand.NewPCG(1, 1)), 3, 9000)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("%v, %v", left, err)
	}
	compare(t, r, want)
	if r.Bytes() == 0 {
		t.Error("it says that it holds nothing")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	missing := New(Folder(dir+"/missing"), nil)
	if err := missing.Add(func(*Writer) error { return nil }); !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), "making temporary files in "+dir+"/missing") {
		t.Error(err)
	}
}
