package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/replay/cascade"
	"lifeboat/replay/plan"
)

// walk is one pass over the log for a server: it hands on each event that is to be applied.
type walk struct {
	pass
	r *runner
}

func (w *walk) item(ctx context.Context, it *binlog.Item) error {
	if err := w.one(ctx, it); err != nil {
		return err
	}
	if w.r.reread {
		w.caughtUp(it)
	}
	return nil
}

func (w *walk) one(ctx context.Context, it *binlog.Item) error {
	switch it.Kind {
	case binlog.FileStart:
		w.r.format = it.Format
	case binlog.Begin:
		w.begin(it)
	case binlog.RowChange:
		return w.change(ctx, it)
	case binlog.Statement:
		return w.statement(ctx, it)
	case binlog.Commit, binlog.Rollback, binlog.Prepare:
		w.end(it)
		return w.pause(ctx, w.cursor)
	}
	return nil
}

func (w *walk) change(ctx context.Context, it *binlog.Item) error {
	if !w.rowStep(it) || w.r.reread && w.r.wrote(it.Rows.Table, w.cursor) {
		return nil
	}
	c := &w.r.open
	t, err := w.r.route(ctx, it.Rows.Table)
	if err != nil {
		return err
	}
	if t == nil {
		c.Filtered++
		return nil
	}
	alone, err := w.r.byItself(t, it)
	if err != nil {
		return err
	}
	if alone {
		if t, err = w.moved(ctx, t, it); err != nil {
			return err
		}
	}
	c.Applied++
	if err := w.r.rowEvent(ctx, t, it, w.cursor); err != nil {
		return err
	}
	if alone || t.fold == nil && t.shape.Def.Sequence {
		// What follows is folded, and looks for the rows. A table with a default that draws from a sequence cannot even be looked at as long as
		// the sequence's row is locked.
		w.r.serial.until = w.cursor
		if err := w.r.serial.flush(ctx); err != nil {
			return err
		}
	}
	if w.r.full() {
		if err := w.r.spill(); err != nil {
			return err
		}
	}
	// A transaction of which too much neither fits nor spills is cut here; every other window ends between transactions.
	if t.fold == nil || w.r.ends(true) || w.r.st.To != nil {
		return w.pause(ctx, w.cursor)
	}
	return nil
}

// pause writes the window out when it is full, or when it ends where an earlier run ended it.
func (w *walk) pause(ctx context.Context, at Cursor) error {
	r := w.r
	if err := r.serial.passed(ctx, at); err != nil {
		return err
	}
	if to := r.st.To; to != nil {
		if at.Before(*to) {
			return nil
		}
		if *to != at {
			return fmt.Errorf("the log has changed: an earlier run ended a window at %s, which is no longer between two events", to)
		}
		return r.flush(ctx, at)
	}
	if r.st.Apart == nil && r.ends(false) {
		return r.flush(ctx, at)
	}
	return nil
}

// route is where the changes of one table go.
type route struct {
	name     string
	fold     *tableFold // nil: the serial lane
	shape    *target.Shape
	cascades trigger
	filtered bool
}

// route finds or makes the route of a table map; nil means that its rows are not wanted.
func (r *runner) route(ctx context.Context, tm *binlog.TableMap) (*route, error) {
	if t, ok := r.routes[tm]; ok {
		if t.filtered {
			return nil, nil
		}
		return t, nil
	}
	t := &route{name: tm.Table}
	if tm.Database != r.p.Database || !r.wants(tm.Table) {
		t.filtered = true
		r.routes[tm] = t
		return nil, nil
	}
	def, err := r.define(ctx, tm.Table)
	if err != nil {
		return nil, err
	}
	if def == nil {
		t.filtered = true
		r.routes[tm] = t
		return nil, nil
	}
	if def.SystemVersioned {
		return nil, fmt.Errorf("%w: table %s is system-versioned, and its history cannot be replayed yet; leave it out with --exclude-table %s", plan.ErrInexact, def.Name, def.Name)
	}
	if t.shape, err = target.NewShape(def, tm); err != nil {
		return nil, err
	}
	if err := r.timestampsAgree(def, tm); err != nil {
		return nil, err
	}
	if err := r.loadForeignKeys(ctx); err != nil {
		return nil, err
	}
	parent := r.fks.parents[tm.Table]
	t.cascades = parent.of(def)
	why, along, partial := r.serialReason(tm.Table, def, t.shape.Key != nil), r.fks.along.Has(tm.Table), r.p.InPart(tm.Table)
	if why != "" || along || partial {
		if err := r.serialBase(ctx); err != nil {
			return nil, err
		}
	}
	if why != "" {
		if r.st.Lanes.get(tm.Table) != why {
			r.st.Lanes.set(tm.Table, why)
		}
		if r.result.Resumed && !strings.EqualFold(def.Engine, "InnoDB") {
			r.incomplete("table %s is of engine %s, which has no transactions: its changes around the stop may have been made twice", def.Name, def.Engine)
		}
	} else if old := r.fold.tables[tm.Table]; old != nil && old.tm == nil {
		if !old.shape.SameKey(t.shape) {
			return nil, &unfit{tm.Table, "the log has its key otherwise than the target"}
		}
		old.adopt(t.shape, tm)
		t.fold = old
	} else if old != nil {
		if string(old.tm.Types) != string(tm.Types) || fmt.Sprint(old.tm.Meta) != fmt.Sprint(tm.Meta) {
			return nil, fmt.Errorf("%w: the columns of %s change here, and the log has no statement that changed them", target.ErrShape, tm.Table)
		}
		t.fold = old
	} else {
		if t.shape.Key == nil {
			if err := r.p.Countable(tm.Table); err != nil {
				return nil, err
			}
		}
		t.fold = r.fold.table(tm.Table, t.shape, tm)
		t.fold.twice = r.st.From.Events > 0 && cascade.MayGoTwice(def)
	}
	if t.fold != nil && along {
		if err := r.formed(t.fold); err != nil {
			return nil, err
		}
		r.bind(t.fold)
	}
	if t.fold != nil && partial {
		r.foldInPart(t.fold)
	}
	r.routes[tm] = t
	return t, nil
}

// incomplete notes once what the result cannot be trusted for.
func (r *runner) incomplete(format string, args ...any) {
	if line := fmt.Sprintf(format, args...); !slices.Contains(r.result.Incomplete, line) {
		r.result.Incomplete = append(r.result.Incomplete, line)
		r.st.Said = append(r.st.Said, line)
	}
}

// define reads a table's definition from the target, once between two DDL statements. It is nil for a
// table that the plan knows to have no base.
func (r *runner) define(ctx context.Context, name string) (*schema.Table, error) {
	if def, ok := r.defs[name]; ok {
		return def, nil
	}
	def, err := r.srv.Table(ctx, r.p.Into, name)
	if err != nil {
		return nil, err
	}
	if def == nil && !r.p.MayMiss(name) {
		return nil, fmt.Errorf("table %s has rows here, but does not exist on the target: neither the snapshot nor the log made it; leave it out with --exclude-table %s", name, name)
	}
	if r.defs == nil {
		r.defs = map[string]*schema.Table{}
	}
	r.defs[name] = def
	return def, nil
}

func (r *runner) serialReason(name string, def *schema.Table, keyed bool) string {
	why := r.ownReason(name, def, keyed)
	if why == "" {
		why = r.fks.serial[name]
	}
	if why == "" && r.st.Serial {
		why = "asked for"
	}
	return why
}

// ownReason says why a table does not fold, whatever refers to it.
func (r *runner) ownReason(name string, def *schema.Table, keyed bool) string {
	switch {
	case def.Sequence:
		return plan.ASequence
	case plan.KeyReason(def, keyed) != "":
		return plan.KeyReason(def, keyed)
	case r.p.Diffs(name):
		return plan.JSONDiffs
	case r.p.InPart(name):
		return r.partReason(def)
	}
	return ""
}

// rowEvent hands on every row of an event.
func (r *runner) rowEvent(ctx context.Context, t *route, it *binlog.Item, at Cursor) error {
	rows := it.Rows
	r.st.Altered.remove(t.name)
	if len(rows.Data) == 0 {
		r.incomplete("table %s: the rows inserted at %s, the first of their kind, have no column in the log (binlog_row_image is not FULL), and how many there are is not in it either", t.name, it.Pos)
	}
	replaced := t.fold == nil && rows.Kind == binlog.Update && !rows.AllColumns() && r.replaced(t, it)
	if t.fold == nil && r.serial.seen(at) {
		defer r.serial.ended(rows)
		return r.countRows(t, rows)
	}
	if t.fold != nil && t.fold.part == nil && (!rows.AllColumns() || rows.Partial) {
		return fmt.Errorf("%w: an incomplete row image of table %s, which the plan did not expect", target.ErrShape, t.name)
	}
	if t.fold == nil && !rows.AllColumns() {
		if err := r.serial.clock(ctx, it.Time); err != nil {
			return err
		}
	}
	n, at0 := r.open.table(t.name), r.places.of(it.Pos)
	r.rows.Reset(rows)
	for {
		more, err := r.rows.Next()
		if err != nil {
			return &binlog.ReadError{Pos: it.Pos, Kind: kindOf(err), Detail: err.Error()}
		}
		if !more {
			r.serial.ended(rows)
			return nil
		}
		n.count(rows.Kind, 1)
		r.sample(t, rows.Kind, rows, &r.rows)
		if t.fold != nil {
			if err := r.addRow(ctx, t, rows, at0); err != nil {
				return err
			}
		} else if err := r.serial.change(ctx, t.shape, rows, &r.rows, at0, &t.cascades, replaced); err != nil {
			return err
		}
	}
}

// addRow folds a row change.
func (r *runner) addRow(ctx context.Context, t *route, rows *binlog.Rows, at place) error {
	if t.fold.holders != nil {
		return r.addAlong(ctx, t, rows, at)
	}
	return r.addAlone(t.fold, rows, at)
}

// addAlone folds it as if no foreign key looked at it.
func (r *runner) addAlone(t *tableFold, rows *binlog.Rows, at place) error {
	if t.part != nil {
		return r.fold.addPart(t, rows, &r.rows, at)
	}
	r.fold.add(t, rows.Kind, &r.rows, at)
	return nil
}

func kindOf(err error) error {
	if errors.Is(err, binlog.ErrUnsupported) {
		return binlog.ErrUnsupported
	}
	return binlog.ErrCorrupt
}

// countRows keeps the account right for an event that an earlier run has written.
func (r *runner) countRows(t *route, rows *binlog.Rows) error {
	n := r.open.table(t.name)
	r.rows.Reset(rows)
	for {
		more, err := r.rows.Next()
		if err != nil || !more {
			return err
		}
		r.serial.note(t.shape, rows, &r.rows)
		n.count(rows.Kind, 1)
	}
}
