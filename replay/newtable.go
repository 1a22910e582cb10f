package replay

import (
	"context"
	"fmt"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/replay/plan"
)

// A CREATE TABLE that reads no other table concerns no row that the open window holds: it runs at its place, and the window goes on.
//
// Invariant: a mark says where the last such statement is, written when the table was not there and before the statement runs. Behind the window's
// beginning, and behind State.Done, no other statement has made, dropped or renamed a table. So a table that a resumed restore finds, coming to a statement that is not
// behind the mark, is the one that it made; one that it finds at a statement behind the mark is not, and the statement fails as it should.

// makes names the one table that a statement makes out of nothing; "" where the window has to end. Over a base of unknown date the table may be there.
func makes(p *plan.Plan, st *schema.Statement, q *binlog.Query) string {
	if st.Verb != schema.CreateTable || st.OrReplace || !p.Exact || filter.Failed(st, q) {
		return ""
	}
	all := filter.Touched(st, q)
	if len(all) != 1 || all[0].Kind != schema.KindTable || all[0].Role != schema.Target || all[0].DB != p.Database {
		return "" // a foreign key decides the lanes of other tables
	}
	if p.MayMiss(all[0].Name) {
		return "" // rows of it came before, and were left out for want of the table
	}
	return all[0].Name
}

func (r *runner) newTable(ctx context.Context, st *schema.Statement, q *binlog.Query, name string, text []byte, set []string, at Cursor) error {
	create, err := r.srv.ShowCreate(ctx, r.p.Into, name)
	if err != nil {
		return err
	}
	there, tried := create != "", !r.made.at.IsZero() && !r.made.at.Before(at)
	if !there && !tried {
		r.made.at = at
		if err := writeMark(ctx, r.cp.c, r.p.Into, makingLane, r.made); err != nil {
			return fmt.Errorf("writing the checkpoint: %w", err)
		}
	}
	if !there || !tried {
		if err := r.execDDL(ctx, st, q, text, set); err != nil {
			return fmt.Errorf("%s: %w", filter.Excerpt(q.SQL, 100), err)
		}
	}
	if err := r.reopen(ctx, st, q); err != nil {
		return err
	}
	delete(r.defs, name)
	for tm, t := range r.routes {
		if t.name == name && t.filtered { // it was not there until now
			delete(r.routes, tm)
		}
	}
	return nil
}
