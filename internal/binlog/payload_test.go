package binlog

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// packed is a log whose one transaction is compressed by pack, with more events in front of its commit.
func packed(t *testing.T, pack func([]byte) []byte, more ...EventType) []byte {
	t.Helper()
	var inner []byte
	add := func(typ EventType, body []byte) {
		h := make([]byte, headerSize)
		binary.LittleEndian.PutUint32(h, 1_700_000_000)
		h[4] = byte(typ)
		binary.LittleEndian.PutUint32(h[9:], uint32(headerSize+len(body))) // without a checksum
		inner = append(append(inner, h...), body...)
	}
	plain := smallTx(nil)
	for at := 0; at < len(plain); {
		h := parseHeader(plain[at:])
		if h.Type == XIDEvent {
			for _, typ := range more {
				add(typ, payloadBody([]byte("x"), 1))
			}
		}
		add(h.Type, plain[at+headerSize:at+int(h.Size)-4])
		at += int(h.Size)
	}
	b := tiny(false)
	b = b[:len(b)-headerSize-4]
	b = appendEvent(slices.Clip(b), TransactionPayload, payloadBody(pack(inner), len(inner)))
	return appendEvent(b, StopEvent, nil)
}

// payloadBody has its fields as a server writes them.
func payloadBody(compressed []byte, size int) []byte {
	number := func(n int) []byte { return []byte{252, byte(n), byte(n >> 8)} }
	return slices.Concat([]byte{2, 1, 0, 3, 3}, number(size), []byte{1, 3}, number(len(compressed)), []byte{0}, compressed)
}

// A compressed transaction is read like another, however it is packed inside: but not what no server puts there, and not with a window that asks for memory without end.
func TestPayload(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	usual := func(b []byte) []byte { return z.EncodeAll(b, nil) }
	want, err := readRows(t, small())
	if err != io.EOF {
		t.Fatal(err)
	}
	got, err := readRows(t, packed(t, usual))
	if err != io.EOF || len(got) != len(want) {
		t.Fatalf("%v: %v, want %v", err, got, want)
	}
	for i := range got {
		if got[i].kind != want[i].kind || got[i].rows != want[i].rows {
			t.Errorf("item %d is %v, want %v", i, got[i], want[i])
		}
	}
	for _, typ := range []EventType{FormatDescriptionEvent, RotateEvent, StopEvent, PreviousGTIDsEvent, GTIDEvent, AnonymousGTIDEvent, MariaGTIDEvent, TransactionPayload} {
		if _, err := readRows(t, packed(t, usual, typ)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), typ.String()) {
			t.Errorf("%s inside: %v", typ, err)
		}
	}
	// A frame of one block that is there as it is (https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1), behind a window of 2^n bytes.
	window := func(n int) func([]byte) []byte {
		return func(b []byte) []byte {
			block := uint32(1 | len(b)<<3)
			return append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, byte((n - 10) << 3), byte(block), byte(block >> 8), byte(block >> 16)}, b...)
		}
	}
	if _, err := readRows(t, packed(t, window(27))); err != io.EOF {
		t.Errorf("the largest window that servers read: %v", err)
	}
	before, _ := heap()
	if _, err := readRows(t, packed(t, window(30))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a window of 1 GiB: %v", err)
	}
	if after, _ := heap(); after-before > 512<<20 {
		t.Errorf("it took %d MiB", (after-before)>>20)
	}
}
