package replay

import (
	"fmt"
	"sync/atomic"

	"lifeboat/internal/schema"
)

// stage is a stretch of log as one table saw it, and what ALTER TABLE then made of its rows.
type stage struct {
	table    *rebuilt
	rows     *tableFold // nil if the log changed no row
	alter    *schema.Altered
	children []child // that its changes may change, as of the last DDL

	// Once the stretch is read:
	index *dumpIndex     // entries by their key's canonical form, or the whole row's
	of    []uint32       // the entry of each of them, of a table without a key
	met   []atomic.Int64 // by entry, how many rows came by for it
	far   *farStage      // nil: its entries are in memory
	out   outcome
}

// outcome is what became of a stage's entries.
type outcome struct {
	upserts, removed, missing int64
	first                     place
}

// open is the stage that the table's changes go to.
func (t *rebuilt) open() *stage {
	if n := len(t.stages); n > 0 && t.stages[n-1].alter == nil {
		return t.stages[n-1]
	}
	s := &stage{table: t}
	t.stages = append(t.stages, s)
	return s
}

// keyless reports that its rows are a multiset: of those that are equal, the stretch takes the first that come by.
func (s *stage) keyless() bool { return s.rows.shape.Key == nil }

// begin makes the stages ready for the rows.
func (f *flow) begin() error {
	for _, s := range f.t.stages {
		if s.rows == nil {
			continue
		}
		s.out = outcome{first: nowhere}
		ready := s.find
		if f.lot != nil && s.rows.part == nil {
			ready = func() error { return f.lot.find(s) }
		}
		if err := ready(); err != nil {
			return fmt.Errorf("table %s: %w", f.t.name, err)
		}
	}
	return nil
}

// find makes the entries in memory known by their key's canonical form.
func (s *stage) find() (err error) {
	s.met = make([]atomic.Int64, len(s.rows.entries))
	switch {
	case s.index != nil:
		return nil
	case s.keyless():
		s.index, s.of, err = s.rows.canonicalRows()
	default:
		s.index, err = s.rows.canonical()
	}
	return s.unnamed(err)
}

// unnamed says that an entry's row cannot be told from others by a dump's text.
func (s *stage) unnamed(err error) error {
	switch {
	case err == nil:
		return nil
	case s.keyless():
		return fmt.Errorf("it has no key, and the log takes rows of it: %w (%w)", err, ErrNeedsServer)
	}
	return fmt.Errorf("%w (%w)", err, ErrNeedsServer)
}

// course is what a stage makes of a row.
type course uint8

const (
	stays  course = iota // it goes on, changed or not
	gone                 // the log deleted it
	parked               // it waits on disk for the entry that it may have there
)

// fold replaces a row that a stage changed by its last image.
func (f *flow) fold(i int) (course, error) {
	s := f.t.stages[i]
	if s.far != nil && !s.far.looked || s.far == nil && s.keyless() && s.index.len() == 0 {
		return stays, nil // nothing to look for
	}
	if err := f.name(s); err != nil {
		return stays, fmt.Errorf("%w (%w)", err, ErrNeedsServer)
	}
	if s.far != nil {
		if !f.lot.filter.has(s.far.id, f.key) {
			return stays, nil
		}
		return parked, f.lot.put(i, f)
	}
	n, ok := s.index.find(f.key)
	if !ok {
		return stays, nil
	}
	if !s.keyless() {
		return f.meet(s, &s.rows.entries[n], 0, s.met[n].Add(1))
	}
	n = s.of[n]
	return f.meet(s, &s.rows.entries[n], s.rows.copies[n].need, s.met[n].Add(1))
}

// name makes f.key what the stage's entries know the row by.
func (f *flow) name(s *stage) (err error) {
	f.key = f.key[:0]
	cols := s.rows.shape.Key
	if s.keyless() {
		cols = s.rows.shape.Writable
	}
	for _, c := range cols {
		if s.keyless() {
			if f.row[c].kind == null {
				f.key = append(f.key, 0)
				continue
			}
			f.key = append(f.key, 1)
		}
		if f.key, err = f.canonical(f.key, &f.row[c], &s.rows.shape.Columns[c]); err != nil {
			return err
		}
	}
	if s.keyless() {
		f.key = append(f.key[:0], appendDigest(nil, f.key)...)
	}
	return nil
}

// meet is what becomes of the n-th row that comes by for an entry, of which the stretch needs some.
func (f *flow) meet(s *stage, e *entry, need, n int64) (course, error) {
	if s.keyless() {
		if n <= need {
			return gone, nil
		}
		return stays, nil
	}
	if f.touched = true; e.gone {
		return gone, nil
	}
	return stays, f.take(s, e)
}

// rest sends what the folds hold beyond the rows that came by: rows that are new.
func (f *flow) rest() error {
	for i, s := range f.t.stages {
		switch {
		case s.rows == nil:
		case s.far != nil:
			if err := f.settle(i); err != nil {
				return spillError(err)
			}
		default:
			for n := range s.rows.entries {
				c := copies{}
				if s.keyless() {
					c = s.rows.copies[n]
				}
				if err := f.left(i, &s.rows.entries[n], c, s.met[n].Load()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// left sends what is new of an entry for which so many rows came by, and notes what became of it.
func (f *flow) left(i int, e *entry, c copies, met int64) error {
	s := f.t.stages[i]
	more, missing := int64(0), int64(0)
	switch {
	case s.keyless():
		more, missing = c.need+c.net, max(0, c.need-met)
		s.out.upserts += max(0, c.net)
		s.out.removed += max(0, -c.net)
	case e.gone:
		s.out.removed++
	default:
		s.out.upserts++
		if met == 0 && (s.rows.part == nil || e.whole()) {
			more = 1
		}
	}
	if !s.keyless() && e.was && met == 0 {
		missing = 1
	}
	if s.out.missing += missing; missing > 0 {
		s.out.first = min(s.out.first, e.first)
	}
	for range more {
		if err := f.take(s, e); err != nil {
			return err
		}
		f.ofBase = false
		if err := f.send(i, true); err != nil {
			return err
		}
	}
	return nil
}
