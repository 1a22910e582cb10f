package replay

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"lifeboat/internal/binlog"
	"lifeboat/internal/spill"
	"lifeboat/internal/target"
	"lifeboat/internal/value"
)

// fold keeps, per table and key, the net effect of a stretch of log: the last after-image, or that the
// row is gone. Invariant: writing out deletions first and then what remains, over any state that a part
// of the same stretch may have left, gives the state at the stretch's end.
type fold struct {
	tables     map[string]*tableFold
	begun      int         // tables that it has or had
	bytes      int64       // memory held, about
	spill      *spill.Runs // entries that did not fit into memory; nil: none. Then at the window's end all of them are there
	memoryOnly bool        // it does not spill: rows go along with others, and are looked for here (see holders), or are known in part
	byText     bool        // spilled entries are known by the canonical form of their keys
}

func newFold() *fold { return &fold{tables: map[string]*tableFold{}} }

// tableFold is one table's share. Only complete images come here, but where part is there.
type tableFold struct {
	name    string
	section int // in what is spilled
	shape   *target.Shape
	tm      *binlog.TableMap
	present []byte // bitmap of all columns
	index   keyIndex
	entries []entry
	arena   arena
	scratch []byte
	auto    int // the AUTO_INCREMENT column, or -1
	maxAuto uint64
	changes int64    // row changes folded
	upserts int64    // rows that the window leaves, and
	removed int64    // rows that it takes out; counted when it is written
	twice   bool     // it may hold the second deletion of a row that the window before it deleted: see cascade.MayGoTwice
	narrow  bool     // the key is one integer, which is all in entry.sort
	loose   bool     // keys of other bytes may be equal to the server
	plain   bool     // of a table without a key: the image is all that tells a row from others
	copies  []copies // by entry, of a table without a key
	looked  bool     // of the spilled entries some are looked up on the target
	part    *inPart  // the log shows parts of rows; nil: it shows them whole
	holders *holders // finds rows by what they refer to, where they go along with others
	merged  *merged  // what the snapshot's rows made of it, where they went past it
}

type entry struct {
	key   string // raw bytes of the key columns, one after the other
	img   []byte // the last after-image
	sort  uint64
	first place // of the first change
	was   bool  // the row was there before the window: its first change is an update or a deletion
	left  bool  // it went: it was deleted or moved to another key, for a while at least
	gone  bool
}

// entryCost is what an entry takes beside its bytes: itself, its share of the index, and slack.
const entryCost = 128

// table begins a table.
func (f *fold) table(name string, shape *target.Shape, tm *binlog.TableMap) *tableFold {
	t := f.begin(name, shape, tm)
	f.tables[name] = t
	return t
}

// begin begins a table's share of a stretch that is its own.
func (f *fold) begin(name string, shape *target.Shape, tm *binlog.TableMap) *tableFold {
	t := &tableFold{name: name, section: f.begun, index: newKeyIndex()}
	t.adopt(shape, tm)
	f.begun++
	return t
}

// adopt makes the table one of rows like these. Without a table map only keys of rows that are gone come to it.
func (t *tableFold) adopt(shape *target.Shape, tm *binlog.TableMap) {
	t.shape, t.tm, t.auto = shape, tm, -1
	if tm != nil {
		t.present = tm.AllColumns()
	}
	for i := range shape.Def.Columns {
		if shape.Def.Columns[i].AutoIncrement {
			t.auto = i
		}
	}
	for _, i := range shape.Key {
		switch c := &shape.Def.Columns[i]; {
		case c.Collation != "", c.DataType == "float", c.DataType == "double": // 0 and -0
			t.loose = true
		}
	}
	if len(shape.Key) == 1 {
		switch shape.Columns[shape.Key[0]].Type {
		case value.TypeTiny, value.TypeShort, value.TypeInt24, value.TypeLong, value.TypeLongLong:
			t.narrow = true
		}
	}
	t.plain = plainRows(shape)
}

// add folds one row change, logged at a place.
func (f *fold) add(t *tableFold, kind binlog.Change, r *binlog.RowReader, at place) {
	before := t.held()
	t.changes++
	switch {
	case t.shape.Key == nil:
		t.addCopy(kind, r, at)
	case kind == binlog.Insert:
		t.put(t.entry(t.key(&r.New), false, at), r.New.Raw)
		t.counter(&r.New)
	case kind == binlog.Delete:
		t.remove(t.entry(t.key(&r.Old), true, at))
	case kind == binlog.Update:
		same := t.sameKey(&r.Old, &r.New)
		if !same {
			t.remove(t.entry(t.key(&r.Old), true, at))
		}
		t.put(t.entry(t.key(&r.New), same, at), r.New.Raw)
		t.counter(&r.New)
	}
	f.bytes += t.held() - before
}

func (t *tableFold) key(im *binlog.Image) []byte {
	t.scratch = joinKey(t.scratch[:0], t.shape, im)
	return t.scratch
}

// joinKey joins the key columns' bytes. The image's own length prefixes keep different keys different.
func joinKey(dst []byte, shape *target.Shape, im *binlog.Image) []byte {
	for _, i := range shape.Key {
		dst = append(dst, im.Cols[i]...)
	}
	return dst
}

// sameKey compares the keys of two images.
func (t *tableFold) sameKey(a, b *binlog.Image) bool {
	for _, i := range t.shape.Key {
		if !bytes.Equal(a.Cols[i], b.Cols[i]) {
			return false
		}
	}
	return true
}

func (t *tableFold) counter(im *binlog.Image) {
	if t.auto < 0 || im.State[t.auto] != binlog.Present {
		return
	}
	raw := im.Cols[t.auto]
	if len(raw) > 8 {
		return
	}
	v := le(raw)
	switch c := &t.shape.Columns[t.auto]; {
	case c.Type == value.TypeFloat:
		v = uint64(min(max(0, math.Float32frombits(uint32(v))), 1<<24)) // from there on not every whole number has a value
	case c.Type == value.TypeDouble:
		v = uint64(min(max(0, math.Float64frombits(v)), 1<<53))
	case !c.Unsigned && v>>(8*len(raw)-1) != 0:
		return // negative: it does not move the counter
	}
	t.maxAuto = max(t.maxAuto, v)
}

func le(b []byte) uint64 {
	var w [8]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:])
}

func (t *tableFold) put(e *entry, img []byte) {
	e.gone = false
	if cap(e.img) >= len(img) {
		e.img = append(e.img[:0], img...)
		return
	}
	e.img = t.arena.copy(img)
}

func (t *tableFold) remove(e *entry) { e.gone, e.left = true, true }

// entry finds a key's entry or makes it; was says whether its first change means that the row was there.
func (t *tableFold) entry(key []byte, was bool, at place) *entry {
	e, hash, slot := t.locate(key)
	if e != nil {
		return e
	}
	kept := t.arena.copy(key)
	k := unsafe.String(unsafe.SliceData(kept), len(kept)) // arena bytes of a key never change
	if t.index.grow() {
		_, hash, slot = t.locate(key)
	}
	t.index.slots[slot] = hash<<32 | uint64(len(t.entries)+1)
	t.entries = append(t.entries, entry{key: k, sort: t.sortKey(key), was: was, first: at})
	return &t.entries[len(t.entries)-1]
}

// sortKey orders entries about as the target's primary key does, so that batches write neighbours.
func (t *tableFold) sortKey(key []byte) uint64 {
	if t.shape.Key == nil {
		return 0
	}
	c := &t.shape.Columns[t.shape.Key[0]]
	switch c.Type {
	case 1, 2, 3, 8, 9: // integers, little endian
		n, err := c.Size(key)
		if err != nil || n > len(key) || n == 0 {
			return 0
		}
		v := le(key[:n])
		if !c.Unsigned {
			v ^= 1 << (8*n - 1)
		}
		return v
	}
	var w [8]byte
	copy(w[:], key)
	return binary.BigEndian.Uint64(w[:])
}

// deletedFirst reports a row that a window deletes before it writes any. Where another unique key exists those are all that were
// there, since values of such keys may have moved between rows; and where keys of other bytes may be equal, those whose place
// another such key had for a while.
func (t *tableFold) deletedFirst(e *entry) bool {
	if t.part != nil { // a row that was not deleted is not known whole
		return e.was && (e.gone || e.left)
	}
	return e.was && (e.gone || t.shape.Uniques || t.loose && e.left)
}

// order lists the entries for one phase, in key order: those whose rows must be there, or those whose rows must not. Nothing that is
// not there need be deleted, but a row that came and went must not be left of a base that has it after all; and where the base
// is not exact, rows to be inserted may be there, too.
func (t *tableFold) order(phase int, present, exact bool) []uint32 {
	var out []uint32
	for i := range t.entries {
		for range t.times(i, phase, present, exact) {
			out = append(out, uint32(i))
		}
	}
	slices.SortFunc(out, func(a, b uint32) int {
		x, y := &t.entries[a], &t.entries[b]
		return cmp.Or(cmp.Compare(x.sort, y.sort), cmp.Compare(x.key, y.key))
	})
	return out
}

// due reports whether an entry is written in a phase. Where it is known what the snapshot's rows made of it, its row is not there.
func (t *tableFold) due(e *entry, state uint32, known bool, phase int, present, exact bool) bool {
	if known {
		return state != settled && phase == phaseUpsert && !present && !e.gone
	}
	first := t.deletedFirst(e)
	switch phase {
	case phaseDelete:
		return present && first
	case phaseAbsent:
		return !present && !e.was && (e.gone || t.shape.Uniques && !exact)
	}
	return !e.gone && present == (e.was && !first)
}

// cutKey splits an entry's key into its columns.
func (t *tableFold) cutKey(key string, cols [][]byte) ([][]byte, error) {
	rest := unsafe.Slice(unsafe.StringData(key), len(key))
	cols = cols[:0]
	for _, i := range t.shape.Key {
		n, err := t.shape.Columns[i].Size(rest)
		if err != nil || n > len(rest) {
			return nil, fmt.Errorf("key of %s: %v", t.name, err)
		}
		cols = append(cols, rest[:n])
		rest = rest[n:]
	}
	return cols, nil
}

// arena hands out bytes from large blocks: one allocation for thousands of rows.
type arena struct {
	block []byte
	held  int64
}

const arenaBlock = 256 << 10

func (a *arena) copy(b []byte) []byte {
	if len(b) > cap(a.block)-len(a.block) {
		size := max(arenaBlock, len(b))
		if a.held == 0 {
			size = max(8<<10, len(b)) // most tables are small
		}
		a.block = make([]byte, 0, size)
		a.held += int64(size)
	}
	n := len(a.block)
	a.block = append(a.block, b...)
	return a.block[n : n+len(b) : n+len(b)]
}
