package report

import (
	"fmt"
	"io"

	"lifeboat/internal/ui/text"
)

// Plan is what a restore would do, for people. The plan itself is data of its own and has a JSON form of
// its own; this is the page that restore --dry-run shows.
type Plan struct {
	Database, Into string
	Target         string
	Refused        string     // why restore would not run it; empty: it would
	Snapshot       string     // path; empty: the tables come from the log
	SnapshotAt     string     // its place in the log, or "unknown"
	Bases          []BasePlan // where several backups were given
	From, To       string     // the stretch of log that is applied
	Why            string     // it ends at To, as "before incident wipe-1"
	Files          int
	Bytes          int64 // of log to read
	Workers        int
	Memory         int64 // bytes for the fold
	Tables         []TablePlan
	DDL            []Statement // what runs on the target in its place
	Skipped        []string    // what is left out by the user's word
	Notes          []string    // as: the target's own binary log is off for lifeboat's sessions
	Warnings       []string
	Commands       []Command
}

// TablePlan is what would be done to one table.
type TablePlan struct {
	Name     string
	Base     string // BaseSnapshot, BaseLog or BaseNone
	BaseRows int64
	Changes  int64 // row changes in the stretch
	Lane     string
	Why      string
}

// WritePlan writes the text of p.
func WritePlan(w io.Writer, plan *Plan, color bool) error {
	return write(w, Text, color, nil, func(p *page) { planText(p, plan) })
}

func planText(p *page, plan *Plan) {
	if plan.Refused != "" {
		p.paragraph("REFUSED: ", red, plan.Refused)
	} else {
		p.paragraph("PLAN: ", green, fmt.Sprintf("restore %s, on %s. Nothing has been changed.",
			restored(plan.Database, plan.Into), plan.Target))
	}
	commandsText(p, plan.Commands)
	p.blank()
	switch {
	case len(plan.Bases) > 0:
		for i, b := range plan.Bases {
			p.field(fmt.Sprintf("base %d", i+1), b.text())
		}
	case plan.Snapshot != "":
		p.field("base", fmt.Sprintf("%s, at %s", plan.Snapshot, plan.SnapshotAt))
	default:
		p.field("base", "none: the tables come from their CREATE statements in the log")
	}
	p.field("log", fmt.Sprintf("%s to %s", plan.From, plan.To))
	p.field("ends there", plan.Why)
	p.field("reads", fmt.Sprintf("%s, %s", text.Counted(int64(plan.Files), "file"), text.Bytes(plan.Bytes)))
	p.field("writes with", fmt.Sprintf("%s, folding in %s of memory", text.Counted(int64(plan.Workers), "connection"), text.Bytes(plan.Memory)))
	for _, s := range plan.Skipped {
		p.field("left out", s)
	}
	for _, s := range plan.Notes {
		p.field("note", s)
	}
	if len(plan.Warnings) > 0 {
		p.heading("Look at this first")
		bullets(p, plan.Warnings, mostFindings)
	}
	if len(plan.DDL) > 0 {
		p.heading(fmt.Sprintf("Schema changes that run on the target (%d)", len(plan.DDL)))
		statementsText(p, plan.DDL, mostChanges)
	}
	if len(plan.Tables) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Tables (%d)", len(plan.Tables)))
	var rows [][]string
	for _, t := range plan.Tables {
		lane := t.Lane
		if t.Why != "" {
			lane += ": " + t.Why
		}
		rows = append(rows, []string{text.Fit(text.Line(t.Name), 32), t.Base, number(t.BaseRows), number(t.Changes), lane})
	}
	p.table(2, []column{{"table", words}, {"base", words}, {"base rows", amount}, {"row changes", amount}, {"lane", wrapped}}, rows)
}
