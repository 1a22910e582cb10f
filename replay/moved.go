package replay

import (
	"context"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/replay/plan"
)

// A foreign key with an action ON UPDATE changes child rows where a parent's row gets another value to refer to, which few updates do. Such a
// parent folds all the same: an update that does is a window's end, as a DDL statement is, and is made by itself, by the session of the
// serial lane with checks on, over rows that are all as they were at its place. The serial lane's mark tells whether it was made.

// leastMoves is how many such updates a table may have in any case before it takes the serial lane with its children, and movedAmong of how many changes
// one may be such: each costs a window, which takes about as long as so many changes in the serial lane.
const (
	leastMoves = 64
	movedAmong = 200
)

// mostMoves is how many a table may have.
func mostMoves(p *plan.Plan, table string) int {
	changes := int64(0)
	for i := range p.Routes {
		if t := &p.Routes[i]; strings.EqualFold(t.Name, table) {
			changes += t.Inserted + t.Updated + t.Deleted
		}
	}
	return max(leastMoves, int(changes/movedAmong))
}

// setsOff reports an update of a folded table that sets off a foreign key's action.
func (r *runner) setsOff(t *route, it *binlog.Item) (bool, error) {
	if t.fold == nil || len(t.cascades.moves) == 0 || it.Rows.Kind != binlog.Update {
		return false, nil
	}
	r.rows.Reset(it.Rows)
	for {
		more, err := r.rows.Next()
		if err != nil {
			return false, &binlog.ReadError{Pos: it.Pos, Kind: kindOf(err), Detail: err.Error()}
		}
		if !more || t.cascades.by(it.Rows, &r.rows) {
			return more, nil
		}
	}
}

// byItself reports an event of a folded table that is made by itself.
func (r *runner) byItself(t *route, it *binlog.Item) (bool, error) {
	if t.fold == nil || t.fold.part == nil {
		return r.setsOff(t, it)
	}
	if r.format.MariaDB && it.Rows.Kind == binlog.Update && !it.Rows.AllColumns() && r.replaced(t, it) {
		return true, nil
	}
	takes, err := t.fold.takes(it.Rows, &r.rows)
	if err != nil {
		return false, &binlog.ReadError{Pos: it.Pos, Kind: kindOf(err), Detail: err.Error()}
	}
	if !takes {
		return true, nil
	}
	return r.setsOff(t, it)
}

// moved ends the window before the event at hand, and gives the route by which the event goes.
func (w *walk) moved(ctx context.Context, t *route, it *binlog.Item) (*route, error) {
	r := w.r
	before := Cursor{Position: w.tx, Events: w.events - 1}
	if r.st.From != before || r.st.Phase == phaseMerge {
		r.open.Read-- // it was counted, and belongs behind the window
		r.moving = t.name
		if err := r.flush(ctx, before); err != nil {
			return nil, err
		}
		r.moving = ""
		r.open.Read++
		if r.st.Moved.get(t.name) == mostMoves(r.p, t.name) {
			r.fks = nil
		}
	}
	t, err := r.route(ctx, it.Rows.Table)
	if err != nil || t.fold == nil {
		return t, err
	}
	r.rows.Reset(it.Rows)
	for {
		more, err := r.rows.Next()
		if err != nil || !more || it.Rows.Kind == binlog.Delete {
			alone := *t
			alone.fold = nil
			return &alone, err
		}
		t.fold.counter(&r.rows.New)
	}
}
