package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/replay/plan"
)

// fate is what becomes of a transaction's changes, decided when it begins.
type fate uint8

const (
	apply fate = iota
	inBase
	leftOut // by the user, or because it had no effect
	beyond  // from the stop point on
)

// pass is one reading of a plan's stretch of log, whatever the rows are for: it decides each event's fate
// and accounts for it.
type pass struct {
	p       *plan.Plan
	count   *Counts
	skip    int // events of the first transaction that an earlier run has applied
	fate    fate
	parted  bool               // some of several backups hold the transaction
	now     binlog.Transaction // at hand, where it is parted
	undone  []filter.Range
	events  int // of the transaction so far
	tx      binlog.Position
	cursor  Cursor // after the last event or transaction
	stopped bool
}

// read hands out what the log has from a position on, until the pass is at its end, and reports now and then how far into the plan's stretch that is, in bytes.
func (x *pass) read(ctx context.Context, src Source, from binlog.Position, report func(done, total int64, at binlog.Position), item func(*binlog.Item) error) error {
	rd, err := binlog.Open(ctx, src.Files, from, binlog.ReadOptions{LowerNames: x.p.LowerNames})
	if err != nil {
		return err
	}
	defer rd.Close()
	total, start := span(x.p, src)
	for n := 0; !x.stopped; n++ {
		it, err := rd.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n%2048 == 0 {
			report(start[it.Pos.File]+int64(it.Pos.Offset), total, it.Pos)
		}
		if err := item(&it); err != nil {
			return located(it.Pos, err)
		}
	}
	return nil
}

func (x *pass) begin(it *binlog.Item) {
	p, tx := x.p, it.Tx
	x.tx, x.events = tx.Start, 0
	x.undone = nil
	bases := p.Held()
	if x.parted = bases.Parts(tx); x.parted {
		x.now = *tx
	}
	if len(p.VoidRanges) > 0 {
		x.undone = p.VoidRanges[tx.Start.String()]
	}
	switch {
	case !p.Stop.IsZero() && tx.Start.Compare(p.Stop) >= 0:
		x.fate, x.stopped = beyond, true
	case p.StartGTIDs.Contains(tx.GTID), bases.All(tx):
		x.fate = inBase
	case p.Skips(tx.Start, tx.GTID), len(p.Void) > 0 && p.Void[tx.Start.String()] != "":
		x.fate = leftOut
	default:
		x.fate = apply
	}
}

// end closes a transaction.
func (x *pass) end(it *binlog.Item) {
	x.events, x.skip = 0, 0
	x.cursor = Cursor{Position: it.End}
	// What lies behind the stop point may be damaged: do not even read it.
	x.stopped = x.stopped || !x.p.Stop.IsZero() && it.End.Compare(x.p.Stop) >= 0
}

// step counts one event and reports whether it is still to be applied; the cursor moves past it.
func (x *pass) step() (todo bool) {
	x.events++
	if x.events <= x.skip || x.stopped {
		return false
	}
	x.cursor = Cursor{Position: x.tx, Events: x.events}
	c := x.count
	c.Read++
	switch x.fate {
	case inBase:
		c.InBase++
		return false
	case leftOut:
		c.Filtered++
		return false
	case beyond:
		c.OutOfBounds++
		return false
	}
	return true
}

// rowStep is step for a row event, which a ROLLBACK TO may have undone.
func (x *pass) rowStep(it *binlog.Item) (todo bool) {
	if !x.step() {
		return false
	}
	if tm := it.Rows.Table; x.parted && tm.Database == x.p.Database && x.p.Scope().Has(tm.Database, tm.Table) && x.p.Held().Table(&x.now, tm.Table) {
		x.count.InBase++
		return false
	}
	for _, u := range x.undone {
		if it.Pos.Compare(u.From) >= 0 && it.Pos.Compare(u.To) < 0 {
			x.count.Filtered++
			return false
		}
	}
	return true
}

// meaning accounts for a logged statement and reads it. It is nil if nothing is to be done: the statement is not to
// be applied, had no effect, or is no DDL of the database.
func (x *pass) meaning(it *binlog.Item, format *binlog.Format) (*schema.Statement, error) {
	if !x.step() {
		return nil, nil
	}
	st, q, err := filter.Understood(it.Query, format)
	it.Query = q
	if err == nil && st.Undecoded() {
		err = fmt.Errorf("a name in a character set that lifeboat does not read: %s", filter.Excerpt(q.SQL, 80))
	}
	switch {
	case err != nil:
		if x.mayConcern(q) && !x.p.AllowIncomplete {
			return nil, fmt.Errorf("%w; stop before it, skip its transaction, or leave it out with --allow-incomplete", err)
		}
	case !takesEffect(&st, q), !x.p.Scope().InScope(&st, q):
	case x.parted && x.heldBack(&st, q):
		x.count.InBase++
		return nil, nil
	case st.Verb.IsDML():
		if !x.p.AllowIncomplete && !slices.Contains(x.p.Temporary, it.Pos) {
			return nil, fmt.Errorf("a change logged as a statement, not as rows: %s", filter.Excerpt(q.SQL, 100))
		}
	case st.Verb.IsDDL():
		return &st, nil
	}
	x.count.Filtered++
	return nil, nil
}

// mayConcern reports that a statement that could not be read may be about the database.
func (x *pass) mayConcern(q *binlog.Query) bool {
	db := x.p.Database
	return q.Database == db || strings.Contains(string(q.SQL), db) || slices.Contains(q.Vars.UpdatedDBs, db)
}

// heldBack reports a statement that the backups of what it is about hold already.
func (x *pass) heldBack(st *schema.Statement, q *binlog.Query) bool {
	held, _ := x.p.Held().Statement(&x.now, x.p.Database, st, q)
	return held
}

// located adds the place in the log to an error that does not name one.
func located(pos binlog.Position, err error) error {
	var at *binlog.ReadError
	if errors.As(err, &at) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("at %s: %w", pos, err)
}

// span is the number of bytes of log to read, and the offset of the start in its file.
func span(p *plan.Plan, src Source) (total int64, start map[string]int64) {
	start = map[string]int64{}
	for i, f := range src.Files {
		if binlog.CompareNames(f.Name(), p.Start.File) < 0 {
			continue
		}
		if !p.Stop.IsZero() && binlog.CompareNames(f.Name(), p.Stop.File) > 0 {
			break
		}
		start[f.Name()] = total
		if f.Name() == p.Stop.File {
			total += int64(p.Stop.Offset)
		} else {
			total += src.Sizes[i]
		}
	}
	return total, start
}
