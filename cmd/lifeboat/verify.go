package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/report"
	"lifeboat/internal/target"
	"lifeboat/internal/ui"
	"lifeboat/internal/verify"
)

type verifyOptions struct {
	output
	target, against     string // DSNs, complete
	database, againstDB string // the names on either side
	tables, exclude     []string
	workers             int
	patience            *target.Options
	progress            ui.Mode
}

func verifyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "is the database on the target the same as on another server, table by table?",
		Description: "Counts rows and sums checksums of every column on both sides, and compares definitions. It changes nothing.\nExit codes: 0 the same, 12 different.",
		Flags: flags([]cli.Flag{
			stringFlag("target", "", "the server to verify `DSN`"),
			stringFlag("database", "", "the database `NAME`"),
			stringFlag("into", "", "the database's `NAME` on the target, if it is another"),
			stringFlag("against", "", "the server to compare with `DSN`; its password may come from LIFEBOAT_AGAINST_PASSWORD"),
			stringFlag("against-database", "", "the database's `NAME` there, if it is another"),
			listFlag("table", "only this table `NAME`; repeatable"),
			listFlag("exclude-table", "leave this table out `NAME`; repeatable"),
			effortFlags()[0], defaultsFlag(), formatFlag(report.Text), fileFlag(), progressFlag(),
		}, patienceFlags()),
		Action: func(c *cli.Context) error {
			o, err := readVerify(c)
			if err != nil {
				return err
			}
			return verifyTarget(c.Context, e, o)
		},
	}
}

func readVerify(c *cli.Context) (o verifyOptions, err error) {
	o.database, o.againstDB = c.String("database"), c.String("database")
	o.tables, o.exclude, o.workers = list(c, "table"), list(c, "exclude-table"), c.Int("workers")
	if v := c.String("into"); v != "" {
		o.database = v
	}
	if v := c.String("against-database"); v != "" {
		o.againstDB = v
	}
	switch {
	case c.String("target") == "" || c.String("against") == "":
		return o, usagef("name both servers: --target DSN and --against DSN")
	case o.database == "" || o.againstDB == "":
		return o, usagef("name the database: --database NAME")
	case c.IsSet("workers") && o.workers < 1:
		return o, usagef("--workers %d: use 1 or more", o.workers)
	case o.workers < 1:
		o.workers = 4
	}
	if o.output, err = readOutput(c); err != nil {
		return o, err
	}
	if o.progress, err = readProgress(c); err != nil {
		return o, err
	}
	if o.patience, err = readPatience(c); err != nil {
		return o, err
	}
	login, err := readLogin(c, "LIFEBOAT_PASSWORD")
	if err != nil {
		return o, err
	}
	if o.target, err = login.Complete(c.String("target")); err != nil {
		return o, usagef("--target: %w", err)
	}
	if login, err = readLogin(c, "LIFEBOAT_AGAINST_PASSWORD", "LIFEBOAT_PASSWORD"); err != nil {
		return o, err
	}
	if o.against, err = login.Complete(c.String("against")); err != nil {
		return o, usagef("--against: %w", err)
	}
	return o, nil
}

// verifyTarget compares, and reports.
func verifyTarget(ctx context.Context, e *env, o verifyOptions) (err error) {
	m := newMeter(e, o.progress)
	defer func() { m.close(outcome(err), err) }()
	left, err := openServer(ctx, "--target", o.target, o.patience)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, left.Close()) }()
	right, err := openServer(ctx, "--against", o.against, o.patience)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, right.Close()) }()
	res, err := verify.Compare(ctx, verify.Side{Server: left, Database: o.database}, verify.Side{Server: right, Database: o.againstDB}, verify.Options{
		Tables: o.tables, Exclude: o.exclude, Workers: o.workers,
		Progress: func(p verify.Progress) {
			m.update(ui.State{Phase: "compare", Done: int64(p.Done), Total: int64(p.Total), Unit: ui.Tables, Rows: p.Rows, Note: p.Table})
		},
	})
	if err != nil {
		return err
	}
	m.close("done", nil)
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
