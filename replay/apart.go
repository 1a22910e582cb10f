package replay

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// A statement about tables that no foreign key ties to others ends the window of those tables alone: their rows up to it are written, as a window
// of their own, or forgotten where the statement takes them all; then it runs, and what the fold holds of other tables waits on.
//
// Invariant: statements, and the account, are done up to State.Done; of a table in State.Reached the rows are, too, up to there; of all others
// the rows are done up to State.From, and no statement in between concerns them. So a restore that goes on reads from From, passes over the
// statements before Done and over those rows, and comes to the fold that it had.

// Apart is a window of some tables that is being written at a statement's place.
type Apart struct {
	Tables []string
	To     Cursor
}

// apart names the tables whose window a statement ends; nil: that of all.
func (r *runner) apart(ctx context.Context, st *schema.Statement, q *binlog.Query) ([]string, error) {
	if r.st.Apart != nil {
		return r.st.Apart.Tables, nil
	}
	switch st.Verb {
	case schema.AlterTable, schema.DropTable, schema.TruncateTable, schema.RenameTable, schema.CreateTable, schema.CreateTableLike, schema.CreateIndex, schema.DropIndex:
	default:
		return nil, nil
	}
	if !r.p.Exact || r.st.To != nil || r.fold.spill != nil {
		return nil, nil
	}
	if err := r.loadForeignKeys(ctx); err != nil {
		return nil, err
	}
	var names []string
	for _, o := range filter.Touched(st, q) {
		if alone, err := r.alone(ctx, &o); err != nil || !alone {
			return nil, err
		}
		if o.Role != schema.Like {
			names = append(names, o.Name)
		}
	}
	waits := r.st.Phase == phaseMerge // the snapshot's rows do
	for n := range r.fold.tables {
		waits = waits || !slices.Contains(names, n) || emptied(st, q)
	}
	if !waits {
		return nil, nil
	}
	return names, nil
}

// alone reports an object of which the open window holds nothing that hangs on anything else.
func (r *runner) alone(ctx context.Context, o *schema.Object) (bool, error) {
	switch o.Role {
	case schema.Target, schema.RenameFrom, schema.RenameTo, schema.Like:
	default:
		return false, nil
	}
	if o.Kind != schema.KindTable || o.DB != r.p.Database || r.fks.tied[strings.ToLower(o.Name)] {
		return false, nil
	}
	for n := range r.st.Created.all() {
		if r.st.Phase == phaseMerge && strings.EqualFold(n, o.Name) {
			return false, nil // its rows in the snapshot wait for the window's end, and so may its indexes
		}
	}
	otherCase := func(n string) bool { return n != o.Name && strings.EqualFold(n, o.Name) } // what that means is the server's to say
	for n := range r.fold.tables {
		if otherCase(n) {
			return false, nil
		}
	}
	for _, t := range r.routes {
		if otherCase(t.name) {
			return false, nil
		}
	}
	if !r.srv.MariaDB {
		return true, nil
	}
	def, known := r.defs[o.Name]
	if !known {
		var err error
		if def, err = r.srv.Table(ctx, r.p.Into, o.Name); err != nil {
			return false, err
		}
	}
	return def == nil || !def.Sequence, nil // defaults may draw from a sequence
}

// emptied reports a statement behind which no row of its tables is left.
func emptied(st *schema.Statement, q *binlog.Query) bool {
	return (st.Verb == schema.TruncateTable || st.Verb == schema.DropTable) && q.ErrorCode == 0
}

// flushApart writes what the window holds of some tables, or forgets it, and moves the checkpoint's account to the cursor.
func (r *runner) flushApart(ctx context.Context, names []string, to Cursor, forget bool) error {
	if at := r.st.Apart; at != nil && at.To != to {
		return fmt.Errorf("the log has changed: an earlier run wrote rows up to a statement at %s, which is no longer there", at.To)
	}
	if err := r.serial.flush(ctx); err != nil {
		return err
	}
	part := newFold()
	for _, n := range names {
		if t := r.fold.tables[n]; t != nil {
			part.tables[n] = t
		}
	}
	if len(part.tables) > 0 && !forget {
		if r.st.Apart == nil {
			r.st.Window++
			r.st.Apart = &Apart{Tables: names, To: to}
			if err := r.cp.save(ctx, r.st); err != nil {
				return err
			}
		}
		r.progress(func(p *Progress) { p.Window = r.st.Window })
		if err := r.write(ctx, part, apartStage-int64(r.st.Window)); err != nil {
			return err
		}
	}
	for n, t := range part.tables {
		r.fold.bytes -= t.held()
		delete(r.fold.tables, n)
	}
	r.countOpen()
	r.st.keepPrograms(r.programs.list)
	r.st.Apart = nil
	r.passed(names, to)
	return nil
}

// passed says that statements are done up to the cursor, and so are the rows of some tables.
func (r *runner) passed(names []string, to Cursor) {
	r.st.Done = to
	for _, n := range names {
		r.st.Reached.set(n, to)
		delete(r.defs, n)
	}
	for tm, t := range r.routes {
		if slices.Contains(names, t.name) {
			delete(r.routes, tm)
		}
	}
}

// countOpen joins the account of what was read, unless an earlier run has.
func (r *runner) countOpen() {
	if !r.reread {
		r.st.count(&r.open)
	}
	r.open = Counts{}
}

// caughtUp ends the reading of what was counted before.
func (w *walk) caughtUp(it *binlog.Item) {
	at := w.cursor
	if it.Kind == binlog.Begin {
		at = Cursor{Position: w.tx}
	}
	if !w.r.again(at) {
		w.r.reread, w.r.open = false, Counts{}
	}
}

// again reports that the log up to the cursor is read once more: its statements, and its account, are done.
func (r *runner) again(at Cursor) bool { return at.Before(r.st.Done) }

// wrote reports that an earlier run has written a table's rows up to the cursor, apart from the others'.
func (r *runner) wrote(tm *binlog.TableMap, at Cursor) bool {
	return tm.Database == r.p.Database && r.st.Reached.has(tm.Table) && !r.st.Reached.get(tm.Table).Before(at)
}
