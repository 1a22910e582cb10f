package replay

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/replay/cascade"
	"lifeboat/replay/plan"
)

// Where a log has incomplete row images (binlog_row_image MINIMAL or NOBLOB), an update shows the columns that it set, and a row of the base is known
// by what the log has shown of it since. Such rows fold all the same: an entry of a row that was there keeps the columns shown, each as it was last,
// and becomes one UPDATE of those. A row that came within the window is known whole, since what its insertion leaves out took its default. So is one
// that was deleted and came again: it goes first, and is inserted then.
//
// Invariant: an entry's image holds all that the row's whole image would have, but, if the row was there and never went, the columns that
// the window's log does not show; those are on the target.
//
// What needs more of a row than is known of it is done by itself, as moved does it: another key, or another value of a unique key, of a row that
// is not known whole; and a column that is left out and whose value then is another for each row.

// inPart tells which row changes of a table fold in part.
type inPart struct {
	fixed    []int // of the keys whose values need care: what gives a row another there needs all of the row
	computed []int // that an insertion has to show
	onUpdate []int // that an update has to show
	key      []int
	writable []int
	tied     [][]int // the columns of each foreign key by which rows go along: of a row that is not known whole, all of them are known or none
	present  int     // bytes of a bitmap of columns
	known    binlog.Image
}

// partReason says why a table with incomplete row images takes the serial lane; "" if it folds.
func (r *runner) partReason(def *schema.Table) string {
	why := plan.InPartReason(def, r.p.Exact)
	if why == "" && r.st.Moved.get(def.Name) >= mostMoves(r.p, def.Name) {
		why = "too many changes of keys, or of columns that it does not show"
	}
	if why == "" {
		return ""
	}
	return plan.PartialImages + "; " + why
}

// newInPart is for a table of whose rows the values of some keys need care.
func newInPart(shape *target.Shape, keys []schema.Key) *inPart {
	p := &inPart{key: shape.Key, writable: shape.Writable, present: (len(shape.Def.Columns) + 7) / 8}
	for _, k := range keys {
		for _, part := range k.Columns {
			if i := shape.Def.ColumnNumber(part.Name); !slices.Contains(p.fixed, i) {
				p.fixed = append(p.fixed, i)
			}
		}
	}
	for _, i := range shape.Writable {
		c := &shape.Def.Columns[i]
		if c.Computes || c.AutoIncrement || slices.Contains(shape.Key, i) {
			p.computed = append(p.computed, i)
		}
		if c.OnUpdate {
			p.onUpdate = append(p.onUpdate, i)
		}
	}
	return p
}

// foldInPart makes a table's share of the fold one of rows that are known in part.
func (r *runner) foldInPart(t *tableFold) {
	if t.part == nil {
		t.part = newInPart(t.shape, t.shape.Def.UniqueKeys())
		if t.holders != nil {
			t.part.refers(t.shape.Def, t.holders.keys)
		}
		r.fold.memoryOnly = true
	}
}

// refers makes it one of rows that go along with others by foreign keys: what such a row refers to has to be known of all that are known whole.
// A column that an insertion leaves out is NULL, or has to be shown.
func (p *inPart) refers(def *schema.Table, keys []*cascade.Key) {
	for _, k := range keys {
		p.tied = append(p.tied, k.Columns)
		for _, i := range k.Columns {
			if !nullUnsaid(&def.Columns[i]) {
				p.computed = append(p.computed, i)
			}
		}
	}
}

// nullUnsaid reports a column that is NULL where it is given no value, as far as that can be told: MySQL writes no default and an empty one alike.
func nullUnsaid(c *schema.Column) bool {
	return c.Nullable && c.Charset == "" && cascade.LikenessOf(c) == cascade.Fixed && (c.Default == "" || strings.EqualFold(c.Default, "NULL"))
}

// takes reports an event all of whose changes fold.
func (t *tableFold) takes(rows *binlog.Rows, r *binlog.RowReader) (bool, error) {
	p := t.part
	switch {
	case rows.Partial:
		return false, nil
	case rows.Kind == binlog.Delete:
		return showsAll(rows.Before, p.key), nil
	case rows.Kind == binlog.Insert:
		return showsAll(rows.After, p.computed), nil
	case !showsAll(rows.Before, p.key) || !showsAll(rows.After, p.onUpdate):
		return false, nil
	case showsAll(rows.After, p.writable):
		return true, nil
	}
	parted := slices.ContainsFunc(p.tied, func(columns []int) bool { return showsAny(rows.After, columns) && !showsAll(rows.After, columns) })
	if !parted && !showsAny(rows.After, p.fixed) {
		return true, nil
	}
	r.Reset(rows)
	for {
		more, err := r.Next()
		if err != nil || !more {
			return err == nil, err
		}
		if parted || p.changes(r) {
			if e, _, _ := t.locate(t.key(&r.Old)); e == nil || !e.whole() {
				return false, nil
			}
		}
	}
}

// shows reports that a bitmap of columns has one.
func shows(bitmap []byte, i int) bool { return bitmap[i/8]&(1<<(i%8)) != 0 }

func showsAll(bitmap []byte, columns []int) bool {
	return !slices.ContainsFunc(columns, func(i int) bool { return !shows(bitmap, i) })
}

func showsAny(bitmap []byte, columns []int) bool {
	return slices.ContainsFunc(columns, func(i int) bool { return shows(bitmap, i) })
}

// changes reports an update that gives a row another value of a unique key, or may.
func (p *inPart) changes(r *binlog.RowReader) bool {
	return slices.ContainsFunc(p.fixed, func(i int) bool {
		return r.New.State[i] != binlog.Absent && (r.Old.State[i] != r.New.State[i] || !bytes.Equal(r.Old.Cols[i], r.New.Cols[i]))
	})
}

// whole reports an entry of which all is known: what its image lacks took its default.
func (e *entry) whole() bool { return !e.gone && (!e.was || e.left) }

// addPart folds one row change that takes has accepted.
func (f *fold) addPart(t *tableFold, rows *binlog.Rows, r *binlog.RowReader, at place) error {
	before := t.held()
	t.changes++
	err := t.addPart(rows, r, at)
	f.bytes += t.held() - before
	return err
}

func (t *tableFold) addPart(rows *binlog.Rows, r *binlog.RowReader, at place) error {
	p := t.part
	switch rows.Kind {
	case binlog.Insert:
		t.put(t.entry(t.key(&r.New), false, at), p.encode(&t.scratch, rows.After, &r.New))
		t.counter(&r.New)
		return nil
	case binlog.Delete:
		t.remove(t.entry(t.key(&r.Old), true, at))
		return nil
	}
	t.counter(&r.New)
	if !p.changes(r) {
		return t.putOver(t.entry(t.key(&r.Old), true, at), rows.After, &r.New)
	}
	return t.comesAgain(rows, r, at)
}

// comesAgain is an update by which a row goes, and comes again as another.
func (t *tableFold) comesAgain(rows *binlog.Rows, r *binlog.RowReader, at place) error {
	p := t.part
	img := p.encode(&t.scratch, rows.After, &r.New)
	if !showsAll(rows.After, p.writable) {
		e, _, _ := t.locate(t.key(&r.Old))
		if e == nil || !e.whole() {
			return fmt.Errorf("a change of a unique key of table %s, of a row that is not known whole: a defect of lifeboat", t.name)
		}
		if err := p.cut(&p.known, t.tm, e.img); err != nil {
			return err
		}
		img = p.over(&t.scratch, &r.New)
	}
	img = bytes.Clone(img)
	t.remove(t.entry(t.key(&r.Old), true, at))
	t.put(t.entry(t.keyAfter(rows.Kind, r), false, at), img)
	return nil
}

// keyAfter is the key that a row has behind its insertion or update.
func (t *tableFold) keyAfter(kind binlog.Change, r *binlog.RowReader) []byte {
	t.scratch = t.scratch[:0]
	for _, i := range t.shape.Key {
		im := &r.New
		if kind == binlog.Update && im.State[i] == binlog.Absent {
			im = &r.Old
		}
		t.scratch = append(t.scratch, im.Cols[i]...)
	}
	return t.scratch
}

// encode is how an entry keeps an image: the columns that it has, and the image.
func (p *inPart) encode(dst *[]byte, present []byte, im *binlog.Image) []byte {
	*dst = append(append((*dst)[:0], present[:p.present]...), im.Raw...)
	return *dst
}

// cut takes apart what encode has joined.
func (p *inPart) cut(im *binlog.Image, tm *binlog.TableMap, img []byte) error {
	if len(img) < p.present {
		return fmt.Errorf("table %s: a row of which nothing is known: a defect of lifeboat", tm.Table)
	}
	return im.Cut(tm, img[:p.present], img[p.present:])
}

// putOver lays what an image shows over what is known of the row.
func (t *tableFold) putOver(e *entry, present []byte, im *binlog.Image) error {
	p := t.part
	if len(e.img) < p.present || bytes.Equal(e.img[:p.present], present[:p.present]) {
		t.put(e, p.encode(&t.scratch, present, im))
		return nil
	}
	if err := p.cut(&p.known, t.tm, e.img); err != nil {
		return err
	}
	t.put(e, p.over(&t.scratch, im))
	return nil
}

// over encodes the known image with what another shows in place of what it has.
func (p *inPart) over(dst *[]byte, im *binlog.Image) []byte {
	for i, state := range im.State {
		if state != binlog.Absent {
			p.known.State[i], p.known.Cols[i] = state, im.Cols[i]
		}
	}
	*dst = p.known.AppendRaw(p.known.AppendShown((*dst)[:0]))
	return *dst
}

// image is one of a batch's rows.
func (b *batchWriter) image(one *batch, i uint32) error { return one.t.image(&b.img, one.entry(i)) }

// image is what is known of a row.
func (t *tableFold) image(im *binlog.Image, e *entry) error {
	if t.part != nil {
		return t.part.cut(im, t.tm, e.img)
	}
	return im.Cut(t.tm, t.present, e.img)
}

// updates changes a batch's rows in the columns that the log shows, each by a statement of its own, and counts those that there are.
func (b *batchWriter) updates(ctx context.Context, one *batch) (met int64, err error) {
	shape := one.t.shape
	old := binlog.Image{Cols: make([][]byte, len(shape.Columns)), State: make([]binlog.ColumnState, len(shape.Columns))}
	b.buf = b.buf[:0]
	for _, i := range one.order {
		if b.key, err = one.t.cutKey(one.entry(i).key, b.key); err != nil {
			return 0, err
		}
		if err = b.image(one, i); err != nil {
			return 0, err
		}
		for n, k := range shape.Key {
			old.Cols[k], old.State[k] = b.key[n], binlog.Present
			b.img.State[k] = binlog.Absent // it is what it was
		}
		zeros := shape.EnumZeros(&b.img)
		if zeros > 0 || len(b.buf) > batchBytes {
			if err = b.send(ctx, 0, &met); err != nil {
				return 0, err
			}
		}
		text, err := shape.AppendOne(b.buf, binlog.Update, &old, &b.img, false)
		if err != nil {
			return 0, err
		}
		if text == nil { // it shows nothing else
			met++
			continue
		}
		b.buf = append(text, ';')
		if zeros > 0 {
			if err = b.send(ctx, zeros, &met); err != nil {
				return 0, err
			}
		}
	}
	err = b.send(ctx, 0, &met)
	return met, err
}

// send runs the statements in b.buf, and adds up the rows that they find. One with ENUM error values is alone there.
func (b *batchWriter) send(ctx context.Context, zeros int, met *int64) (err error) {
	var n int64
	switch {
	case len(b.buf) == 0:
	case zeros > 0:
		n, err = b.c.ExecRows(ctx, b.buf, zeros)
	default:
		n, err = b.c.ExecEach(ctx, b.buf)
	}
	*met, b.buf = *met+n, b.buf[:0]
	return err
}
