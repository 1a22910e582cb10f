package binlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// tiny is a file of a format description and a Stop event, of MySQL 8.4 or MariaDB 10.11.
func tiny(mariaDB bool) []byte {
	version := "8.4.4"
	if mariaDB {
		version = "10.11.6-MariaDB-log"
	}
	body := make([]byte, 57)
	body[0], body[56] = 4, headerSize
	copy(body[2:52], version)
	body = append(append(body, bytes.Repeat([]byte{8}, 42)...), 1)
	out := appendEvent([]byte("\xfebin"), FormatDescriptionEvent, body)
	return appendEvent(out, StopEvent, nil)
}

// appendEvent appends an event with its checksum.
func appendEvent(out []byte, typ EventType, body []byte) []byte {
	size := headerSize + len(body) + 4
	h := make([]byte, headerSize, size)
	binary.LittleEndian.PutUint32(h, 1_700_000_000)
	h[4] = byte(typ)
	binary.LittleEndian.PutUint32(h[5:], 1)
	binary.LittleEndian.PutUint32(h[9:], uint32(size))
	binary.LittleEndian.PutUint32(h[13:], uint32(len(out)+size))
	h = append(h, body...)
	return append(out, binary.LittleEndian.AppendUint32(h, crc32.ChecksumIEEE(h))...)
}

// resign makes damaged events pass the checksum, so that a fuzzer reaches what lies behind it.
func resign(b []byte) []byte {
	b = bytes.Clone(b)
	for at := 4; at+headerSize <= len(b); {
		h := parseHeader(b[at:])
		end := at + int(h.Size)
		if h.Size < headerSize+4 || end > len(b) {
			break
		}
		ev := b[at:end]
		if h.Type == FormatDescriptionEvent {
			ev[17] &^= flagInUse
		}
		binary.LittleEndian.PutUint32(ev[len(ev)-4:], crc32.ChecksumIEEE(ev[:len(ev)-4]))
		at = end
	}
	return b
}

// corpusSeeds adds small files of the corpus, where it is there.
func corpusSeeds(f *testing.F, add func([]byte)) {
	f.Helper()
	for _, b := range [][]byte{nil, []byte("\xfebin"), []byte("\xfdbin"), tiny(false), tiny(true)} {
		add(b)
	}
	paths, err := filepath.Glob(filepath.Join(corpus, "binlogs", "*", "*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 8<<10 {
			add(b)
		}
	}
}

// allocated runs what and tells how much it allocated.
func allocated(what func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	what()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

const fuzzMemory = 64 << 20

func FuzzScanner(f *testing.F) {
	corpusSeeds(f, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, b []byte) {
		n := allocated(func() {
			s := NewScanner(bytes.NewReader(b), "fuzz.000001")
			last := uint64(0)
			for {
				fr, err := s.Next()
				if errors.Is(err, io.EOF) {
					if s.Offset() != uint64(len(b)) {
						t.Fatalf("ended at %d of %d", s.Offset(), len(b))
					}
					return
				}
				if err != nil {
					located(t, err)
					return
				}
				if fr.Offset < last || fr.End() <= fr.Offset || fr.End() > uint64(len(b)) || len(fr.Body) > int(fr.Size) {
					t.Fatalf("event at %d to %d of %d, after %d", fr.Offset, fr.End(), len(b), last)
				}
				last = fr.End()
			}
		})
		if n > fuzzMemory {
			t.Fatalf("%d bytes allocated for %d", n, len(b))
		}
	})
}

func located(t *testing.T, err error) {
	t.Helper()
	var re *ReadError
	if !errors.As(err, &re) || re.Pos.File != "fuzz.000001" {
		t.Fatalf("%v is not a ReadError with its position", err)
	}
}

func FuzzReader(f *testing.F) {
	corpusSeeds(f, func(b []byte) {
		f.Add(b, true)
		f.Add(b, false)
	})
	f.Fuzz(func(t *testing.T, b []byte, sign bool) {
		if sign {
			b = resign(b)
		}
		n := allocated(func() {
			c := readQuietly(t, b)
			k, err := SkimFile(bytes.NewReader(b), "fuzz.000001")
			if err != nil {
				located(t, err)
			}
			// what was committed before the file is for Skim alone to read
			if c.err == nil && err == nil && (k.Transactions != c.tx || endingName(k.Ending) != endingName(c.ending)) {
				t.Fatalf("Reader: %s; Skim: %d transactions, %s, %v", c, k.Transactions, endingName(k.Ending), err)
			}
		})
		// a compressed event may hold a thousand times its size
		if n > fuzzMemory+2000*uint64(len(b)) {
			t.Fatalf("%d bytes allocated for %d", n, len(b))
		}
	})
}

func readQuietly(t *testing.T, b []byte) *tally {
	c := read(t, Position{}, memory{"fuzz.000001", b})
	if c.err != nil {
		located(t, c.err)
	}
	return c
}

func FuzzTableMap(f *testing.F) {
	corpusSeeds(f, func(b []byte) {
		s := NewScanner(bytes.NewReader(b), "seed")
		for {
			fr, err := s.Next()
			if err != nil {
				return
			}
			if fr.Type == TableMapEvent {
				f.Add(bytes.Clone(fr.Body), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
			}
		}
	})
	f.Fuzz(func(t *testing.T, body, rows []byte) {
		maps := newTableMaps()
		format := &Format{}
		m, err := maps.add(body, format)
		if err != nil {
			return
		}
		n := len(m.Types)
		if len(m.Meta) != n || len(m.Columns) != n || len(m.Nullable) != (n+7)/8 || m.Names != nil && len(m.Names) != n || m.HasSignedness && len(m.Unsigned) != n {
			t.Fatalf("a table map of %d columns: %+v", n, m)
		}
		for _, k := range m.PrimaryKey {
			if k < 0 || k >= n {
				t.Fatalf("primary key column %d of %d", k, n)
			}
		}
		all := bytes.Repeat([]byte{0xff}, (n+7)/8)
		var r RowReader
		r.Reset(&Rows{Table: m, Kind: Update, Before: all, After: all, Data: rows})
		for range len(rows) + 1 {
			if more, err := r.Next(); err != nil || !more {
				return
			}
		}
		if n > 0 {
			t.Fatalf("more rows than bytes")
		}
	})
}

func FuzzQueryVars(f *testing.F) {
	corpusSeeds(f, func(b []byte) {
		s := NewScanner(bytes.NewReader(b), "seed")
		for {
			fr, err := s.Next()
			if err != nil {
				return
			}
			if fr.Type == QueryEvent {
				f.Add(bytes.Clone(fr.Body), s.Format().MariaDB)
			}
		}
	})
	f.Add(append(make([]byte, 11), 3, 0, 130, 4, 1, 0), true)
	f.Fuzz(func(t *testing.T, body []byte, mariaDB bool) {
		var q Query
		err := parseQuery(&q, body, &Format{MariaDB: mariaDB})
		sql, err2 := querySQL(body)
		if err != nil {
			return
		}
		if err2 != nil || !bytes.Equal(sql, q.SQL) {
			t.Fatalf("querySQL finds %q (%v), parseQuery %q", sql, err2, q.SQL)
		}
		if !bytes.HasSuffix(body, q.SQL) || len(q.Database) > 255 {
			t.Fatalf("%q, database %q", q.SQL, q.Database)
		}
		control(q.SQL)
	})
}
