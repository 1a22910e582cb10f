package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lifeboat/internal/target"
	"lifeboat/replay/plan"
)

// Pauses between tries: each twice the last.
const (
	firstPause = 250 * time.Millisecond
	mostPause  = 15 * time.Second
)

// try is what the next try must know of the last.
type try struct {
	trace   string  // of the job when it began; "": it found no job and made none
	resumed bool    // the first one went on from an earlier run
	ending  *Result // it was at its very end: only the checkpoint was left to remove
}

// Restore runs a plan on a target, from the beginning or from where an earlier run of the same plan
// stopped. It leaves the target untouched when it refuses.
//
// Faults of the target that may pass (a lost connection, a restart, read_only, no connection left) are waited out for
// Options.Patience. Going on after one is the same as running the command again: new sessions, from the checkpoint. So
// nothing depends on what a broken session had or had not done.
func Restore(ctx context.Context, p *plan.Plan, src Source, srv *target.Server, o Options) (*Result, error) {
	if err := namesFit(p, srv); err != nil {
		return nil, err
	}
	var last try
	since, pause := time.Now(), firstPause
	for retries := 0; ; retries++ {
		before := last.trace
		res, err := once(ctx, p, src, srv, o, &last)
		if err == nil {
			res.Retries, res.Resumed = retries, last.resumed
			return res, nil
		}
		if errors.Is(err, errAnew) {
			retries--
			continue
		}
		if last.trace != before {
			since, pause = time.Now(), firstPause
		}
		locked := retries > 0 && errors.Is(err, errLocked) // by our own last try, until the server has noticed
		switch {
		case ctx.Err() != nil, o.Patience == 0, !target.Transient(err) && !locked:
			return nil, err
		case time.Since(since)+pause > o.Patience:
			return nil, fmt.Errorf("given up after %d tries, of which none came further for %v: %w", retries+1, time.Since(since).Round(time.Second), err)
		}
		if o.Waiting != nil {
			o.Waiting(err, pause)
		}
		if err := wait(ctx, pause); err != nil {
			return nil, err
		}
		pause = min(2*pause, mostPause)
		// What is left of the last try's sessions holds locks. Where the server is not there yet, the next try says so.
		if err := srv.Reap(ctx); err != nil && !target.Transient(err) {
			return nil, err
		}
	}
}

func wait(ctx context.Context, pause time.Duration) error {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
