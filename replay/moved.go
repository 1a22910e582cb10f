package replay

import (
	"context"

	"lifeboat/internal/binlog"
)

// A foreign key with an action ON UPDATE changes child rows where a parent's row gets another value to refer to, which few updates do. Such a
// parent folds all the same: an update that does is a window's end, as a DDL statement is, and is made by itself, by the session of the
// serial lane with checks on, over rows that are all as they were at its place. The serial lane's mark tells whether it was made.

// mostMoves is how many such updates a table may have before it takes the serial lane with its children: each costs a window.
const mostMoves = 64

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
		if r.st.Moved.get(t.name) == mostMoves {
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
		if err != nil || !more {
			alone := *t
			alone.fold = nil
			return &alone, err
		}
		t.fold.counter(&r.rows.New)
	}
}
