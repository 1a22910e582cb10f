package replay

import (
	"lifeboat/filter"
	"lifeboat/internal/binlog"
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
	if len(p.VoidRanges) > 0 {
		x.undone = p.VoidRanges[tx.Start.String()]
	}
	switch {
	case !p.Stop.IsZero() && tx.Start.Compare(p.Stop) >= 0:
		x.fate, x.stopped = beyond, true
	case p.StartGTIDs.Contains(tx.GTID):
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
	for _, u := range x.undone {
		if it.Pos.Compare(u.From) >= 0 && it.Pos.Compare(u.To) < 0 {
			x.count.Filtered++
			return false
		}
	}
	return true
}
