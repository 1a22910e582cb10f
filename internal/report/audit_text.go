package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeboat/internal/ui/text"
)

// How much of a long list is shown; the JSON form has all of it.
const (
	mostStatements = 6
	mostTables     = 20
	mostChanges    = 8
	mostFindings   = 20
	mostIncidents  = 5
	mostFiles      = 6 // more than this are folded

	// Where nothing is wrong, so that it fits on a screen.
	calmTables  = 8
	calmChanges = 5
)

// Enough for a table.
const (
	minute  = "2006-01-02 15:04"
	shortly = "01-02 15:04"
)

func auditText(p *page, a *Audit) {
	what := "all databases"
	if a.Database != "" {
		what = "database " + a.Database
	}
	p.line(0, fmt.Sprintf("Audit of %s, %s, by %s", what, text.Time(a.Generated), a.Tool))
	p.blank()
	color := green
	if a.ExitCode != 0 {
		color = red
	} else if len(a.Incidents) > 0 || len(a.Losses) > 0 {
		color = yellow
	}
	p.paragraph(strings.ToUpper(text.Line(a.Verdict))+": ", color, a.Text)
	restorableText(p, a)
	coverText(p, a.Cover)
	incidentsText(p, a.Incidents)
	commandsText(p, a.Commands)
	lossesText(p, a)
	findingsText(p, a.Findings)
	tables, changes := mostTables, mostChanges
	if a.ExitCode == 0 && len(a.Incidents) == 0 && len(a.Losses) == 0 {
		tables, changes = calmTables, calmChanges
	}
	tablesText(p, a, tables)
	changesText(p, a, changes)
	snapshotText(p, a.Snapshot)
	archiveText(p, a)
}

func restorableText(p *page, a *Audit) {
	const lead = "CAN BE RESTORED: "
	r := a.Restorable
	switch {
	case r == nil && len(a.Tables) == 0:
	case r == nil:
		p.paragraph(lead, red, "nothing; no table has a base")
	default:
		say := "every state from " + rangeText(r)
		if r.Ends != "" {
			say += ", where the log breaks off (" + r.Ends + ")"
		}
		if r.Inexact {
			say += ", as well as a snapshot of unknown date allows"
		}
		p.paragraph(lead, "", say+exceptions(a.Tables, r))
	}
}

func rangeText(r *Range) string {
	from, to := r.Earliest.Time.UTC(), r.Latest.Time.UTC()
	if from.IsZero() || to.IsZero() {
		return r.Earliest.Position + " to " + r.Latest.Position
	}
	const day, clock = "2006-01-02", "15:04:05"
	until := to.Format(clock)
	if from.Format(day) != to.Format(day) {
		until = to.Format(day + " " + clock)
	}
	return fmt.Sprintf("%s to %s UTC (%s to %s)", from.Format(day+" "+clock), until, r.Earliest.Position, r.Latest.Position)
}

// exceptions counts the tables of which it is not so.
func exceptions(tables []TableRow, r *Range) string {
	none, some := 0, 0
	for _, t := range tables {
		switch restorable(&t, r) {
		case wholly:
		case "no":
			none++
		default:
			some++
		}
	}
	switch {
	case none+some == 0:
		return ""
	case none == 0:
		return fmt.Sprintf("; %s only in part, see the tables", text.Counted(int64(some), "table"))
	case some == 0:
		return fmt.Sprintf("; %s not at all, see the tables", text.Counted(int64(none), "table"))
	}
	return fmt.Sprintf("; %s only in part and %s not at all, see the tables", text.Counted(int64(some), "table"), text.Counted(int64(none), "table"))
}

// wholly stands for a table of which every state can be restored that can be restored of anything.
const wholly = "all"

// restorable says in a few words of which stretch of the whole a table's states can be restored. That it did not exist for a
// while takes nothing away.
func restorable(t *TableRow, whole *Range) string {
	if whole == nil || len(t.Restorable) == 0 {
		if t.Base != BaseNone && t.Dropped {
			return wholly
		}
		return "no"
	}
	first, last := t.Restorable[0], t.Restorable[len(t.Restorable)-1]
	from, until := "", ""
	if t.IncompleteFrom != nil {
		from = "from " + first.Earliest.Time.UTC().Format(shortly)
	}
	for _, r := range t.Restorable {
		if r.Ends != "" && !lived(r.Ends) && r.Ends != whole.Ends {
			until = "until " + r.Latest.Time.UTC().Format(shortly)
			last = r
			break
		}
	}
	if until != "" && last.Latest != t.Restorable[len(t.Restorable)-1].Latest {
		until += ", and later"
	}
	if s := strings.TrimSpace(from + " " + until); s != "" {
		return s
	}
	return wholly
}

// lived reports an end that is the table's own, not the log's.
func lived(ends string) bool {
	return ends == "dropped" || ends == "replaced" || strings.HasPrefix(ends, "renamed")
}

// coverText says what a scheduled check found.
func coverText(p *page, c *Cover) {
	if c == nil {
		return
	}
	if c.Reached {
		p.paragraph("COVER: ", green, fmt.Sprintf("the log reaches from %s to %s without a gap, as was asked for", text.Time(c.From), text.Time(c.To)))
		return
	}
	p.paragraph("COVER MISSING: ", red, fmt.Sprintf("the log was to reach from %s to %s", text.Time(c.From), text.Time(c.To)))
	for _, m := range c.Missing {
		p.paragraph("  missing  ", red, fmt.Sprintf("%s to %s: %s", text.Time(m.From), text.Time(m.To), m.Why))
	}
}

func lossesText(p *page, a *Audit) {
	losses := a.Losses
	if len(losses) == 0 || len(losses) == len(a.Incidents) { // the incidents have been shown
		return
	}
	p.heading("What a restore to the end of the log would lack or have wrong")
	for i, l := range losses {
		if i == mostFindings && len(losses) > mostFindings+1 {
			p.line(2, fmt.Sprintf("… and %s", text.Counted(int64(len(losses)-i), "more loss")))
			break
		}
		p.paragraph("  - ", "", l)
	}
}

func incidentsText(p *page, incidents []Incident) {
	if len(incidents) > 0 {
		p.heading(fmt.Sprintf("What destroyed data (%s)", text.Counted(int64(len(incidents)), "incident")))
	}
	for i, in := range incidents {
		if i == mostIncidents && len(incidents) > mostIncidents+1 {
			p.line(2, fmt.Sprintf("… and %s", text.Counted(int64(len(incidents)-i), "more incident")))
			break
		}
		if i > 0 {
			p.blank()
		}
		span := text.Time(in.Time)
		if in.Last.Sub(in.Time) >= time.Second {
			span += ", over " + text.Duration(in.Last.Sub(in.Time))
		}
		p.colored(2, red, fmt.Sprintf("%s: %s at %s", in.ID, in.Kind, in.Position))
		p.field("when", span)
		p.field("who", who(in))
		p.field("GTID", in.GTID)
		p.field("tables", fmt.Sprintf("%d: %s", len(in.Tables), list(in.Tables, 8)))
		p.field("lost", Lost(in))
		if in.SessionBefore.Transactions > 0 {
			p.field("written before", fmt.Sprintf("by the same session, from %s on: %s", text.Time(in.SessionFrom), writes(in.SessionBefore)))
		}
		p.field("written since", since(in))
		p.field("stop before it", "--stop-before "+in.StopBefore)
		statementsText(p, in.Statements, mostStatements)
	}
}

func since(in Incident) string {
	if in.Thread == 0 || in.SessionUnknown {
		return writes(in.OthersAfter) + "; by which sessions the log does not say"
	}
	return fmt.Sprintf("by the same session: %s; by all others: %s", writes(in.SessionAfter), writes(in.OthersAfter))
}

// Lost says how many rows an incident took, as far as it is known.
func Lost(in Incident) string {
	switch rows := text.Counted(in.RowsLost, "row"); {
	case in.Exact:
		return rows
	case in.RowsLost == 0 && in.Kind == "alter":
		return "the columns or partitions that the statement names"
	case in.RowsLost == 0:
		return "rows that the log does not count"
	default:
		return "at least " + rows
	}
}

func who(in Incident) string {
	var parts []string
	if in.User != "" {
		parts = append(parts, "user "+in.User)
	}
	if in.Thread != 0 {
		parts = append(parts, fmt.Sprintf("session (thread) %d", in.Thread))
	} else {
		parts = append(parts, "a session that the log does not name")
	}
	return strings.Join(append(parts, fmt.Sprintf("on server %d", in.ServerID)), ", ")
}

func writes(w Writes) string {
	if w.Transactions == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s in %s", text.Counted(w.Rows, "row"), text.Counted(w.Transactions, "transaction"))
}

// statementsText shows the first statements, and says how many more there are.
func statementsText(p *page, statements []Statement, most int) {
	shown := statements
	if len(shown) > most+1 {
		shown = shown[:most]
	}
	var rows [][]string
	for _, s := range shown {
		rows = append(rows, []string{s.Position, s.Time.UTC().Format("15:04:05"), s.Note, strings.TrimSuffix(s.SQL, " /* generated by server */")})
	}
	if len(rows) > 0 {
		p.table(4, []column{{"at", words}, {"time", words}, {"what it was", words}, {"statement", words}}, rows)
	}
	if more := len(statements) - len(shown); more > 0 {
		p.line(4, fmt.Sprintf("… and %s", text.Counted(int64(more), "more statement")))
	}
}

func findingsText(p *page, findings []Finding) {
	findings = slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.InLosses })
	if len(findings) == 0 {
		return
	}
	if slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity != "note" }) {
		p.heading("What is wrong with the archive")
	} else {
		p.heading("Notes on the archive")
	}
	// The worst first; among equals, the order of the log.
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
	for i, f := range sorted {
		if i == mostFindings && len(sorted) > mostFindings+1 {
			p.line(2, fmt.Sprintf("… and %s", text.Counted(int64(len(sorted)-i), "more finding")))
			break
		}
		where := f.Position
		if where != "" {
			where = "at " + where + ": "
		}
		file, _, _ := strings.Cut(f.Position, ":")
		if strings.Contains(f.Text, strings.TrimSuffix(f.Position, ":0")) || f.Severity == "note" && strings.Contains(f.Text, file) {
			where = ""
		}
		color := red
		switch f.Severity {
		case "warning":
			color = yellow
		case "note":
			color = ""
		}
		p.paragraph("  "+text.Pad(text.Line(f.Severity), 8), color, where+f.Text)
		if f.Path != "" && f.Severity != "note" && !strings.Contains(f.Text, f.Path) {
			p.paragraph("          in ", "", f.Path)
		}
		p.paragraph("          → ", "", f.Remedy)
	}
}

func rank(severity string) int {
	if i := slices.Index([]string{"corrupt", "gap", "warning", "note"}, severity); i >= 0 {
		return i
	}
	return 0 // one that is not known here is not to be overlooked
}

func commandsText(p *page, commands []Command) {
	if len(commands) > 0 {
		p.heading("What next")
	}
	for _, c := range commands {
		p.paragraph("  ", "", c.Purpose+":")
		p.command(6, c.Line)
	}
}

func tablesText(p *page, a *Audit, most int) {
	if len(a.Tables) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Tables (%d)", len(a.Tables)))
	shown, hidden := foldTables(a.Tables, a.Restorable, most)
	var rows [][]string
	partly := slices.ContainsFunc(shown, func(t TableRow) bool { return restorable(&t, a.Restorable) != wholly })
	for _, t := range shown {
		name := t.Name
		if t.Database != a.Database {
			name = t.Database + "." + t.Name
		}
		last := ""
		if !t.LastChange.IsZero() {
			last = t.LastChange.UTC().Format(minute)
		}
		can := ""
		if partly {
			can = restorable(&t, a.Restorable)
		}
		rows = append(rows, []string{text.Fit(text.Line(name), 32), t.Base, can, number(t.BaseRows), number(t.Inserted),
			number(t.Updated), number(t.Deleted), last, tableNote(&t)})
	}
	p.table(2, []column{{"table", words}, {"base", words}, {"restorable", words}, {"base rows", amount}, {"inserted", amount}, {"updated", amount},
		{"deleted", amount}, {"last change", words}, {"note", wrapped}}, rows)
	if hidden > 0 {
		p.line(2, fmt.Sprintf("… and %s with a base and nothing to say of them", text.Counted(int64(hidden), "more table")))
	}
}

// tableNote tells the lane where it is not the usual one, and how the table ended.
func tableNote(t *TableRow) string {
	var say []string
	if n := len(t.Lifetimes); n > 0 && t.Dropped {
		switch l := t.Lifetimes[n-1]; l.Event {
		case LifeDrop:
			say = append(say, "dropped "+l.Time.UTC().Format(shortly))
		case LifeRenameTo:
			say = append(say, "renamed to "+l.Other)
		}
	}
	note := t.Note
	if t.Lane != "" && t.Lane != "fold" {
		note = t.Lane + " lane" + detail(t.Note)
	}
	if note != "" {
		say = append(say, note)
	}
	return strings.Join(say, "; ")
}

// foldTables keeps all that need a look and fills up with the first others, in the order given.
func foldTables(tables []TableRow, whole *Range, most int) (shown []TableRow, hidden int) {
	if len(tables) <= most+1 {
		return tables, 0
	}
	needed := 0
	look := func(t TableRow) bool { return t.Base == BaseNone || t.Note != "" || restorable(&t, whole) != wholly }
	for _, t := range tables {
		if look(t) {
			needed++
		}
	}
	room := most - needed
	for _, t := range tables {
		if !look(t) {
			if room <= 0 {
				hidden++
				continue
			}
			room--
		}
		shown = append(shown, t)
	}
	return shown, hidden
}

func changesText(p *page, a *Audit, most int) {
	if n := int64(len(a.Migrations)) + a.MigrationsLeftOut; n > 0 {
		p.heading(fmt.Sprintf("No incidents, though they look like it (%s)", text.Count(n)))
		statementsText(p, a.Migrations, most)
		if a.MigrationsLeftOut > 0 {
			p.line(4, fmt.Sprintf("… and %s", text.Counted(a.MigrationsLeftOut, "more statement")))
		}
	}
	changes := slices.DeleteFunc(slices.Clone(a.Changes), func(c Statement) bool {
		return slices.ContainsFunc(a.Migrations, func(m Statement) bool { return m.Position == c.Position })
	})
	if len(changes) > 0 {
		p.heading(fmt.Sprintf("Schema changes in the log (%d)", len(changes)))
		statementsText(p, changes, most)
	}
}

func snapshotText(p *page, s *SnapshotPart) {
	p.heading("Snapshot")
	if s == nil {
		p.line(2, "none given")
		return
	}
	kind := s.Format
	if s.Server != "" {
		kind += " of " + s.Server
	}
	if s.Taken != "" {
		kind += ", taken " + s.Taken
	}
	switch s.Complete {
	case Yes:
		kind += ", complete"
	case No:
		kind += ", CUT SHORT"
	default:
		kind += ", with no mark at its end that would show it is complete"
	}
	p.field("file", s.Path+": "+kind)
	at := s.Position
	if at == "" {
		at = "unknown"
	}
	if s.GTIDs != "" {
		at += ", GTIDs " + s.GTIDs
	}
	p.field("position", at)
	size := text.Counted(int64(s.Tables), "table")
	if s.Rows > 0 {
		size += ", " + text.Counted(s.Rows, "row")
	}
	p.field("holds", size)
	for _, n := range s.Notes {
		p.field("note", n)
	}
}
