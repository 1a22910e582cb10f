package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/binlog"
	"lifeboat/internal/report"
	"lifeboat/internal/ui/text"
	"lifeboat/replay/plan"
)

type planOptions struct {
	job
	output
}

func planCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "what a restore would do, as JSON that restore --plan runs",
		Description: "Reads binlogs and snapshot, and changes nothing. It is refused where restore would be.",
		Flags:       flags(jobFlags(), []cli.Flag{formatFlag(report.JSON), fileFlag()}),
		Action: func(c *cli.Context) (err error) {
			var o planOptions
			if o.job, err = readJob(c); err != nil {
				return err
			}
			if o.output, err = readOutput(c); err != nil {
				return err
			}
			if err = o.reportFile(e); err != nil {
				return err
			}
			if err = o.check(); err != nil {
				return err
			}
			return showPlan(c.Context, e, o)
		},
	}
}

// showPlan makes a plan and writes it out.
func showPlan(ctx context.Context, e *env, o planOptions) (err error) {
	m := newMeter(e, o.progress, o.phases()...)
	defer func() { m.close(outcome(err), err) }()
	defer func() { err = errors.Join(err, o.sweep()) }()
	p, err := o.makePlan(ctx, m, nil)
	o.keepLive = err == nil && o.output.file != "" // a saved plan names it
	m.close(outcome(err), err)
	if err != nil && (o.format == report.JSON || p.survey == nil || ctx.Err() != nil) {
		return err // a refused plan is not one to save
	}
	if werr := o.write(e, func(w sink) error { return writePlan(w, &o.job, &p, err, o.format, "the target") }); werr != nil {
		return werr
	}
	return err
}

// writePlan writes a plan as JSON, or as a page for people, which can also tell why it is refused.
func writePlan(w sink, j *job, p *planned, refused error, format, where string, notes ...string) error {
	if format == report.JSON {
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(p.plan)
	}
	return report.WritePlan(w, planPage(j, p, refused, where, notes), w.color)
}

func planPage(j *job, p *planned, refused error, where string, notes []string) *report.Plan {
	r := &report.Plan{Database: p.plan.Database, Into: p.plan.Into, Target: where, From: p.plan.Start.String(), To: endOf(p.plan).String(), Why: why(p.plan),
		Workers: j.workers, Memory: j.memory, Notes: notes}
	if refused != nil {
		r.Refused = refused.Error()
		if x, ok := refused.(*incidentRefusal); ok {
			r.Commands = x.Commands
		}
	}
	if s := p.plan.Snapshot; s != nil {
		r.Snapshot, r.SnapshotAt = s.Path, "unknown"
		if !s.GTIDs.IsEmpty() {
			r.SnapshotAt = "GTIDs " + s.GTIDs.String()
		} else if !s.Position.IsZero() {
			r.SnapshotAt = s.Position.String()
		}
	}
	r.Bases = basesPart(p.plan)
	for _, f := range p.archive.Files {
		if inRange(p.plan, binlog.Position{File: f.Name(), Offset: 1 << 62}, binlog.Position{File: f.Name()}) {
			r.Files++
			r.Bytes += f.Size
		}
	}
	for _, t := range p.plan.Routes {
		lane, reason := string(t.Lane), t.Why
		switch {
		case t.Merge:
			lane = "merge"
		case t.MergeWhy != "":
			reason = "the backup's rows first, since " + t.MergeWhy
		}
		base := t.Base
		if t.From > 0 {
			base = fmt.Sprintf("%s %d", base, t.From)
		}
		r.Tables = append(r.Tables, report.TablePlan{Name: t.Name, Base: base, BaseRows: t.BaseRows, Changes: t.Inserted + t.Updated + t.Deleted, Lane: lane, Why: reason})
	}
	for _, s := range p.survey.Statements {
		if inRange(p.plan, s.Pos, s.Pos) && !slices.Contains(p.plan.SkipStart, s.Pos) {
			r.DDL = append(r.DDL, statementPart(&s))
		}
	}
	if !p.plan.SkipGTIDs.IsEmpty() {
		r.Skipped = append(r.Skipped, "transactions "+p.plan.SkipGTIDs.String())
	}
	for _, g := range p.plan.SkipNamed {
		r.Skipped = append(r.Skipped, "transaction "+g.String())
	}
	if n := len(p.plan.SkipStart); n > 0 {
		r.Skipped = append(r.Skipped, fmt.Sprintf("%s from %s on, as %s", text.Counted(int64(n), "transaction"), p.plan.SkipStart[0], strings.Join(j.skip, ", ")))
	}
	r.Notes = append(r.Notes, planNotes(p.plan)...)
	r.Warnings = slices.Concat(p.plan.Incomplete, p.plan.Findings)
	return r
}

func planNotes(p *plan.Plan) (out []string) {
	if !p.Exact {
		out = append(out, "the base's place in the log is not known: the whole log is applied over it, and rows that changed before the log begins stay as the base has them")
	}
	if n := len(p.Void); n > 0 {
		out = append(out, text.Counted(int64(n), "transaction")+" of the log had no effect (rolled back, or never decided)")
	}
	if p.BaseLoaded {
		out = append(out, "the base is what the target holds now")
	}
	if p.DropExisting {
		out = append(out, fmt.Sprintf("database %s on the target is dropped first", p.Into))
	}
	return out
}

// inRange reports whether the stretch from first to last lies at least partly in what the plan applies.
func inRange(p *plan.Plan, last, first binlog.Position) bool {
	if p.Start.IsZero() || last.Compare(p.Start) < 0 {
		return false
	}
	return p.Stop.IsZero() || first.Compare(p.Stop) < 0
}

// endOf is the place in the log that a restore leaves the target at.
func endOf(p *plan.Plan) binlog.Position {
	if !p.Stop.IsZero() {
		return p.Stop
	}
	return p.End
}

func why(p *plan.Plan) string {
	if p.Stop.IsZero() {
		return "the log ends"
	}
	return p.StopSpec
}
