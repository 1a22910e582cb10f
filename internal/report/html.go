package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // the page's parts below
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"
	"unicode"

	"lifeboat/internal/ui/text"
)

//go:embed html/audit.html
var htmlPage string

//go:embed html/audit.css
var htmlStyle string

//go:embed html/audit.js
var htmlScript string

// auditPage is what the template shows. Everything that came from a log, a server or a file name goes through the
// template's own escaping, and through text.Line for what a reader could be fooled with.
type auditPage struct {
	*Audit
	Level    string // ok, warn or bad
	Facts    []fact
	Wrong    []Finding // the worst first
	Notes    []Finding
	Summed   []Finding // those that the losses sum up
	Timeline *timelineView
	Kinds    []string // of incidents
	Policy   string   // Content-Security-Policy: this page's own style and script, and no network
	Style    template.CSS
	Script   template.JS
	Data     template.JS // the timeline, as JSON in which < and & are escaped
}

// fact is one of the figures beside the verdict.
type fact struct {
	Name  string
	Value []string // parts that are better not broken
	More  string
}

// writeHTML writes a as one page that needs nothing beside itself.
func writeHTML(w io.Writer, a *Audit) error {
	page := &auditPage{
		Audit: a, Level: level(a), Facts: facts(a), Timeline: newTimelineView(a),
		Style: template.CSS(htmlStyle), Script: template.JS(htmlScript),
		Policy: fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src '%s'; script-src '%s'", digest(htmlStyle), digest(htmlScript)),
	}
	for _, f := range a.Findings {
		switch {
		case f.InLosses:
			page.Summed = append(page.Summed, f)
		case f.Severity == "note":
			page.Notes = append(page.Notes, f)
		default:
			page.Wrong = append(page.Wrong, f)
		}
	}
	slices.SortStableFunc(page.Wrong, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
	for _, in := range a.Incidents {
		page.Kinds = append(page.Kinds, in.Kind)
	}
	slices.Sort(page.Kinds)
	page.Kinds = slices.Compact(page.Kinds)
	data, err := json.Marshal(page.Timeline) // escapes <, > and &
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	page.Data = template.JS(data)
	t, err := template.New("audit").Funcs(htmlFuncs).Parse(htmlPage)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, page); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

const exitIncomplete = 3 // complete, but with losses

// level is how a reader should feel.
func level(a *Audit) string {
	switch {
	case a.ExitCode != 0 && a.ExitCode != exitIncomplete, a.Cover != nil && !a.Cover.Reached:
		return "bad"
	case a.ExitCode != 0, len(a.Incidents)+len(a.Losses) > 0, slices.ContainsFunc(a.Tables, func(t TableRow) bool { return t.Base == BaseNone }):
		return "warn"
	}
	return "ok"
}

var htmlFuncs = template.FuncMap{
	"line": text.Line, "time": text.Time, "bytes": text.Bytes, "number": number, "count": func(n int) string { return text.Count(int64(n)) },
	"counted": func(n int, noun string) string { return text.Counted(int64(n), noun) },
	"lost":    Lost, "who": who, "writes": writes, "sound": sound, "upper": upperFirst, "shown": shown, "few": few,
	"iso":       func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"minute":    func(t time.Time) string { return t.UTC().Format(minute) },
	"second":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"unix":      func(t time.Time) int64 { return t.Unix() },
	"copies":    copies,
	"state":     fileState,
	"detail":    fileDetail,
	"printable": printable,
	"anchor":    anchor,
	"span": func(in Incident) string {
		if in.Last.Sub(in.Time) < time.Second {
			return ""
		}
		return text.Duration(in.Last.Sub(in.Time))
	},
	"name": func(a *Audit, t TableRow) string { return tableLabel(a, t.Database, t.Name) },
	"changes": func(t TableRow) int64 {
		return t.Inserted + t.Updated + t.Deleted
	},
	"tableSpan": tableSpan, "since": since,
	"lacks":        func(a *Audit, t TableRow) bool { return restorable(&t, a.Restorable) != wholly },
	"lossesBeside": func(a *Audit) bool { return len(a.Losses) > len(a.Incidents) }, // each incident is one
}

func upperFirst(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}

// few names the first of many tables.
func few(names []string) string { return text.Line(list(names, 4)) }

// printable tells whether s shows all that it holds, so that what is copied is what was read.
func printable(s string) bool {
	for i, r := range s {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar && s[i] != "\uFFFD"[0] {
			return false
		}
	}
	return true
}

// shown is a command for reading: as it is where that is safe.
func shown(s string) string {
	if printable(s) {
		return s
	}
	return text.Line(s)
}

func tableLabel(a *Audit, db, name string) string {
	if db == a.Database {
		return text.Line(name)
	}
	return text.Line(db + "." + name)
}

// tableSpan is the first and the last point of a table that can be restored, or nothing.
func tableSpan(t TableRow) []string {
	if len(t.Restorable) == 0 {
		return nil
	}
	return []string{point(t.Restorable[0].Earliest), point(t.Restorable[len(t.Restorable)-1].Latest)}
}

func point(p Point) string {
	if p.Time.IsZero() {
		return text.Line(p.Position)
	}
	return p.Time.UTC().Format(minute)
}

// facts are the figures that a reader asks for first.
func facts(a *Audit) (out []fact) {
	add := func(name, value, more string) {
		out = append(out, fact{name, []string{text.Line(value)}, text.Line(more)})
	}
	if r := a.Restorable; r != nil {
		more := "up to the end of the log"
		if r.Ends != "" {
			more = "then: " + r.Ends
		}
		if r.Inexact {
			more += ", as well as a backup of unknown date allows"
		}
		more += exceptions(a.Tables, r)
		out = append(out, fact{"Every state can be restored", stretch(r.Earliest, r.Latest), text.Line(more)})
	} else {
		add("Can be restored", "nothing", "there is no base to restore onto")
	}
	lost, least := int64(0), false
	for _, in := range a.Incidents {
		lost += in.RowsLost
		least = least || !in.Exact
	}
	switch {
	case len(a.Incidents) == 0:
		add("Incidents", "none", "nothing destructive was found")
	case least:
		add("Incidents", text.Count(int64(len(a.Incidents))), "at least "+text.Counted(lost, "row")+" lost")
	default:
		add("Incidents", text.Count(int64(len(a.Incidents))), text.Counted(lost, "row")+" lost")
	}
	based := 0
	for _, t := range a.Tables {
		if t.Base != BaseNone {
			based++
		}
	}
	add("Tables with a base", fmt.Sprintf("%s of %s", text.Count(int64(based)), text.Count(int64(len(a.Tables)))), basedText(based, len(a.Tables)))
	damaged := 0
	for _, f := range a.Archive.Files {
		if !sound(f) {
			damaged++
		}
	}
	more := "all copies intact"
	if damaged > 0 {
		more = fmt.Sprintf("%s with a damaged copy", text.Counted(int64(damaged), "file"))
	}
	add("Log files", fmt.Sprintf("%s, %s", text.Count(int64(len(a.Archive.Files))), text.Bytes(a.Archive.Bytes)), more)
	if s := a.Snapshot; s == nil {
		add("Full backup", "none given", "--snapshot names one")
	} else {
		add("Full backup", s.Format, "at "+cmp.Or(s.Position, s.GTIDs, "a place in the log that it does not tell"))
	}
	return out
}

func basedText(n, of int) string {
	switch n {
	case of:
		return "each from the backup or its CREATE"
	default:
		return text.Counted(int64(of-n), "table") + " cannot be restored in full"
	}
}

// stretch writes two points as a span of time.
func stretch(from, to Point) []string {
	if from.Time.IsZero() || to.Time.IsZero() {
		return []string{text.Line(from.Position), "to " + text.Line(to.Position)}
	}
	first, last := from.Time.UTC().Format(minute), to.Time.UTC().Format(minute)
	if date := len("2006-01-02 "); first[:date] == last[:date] {
		last = last[date:]
	}
	return []string{first, "to " + last + " UTC"}
}

// anchor is the page's name for incident i of the report. Its own id may hold anything.
func anchor(i int) string { return fmt.Sprintf("incident-%d", i+1) }
