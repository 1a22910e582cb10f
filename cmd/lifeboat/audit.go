package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/report"
	"lifeboat/internal/ui"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

type auditOptions struct {
	source
	output
	progress ui.Mode
	cover    coverWanted
	quick    bool
	orphans  bool
	spillDir string
	effort
}

func auditCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "audit", Usage: "is the archive complete, and what happened to the database?",
		Description: "Reads binlogs and snapshot, and changes nothing. Without --database it covers all databases.\n" +
			"Exit codes: 0 complete, 3 complete, but a restore from this snapshot would lack something, 10 gaps or a torn end, 11 damaged.",
		Flags: flags(sourceFlags(), coverFlags(), []cli.Flag{formatFlag(report.Text, report.HTML), fileFlag(), progressFlag(),
			boolFlag("quick", "verify the files and list DDL only: rows are not read, no snapshot is looked at"),
			boolFlag("orphans", "hold the snapshot's rows against the log, and count the changes whose row it lacks; takes the memory of a restore"),
			spillFlag("and what does not fit is not counted; for --orphans")}, effortFlags()),
		Action: func(c *cli.Context) (err error) {
			var o auditOptions
			if o.source, err = readSource(c); err != nil {
				return err
			}
			if o.output, err = readOutput(c, report.HTML); err != nil {
				return err
			}
			if err = o.reportFile(e); err != nil {
				return err
			}
			if o.progress, err = readProgress(c); err != nil {
				return err
			}
			if o.cover, err = readCover(c); err != nil {
				return err
			}
			if o.effort, err = readEffort(c); err != nil {
				return err
			}
			if o.spillDir, err = readSpill(c); err != nil {
				return err
			}
			if o.orphans = c.Bool("orphans"); o.orphans && (o.snapshot == "" || o.scope.Database == "") {
				return usagef("--orphans looks for a database's rows in its backup: give --database and --snapshot")
			}
			if o.quick = c.Bool("quick"); o.quick {
				if o.snapshot != "" || o.cover.given() {
					return usagef("--quick reads no rows and no snapshot: leave --snapshot, --since and --expect-cover away, or --quick")
				}
				return quickAudit(c.Context, e, o)
			}
			return audit(c.Context, e, o)
		},
	}
}

// audit reads everything that a restore would read, the same way, and reports it.
func audit(ctx context.Context, e *env, o auditOptions) (err error) {
	steps := o.phases()
	if o.orphans {
		steps = append(steps, phaseExpect)
	}
	m := newMeter(e, o.progress, steps...)
	defer func() { m.close(outcome(err), err) }()
	defer func() { err = errors.Join(err, o.sweep()) }()
	f := &facts{source: &o.source}
	if f.archive, err = openArchive(ctx, &o.source, m); err != nil {
		return err
	}
	if err := f.openSnapshot(ctx, m); err != nil {
		return err
	}
	if err := f.read(ctx, m); err != nil {
		return err
	}
	if o.orphans {
		if err := f.countOrphans(ctx, m, o.effort, o.spillDir); err != nil {
			return err
		}
	}
	a := f.report(e, o.cover)
	m.close("done", nil)
	return f.finish(e, o, a)
}

// finish writes the report; its exit code is an error of its own.
func (f *facts) finish(e *env, o auditOptions, a *report.Audit) error {
	if err := o.write(e, func(w sink) error { return report.WriteAudit(w, a, o.format, w.color) }); err != nil {
		return err
	}
	switch a.ExitCode {
	case exitCorrupt:
		return &reported{errArchiveCorrupt}
	case exitGap:
		return &reported{errArchiveGap}
	case exitIncomplete:
		return &reported{errIncomplete}
	}
	return nil
}

// facts are what an audit finds out, before it is put into words.
type facts struct {
	*source
	archive  *archive.Archive
	snapshot *snapshot.Snapshot
	bases    []plan.Backup // several backups, of which snapshot is made with the plan
	plan     *plan.Plan    // of a restore to the end of the log; nil for all databases
	survey   *filter.Survey
	timeline *filter.Timeline           // of all that was read
	before   []*filter.Incident         // those whose effect the base already holds
	findings []archive.Finding          // besides the archive's
	orphans  map[string]replay.Evidence // by table, where they were asked for
}

func (f *facts) find(code string, s archive.Severity, at binlog.Position, path, text, remedy string) {
	f.findings = append(f.findings, archive.Finding{Code: code, Severity: s, Pos: at, Path: path, Text: text, Remedy: remedy})
}

// openSnapshot makes findings of what is wrong with the snapshot: the archive is worth a report without it.
func (f *facts) openSnapshot(ctx context.Context, m *meter) (err error) {
	if f.snapshot, err = openSnapshot(ctx, f.source, m); err == nil {
		f.bases, err = openBases(ctx, f.source, m)
	}
	const code = "snapshot"
	remedy := "use another backup"
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.Is(err, snapshot.ErrCorrupt):
		f.find(code, archive.Broken, binlog.Position{}, f.source.snapshot, err.Error(), remedy)
	case errors.Is(err, snapshot.ErrIncomplete), errors.Is(err, snapshot.ErrNotDump), errors.Is(err, snapshot.ErrUnsupported):
		f.find(code, archive.Gap, binlog.Position{}, f.source.snapshot, err.Error(), remedy)
	case errors.Is(err, snapshot.ErrNoDatabase):
		f.find(code, archive.Warning, binlog.Position{}, f.source.snapshot, err.Error(), remedy)
	default:
		return err
	}
	return nil
}

// read surveys the log as a restore would: for one database by making its plan.
func (f *facts) read(ctx context.Context, m *meter) (err error) {
	progress := m.survey(f.archive)
	f.timeline = newTimeline(f.archive)
	if f.scope.Database == "" {
		f.survey, err = filter.Scan(ctx, plan.Files(f.archive), f.scope, filter.Options{Progress: progress, Timeline: f.timeline})
		return f.damage(err)
	}
	q := f.request(progress)
	q.Timeline = f.timeline
	f.plan, f.survey, err = plan.Make(ctx, q)
	if f.survey != nil {
		base, err := baseOf(f.plan, f.snapshot, f.bases)
		if err != nil {
			return err
		}
		f.snapshot = base
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, plan.ErrUnknownDB):
		return err
	case f.survey == nil:
		if err == nil {
			return errors.New("nothing was read")
		}
		var at *binlog.ReadError
		if !errors.As(err, &at) { // damage is found again below, with what the archive says of it
			f.find("base", severityOf(err), binlog.Position{}, f.source.snapshot, err.Error(), "")
		}
		f.plan, f.timeline = nil, newTimeline(f.archive)
		f.survey, err = filter.Scan(ctx, plan.Files(f.archive), f.scope, filter.Options{Progress: progress, Timeline: f.timeline})
		return f.damage(err)
	case errors.Is(err, plan.ErrIncidents), errors.Is(err, plan.ErrGap), errors.Is(err, plan.ErrCorrupt):
		// The incidents, and the archive's own findings, say it better.
	case err != nil:
		f.find("restore", archive.Warning, binlog.Position{}, "", "a restore to the end of the log would be refused: "+err.Error(), "")
	}
	return f.readBefore(ctx, progress)
}

// request is for a plan that goes as far as it can.
func (f *facts) request(progress func(binlog.Position)) plan.Request {
	return plan.Request{Archive: f.archive, Snapshot: f.snapshot, Bases: f.bases, SnapshotPosition: f.position, Scope: f.scope, AllowIncomplete: true, Progress: progress}
}

func severityOf(err error) archive.Severity {
	switch exitCode(err) {
	case exitCorrupt:
		return archive.Broken
	case exitGap:
		return archive.Gap
	}
	return archive.Warning
}

// damage turns the end that damage put to a reading into a finding, unless the archive's own say it.
func (f *facts) damage(err error) error {
	var at *binlog.ReadError
	if err == nil || !errors.As(err, &at) {
		return err
	}
	if f.survey == nil {
		f.survey = &filter.Survey{} // what the archive alone tells is worth a report
	}
	for _, x := range f.archive.Findings {
		if x.Severity >= archive.Gap && !x.Pos.IsZero() && x.Pos.Compare(at.Pos) <= 0 {
			return nil
		}
	}
	f.find("corrupt", severityOf(err), at.Pos, "", err.Error(), "find an intact copy of "+at.Pos.File)
	return nil
}

// readBefore looks for incidents between the start of the archive and the place the base was taken at: what
// they destroyed is not in that base.
func (f *facts) readBefore(ctx context.Context, progress func(binlog.Position)) error {
	start, set := f.plan.Start, f.plan.StartGTIDs
	files := plan.Files(f.archive)
	first := binlog.Position{File: files[0].Name(), Offset: 4}
	if start.IsZero() || set.IsEmpty() && start.Compare(first) <= 0 {
		return nil
	}
	o := filter.Options{End: start, Timeline: f.timeline, Progress: progress}
	if !set.IsEmpty() {
		o.InBase = func(tx *binlog.Transaction) bool { return !set.Contains(tx.GTID) } // only what the base holds
		if last := f.survey.LastInBase; !last.IsZero() {
			o.End = binlog.Position{File: last.File, Offset: last.Offset + 1}
		}
	}
	if i := f.archive.Index(o.End.File); i >= 0 {
		files = files[:i+1]
	}
	s, err := filter.Scan(ctx, files, f.scope, o)
	var at *binlog.ReadError
	if err != nil && !(errors.As(err, &at) && s != nil) {
		return err
	}
	for _, in := range s.Incidents {
		f.before = append(f.before, in)
		f.find("incident-before-base", archive.Warning, in.Start, "",
			fmt.Sprintf("%s of %s, before the snapshot was taken: the snapshot does not hold what it destroyed", in.Kind, someNames(in.Tables)),
			"to get that back, use a snapshot from before it")
	}
	return nil
}
