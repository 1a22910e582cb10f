package replay

import "lifeboat/internal/binlog"

// Counts is the account of what was read: every event that changes something is in exactly one of the
// fields after Read.
type Counts struct {
	Read        int64 // row events and statements of the stretch read
	Applied     int64
	InBase      int64
	Filtered    int64 // out of scope, left out by the user, or without effect
	OutOfBounds int64

	Rows     map[string]*RowCounts // row changes applied, by table
	BaseRows int64
	Written  int64 // rows written by windows
	Orphans  int64 // rows that the log changes and that were not there
	Present  int64 // rows that the log inserts and that were there
	Repairs  int64 // rows that gave way to a unique value the log put elsewhere
}

// RowCounts counts a table's row changes that were applied, and what the fold made of them: rows written
// and rows taken out.
type RowCounts struct{ Inserted, Updated, Deleted, Upserts, Removed int64 }

// add joins the account of a further stretch.
func (c *Counts) add(o *Counts) {
	c.Read += o.Read
	c.Applied += o.Applied
	c.InBase += o.InBase
	c.Filtered += o.Filtered
	c.OutOfBounds += o.OutOfBounds
	c.BaseRows += o.BaseRows
	c.Written += o.Written
	if c.Rows == nil {
		c.Rows = map[string]*RowCounts{}
	}
	for name, n := range o.Rows {
		have := c.Rows[name]
		if have == nil {
			have = &RowCounts{}
			c.Rows[name] = have
		}
		have.add(n)
	}
}

func (n *RowCounts) add(o *RowCounts) {
	n.Inserted += o.Inserted
	n.Updated += o.Updated
	n.Deleted += o.Deleted
	n.Upserts += o.Upserts
	n.Removed += o.Removed
}

// Closes reports whether the account's sum is right.
func (c *Counts) Closes() bool { return c.Read == c.Applied+c.InBase+c.Filtered+c.OutOfBounds }

func (c *Counts) table(name string) *RowCounts {
	if c.Rows == nil {
		c.Rows = map[string]*RowCounts{}
	}
	n := c.Rows[name]
	if n == nil {
		n = &RowCounts{}
		c.Rows[name] = n
	}
	return n
}

// written counts what a window wrote of a table: the rows that are there behind it, and those that are not.
func (n *RowCounts) written(t *tableFold) {
	n.Upserts += t.upserts
	n.Removed += t.removed
	for i := range t.entries {
		switch {
		case t.shape.Key == nil:
			n.Upserts += max(0, t.copies[i].net)
			n.Removed += max(0, -t.copies[i].net)
		case t.entries[i].gone:
			n.Removed++
		default:
			n.Upserts++
		}
	}
}

func (n *RowCounts) count(kind binlog.Change, by int64) {
	switch kind {
	case binlog.Insert:
		n.Inserted += by
	case binlog.Update:
		n.Updated += by
	case binlog.Delete:
		n.Deleted += by
	}
}
