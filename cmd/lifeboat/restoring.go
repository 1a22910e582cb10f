package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"lifeboat/internal/report"
	"lifeboat/internal/target"
	"lifeboat/internal/target/folder"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/ui/text"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/verify"
)

// restoring is one restore with what it holds open.
type restoring struct {
	planned
	e       *env
	o       *restoreOptions
	m       *meter
	server  *target.Server
	scratch *scratch.Server
	kept    []byte // with the checkpoint; nil: nothing
	later   string // what has come to the archive since an earlier run began; "": nothing
}

// reach connects to the target, or finds the program for a scratch server, before anything that takes
// long: what is wrong there shows in a second.
func (r *restoring) reach(ctx context.Context) (err error) {
	switch {
	case r.o.scratch:
		if _, err := os.Lstat(r.o.folder.path); r.o.folder.path != "" && err == nil {
			return fmt.Errorf("%w: %s; name another, or remove it first", folder.ErrExists, r.o.folder.path)
		}
		_, err = scratch.Find(r.o.mysqld)
		return err
	case r.o.target == "":
		return nil
	}
	if r.server, err = openServer(ctx, "--target", r.o.target, r.o.patience); err != nil {
		return err
	}
	if r.o.baseLoaded || r.o.dropExisting {
		return nil
	}
	// An unfinished restore of lifeboat's own is told apart when its plan is known.
	unfinished, err := replay.Unfinished(ctx, r.server, r.o.name())
	if err != nil || unfinished {
		return r.needs(err)
	}
	exists, objects, err := r.server.HasDatabase(ctx, r.o.name())
	if err == nil && exists && objects > 0 {
		err = fmt.Errorf("%w %s (%s); restore under another name with --into NAME, or allow it to be dropped first with --drop-existing",
			replay.ErrHolds, r.o.name(), text.Counted(int64(objects), "table or view"))
	}
	return r.needs(err)
}

// needs adds to a refusal of the server what the user needs.
func (r *restoring) needs(err error) error {
	if errors.Is(err, target.ErrAccess) {
		return fmt.Errorf("%w; the user needs all privileges on %s and on _lifeboat, where the checkpoint is kept", err, r.o.name())
	}
	return err
}

// start starts the scratch server, if one is wanted.
func (r *restoring) start(ctx context.Context) (err error) {
	if !r.o.scratch {
		return nil
	}
	r.m.p.Message("starting a scratch server")
	o := scratch.Options{Binary: r.o.mysqld}
	if r.plan.LowerNames {
		o.Args = append(o.Args, "--lower-case-table-names=1")
	}
	if r.scratch, err = scratch.Start(ctx, o); err != nil {
		return err
	}
	r.server, err = target.Open(ctx, r.scratch.DSN(), nil)
	return r.scratch.Explain(err)
}

func (r *restoring) close(err error) error {
	r.m.close(outcome(err), err)
	var errs []error
	if r.server != nil {
		errs = append(errs, r.server.Close())
	}
	if r.scratch != nil {
		errs = append(errs, r.scratch.Close())
	}
	return errors.Join(errs...)
}

// where names the target for people.
func (r *restoring) where() string {
	switch {
	case r.o.scratch && r.o.folder.path != "":
		return "folder " + r.o.folder.path + ", by way of a scratch server"
	case r.o.scratch && r.server != nil:
		return "a scratch server, " + r.server.Name()
	case r.o.scratch:
		return "a scratch server"
	case r.server != nil:
		return r.server.Name()
	case r.o.folder.path != "":
		return "folder " + r.o.folder.path
	}
	return "a target that is not named yet"
}

// notes tell what holds on this target.
func (r *restoring) notes() []string {
	switch s := r.server; {
	case s == nil || !s.LogBin:
		return nil
	case s.CanUnlog:
		return []string{"the target's own binlog is off for lifeboat's sessions: its replicas do not get what is restored"}
	default:
		return []string{"the target's user may not switch its binlog off: everything that is restored is written there too"}
	}
}

// beforehand are the notes of a restore that has not begun.
func (r *restoring) beforehand() []string {
	out := r.notes()
	if line := r.elsewhere(); line != "" {
		out = append(out, line)
	}
	return out
}

// elsewhere says that the target may not take all that the source's server wrote; "" where nothing speaks for it. The restore stops where it does not, with an error.
func (r *restoring) elsewhere() string {
	if r.server == nil {
		return ""
	}
	const remedy = "stops the restore where it comes; rehearse it with --into and another name, or with --scratch and --mysqld"
	switch version, mariaDB, number := r.origin(); {
	case version == "":
		return ""
	case mariaDB != r.server.MariaDB:
		theirs := target.Family(mariaDB)
		return fmt.Sprintf("the log is of %s %s, and the target is %s %s: a statement or type that only %s knows %s", theirs, version, target.Family(r.server.MariaDB), r.server.Version, theirs, remedy)
	case r.server.Number/100 < number/100:
		return fmt.Sprintf("the log is of server %s, and the target is older, %s: what only the later one knows %s", version, r.server.Version, remedy)
	}
	return ""
}

// report puts a result into words.
func (r *restoring) report(res *replay.Result, begun, ended time.Time) *report.Restore {
	c := &res.Counts
	rep := &report.Restore{
		Tool: r.e.tool(), Outcome: "done", Database: r.plan.Database, Into: r.plan.Into, Target: r.where(), State: state(r.plan), Started: begun.UTC(), Ended: ended.UTC(),
		Seconds: ended.Sub(begun).Seconds(), Resumed: res.Resumed, Windows: res.Windows, Spilled: res.Spilled, Tables: tableResults(r.plan, res),
		Sum:     report.Account("row events and statements", c.Read, c.Applied, c.InBase, c.Filtered, c.OutOfBounds),
		Orphans: res.Orphans, OrphanRows: c.Orphans, Incomplete: res.Incomplete,
		Notes: slices.Concat(r.notes(), planNotes(r.plan), r.plan.Findings),
	}
	rep.Notes = append(rep.Notes, fmt.Sprintf("%s loaded from the base, %s written by the fold", text.Counted(c.BaseRows, "row"), text.Counted(c.Written, "row")))
	if r.plan.BaseLoaded && !r.plan.Start.IsZero() {
		rep.Notes = append(rep.Notes, "database _lifeboat on the target remembers that this base has its log now, so that the same command does not replay it again; drop it when that can no longer happen")
	}
	if r.later != "" {
		rep.Notes = append(rep.Notes, r.later)
	}
	rep.MissingDefiners = res.Definers
	rep.Notes = append(rep.Notes, res.Definers...)
	if res.Retries > 0 {
		rep.Notes = append(rep.Notes, fmt.Sprintf("the target was lost %s, and the restore went on from its checkpoint", text.Counted(int64(res.Retries), "time")))
	}
	for _, d := range res.Doubts {
		line := report.Doubt{Table: d.Table, What: d.Kind.String(), Rows: d.Rows}
		if !d.First.IsZero() {
			line.First = d.First.String()
		}
		rep.Doubts = append(rep.Doubts, line)
		if !r.plan.Exact {
			rep.Notes = append(rep.Notes, d.String()+" (the base is of unknown date)")
		}
	}
	for _, t := range res.Partial {
		rep.Partial = append(rep.Partial, report.PartialTable{Of: t.Of, Name: t.Name, Rows: t.Rows, From: t.From.String(), To: t.To.String(), Caveats: t.Caveats})
	}
	if !r.plan.Exact && !r.plan.BaseLoaded && !r.o.verify {
		rep.Notes = append(rep.Notes, "how many rows of each table come only from the base, and how many the log replaced, deleted or did not find, lifeboat verify tells with the same flags")
	}
	if len(res.Incomplete) > 0 || c.Orphans > 0 {
		rep.Outcome, rep.ExitCode = "done, but incomplete", exitIncomplete
		rep.Text = "Look at what is listed below before the database goes back into use."
	}
	return rep
}

func state(p *plan.Plan) string {
	if p.Start.IsZero() {
		return "as the snapshot has it"
	}
	return fmt.Sprintf("%s (%s)", endOf(p), why(p))
}

func tableResults(p *plan.Plan, res *replay.Result) (out []report.TableRestore) {
	for _, t := range p.Routes {
		x := report.TableRestore{Name: t.Name, BaseRows: t.BaseRows, Lane: string(t.Lane), Why: t.Why}
		if n := res.Counts.Rows[t.Name]; n != nil {
			x.Inserted, x.Updated, x.Deleted, x.Upserts, x.Deletes = n.Inserted, n.Updated, n.Deleted, n.Upserts, n.Removed
		}
		if why, ok := res.Lanes[t.Name]; ok {
			x.Lane, x.Why = string(plan.LaneSerial), why
		}
		if x.Lane == string(plan.LaneSerial) {
			x.Serial = x.Inserted + x.Updated + x.Deleted
		}
		out = append(out, x)
	}
	return out
}

// showScratch reports on a scratch server: while somebody watches, it stays up.
func (r *restoring) showScratch(ctx context.Context, rep *report.Restore) error {
	hold := r.o.hold || r.e.stdoutTerminal
	db := shellQuote(r.plan.Into)
	if hold {
		socket := shellQuote(r.scratch.Socket())
		rep.Commands = []report.Command{
			{Purpose: "Connect to it", Line: fmt.Sprintf("mysql --user=root --socket=%s %s", socket, db)},
			{Purpose: "Dump it", Line: fmt.Sprintf("mysqldump --user=root --socket=%s --single-transaction --routines --events --triggers %s > %s", socket, db, shellQuote(r.plan.Into+".sql"))},
		}
		rep.Notes = append(rep.Notes, "data source name of the scratch server: "+r.scratch.DSN())
	} else {
		rep.Notes = append(rep.Notes, "this was a drill: the scratch server is stopped and removed; --hold keeps it up")
	}
	err := r.show(rep)
	if !hold || err != nil && !errors.Is(err, errIncomplete) && !errors.Is(err, verify.ErrDifferent) {
		return err
	}
	fmt.Fprintln(r.e.stderr, "The scratch server stays up until this command is interrupted (Ctrl-C); then it is removed with all that is on it.")
	select {
	case <-ctx.Done():
		return err
	case <-r.scratch.Done():
		if ctx.Err() != nil { // it ends with the context
			return err
		}
		return r.scratch.Explain(errors.New("the scratch server has ended"))
	}
}
