package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/spill"
	"lifeboat/internal/target"
	"lifeboat/replay/plan"
)

// ErrSum marks an account that does not close: a defect of lifeboat, and never a restore to trust.
var ErrSum = errors.New("the account of the log does not close")

// ErrHolds marks a target that already holds the database.
var ErrHolds = errors.New("the target already holds the database")

// runner is one restore under way.
type runner struct {
	p   *plan.Plan
	src Source
	srv *target.Server
	o   Options

	cp       *checkpoint
	st       *State
	ddl      *target.Conn
	serial   *serial
	moving   string // the table whose update ends the window, see moved
	made     mark   // where the last table was made within a window
	writer   *windowWriter
	programs programs
	fold     *fold
	far      *spill.Runs // rows of the snapshot that wait for it on disk
	routes   map[*binlog.TableMap]*route
	fks      *foreignKeys
	going    going
	format   *binlog.Format
	rows     binlog.RowReader
	replaces replaces
	open     Counts // of the open window: they join the state's when it is written
	reread   bool   // what is read now is behind State.Done: it was counted
	defs     map[string]*schema.Table
	stored   map[string]*storedRows // by table
	analyzed map[string]bool        // tables whose statistics this run has made
	result   Result
	written  atomic.Int64
	places   places

	mu sync.Mutex
	at Progress
}

// once runs the plan until the first error.
func once(ctx context.Context, p *plan.Plan, src Source, srv *target.Server, o Options, last *try) (*Result, error) {
	r := &runner{p: p, src: src, srv: srv, o: o, fold: newFold(), going: newGoing(), routes: map[*binlog.TableMap]*route{}, replaces: replaces{}, analyzed: map[string]bool{}, places: places{files: src.Files}}
	if err := r.begin(ctx, last); err != nil {
		return nil, err
	}
	if r.st == nil {
		return last.ending, nil
	}
	defer r.cp.close()
	defer func() { _, _ = r.fold.close(), r.closeFar() }() // nothing is left of it anyhow
	var err error
	if last.trace, err = r.cp.trace(ctx); err != nil {
		return nil, err
	}
	if r.ddl, err = srv.Conn(ctx, ""); err != nil {
		return nil, err
	}
	defer func() { r.ddl.Close() }()
	// A statement of an earlier run that was killed may still be running: its session holds this lock.
	if got, err := userLock(ctx, r.ddl, "ddl", p.Into); err != nil {
		return nil, err
	} else if !got {
		return nil, fmt.Errorf("%w: a statement of an earlier run is still running on the target (see SHOW PROCESSLIST); run this again when it has ended", errLocked)
	}
	if r.st.Phase == phaseBase {
		if err := r.base(ctx); err != nil {
			return nil, err
		}
	}
	if r.st.Phase == phaseLog || r.st.Phase == phaseMerge {
		if err := r.log(ctx); err != nil {
			return nil, err
		}
	}
	if err := r.finish(ctx, last); err != nil {
		return nil, err
	}
	return &r.result, nil
}

// begin finds the job on the target, or makes sure that there is room for a new one.
func (r *runner) begin(ctx context.Context, last *try) error {
	cp, st, err := openCheckpoint(ctx, r.srv, r.p.Into)
	if err != nil {
		return err
	}
	r.cp, r.st = cp, st
	if st != nil {
		r.result.Resumed = true
		last.resumed = last.resumed || last.trace == ""
		r.result.Incomplete = slices.Clone(r.st.Said)
		r.programs.list = slices.Clone(st.Objects.get(""))
		if st.Digest != r.p.Digest {
			cp.close()
			return fmt.Errorf("%w: database %s; it was begun with another archive, snapshot or options: give the same ones to go on, or drop databases %s and %s on the target to begin anew",
				ErrOtherJob, r.p.Into, r.p.Into, checkpointDB)
		}
		if last.trace == "" {
			err = cp.keep(ctx, r.o.Keep)
		}
		if err != nil {
			cp.close()
		}
		return err
	}
	if last.trace != "" {
		// The job was there, and now it is not. To begin anew over what it left would be wrong.
		cp.close()
		if last.ending == nil {
			return fmt.Errorf("%w: its checkpoint is gone from the target: another lifeboat has brought it to its end, or somebody has dropped database %s", ErrOtherJob, checkpointDB)
		}
		return nil // its removal was done when the connection broke
	}
	exists, objects, err := r.srv.HasDatabase(ctx, r.p.Into)
	switch {
	case err != nil:
	case r.p.BaseLoaded && !exists:
		err = fmt.Errorf("--base-loaded was given, but the target has no database %s", r.p.Into)
	case exists && objects > 0 && !r.p.BaseLoaded && !r.p.DropExisting:
		err = fmt.Errorf("%w %s (%d tables and views); restore under another name with --into NAME, or allow it to be dropped first with --drop-existing", ErrHolds, r.p.Into, objects)
	}
	if err == nil && r.p.BaseLoaded {
		err = cp.replayed(ctx, r.p)
	}
	if err != nil {
		cp.close()
		return err
	}
	r.st = &State{Digest: r.p.Digest, Phase: phaseBase, Workers: max(1, r.o.Workers), Serial: r.o.Serial, Merge: mergeable(r.p, r.src, &r.o), From: Cursor{Position: r.p.Start}}
	if err := cp.create(ctx, r.st, r.o.Keep); err != nil {
		cp.close()
		return err
	}
	return nil
}

// base makes the database and its tables, and loads the snapshot's rows unless they wait for the log.
func (r *runner) base(ctx context.Context) error {
	next := phaseLog
	if r.p.BaseLoaded {
		if err := r.takeDown(ctx); err != nil {
			return err
		}
	} else {
		if r.p.DropExisting && r.st.Created.len() == 0 {
			if err := r.ddl.Exec(ctx, "DROP DATABASE IF EXISTS "+quoteDB(r.p.Into)); err != nil {
				return err
			}
		}
		if r.st.Merge {
			r.progress(func(p *Progress) { *p = Progress{Phase: "make tables", Unit: "tables"} })
		} else {
			r.loading()
		}
		if err := r.makeDatabase(ctx); err != nil {
			return err
		}
		if r.st.Merge {
			made, err := r.makeTables(ctx)
			if err != nil {
				return err
			}
			if made {
				next = phaseMerge
				if err := r.dropIndexes(ctx); err != nil {
					return err
				}
			}
		}
		if next == phaseLog && r.src.Snapshot != nil {
			r.loading()
			if err := r.loadBase(ctx); err != nil {
				return err
			}
			if err := r.countBase(ctx, &r.st.Counts); err != nil {
				return err
			}
		}
	}
	r.st.Phase = next
	r.st.keepPrograms(r.programs.list)
	return r.cp.save(ctx, r.st)
}

// loading says that the snapshot is read.
func (r *runner) loading() {
	total := int64(0)
	if r.src.Snapshot != nil {
		total = r.src.Snapshot.Index().Size
	}
	r.progress(func(p *Progress) { *p = Progress{Phase: "load base", Unit: "bytes", Total: total} })
}

// countBase adds the snapshot's rows that the lanes loaded.
func (r *runner) countBase(ctx context.Context, c *Counts) error {
	for lane := range r.st.Workers {
		m, err := r.cp.mark(ctx, lane)
		if err != nil {
			return err
		}
		c.BaseRows += m.n1
	}
	return nil
}

// progress changes what is reported, and reports it.
func (r *runner) progress(change func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.at)
	if r.o.Report != nil {
		r.o.Report(r.at)
	}
}

// wants reports whether a table of the source database is restored.
func (r *runner) wants(table string) bool { return r.p.Scope().Has(r.p.Database, table) }

// finish makes what must wait for the rows, checks the account, and removes the checkpoint.
func (r *runner) finish(ctx context.Context, last *try) error {
	if r.st.Phase != phaseFinish {
		if err := r.laterDefaults(ctx); err != nil {
			return err
		}
		r.st.Phase = phaseFinish
		r.st.keepPrograms(r.programs.list)
		if err := r.cp.save(ctx, r.st); err != nil {
			return err
		}
	}
	if err := r.partials(ctx); err != nil {
		return err
	}
	r.progress(func(p *Progress) { *p = Progress{Phase: "finish"} })
	if err := r.counters(ctx); err != nil {
		return err
	}
	if err := r.checkStored(ctx); err != nil {
		return err
	}
	failed, missing, err := r.programs.create(ctx, r.srv, r.p.Into, r.p.Definer)
	if err != nil {
		return err
	}
	r.result.Definers = missing
	r.result.Counts = r.st.counts()
	r.result.Windows, r.result.Lanes = r.st.Window, maps.Collect(r.st.Lanes.all())
	for name, at := range r.st.Altered.all() {
		r.incomplete("sequence %s: where ALTER SEQUENCE at %s left its next value is not in the log, if values were still cached; it is not lower than on the source", name, at)
	}
	r.result.Incomplete = append(append(r.result.Incomplete, r.p.Incomplete...), failed...)
	c := &r.result.Counts
	if err := r.doubts(ctx); err != nil {
		return err
	}
	if err := checkSum(r.p, c); err != nil {
		return err
	}
	last.ending = &r.result
	// An interrupt comes too late for this: cut off in the middle, it would end as stopped, with nothing left to go on from.
	return r.cp.done(context.WithoutCancel(ctx), r.p)
}

// checkSum makes sure that every change of the stretch is accounted for.
func checkSum(p *plan.Plan, c *Counts) error {
	if !c.Closes() {
		return fmt.Errorf("%w: %d read, %d applied, %d in the base, %d filtered, %d out of bounds", ErrSum, c.Read, c.Applied, c.InBase, c.Filtered, c.OutOfBounds)
	}
	if p.Changes > 0 && c.Read != p.Changes {
		return fmt.Errorf("%w: the plan counted %d changes in this stretch, the restore read %d; has the archive changed?", ErrSum, p.Changes, c.Read)
	}
	return nil
}

// log reads the stretch once and writes it out in windows.
func (r *runner) log(ctx context.Context) error {
	var err error
	if r.serial, err = openSerial(ctx, r.srv, r.p.Into); err != nil {
		return err
	}
	defer func() { r.serial.close() }()
	if r.made, err = r.cp.mark(ctx, makingLane); err != nil {
		return err
	}
	r.writer = &windowWriter{srv: r.srv, job: r.p.Into, workers: make([]*batchWriter, r.st.Workers), exact: r.p.Exact,
		again: r.result.Resumed, written: &r.written, report: func() { r.progress(func(p *Progress) { p.Rows = r.written.Load() }) }}
	defer func() { r.writer.close() }()
	if r.p.Start.IsZero() {
		return nil // no log to read
	}
	total, _ := span(r.p, r.src)
	r.progress(func(p *Progress) {
		*p = Progress{Phase: r.logPhase(), Unit: "bytes", Total: total, Position: r.st.From.Position, Window: r.st.Window}
	})
	r.reread = r.again(r.st.From)
	w := &walk{pass: pass{p: r.p, count: &r.open, skip: r.st.From.Events}, r: r}
	err = w.read(ctx, r.src, r.st.From.Position, func(done, _ int64, at binlog.Position) {
		r.progress(func(p *Progress) { p.Done, p.Position = done, at })
	}, func(it *binlog.Item) error { return w.item(ctx, it) })
	if err == nil {
		err = r.flush(ctx, w.cursor)
	}
	return r.anew(ctx, err)
}

// logPhase is what reading the log is for.
func (r *runner) logPhase() string {
	if r.st.Phase == phaseMerge {
		return "read log" // the snapshot's rows come between
	}
	return "replay log"
}

// flush writes the open window out up to the cursor and moves the checkpoint there.
func (r *runner) flush(ctx context.Context, to Cursor) error {
	if to.IsZero() {
		to = r.st.From
	}
	if err := r.lookAlong(ctx); err != nil {
		return err
	}
	if err := r.keepVictims(ctx); err != nil {
		return err
	}
	r.forgetKnown()
	// The serial lane's locks go first: a row written by the fold may need what they hold (MariaDB: a default
	// that draws from a sequence).
	if err := r.serial.flush(ctx); err != nil {
		return err
	}
	if len(r.fold.tables) > 0 || r.st.Phase == phaseMerge {
		if r.st.To == nil {
			if len(r.fold.tables) > 0 {
				r.st.Window++
			}
			r.st.To, r.st.Spilled = &to, r.fold.spill != nil
			r.st.FilterBits = filterBits(r.fold.keys(), r.o.Memory/4)
			if err := r.cp.save(ctx, r.st); err != nil {
				return err
			}
		}
		if r.st.Spilled {
			if err := r.spill(); err != nil {
				return err
			}
		}
		if r.st.Phase == phaseMerge {
			if err := r.merge(ctx); err != nil {
				return err
			}
		}
		r.progress(func(p *Progress) { p.Window = r.st.Window })
		if err := r.forget(ctx); err != nil {
			return err
		}
		if err := r.write(ctx, r.fold, int64(r.st.Window)); err != nil {
			return err
		}
		if r.st.Phase == phaseMerge {
			if err := r.addIndexes(ctx); err != nil {
				return err
			}
			if err := r.countBase(ctx, &r.st.Counts); err != nil {
				return err
			}
			r.st.Phase = phaseLog
		}
	}
	if err := errors.Join(r.fold.close(), r.closeFar()); err != nil {
		return err
	}
	r.st.From, r.st.To, r.st.Spilled = to, nil, false
	r.countOpen()
	if !r.again(to) {
		r.st.Done = Cursor{}
		r.st.Reached.clear()
	}
	r.st.keepPrograms(r.programs.list)
	if r.moving != "" { // with the window's end: in a window that is begun again, the table goes the way it went
		r.st.Moved.set(r.moving, r.st.Moved.get(r.moving)+1)
	}
	r.fold, r.going = newFold(), newGoing()
	r.routes = map[*binlog.TableMap]*route{}
	return r.cp.save(ctx, r.st)
}

// write writes a window's rows, and joins what that was to the account.
func (r *runner) write(ctx context.Context, f *fold, stage int64) error {
	if err := r.analyze(ctx, f); err != nil {
		return err
	}
	r.writer.stage = stage
	if err := r.writer.write(ctx, f); err != nil {
		return err
	}
	var c Counts
	for _, t := range f.tables {
		if t.maxAuto > r.st.Auto.get(t.name) {
			r.st.Auto.set(t.name, t.maxAuto)
		}
		c.table(t.name).written(t)
		c.Written += int64(len(t.entries)) + t.upserts + t.removed
	}
	r.st.count(&c)
	return nil
}
