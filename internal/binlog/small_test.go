package binlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
)

// smallTx is one transaction with an inserted row and an updated one.
func smallTx(out []byte) []byte {
	query := func(sql string) []byte { return append(append(make([]byte, 8), 1, 0, 0, 0, 0, 'd', 0), sql...) }
	id := []byte{9, 0, 0, 0, 0, 0, 1, 0} // table id, and the flag of a statement's end
	query0 := query("BEGIN")
	query0[8] = 1 // the length of the database's name
	out = appendEvent(out, QueryEvent, query0)
	out = appendEvent(out, TableMapEvent, slices.Concat(id, []byte{1, 'd', 0, 1, 't', 0, 2, 3, 15, 2, 9, 0, 2}))
	out = appendEvent(out, WriteRowsV1, slices.Concat(id, []byte{2, 3, 0, 1, 0, 0, 0, 2, 'a', 'b'}))
	out = appendEvent(out, TableMapEvent, slices.Concat(id, []byte{1, 'd', 0, 1, 't', 0, 2, 3, 15, 2, 9, 0, 2}))
	out = appendEvent(out, UpdateRowsV1, slices.Concat(id, []byte{2, 3, 3, 0, 1, 0, 0, 0, 2, 'a', 'b', 2, 1, 0, 0, 0}))
	return appendEvent(out, XIDEvent, binary.LittleEndian.AppendUint64(nil, 7))
}

// small is a whole log of a few hundred bytes.
func small() []byte {
	b := tiny(false)
	stop := len(b) - headerSize - 4
	return appendEvent(smallTx(slices.Clip(b[:stop])), StopEvent, nil)
}

// heap is how many bytes and objects the program has allocated so far.
func heap() (bytes, objects uint64) {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/allocs:objects"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64()
}

// readRows reads every row, too, and says what a restore would see.
func readRows(t *testing.T, b []byte) (out []step, err error) {
	t.Helper()
	r, err := NewReader([]File{memory{"binlog.000001", b}}, Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var rows RowReader
	for {
		it, err := r.Next(context.Background())
		if err != nil {
			return out, err
		}
		s := step{kind: it.Kind, pos: it.Pos, end: it.End}
		switch it.Kind {
		case FileEnd:
			if it.Ending.Torn != nil || it.Ending.InTx {
				return out, ErrCorrupt
			}
			continue
		case Statement:
			s.rows = string(it.Query.SQL)
		case RowChange:
			rows.Reset(it.Rows)
			for {
				more, err := rows.Next()
				if err != nil {
					return out, err
				}
				if !more {
					break
				}
				s.rows += string(rows.Old.Raw) + "|" + string(rows.New.Raw) + ";"
			}
		}
		out = append(out, s)
	}
}

// TestEveryChangeOfASmallLog gives each byte of a log each other value. With checksums every change is noticed, but for those of the flag
// that the server itself changes, and what was read before it is right. With the checksums made to fit (a part of the values is enough there), nothing can be noticed
// but what contradicts itself; still every reading ends, without a panic and without more than 64 MiB.
func TestEveryChangeOfASmallLog(t *testing.T) {
	const most, inUse = 64 << 20, 4 + 17
	b := small()
	whole, err := readRows(t, b)
	if !errors.Is(err, io.EOF) || len(whole) != 5 || whole[2].rows == "" {
		t.Fatalf("the log is not what it should be: %v, %+v", err, whole)
	}
	for n := range b {
		for x := 1; x < 256; x++ {
			changed := bytes.Clone(b)
			changed[n] ^= byte(x)
			got, err := readRows(t, changed)
			for i, s := range got {
				if i >= len(whole) || s != whole[i] {
					t.Fatalf("byte %d ^ %#x: step %d is %+v", n, x, i, s)
				}
			}
			if errors.Is(err, io.EOF) && (n != inUse || x != flagInUse) {
				t.Fatalf("byte %d ^ %#x is not noticed", n, x)
			}
			if bits.OnesCount(uint(x)) > 1 && x != 0x7f && x != 0xff && (n+x)%16 != 0 {
				continue
			}
			before, _ := heap()
			got, _ = readRows(t, resign(changed))
			if after, _ := heap(); after-before > most {
				t.Fatalf("byte %d ^ %#x, with its checksum: %d MiB allocated", n, x, (after-before)>>20)
			}
			if len(got) > 2*len(whole) {
				t.Fatalf("byte %d ^ %#x, with its checksum: %d steps", n, x, len(got))
			}
		}
	}
}

// TestEveryPrefixOfASmallLog: what was read of a log that is cut is right, reading ends, and takes no more than 64 MiB.
func TestEveryPrefixOfASmallLog(t *testing.T) {
	const most = 64 << 20
	b := small()
	whole, err := readRows(t, b)
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	for n := range b {
		before, _ := heap()
		got, err := readRows(t, b[:n])
		if after, _ := heap(); after-before > most {
			t.Fatalf("cut at %d: %d MiB allocated", n, (after-before)>>20)
		}
		if len(got) > len(whole) || !slices.Equal(got, whole[:len(got)]) {
			t.Fatalf("cut at %d: %+v", n, got)
		}
		// Before and behind the transaction nothing but what comes next is missing.
		first, stop := len(tiny(false))-headerSize-4, len(b)-headerSize-4
		if errors.Is(err, io.EOF) && n != first && n != stop {
			t.Fatalf("cut at %d of %d: looks whole", n, len(b))
		}
	}
}

// TestEveryEventType puts an event of each type into a log: what is neither handled nor known to hold nothing is an error that names it,
// and never passed over. The type is the header's; no decoder's opinion of it counts.
func TestEveryEventType(t *testing.T) {
	nothing := []EventType{ // to do for a restore between two transactions
		IntvarEvent, RandEvent, UserVarEvent, TableMapEvent, // for what follows, which there is not
		CreateFileEvent, AppendBlockEvent, DeleteFileEvent, BeginLoadQueryEvent, // the same: the statement is another event
		RotateEvent, XIDEvent, XAPrepareEvent, // of no transaction
		HeartbeatEvent, HeartbeatV2Event, IgnorableEvent, RowsQueryEvent, TransactionContext, ViewChangeEvent, AnnotateRowsEvent, BinlogCheckpointEvent,
		PreviousGTIDsEvent, MariaGTIDListEvent, StopEvent,
	}
	b := small()
	stop := len(b) - headerSize - 4
	whole, _ := readRows(t, b)
	for n := range 256 {
		typ := EventType(n)
		with := appendEvent(appendEvent(slices.Clip(b[:stop]), typ, make([]byte, 40)), StopEvent, nil)
		got, err := readRows(t, with)
		_, kerr := SkimFile(bytes.NewReader(with), "binlog.000001")
		silent := errors.Is(err, io.EOF) && slices.Equal(got, whole)
		if silent != slices.Contains(nothing, typ) {
			t.Errorf("%s (%d): %d steps, %v", typ, n, len(got)-len(whole), err)
		}
		if _, known := eventName(typ); !known && !silent && (!errors.Is(err, ErrUnsupported) || !errors.Is(kerr, ErrUnsupported) || !strings.Contains(err.Error(), typ.String())) {
			t.Errorf("type %d: Reader says %v, Skim %v", n, err, kerr)
		}
	}
}

// counted counts the reads of a file.
type counted struct {
	io.Reader
	reads int
}

func (c *counted) Read(p []byte) (int, error) { c.reads++; return c.Reader.Read(p) }

// TestReadsInLargePieces: a file is not read event by event, and reading its rows takes little memory for each.
func TestReadsInLargePieces(t *testing.T) {
	b := tiny(false)
	b = slices.Clip(b[:len(b)-headerSize-4])
	changes := 0
	for len(b) < 8<<20 {
		b = smallTx(b)
		changes += 2
	}
	c := &counted{Reader: bytes.NewReader(b)}
	s := NewScanner(c, "binlog.000001")
	events := 0
	for {
		if _, err := s.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		events++
	}
	if most := len(b)/readSize + 24; c.reads > most || events < changes {
		t.Errorf("%d reads for %d MiB with %d events, want %d at most", c.reads, len(b)>>20, events, most)
	}
	r, err := NewReader([]File{memory{"binlog.000001", b}}, Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var rows RowReader
	size, objects := heap()
	for {
		it, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if it.Kind == RowChange {
			for rows.Reset(it.Rows); ; {
				if more, err := rows.Next(); err != nil {
					t.Fatal(err)
				} else if !more {
					break
				}
			}
		}
	}
	size2, objects2 := heap()
	perByte, perChange := float64(size2-size)/float64(len(b)), float64(objects2-objects)/float64(changes)
	t.Logf("%d reads; %.2f bytes allocated for each of the file's, %.1f objects for each change", c.reads, perByte, perChange)
	if perByte > 4 || perChange > 13 {
		t.Errorf("%.2f bytes allocated for each of the file's, %.1f objects for each change", perByte, perChange)
	}
}
