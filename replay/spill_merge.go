package replay

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"lifeboat/internal/spill"
	"lifeboat/replay/plan"
)

// Where the first window spilled, the snapshot's rows stream past a filter of the keys on disk. A row whose key is certainly not among them
// passes as it stands. The others, most of which the log changed, go to disk too, sorted as the entries are. When all have come by, both are read as one
// stream: a row that has an entry is done with, as the window writes the last image, and a stray, which has none, is loaded after all.
//
// Invariant: which rows go to disk depends on the snapshot, the window and the size of the filter, which is noted with the job. So a restore that goes on finds the
// same rows there, and the same strays.

// far is what a table's merge needs where its entries are on disk.
type far struct {
	filter *keyFilter
	rows   *farRows
	looked bool     // rows are looked for
	doubts [2]doubt // missing, present
}

// farRows are rows of the snapshot that went to disk: those of several tables, from several lanes.
type farRows struct {
	sorter
	mu      sync.Mutex
	most    int64    // bytes in memory
	heads   []string // what stands in front of rows, in their statements
	numbers map[string]uint64
}

// leastFar is what is kept in memory at least, in bytes.
const leastFar = 4 << 10

func newFarRows(s spill.Storage, most int64) *farRows {
	return &farRows{sorter: sorter{runs: spill.New(s, nil)}, most: max(most, leastFar), numbers: map[string]uint64{}}
}

// put keeps a row, whose key has a canonical form, with what stands in front of it in its statement. again says that another row of its key may replace it.
func (r *farRows) put(t *tableFold, canonical, head, row []byte, again bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	number, ok := r.numbers[string(head)]
	if !ok {
		number = uint64(len(r.heads))
		r.heads = append(r.heads, string(head))
		r.numbers[string(head)] = number
	}
	r.key(t, canonical)
	flag := byte(0)
	if again {
		flag = 1
	}
	r.bytes = append(binary.AppendUvarint(append(r.bytes, flag), number), row...)
	if r.end(); r.held() < r.most {
		return nil
	}
	return r.flush()
}

// read takes a value apart.
func (r *farRows) read(value []byte) (head string, row []byte, again bool, err error) {
	if len(value) > 0 {
		if number, n := binary.Uvarint(value[1:]); n > 0 && number < uint64(len(r.heads)) {
			return r.heads[number], value[1+n:], value[0] != 0, nil
		}
	}
	return "", nil, false, errSpilled
}

// farTable prepares a table on disk to be met: its keys join the filter. It reports false where keys of a dump's text and of the log cannot be told to be the same.
func (f *fold) farTable(t *tableFold, filter *keyFilter, rows *farRows) (bool, error) {
	if plan.Unmergeable(t.shape.Def) != "" {
		return false, nil
	}
	looked, why, err := f.filterSpilled(t, filter, t.name)
	if err != nil || why != nil {
		return false, err
	}
	t.merged = &merged{t: t, cols: t.shape.Key, far: &far{filter: filter, rows: rows, looked: looked}}
	if t.shape.Key == nil {
		t.merged.cols = t.shape.Writable
	}
	for i, kind := range []DoubtKind{doubtMissing, doubtPresent} {
		t.merged.far.doubts[i] = doubt{table: t.name, kind: kind, first: nowhere}
	}
	return true, nil
}

// eachMet hands out a table's entries in order, and how many rows of the snapshot came by for each; and the rows that no entry is for.
func (f *fold) eachMet(t *tableFold, do func(e *spilled, met int64) error, stray func(head string, row []byte) error) error {
	kept := t.merged.far.rows
	rows, err := kept.runs.Read(t.section)
	if err != nil {
		return err
	}
	more := rows.Next()
	// upTo hands out the strays before a key, and counts the rows that have it.
	upTo := func(key []byte) (n int64, again bool, err error) {
		for ; more; more = rows.Next() {
			order := -1 // behind the last entry come only strays
			if key != nil {
				order = bytes.Compare(rows.Key, key)
			}
			if order > 0 {
				return n, again, nil
			}
			head, row, replaces, err := kept.read(rows.Value)
			if err != nil {
				return n, again, err
			}
			if order == 0 {
				n, again = n+1, again || replaces
				continue
			}
			if err := stray(head, row); err != nil {
				return n, again, err
			}
		}
		return n, again, rows.Err()
	}
	var key []byte
	err = f.eachSpilled(t, func(e *spilled) error {
		key = append(binary.BigEndian.AppendUint64(key[:0], e.sort), e.text...)
		n, again, err := upTo(key)
		if err == nil && n > 1 && !again && !e.counts {
			err = fmt.Errorf("the snapshot holds %d rows of one key of table %s", n, t.name)
		}
		if err != nil {
			return err
		}
		return do(e, n)
	})
	if err != nil {
		return err
	}
	_, _, err = upTo(nil)
	return err
}

// farTables prepares all tables on disk for the snapshot's rows.
func (r *runner) farTables(tables map[string]*merged) (*farRows, error) {
	if !r.st.Spilled {
		return nil, nil
	}
	filter, rows := newKeyFilter(r.st.FilterBits), newFarRows(r.o.Spill, r.o.Memory/4)
	for name, t := range r.fold.tables {
		if !r.goesPast(name) {
			continue
		}
		ok, err := r.fold.farTable(t, filter, rows)
		if err != nil {
			return nil, errors.Join(spillError(err), rows.runs.Close())
		}
		if ok {
			tables[name] = t.merged
		}
	}
	return rows, nil
}

// settle holds the rows that went to disk against the entries there: it loads the strays, and notes what is not as the log says.
func (r *runner) settle(ctx context.Context, tables map[string]*merged, rows *farRows) error {
	if err := rows.flush(); err != nil {
		return spillError(err)
	}
	return r.deal(ctx, &baseLoad{stage: settleStage}, func(ctx context.Context, b *baseReader) error {
		for _, name := range slices.Sorted(maps.Keys(tables)) {
			m := tables[name]
			if m.far == nil {
				continue
			}
			err := r.fold.eachMet(m.t, func(e *spilled, met int64) error {
				m.far.note(e, met, m.plain.Load())
				return nil
			}, func(head string, row []byte) error { return b.stray(ctx, name, head, row) })
			if err != nil {
				return spillError(err)
			}
			if err := b.flush(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// note counts an entry whose row was not as the log says. Of one that no row came by for nothing is known where a statement passed unmatched.
func (x *far) note(e *spilled, met int64, plain bool) {
	d, n := &x.doubts[0], int64(1)
	switch {
	case e.counts:
		if n = e.copies.need - met; n <= 0 || plain {
			return
		}
	case met == 0 && plain || e.was == (met > 0):
		return
	case !e.was:
		d = &x.doubts[1]
	}
	d.n += n
	d.first = min(d.first, e.first)
}

// stray adds a row of the snapshot to the open unit.
func (b *baseReader) stray(ctx context.Context, table, head string, row []byte) error {
	if b.open.table != table || b.bytes >= unitBytes {
		if err := b.flush(ctx); err != nil {
			return err
		}
		b.open.table = table
	}
	var last *insert
	if n := len(b.open.texts); n > 0 && b.head == head {
		last = &b.open.texts[n-1]
		last.sql = append(last.sql, ',')
	} else {
		b.open.texts = append(b.open.texts, insert{sql: []byte(head)})
		b.head, last = head, &b.open.texts[n]
	}
	last.sql = append(last.sql, row...)
	b.bytes += len(row)
	return nil
}
