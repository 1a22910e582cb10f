package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/report"
	"lifeboat/internal/target"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/verify"
)

type restoreOptions struct {
	job
	output
	target   string // DSN, complete
	public   string // the same without its password
	scratch  bool
	folder   folderOptions
	mysqld   string // server program for scratch
	hold     bool   // keep the scratch server up
	dryRun   bool
	verify   bool // compare the result with base and log
	planFile string
	patience *target.Options
	retryFor time.Duration
	spillDir string // as it was given
	defaults string // option file
	ask      bool   // for passwords
}

func restoreCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "restore", Usage: "bring the database back on a server; run again after any stop, it goes on",
		Description: "Exit codes: 0 done, 3 done but incomplete, 12 done but --verify found a difference, 10 the archive has a gap, 11 it is damaged, 130 interrupted and resumable.",
		Flags: flags(jobFlags(), patienceFlags(), []cli.Flag{
			retryFlag(),
			spillFlag("and each row is written once for each part of the log that fits; with --output, what does not fit is refused"),
			stringFlag("target", "", "the server to restore on `DSN`: user@tcp(host:3306)/ or root@unix(/path/mysqld.sock)/; the password may come from LIFEBOAT_PASSWORD"),
			defaultsFlag(), askFlag(),
			boolFlag("scratch", "restore on a throwaway server that lifeboat starts itself"),
			boolFlag("hold", "keep the scratch server up until interrupted"),
			stringFlag("mysqld", "", "the server program for --scratch `PATH`"),
			boolFlag("verify", "when it is done, compare the target with what base and log say, row by row; see lifeboat verify"),
			boolFlag("dry-run", "show the plan, and change nothing"),
			stringFlag("plan", "", "run this saved plan, or refuse `FILE`"),
			formatFlag(report.Text),
		}, folderFlags()),
		Action: func(c *cli.Context) error {
			o, err := readRestore(c)
			if err != nil {
				return err
			}
			return restore(c.Context, e, o)
		},
	}
}

func readRestore(c *cli.Context) (o restoreOptions, err error) {
	if o.job, err = readJob(c); err != nil {
		return o, err
	}
	if o.output, err = readOutput(c); err != nil {
		return o, err
	}
	o.output.file = "" // here --output names the dump
	if o.folder, err = readFolder(c); err != nil {
		return o, err
	}
	if o.patience, err = readPatience(c); err != nil {
		return o, err
	}
	if o.spillDir, err = readSpill(c); err != nil {
		return o, err
	}
	o.retryFor, o.defaults, o.ask = c.Duration("retry-for"), c.String("defaults-file"), c.Bool("ask-password")
	o.scratch, o.hold, o.mysqld, o.dryRun, o.planFile = c.Bool("scratch"), c.Bool("hold"), c.String("mysqld"), c.Bool("dry-run"), c.String("plan")
	o.verify = c.Bool("verify")
	dsn := c.String("target")
	switch {
	case o.verify && o.folder.path != "" && !o.scratch:
		return o, usagef("--verify reads a server: load the dump, and compare with lifeboat verify")
	case o.verify && o.baseLoaded:
		return o, usagef("--verify needs the backup itself: after --base-loaded, use lifeboat verify with --snapshot")
	case dsn != "" && (o.scratch || o.folder.path != ""):
		return o, usagef("give one of --target, --scratch and --output; --scratch and --output go together")
	case dsn == "" && !o.scratch && o.folder.path == "" && !o.dryRun:
		return o, usagef("say where to: --target DSN, --scratch or --output DIR")
	case o.folder.path != "" && o.baseLoaded:
		return o, usagef("a dump holds its base: --base-loaded needs --target")
	case o.scratch && o.baseLoaded:
		return o, usagef("a scratch server holds no base: --base-loaded needs --target")
	case o.hold && !o.scratch:
		return o, usagef("--hold is for --scratch")
	}
	if dsn == "" {
		return o, nil
	}
	login, err := readLogin(c, "target", "LIFEBOAT_PASSWORD")
	if err != nil {
		return o, err
	}
	if o.target, err = login.Complete(dsn); err != nil {
		return o, usagef("--target: %w", err)
	}
	o.public, err = target.PublicDSN(dsn)
	return o, err
}

// restoreFlags are restore's own, for command lines to copy.
func (o *restoreOptions) restoreFlags() *commandLine {
	return o.folder.flags((&commandLine{}).flag("target", o.public).on("scratch", o.scratch).flag("mysqld", o.mysqld)).flag("spill-dir", o.spillDir).on("verify", o.verify).flag("defaults-file", o.defaults).on("ask-password", o.ask).flag("tls-ca", o.ca())
}

func (o *restoreOptions) ca() string {
	if o.patience == nil {
		return ""
	}
	return o.patience.CA
}

func (o *restoreOptions) again() string {
	return o.bounded(o.line("restore")).String() + " " + o.restoreFlags().String()
}

// restore makes the plan and runs it.
func restore(ctx context.Context, e *env, o restoreOptions) (err error) {
	var saved *plan.Plan
	if o.planFile != "" {
		if saved, err = readPlan(o.planFile); err != nil {
			return err
		}
		if err = o.follow(saved); err != nil {
			return err
		}
	}
	if err = o.check(); err != nil {
		return err
	}
	defer o.bound()()
	r := &restoring{e: e, o: &o, m: newMeter(e, o.progress, o.phases()...)}
	defer func() { err = errors.Join(err, r.close(err), o.sweep()) }()
	if err = r.reach(ctx); err != nil {
		return err
	}
	if err = r.prepare(ctx); err != nil {
		return err
	}
	if saved != nil {
		if err = samePlan(saved, r.plan); err != nil {
			return err
		}
	}
	if o.dryRun {
		r.m.close("done", nil)
		return o.write(e, func(w sink) error {
			return writePlan(w, &o.job, &r.planned, nil, o.format, r.where(), r.beforehand()...)
		})
	}
	if o.folder.path != "" && !o.scratch {
		return r.writeFolder(ctx)
	}
	if err = r.start(ctx); err != nil {
		return err
	}
	return r.run(ctx)
}

func (o *restoreOptions) partialPhase(steps []string) []string {
	if o.partialTables {
		return append(steps, replay.PhasePartial)
	}
	return steps
}

func (o *restoreOptions) phases() []string {
	if o.dryRun {
		return o.source.phases()
	}
	if o.folder.path != "" && !o.scratch {
		return append(o.partialPhase(append(o.source.phases(), "replay log")), phaseDump)
	}
	steps := o.source.phases()
	if o.source.snapshot != "" && !o.baseLoaded {
		steps = append(steps, "make tables", "read log")
	}
	steps = append(o.partialPhase(append(steps, "load base", "replay log")), "finish")
	if o.verify {
		steps = append(steps, phaseCompare)
	}
	if o.folder.path != "" {
		steps = append(steps, phaseDump)
	}
	return steps
}

// refused turns a refusal into what restore says of it; a dry run shows it as a page where it can.
func (r *restoring) refused(err error) error {
	r.m.close(outcome(err), err)
	var choices *incidentRefusal
	if errors.As(err, &choices) {
		if flags := r.o.restoreFlags().String(); flags != "" {
			choices.add(" " + flags)
		}
	}
	if r.o.dryRun && r.o.format == report.Text && r.survey != nil && outcome(err) != "interrupted" {
		werr := r.o.write(r.e, func(w sink) error { return writePlan(w, &r.o.job, &r.planned, err, report.Text, r.where()) })
		if werr == nil && choices != nil {
			return fmt.Errorf("%w: see above", plan.ErrIncidents)
		}
		return errors.Join(err, werr)
	}
	return err
}

// run restores, and reports.
func (r *restoring) run(ctx context.Context) error {
	if line := r.elsewhere(); line != "" {
		r.m.p.Message(line)
	}
	begun := time.Now()
	var started atomic.Bool
	res, err := replay.Restore(ctx, r.plan, replay.NewSource(r.archive, r.planned.snapshot), r.server, replay.Options{
		Workers: r.o.workers, Memory: r.o.fold(), Spill: spillStorage(r.o.spillDir), Keep: r.kept,
		Report:   func(p replay.Progress) { started.Store(true); r.m.restore(p) },
		Patience: r.retryFor(),
		Waiting: func(err error, pause time.Duration) {
			r.m.p.Message(fmt.Sprintf("%s; trying again in %v", oneLine(err.Error()), pause))
		},
	})
	if err != nil {
		r.o.keepLive = started.Load() && r.scratch == nil
		return r.stopped(ctx, err, started.Load())
	}
	ended := time.Now()
	var v *verify.Result
	if r.o.verify {
		v, err = verifyPlan(ctx, r.m, &r.planned, verify.Side{Server: r.server, Database: r.plan.Into}, verify.Options{Workers: r.o.workers}, r.o.offline(r.m, r.o.spillDir))
		if err != nil {
			return fmt.Errorf("the restore is done, but not verified: %w; lifeboat verify does it alone", err)
		}
	}
	written := ""
	if r.o.folder.path != "" {
		if written, err = r.dumpScratch(ctx, begun); err != nil {
			return err
		}
	}
	r.m.close("done", nil)
	rep := r.report(res, begun, ended)
	if v != nil {
		r.verified(rep, v)
	}
	if written != "" {
		rep.Notes = append(rep.Notes, written)
		return r.show(rep)
	}
	if r.scratch != nil {
		return r.showScratch(ctx, rep)
	}
	return r.show(rep)
}

// retryFor is how long the target is waited for. A scratch server that has ended does not come back.
func (r *restoring) retryFor() time.Duration {
	if r.scratch != nil {
		return 0
	}
	return r.o.retryFor
}

// stopped says how to go on after a restore that did not come to its end.
func (r *restoring) stopped(ctx context.Context, err error, started bool) error {
	switch {
	case r.scratch != nil && ctx.Err() != nil:
		return interrupted("the scratch server, and what was on it, is gone; the database is not restored")
	case r.scratch != nil:
		return r.scratch.Explain(err)
	case ctx.Err() != nil && !started:
		return interrupted("nothing was changed")
	case ctx.Err() != nil:
		return interrupted("what was written stays on the target, and the same command goes on from there: " + r.o.again())
	case !started && errors.Is(err, target.ErrAccess):
		return r.needs(err)
	case !started || errors.Is(err, replay.ErrSum) || errors.Is(err, replay.ErrOtherJob) || errors.Is(err, replay.ErrHolds) || errors.Is(err, replay.ErrReplayed):
		return err
	}
	return fmt.Errorf("%w; when that is put right, the same command goes on from its last checkpoint: %s", err, r.o.again())
}

// verified adds a comparison to the report.
func (r *restoring) verified(rep *report.Restore, v *verify.Result) {
	v.Tool, v.ExitCode = r.e.tool(), exitCode(v.Err())
	rep.Verify = v
	switch {
	case v.ExitCode == exitDifferent:
		rep.Outcome, rep.ExitCode = "done, but different", exitDifferent
		rep.Text = "The target is not what base and log say. Look at what is listed below, and do not put it into use."
	case v.ExitCode == exitIncomplete && rep.ExitCode == exitDone:
		rep.ExitCode = exitIncomplete
		rep.Outcome, rep.Text = "done, but not all of it compared", "Tables that could not be compared are listed below."
	}
}

func (r *restoring) show(rep *report.Restore) error {
	err := r.o.write(r.e, func(w sink) error {
		err := report.WriteRestore(w, rep, r.o.format, w.color)
		if v, ok := rep.Verify.(*verify.Result); ok && err == nil && r.o.format == report.Text {
			fmt.Fprintln(w)
			err = v.Write(w, report.Text, w.color)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case rep.ExitCode == exitDifferent:
		return &reported{verify.ErrDifferent}
	case rep.ExitCode == exitIncomplete:
		return &reported{errIncomplete}
	}
	return nil
}
