package main

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/report"
	"lifeboat/internal/ui/text"
)

// verdict says in a few words what the archive is worth, and in a sentence or two why.
func (f *facts) verdict(a *report.Audit) {
	a.Losses = f.losses(a)
	var worst *archive.Finding
	found := f.relevant()
	for i := range found {
		if x := &found[i]; x.Severity >= archive.Gap && (worst == nil || x.Severity > worst.Severity) {
			worst = x
		}
	}
	var say []string
	switch {
	case worst == nil && len(a.Losses) > 0:
		a.Verdict = "complete, with losses"
		if f.snapshot != nil {
			a.ExitCode = exitIncomplete
		}
	case worst == nil:
		a.Verdict = "complete"
	case worst.Severity == archive.Broken:
		a.Verdict, a.ExitCode = "incomplete (damaged)", exitCorrupt
	case worst.Code == archive.CodeTorn:
		a.Verdict, a.ExitCode = "incomplete (torn end)", exitGap
	default:
		a.Verdict, a.ExitCode = "incomplete (gap)", exitGap
	}
	if worst != nil {
		say = append(say, worst.Text)
	} else {
		say = append(say, fmt.Sprintf("no gap from %s to %s", a.Archive.From, a.Archive.To))
	}
	missing := noBase(a.Tables)
	switch {
	case len(missing) == 0:
	case f.snapshot == nil:
		say = append(say, fmt.Sprintf("%s held before: %s", counted(len(missing), "table has no CREATE in the log, so only a snapshot can tell what it",
			"tables have no CREATE in the log, so only a snapshot can tell what they"), someNames(missing)))
	default:
		say = append(say, fmt.Sprintf("neither snapshot nor log made %s: %s", counted(len(missing), "table", "tables"), someNames(missing)))
	}
	if n := len(a.Incidents); n > 0 {
		with := ", with "
		if worst == nil && len(a.Losses) > 0 {
			with = " and "
		}
		a.Verdict += with + text.Counted(int64(n), "incident")
		say = append(say, fmt.Sprintf("%s destroyed data", text.Counted(int64(n), "incident")))
		for _, in := range a.Incidents {
			a.Losses = append(a.Losses, fmt.Sprintf("incident %s at %s is in the range: a restore to the end of the log would repeat it", in.ID, in.Position))
		}
	} else {
		say = append(say, "nothing destructive was found")
	}
	a.Text = sentences(say)
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return text.Count(int64(n)) + " " + many
}

// losses name what a restore to the end of what can be read would lack, or have wrong.
func (f *facts) losses(a *report.Audit) (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if f.plan != nil && f.snapshot != nil && !f.plan.Exact {
		add("the snapshot's place in the log is not known: rows that changed between it and %s, and not again since, come back as they were; changes of rows that it does not hold are left out, counted and listed", a.Archive.From)
	}
	if f.snapshot != nil {
		for _, t := range f.snapshot.Index().Tables {
			switch {
			case t.View:
			case !t.HasData:
				add("table %s: the snapshot holds its definition, but not its rows", t.Name)
			case t.Where != "":
				add("table %s: the snapshot holds only the rows where %s", t.Name, t.Where)
			}
		}
	}
	for _, t := range a.Tables {
		if t.Base == report.BaseNone && f.plan != nil && !t.Dropped {
			add("table %s: %s", t.Name, withoutBase(&t))
		}
	}
	for _, t := range a.Tables {
		if s := f.orphanLoss(t.Name); s != "" {
			out = append(out, s)
		}
	}
	for _, code := range []string{"statement-format", "rows-not-logged", filter.BeyondScope, filter.SystemVersioned, filter.UnsupportedValues, "unknown-statement", "xa-undecided", "rolled-back", "gtid", "incident-event"} {
		out = append(out, f.blocking(code)...)
	}
	return out
}

// withoutBase says what is known of a table that neither snapshot nor log made.
func withoutBase(t *report.TableRow) string {
	from := "nothing in the log changes it"
	if p := t.IncompleteFrom; p != nil {
		from = fmt.Sprintf("no base, and the log changes it from %s (%s) on", text.Time(p.Time), p.Position)
	}
	switch {
	case t.FirstChange == nil:
		return from + "; no row of it is known"
	case t.Images == report.ImagesFull:
		return from + "; of its rows those are known that changed since: restore --partial-tables makes a table of them"
	}
	return from + "; of the rows that changed since, only the columns in their images are known"
}

// blocking sums up the findings of one code that a restore cannot pass.
func (f *facts) blocking(code string) []string {
	var first *filter.Finding
	n := 0
	tables := map[string]bool{}
	for i := range f.survey.Findings {
		x := &f.survey.Findings[i]
		if x.Code != code || !x.Blocks {
			continue
		}
		if first == nil {
			first = x
		}
		n++
		for _, t := range x.Tables {
			tables[t.Name] = true
		}
	}
	if first == nil {
		return nil
	}
	where := fmt.Sprintf("at %s, %s", first.Pos, text.Time(first.Time))
	if n > 1 {
		where = fmt.Sprintf("%s times, first %s", text.Count(int64(n)), where)
	}
	names := make([]string, 0, len(tables))
	for t := range tables {
		names = append(names, t)
	}
	slices.Sort(names)
	if len(names) > 0 {
		where += ", of " + someNames(names)
	}
	return []string{fmt.Sprintf("%s (%s)", first.Text, where)}
}

func sentences(say []string) string {
	for i, s := range say {
		say[i] = strings.ToUpper(s[:1]) + s[1:]
		if i == 0 && strings.Contains(strings.SplitN(s, " ", 2)[0], ".") {
			say[i] = s // it begins with a file's name
		}
	}
	return strings.TrimSuffix(strings.Join(say, ". "), ".") + "."
}

// someNames lists a few names.
func someNames(names []string) string {
	const most = 8
	if len(names) == 0 {
		return "no table"
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
