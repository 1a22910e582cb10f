package replay

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"lifeboat/internal/spill"
)

// full reports that the fold is to go to disk, to begin anew. A window that an earlier run began to write from memory is written from there
// again, since its batches are cut otherwise.
func (r *runner) full() bool {
	return r.o.Spill != nil && !r.fold.memoryOnly && r.fold.bytes > r.o.Memory-r.o.Memory/8 && (r.st.To == nil || r.st.Spilled) && r.st.Apart == nil
}

// ends reports that the window is to end since it does not fit, and it does not spill. Inside a transaction there is some room more.
func (r *runner) ends(inside bool) bool {
	most := r.o.Memory
	if inside {
		most += most / 4
	}
	return (r.o.Spill == nil || r.fold.memoryOnly) && r.fold.bytes > most
}

// spill writes the fold out to disk.
func (r *runner) spill() error {
	if r.o.Spill == nil {
		return fmt.Errorf("the restore was stopped while it wrote what had not fitted into memory: go on with a folder for it (--spill-dir)")
	}
	r.fold.byText = r.st.Phase == phaseMerge
	if err := r.fold.spillTo(r.o.Spill); err != nil {
		return spillError(err)
	}
	r.result.Spilled = max(r.result.Spilled, r.fold.spill.Bytes())
	clear(r.routes) // they keep table maps
	return nil
}

// keys is about how many keys the fold has, some of them more than once.
func (f *fold) keys() (n int64) {
	for _, t := range f.tables {
		if n += int64(len(t.entries)); f.spill != nil {
			n += f.spill.Records(t.section)
		}
	}
	return n
}

// closeFar releases what waited on disk of the snapshot.
func (r *runner) closeFar() error {
	if r.far == nil {
		return nil
	}
	return r.far.Close()
}

// spillError says what to do about a fault of the disk.
func spillError(err error) error {
	var fault *spill.Error
	if !errors.As(err, &fault) || errors.Is(err, spill.ErrDamaged) {
		return err
	}
	return fmt.Errorf("the log changes more rows than fit into memory: %w; free space there, give another folder (--spill-dir) or more memory (--memory), and run the same command again", err)
}

// spilledBatches cuts a phase into transactions, as far as the fold is on disk, and hands them out.
func (f *fold) spilledBatches(phase int, exact bool, emit func(batch) error) error {
	if f.spill == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(f.tables)) {
		if err := f.spilledTable(f.tables[name], phase, exact, emit); err != nil {
			return spillError(err)
		}
	}
	return nil
}

// spilledTable cuts a table's batches. Rows that should be there and rows that should not come by together.
func (f *fold) spilledTable(t *tableFold, phase int, exact bool, emit func(batch) error) error {
	cut := []cutter{{batch: batch{t: t, phase: phase, present: true}, emit: emit}, {batch: batch{t: t, phase: phase}, emit: emit}}
	write := func(e *spilled, state uint32, known bool) error {
		if phase == phaseUpsert {
			t.count(e)
		}
		for i := range cut {
			if t.due(&e.entry, state, known, phase, cut[i].batch.present, exact) {
				return cut[i].add(&e.entry, 1, 0)
			}
		}
		return nil
	}
	m := t.merged
	if t.shape.Key == nil {
		write = func(e *spilled, _ uint32, known bool) error { return t.writeCopies(e, 0, known, cut) }
	}
	var err error
	switch {
	case m == nil:
		err = f.eachSpilled(t, func(e *spilled) error { return write(e, unmet, false) })
	case t.shape.Key == nil:
		known := !m.plain.Load()
		if known && phase != phaseUpsert {
			return nil // all rows that go came by
		}
		err = f.eachMet(t, func(e *spilled, met int64) error { return t.writeCopies(e, met, known, cut) }, func(string, []byte) error { return nil })
	case m.plain.Load():
		err = f.eachMet(t, func(e *spilled, met int64) error {
			if met > 0 {
				return write(e, pending, true)
			}
			return write(e, unmet, false)
		}, func(string, []byte) error { return nil })
	case phase == phaseUpsert: // no row of any of them is there
		err = f.eachSpilled(t, func(e *spilled) error { return write(e, unmet, true) })
	}
	if err != nil {
		return err
	}
	return errors.Join(cut[0].end(), cut[1].end())
}

// cutter cuts entries that are valid only while they are added.
type cutter struct {
	batch batch // the open one
	size  int
	bytes arena // of it
	emit  func(batch) error
}

// add adds an entry to be written so many times, or, of a table without a key, so many of its rows to be taken.
func (c *cutter) add(e *entry, times, take int64) error {
	for held := false; times > 0; times-- {
		if !held {
			c.hold(e, take)
			held = true
		}
		c.batch.order = append(c.batch.order, uint32(len(c.batch.own)-1))
		c.size += batchSize(c.batch.phase, e)
		if !fullBatch(c.batch.phase, len(c.batch.order), c.size) {
			continue
		}
		if err := c.end(); err != nil {
			return err
		}
		held = false
	}
	return nil
}

// hold makes an entry the batch's own.
func (c *cutter) hold(e *entry, take int64) {
	own := *e
	key := c.bytes.copy(e.raw())
	own.key, own.img = unsafe.String(unsafe.SliceData(key), len(key)), c.bytes.copy(e.img)
	c.batch.own = append(c.batch.own, own)
	if take > 0 {
		c.batch.take = append(c.batch.take, take)
	}
}

func (c *cutter) end() error {
	if len(c.batch.own) == 0 {
		return nil
	}
	full := c.batch
	c.batch.order, c.batch.own, c.batch.take, c.size, c.bytes = nil, nil, nil, 0, arena{}
	return c.emit(full)
}

// count counts what an entry is written as.
func (t *tableFold) count(e *spilled) {
	switch {
	case e.counts:
		t.upserts += max(0, e.copies.net)
		t.removed += max(0, -e.copies.net)
	case e.gone:
		t.removed++
	default:
		t.upserts++
	}
}
