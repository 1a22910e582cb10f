package filter

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
)

// ErrNoSuchPoint marks a stop or skip that names nothing in the log.
var ErrNoSuchPoint = errors.New("no such point in the log")

// Point is a place in the log as a user names it: exactly one field is set.
type Point struct {
	Incident string
	Position binlog.Position
	GTID     gtid.GTID
	Time     time.Time
	End      bool // the end of the log: everything, incidents included
}

// timeForms are tried in order; a time without a zone is UTC.
func timeForms() []string {
	return []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05",
		"2006-01-02T15:04Z07:00", "2006-01-02 15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}
}

// ParsePoint reads incident:ID, FILE:OFFSET, a GTID, a time, or "end".
func ParsePoint(s string) (Point, error) {
	s = strings.TrimSpace(s)
	if id, ok := strings.CutPrefix(s, "incident:"); ok {
		if id == "" {
			return Point{}, fmt.Errorf("%q names no incident: write incident:1", s)
		}
		return Point{Incident: id}, nil
	}
	if s == "end" {
		return Point{End: true}, nil
	}
	for _, form := range timeForms() {
		if t, err := time.ParseInLocation(form, s, time.UTC); err == nil && t.UTC().Year() > 1 { // another zone's year 0 is written in no form, and the first moment of year 1 is the zero time
			return Point{Time: t.UTC()}, nil
		}
	}
	if g, err := gtid.Parse(s); err == nil {
		return Point{GTID: g}, nil
	}
	if p, err := binlog.ParsePosition(s); err == nil {
		return Point{Position: p}, nil
	}
	return Point{}, fmt.Errorf("%q is not a place in a log: write incident:ID, FILE:OFFSET, a GTID, or a time such as 2026-01-31T03:15:00Z", s)
}

// String writes the point as ParsePoint reads it.
func (p Point) String() string {
	switch {
	case p.Incident != "":
		return "incident:" + p.Incident
	case !p.Position.IsZero():
		return p.Position.String()
	case !p.GTID.IsZero():
		return p.GTID.String()
	case !p.Time.IsZero():
		return p.Time.Format(time.RFC3339Nano)
	case p.End:
		return "end"
	}
	return ""
}

// Stop is where reading ends, before or after a point.
type Stop struct {
	Point
	After bool
	Given bool
}

// stopFinder resolves a Stop to the start of the first transaction left out, as transactions pass by.
// Incidents are resolved after the scan, when they are known.
type stopFinder struct {
	stop  Stop
	from  binlog.Position
	at    binlog.Position // the result; zero while not found, and for the end of the log
	found bool
	last  binlog.Position   // end of the last transaction
	ends  map[string]uint64 // of the files passed
}

func newStopFinder(o Options) stopFinder {
	f := stopFinder{stop: o.Stop, from: o.From, ends: map[string]uint64{}}
	if p := o.Stop.Position; o.Stop.Given && !p.IsZero() && !o.From.IsZero() && p.Compare(o.From) < 0 {
		f.at, f.found = p, true // before all that is read; whoever gave From knows what that means
	}
	return f
}

// noSuchFile says which files there are.
func noSuchFile(p binlog.Position, files []binlog.File) error {
	if len(files) == 0 {
		return fmt.Errorf("%s: %w: there are no files", p, ErrNoSuchPoint)
	}
	return fmt.Errorf("%s: %w: there is no file %s; the files are %s to %s", p, ErrNoSuchPoint, p.File, files[0].Name(), files[len(files)-1].Name())
}

// transaction looks at one transaction, in log order.
func (f *stopFinder) transaction(tx *binlog.Transaction, end binlog.Position) error {
	defer func() { f.last = end }()
	if f.found || !f.stop.Given {
		return nil
	}
	p := f.stop.Point
	switch {
	case !p.Position.IsZero():
		return f.position(p.Position, tx.Start, end)
	case !p.GTID.IsZero():
		if tx.GTID == p.GTID {
			f.set(tx.Start, end)
		}
	case !p.Time.IsZero():
		// Before T leaves out the first transaction committed at T or later; after T the first later one.
		if t := tx.Committed; f.stop.After && t.After(p.Time) || !f.stop.After && !t.Before(p.Time) {
			f.at, f.found = tx.Start, true
		}
	}
	return nil
}

// set stops before or after the transaction given.
func (f *stopFinder) set(start, end binlog.Position) {
	f.at, f.found = start, true
	if f.stop.After {
		f.at = end
	}
}

// position finds a place in a file. One where a transaction starts names that transaction.
func (f *stopFinder) position(p, start, end binlog.Position) error {
	switch c := p.Compare(start); {
	case c == 0:
		f.set(start, end)
	case c < 0: // between the last transaction and this one, or it would have been met
		if err := f.exists(p); err != nil {
			return err
		}
		f.at, f.found = start, true
		if p.File != start.File {
			f.at = p // what may be missing between the two files lies behind the stop
		}
	case p.Compare(end) < 0:
		return fmt.Errorf("%s: %w: it lies inside the transaction from %s to %s; stop before or after that one", p, ErrNoSuchPoint, start, end)
	}
	return nil
}

// exists refuses an offset behind the end of a file that was passed.
func (f *stopFinder) exists(p binlog.Position) error {
	if end, ok := f.ends[p.File]; ok && p.Offset > end {
		return fmt.Errorf("%s: %w: %s ends at %d", p, ErrNoSuchPoint, p.File, end)
	}
	return nil
}

// finish resolves a point that never came. The end of what was read is a valid place to stop; whatever
// comes later than all of it means the end of the log, if that was reached.
func (f *stopFinder) finish(end binlog.Position, whole bool) error {
	p := f.stop.Point
	switch {
	case f.found, !f.stop.Given, p.Incident != "", p.End, !p.Time.IsZero() && whole:
		return nil
	case !p.Position.IsZero() && p.Position.Compare(end) <= 0:
		f.at, f.found = p.Position, true
		return f.exists(p.Position)
	}
	return fmt.Errorf("%s: %w; what was read ends at %s", p, ErrNoSuchPoint, end)
}
