package binlog

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"testing"
)

// step is what a Reader yielded, as far as a restore would act on it.
type step struct {
	kind     Kind
	pos, end Position
	rows     string // the rows' bytes, or the statement
}

// steps reads one file, every row of it, and stops at an error.
func steps(t testing.TB, name string, b []byte) (out []step, last Ending, err error) {
	t.Helper()
	r, err := NewReader([]File{memory{name, b}}, Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		it, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return out, last, nil
		}
		if err != nil {
			return out, last, err
		}
		s := step{kind: it.Kind, pos: it.Pos, end: it.End}
		switch it.Kind {
		case FileEnd:
			last = *it.Ending
			continue
		case RowChange:
			s.rows = string(it.Rows.Data)
		case Statement:
			s.rows = string(it.Query.SQL)
		}
		out = append(out, s)
	}
}

// damageable are real files of several formats, small enough to cut and flip at every byte.
func damageable(t *testing.T) []corpusFile {
	t.Helper()
	want := map[string]bool{
		"blackbeam+rust_mysql_common/vector.binlog":                           true, // MySQL 9.0, full metadata
		"apecloud+mysql-binlog-connector-rust/mysql-bin.000057":               true, // compressed payloads
		"github+gh-ost/mysql-bin.000066":                                      true, // MySQL 5.6
		"pingcap+tiflow/_history__09ca36b6_mysql-bin.000001":                  true, // MariaDB, no checksums
		"blackbeam+rust_mysql_common/mariadb-bin.000001":                      true, // MariaDB
		"blackbeam+rust_mysql_common/binlog_transaction_with_GTID_TAG.000001": true,
		"PrivateRookie+boxercrab/log.bin.34ca":                                true, // statements with Intvar and User_var
		"PrivateRookie+boxercrab/log.bin.42b5":                                true, // LOAD DATA
	}
	var out []corpusFile
	for _, f := range corpusFiles(t) {
		if want[f.path] {
			out = append(out, f)
		}
	}
	if len(out) != len(want) {
		t.Fatalf("%d of %d files found", len(out), len(want))
	}
	return out
}

// Every prefix of a file yields a prefix of what the file yields, and never looks closed: a transaction
// that is cut is not committed, and the cut is an Ending or an error.
func TestEveryPrefix(t *testing.T) {
	for _, f := range damageable(t) {
		t.Run(f.path, func(t *testing.T) {
			whole, full, err := steps(t, f.name, f.b)
			if err != nil {
				t.Fatal(err)
			}
			for n := range f.b {
				got, ending, err := steps(t, f.name, f.b[:n])
				for i, s := range got {
					if i >= len(whole) || s != whole[i] {
						t.Fatalf("cut at %d: step %d is %+v", n, i, s)
					}
				}
				k, kerr := SkimFile(bytes.NewReader(f.b[:n]), f.name)
				if (err == nil) != (kerr == nil) {
					t.Fatalf("cut at %d: Reader says %v, Skim %v", n, err, kerr)
				}
				if err != nil {
					continue
				}
				if endingName(k.Ending) != endingName(ending) {
					t.Fatalf("cut at %d: Reader ends %s, Skim %s", n, endingName(ending), endingName(k.Ending))
				}
				if k.Good > uint64(n) || (ending.Torn == nil && !ending.InTx) != (k.Good == uint64(n)) {
					t.Fatalf("cut at %d: good up to %d, %s", n, k.Good, endingName(ending))
				}
				if ending.Stop || ending.Next.File != "" && ending.Torn == nil {
					// only what lies behind the last event may be missing
					if full.Stop != ending.Stop || full.Next != ending.Next {
						t.Fatalf("cut at %d: looks closed: %s", n, endingName(ending))
					}
				}
				if !ending.Open && ending.Torn == nil && !ending.InTx && n < len(f.b) {
					t.Fatalf("cut at %d of %d: looks whole: %s", n, len(f.b), endingName(ending))
				}
			}
		})
	}
}

// A flipped bit in a file with checksums is an error, or harmless: the in-use flag, which its server flips
// itself. Up to the error nothing that was yielded has changed.
func TestEveryFlip(t *testing.T) {
	const inUse = 4 + 17
	for _, f := range damageable(t) {
		format := f.b[4:]
		if format[17]&flagInUse != 0 || f.name == "_history__09ca36b6_mysql-bin.000001" {
			continue // without checksums a flip cannot be seen
		}
		t.Run(f.path, func(t *testing.T) {
			whole, full, err := steps(t, f.name, f.b)
			if err != nil {
				t.Fatal(err)
			}
			for n := range f.b {
				bits := []byte{1 << (n % 8)}
				if n == inUse {
					bits = []byte{1, 2, 4, 8, 16, 32, 64, 128}
				}
				for _, bit := range bits {
					b := bytes.Clone(f.b)
					b[n] ^= bit
					got, ending, err := steps(t, f.name, b)
					for i, s := range got {
						if i >= len(whole) || s != whole[i] {
							t.Fatalf("byte %d ^ %#x: step %d is %+v", n, bit, i, s)
						}
					}
					var re *ReadError
					switch {
					case n == inUse && bit == flagInUse:
						if err != nil || len(got) != len(whole) || endingName(ending) != endingName(full) {
							t.Fatalf("the in-use flag: %v, %s", err, endingName(ending))
						}
					case err == nil && ending.Torn == nil:
						t.Fatalf("byte %d ^ %#x is not noticed", n, bit)
					case err != nil && (!errors.As(err, &re) || re.Pos.File != f.name):
						t.Fatalf("byte %d ^ %#x: %v is not a ReadError with its position", n, bit, err)
					}
				}
			}
		})
	}
}

// A Rotate in the middle, as relay logs hold it, does not close the file.
func TestRotateInTheMiddle(t *testing.T) {
	rotate := append([]byte{4, 0, 0, 0, 0, 0, 0, 0}, "binlog.000002"...)
	b := tiny(false)
	b = slices.Clip(b[:len(b)-headerSize-4]) // without its Stop
	closed := slices.Clip(appendEvent(b, RotateEvent, rotate))
	for _, c := range []struct {
		b    []byte
		want string
	}{{closed, "rotate"}, {appendEvent(closed, PreviousGTIDsEvent, make([]byte, 8)), "open"}, {appendEvent(closed, StopEvent, nil), "stop"}} {
		_, ending, err := steps(t, "binlog.000001", c.b)
		k, kerr := SkimFile(bytes.NewReader(c.b), "binlog.000001")
		if err != nil || kerr != nil || endingName(ending) != c.want || endingName(k.Ending) != c.want {
			t.Errorf("Reader ends %s (%v), Skim %s (%v), want %s", endingName(ending), err, endingName(k.Ending), kerr, c.want)
		}
	}
}

// Reading from any place between transactions gives the rest of the file; from any other place, an error
// that names the nearest.
func TestFrom(t *testing.T) {
	for _, f := range damageable(t) {
		t.Run(f.path, func(t *testing.T) {
			whole, _, err := steps(t, f.name, f.b)
			if err != nil {
				t.Fatal(err)
			}
			good := map[uint64]bool{}
			k := &Skim{scan: NewScanner(bytes.NewReader(f.b), f.name)}
			for {
				fr, err := k.scan.Next()
				if err != nil {
					break
				}
				if err := k.event(fr); err != nil {
					t.Fatal(err)
				}
				good[k.Good] = true
			}
			for off := uint64(5); off <= uint64(len(f.b))+1; off++ {
				var got []step
				r, err := NewReader([]File{memory{f.name, f.b}}, Position{f.name, off})
				if err != nil {
					t.Fatal(err)
				}
				for err == nil {
					var it Item
					if it, err = r.Next(context.Background()); err == nil && it.Kind != FileStart && it.Kind != FileEnd {
						got = append(got, step{kind: it.Kind, pos: it.Pos, end: it.End})
					}
				}
				_ = r.Close()
				var re *ReadError
				if !good[off] {
					if !errors.As(err, &re) || re.Pos != (Position{f.name, off}) || len(got) > 0 {
						t.Fatalf("from %d: %v after %d steps", off, err, len(got))
					}
					continue
				}
				var want []step
				for _, s := range whole {
					if s.kind != FileStart && s.pos.Offset >= off {
						want = append(want, step{kind: s.kind, pos: s.pos, end: s.end})
					}
				}
				if !errors.Is(err, io.EOF) || !slices.Equal(got, want) {
					t.Fatalf("from %d: %d steps (%v), want %d", off, len(got), err, len(want))
				}
			}
		})
	}
}

// A file whose reading fails half-way gives what was read before, then the failure and its place.
func TestReadFailure(t *testing.T) {
	f := damageable(t)[0]
	whole, _, err := steps(t, f.name, f.b)
	if err != nil {
		t.Fatal(err)
	}
	failure := errors.New("disk on fire")
	for k := 0; ; k++ {
		r := &failing{b: f.b, chunk: 100, left: k, err: failure}
		reader, err := NewReader([]File{failingFile{memory{f.name, f.b}, r}}, Position{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for err == nil {
			if _, err = reader.Next(context.Background()); err == nil {
				n++
			}
		}
		_ = reader.Close()
		if errors.Is(err, io.EOF) {
			if n != len(whole)+1 {
				t.Errorf("%d steps, want %d", n, len(whole)+1)
			}
			return
		}
		var re *ReadError
		if !errors.Is(err, failure) || !errors.As(err, &re) || re.Pos.File != f.name {
			t.Fatalf("failing at read %d: %v", k, err)
		}
	}
}

// failing reads in chunks and fails after some of them; what it has still comes with the failure.
type failing struct {
	b     []byte
	chunk int
	left  int
	err   error
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), f.chunk)], f.b)
	f.b = f.b[n:]
	switch {
	case n == 0:
		return 0, io.EOF
	case f.left == 0:
		return n, f.err
	}
	f.left--
	return n, nil
}

type failingFile struct {
	memory
	r io.Reader
}

func (f failingFile) Open(context.Context) (io.ReadCloser, error) { return io.NopCloser(f.r), nil }

// checksum pads in place; it has to give what the standard library gives, and to leave every byte as it was.
func TestChecksum(t *testing.T) {
	b := make([]byte, 400)
	for i := range b {
		b[i] = byte(i*7 + i>>3)
	}
	kept := bytes.Clone(b)
	for start := margin; start < margin+20; start++ {
		for n := headerSize; start+n <= len(b); n++ {
			s := &Scanner{buf: b, start: start, end: len(b)}
			if got, want := s.checksum(n), crc32.ChecksumIEEE(b[start:start+n]); got != want || !bytes.Equal(b, kept) {
				t.Fatalf("%d bytes at %d: %08x, want %08x; unchanged: %v", n, start, got, want, bytes.Equal(b, kept))
			}
		}
	}
}
