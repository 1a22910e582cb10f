package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
)

// reaches makes sure that the archive holds the file that the base's position is in up to that position:
// a copy that ends before it lacks what follows.
func (pl *planner) reaches(pos binlog.Position) error {
	a := pl.q.Archive
	f := a.Files[a.Index(pos.File)]
	if pos.Offset <= f.Good || f.Proven && pos.Offset <= uint64(f.Size) {
		return nil
	}
	return fmt.Errorf("%w: the base ends at %s, and what the archive has of %s ends at %d; add a complete copy of it, or check that base and binlogs are of the same server",
		ErrGap, pos, pos.File, f.Good)
}

// gtidsTell makes sure that the base's GTIDs say of every transaction whether the base holds it. Those
// written while gtid_mode was off have none; of these it is known only if they lie before a file some of
// whose GTIDs the base has.
func (pl *planner) gtidsTell(set gtid.Set) error {
	var without *archive.File
	for _, f := range pl.q.Archive.Files {
		rest := f.GTIDs.Minus(set)
		switch {
		case f.Anonymous > 0:
			without = f
		case !rest.ContainsSet(f.GTIDs):
			without = nil
		}
	}
	if without == nil {
		return nil
	}
	return fmt.Errorf("%w: %s holds transactions without a GTID, so the base's GTIDs do not tell whether it has them; give --snapshot-position FILE:OFFSET", ErrInexact, without.Name())
}

// holdsStop refuses a stop that is not in what is read because the base already holds it.
func (pl *planner) holdsStop(notFound error) error {
	g := pl.q.Stop.GTID
	if g.IsZero() || !pl.p.Exact {
		return notFound
	}
	held := pl.p.StartGTIDs.Contains(g)
	for _, f := range pl.q.Archive.Files {
		held = held || binlog.CompareNames(f.Name(), pl.p.Start.File) <= 0 && f.GTIDs.Contains(g)
	}
	if !held {
		return notFound
	}
	return fmt.Errorf("%w: it already holds %s; use an older backup", ErrNewBase, g)
}

// newerThan refuses a stop at a time at which the base had not been taken yet. Its place in the log tells
// when that was at the earliest: after its file was begun, and after the transaction before it.
func (pl *planner) newerThan(ctx context.Context) error {
	t, p := pl.q.Stop.Time, pl.p
	if t.IsZero() || !p.Exact || pl.q.Snapshot == nil && !pl.q.BaseLoaded {
		return nil
	}
	begun, last, err := timesBefore(ctx, pl.q.Archive, p.Start)
	if err != nil {
		return err
	}
	switch {
	case begun.After(t):
		return fmt.Errorf("%w: it was taken after %s, when %s was begun, and the stop point is %s; use an older backup", ErrNewBase, begun.Format(time.RFC3339), p.Start.File, t.Format(time.RFC3339Nano))
	case last.After(t), !pl.q.Stop.After && last.Equal(t):
		return fmt.Errorf("%w: it holds what was committed at %s, just before %s, and the stop point is %s; use an older backup", ErrNewBase, last.Format(time.RFC3339Nano), p.Start, t.Format(time.RFC3339Nano))
	}
	return nil
}

// timesBefore tells when the file of a position was begun, and when the last transaction in it before the
// position was committed, if there is one.
func timesBefore(ctx context.Context, a *archive.Archive, at binlog.Position) (begun, last time.Time, err error) {
	r, err := binlog.NewReader([]binlog.File{a.Files[a.Index(at.File)]}, binlog.Position{})
	if err != nil {
		return begun, last, err
	}
	defer r.Close()
	for {
		it, err := r.Next(ctx)
		var damage *binlog.ReadError
		switch {
		case errors.Is(err, io.EOF), errors.As(err, &damage): // what is wrong with the file is said elsewhere
			return begun, last, nil
		case err != nil:
			return begun, last, err
		}
		if it.Kind == binlog.FileStart {
			begun = it.Time
		} else if it.Pos.Compare(at) >= 0 {
			return begun, last, nil
		}
		switch it.Kind {
		case binlog.Commit, binlog.Prepare:
			last = it.Tx.Committed
		}
	}
}
