package main

import (
	"context"
	"errors"
	"fmt"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/ui/text"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// countOrphans holds the snapshot's rows against the log, up to the first place that a restore would stop at, and says of which
// changes the snapshot lacks the row. That takes the memory of a restore, so it is done only where it is asked for.
func (f *facts) countOrphans(ctx context.Context, m *meter, e effort, spillDir string) (err error) {
	defer e.bound()()
	if f.plan == nil || f.snapshot == nil {
		return nil // the findings say what is wrong with them
	}
	q := f.request(m.survey(f.archive))
	if at := f.firstStop(); !at.IsZero() {
		q.Stop = filter.Stop{Given: true, Point: filter.Point{Position: at}}
	}
	p, _, err := plan.Make(ctx, q)
	if err != nil {
		return f.uncounted(ctx, err)
	}
	base, err := baseOf(p, f.snapshot, f.bases)
	if err != nil {
		return err
	}
	x, err := replay.Expect(ctx, p, replay.NewSource(f.archive, base), e.offline(m, spillDir))
	if err != nil {
		return f.uncounted(ctx, err)
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	pass := func(string) (replay.Take, error) { return func(*replay.Row) error { return nil }, nil }
	if err := x.Rows(ctx, e.workers, func(string) bool { return true }, pass); err != nil {
		return f.uncounted(ctx, err)
	}
	f.orphans = map[string]replay.Evidence{}
	for _, t := range x.Tables() {
		if t.Unknown != "" {
			f.find("orphans-uncounted", archive.Note, binlog.Position{}, "", fmt.Sprintf("table %s: how many changes find no row cannot be told without a server: %s", t.Name, t.Unknown), "")
			continue
		}
		f.orphans[t.Name] = x.Evidence(t.Name)
	}
	return nil
}

func (f *facts) uncounted(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		f.find("orphans-uncounted", archive.Warning, binlog.Position{}, "", "how many changes find no row cannot be told: "+err.Error(), "")
	}
	return ctx.Err()
}

// firstStop is the first place that a restore would not simply pass; zero: there is none.
func (f *facts) firstStop() (at binlog.Position) {
	before := func(p binlog.Position) {
		if p.Compare(f.plan.Start) > 0 && (at.IsZero() || p.Compare(at) < 0) {
			at = p
		}
	}
	for _, in := range f.survey.Incidents {
		before(in.Start)
	}
	for _, b := range f.breakages() {
		before(b.at.Pos)
	}
	return at
}

// orphanLoss says what countOrphans found of a table; "" if there is nothing.
func (f *facts) orphanLoss(table string) string {
	n, known := f.orphans[table]
	if !known || n.Missing == 0 {
		return ""
	}
	return fmt.Sprintf("table %s: the log changes or deletes %s that the snapshot does not hold, the first at %s; such changes are left out", table, text.Counted(n.Missing, "row"), n.First)
}
