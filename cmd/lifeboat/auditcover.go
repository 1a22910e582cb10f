package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/report"
)

// coverWanted is what a scheduled check asks for: that the log reaches from a time to now.
type coverWanted struct {
	since time.Time
	ago   time.Duration // instead, from so long ago
	age   time.Duration // the newest event may be so old
}

func (w coverWanted) given() bool { return !w.since.IsZero() || w.ago > 0 }

func coverFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("since", "", "fail unless the log reaches without a gap from then to now: a `TIME`, as that of the last backup, or a duration ago"),
		stringFlag("expect-cover", "", "fail unless the log reaches without a gap over the last `DURATION`, as 7d or 36h"),
		stringFlag("max-age", "24h", "with these: how old the newest event may be, a `DURATION`"),
	}
}

func readCover(c *cli.Context) (w coverWanted, err error) {
	if s := c.String("since"); s != "" {
		if w.ago, err = parseAgo(s); err != nil {
			p, err := filter.ParsePoint(s)
			if err != nil || p.Time.IsZero() {
				return w, usagef("--since %q: write a time such as 2026-01-31T03:15:00Z, or a duration such as 7d or 36h", s)
			}
			w.since = p.Time
		}
	}
	if s := c.String("expect-cover"); s != "" {
		if w.given() {
			return w, usagef("give one of --since and --expect-cover")
		}
		if w.ago, err = parseAgo(s); err != nil {
			return w, usagef("--expect-cover: %w", err)
		}
	}
	if w.age, err = parseAgo(c.String("max-age")); err != nil {
		return w, usagef("--max-age: %w", err)
	}
	return w, nil
}

// parseAgo reads a duration as Go writes them, or in days or weeks: 36h, 7d, 2w.
func parseAgo(s string) (time.Duration, error) {
	unit := time.Duration(0)
	switch {
	case strings.HasSuffix(s, "d"):
		unit = 24 * time.Hour
	case strings.HasSuffix(s, "w"):
		unit = 7 * 24 * time.Hour
	}
	var d time.Duration
	var err error
	if unit > 0 {
		var n int
		if n, err = strconv.Atoi(s[:len(s)-1]); n < 10_000 {
			d = time.Duration(n) * unit
		}
	} else {
		d, err = time.ParseDuration(s)
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration: write one such as 7d, 36h or 90m", s)
	}
	return d, nil
}

// cover tells whether the log reaches over what was asked for.
func (f *facts) cover(w coverWanted, now time.Time) *report.Cover {
	if !w.given() {
		return nil
	}
	c := &report.Cover{From: w.since, To: now, Missing: []report.Missing{}}
	if w.since.IsZero() {
		c.From = now.Add(-w.ago)
	}
	miss := func(from, to time.Time, why string) {
		if from.Before(c.From) {
			from = c.From
		}
		if to.After(from) {
			c.Missing = append(c.Missing, report.Missing{From: from, To: to, Why: why})
		}
	}
	part := archivePart(f.archive)
	switch {
	case part.First.IsZero():
		miss(c.From, now, "the log holds no event with a time")
	case part.First.After(c.From):
		miss(c.From, part.First, fmt.Sprintf("the log begins with %s", f.archive.Files[0].Name()))
	}
	for _, x := range f.archive.Findings {
		if x.Severity < archive.Gap || x.Pos.IsZero() {
			continue
		}
		// Where no later file tells when the log goes on, nothing is known from there to now.
		from, to := f.timeAt(x.Pos), f.next(x.Pos, now)
		if from.IsZero() {
			from = f.lastBefore(x.Pos)
		}
		miss(from, to, fmt.Sprintf("%s at %s", brokenBy(x.Code), x.Pos))
	}
	if last := part.Last; !last.IsZero() && now.Sub(last) > w.age && !f.brokenAtEnd() {
		miss(last, now, fmt.Sprintf("the log ends at %s; if its server wrote nothing since, allow for that with --max-age", f.end().Position))
	}
	c.Reached = len(c.Missing) == 0
	return c
}

// next is when the log goes on behind the file of a position.
func (f *facts) next(p binlog.Position, now time.Time) time.Time {
	for _, x := range f.archive.Files {
		if binlog.CompareNames(x.Name(), p.File) > 0 && !x.First.IsZero() {
			return x.First
		}
	}
	return now
}

// lastBefore is when the log ends before a file that is not there.
func (f *facts) lastBefore(p binlog.Position) (last time.Time) {
	for _, x := range f.archive.Files {
		if binlog.CompareNames(x.Name(), p.File) < 0 && !x.Last.IsZero() {
			last = x.Last
		}
	}
	return last
}

// brokenAtEnd reports an end of the log that is a finding of its own.
func (f *facts) brokenAtEnd() bool {
	last := f.archive.Files[len(f.archive.Files)-1].Name()
	for _, x := range f.archive.Findings {
		if x.Severity >= archive.Gap && binlog.CompareNames(x.Pos.File, last) >= 0 && !x.Pos.IsZero() {
			return true
		}
	}
	return false
}

// short makes the verdict that of a scheduled check that failed.
func short(a *report.Audit, c *report.Cover) {
	a.Cover = c
	if c == nil || c.Reached {
		return
	}
	if a.ExitCode == exitDone || a.ExitCode == exitIncomplete {
		a.Verdict, a.ExitCode = "incomplete (the log does not reach)", exitGap
	}
	a.Text = fmt.Sprintf("%s in the log. %s", counted(len(c.Missing), "part of what was asked for is not", "parts of what was asked for are not"), a.Text)
}
