package replay

import (
	"context"
	"crypto/sha256"
	"fmt"
	"unsafe"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/internal/value"
)

// Rows of a table without a key are a multiset: which of several rows that are the same goes does not matter, only how many there are.
// Such a table's entries are known by the whole row, and each counts how many of its kind a stretch of log adds and takes.
//
// Invariant: of b equal rows that were there before the stretch, max(b, need)+net are there behind it. That is what the changes one
// after another come to, each deletion that finds nothing being passed over; and need-b, if there are fewer, is the number of those.
// A net count alone would hide them: a deletion that found nothing and an equal insertion behind it are none, and yet one row more.

// copies is what a stretch of log does to rows that are the same.
type copies struct {
	need int64 // so many had to be there before it: as far as the running count fell
	net  int64 // so many more are there behind it
}

func (c *copies) add() { c.net++ }

func (c *copies) take() {
	c.net--
	c.need = max(c.need, -c.net)
}

// then is what both of two stretches do, one behind the other.
func (c copies) then(newer copies) copies {
	return copies{need: max(c.need, newer.need-c.net), net: c.net + newer.net}
}

// addCopy folds one change of a row into those that are the same.
func (t *tableFold) addCopy(kind binlog.Change, r *binlog.RowReader, at place) {
	if kind != binlog.Insert {
		n := t.same(&r.Old, at)
		t.copies[n].take()
		if e := &t.entries[n]; !e.was && t.copies[n].need > 0 {
			e.was, e.first = true, at
		}
	}
	if kind != binlog.Delete {
		t.copies[t.same(&r.New, at)].add()
		t.counter(&r.New)
	}
}

// same finds or makes the entry of rows that are the same as this one.
func (t *tableFold) same(im *binlog.Image, at place) int {
	key := t.identity(im)
	if e, _, slot := t.locate(key); e != nil {
		return int(uint32(t.index.slots[slot]) - 1)
	}
	e := t.entry(key, false, at)
	if e.img = unsafe.Slice(unsafe.StringData(e.key), len(e.key)); !t.plain {
		e.img = t.arena.copy(im.Raw)
	}
	t.copies = append(t.copies, copies{})
	return len(t.copies) - 1
}

// identity is one form of a row for each row that a server tells from others. One row's columns have the same bytes in each of its images,
// but for JSON, whose storage may have holes where a part of it was changed.
func (t *tableFold) identity(im *binlog.Image) []byte {
	if t.plain {
		return im.Raw
	}
	t.scratch = t.scratch[:0]
	for _, i := range t.shape.Writable {
		if im.State[i] == binlog.Null {
			t.scratch = append(t.scratch, 0)
			continue
		}
		t.scratch = append(t.scratch, 1)
		if col := &t.shape.Columns[i]; col.Type == value.TypeJSON {
			if text, err := col.AppendLiteral(t.scratch, im.Cols[i]); err == nil {
				t.scratch = append(text, 0)
				continue
			}
		}
		t.scratch = append(t.scratch, im.Cols[i]...)
	}
	return t.scratch
}

// plainRows reports that the bytes of an image are all that tells a row from others.
func plainRows(s *target.Shape) bool {
	for i := range s.Columns {
		if s.Columns[i].Type == value.TypeJSON {
			return false
		}
	}
	return len(s.Writable) == len(s.Columns)
}

// times is how many rows of an entry are written in a phase; deletions count as one.
func (t *tableFold) times(i, phase int, present, exact bool) int64 {
	switch {
	case t.shape.Key != nil:
		state, known := unmet, false
		if t.merged != nil {
			state, known = t.merged.state(i)
		}
		if t.due(&t.entries[i], state, known, phase, present, exact) {
			return 1
		}
	case phase == phaseDelete && present && t.toTake(i) > 0:
		return 1
	case phase == phaseUpsert && !present:
		return t.copies[i].left(t.met(i))
	}
	return 0
}

// left is how many rows are written of those of which so many of the snapshot came by, or were deleted from the target.
func (c copies) left(met int64) int64 { return max(c.need, met) + c.net }

// takes is how many rows are to be deleted from the target, or as many as there are. known says that all of the snapshot's came by.
func (c copies) takes(met int64, known bool) int64 {
	if known {
		return 0
	}
	return max(0, c.need-met)
}

func (t *tableFold) toTake(i int) int64 {
	return t.copies[i].takes(t.met(i), t.merged != nil && !t.merged.plain.Load())
}

// writeCopies adds what is to be written of an entry on disk to the batches of rows that should be there and that should not.
func (t *tableFold) writeCopies(e *spilled, met int64, known bool, cut []cutter) error {
	switch cut[0].batch.phase {
	case phaseDelete:
		if n := e.copies.takes(met, known); n > 0 {
			return cut[0].add(&e.entry, 1, n)
		}
	case phaseUpsert:
		t.count(e)
		return cut[1].add(&e.entry, e.copies.left(met), 0)
	}
	return nil
}

// met is how many rows of the snapshot like an entry's came by, and were not written.
func (t *tableFold) met(i int) int64 {
	if t.merged == nil {
		return 0
	}
	return t.merged.came[i].Load()
}

// appendWhole appends the canonical form of a whole row, shortened to its digest; ok is false where a column has no such form.
func (t *tableFold) appendWhole(dst []byte, im *binlog.Image) (_ []byte, err error) {
	form := t.scratch[:0]
	for _, i := range t.shape.Writable {
		if im.State[i] == binlog.Null {
			form = append(form, 0)
			continue
		}
		if form, err = t.shape.Columns[i].AppendCanonical(append(form, 1), im.Cols[i]); err != nil {
			return dst, err
		}
	}
	t.scratch = form
	return appendDigest(dst, form), nil
}

// wholeRow is how many bytes tell a whole row from others.
const wholeRow = 16

func appendDigest(dst, form []byte) []byte {
	sum := sha256.Sum256(form)
	return append(dst, sum[:wholeRow]...)
}

// canonicalRows makes the entries of which rows must have been there known by the canonical form of the whole row. of tells which they are.
func (t *tableFold) canonicalRows() (index *dumpIndex, of []uint32, err error) {
	index = newDumpIndex(0, 0)
	var im binlog.Image
	var key []byte
	for i := range t.entries {
		if t.copies[i].need == 0 {
			continue
		}
		if err := im.Cut(t.tm, t.present, t.entries[i].img); err != nil {
			return nil, nil, err
		}
		if key, err = t.appendWhole(key[:0], &im); err != nil {
			return nil, nil, err
		}
		if !index.add(key) {
			return nil, nil, fmt.Errorf("two rows of table %s read the same in a dump", t.name)
		}
		of = append(of, uint32(i))
	}
	return index, of, nil
}

// takes deletes the rows of a batch of a multiset, and tells how many of them there were not.
func (b *batchWriter) takes(ctx context.Context, one *batch) (doubt, error) {
	t := one.t
	missing := doubt{table: t.name, kind: doubtMissing, first: nowhere}
	for _, i := range one.order {
		e, n := one.entry(i), one.takes(i)
		if err := b.img.Cut(t.tm, t.present, e.img); err != nil {
			return missing, err
		}
		var err error
		if b.buf, err = t.shape.AppendDeleteSome(b.buf[:0], &b.img, n); err != nil {
			return missing, err
		}
		met, err := b.c.ExecBytes(ctx, b.buf)
		if err != nil {
			return missing, err
		}
		if met < n {
			missing.n += n - met
			missing.first = min(missing.first, e.first)
		}
	}
	return missing, nil
}

// takes is how many rows like an entry's a batch of a multiset deletes.
func (b *batch) takes(i uint32) int64 {
	if b.own != nil {
		return b.take[i]
	}
	return b.t.toTake(int(i))
}

// copyDoubts are the rows that the snapshot should have and does not.
func (m *merged) copyDoubts() []doubt {
	missing := doubt{table: m.t.name, kind: doubtMissing, first: nowhere}
	for i := range m.t.entries {
		if n := m.t.copies[i].need - m.came[i].Load(); n > 0 && !m.plain.Load() { // else the window looks for them
			missing.n += n
			missing.first = min(missing.first, m.t.entries[i].first)
		}
	}
	return []doubt{missing}
}

// deal gives each lane its batches.
func deal(all []batch, lanes int) [][]int {
	out := make([][]int, lanes)
	next := turns{lanes: lanes, stuck: map[*tableFold]int{}}
	for i := range all {
		lane := next.lane(&all[i])
		out[lane] = append(out[lane], i)
	}
	return out
}

// turns gives lanes their batches in turn. Deletions from one multiset read all of the table, and would wait for one another: one lane
// gets them all.
type turns struct {
	lanes, next int
	stuck       map[*tableFold]int
}

func (r *turns) lane(one *batch) int {
	if lane, sticks := r.stuck[one.t]; sticks {
		return lane
	}
	lane := r.next % r.lanes
	r.next++
	if one.phase == phaseDelete && one.t.shape.Key == nil {
		r.stuck[one.t] = lane
	}
	return lane
}
