package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/report"
)

// newTimeline makes one for all of the archive.
func newTimeline(a *archive.Archive) *filter.Timeline {
	p := archivePart(a)
	if p.First.IsZero() {
		return nil
	}
	return filter.NewTimeline(p.First, p.Last)
}

// timelinePart is the timeline with everything that there is to see on it.
func (f *facts) timelinePart() *report.Timeline {
	t := f.timeline
	if t == nil {
		return nil
	}
	out := &report.Timeline{From: t.From, To: t.From.Add(time.Duration(t.Buckets) * t.Width), Seconds: int64(t.Width.Seconds()), Buckets: t.Buckets,
		Tables: []report.Series{}, Others: buckets(t.Others), OtherTables: len(t.Left), Marks: f.marks()}
	for n, s := range t.Tables {
		out.Tables = append(out.Tables, report.Series{Database: n.DB, Name: n.Name, Buckets: buckets(s)})
	}
	slices.SortFunc(out.Tables, func(a, b report.Series) int {
		return strings.Compare(a.Database+"\x00"+a.Name, b.Database+"\x00"+b.Name)
	})
	return out
}

func buckets(s filter.Series) (out []report.Bucket) {
	for _, b := range s {
		out = append(out, report.Bucket{Index: b.Index, Inserted: b.Inserted, Updated: b.Updated, Deleted: b.Deleted})
	}
	return out
}

// marks are the snapshot, the incidents and the places where the log breaks off, in order of time.
func (f *facts) marks() []report.Mark {
	out := []report.Mark{}
	if f.plan != nil && f.snapshot != nil && f.plan.Exact {
		at := f.beginning()
		out = append(out, report.Mark{Kind: report.MarkSnapshot, Time: at.Time, Position: at.Position, Text: "the state that the snapshot holds"})
	}
	for _, in := range slices.Concat(f.before, f.survey.Incidents) {
		m := report.Mark{Kind: report.MarkIncident, Time: in.Time, Position: in.Start.String(), ID: in.ID, Text: fmt.Sprintf("%s of %s", in.Kind, someNames(in.Tables))}
		if last := lastOf(in); last.After(in.Time) {
			m.Until = last
		}
		if slices.Contains(f.before, in) {
			m.ID = ""
			m.Text += ", before the snapshot was taken"
		}
		out = append(out, m)
	}
	for _, x := range f.archive.Findings {
		if x.Severity < archive.Gap || x.Pos.IsZero() {
			continue
		}
		m := report.Mark{Kind: report.MarkGap, Time: f.timeAt(x.Pos), Position: x.Pos.String(), Text: x.Text}
		switch x.Code {
		case archive.CodeTorn:
			m.Kind = report.MarkTorn
		case archive.CodeCorrupt:
			m.Kind = report.MarkCorrupt
		}
		if i := f.archive.Index(x.Pos.File); i >= 0 && i+1 < len(f.archive.Files) {
			m.Until = f.archive.Files[i+1].First
		}
		if !m.Time.IsZero() {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b report.Mark) int { return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Kind, b.Kind)) })
	return out
}
