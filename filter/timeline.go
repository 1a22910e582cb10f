package filter

import (
	"cmp"
	"slices"
	"time"

	"lifeboat/internal/binlog"
)

const (
	// mostBuckets bounds how finely a Timeline counts.
	mostBuckets = 200
	// mostSeries bounds how many tables have a series of their own.
	mostSeries = 1000
)

// Timeline counts row changes per table in stretches of time of equal width. Its size is bounded, whatever
// the log holds: at most mostBuckets stretches, and one common series for all tables beyond mostSeries. Times
// outside of the span it was made for count in its first or last stretch.
type Timeline struct {
	From    time.Time
	Width   time.Duration // of a bucket
	Buckets int
	Tables  map[TableName]Series
	Others  Series             // of the tables without a series of their own
	Left    map[TableName]bool // those tables
}

// Bucket is what changed in one stretch of time.
type Bucket struct {
	Index                      int
	Inserted, Updated, Deleted int64
}

// Series holds the buckets in which something changed, in order of time.
type Series []Bucket

// widths are those that a person can read off an axis.
func widths() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 28 * day}
}

// NewTimeline makes one for a span of time.
func NewTimeline(from, to time.Time) *Timeline {
	t := &Timeline{Tables: map[TableName]Series{}, Left: map[TableName]bool{}}
	for _, t.Width = range widths() {
		t.From = from.Truncate(t.Width)
		t.Buckets = int(to.Sub(t.From)/t.Width) + 1
		if t.Buckets <= mostBuckets {
			return t
		}
	}
	t.Width = (to.Sub(from)/mostBuckets + 1).Round(time.Hour) + time.Hour
	t.From, t.Buckets = from, int(to.Sub(from)/t.Width)+1
	return t
}

// add counts what a transaction changed in one table.
func (t *Timeline) add(name TableName, at time.Time, c *rowCount) {
	if t == nil {
		return
	}
	index := min(max(int(at.Sub(t.From)/t.Width), 0), t.Buckets-1)
	s, own := t.Tables[name]
	if !own && (t.Left[name] || len(t.Tables) >= mostSeries) {
		t.Left[name] = true
		t.Others.add(index, c)
		return
	}
	s.add(index, c)
	t.Tables[name] = s
}

func (s *Series) add(index int, c *rowCount) {
	i, found := slices.BinarySearchFunc(*s, index, func(b Bucket, n int) int { return cmp.Compare(b.Index, n) })
	if !found {
		*s = slices.Insert(*s, i, Bucket{Index: index})
	}
	b := &(*s)[i]
	b.Inserted += c.inserted
	b.Updated += c.updated
	b.Deleted += c.deleted
}

// What a Lifetime tells of its table.
const (
	EventCreate     = "create"
	EventAlter      = "alter"
	EventRenameTo   = "rename-to"   // it goes on under another name
	EventRenameFrom = "rename-from" // it came from another name
	EventTruncate   = "truncate"
	EventDrop       = "drop"
)

// Lifetime is a statement that made, changed or ended a table.
type Lifetime struct {
	StatementRef
	Event string
	Other TableName // of a rename: the other name
	Seq   int       // orders the lifetimes of all tables
}

// Moment is a place in the log and when it was written.
type Moment struct {
	Pos  binlog.Position
	Time time.Time
}

// IsZero reports whether there is no such place.
func (m Moment) IsZero() bool { return m.Pos.IsZero() }

// clone is what a reading goes back to that has to be done again.
func (t *Timeline) clone() *Timeline {
	if t == nil {
		return nil
	}
	c := *t
	c.Tables, c.Left, c.Others = map[TableName]Series{}, map[TableName]bool{}, slices.Clone(t.Others)
	for n, s := range t.Tables {
		c.Tables[n] = slices.Clone(s)
	}
	for n := range t.Left {
		c.Left[n] = true
	}
	return &c
}
