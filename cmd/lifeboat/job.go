package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/report"
	"lifeboat/internal/target"
	"lifeboat/internal/ui"
	"lifeboat/internal/ui/text"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// job is what plan and restore are asked for alike.
type job struct {
	source
	bounds
	effort
	into                                     string // "": the same name
	baseLoaded, dropExisting, partialAllowed bool
	partialTables                            bool
	definer                                  string // as it was given
	progress                                 ui.Mode
}

func jobFlags() []cli.Flag {
	return flags(sourceFlags(), boundFlags(), effortFlags(), []cli.Flag{progressFlag()})
}

func readJob(c *cli.Context) (j job, err error) {
	j.into, j.baseLoaded, j.dropExisting, j.partialAllowed = c.String("into"), c.Bool("base-loaded"), c.Bool("drop-existing"), c.Bool("allow-incomplete")
	j.definer, j.partialTables = c.String("definer"), c.Bool("partial-tables")
	if _, err = replay.ParseDefiner(j.definer); err != nil {
		return j, usagef("--definer %w", err)
	}
	if j.source, err = readSource(c); err != nil {
		return j, err
	}
	if j.bounds, err = readBounds(c); err != nil {
		return j, err
	}
	if j.effort, err = readEffort(c); err != nil {
		return j, err
	}
	j.progress, err = readProgress(c)
	return j, err
}

// check refuses what no archive could make right. It comes after a saved plan has filled in its part.
func (j *job) check() error {
	switch {
	case j.scope.Database == "":
		return usagef("name the database: --database NAME")
	case filter.System(j.into) || j.into == "_lifeboat":
		return usagef("--into %s: that name is taken by the server or by lifeboat itself", j.into)
	case j.baseLoaded && j.dropExisting:
		return usagef("--base-loaded and --drop-existing contradict each other")
	case j.baseLoaded && j.partialTables:
		return usagef("--partial-tables takes the backup itself to tell which tables it lacks: with --base-loaded it cannot")
	case j.baseLoaded && j.snapshot != "":
		return usagef("--base-loaded says that the target holds the base already: leave out --snapshot, and give --snapshot-position")
	}
	return nil
}

// name is the database's name on the target.
func (j *job) name() string {
	if j.into != "" {
		return j.into
	}
	return j.scope.Database
}

// line is the job as a command line, its bounds left out.
func (j *job) line(command string) *commandLine {
	return newCommandLine(command).source(&j.source).flag("into", j.into).flag("definer", j.definer).on("base-loaded", j.baseLoaded).
		on("drop-existing", j.dropExisting).on("allow-incomplete", j.partialAllowed).on("partial-tables", j.partialTables)
}

// bounded adds them.
func (j *job) bounded(l *commandLine) *commandLine { return l.stop(j.stop).flags("skip", j.skip) }

// planned is a job with everything that was read for it. Of a refused job some may be missing.
type planned struct {
	archive  *archive.Archive
	snapshot *snapshot.Snapshot
	plan     *plan.Plan
	survey   *filter.Survey
	backups  []*snapshot.Snapshot // that snapshot is, or is joined of
}

// makePlan reads archive and snapshot, and decides. It writes nothing. onto is the server that the plan is for, where it is known.
func (j *job) makePlan(ctx context.Context, m *meter, onto *target.Server) (p planned, err error) {
	if p.archive, err = openArchive(ctx, &j.source, m); err != nil {
		return p, err
	}
	if p.snapshot, err = openSnapshot(ctx, &j.source, m); err != nil {
		return p, err
	}
	bases, err := openBases(ctx, &j.source, m)
	if err != nil {
		return p, err
	}
	definer, err := replay.ParseDefiner(j.definer)
	if err != nil {
		return p, err
	}
	p.plan, p.survey, err = plan.Make(ctx, plan.Request{
		Definer: definer,
		Archive: p.archive, Snapshot: p.snapshot, Bases: bases, SnapshotPosition: j.position, BaseLoaded: j.baseLoaded, Scope: j.scope, Into: j.into,
		Stop: j.stop, Skip: j.skip, AllowIncomplete: j.partialAllowed, PartialTables: j.partialTables, DropExisting: j.dropExisting, Progress: m.survey(p.archive), LowerNames: onto != nil && onto.LowerNames,
	})
	if err == nil {
		p.backups = backupsOf(p.snapshot, bases)
		p.snapshot, err = baseOf(p.plan, p.snapshot, bases)
	}
	if errors.Is(err, plan.ErrIncidents) && p.survey != nil {
		err = j.refuse(err, &p)
	}
	return p, err
}

// incidentRefusal says which incidents lie in the range, and the command line for each way out.
type incidentRefusal struct {
	err       error
	Incidents []report.Incident `json:"incidents"`
	Commands  []report.Command  `json:"commands"`
}

// skippable says what --skip leaves out of an incident; "" where the log does not tell who wrote which rows,
// as MariaDB's does not.
func skippable(i *filter.Incident, mariaDB bool) string {
	switch {
	case i.Thread == 0:
		return "incident " + i.ID + " alone"
	case mariaDB && i.Kind != filter.KindMassDelete && i.Kind != filter.KindMassUpdate:
		return ""
	}
	return fmt.Sprintf("what incident %s's session did", i.ID)
}

// refuse turns the planner's refusal of incidents into one with the ways out.
func (j *job) refuse(err error, p *planned) error {
	r := &incidentRefusal{err: err}
	in := map[string]bool{}
	for _, id := range p.plan.Incidents {
		in[id] = true
	}
	for _, i := range p.survey.Incidents {
		if !in[i.ID] {
			continue
		}
		part := incidentPart(i, "incident:"+i.ID)
		r.Incidents = append(r.Incidents, part)
		r.Commands = append(r.Commands,
			report.Command{Purpose: "Stop just before incident " + i.ID, Line: j.line("restore").flag("stop-before", part.StopBefore).String()})
		if what := skippable(i, p.survey.Format.MariaDB); what != "" {
			r.Commands = append(r.Commands, report.Command{Purpose: "Leave out " + what + ", and keep what all others wrote since",
				Line: j.line("restore").flag("skip", part.StopBefore).String()})
		}
	}
	r.Commands = append(r.Commands, report.Command{Purpose: "Replay everything, the incidents too", Line: j.line("restore").flag("stop-after", "end").String()})
	return r
}

func (r *incidentRefusal) Unwrap() error { return r.err }

func (r *incidentRefusal) Error() string {
	var all []string
	for _, i := range r.Incidents {
		all = append(all, fmt.Sprintf("incident:%s at %s (%s of %s)", i.ID, i.Position, i.Kind, someNames(i.Tables)))
	}
	return fmt.Sprintf("the log holds %s in the range to restore, and nothing says what to do about it: %s; give --stop-before, --skip or --stop-after end",
		text.Counted(int64(len(r.Incidents)), "destructive incident"), strings.Join(all, ", "))
}

// add puts restore's own flags into the command lines.
func (r *incidentRefusal) add(extra string) {
	for i := range r.Commands {
		r.Commands[i].Line += extra
	}
}

// details are for a person, below the one line of the error.
func (r *incidentRefusal) details() string {
	var b strings.Builder
	for _, i := range r.Incidents {
		fmt.Fprintf(&b, "\n  incident:%s  %s at %s, %s\n    tables: %s\n    lost: %s\n", i.ID, i.Kind, text.Time(i.Time), i.Position, text.Line(someNames(i.Tables)), report.Lost(i))
		for n, s := range i.Statements {
			if n == 3 && len(i.Statements) > 4 {
				fmt.Fprintf(&b, "    … and %s\n", text.Counted(int64(len(i.Statements)-n), "more statement"))
				break
			}
			fmt.Fprintf(&b, "    %s\n", text.Line(s.SQL))
		}
	}
	b.WriteString("\nChoose one:\n")
	for _, c := range r.Commands {
		fmt.Fprintf(&b, "  %s:\n      %s\n", c.Purpose, c.Line)
	}
	return b.String()
}
