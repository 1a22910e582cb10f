package replay

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unsafe"

	"lifeboat/internal/binlog"
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
// raw bytes, and the last image. Of a table without a key the canonical form is the whole row's digest, the raw bytes are the row's, and
// the value also holds what the stretch does to such rows, and the image only where it is not those bytes.

// spilled is an entry on its way to disk or back.
type spilled struct {
	entry
	size   int    // bytes of the key as the log has them, which end the record's
	text   []byte // the canonical form of its key; nil: it has none
	counts bool   // it is of a table without a key
	copies copies // of such a table
	same   bool   // its image is its key
}

// Flags of a spilled entry.
const (
	spilledWas = 1 << iota
	spilledLeft
	spilledGone
	spilledText // its key has a canonical form
	spilledCounts
	spilledSame
)

// spillTo writes the entries of all tables out as one run, and forgets them.
func (f *fold) spillTo(s spill.Storage) error {
	return f.spillTables(s, slices.Collect(maps.Values(f.tables)))
}

// spillTables writes the entries of some tables out as one run, and forgets them.
func (f *fold) spillTables(s spill.Storage, tables []*tableFold) error {
	if f.spill == nil {
		f.spill = spill.New(s, joinSpilled)
	}
	slices.SortFunc(tables, func(a, b *tableFold) int { return cmp.Compare(a.section, b.section) })
	err := f.spill.Add(func(w *spill.Writer) error {
		for _, t := range tables {
			held := t.held()
			if err := t.spillTo(w, f.byText); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
			f.bytes -= held
		}
		return nil
	})
	return err
}

// held is about the memory that the table's entries take.
func (t *tableFold) held() int64 {
	n := t.arena.held + int64(len(t.entries))*entryCost
	if t.holders != nil {
		n += t.holders.held()
	}
	return n
}

func (t *tableFold) spillTo(w *spill.Writer, byText bool) error {
	texts, ends := t.texts(byText)
	text := func(i uint32) []byte {
		switch {
		case ends == nil:
			return nil
		case i == 0:
			return texts[:ends[0]]
		}
		return texts[ends[i-1]:ends[i]]
	}
	order := make([]uint32, len(t.entries))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		x, y := &t.entries[a], &t.entries[b]
		return cmp.Or(cmp.Compare(x.sort, y.sort), compareJoined(text(a), x.raw(), text(b), y.raw()))
	})
	var key, value []byte
	for _, i := range order {
		e := spilled{entry: t.entries[i], text: text(i)}
		t.looked = t.looked || e.was || e.gone
		key = append(append(binary.BigEndian.AppendUint64(key[:0], e.sort), e.text...), e.key...)
		if e.size = len(e.key); len(e.text) == 0 {
			e.text = nil
		}
		if e.counts = t.shape.Key == nil; e.counts {
			e.copies, e.same = t.copies[i], t.plain
		}
		value = e.appendValue(value[:0])
		if err := w.Put(t.section, key, value); err != nil {
			return err
		}
	}
	t.entries, t.copies, t.index, t.arena = nil, nil, newKeyIndex(), arena{}
	return nil
}

// raw are the bytes of the key.
func (e *entry) raw() []byte { return unsafe.Slice(unsafe.StringData(e.key), len(e.key)) }

// compareJoined compares a and more of it with b and more of it, as if each were joined.
func compareJoined(a, moreA, b, moreB []byte) int {
	for {
		if len(a) == 0 {
			a, moreA = moreA, nil
		}
		if len(b) == 0 {
			b, moreB = moreB, nil
		}
		if len(a) == 0 || len(b) == 0 {
			return cmp.Compare(len(a), len(b))
		}
		n := min(len(a), len(b))
		if c := bytes.Compare(a[:n], b[:n]); c != 0 {
			return c
		}
		a, b = a[n:], b[n:]
	}
}

// texts are the canonical forms of the entries' keys, one behind the other, and where each ends; nil where nothing is known by them. By text, entry.sort is
// made from it, too.
func (t *tableFold) texts(byText bool) (texts []byte, ends []int) {
	if !byText {
		return nil, nil
	}
	ends = make([]int, len(t.entries))
	var n namer
	for i := range t.entries {
		e, from := &t.entries[i], len(texts)
		var err error
		if texts, err = n.append(texts, t, e); err != nil {
			texts, e.sort = texts[:from], 0 // it always is so for this key
		} else {
			e.sort = t.textOrder(texts[from:])
		}
		ends[i] = len(texts)
	}
	return texts, ends
}

// namer makes the canonical forms of entries' keys.
type namer struct {
	cols  [][]byte
	image binlog.Image
}

func (n *namer) append(dst []byte, t *tableFold, e *entry) (_ []byte, err error) {
	if t.shape.Key == nil {
		if err = n.image.Cut(t.tm, t.present, e.img); err != nil {
			return dst, err
		}
		return t.appendWhole(dst, &n.image)
	}
	dst, n.cols, err = t.appendText(dst, n.cols, e.key)
	return dst, err
}

// textOrder is about the place of a key among the others of the table, by its canonical form.
func (t *tableFold) textOrder(canonical []byte) uint64 {
	if t.shape.Key == nil {
		return 0
	}
	return textOrder(&t.shape.Columns[t.shape.Key[0]], canonical)
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

// appendValue appends the record's value.
func (e *spilled) appendValue(dst []byte) []byte {
	flags := byte(0)
	for i, set := range []bool{e.was, e.left, e.gone, e.text != nil, e.counts, e.same} {
		if set {
			flags |= 1 << i
		}
	}
	dst = binary.AppendUvarint(append(dst, flags), uint64(e.first))
	dst = binary.AppendUvarint(dst, uint64(e.size))
	if e.counts {
		dst = binary.AppendUvarint(dst, uint64(e.copies.need))
		dst = binary.AppendVarint(dst, e.copies.net)
	}
	if e.gone || e.same {
		return dst
	}
	return append(dst, e.img...)
}

var errSpilled = errors.New("what was spilled does not read as a row")

// readValue reads a value, into which the image then points.
func (e *spilled) readValue(value []byte) error {
	if len(value) == 0 {
		return errSpilled
	}
	flags, rest := value[0], value[1:]
	bad := false
	number := func() uint64 {
		v, n := binary.Uvarint(rest)
		bad = bad || n <= 0
		rest = rest[max(n, 0):]
		return v
	}
	*e = spilled{entry: entry{was: flags&spilledWas != 0, left: flags&spilledLeft != 0, gone: flags&spilledGone != 0}, counts: flags&spilledCounts != 0, same: flags&spilledSame != 0}
	e.first = place(number())
	raw := number()
	if e.counts {
		e.copies.need = int64(number())
		net, n := binary.Varint(rest)
		bad = bad || n <= 0
		e.copies.net, rest = net, rest[max(n, 0):]
	}
	if bad || raw > math.MaxInt32 {
		return errSpilled
	}
	if e.size = int(raw); flags&spilledText != 0 {
		e.text = []byte{}
	}
	if !e.gone && !e.same {
		e.img = rest
	}
	return nil
}

// readRecord reads a record, into which the entry then points.
func (e *spilled) readRecord(key, value []byte) error {
	err := e.readValue(value)
	if err != nil || len(key) < 8+e.size {
		return errors.Join(errSpilled, err)
	}
	raw := key[len(key)-e.size:]
	e.sort, e.key = binary.BigEndian.Uint64(key), unsafe.String(unsafe.SliceData(raw), len(raw))
	if e.text != nil {
		e.text = key[8 : len(key)-e.size]
	}
	if e.same {
		e.img = raw
	}
	return nil
}

// compose is what two stretches of log, one behind the other, make of one key.
func compose(older, newer *spilled) spilled {
	out := *newer
	if out.counts {
		if out.copies = older.copies.then(newer.copies); out.copies.need == 0 || older.was {
			out.was, out.first = older.was, older.first
		}
		out.img = older.img // as in memory: of equal rows the first is kept
		return out
	}
	out.was, out.first = older.was, older.first
	out.left = older.left || newer.left
	return out
}

// joinSpilled composes the values of two records of one key.
func joinSpilled(older, newer []byte) ([]byte, error) {
	var a, b spilled
	if err := errors.Join(a.readValue(older), b.readValue(newer)); err != nil {
		return nil, err
	}
	c := compose(&a, &b)
	if c.counts && !c.same {
		return c.appendValue(nil), nil // its image lies in older
	}
	return c.appendValue(older[:0]), nil
}

// eachSpilled hands out a table's entries in order. One is valid during the call.
func (f *fold) eachSpilled(t *tableFold, do func(e *spilled) error) error {
	rd, err := f.spill.Read(t.section)
	if err != nil {
		return err
	}
	for rd.Next() {
		var e spilled
		if err := e.readRecord(rd.Key, rd.Value); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
		if err := do(&e); err != nil {
			return err
		}
	}
	return rd.Err()
}

// filterSpilled lets the keys of a table's entries join a filter, as far as rows of a snapshot are looked for by them; looked says whether any is.
// why says that keys of a dump's text and of the log cannot be told to be the same.
func (f *fold) filterSpilled(t *tableFold, filter *keyFilter, id string) (looked bool, why, err error) {
	var last []byte
	var n namer
	needed, begun := false, false // of the entry before
	err = f.eachSpilled(t, func(e *spilled) error {
		needs := !e.counts || e.copies.need > 0
		switch {
		case why != nil || e.text == nil && !needs:
			return nil
		case e.text == nil:
			_, why = n.append(nil, t, &e.entry)
			return nil
		case begun && (needs || needed) && bytes.Equal(last, e.text):
			why = fmt.Errorf("two keys of table %s read the same in a dump", t.name)
			return nil
		}
		last, needed, begun = append(last[:0], e.text...), needs, true
		if needs {
			looked = true
			filter.add(id, e.text)
		}
		return nil
	})
	return looked, why, err
}

// close releases what was spilled.
func (f *fold) close() error {
	if f.spill == nil {
		return nil
	}
	return f.spill.Close()
}
