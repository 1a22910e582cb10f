package replay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// A restore onto a fresh target merges the snapshot with the log's first window: the tables are made, the window is folded, and only
// then the snapshot's rows go past the fold to the target. One that the fold does not know passes, one that was changed is replaced by
// its last image, one that is gone is dropped, and what the fold holds beyond them follows as the rest of the window. So
// each row is written once.
//
// Invariant: a statement of the snapshot is either matched whole or passes as it is, and which of the two depends on
// it and the fold alone. So a resumed restore, which reads the stretch again, comes to the same split, and what earlier runs have
// written is matched again and not written. Where one passed that could not be matched, the table's entries that no row came by for are
// written in the phases of a window, as over a base that was there before.

// merged is one table's fold while the snapshot's rows go past it.
type merged struct {
	t     *tableFold
	index *dumpIndex
	cols  []int           // of a row that it is known by
	met   []atomic.Uint32 // what became of each entry
	plain atomic.Bool     // a statement passed unmatched
	// Of a table without a key: which entry has the index's n-th row, and how many rows of each came by and were dropped. Each of them is: so it
	// makes no difference in which order they come, nor whether in this run or an earlier one.
	of   []uint32
	came []atomic.Int64
	far  *far // of a table whose entries are on disk; nil: they are in memory
}

// What becomes of an entry while the snapshot goes by.
const (
	unmet   uint32 = iota // no row of its key came by
	settled               // its row was dropped for good, or its last image written in its place
	pending               // its row was dropped, and its last image is still to be written
)

// mergeTable prepares a table's fold to be met, and reports false where keys of a dump's text and of the log cannot be told to be
// the same.
func mergeTable(t *tableFold) bool {
	if plan.Unmergeable(t.shape.Def) != "" {
		return false
	}
	t.index = keyIndex{} // by raw bytes: the window is read
	m := &merged{t: t, cols: t.shape.Key}
	var err error
	if m.cols != nil {
		m.index, err = t.canonical()
		m.met = make([]atomic.Uint32, len(t.entries))
	} else {
		m.cols = t.shape.Writable
		m.index, m.of, err = t.canonicalRows()
		m.came = make([]atomic.Int64, len(t.entries))
	}
	if err != nil {
		return false
	}
	t.merged = m
	return true
}

// canonical makes the entries known by their key's canonical form, in which a dump's text names them too.
func (t *tableFold) canonical() (*dumpIndex, error) {
	const usual = 8 // bytes of a key
	index := newDumpIndex(len(t.entries), usual)
	var cols [][]byte
	var key []byte
	var err error
	for i := range t.entries {
		if cols, err = t.cutKey(t.entries[i].key, cols); err != nil {
			return nil, err
		}
		key = key[:0]
		for k, c := range t.shape.Key {
			if key, err = t.shape.Columns[c].AppendCanonical(key, cols[k]); err != nil {
				return nil, err
			}
		}
		if !index.add(key) {
			return nil, fmt.Errorf("two keys of table %s read the same in a dump", t.name)
		}
	}
	return index, nil
}

// empty reports that no row can be met.
func (m *merged) empty() bool {
	if m.far != nil {
		return !m.far.looked
	}
	return m.index.len() == 0
}

// state is what became of an entry, unmet where it says nothing of the table.
func (m *merged) state(i int) (state uint32, known bool) {
	state = m.met[i].Load()
	return state, state != unmet || !m.plain.Load()
}

// doubts are the rows that the snapshot has and should not, or should have and does not.
func (m *merged) doubts() []doubt {
	if m.far != nil {
		return m.far.doubts[:]
	}
	if m.t.shape.Key == nil {
		return m.copyDoubts()
	}
	missing := doubt{table: m.t.name, kind: doubtMissing, first: nowhere}
	present := doubt{table: m.t.name, kind: doubtPresent, first: nowhere}
	for i := range m.t.entries {
		state, known := m.state(i)
		if !known {
			continue // the phases of the window look it up
		}
		e := &m.t.entries[i]
		d := &missing
		if !e.was {
			d = &present
		}
		if e.was == (state == unmet) {
			d.n++
			d.first = min(d.first, e.first)
		}
	}
	return []doubt{missing, present}
}

// mergeable reports whether the snapshot can wait for the log's first window.
func mergeable(p *plan.Plan, src Source, o *Options) bool {
	return !o.BaseFirst && !o.Serial && p.Exact && !p.BaseLoaded && !p.Start.IsZero() && src.Snapshot != nil
}

// makeTables makes everything of the snapshot that is no row, before its rows. It reports false, and has made nothing, where a statement
// behind a table's rows might speak of them.
func (r *runner) makeTables(ctx context.Context) (bool, error) {
	var list []snapshot.Statement
	rows, mixed := false, false
	err := r.src.Snapshot.Statements(ctx, r.p.Database, func(s snapshot.Statement) error {
		if s.Part == snapshot.PartRows {
			rows = true
			return nil
		}
		if s.Part == snapshot.PartOther && rows {
			mixed = true
		}
		s.SQL = slices.Clone(s.SQL)
		list = append(list, s)
		return nil
	})
	if err != nil || mixed {
		return false, err
	}
	b := &baseReader{r: r}
	for _, s := range list {
		if err := b.other(ctx, s); err != nil {
			return false, err
		}
	}
	return true, nil
}

// serialBase loads the rows of the tables of the serial lane, whose changes are made as they are read, and of those whose rows are looked up as it is read:
// before the first of them.
func (r *runner) serialBase(ctx context.Context) error {
	if r.st.Phase != phaseMerge || r.st.SerialLoaded {
		return nil
	}
	serial := map[string]bool{}
	for _, t := range r.src.Snapshot.Index().Tables {
		if t.DB != r.p.Database && !r.src.Snapshot.Index().Nameless || t.View || t.Rows == 0 || !r.wants(t.Name) {
			continue
		}
		is, err := r.serialTable(ctx, t.Name)
		if err != nil {
			return err
		}
		if is {
			serial[t.Name] = true
		}
	}
	if len(serial) > 0 {
		if err := r.pour(ctx, &baseLoad{stage: serialBaseStage, rows: func(table string) bool { return serial[table] }}); err != nil {
			return err
		}
	}
	for name := range serial {
		r.st.SerialBase.set(name, true)
	}
	r.st.SerialLoaded = true
	return r.cp.save(ctx, r.st)
}

// serialTable reports whether a table's rows do not wait for the end of the window.
func (r *runner) serialTable(ctx context.Context, name string) (bool, error) {
	def, err := r.define(ctx, name)
	if err != nil || def == nil {
		return false, err
	}
	_, keyed := def.RowKey()
	return r.fks.along.Has(name) || r.p.InPart(name) || r.serialReason(name, def, keyed) != "", nil
}

// merge sends the snapshot's rows past the fold.
func (r *runner) merge(ctx context.Context) error {
	at := r.at
	r.progress(func(p *Progress) {
		*p = Progress{Phase: "load base", Unit: "bytes", Total: r.src.Snapshot.Index().Size}
	})
	tables := map[string]*merged{}
	for name, t := range r.fold.tables {
		if !r.st.Spilled && r.goesPast(name) && mergeTable(t) {
			tables[name] = t.merged
		}
	}
	rows, err := r.farTables(tables)
	if err != nil {
		return err
	}
	if rows != nil {
		r.far = rows.runs
	}
	load := &baseLoad{stage: mergeStage, merged: tables, rows: func(table string) bool {
		return r.wants(table) && !r.st.SerialBase.has(table)
	}}
	if err := r.pour(ctx, load); err != nil {
		return err
	}
	if rows != nil {
		if err := r.settle(ctx, tables, rows); err != nil {
			return err
		}
	}
	at.Phase = "replay log"
	r.progress(func(p *Progress) { *p = at })
	return r.mergeDoubts(ctx, tables)
}

// goesPast reports that of a table of the fold no row is on the target yet: the snapshot has them, or nobody.
func (r *runner) goesPast(name string) bool {
	return !r.st.Reached.has(name) && !r.st.SerialBase.has(name) && !r.otherCase(name)
}

// otherCase reports that the snapshot may name a table otherwise than the log does, where a server keeps names without their case.
func (r *runner) otherCase(name string) bool {
	return slices.ContainsFunc(r.src.Snapshot.Index().Tables, func(t snapshot.Table) bool { return t.Name != name && strings.EqualFold(t.Name, name) })
}

// mergeDoubts notes what the merge found. It is the same whenever it is found, so it replaces what an earlier run noted.
func (r *runner) mergeDoubts(ctx context.Context, tables map[string]*merged) error {
	c := r.ddl
	if err := c.Begin(ctx); err != nil {
		return err
	}
	if err := c.Exec(ctx, fmt.Sprintf("DELETE FROM %s.doubt WHERE db = %s AND lane = %d", checkpointDB, target.Quote(r.p.Into), mergeLane)); err != nil {
		return err
	}
	for _, m := range tables {
		if err := writeDoubts(ctx, c, r.p.Into, mergeLane, m.doubts()); err != nil {
			return err
		}
	}
	return c.Commit(ctx)
}

// insertColumns are the columns that the values of an INSERT are for; nil where it does not name one that is there.
func insertColumns(def *schema.Table, names []string) (out []int) {
	if names == nil {
		for i := range def.Columns {
			if !def.Columns[i].Invisible {
				out = append(out, i)
			}
		}
		return out
	}
	for _, n := range names {
		i := def.ColumnNumber(n)
		if i < 0 {
			return nil
		}
		out = append(out, i)
	}
	return out
}
