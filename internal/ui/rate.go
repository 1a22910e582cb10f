package ui

import (
	"math"
	"time"
)

const (
	smoothing   = 8 * time.Second        // how far back a rate looks, roughly
	sampleEvery = 200 * time.Millisecond // closer samples would be noise
	settle      = time.Second            // before this no time left is told
)

// rate follows the speed of one phase: sums of work and of time in which the past fades, so that
// their quotient is a mean over the last seconds from the first sample on.
type rate struct {
	began    time.Time
	sampled  time.Time
	done     int64 // at the last sample
	rowsDone int64
	shown    bool // a status of this phase went out

	seconds, work, rowWork float64
}

// newRate starts at s: what a resumed phase already has is not speed.
func newRate(now time.Time, s State) rate {
	return rate{began: now, sampled: now, done: s.Done, rowsDone: s.Rows}
}

func (r *rate) add(now time.Time, s State) {
	passed := now.Sub(r.sampled)
	if passed < sampleEvery {
		return
	}
	fade := math.Exp(-passed.Seconds() / smoothing.Seconds())
	r.seconds = r.seconds*fade + passed.Seconds()
	r.work = r.work*fade + float64(max(s.Done-r.done, 0))
	r.rowWork = r.rowWork*fade + float64(max(s.Rows-r.rowsDone, 0))
	r.sampled, r.done, r.rowsDone = now, s.Done, s.Rows
}

// rows is in rows a second, 0 while there is no sample.
func (r *rate) rows() float64 {
	if r.seconds == 0 {
		return 0
	}
	return math.Round(r.rowWork / r.seconds)
}

// eta is the time that the rest of the phase takes at this speed; negative where nobody can tell.
func (r *rate) eta(s State) time.Duration {
	if s.Total <= 0 || r.work <= 0 || r.sampled.Sub(r.began) < settle {
		return -1
	}
	seconds := float64(max(s.Total-s.Done, 0)) / (r.work / r.seconds)
	if seconds > (365 * 24 * time.Hour).Seconds() {
		return -1
	}
	return time.Duration(seconds * float64(time.Second))
}
