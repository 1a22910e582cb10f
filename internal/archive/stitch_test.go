package archive

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
)

// starts gives the offsets at which the events of a file begin, and its end.
func starts(t testing.TB, b []byte) []int {
	t.Helper()
	s := binlog.NewScanner(bytes.NewReader(b), "x")
	out := []int{}
	for {
		fr, err := s.Next()
		if err == io.EOF {
			return append(out, len(b))
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, int(fr.Offset))
	}
}

// content is what every reader of the chain sees of a file, without the in-use flag.
func content(t testing.TB, f *File) []byte {
	t.Helper()
	r, err := f.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	b[inUseAt] &^= 1
	return b
}

// damage flips a bit in each of the given events.
func damage(b []byte, at []int, events ...int) []byte {
	for _, e := range events {
		b = flip(b, at[e]+20)
	}
	return b
}

func worst(a *Archive) (s Severity) {
	for _, f := range a.Findings {
		s = max(s, f.Severity)
	}
	return s
}

// Two copies, each with one damaged event: together they are whole whichever events those are, except where it is the last two and
// nothing after the damage shows that both are the same file, or the first and so the file's identity is told by one copy only.
func TestStitchTwo(t *testing.T) {
	f := newServer(1, 0xaa).rotated(3, 2)
	name, whole := number(2), f[number(2)]
	at := starts(t, whole)
	last := len(at) - 2
	for x := range last + 1 {
		for y := range last + 1 {
			one, two := write(t, with(f, name, damage(whole, at, x))), write(t, with(f, name, damage(whole, at, y)))
			a, err := Open(t.Context(), []string{one, two}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			i := a.Index(name)
			joins := x != y && (max(x, y) != last || x+y != 2*last-1)
			if !joins {
				if worst(a) < Gap || i >= 0 && len(a.Files[i].Pieces) > 0 {
					t.Errorf("events %d and %d damaged: not noticed, or stitched without agreement:\n%s", x, y, outline(a))
				}
				continue
			}
			if worst(a) > Note || i < 0 || !bytes.Equal(content(t, a.Files[i]), whole) {
				t.Errorf("events %d and %d damaged: not made whole:\n%s", x, y, outline(a))
				continue
			}
			if file := a.Files[i]; file.Digest != digestOf(t, whole) || file.Damage != nil || !file.Proven || file.Transactions != 2 || !covers(file, one, two) {
				t.Errorf("events %d and %d damaged: %+v", x, y, file)
			}
		}
	}
}

func digestOf(t testing.TB, b []byte) string {
	t.Helper()
	a, err := Open(t.Context(), []string{write(t, map[string][]byte{number(2): b})}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a.Files[0].Digest
}

// covers reports pieces that follow one another from the first byte to the last, taken from both folders, and copies that are marked as used.
func covers(f *File, dirs ...string) bool {
	at := uint64(0)
	for _, p := range f.Pieces {
		if p.From != at || p.To <= p.From {
			return false
		}
		at = p.To
	}
	for _, d := range dirs {
		from := func(path string) bool { return strings.HasPrefix(path, d+"/") }
		if !slices.ContainsFunc(f.Pieces, func(p Piece) bool { return from(p.Path) }) ||
			!slices.ContainsFunc(f.Copies, func(c Copy) bool { return from(c.Path) && c.Used }) {
			return false
		}
	}
	return at == uint64(f.Size)
}

func TestStitch(t *testing.T) {
	f := newServer(1, 0xaa).rotated(3, 8)
	name, whole := number(2), f[number(2)]
	at := starts(t, whole)
	cases := []struct {
		name   string
		copies map[string][]byte // by the file's name in a folder of its own
		whole  bool
		want   string
	}{
		{"three copies, each damaged in two places of the same file", map[string][]byte{
			"a/" + name: damage(whole, at, 3, 20), "b/" + name: damage(whole, at, 8, 25), "c/" + name: damage(whole, at, 14, 30)}, true, ""},
		{"the same event in two of three", map[string][]byte{
			"a/" + name: damage(whole, at, 3), "b/" + name: damage(whole, at, 3, 9), "c/" + name: damage(whole, at, 20)}, true, ""},
		{"one cut, one damaged before the cut", map[string][]byte{
			"a/" + name: whole[:at[20]], "b/" + name: damage(whole, at, 6)}, true, ""},
		{"one cut inside an event, one damaged before it, packed", map[string][]byte{
			"a/" + name + ".gz": gz(whole[:at[20]+9]), "b/" + name + ".zst": zst(damage(whole, at, 6, 7))}, true, ""},
		{"one cut right behind what the other lacks", map[string][]byte{
			"a/" + name: whole[:at[7]], "b/" + name: damage(whole, at, 6)}, false, "share no intact event behind"},
		{"the same event in both", map[string][]byte{
			"a/" + name: damage(whole, at, 6), "b/" + name: damage(whole, at, 3, 6)}, false, ""},
		{"the magic of one, an event of the other", map[string][]byte{
			"a/" + name: flip(whole, 1), "b/" + name: damage(whole, at, 6)}, true, ""},
		{"bytes lost in the middle of one", map[string][]byte{
			"a/" + name: slices.Concat(whole[:at[10]], whole[at[12]:]), "b/" + name: damage(whole, at, 4)}, true, ""},
		{"a size that says 300 MiB", map[string][]byte{
			"a/" + name: flip(whole, at[10]+9+3), "b/" + name: damage(whole, at, 4)}, true, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rest, copies := write(t, without(f, name)), write(t, c.copies)
			a, err := open(t, rest, copies)
			if err != nil {
				t.Fatal(err)
			}
			file := a.Files[a.Index(name)]
			if got := bytes.Equal(content(t, file), whole); got != c.whole || got != (worst(a) == Note) {
				t.Errorf("whole: %v, want %v, worst finding %s:\n%s", got, c.whole, worst(a), outline(a))
			}
			if !c.whole && !strings.Contains(fmt.Sprint(a.Findings), c.want) {
				t.Errorf("no finding says %q: %v", c.want, a.Findings)
			}
			if c.whole && file.Good != uint64(len(whole)) {
				t.Errorf("good up to %d of %d", file.Good, len(whole))
			}
		})
	}
}

// A machine that was set back writes another history behind the same beginning. Copies of both are never mixed.
func TestStitchNeverMixesHistories(t *testing.T) {
	fork := func(more int) []byte {
		s := newServer(1, 0)
		l := s.begin().transactions(2)
		s.clock += uint32(more)
		s.done += uint64(more)
		return l.transactions(3).rotate(number(2))
	}
	a, b := fork(0), fork(1000)
	at := starts(t, a)
	split := 2 + 2*4 // format description, previous GTIDs, two transactions
	for x := 1; x < len(at)-1; x++ {
		for y := 1; y < len(at)-1; y++ {
			one, two := damage(a, at, x), damage(b, at, y)
			arc, err := Open(t.Context(), []string{write(t, map[string][]byte{number(1): one}), write(t, map[string][]byte{number(1): two})}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			f := arc.Files[0]
			if len(f.Pieces) == 0 {
				if worst(arc) < Gap {
					t.Errorf("events %d and %d damaged: not noticed:\n%s", x, y, outline(arc))
				}
				continue
			}
			got := content(t, f)[:f.Good]
			if !bytes.HasPrefix(a, got) && !bytes.HasPrefix(b, got) {
				t.Errorf("events %d and %d damaged (the histories part at %d): a mixture of both was made: %v", x, y, split, f.Pieces)
			}
		}
	}
}

// Without checksums nothing tells which copy is right.
func TestStitchNeedsChecksums(t *testing.T) {
	s := newServer(1, 0)
	s.unsigned = true
	b := s.rotated(1, 3)[number(1)]
	at := starts(t, b)
	hurt := func(e int) string { // an impossible size
		c := bytes.Clone(b)
		c[at[e]+9+3] = 0xff
		return write(t, map[string][]byte{number(1): c})
	}
	a, err := open(t, hurt(4), hurt(8))
	if err != nil {
		t.Fatal(err)
	}
	if worst(a) < Broken || len(a.Files[0].Pieces) > 0 || !strings.Contains(fmt.Sprint(a.Findings), "without checksums nothing tells") {
		t.Errorf("%s\n%v", outline(a), a.Findings)
	}
}
