package replay

import (
	"context"
	"hash/maphash"
	"math"
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/replay/cascade"
)

// Where a server's log leaves out what ON DELETE did to child rows, these fold all the same: at any place of the log, the open window's fold over the
// target, which is as it was at the window's beginning, is the source's state. So a parent's deletion takes along the rows of the fold that hold its
// key there and then, and those of the target that the fold does not know, with all that goes along with them in turn.
//
// What the target has is looked up later, for many parents at once, but before anything that it might make a difference to: see lookFirst.
//
// What refers and what is referred to are compared in a form that equal values share (see cascade.Likeness). What rows are known by has no FLOAT or DOUBLE, since a row of
// the target is to be found in the fold by the bytes that an image has of its key.
//
// Of rows that the log shows in part (see inPart) an entry may leave out what its row refers to: then that is as it is on the target, and looking up finds it.

// holders finds a table's rows in the fold by what they refer to. It holds no pointers into the fold, and notes where rows were: whether an entry still
// refers to a value is for its image to say.
type holders struct {
	keys  []*cascade.Key
	seed  maphash.Seed
	last  []map[uint64]uint32 // by foreign key and the hash of a value: the note that came last, + 1
	notes []holder
	value []byte
	top   *uint64 // entry.sort of the greatest key on the target; nil: not asked yet
}

type holder struct{ entry, before uint32 }

func newHolders(keys []*cascade.Key) *holders {
	h := &holders{keys: keys, seed: maphash.MakeSeed()}
	for range keys {
		h.last = append(h.last, map[uint64]uint32{})
	}
	return h
}

// holderCost is about what a value takes in a map.
const holderCost = 32

func (h *holders) held() int64 {
	n := int64(len(h.notes)) * 8
	for _, m := range h.last {
		n += int64(len(m)) * holderCost
	}
	return n
}

// note remembers what an entry refers to.
func (h *holders) note(entry uint32, im *binlog.Image, shape *target.Shape) error {
	for n, k := range h.keys {
		value, ok, err := join(k, h.value[:0], im, shape, k.Columns)
		if err != nil {
			return err
		}
		if h.value = value; !ok {
			continue
		}
		hash := maphash.Bytes(h.seed, h.value)
		h.notes = append(h.notes, holder{entry: entry, before: h.last[n][hash]})
		h.last[n][hash] = uint32(len(h.notes))
	}
	return nil
}

// refersAnew reports an update by which a row refers to something else.
func (h *holders) refersAnew(r *binlog.RowReader) bool {
	return slices.ContainsFunc(h.keys, func(k *cascade.Key) bool {
		return slices.ContainsFunc(k.Columns, func(i int) bool {
			return r.Old.State[i] != r.New.State[i] || string(r.Old.Cols[i]) != string(r.New.Cols[i])
		})
	})
}

// addAlong folds a change of a table that foreign keys with actions tie to others.
func (r *runner) addAlong(ctx context.Context, t *route, rows *binlog.Rows, at place) error {
	f, row := t.fold, &r.rows
	if r.going.count > 0 {
		first, err := r.lookFirst(ctx, f, rows, row)
		if err == nil && first {
			err = r.lookAlong(ctx)
		}
		if err != nil {
			return err
		}
	}
	known, learns := len(f.entries), f.learns(rows, row)
	if err := r.addAlone(f, rows, at); err != nil {
		return err
	}
	switch unchecked := rows.Flags&binlog.RowsNoForeignKeyChecks != 0; {
	case rows.Kind == binlog.Delete && !unchecked:
		if err := r.leave(f, &row.Old, at); err != nil {
			return err
		}
	case rows.Kind == binlog.Delete, len(f.holders.keys) == 0:
	case rows.Kind == binlog.Insert, len(f.entries) > known, f.becomes(row), learns, f.holders.refersAnew(row):
		if err := r.noteHolder(f, rows.Kind, row); err != nil {
			return err
		}
	}
	if r.going.count >= r.going.most {
		return r.lookAlong(ctx)
	}
	return nil
}

// becomes reports an update that makes of a row another one: one of another key, or, where rows are known in part, of another value of a unique key.
func (t *tableFold) becomes(r *binlog.RowReader) bool {
	if t.part != nil {
		return t.part.changes(r)
	}
	return !t.sameKey(&r.Old, &r.New)
}

// learns reports an update that shows for the first time what a row refers to, of those that are known in part.
func (t *tableFold) learns(rows *binlog.Rows, r *binlog.RowReader) bool {
	if t.part == nil || rows.Kind != binlog.Update {
		return false
	}
	e, _, _ := t.locate(t.key(&r.Old))
	return e != nil && slices.ContainsFunc(t.holders.keys, func(k *cascade.Key) bool { return showsAny(rows.After, k.Columns) && t.leavesOut(e, k) })
}

// noteHolder remembers what a row that was inserted or updated refers to.
func (r *runner) noteHolder(t *tableFold, kind binlog.Change, row *binlog.RowReader) (err error) {
	e, _, slot := t.locate(t.keyAfter(kind, row))
	im := &row.New
	if t.part != nil { // it may show less than is known
		im = &t.part.known
		if err := t.image(im, e); err != nil {
			return err
		}
	}
	r.sized(t, func() { err = t.holders.note(uint32(t.index.slots[slot])-1, im, t.shape) })
	return err
}

// sized keeps the fold's account of memory right.
func (r *runner) sized(t *tableFold, do func()) {
	before := t.held()
	do()
	r.fold.bytes += t.held() - before
}

// lookFirst reports a change that what is still to be looked up may make a difference to: one without checks, and the insertion, into a table from which
// others go along, of a row that may be one of those that went. (Where none goes along, it only matters that there was one: see victim. But a row that is
// known in part has to be known to have gone before it comes again.)
func (r *runner) lookFirst(ctx context.Context, f *tableFold, rows *binlog.Rows, row *binlog.RowReader) (bool, error) {
	if rows.Flags&binlog.RowsNoForeignKeyChecks != 0 {
		return true, nil
	}
	comes := rows.Kind == binlog.Insert || rows.Kind == binlog.Update && f.becomes(row)
	leaf := len(r.fks.along.Children[f.name]) == 0
	if !comes || len(f.holders.keys) == 0 || leaf && f.part == nil {
		return false, nil
	}
	key := f.keyAfter(rows.Kind, row)
	if e, _, _ := f.locate(key); e != nil || leaf {
		return e != nil && !e.gone, nil
	}
	if !f.narrow || r.st.To != nil {
		return true, nil
	}
	if f.holders.top == nil {
		top, err := r.greatest(ctx, f)
		if err != nil {
			return false, err
		}
		f.holders.top = &top
	}
	return f.sortKey(key) <= *f.holders.top, nil
}

// greatest is the order of the greatest key that the target has of a table; nothing is greater than that of an empty one.
func (r *runner) greatest(ctx context.Context, f *tableFold) (top uint64, err error) {
	i := f.shape.Key[0]
	query := "SELECT " + quoteDB(f.shape.Def.Columns[i].Name) + " FROM " + f.shape.Name() + " ORDER BY 1 DESC LIMIT 1"
	err = r.ddl.Each(ctx, query, func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		raw, err := f.shape.Columns[i].AppendAnswer(nil, []byte(text))
		top = f.sortKey(raw)
		return err
	})
	return top, err
}

// leave follows a parent's row that is gone to those of the fold that go along, and notes where others may be.
func (r *runner) leave(parent *tableFold, im *binlog.Image, at place) error {
	for _, k := range r.fks.along.Children[parent.name] {
		value, ok, err := join(k, nil, im, parent.shape, k.Refs)
		if err == nil && ok {
			err = r.takeAlong(k, string(value), at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeAlong does to the fold's rows that refer to a value what its loss does to them.
func (r *runner) takeAlong(k *cascade.Key, value string, at place) error {
	r.going.add(k, value, at)
	t := r.fold.tables[k.Child]
	if t == nil || t.tm == nil {
		return nil
	}
	h := t.holders
	n := slices.Index(h.keys, k)
	next := h.last[n][maphash.String(h.seed, value)]
	var im binlog.Image // of its own: rows that go along take others along
	for next != 0 {
		note := h.notes[next-1]
		next = note.before
		e := &t.entries[note.entry]
		if e.gone {
			continue
		}
		if err := t.image(&im, e); err != nil {
			return err
		}
		held, _, err := join(k, h.value[:0], &im, t.shape, k.Columns)
		if err != nil {
			return err
		}
		if h.value = held; string(held) != value {
			continue
		}
		if k.Forgets {
			for _, i := range k.Columns {
				im.State[i] = binlog.Null
			}
			r.sized(t, func() { e.img = t.arena.copy(t.encode(&im)) })
			continue
		}
		t.remove(e)
		if err := t.fillKey(&im, e); err != nil {
			return err
		}
		if err := r.leave(t, &im, at); err != nil {
			return err
		}
	}
	return nil
}

// encode is how an entry keeps what is known of a row: the other way round from image.
func (t *tableFold) encode(im *binlog.Image) []byte {
	if t.part != nil {
		return im.AppendRaw(im.AppendShown(nil))
	}
	return im.AppendRaw(nil)
}

// fillKey gives an image the key of its row, which an update need not show.
func (t *tableFold) fillKey(im *binlog.Image, e *entry) error {
	if t.part == nil {
		return nil
	}
	cols, err := t.cutKey(e.key, nil)
	if err != nil {
		return err
	}
	for n, i := range t.shape.Key {
		im.Cols[i], im.State[i] = cols[n], binlog.Present
	}
	return nil
}

// mostGoing is how many parents' values wait to be looked up together, and mostVictims how many rows they should come to.
const (
	mostGoing   = 1000
	mostVictims = 20000
)

// going is what waits to be looked up on the target.
type going struct {
	values map[*cascade.Key]map[string]place // waiting
	count  int
	asked  map[*cascade.Key]map[string]bool // not again: the fold knows all of these, or they forgot already
	most   int                              // see mostGoing
	forgot map[*cascade.Key][]string        // keys of rows of the target, that the fold does not know, to which it happened
	clean  bool                             // nothing is kept of an earlier window
	fresh  []byte                           // what was found and is not in the checkpoint yet
	kept   map[string][]victim              // what an earlier run found, by foreign key and value; nil: it is to be looked up
	whole  map[*cascade.Key]*whole
}

// whole is a table's rows by what they refer to, once it was asked so often that reading all of it costs less.
type whole struct {
	asked int
	tried bool
	rows  map[string][]victim // nil: they were not read
}

func newGoing() going {
	return going{values: map[*cascade.Key]map[string]place{}, asked: map[*cascade.Key]map[string]bool{}, most: mostGoing, forgot: map[*cascade.Key][]string{}, whole: map[*cascade.Key]*whole{}}
}

func (g *going) add(k *cascade.Key, value string, at place) {
	if g.asked[k][value] {
		return
	}
	if g.values[k] == nil {
		g.values[k] = map[string]place{}
	}
	if _, there := g.values[k][value]; !there {
		g.values[k][value] = at
		g.count++
	}
}

// found adjusts how many values are looked up at once to how many rows they come to.
func (g *going) found(values, rows int) {
	if rows > 0 {
		g.most = min(mostGoing, max(1, int(math.Ceil(float64(values)/float64(rows)*mostVictims))))
	}
}

// alongFold is a table's share of the fold, of which so far nothing is known but rows that went along.
func (r *runner) alongFold(name string) *tableFold {
	t := r.fold.tables[name]
	if t == nil {
		t = r.fold.table(name, target.KeyShape(r.fks.along.Tables[name]), nil)
		r.bind(t)
	}
	return t
}

// bind makes a table's share of the fold one that follows foreign keys.
func (r *runner) bind(t *tableFold) {
	if t.holders == nil {
		t.holders = newHolders(r.fks.along.Parents[t.name])
		r.fold.memoryOnly = true
	}
}
