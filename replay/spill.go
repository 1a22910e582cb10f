package replay

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unsafe"

	"lifeboat/internal/spill"
	"lifeboat/internal/value"
)

// A fold that is full goes to disk as a run of its entries, sorted by table and key, and begins anew, empty. Its window goes on: at its end the
// runs are read as one stream, in which the entries of one key are composed. So a row is written once however often it was changed, batches
// are in key order as those of a fold in memory are, and where one partition of the keys ends and the next begins is nobody's concern.
//
// Invariant: what the stream gives out depends on the window alone, and not on where it was cut into runs. So a restore that goes
// on, with more memory or less, cuts the same batches.
//
// A record's key is what orders it: eight bytes that are about the order of the table's own key, then, where the rows of a dump may be looked
// for, the canonical form of the key, and then its raw bytes. Its value is a byte of flags, the place of the first change, the length of the
// raw bytes, and the last image.

// Flags of a spilled entry.
const (
	spilledWas = 1 << iota
	spilledLeft
	spilledGone
	spilledText // its key has a canonical form
)

// spillTo writes the entries of all tables with a key out as one run, and forgets them.
func (f *fold) spillTo(s spill.Storage) error {
	if f.spill == nil {
		f.spill = spill.New(s, joinSpilled)
	}
	tables := make([]*tableFold, 0, len(f.tables))
	for _, t := range f.tables {
		if t.shape.Key != nil {
			tables = append(tables, t)
		}
	}
	slices.SortFunc(tables, func(a, b *tableFold) int { return cmp.Compare(a.section, b.section) })
	err := f.spill.Add(func(w *spill.Writer) error {
		for _, t := range tables {
			if err := t.spillTo(w, f.byText); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
		}
		return nil
	})
	f.bytes = f.counts
	return err
}

func (t *tableFold) spillTo(w *spill.Writer, byText bool) error {
	tails, ends := t.tails(byText)
	tail := func(i uint32) []byte {
		from := 0
		if i > 0 {
			from = ends[i-1]
		}
		return tails[from:ends[i]]
	}
	order := make([]uint32, len(t.entries))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(t.entries[a].sort, t.entries[b].sort), bytes.Compare(tail(a), tail(b)))
	})
	var key, value []byte
	for _, i := range order {
		e := &t.entries[i]
		t.looked = t.looked || e.was || e.gone
		key = append(binary.BigEndian.AppendUint64(key[:0], e.sort), tail(i)...)
		value = e.appendSpilled(value[:0], len(e.key), len(key) > 8+len(e.key))
		if err := w.Put(t.section, key, value); err != nil {
			return err
		}
	}
	t.entries, t.index, t.arena = nil, newKeyIndex(), arena{}
	return nil
}

// tails are what orders the entries beside entry.sort, one behind the other, and where each ends. By text, entry.sort is made from the canonical form.
func (t *tableFold) tails(byText bool) (tails []byte, ends []int) {
	ends = make([]int, len(t.entries))
	var cols [][]byte
	for i := range t.entries {
		e := &t.entries[i]
		if byText {
			from := len(tails)
			var err error
			if tails, cols, err = t.appendText(tails, cols, e.key); err != nil {
				tails, e.sort = tails[:from], 0 // it always is so for this key
			} else {
				e.sort = textOrder(&t.shape.Columns[t.shape.Key[0]], tails[from:])
			}
		}
		tails = append(tails, e.key...)
		ends[i] = len(tails)
	}
	return tails, ends
}

// appendText appends the canonical form of an entry's key.
func (t *tableFold) appendText(dst []byte, spare [][]byte, key string) (_ []byte, cols [][]byte, err error) {
	if cols, err = t.cutKey(key, spare); err != nil {
		return dst, cols, err
	}
	for k, c := range t.shape.Key {
		if dst, err = t.shape.Columns[c].AppendCanonical(dst, cols[k]); err != nil {
			return dst, cols, err
		}
	}
	return dst, cols, nil
}

// textOrder is about the place of a key among the others of its table, by the canonical form of its first column: for an integer its value, else
// the first bytes.
func textOrder(c *value.Column, canonical []byte) uint64 {
	size, n := binary.Uvarint(canonical)
	if n <= 0 || size > uint64(len(canonical)-n) {
		return 0
	}
	text := canonical[n : n+int(size)]
	switch c.Type {
	case value.TypeTiny, value.TypeShort, value.TypeInt24, value.TypeLong, value.TypeLongLong:
		if v, err := strconv.ParseUint(string(text), 10, 64); c.Unsigned && err == nil {
			return v
		}
		v, err := strconv.ParseInt(string(text), 10, 64) // of "", which is zero, too
		if err == nil || len(text) == 0 && !c.Unsigned {
			return uint64(v) ^ 1<<63
		}
		return 0
	}
	var w [8]byte
	copy(w[:], text)
	return binary.BigEndian.Uint64(w[:])
}

// appendSpilled appends an entry's value, for a key that ends with size raw bytes.
func (e *entry) appendSpilled(dst []byte, size int, text bool) []byte {
	flags := byte(0)
	for i, set := range []bool{e.was, e.left, e.gone, text} {
		if set {
			flags |= 1 << i
		}
	}
	dst = binary.AppendUvarint(append(dst, flags), uint64(e.first))
	dst = binary.AppendUvarint(dst, uint64(size))
	if e.gone {
		return dst
	}
	return append(dst, e.img...)
}

var errSpilled = errors.New("what was spilled does not read as a row")

// readSpilled reads a value, into which the image then points.
func (e *entry) readSpilled(value []byte) (size int, text bool, err error) {
	if len(value) == 0 {
		return 0, false, errSpilled
	}
	flags, rest := value[0], value[1:]
	first, n := binary.Uvarint(rest)
	raw, m := binary.Uvarint(rest[max(n, 0):])
	if n <= 0 || m <= 0 || raw > math.MaxInt32 {
		return 0, false, errSpilled
	}
	*e = entry{first: place(first), was: flags&spilledWas != 0, left: flags&spilledLeft != 0, gone: flags&spilledGone != 0}
	if !e.gone {
		e.img = rest[n+m:]
	}
	return int(raw), flags&spilledText != 0, nil
}

// readRecord reads a record, into which the entry then points. text is the canonical form of its key, nil for none.
func (e *entry) readRecord(key, value []byte) (text []byte, err error) {
	size, byText, err := e.readSpilled(value)
	if err != nil || len(key) < 8+size {
		return nil, errors.Join(errSpilled, err)
	}
	raw := key[len(key)-size:]
	e.sort, e.key = binary.BigEndian.Uint64(key), unsafe.String(unsafe.SliceData(raw), len(raw))
	if byText {
		text = key[8 : len(key)-size]
	}
	return text, nil
}

// compose is what two stretches of log, one behind the other, make of one key.
func compose(older, newer *entry) entry {
	out := *newer
	out.was, out.first = older.was, older.first
	out.left = older.left || newer.left
	return out
}

// joinSpilled composes the values of two records of one key.
func joinSpilled(older, newer []byte) ([]byte, error) {
	var a, b entry
	if _, _, err := a.readSpilled(older); err != nil {
		return nil, err
	}
	size, text, err := b.readSpilled(newer)
	if err != nil {
		return nil, err
	}
	c := compose(&a, &b)
	return c.appendSpilled(older[:0], size, text), nil
}

// eachSpilled hands out a table's entries in order. One is valid during the call, with what text names its key, nil for none.
func (f *fold) eachSpilled(t *tableFold, do func(e *entry, text []byte) error) error {
	rd, err := f.spill.Read(t.section)
	if err != nil {
		return err
	}
	for rd.Next() {
		var e entry
		text, err := e.readRecord(rd.Key, rd.Value)
		if err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
		if err := do(&e, text); err != nil {
			return err
		}
	}
	return rd.Err()
}

// close releases what was spilled.
func (f *fold) close() error {
	if f.spill == nil {
		return nil
	}
	return f.spill.Close()
}
