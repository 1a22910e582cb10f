package replay

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
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
	p       *Plan
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

func (x *pass) begin(it *binlog.Item) {
	p, tx := x.p, it.Tx
	x.tx, x.events = tx.Start, 0
	x.undone = nil
	bases := p.bases()
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
	case p.SkipGTIDs.Contains(tx.GTID), p.skips(tx.Start), len(p.Void) > 0 && p.Void[tx.Start.String()] != "":
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
	if tm := it.Rows.Table; x.parted && tm.Database == x.p.Database && x.p.scope().Has(tm.Database, tm.Table) && x.p.bases().Table(&x.now, tm.Table) {
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
	case !takesEffect(&st, q), !x.p.scope().InScope(&st, q):
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
	held, _ := x.p.bases().Statement(&x.now, x.p.Database, st, q)
	return held
}
