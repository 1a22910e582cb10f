package replay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/replay/plan"
)

// A restore over a loaded base leaves nothing to see once its checkpoint is gone: the same command, run again because the first was
// killed at its very end or by mistake, would replay the log over its own result. So a line in the checkpoint's database outlives
// the job, until somebody drops it or makes the database anew by another restore. Its line comes and the job goes in one transaction.
const makeDone = "CREATE TABLE IF NOT EXISTS " + checkpointDB + ".done (db VARBINARY(255) NOT NULL PRIMARY KEY, digest VARBINARY(64) NOT NULL," +
	" until VARBINARY(500) NOT NULL, at DATETIME NOT NULL) ENGINE=InnoDB"

// Unfinished reports whether the target holds the checkpoint of a restore into db.
func Unfinished(ctx context.Context, srv *target.Server, db string) (bool, error) {
	c, err := srv.Conn(ctx, "")
	if err != nil {
		return false, err
	}
	defer func() { c.Close() }()
	n := 0
	err = c.Row(ctx, "SELECT COUNT(*) FROM "+checkpointDB+".job WHERE db = "+target.Quote(db), &n)
	if code := target.Code(err); code == errNoTable || code == errNoDatabase {
		return false, nil
	}
	return n > 0, err
}

const errNoDatabase = 1049

// replayed refuses to replay a stretch over a base that has all or the beginning of it. A stretch that begins where the last one ended,
// or later, is new.
func (cp *checkpoint) replayed(ctx context.Context, p *plan.Plan) error {
	var digest, until, at []byte
	err := cp.c.Row(ctx, "SELECT digest, until, at FROM "+checkpointDB+".done WHERE db = "+target.Quote(cp.db), &digest, &until, &at)
	if code := target.Code(err); errors.Is(err, sql.ErrNoRows) || code == errNoTable || code == errNoDatabase {
		return nil
	}
	if err != nil {
		return err
	}
	var end binlog.Position
	if err := end.UnmarshalText(until); err != nil {
		return fmt.Errorf("the line of %s in %s.done is damaged: %w", cp.db, checkpointDB, err)
	}
	if p.Start.IsZero() || string(digest) != p.Digest && p.Start.Compare(end) >= 0 {
		return nil
	}
	return fmt.Errorf("%w: a restore over database %s came to its end, at %s of the log, on %s UTC, and nothing is left to do; if the base was loaded anew since then, run DELETE FROM %s.done (or drop database %s, if no other restore is unfinished) on the target first",
		ErrReplayed, cp.db, end, at, checkpointDB, checkpointDB)
}

// done removes the job, or with the last one the checkpoint's database, in one statement: as long as the
// job is there, a stop leaves a restore that the same command brings to its end.
func (cp *checkpoint) done(ctx context.Context, p *plan.Plan) error {
	return cp.alone(ctx, func() error { return cp.remove(ctx, p) })
}

func (cp *checkpoint) remove(ctx context.Context, p *plan.Plan) error {
	for _, q := range []string{makeDone, makeKept} { // a job of an earlier version's has none
		if err := cp.c.Exec(ctx, q); err != nil {
			return err
		}
	}
	keep := p.BaseLoaded && !p.Start.IsZero()
	var others int
	if err := cp.c.Row(ctx, "SELECT (SELECT COUNT(*) FROM "+checkpointDB+".job WHERE db <> "+target.Quote(cp.db)+") + (SELECT COUNT(*) FROM "+checkpointDB+".done)", &others); err != nil {
		return err
	}
	if others == 0 && !keep {
		return cp.c.Exec(ctx, "DROP DATABASE "+checkpointDB)
	}
	if err := cp.disarmRename(ctx); err != nil {
		return err
	}
	if err := cp.c.Begin(ctx); err != nil {
		return err
	}
	if keep {
		end := p.End
		if !p.Stop.IsZero() {
			end = p.Stop
		}
		q := fmt.Sprintf("REPLACE INTO %s.done (db, digest, until, at) VALUES (%s, %s, %s, UTC_TIMESTAMP())", checkpointDB, target.Quote(cp.db), target.Quote(p.Digest), target.Quote(end.String()))
		if err := cp.c.Exec(ctx, q); err != nil {
			return err
		}
	}
	for _, t := range []string{"lane", "doubt", "part", "along", "kept", "job"} {
		if err := cp.c.Exec(ctx, "DELETE FROM "+checkpointDB+"."+t+" WHERE db = "+target.Quote(cp.db)); err != nil {
			return err
		}
	}
	return cp.c.Commit(ctx)
}
