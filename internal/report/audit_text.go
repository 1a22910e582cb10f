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
	mostFiles      = 6 // more than this are folded
)

const minute = "2006-01-02 15:04" // enough for a table

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
	} else if len(a.Incidents) > 0 {
		color = yellow
	}
	p.paragraph(strings.ToUpper(text.Line(a.Verdict))+": ", color, a.Text)
	incidentsText(p, a.Incidents)
	findingsText(p, a.Findings)
	commandsText(p, a.Commands)
	tablesText(p, a.Tables, a.Database)
	changesText(p, a.Changes)
	snapshotText(p, a.Snapshot)
	archiveText(p, &a.Archive, a.Databases)
}

func incidentsText(p *page, incidents []Incident) {
	if len(incidents) > 0 {
		p.heading(fmt.Sprintf("What destroyed data (%s)", text.Counted(int64(len(incidents)), "incident")))
	}
	for i, in := range incidents {
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
		p.field("written since", fmt.Sprintf("by the same session: %s; by all others: %s",
			writes(in.SessionAfter), writes(in.OthersAfter)))
		p.field("stop before it", "--stop-before "+in.StopBefore)
		statementsText(p, in.Statements, mostStatements)
	}
}

// Lost says how many rows an incident took, as far as it is known.
func Lost(in Incident) string {
	switch rows := text.Counted(in.RowsLost, "row"); {
	case in.Exact:
		return rows
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
		rows = append(rows, []string{s.Position, s.Time.UTC().Format("15:04:05"), s.SQL + noted(s.Note)})
	}
	if len(rows) > 0 {
		p.table(4, []column{{"at", words}, {"time", words}, {"statement", words}}, rows)
	}
	if more := len(statements) - len(shown); more > 0 {
		p.line(4, fmt.Sprintf("… and %s", text.Counted(int64(more), "more statement")))
	}
}

func noted(note string) string {
	if note == "" {
		return ""
	}
	return "   (" + note + ")"
}

func findingsText(p *page, findings []Finding) {
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
		color := red
		switch f.Severity {
		case "warning":
			color = yellow
		case "note":
			color = ""
		}
		p.paragraph("  "+text.Pad(text.Line(f.Severity), 8), color, where+f.Text)
		if f.Path != "" && !strings.Contains(f.Text, f.Path) {
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

func tablesText(p *page, tables []TableRow, database string) {
	if len(tables) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Tables (%d)", len(tables)))
	shown, hidden := foldTables(tables)
	var rows [][]string
	for _, t := range shown {
		name := t.Name
		if t.Database != database {
			name = t.Database + "." + t.Name
		}
		last := ""
		if !t.LastChange.IsZero() {
			last = t.LastChange.UTC().Format(minute)
		}
		rows = append(rows, []string{text.Fit(text.Line(name), 32), t.Base, number(t.BaseRows), number(t.Inserted),
			number(t.Updated), number(t.Deleted), last, tableNote(t)})
	}
	p.table(2, []column{{"table", words}, {"base", words}, {"base rows", amount}, {"inserted", amount}, {"updated", amount},
		{"deleted", amount}, {"last change", words}, {"note", wrapped}}, rows)
	if hidden > 0 {
		p.line(2, fmt.Sprintf("… and %s with a base and nothing to say of them", text.Counted(int64(hidden), "more table")))
	}
}

// tableNote tells the lane where it is not the usual one.
func tableNote(t TableRow) string {
	if t.Lane == "" || t.Lane == "fold" {
		return t.Note
	}
	return t.Lane + " lane" + detail(t.Note)
}

// foldTables keeps all that need a look and fills up with the first others, in the order given.
func foldTables(tables []TableRow) (shown []TableRow, hidden int) {
	if len(tables) <= mostTables+1 {
		return tables, 0
	}
	needed := 0
	look := func(t TableRow) bool { return t.Base == BaseNone || t.Note != "" }
	for _, t := range tables {
		if look(t) {
			needed++
		}
	}
	room := mostTables - needed
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

func changesText(p *page, changes []Statement) {
	if len(changes) > 0 {
		p.heading(fmt.Sprintf("Schema changes in the log (%d)", len(changes)))
		statementsText(p, changes, mostChanges)
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
	p.field("file", s.Path)
	p.field("kind", kind)
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
