package soak

import (
	"context"
	"slices"
	"time"
)

// shrink leaves out statements as long as the script fails in the same way: halves, then quarters, down to single ones.
func (b *bench) shrink(ctx context.Context, s *script, o outcome, limit time.Duration) *script {
	end := time.Now().Add(limit)
	fails := func(list []statement) bool {
		c := *s
		c.statements = list
		got, _, err := b.check(ctx, &c)
		return err == nil && got.status == o.status && got.reason == o.reason
	}
	best := s.statements
	for size := max(1, len(best)/2); ; {
		before := len(best)
		for at := len(best) - size; at > -size && time.Now().Before(end); at -= size {
			from, to := max(0, at), min(len(best), at+size)
			if from >= to {
				continue
			}
			if shorter := slices.Concat(best[:from], best[to:]); len(shorter) > 0 && fails(shorter) {
				best = shorter
			}
		}
		switch {
		case time.Now().After(end), size == 1 && len(best) == before:
			c := *s
			c.statements = best
			return &c
		case size > 1:
			size = (size + 1) / 2
		}
	}
}
