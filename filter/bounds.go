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
	return []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05.999999", "2006-01-02 15:04", "2006-01-02"}
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
		if t, err := time.ParseInLocation(form, s, time.UTC); err == nil {
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
	at    binlog.Position // the result; zero while not found
	found bool
	last  binlog.Position // end of the last transaction
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

func (f *stopFinder) position(p, start, end binlog.Position) error {
	switch c := p.Compare(start); {
	case c == 0:
		f.set(start, end)
	case c < 0: // between the last transaction and this one, or it would have been met
		f.at, f.found = start, true
	case p.Compare(end) < 0:
		return fmt.Errorf("%s: %w: it lies inside the transaction from %s to %s; stop before or after that one", p, ErrNoSuchPoint, start, end)
	}
	return nil
}

// finish reports a point that never came. The end of what was read is a valid place to stop.
func (f *stopFinder) finish(end binlog.Position) error {
	p := f.stop.Point
	if f.found || !f.stop.Given || p.Incident != "" || p.End {
		return nil
	}
	if !p.Position.IsZero() && p.Position.Compare(f.last) >= 0 && p.Position.File == end.File && p.Position.Offset <= end.Offset || !p.Time.IsZero() {
		f.at, f.found = end, true
		return nil
	}
	return fmt.Errorf("%s: %w; what was read ends at %s", p, ErrNoSuchPoint, end)
}
