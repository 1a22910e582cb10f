package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/report"
)

// mostLifetimes is how many of a table's lifetimes a report lists, half of them from each end.
const mostLifetimes = 100

// tables tells each table's base, what the log did to it, and which of its states can be restored.
func (f *facts) tables() (out []report.TableRow) {
	rows := map[filter.TableName]*report.TableRow{}
	get := func(n filter.TableName) *report.TableRow {
		if rows[n] == nil {
			rows[n] = &report.TableRow{Database: n.DB, Name: n.Name, Base: report.BaseNone, Images: report.ImagesNone}
		}
		return rows[n]
	}
	for n, base := range f.inSnapshot() {
		r := get(n)
		r.Base, r.BaseRows = report.BaseSnapshot, base
		if f.plan != nil {
			at := f.beginning()
			r.BasePosition, r.BaseTime = at.Position, at.Time
		}
	}
	for n, h := range f.survey.Tables {
		if rows[n] == nil && !h.FromLog && h.Inserted+h.Updated+h.Deleted == 0 && len(h.Lifetimes) == 0 {
			continue // only looked for
		}
		f.fill(get(n), h)
	}
	if f.plan != nil {
		for _, t := range f.plan.Routes {
			if r := rows[filter.TableName{DB: f.plan.Database, Name: t.Name}]; r != nil && t.Lane != "" {
				r.Lane, r.Note = string(t.Lane), t.Why
			}
		}
	}
	for n, ranges := range f.restorable() {
		if r := rows[n]; r != nil {
			r.Restorable = ranges
		}
	}
	for _, r := range rows {
		if n, known := f.orphans[r.Name]; known {
			r.Orphans = &n.Missing
		}
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b report.TableRow) int {
		return strings.Compare(a.Database+"\x00"+a.Name, b.Database+"\x00"+b.Name)
	})
	return out
}

// inSnapshot are the tables in scope that the snapshot holds, and how many rows of each.
func (f *facts) inSnapshot() map[filter.TableName]int64 {
	out := map[filter.TableName]int64{}
	if f.snapshot == nil {
		return out
	}
	for _, t := range f.snapshot.Index().Tables {
		n := filter.TableName{DB: cmp.Or(t.DB, f.scope.Database), Name: t.Name}
		if !t.View && f.scope.Has(n.DB, n.Name) {
			out[n] = t.Rows
		}
	}
	return out
}

// baseTime is when the last transaction was committed that the base holds, or the first that it does not.
func (f *facts) baseTime() time.Time {
	if !f.survey.BaseTime.IsZero() {
		return f.survey.BaseTime
	}
	return f.survey.Began
}

// fill adds what the log tells of a table.
func (f *facts) fill(r *report.TableRow, h *filter.History) {
	r.Inserted, r.Updated, r.Deleted, r.LastChange, r.Dropped = h.Inserted, h.Updated, h.Deleted, h.LastTime, h.Gone
	if !h.FirstChange.IsZero() {
		r.FirstChange, r.Images = &report.Point{Position: h.FirstChange.String(), Time: h.FirstTime}, report.ImagesFull
	}
	switch {
	case !h.PartialJSON.IsZero():
		r.Images = report.ImagesPartialJSON
	case h.Partial:
		r.Images = report.ImagesPartial
	}
	f.lifetimes(r, h)
	if !h.Missing.IsZero() {
		r.IncompleteFrom = &report.Point{Position: h.Missing.String(), Time: h.MissingTime}
	}
	switch made := lastMade(h); {
	case r.Base != report.BaseNone:
	case h.FromLog:
		r.Base = report.BaseLog
		if made != nil {
			r.BasePosition, r.BaseTime = made.Pos.String(), made.Time
		}
	case h.Missing.IsZero() && f.snapshot != nil:
		r.Base = report.BaseSnapshot // renamed from one that the snapshot holds
	default:
		if h.Missing.IsZero() {
			r.Note = "not made in the log"
		}
	}
}

// lastMade is where the log last made a table.
func lastMade(h *filter.History) *filter.Lifetime {
	for i := range slices.Backward(h.Lifetimes) {
		if h.Lifetimes[i].Event == filter.EventCreate {
			return &h.Lifetimes[i]
		}
	}
	return nil
}

// lifetimes lists the statements that made, changed or ended a table.
func (f *facts) lifetimes(r *report.TableRow, h *filter.History) {
	wiped := map[binlog.Position]string{}
	for _, in := range f.survey.Incidents {
		for _, s := range in.Statements {
			wiped[s.Pos] = in.ID
		}
	}
	moved := f.moved()
	for i := range h.Lifetimes {
		if n := len(h.Lifetimes); n > mostLifetimes && i >= mostLifetimes/2 && i < n-mostLifetimes/2 {
			r.LifetimesLeftOut++
			continue
		}
		l := &h.Lifetimes[i]
		x := report.Lifetime{Event: l.Event, Position: l.Pos.String(), GTID: l.GTID.String(), Time: l.Time, Thread: l.Thread, User: l.User, SQL: l.SQL, Incident: wiped[l.Pos]}
		if l.Other != (filter.TableName{}) {
			x.Other = l.Other.String()
		}
		if moved[l.Pos] {
			x.Note = filter.WhyTableCopy
		}
		r.Lifetimes = append(r.Lifetimes, x)
	}
}

// moved are the places of the drops that ended a table copy.
func (f *facts) moved() map[binlog.Position]bool {
	out := map[binlog.Position]bool{}
	for _, s := range f.survey.Harmless {
		if s.Why == filter.WhyTableCopy {
			out[s.Pos] = true
		}
	}
	return out
}

// breakage is a place that nothing can be restored across.
type breakage struct {
	at     filter.Moment
	tables []filter.TableName // only these; empty: all
	why    string
}

// breakages are those in what was surveyed, in order.
func (f *facts) breakages() (out []breakage) {
	start := binlog.Position{}
	if f.plan != nil {
		start = f.plan.Start
	}
	for _, x := range f.archive.Findings {
		if x.Severity >= archive.Gap && !x.Pos.IsZero() && x.Pos.Compare(start) >= 0 {
			out = append(out, breakage{at: filter.Moment{Pos: x.Pos, Time: f.timeAt(x.Pos)}, why: x.Code})
		}
	}
	for _, x := range f.survey.Findings {
		if x.Blocks {
			out = append(out, breakage{filter.Moment{Pos: x.Pos, Time: x.Time}, x.Tables, x.Code})
		}
	}
	slices.SortStableFunc(out, func(a, b breakage) int { return a.at.Pos.Compare(b.at.Pos) })
	return out
}

// timeAt is when the log of a file ends, whose end or damage the position is.
func (f *facts) timeAt(p binlog.Position) time.Time {
	if i := f.archive.Index(p.File); i >= 0 {
		return f.archive.Files[i].Last
	}
	return time.Time{}
}

// end is the latest point of the log that was read.
func (f *facts) end() report.Point {
	last := f.archive.Files[len(f.archive.Files)-1]
	at := last.End()
	if to := f.survey.To; !to.IsZero() && to.Compare(at) < 0 {
		at = to
	}
	return report.Point{Position: at.String(), Time: f.survey.Last}
}

// whole is the stretch of which every state can be restored, for all tables that have a base from its beginning.
func (f *facts) whole() *report.Range {
	if len(f.archive.Files) == 0 {
		return nil
	}
	r := &report.Range{Earliest: f.beginning(), Latest: f.end()}
	for _, b := range f.breakages() {
		if len(b.tables) == 0 {
			r.Latest, r.Ends = report.Point{Position: b.at.Pos.String(), Time: b.at.Time}, b.why
			break
		}
	}
	r.Inexact = f.plan != nil && f.snapshot != nil && !f.plan.Exact
	return r
}

// beginning is where the log takes over from the base.
func (f *facts) beginning() report.Point {
	if f.plan != nil && f.snapshot != nil {
		at := f.plan.Start
		if end := f.survey.BaseEnd; !end.IsZero() {
			at = end
		}
		return report.Point{Position: at.String(), Time: f.baseTime()}
	}
	first := f.archive.Files[0]
	return report.Point{Position: binlog.Position{File: first.Name(), Offset: 4}.String(), Time: f.survey.First}
}

// tracks follows which tables can be restored at a place of the log.
type tracks struct {
	open   map[filter.TableName]report.Point // where the stretch at hand began
	moving map[filter.TableName]bool         // renamed by the statement at hand, while open
	done   map[filter.TableName][]report.Range
}

func (t *tracks) close(n filter.TableName, at report.Point, why string) {
	from, open := t.open[n]
	if !open {
		return
	}
	delete(t.open, n)
	t.done[n] = append(t.done[n], report.Range{Earliest: from, Latest: at, Ends: why})
}

// restorable are each table's stretches of the log of which every state can be restored.
func (f *facts) restorable() map[filter.TableName][]report.Range {
	whole := f.whole()
	t := &tracks{map[filter.TableName]report.Point{}, map[filter.TableName]bool{}, map[filter.TableName][]report.Range{}}
	if whole == nil {
		return t.done
	}
	if f.plan != nil {
		for n := range f.inSnapshot() {
			t.open[n] = whole.Earliest
		}
	}
	type step struct {
		name filter.TableName
		*filter.Lifetime
	}
	var steps []step
	for n, h := range f.survey.Tables {
		for i := range h.Lifetimes {
			steps = append(steps, step{n, &h.Lifetimes[i]})
		}
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.Seq, b.Seq) })
	broken := f.breakages()
	for _, s := range steps {
		for len(broken) > 0 && broken[0].at.Pos.Compare(s.Pos) <= 0 {
			t.broken(broken[0])
			broken = broken[1:]
		}
		t.step(s.name, s.Lifetime)
	}
	for _, b := range broken {
		t.broken(b)
	}
	for n := range maps.Clone(t.open) {
		t.close(n, f.end(), "")
	}
	return t.done
}

func (t *tracks) broken(b breakage) {
	names := b.tables
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(t.open))
	}
	for _, n := range names {
		t.close(n, report.Point{Position: b.at.Pos.String(), Time: b.at.Time}, b.why)
	}
}

func (t *tracks) step(n filter.TableName, l *filter.Lifetime) {
	before, after := report.Point{Position: l.Pos.String(), Time: l.Time}, report.Point{Position: l.End.String(), Time: l.Time}
	_, open := t.open[n]
	switch l.Event {
	case filter.EventDrop:
		t.close(n, before, "dropped")
	case filter.EventCreate:
		t.close(n, before, "replaced")
		t.open[n] = after
	case filter.EventRenameTo:
		t.moving[l.Other] = open
		t.close(n, before, fmt.Sprintf("renamed to %s", l.Other))
	case filter.EventRenameFrom:
		if t.moving[n] {
			t.open[n] = after
		}
		delete(t.moving, n)
	}
}
