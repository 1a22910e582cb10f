package spill

import (
	"bytes"
	"container/heap"
	"errors"
	"io"
	"maps"
	"slices"
)

// fanIn is how many runs of about one size become a larger one: then at most so many times the number of sizes are read at the same time.
const fanIn = 16

// Join makes one value of those of two records of one key. It may change older and give it back, and keeps nothing of newer. Inside one run a
// key to be joined comes once.
type Join func(older, newer []byte) ([]byte, error)

// Runs are the runs of one set of records. It is for one goroutine at a time.
type Runs struct {
	storage Storage
	join    Join // nil: records of one key stay apart
	runs    []*run
}

// New begins a set. Without a join, records of one key stay apart.
func New(s Storage, join Join) *Runs { return &Runs{storage: s, join: join} }

// Add takes one run from write, and merges runs of which there are many.
func (r *Runs) Add(write func(*Writer) error) error {
	one, err := r.write(write)
	if err != nil {
		return err
	}
	r.runs = append(r.runs, one)
	for {
		from := len(r.runs) - fanIn
		if from < 0 || r.runs[from].level != r.runs[len(r.runs)-1].level {
			return nil
		}
		if err := r.merge(from); err != nil {
			return err
		}
	}
}

func (r *Runs) write(write func(*Writer) error) (*run, error) {
	w, err := newWriter(r.storage, r.join != nil)
	if err != nil {
		return nil, err
	}
	err = write(w)
	if err == nil {
		var one *run
		if one, err = w.end(); err == nil {
			return one, nil
		}
	}
	return nil, errors.Join(err, w.run.file.Close())
}

// merge makes one of the runs from a number on. Those are all of one level, since a level's runs are younger than those above it.
func (r *Runs) merge(from int) error {
	old := r.runs[from:]
	one, err := r.write(func(w *Writer) error {
		for _, section := range sections(old) {
			rd, err := newReader(old, section, r.join)
			if err != nil {
				return err
			}
			for rd.Next() {
				if err := w.Put(section, rd.Key, rd.Value); err != nil {
					return err
				}
			}
			if rd.Err() != nil {
				return rd.Err()
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	one.level = old[0].level + 1
	r.runs = append(r.runs[:from:from], one)
	return closeAll(old)
}

// sections are those that any of the runs has, in order.
func sections(runs []*run) []int {
	all := map[int]bool{}
	for _, one := range runs {
		for section := range one.sections {
			all[section] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Records is how many records the section has, those of one key in several runs counted for each.
func (r *Runs) Records(section int) (n int64) {
	for _, one := range r.runs {
		n += one.sections[section].records
	}
	return n
}

// Count is how many runs there are.
func (r *Runs) Count() int { return len(r.runs) }

// Bytes is how much the files hold.
func (r *Runs) Bytes() (n int64) {
	for _, one := range r.runs {
		n += one.size
	}
	return n
}

// Read begins to read a section. It may be read more than once.
func (r *Runs) Read(section int) (*Reader, error) { return newReader(r.runs, section, r.join) }

// Close releases the files.
func (r *Runs) Close() error {
	runs := r.runs
	r.runs = nil
	return closeAll(runs)
}

func closeAll(runs []*run) error {
	var all []error
	for _, one := range runs {
		if err := one.file.Close(); err != nil {
			all = append(all, &Error{"closing", one.where, err})
		}
	}
	return errors.Join(all...)
}

// Reader hands out a section's records in the order of their keys.
type Reader struct {
	Key, Value []byte // of the record at hand, until the next call of Next

	heads heads
	join  Join
	moved bool // the first of heads was handed out
	err   error
	key   []byte
	value []byte
}

func newReader(runs []*run, section int, join Join) (*Reader, error) {
	r := &Reader{join: join}
	for age, one := range runs {
		s, ok := one.sections[section]
		if !ok {
			continue
		}
		c := &cursor{run: one, at: s.from, to: s.to, age: age}
		switch err := c.next(); {
		case err == nil:
			r.heads = append(r.heads, c)
		case !errors.Is(err, io.EOF):
			return nil, err
		}
	}
	heap.Init(&r.heads)
	return r, nil
}

// Next moves to the next record. It is false at the end, and at an error.
func (r *Reader) Next() bool {
	if r.moved && !r.advance() || len(r.heads) == 0 {
		return false
	}
	r.moved = true
	first := r.heads[0]
	r.Key, r.Value = first.key, first.value
	if r.join == nil || len(r.heads) == 1 || !r.again() {
		return true
	}
	r.key, r.value = append(r.key[:0], first.key...), append(r.value[:0], first.value...)
	for r.again() {
		if !r.advance() {
			return false
		}
		if r.value, r.err = r.join(r.value, r.heads[0].value); r.err != nil {
			return false
		}
		r.Key = r.key
	}
	r.Key, r.Value = r.key, r.value
	return true
}

// again reports whether another run's record has the key of the first.
func (r *Reader) again() bool {
	for i := 1; i < min(3, len(r.heads)); i++ {
		if bytes.Equal(r.heads[i].key, r.heads[0].key) {
			return true
		}
	}
	return false
}

// advance drops the first record.
func (r *Reader) advance() bool {
	switch err := r.heads[0].next(); {
	case err == nil:
		heap.Fix(&r.heads, 0)
	case errors.Is(err, io.EOF):
		heap.Pop(&r.heads)
	default:
		r.err = err
		return false
	}
	return true
}

// Err is the error that ended the reading, if one did.
func (r *Reader) Err() error { return r.err }

// heads is a heap of cursors, that of the least key first, and of the oldest run among those.
type heads []*cursor

func (h heads) Len() int      { return len(h) }
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h heads) Less(i, j int) bool {
	if order := bytes.Compare(h[i].key, h[j].key); order != 0 {
		return order < 0
	}
	return h[i].age < h[j].age
}

// Push and Pop are those of container/heap.
func (h *heads) Push(x any) { *h = append(*h, x.(*cursor)) }

// Pop removes the last.
func (h *heads) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	*h = (*h)[:last]
	return c
}
