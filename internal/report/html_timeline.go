package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lifeboat/internal/ui/text"
)

// timelineView is the timeline as the page's script draws it: names made fit to show, times in seconds since the
// timeline begins, and the tables that a reader looks for first on top.
type timelineView struct {
	From    int64      `json:"from"` // Unix time in seconds
	Seconds int64      `json:"seconds"`
	Width   int64      `json:"width"` // of a bucket
	Rows    []rowView  `json:"rows"`
	Quiet   int        `json:"quiet"` // tables without a change, which have no row
	Others  int        `json:"others"`
	Total   [][4]int64 `json:"total"` // index, inserted, updated, deleted
	Files   []fileView `json:"files"`
	Marks   []markView `json:"marks"`
}

type rowView struct {
	Name    string     `json:"name"`
	Buckets [][4]int64 `json:"buckets"`
	Exists  [][2]int64 `json:"exists"` // when there was such a table
	Life    []lifeView `json:"life,omitempty"`
	Hit     []int64    `json:"hit,omitempty"`  // when an incident struck it
	Bare    int64      `json:"bare,omitempty"` // from when on it is changed without a base; 0: never
	changes int64
}

type lifeView struct {
	At   int64  `json:"at"`
	Text string `json:"text"`
}

type fileView struct {
	Name  string `json:"name"`
	From  int64  `json:"from"`
	To    int64  `json:"to"`
	State string `json:"state"` // ok, copy (one is damaged, another is read) or bad
}

type markView struct {
	Kind   string `json:"kind"`
	At     int64  `json:"at"`
	Until  int64  `json:"until,omitempty"`
	Label  string `json:"label"`
	Text   string `json:"text"`
	Anchor string `json:"anchor,omitempty"`
	Time   string `json:"-"` // for the list
}

// newTimelineView is nil where there is no timeline.
func newTimelineView(a *Audit) *timelineView {
	t := a.Timeline
	if t == nil || t.Buckets == 0 {
		return nil
	}
	since := func(at time.Time) int64 { return int64(at.Sub(t.From) / time.Second) }
	v := &timelineView{From: t.From.Unix(), Seconds: max(since(t.To), 1), Width: max(t.Seconds, 1), Others: t.OtherTables, Total: total(t), Rows: []rowView{}, Files: []fileView{}, Marks: []markView{}}
	v.addRows(a, since)
	for _, f := range a.Archive.Files {
		if f.First.IsZero() || f.Last.IsZero() {
			continue
		}
		state := "ok"
		if f.State != intact {
			state = "bad"
		} else if !sound(f) {
			state = "copy"
		}
		v.Files = append(v.Files, fileView{text.Line(f.Name), since(f.First), since(f.Last), state})
	}
	for _, m := range t.Marks {
		v.Marks = append(v.Marks, newMarkView(a, m, since))
	}
	return v
}

// addRows gives each table that has something to show a row: those that an incident struck first, then the busiest.
func (v *timelineView) addRows(a *Audit, since func(time.Time) int64) {
	type key struct{ db, name string }
	rows, order := map[key]*rowView{}, []key{}
	get := func(k key) *rowView {
		if rows[k] == nil {
			rows[k] = &rowView{Name: tableLabel(a, k.db, k.name), Buckets: [][4]int64{}, Exists: [][2]int64{{0, v.Seconds}}}
			order = append(order, k)
		}
		return rows[k]
	}
	for _, s := range a.Timeline.Tables {
		r := get(key{s.Database, s.Name})
		for _, b := range s.Buckets {
			r.Buckets = append(r.Buckets, [4]int64{int64(b.Index), b.Inserted, b.Updated, b.Deleted})
			r.changes += b.Inserted + b.Updated + b.Deleted
		}
	}
	struck := map[string][]int64{}
	for _, in := range a.Incidents {
		for _, n := range in.Tables {
			struck[n] = append(struck[n], since(in.Time))
		}
	}
	for _, t := range a.Tables {
		k := key{t.Database, t.Name}
		hit := slices.Concat(struck[t.Name], struck[t.Database+"."+t.Name])
		if rows[k] == nil && len(t.Lifetimes)+len(hit) == 0 {
			v.Quiet++
			continue
		}
		r := get(k)
		r.Hit = hit
		r.Exists = existed(t, v.Seconds, since)
		for _, l := range t.Lifetimes {
			r.Life = append(r.Life, lifeView{since(l.Time), text.Line(l.Event + ": " + l.SQL)})
		}
		if t.IncompleteFrom != nil && !t.IncompleteFrom.Time.IsZero() {
			r.Bare = max(since(t.IncompleteFrom.Time), 1)
		}
	}
	for _, k := range order {
		v.Rows = append(v.Rows, *rows[k])
	}
	slices.SortStableFunc(v.Rows, func(a, b rowView) int {
		return cmp.Or(min(len(b.Hit), 1)-min(len(a.Hit), 1), cmp.Compare(b.changes, a.changes), strings.Compare(a.Name, b.Name))
	})
}

// existed are the stretches in which a table of that name was there, as far as its lifetimes tell.
func existed(t TableRow, end int64, since func(time.Time) int64) [][2]int64 {
	out := [][2]int64{}
	open := int64(0) // since when; -1: not there
	if len(t.Lifetimes) > 0 {
		if e := t.Lifetimes[0].Event; e == LifeCreate || e == LifeRenameFrom {
			open = -1
		}
	}
	for _, l := range t.Lifetimes {
		at := since(l.Time)
		switch l.Event {
		case LifeCreate, LifeRenameFrom:
			if open < 0 {
				open = at
			}
		case LifeDrop, LifeRenameTo:
			if open >= 0 {
				out = append(out, [2]int64{open, at})
			}
			open = -1
		}
	}
	if open >= 0 && t.Dropped && !t.LastChange.IsZero() {
		end = max(open, since(t.LastChange)) // nor is it known when it went
	}
	if open >= 0 {
		out = append(out, [2]int64{open, end})
	}
	return out
}

// total adds up all tables.
func total(t *Timeline) [][4]int64 {
	sum := map[int]*[4]int64{}
	add := func(buckets []Bucket) {
		for _, b := range buckets {
			if sum[b.Index] == nil {
				sum[b.Index] = &[4]int64{int64(b.Index)}
			}
			s := sum[b.Index]
			s[1], s[2], s[3] = s[1]+b.Inserted, s[2]+b.Updated, s[3]+b.Deleted
		}
	}
	for _, s := range t.Tables {
		add(s.Buckets)
	}
	add(t.Others)
	out := [][4]int64{}
	for _, s := range sum {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b [4]int64) int { return cmp.Compare(a[0], b[0]) })
	return out
}

func newMarkView(a *Audit, m Mark, since func(time.Time) int64) markView {
	v := markView{Kind: m.Kind, At: since(m.Time), Text: text.Line(m.Text), Time: text.Time(m.Time)}
	if !m.Until.IsZero() {
		v.Until = since(m.Until)
	}
	switch m.Kind {
	case MarkSnapshot:
		v.Label = "backup"
	case MarkIncident:
		v.Label = "incident"
		if m.ID != "" {
			v.Label += " " + text.Line(m.ID)
		}
		if i := slices.IndexFunc(a.Incidents, func(in Incident) bool { return in.ID == m.ID }); i >= 0 && m.ID != "" {
			v.Anchor = anchor(i)
		}
	case MarkTorn:
		v.Label = "torn end"
	case MarkCorrupt:
		v.Label = "damage"
	case MarkLatest:
		v.Label = "latest"
	default:
		v.Label = text.Line(m.Kind)
	}
	return v
}
