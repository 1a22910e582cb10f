package replay

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
)

// fold keeps, per table and key, the net effect of a stretch of log: the last after-image, or that the
// row is gone. Invariant: writing out deletions first and then what remains, over any state that a part
// of the same stretch may have left, gives the state at the stretch's end.
type fold struct {
	tables map[string]*tableFold
	bytes  int64 // memory held, about
}

func newFold() *fold { return &fold{tables: map[string]*tableFold{}} }

// tableFold is one table's share. Only complete images come here.
type tableFold struct {
	name    string
	shape   *target.Shape
	tm      *binlog.TableMap
	present []byte // bitmap of all columns
	index   map[string]uint32
	entries []entry
	arena   arena
	scratch []byte
	auto    int // the AUTO_INCREMENT column, or -1
	maxAuto uint64
	changes int64 // row changes folded
}

type entry struct {
	key  string // raw bytes of the key columns, one after the other
	img  []byte // the last after-image
	sort uint64
	gone bool
}

// entryCost is what an entry takes beside its bytes: itself, its share of the index, and slack.
const entryCost = 120

func (f *fold) table(name string, shape *target.Shape, tm *binlog.TableMap) *tableFold {
	n := len(tm.Types)
	t := &tableFold{name: name, shape: shape, tm: tm, index: map[string]uint32{}, auto: -1, present: bytes.Repeat([]byte{0xff}, (n+7)/8)}
	for i := range shape.Def.Columns {
		if shape.Def.Columns[i].AutoIncrement {
			t.auto = i
		}
	}
	f.tables[name] = t
	return t
}

// add folds one row change.
func (f *fold) add(t *tableFold, kind binlog.Change, r *binlog.RowReader) {
	before := t.arena.held + int64(len(t.entries))*entryCost
	t.changes++
	switch kind {
	case binlog.Insert:
		t.put(t.key(&r.New), r.New.Raw)
		t.counter(&r.New)
	case binlog.Delete:
		t.remove(t.key(&r.Old))
	case binlog.Update:
		old := string(t.key(&r.Old))
		if key := t.key(&r.New); string(key) != old {
			t.remove([]byte(old))
		}
		t.put(t.key(&r.New), r.New.Raw)
		t.counter(&r.New)
	}
	f.bytes += t.arena.held + int64(len(t.entries))*entryCost - before
}

// key joins the key columns' bytes. The image's own length prefixes keep different keys different.
func (t *tableFold) key(im *binlog.Image) []byte {
	t.scratch = t.scratch[:0]
	for _, i := range t.shape.Key {
		t.scratch = append(t.scratch, im.Cols[i]...)
	}
	return t.scratch
}

func (t *tableFold) counter(im *binlog.Image) {
	if t.auto < 0 || im.State[t.auto] != binlog.Present {
		return
	}
	if raw := im.Cols[t.auto]; len(raw) <= 8 {
		v := le(raw)
		if !t.shape.Columns[t.auto].Unsigned && v>>(8*len(raw)-1) != 0 {
			return // negative: it does not move the counter
		}
		t.maxAuto = max(t.maxAuto, v)
	}
}

func le(b []byte) uint64 {
	var w [8]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:])
}

func (t *tableFold) put(key, img []byte) {
	e := t.entry(key)
	e.gone = false
	if cap(e.img) >= len(img) {
		e.img = append(e.img[:0], img...)
		return
	}
	e.img = t.arena.copy(img)
}

func (t *tableFold) remove(key []byte) { t.entry(key).gone = true }

func (t *tableFold) entry(key []byte) *entry {
	if i, ok := t.index[string(key)]; ok {
		return &t.entries[i]
	}
	kept := t.arena.copy(key)
	k := unsafe.String(unsafe.SliceData(kept), len(kept)) // arena bytes of a key never change
	t.index[k] = uint32(len(t.entries))
	t.entries = append(t.entries, entry{key: k, sort: t.sortKey(key)})
	return &t.entries[len(t.entries)-1]
}

// sortKey orders entries about as the target's primary key does, so that batches write neighbours.
func (t *tableFold) sortKey(key []byte) uint64 {
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

// order lists the entries for one phase, in key order. Deletions come first: of rows that are gone, and
// where another unique key exists of every row touched, since values of such keys may have moved between
// rows.
func (t *tableFold) order(phase int) []uint32 {
	var out []uint32
	for i := range t.entries {
		gone := t.entries[i].gone
		if phase == phaseDelete && (gone || t.shape.Uniques) || phase == phaseUpsert && !gone {
			out = append(out, uint32(i))
		}
	}
	slices.SortFunc(out, func(a, b uint32) int {
		x, y := &t.entries[a], &t.entries[b]
		return cmp.Or(cmp.Compare(x.sort, y.sort), cmp.Compare(x.key, y.key))
	})
	return out
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
