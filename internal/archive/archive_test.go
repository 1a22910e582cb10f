package archive

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lifeboat/internal/binlog"
)

// open opens and asserts that the inputs did not change.
func open(t testing.TB, paths ...string) (*Archive, error) {
	t.Helper()
	before := inputs(t, paths)
	a, err := Open(context.Background(), paths, Options{Workers: 2})
	if after := inputs(t, paths); !maps.Equal(before, after) {
		t.Errorf("the inputs changed:\n%v\n%v", before, after)
	}
	return a, err
}

// outline writes a chain and its findings, one line each, without what varies from run to run.
func outline(a *Archive) string {
	var b strings.Builder
	for _, f := range a.Files {
		fmt.Fprintf(&b, "%s %d tx good=%d/%d", f.Name(), f.Transactions, f.Good, f.Size)
		if f.Proven {
			b.WriteString(" proven")
		}
		if f.Damage != nil {
			b.WriteString(" DAMAGED")
		}
		var states []string
		for _, c := range f.Copies {
			states = append(states, string(c.State))
		}
		fmt.Fprintf(&b, " [%s]\n", strings.Join(states, ", "))
	}
	for _, f := range a.Findings {
		fmt.Fprintf(&b, "%s %s %s\n", f.Severity, f.Code, f.Pos)
	}
	return b.String()
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

func zst(b []byte) []byte {
	z, _ := zstd.NewWriter(nil)
	return z.EncodeAll(b, nil)
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x10
	return b
}

func without(m map[string][]byte, names ...string) map[string][]byte {
	m = maps.Clone(m)
	for _, n := range names {
		delete(m, n)
	}
	return m
}

func with(m map[string][]byte, name string, b []byte) map[string][]byte {
	m = maps.Clone(m)
	m[name] = b
	return m
}

func TestChain(t *testing.T) {
	type folder = map[string][]byte
	three := func() folder { return newServer(1, 0xaa).rotated(3, 2) }
	anonymous := func() folder { return newServer(1, 0).rotated(3, 2) }
	cases := []struct {
		name    string
		folders func() []folder
		want    string
	}{
		{"two equal copies, one compressed", func() []folder {
			f := three()
			return []folder{f, {number(1) + ".gz": gz(f[number(1)]), number(2) + ".zst": zst(f[number(2)]), number(3): f[number(3)], "binlog.index": []byte("x")}}
		}, `
binlog.000001 2 tx good=616/616 proven [intact, intact]
binlog.000002 2 tx good=656/656 proven [intact, intact]
binlog.000003 2 tx good=656/656 proven [intact, intact]
note next-missing binlog.000003:656
`},
		{"one copy flipped, the other cut", func() []folder {
			f := three()
			return []folder{
				with(f, number(2), flip(f[number(2)], 450)),
				with(f, number(3), f[number(3)][:300]),
			}
		}, `
binlog.000001 2 tx good=616/616 proven [intact, intact]
binlog.000002 2 tx good=656/656 proven [intact, corrupt]
binlog.000003 2 tx good=656/656 proven [intact, torn]
note corrupt binlog.000002:405
note torn binlog.000003:198
note next-missing binlog.000003:656
`},
		{"the same bit gone in every copy", func() []folder {
			f := three()
			f[number(2)] = flip(f[number(2)], 450)
			return []folder{f, f}
		}, `
binlog.000001 2 tx good=616/616 proven [intact, intact]
binlog.000002 1 tx good=405/656 DAMAGED [corrupt, corrupt]
binlog.000003 2 tx good=656/656 proven [intact, intact]
corrupt corrupt binlog.000002:405
note next-missing binlog.000003:656
`},
		{"a file missing", func() []folder { return []folder{without(three(), number(2))} }, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000003 2 tx good=656/656 proven [intact]
gap gap binlog.000001:616
note next-missing binlog.000003:656
`},
		{"a file missing that was encrypted", func() []folder {
			f := three()
			f[number(2)] = append([]byte("\xfdbin"), f[number(2)][4:]...)
			return []folder{f}
		}, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000003 2 tx good=656/656 proven [intact]
gap encrypted binlog.000002:0
gap gap binlog.000001:616
note next-missing binlog.000003:656
`},
		{"a file emptied, and another copy of it", func() []folder {
			f := three()
			return []folder{with(f, number(2), nil), without(f, number(1))}
		}, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000002 2 tx good=656/656 proven [intact, not a binlog]
binlog.000003 2 tx good=656/656 proven [intact, intact]
note not-a-binlog 
note next-missing binlog.000003:656
`},
		{"a torn file in the middle", func() []folder {
			f := three()
			f[number(2)] = f[number(2)][:500]
			return []folder{f}
		}, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000002 1 tx good=405/500 DAMAGED [torn]
binlog.000003 2 tx good=656/656 proven [intact]
gap torn binlog.000002:405
note next-missing binlog.000003:656
`},
		{"cut between transactions, in the middle", func() []folder {
			f := three()
			f[number(2)] = f[number(2)][:405]
			return []folder{f}
		}, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000002 1 tx good=405/405 DAMAGED [intact]
binlog.000003 2 tx good=656/656 proven [intact]
gap torn binlog.000002:405
note next-missing binlog.000003:656
`},
		{"cut between transactions, in the middle, without GTIDs", func() []folder {
			f := anonymous()
			f[number(2)] = f[number(2)][:365]
			return []folder{f}
		}, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000002 1 tx good=365/365 DAMAGED [intact]
binlog.000003 2 tx good=616/616 proven [intact]
gap torn binlog.000002:365
note next-missing binlog.000003:616
`},
		{"a crash in a transaction, then one between them, with GTIDs", func() []folder {
			s := newServer(1, 0xaa)
			return []folder{{
				number(1): s.begin().transactions(1).half().crash(),
				number(2): s.begin().transactions(1).crash(),
				number(3): s.begin().transactions(1).live(),
			}}
		}, `
binlog.000001 1 tx good=365/541 proven [torn]
binlog.000002 1 tx good=405/405 proven [intact]
binlog.000003 1 tx good=405/405 [intact]
note crash-end binlog.000001:365
note crash-end binlog.000002:405
note in-use binlog.000003:405
`},
		{"the same crashes without GTIDs", func() []folder {
			s := newServer(1, 0)
			return []folder{{
				number(1): s.begin().transactions(1).half().crash(),
				number(2): s.begin().transactions(1).crash(),
				number(3): s.begin().transactions(1).stop(),
			}}
		}, `
binlog.000001 1 tx good=365/541 DAMAGED [torn]
binlog.000002 1 tx good=365/365 [intact]
binlog.000003 1 tx good=388/388 proven [intact]
gap torn binlog.000001:365
warning unproven-end binlog.000002:365
`},
		{"a last file in use, inside a transaction", func() []folder {
			s := newServer(1, 0xaa)
			return []folder{{number(1): s.begin().transactions(1).half().live()}}
		}, `
binlog.000001 1 tx good=365/541 DAMAGED [torn]
gap torn binlog.000001:365
`},
		{"a last file closed, its end cut off between transactions", func() []folder {
			f := newServer(1, 0xaa).rotated(1, 2)
			return []folder{{number(1): f[number(1)][:365]}}
		}, `
binlog.000001 1 tx good=365/365 [intact]
warning unproven-end binlog.000001:365
`},
		{"a copy taken early, still in use, beside the complete one", func() []folder {
			f := three()
			early := bytes.Clone(f[number(3)][:405])
			early[inUseAt] |= 1
			return []folder{{number(3): early, number(1): f[number(1)]}, f}
		}, `
binlog.000001 2 tx good=616/616 proven [intact, intact]
binlog.000002 2 tx good=656/656 proven [intact]
binlog.000003 2 tx good=656/656 proven [intact, intact]
note shorter binlog.000003:405
note next-missing binlog.000003:656
`},
		{"copies that agree in their first event only: the one that fits the rest is used", func() []folder {
			return []folder{newServer(1, 0xaa).rotated(1, 3), three()}
		}, `
binlog.000001 2 tx good=616/616 proven [intact, differs]
binlog.000002 2 tx good=656/656 proven [intact]
binlog.000003 2 tx good=656/656 proven [intact]
corrupt differs binlog.000001:0
note next-missing binlog.000003:656
`},
		{"two torn copies without checksums that differ", func() []folder {
			s := newServer(1, 0)
			s.unsigned = true
			b := s.rotated(1, 2)[number(1)]
			return []folder{{number(1): b[:320]}, {number(1): flip(b[:310], 180)}}
		}, `
binlog.000001 0 tx good=154/320 DAMAGED [torn, torn]
note torn binlog.000001:154
gap torn binlog.000001:154
note unverified 
`},
		{"numbers that go from 999999 to 1000000", func() []folder {
			s := newServer(1, 0)
			return []folder{{
				"binlog.999999":  s.begin().transactions(1).rotate("binlog.1000000"),
				"binlog.1000000": s.begin().transactions(1).stop(),
			}}
		}, `
binlog.999999 1 tx good=410/410 proven [intact]
binlog.1000000 1 tx good=388/388 proven [intact]
`},
		{"one file of another server among ours", func() []folder {
			f := newServer(1, 0xaa).rotated(4, 2)
			o := newServer(2, 0xbb).rotated(2, 1)
			return []folder{with(f, number(2), o[number(2)])}
		}, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000003 2 tx good=656/656 proven [intact]
binlog.000004 2 tx good=656/656 proven [intact]
warning foreign-server 
gap gap binlog.000001:616
note next-missing binlog.000004:656
`},
		{"a server of the same id with its own UUID", func() []folder {
			f := newServer(1, 0xaa).rotated(4, 2)
			o := newServer(1, 0xbb).rotated(2, 1)
			return []folder{with(f, number(2), o[number(2)])}
		}, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000003 2 tx good=656/656 proven [intact]
binlog.000004 2 tx good=656/656 proven [intact]
warning foreign-server 
gap gap binlog.000001:616
note next-missing binlog.000004:656
`},
		{"numbering begun anew after four files", func() []folder {
			s := newServer(1, 0xaa)
			f := s.rotated(5, 1)
			s.done = 0
			return []folder{f, {number(1): s.begin().transactions(1).live()}}
		}, `
binlog.000001 1 tx good=409/409 proven [intact]
binlog.000002 1 tx good=449/449 proven [intact]
binlog.000003 1 tx good=449/449 proven [intact]
binlog.000004 1 tx good=449/449 proven [intact]
binlog.000005 1 tx good=449/449 proven [intact]
gap reset binlog.000005:449
note next-missing binlog.000005:449
`},
		{"a failover: another server goes on exactly where the first ended, its numbers further on", func() []folder {
			s := newServer(1, 0xaa)
			f := s.rotated(3, 1)
			s.id, s.running = 2, false
			f[number(7)] = s.begin().transactions(1).rotate(number(8))
			f[number(8)] = s.begin().transactions(1).live()
			return []folder{f}
		}, `
binlog.000001 1 tx good=409/409 proven [intact]
binlog.000002 1 tx good=449/449 proven [intact]
binlog.000003 1 tx good=449/449 proven [intact]
binlog.000007 1 tx good=449/449 proven [intact]
binlog.000008 1 tx good=405/405 [intact]
note failover binlog.000007:0
note in-use binlog.000008:405
`},
		{"a failover after which transactions are missing", func() []folder {
			s := newServer(1, 0xaa)
			f := s.rotated(5, 1)
			s.id, s.running, s.done = 2, false, s.done+3
			f[number(6)] = s.begin().transactions(1).live()
			return []folder{f}
		}, `
binlog.000001 1 tx good=409/409 proven [intact]
binlog.000002 1 tx good=449/449 proven [intact]
binlog.000003 1 tx good=449/449 proven [intact]
binlog.000004 1 tx good=449/449 proven [intact]
binlog.000005 1 tx good=449/449 proven [intact]
gap failover binlog.000005:449
note next-missing binlog.000005:449
`},
		{"a file duplicated under other names", func() []folder {
			f := three()
			return []folder{with(with(f, number(2)+".bak", f[number(2)]), "old.000009", f[number(1)])}
		}, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000002 2 tx good=656/656 proven [intact]
binlog.000003 2 tx good=656/656 proven [intact]
note duplicate 
note duplicate 
note next-missing binlog.000003:656
`},
		{"no checksums", func() []folder {
			s := newServer(1, 0)
			s.unsigned = true
			return []folder{s.rotated(2, 1)}
		}, `
binlog.000001 1 tx good=385/385 proven [intact]
binlog.000002 1 tx good=385/385 proven [intact]
note next-missing binlog.000002:385
note unverified 
`},
		{"compressed copies, cut and flipped", func() []folder {
			f := anonymous()
			one, two := gz(f[number(2)]), zst(f[number(2)])
			return []folder{{number(1): f[number(1)], number(2) + ".gz": one[:len(one)-6], number(2) + ".zst": flip(two, len(two)/2), number(3): f[number(3)]}}
		}, `
binlog.000001 2 tx good=616/616 proven [intact]
binlog.000002 2 tx good=616/616 DAMAGED [torn, corrupt]
binlog.000003 2 tx good=616/616 proven [intact]
note corrupt 
gap torn binlog.000002:616
note next-missing binlog.000003:616
`},
		{"folders in a folder, one for each copy, and files that are something else", func() []folder {
			f := three()
			return []folder{{"a/" + number(1): f[number(1)], "b/" + number(1): f[number(1)], "b/notes": []byte("hello"), "README": []byte("hello"), ".x": nil}}
		}, `
binlog.000001 2 tx good=616/616 proven [intact, intact]
note not-a-binlog 
note next-missing binlog.000001:616
`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var paths []string
			for _, f := range c.folders() {
				paths = append(paths, write(t, f))
			}
			a, err := open(t, paths...)
			if err != nil {
				t.Fatal(err)
			}
			if got := outline(a); got != c.want[1:] {
				t.Errorf("got:\n%swant:\n%s", got, c.want[1:])
				for _, f := range a.Findings {
					t.Log(f.Text, "|", f.Remedy)
				}
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	valid := newServer(1, 0xaa).rotated(1, 1)[number(1)]
	cases := []struct {
		name  string
		files map[string][]byte
		want  []error
		says  string
	}{
		{"empty folder", nil, []error{ErrNoBinlogs}, "there are no files"},
		{"other files", map[string][]byte{"a.ibd": []byte("0123456789"), "b.sql": []byte("-- dump")}, []error{ErrNoBinlogs, binlog.ErrNotBinlog}, "a.ibd"},
		{"encrypted", map[string][]byte{number(1): []byte("\xfdbin....")}, []error{ErrNoBinlogs, binlog.ErrEncrypted}, "--read-from-remote-server"},
		{"inside InnoDB", map[string][]byte{"binlog-000000.ibb": make([]byte, 64)}, []error{ErrNoBinlogs, binlog.ErrUnsupported}, "InnoDB"},
		{"its first event damaged", map[string][]byte{number(1): flip(valid, 60)}, []error{ErrNoBinlogs, binlog.ErrCorrupt}, number(1)},
		{"cut in its first event", map[string][]byte{number(1): valid[:50]}, []error{ErrNoBinlogs, binlog.ErrTorn}, number(1)},
		{"two servers", map[string][]byte{"a/" + number(1): valid, "b/" + number(1): newServer(2, 0xbb).rotated(1, 1)[number(1)]}, []error{ErrAmbiguous}, "server id 2"},
		{"two names", map[string][]byte{number(1): valid, "mysql-bin.000001": valid}, []error{ErrAmbiguous}, "mysql-bin"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := write(t, c.files)
			a, err := open(t, dir)
			if err == nil {
				t.Fatalf("opened:\n%s", outline(a))
			}
			for _, w := range c.want {
				if w != binlog.ErrNotBinlog && !errors.Is(err, w) {
					t.Errorf("%v: not %v", err, w)
				}
			}
			if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v: does not say %q and where", err, c.says)
			}
		})
	}
	if _, err := open(t, filepath.Join(t.TempDir(), "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a path that does not exist: %v", err)
	}
}

// Every way to cut the middle file of a chain leaves a gap that is named, and every last file that is cut
// says so; with an intact copy beside it nothing is lost.
func TestCutAnywhere(t *testing.T) {
	for _, uuid := range []byte{0, 0xaa} {
		f := newServer(1, uuid).rotated(3, 1)
		whole := write(t, f)
		for _, name := range []string{number(2), number(3)} {
			cut := write(t, f)
			rotate := len(f[name]) - 44
			for n := range f[name] {
				if err := os.WriteFile(filepath.Join(cut, name), f[name][:n], 0o640); err != nil {
					t.Fatal(err)
				}
				a, err := Open(t.Context(), []string{cut}, Options{})
				if err != nil {
					t.Fatalf("%s cut at %d: %v", name, n, err)
				}
				worst := Note
				for _, x := range a.Problems(binlog.Position{}, binlog.Position{}) {
					worst = max(worst, x.Severity)
				}
				noticed := worst >= Gap
				switch {
				case name == number(2) && uuid != 0 && n >= rotate:
					noticed = a.Files[1].Proven // GTIDs show that only the Rotate is gone
				case name == number(3):
					noticed = worst >= Warning || a.Index(name) < 0
				}
				if !noticed {
					t.Errorf("%s cut at %d of %d is not noticed:\n%s", name, n, len(f[name]), outline(a))
				}
				if n%5 != 0 {
					continue
				}
				if a, err = Open(t.Context(), []string{cut, whole}, Options{}); err != nil {
					t.Fatalf("%s cut at %d, beside a whole copy: %v", name, n, err)
				}
				for _, x := range a.Findings {
					if x.Severity > Note {
						t.Errorf("%s cut at %d, beside a whole copy: %+v", name, n, x)
					}
				}
			}
		}
	}
}

// A flipped byte is always named, but for the in-use flag, which its server flips itself.
func TestFlipAnywhere(t *testing.T) {
	f := newServer(1, 0xaa).rotated(3, 1)
	whole, bad := write(t, f), write(t, f)
	for n := range f[number(2)] {
		b := bytes.Clone(f[number(2)])
		b[n] ^= 1
		if err := os.WriteFile(filepath.Join(bad, number(2)), b, 0o640); err != nil {
			t.Fatal(err)
		}
		a, err := Open(t.Context(), []string{bad}, Options{})
		if err != nil {
			t.Fatalf("byte %d flipped: %v", n, err)
		}
		worst := Note
		for _, x := range a.Findings {
			worst = max(worst, x.Severity)
		}
		if worst < Gap && n != inUseAt {
			t.Errorf("byte %d flipped is not noticed:\n%s", n, outline(a))
		}
		if n%3 != 0 && n != inUseAt {
			continue
		}
		if a, err = Open(t.Context(), []string{bad, whole}, Options{}); err != nil {
			t.Fatalf("byte %d flipped, beside a whole copy: %v", n, err)
		}
		for _, x := range a.Findings {
			if x.Severity > Warning || x.Severity == Warning && x.Code != CodeEncrypted {
				t.Errorf("byte %d flipped, beside a whole copy: %+v", n, x)
			}
		}
		r, err := a.Files[1].Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got[inUseAt] &^= 1
		if _ = r.Close(); !bytes.Equal(got, f[number(2)]) {
			t.Errorf("byte %d flipped: the copy chosen is not the whole one", n)
		}
	}
}

func TestProblems(t *testing.T) {
	s := newServer(1, 0xaa)
	f := s.rotated(5, 1)
	a, err := open(t, write(t, without(f, number(1), number(3))))
	if err != nil {
		t.Fatal(err)
	}
	end := a.Files[0].End()
	at := func(file string, off uint64) binlog.Position { return binlog.Position{File: file, Offset: off} }
	var none binlog.Position
	cases := []struct {
		from, to binlog.Position
		want     []string
	}{
		{none, none, []string{"gap " + end.String(), "next-missing binlog.000005:449"}},
		{none, end, nil},
		{end, none, []string{"gap " + end.String(), "next-missing binlog.000005:449"}},
		{at(number(4), 4), at(number(5), 4), nil},
		{at(number(2), 4), at(number(4), 4), []string{"gap " + end.String()}},
		{at(number(1), 4), at(number(2), 200), []string{"gap binlog.000001:4"}},
		{at(number(6), 4), none, nil},
		{at(number(7), 4), none, []string{"gap binlog.000007:4"}},
		{at("other.000002", 4), at("other.000003", 4), []string{"gap other.000002:4"}},
	}
	for _, c := range cases {
		var got []string
		for _, p := range a.Problems(c.from, c.to) {
			got = append(got, p.Code+" "+p.Pos.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("from %q to %q: %q, want %q", c.from, c.to, got, c.want)
		}
	}
	if a.Index(number(4)) != 1 || a.Index(number(3)) != -1 {
		t.Errorf("Index: %d, %d", a.Index(number(4)), a.Index(number(3)))
	}
}

func TestProgressAndCancel(t *testing.T) {
	dir := write(t, newServer(1, 0xaa).rotated(4, 50))
	var last, total int64
	a, err := Open(context.Background(), []string{dir}, Options{Progress: func(d, n int64) {
		if d < last || d > n {
			t.Errorf("progress went from %d to %d of %d", last, d, n)
		}
		last, total = d, n
	}})
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, f := range a.Files {
		size += f.Size
	}
	if last != size || total != size {
		t.Errorf("progress ended at %d of %d, want %d", last, total, size)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, []string{dir}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Open: %v", err)
	}
}

// A file that grows after Open gives the bytes that were verified, no more.
func TestOpenGivesWhatWasVerified(t *testing.T) {
	s := newServer(1, 0xaa)
	l := s.begin().transactions(1)
	dir := write(t, map[string][]byte{number(1): l.live()})
	a, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	verified := bytes.Clone(l.live())
	if err := os.WriteFile(filepath.Join(dir, number(1)), l.transactions(1).live(), 0o640); err != nil {
		t.Fatal(err)
	}
	r, err := a.Files[0].Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, verified) {
		t.Errorf("%d bytes (%v), want the %d verified", len(got), err, len(verified))
	}
}
