package main

import (
	"fmt"
	"slices"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/report"
	"lifeboat/internal/ui/text"
)

// A command line's target is for the reader to fill in.
const whereTo = "DSN"

// commands are what can be done next, ready to be run but for the target.
func (f *facts) commands(a *report.Audit) []report.Command {
	if f.scope.Database == "" {
		return f.lookCloser(a)
	}
	if !slices.ContainsFunc(a.Tables, func(t report.TableRow) bool { return len(t.Restorable) > 0 }) {
		return nil // there is nothing to restore from
	}
	var stop *breakage
	if broken := f.breakages(); len(broken) > 0 {
		stop = &broken[0]
	}
	in := f.survey.Incidents
	if stop != nil {
		in = slices.DeleteFunc(slices.Clone(in), func(i *filter.Incident) bool { return i.Start.Compare(stop.at.Pos) >= 0 })
	}
	var out []report.Command
	add := func(purpose string, l *commandLine) {
		out = append(out, report.Command{Purpose: purpose, Line: l.flag("target", whereTo).String()})
	}
	switch {
	case len(in) > 0:
		f.beforeIncidents(in, stop, add)
	case stop == nil && len(noBase(a.Tables)) > 0:
		add("Restore the tables that have a base to the end of the log", f.restoreLine())
		if slices.ContainsFunc(a.Tables, offered) {
			add("The same, and of the others make tables of the rows that the log shows", f.restoreLine().on("partial-tables", true))
		}
	case stop == nil:
		add("Restore it to the end of the log", f.restoreLine())
	}
	if stop != nil {
		f.upTo(stop, in, add)
	}
	return out
}

// offered reports a table without a base of which the log shows whole rows.
func offered(t report.TableRow) bool {
	return t.Base == report.BaseNone && t.FirstChange != nil && t.Images == report.ImagesFull && !t.Dropped
}

// lookCloser offers the audit of one database.
func (f *facts) lookCloser(a *report.Audit) (out []report.Command) {
	const most = 8
	for i, db := range a.Databases {
		if i == most {
			break
		}
		s := *f.source
		s.scope.Database = db
		out = append(out, report.Command{Purpose: "Look at " + db + " alone", Line: newCommandLine("audit").source(&s).String()})
	}
	return out
}

func (f *facts) restoreLine() *commandLine { return newCommandLine("restore").source(f.source) }

// beforeIncidents offers the states before the first few incidents, what others wrote since, and one table alone.
func (f *facts) beforeIncidents(in []*filter.Incident, stop *breakage, add func(string, *commandLine)) {
	const most = 3
	for i, x := range in {
		if i == most {
			break
		}
		add(fmt.Sprintf("Restore the state just before incident %s (%s of %s)", x.ID, x.Kind, someNames(x.Tables)), f.restoreLine().flag("stop-before", f.stopValue(x)))
	}
	if l := f.without(in); l != nil {
		to := "the end of the log"
		if stop != nil {
			l.flag("stop-before", stop.at.Pos.String())
			to = stop.at.Pos.String()
		}
		who := "that session"
		if len(in) > 1 {
			who = "the incidents' sessions"
		}
		add(fmt.Sprintf("Go on to %s without what %s wrote from there on, and keep what all others wrote", to, who), l)
	}
	if t := f.oneTable(in[0]); t != "" {
		s := *f.source
		s.scope.Tables, s.scope.Exclude = []string{t}, nil
		add(fmt.Sprintf("Restore only table %s as it was before incident %s", t, in[0].ID), newCommandLine("restore").source(&s).flag("stop-before", in[0].Start.String()))
	}
}

// without leaves all incidents out; nil where that is not possible, or where nothing came after them.
func (f *facts) without(in []*filter.Incident) *commandLine {
	if f.plan == nil || f.snapshot == nil {
		return nil // restore may number the incidents otherwise
	}
	l := f.restoreLine()
	others := false
	for _, x := range in {
		if skippable(x, f.survey.Format.MariaDB) == "" {
			return nil
		}
		others = others || x.OthersAfter.Transactions > 0
		l.flag("skip", "incident:"+x.ID)
	}
	if !others {
		return nil
	}
	return l
}

// oneTable is a table of the incident's that can be restored by its name alone; "" where that would be all of it.
func (f *facts) oneTable(in *filter.Incident) string {
	if len(f.scope.Tables) == 1 || len(in.Tables) == 0 {
		return ""
	}
	for _, name := range in.Tables {
		h := f.survey.Tables[filter.TableName{DB: f.scope.Database, Name: name}]
		if h == nil || slices.ContainsFunc(h.Lifetimes, func(l filter.Lifetime) bool { return l.Other != (filter.TableName{}) }) {
			continue
		}
		if _, based := f.inSnapshot()[h.TableName]; based || h.Missing.IsZero() {
			return name
		}
	}
	return ""
}

// upTo offers the ways past a place that a restore cannot cross.
func (f *facts) upTo(stop *breakage, in []*filter.Incident, add func(string, *commandLine)) {
	at := stop.at.Pos
	if len(in) == 0 && f.after(at) {
		when := ""
		if !stop.at.Time.IsZero() {
			when = ", " + text.Time(stop.at.Time)
		}
		add(fmt.Sprintf("Restore the state just before %s (%s%s)", brokenBy(stop.why), at, when), f.restoreLine().flag("stop-before", at.String()))
	}
	if len(stop.tables) > 0 && len(f.survey.Incidents) == 0 && !slices.ContainsFunc(f.breakages(), func(b breakage) bool { return len(b.tables) == 0 }) {
		var names []string
		for _, b := range f.breakages() {
			for _, t := range b.tables {
				if !slices.Contains(names, t.Name) {
					names = append(names, t.Name)
				}
			}
		}
		s := *f.source
		s.scope.Exclude = slices.Concat(s.scope.Exclude, names)
		add("Restore all other tables to the end of the log", newCommandLine("restore").source(&s))
	}
	if stop.why == "corrupt" || stop.why == "torn" || filter.Final(stop.why) {
		return
	}
	if len(f.survey.Incidents) == 0 {
		add("Go on past it: what is not right then is listed, and the exit code is 3", f.restoreLine().on("allow-incomplete", true))
	}
}

// after reports a place that leaves something of the log to be restored.
func (f *facts) after(at binlog.Position) bool {
	return f.plan == nil || at.Compare(f.plan.Start) > 0
}

// brokenBy names what ends a stretch that can be restored, by its code.
func brokenBy(code string) string {
	switch code {
	case "gap":
		return "the gap"
	case "torn":
		return "the torn end"
	case "corrupt":
		return "the damage"
	case "statement-format":
		return "a change that was logged as a statement"
	case "incident", "incident-event":
		return "the events that the server says it lost"
	case "encrypted", "unsupported", "unreadable":
		return "a file that cannot be read"
	case "unknown-statement":
		return "a statement that is not understood"
	case filter.BeyondScope:
		return "a statement that cannot be taken apart"
	case filter.SystemVersioned:
		return "a table with system versioning"
	case filter.UnsupportedValues:
		return "rows that cannot be read"
	}
	return "what cannot be replayed"
}
