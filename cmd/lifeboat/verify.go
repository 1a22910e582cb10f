package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/report"
	"lifeboat/internal/target"
	"lifeboat/internal/ui"
	"lifeboat/replay"
	"lifeboat/verify"
)

type verifyOptions struct {
	job
	output
	target, against string // DSNs, complete; against "": what base and log say
	againstDB       string // the database's name there
	compare         verify.Options
	patience        *target.Options
	spillDir        string
}

func verifyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "is the database on the target what base and log say it should be, or the same as on another server?",
		Description: "With --binlogs and --snapshot it works out what each table holds at the stop point, and names rows that differ by key and column.\n" +
			"With --against it counts rows and sums checksums on two servers. Definitions are compared too. It changes nothing.\n" +
			"Exit codes: 0 the same, 3 the same but some tables could not be compared, 12 different.",
		Flags: flags([]cli.Flag{
			stringFlag("target", "", "the server to verify `DSN`"),
			stringFlag("against", "", "compare with the database on this server instead of base and log `DSN`; its password may come from LIFEBOAT_AGAINST_PASSWORD"),
			stringFlag("against-database", "", "the database's `NAME` there, if it is another"),
		}, sourceFlags(), verifyBounds(), []cli.Flag{
			stringFlag("sample", "", "read only this `PART` of each table, drawn at random: 5%"),
			&cli.IntFlag{Name: "limit", Value: verify.DefaultLimit, Usage: "name at most `N` rows of each table", EnvVars: envName("limit")},
		}, effortFlags(), []cli.Flag{spillFlag("and what does not fit is refused"), defaultsFlag(), askFlag(), formatFlag(report.Text), fileFlag(), progressFlag()}, patienceFlags()),
		Action: func(c *cli.Context) error {
			o, err := readVerify(c)
			if err != nil {
				return err
			}
			return verifyTarget(c.Context, e, o)
		},
	}
}

// verifyBounds are the flags that say which state is meant.
func verifyBounds() []cli.Flag {
	return slices.DeleteFunc(boundFlags(), func(f cli.Flag) bool {
		return slices.Contains([]string{"base-loaded", "drop-existing", "definer"}, f.Names()[0])
	})
}

func readVerify(c *cli.Context) (o verifyOptions, err error) {
	if o.output, err = readOutput(c); err != nil {
		return o, err
	}
	if o.patience, err = readPatience(c); err != nil {
		return o, err
	}
	if o.compare.Sample, err = readSample(c.String("sample")); err != nil {
		return o, err
	}
	o.against = c.String("against")
	fromLog := len(list(c, "binlogs")) > 0 || len(list(c, "snapshot")) > 0
	switch {
	case c.String("target") == "":
		return o, usagef("name the server to verify: --target DSN")
	case o.against == "" && !fromLog:
		return o, usagef("say what to compare with: --binlogs and --snapshot, or --against DSN")
	case o.against != "" && fromLog:
		return o, usagef("give --binlogs and --snapshot, or --against, not both")
	case o.against != "" && (o.compare.Sample > 0 || c.IsSet("limit")):
		return o, usagef("--sample and --limit are for comparing with base and log")
	case c.Int("limit") < 1:
		return o, usagef("--limit %d: use 1 or more", c.Int("limit"))
	}
	if o.spillDir, err = readSpill(c); err != nil {
		return o, err
	}
	if fromLog {
		if o.job, err = readJob(c); err != nil {
			return o, err
		}
		if err = o.check(); err != nil {
			return o, err
		}
	} else if err = o.readPlain(c); err != nil {
		return o, err
	}
	o.compare.Tables, o.compare.Exclude, o.compare.Workers, o.compare.Limit = o.scope.Tables, o.scope.Exclude, o.workers, c.Int("limit")
	login, err := readLogin(c, "target", "LIFEBOAT_PASSWORD")
	if err != nil {
		return o, err
	}
	if o.target, err = login.Complete(c.String("target")); err != nil {
		return o, usagef("--target: %w", err)
	}
	if o.against == "" {
		return o, nil
	}
	if login, err = readLogin(c, "against", "LIFEBOAT_AGAINST_PASSWORD", "LIFEBOAT_PASSWORD"); err != nil {
		return o, err
	}
	if o.against, err = login.Complete(o.against); err != nil {
		return o, usagef("--against: %w", err)
	}
	return o, nil
}

// readPlain reads what a comparison of two servers needs.
func (o *verifyOptions) readPlain(c *cli.Context) (err error) {
	o.scope.Database, o.scope.Tables, o.scope.Exclude, o.into = c.String("database"), list(c, "table"), list(c, "exclude-table"), c.String("into")
	if o.effort, err = readEffort(c); err != nil {
		return err
	}
	if o.progress, err = readProgress(c); err != nil {
		return err
	}
	o.againstDB = o.scope.Database
	if v := c.String("against-database"); v != "" {
		o.againstDB = v
	}
	if o.name() == "" || o.againstDB == "" {
		return usagef("name the database: --database NAME")
	}
	return nil
}

// readSample reads a part: 5%, or 0.05.
func readSample(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	number, percent := strings.CutSuffix(s, "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		f /= 100
	}
	if err != nil || !(f > 0 && f <= 1) {
		return 0, usagef("--sample %q: write a part such as 5%%", s)
	}
	return f, nil
}

// verifyTarget compares, and reports.
func verifyTarget(ctx context.Context, e *env, o verifyOptions) (err error) {
	defer o.bound()()
	steps := []string{phaseCompare}
	if o.against == "" {
		steps = append(o.source.phases(), phaseExpect, phaseCompare)
	}
	m := newMeter(e, o.progress, steps...)
	defer func() { m.close(outcome(err), err) }()
	defer func() { err = errors.Join(err, o.sweep()) }()
	left, err := openServer(ctx, "--target", o.target, o.patience)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, left.Close()) }()
	side := verify.Side{Server: left, Database: o.name()}
	var res *verify.Result
	if o.against == "" {
		var p planned
		if p, err = o.makePlan(ctx, m, left); err != nil {
			return err
		}
		if res, err = verifyPlan(ctx, m, &p, side, o.compare, o.offline(m, o.spillDir)); err == nil {
			res.Notes = append(res.Notes, p.plan.Incomplete...) // what is expected is no better known than what was restored
		}
	} else {
		res, err = o.verifyServers(ctx, m, side)
	}
	if err != nil {
		return err
	}
	m.close("done", nil)
	return o.output.writeVerified(e, res)
}

func (o *output) writeVerified(e *env, res *verify.Result) error {
	res.Tool = e.tool()
	res.ExitCode = exitCode(res.Err())
	if err := o.write(e, func(w sink) error { return res.Write(w, o.format, w.color) }); err != nil {
		return err
	}
	if err := res.Err(); err != nil {
		return &reported{err}
	}
	return nil
}

// Phases of a comparison.
const (
	phaseExpect  = "replay log"
	phaseCompare = "compare"
)

// verifyPlan compares a database with what a plan leaves.
func verifyPlan(ctx context.Context, m *meter, p *planned, side verify.Side, o verify.Options, of replay.Options) (_ *verify.Result, err error) {
	expected, err := replay.Expect(ctx, p.plan, replay.NewSource(p.archive, p.snapshot), of)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, expected.Close()) }()
	o.Progress = m.compared
	res, err := verify.Expected(ctx, expected, side, o)
	if err != nil {
		return nil, err
	}
	res.Notes = append(res.Notes, fmt.Sprintf("the state compared with: %s", state(p.plan)))
	for _, v := range slices.Sorted(maps.Keys(expected.LostViews())) {
		res.Notes = append(res.Notes, fmt.Sprintf("view %s reads what does not exist at the stop point, so it is not expected on the target", v))
	}
	if !p.plan.Exact {
		res.Notes = append(res.Notes, "the base's place in the log is not known: rows that the log does not change are expected as the base has them, unless their unique values went to other rows")
	}
	return res, nil
}

func (m *meter) compared(p verify.Progress) {
	m.update(ui.State{Phase: phaseCompare, Done: int64(p.Done), Total: int64(p.Total), Unit: ui.Tables, Rows: p.Rows, Note: p.Table})
}

// verifyServers compares two servers.
func (o *verifyOptions) verifyServers(ctx context.Context, m *meter, left verify.Side) (res *verify.Result, err error) {
	right, err := openServer(ctx, "--against", o.against, o.patience)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, right.Close()) }()
	o.compare.Progress = m.compared
	return verify.Compare(ctx, left, verify.Side{Server: right, Database: o.againstDB}, o.compare)
}
