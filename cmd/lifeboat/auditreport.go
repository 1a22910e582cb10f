package main

import (
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

// report puts the facts into words.
func (f *facts) report(e *env, w coverWanted) *report.Audit {
	a := &report.Audit{Tool: e.tool(), Generated: e.time(), Database: f.scope.Database, Databases: f.databases(), Archive: archivePart(f.archive)}
	for _, in := range f.survey.Incidents {
		x := incidentPart(in, f.stopValue(in))
		x.SessionUnknown = f.survey.Format.MariaDB // its row transactions name no session
		a.Incidents = append(a.Incidents, x)
	}
	a.Findings = f.findingParts()
	if f.snapshot != nil {
		a.Snapshot = f.snapshotPart()
	}
	a.Tables = f.tables()
	a.Changes = f.changes()
	for i := range f.survey.Harmless {
		s := &f.survey.Harmless[i]
		x := statementPart(&s.StatementRef)
		x.Note = s.Why
		a.Migrations = append(a.Migrations, x)
	}
	a.MigrationsLeftOut = f.survey.HarmlessAll - int64(len(a.Migrations))
	if slices.ContainsFunc(a.Tables, func(t report.TableRow) bool { return len(t.Restorable) > 0 }) {
		a.Restorable = f.whole()
	}
	a.Timeline = f.timelinePart()
	f.verdict(a)
	short(a, f.cover(w, a.Generated))
	a.Commands = f.commands(a)
	return a
}

// stopValue names the place before an incident. Its id means the same to restore only where both read the
// same: one database, over the same snapshot.
func (f *facts) stopValue(in *filter.Incident) string {
	if f.plan != nil && f.snapshot != nil {
		return "incident:" + in.ID
	}
	return in.Start.String()
}

func (f *facts) databases() []string {
	names := map[string]bool{}
	for n := range f.survey.Databases {
		names[n] = true
	}
	if f.snapshot != nil {
		for _, n := range f.snapshot.Index().Databases {
			names[n] = true
		}
	}
	maps.DeleteFunc(names, func(n string, _ bool) bool { return n == "" || filter.System(n) })
	return slices.Sorted(maps.Keys(names))
}

func archivePart(a *archive.Archive) report.ArchivePart {
	p := report.ArchivePart{Roots: a.Roots, First: a.Files[0].First, Last: a.Files[len(a.Files)-1].Last, To: a.Files[len(a.Files)-1].End().String()}
	p.From = binlog.Position{File: a.Files[0].Name(), Offset: 4}.String()
	for _, x := range a.Files {
		p.Bytes += x.Size
		p.Transactions += x.Transactions
		if p.First.IsZero() {
			p.First = x.First
		}
		if !x.Last.IsZero() {
			p.Last = x.Last
		}
		p.Files = append(p.Files, fileRow(x))
	}
	return p
}

func fileRow(x *archive.File) report.FileRow {
	r := report.FileRow{Name: x.Name(), Path: x.Path, Server: x.Format.ServerVersion, Bytes: x.Size, First: x.First, Last: x.Last, Transactions: x.Transactions,
		GTIDs: x.GTIDs.String(), Checksum: "none", State: "intact", End: fileEnd(x)}
	if x.Format.Checksum {
		r.Checksum = "CRC32"
	}
	if x.Format.ServerID != 0 {
		r.ServerID = fmt.Sprint(x.Format.ServerID)
	}
	r.ServerUUID, r.Packed, r.InUse, r.PreviousGTIDs, r.Anonymous = x.ServerUUID, x.Compressed, x.Format.InUse, x.Previous.String(), x.Anonymous
	r.RowEvents, r.Statements, r.Compressed, r.Aliases = x.RowEvents, x.StatementChanges, x.CompressedTx, x.Aliases
	r.Format, r.Image = logged(x)
	for _, p := range x.Pieces {
		r.Pieces = append(r.Pieces, report.Piece{Path: p.Path, From: p.From})
	}
	for _, c := range x.Copies {
		part := report.Copy{Path: c.Path, Bytes: c.Size, State: string(c.State), Used: c.Used}
		if c.Err != nil {
			part.Detail = c.Err.Error()
		}
		if c.Used && c.State != archive.Intact && !x.Proven {
			r.State = string(c.State)
		}
		r.Copies = append(r.Copies, part)
	}
	return r
}

// logged tells how a file logs changes, as far as Open saw them: it does not look into compressed transactions of MySQL.
func logged(x *archive.File) (format, image string) {
	hidden := x.CompressedTx > 0 && !x.Format.MariaDB
	switch {
	case x.RowEvents > 0 && x.StatementChanges > 0:
		format = report.FormatMixed
	case x.RowEvents > 0:
		format = report.FormatRow
	case x.StatementChanges > 0 && !hidden:
		format = report.FormatStatement
	}
	switch {
	case x.PartialRows > 0:
		image = report.ImagesPartial
	case x.RowEvents > 0 && !hidden:
		image = report.ImagesFull
	}
	return format, image
}

func fileEnd(x *archive.File) string {
	switch {
	case x.Ending.Torn != nil:
		return "inside an event"
	case x.Ending.InTx:
		return "inside a transaction"
	case x.Ending.Next.File != "":
		return "rotate"
	case x.Ending.Stop:
		return "stop"
	case x.Proven:
		return "proven by its successor"
	case x.Format.InUse:
		return "in use"
	}
	return "unproven"
}

func incidentPart(in *filter.Incident, stop string) report.Incident {
	p := report.Incident{ID: in.ID, Kind: in.Kind, Position: in.Start.String(), End: in.End.String(), GTID: in.GTID.String(), Time: in.Time, Last: lastOf(in),
		Thread: in.Thread, ServerID: in.ServerID, User: in.User, Tables: in.Tables, RowsLost: in.RowsLost, Exact: in.Exact, StopBefore: stop,
		SessionBefore: report.Writes{Transactions: in.SessionBefore.Transactions, Rows: in.SessionBefore.Rows}, SessionFrom: in.SessionFrom,
		SessionAfter: report.Writes{Transactions: in.SessionAfter.Transactions, Rows: in.SessionAfter.Rows},
		OthersAfter:  report.Writes{Transactions: in.OthersAfter.Transactions, Rows: in.OthersAfter.Rows}}
	if p.Tables == nil {
		p.Tables = []string{}
	}
	for _, s := range in.Statements {
		x := statementPart(&s.StatementRef)
		x.Kind, x.RowsLost = s.Kind, s.RowsLost
		p.Statements = append(p.Statements, x)
	}
	return p
}

// lastOf is when the last statement of a wipe was committed; what its session wrote later is told apart.
func lastOf(in *filter.Incident) time.Time {
	if n := len(in.Statements); n > 0 {
		return in.Statements[n-1].Time
	}
	return in.Last
}

func statementPart(s *filter.StatementRef) report.Statement {
	return report.Statement{Position: s.Pos.String(), Time: s.Time, Kind: strings.ToLower(s.Verb), SQL: s.SQL, Tables: s.Tables,
		GTID: s.GTID.String(), Thread: s.Thread, User: s.User}
}

// findingParts are the archive's, the audit's own and the log's findings.
func (f *facts) findingParts() (out []report.Finding) {
	for _, x := range slices.Concat(f.archive.Findings, f.findings) {
		out = append(out, report.Finding{Code: x.Code, Severity: x.Severity.String(), Position: x.Pos.String(), Path: x.Path, Text: x.Text, Remedy: x.Remedy})
	}
	for _, x := range f.survey.Findings {
		part := report.Finding{Code: x.Code, Severity: archive.Note.String(), Position: x.Pos.String(), Text: x.Text}
		if x.Blocks {
			part.Severity, part.InLosses = archive.Warning.String(), true
			pass := "leave it out with --allow-incomplete"
			if filter.Final(x.Code) {
				pass = "leave its table out with --exclude-table"
			}
			part.Remedy = fmt.Sprintf("restore refuses to pass it: stop before it with --stop-before %s, or %s", x.Pos, pass)
		}
		out = append(out, part)
	}
	return out
}

func (f *facts) snapshotPart() *report.SnapshotPart {
	x := f.snapshot.Index()
	p := &report.SnapshotPart{Path: x.Path, Format: x.Format, Server: x.ServerVersion, Complete: report.Yes, Notes: x.Notes}
	if x.CompleteUnknown {
		p.Complete = report.Unknown
	} else if !x.Complete {
		p.Complete = report.No
	}
	if !x.Taken.IsZero() {
		p.Taken = x.Taken.Format("2006-01-02 15:04:05") + " (its server's zone)"
	}
	p.Position, p.GTIDs = x.Coordinates.Position.String(), x.Coordinates.GTIDs.String()
	switch {
	case x.Coordinates.Upstream:
		p.Notes = append(slices.Clone(p.Notes), fmt.Sprintf("its position %s is in the log of the server that this one replicated from", p.Position))
		p.Position = ""
	case f.position == "unknown":
		p.Notes = append(slices.Clone(p.Notes), "its place in the log is taken to be unknown, as --snapshot-position says")
	case f.position != "auto":
		p.Notes = append(slices.Clone(p.Notes), "taken to be at "+f.position+", as --snapshot-position says")
	}
	for _, t := range x.Tables {
		if !t.View {
			p.Tables++
			p.Rows += t.Rows
		}
	}
	return p
}

// changes are the schema changes that are no part of an incident.
func (f *facts) changes() (out []report.Statement) {
	wiped, moved := map[binlog.Position]bool{}, f.moved()
	for _, in := range f.survey.Incidents {
		for _, s := range in.Statements {
			wiped[s.Pos] = true
		}
	}
	for _, s := range f.survey.Statements {
		if wiped[s.Pos] {
			continue
		}
		x := statementPart(&s)
		if moved[s.Pos] {
			x.Note = filter.WhyTableCopy
		}
		out = append(out, x)
	}
	return out
}

// relevant are the findings that a restore with this snapshot would meet.
func (f *facts) relevant() []archive.Finding {
	from := binlog.Position{}
	if f.plan != nil {
		from = f.plan.Start
	}
	out := slices.Clone(f.findings)
	if len(f.archive.Files) > 0 {
		out = append(out, f.archive.Problems(from, binlog.Position{})...)
	}
	return out
}

// noBase names the tables without a base.
func noBase(tables []report.TableRow) (names []string) {
	for _, t := range tables {
		if t.Base == report.BaseNone {
			names = append(names, t.Name)
		}
	}
	return names
}
