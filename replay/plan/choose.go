package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/snapshot"
)

// several are the backups while a plan is made of them.
type several struct {
	db    string
	all   []candidate
	picks map[string]pick
	rest  int // that views, routines and events are taken from
}

type candidate struct {
	Backup
	pos    binlog.Position
	set    gtid.Set
	start  binlog.Position
	exact  bool
	unused string // why nothing can be taken from it
	tables map[string]*snapshot.Table
}

type pick struct {
	from int
	why  string
}

// planSeveral makes the plan of a restore over several backups. Whether one is newer than the stop point may show only when the log has been
// read up to there; then it is read again without that one.
func planSeveral(ctx context.Context, q Request) (*Plan, *filter.Survey, error) {
	s := newSeveral(&q)
	for {
		if err := s.choose(); err != nil {
			return newPlanner(q).p, nil, err
		}
		pl := newPlanner(q)
		pl.several = s
		pl.p.Bases = s.plan()
		pl.p.Findings = s.leftOut()
		base, err := pl.p.Joined(q.Bases)
		if err != nil {
			return pl.p, nil, err
		}
		pl.q.Snapshot = base
		err = pl.make(ctx)
		if ctx.Err() != nil || !s.tooNew(pl, err) {
			return pl.p, pl.survey, err
		}
	}
}

// newSeveral places each backup in the log.
func newSeveral(q *Request) *several {
	s := &several{db: q.Scope.Database}
	for _, b := range q.Bases {
		c := candidate{Backup: b, tables: map[string]*snapshot.Table{}}
		x := b.Snapshot.Index()
		for _, list := range [][]snapshot.Table{x.Tables, x.Sequences} {
			for i := range list {
				if t := &list[i]; !t.View && (t.DB == s.db || t.DB == "" || x.Nameless) && q.Scope.Has(s.db, t.Name) {
					c.tables[t.Name] = t
				}
			}
		}
		one := *q
		one.Bases, one.Snapshot, one.SnapshotPosition = nil, b.Snapshot, "auto"
		if q.SnapshotPosition == "unknown" && x.Coordinates.Position.IsZero() && x.Coordinates.GTIDs.IsEmpty() {
			one.SnapshotPosition = "unknown"
		}
		pl := newPlanner(one)
		var err error
		if c.pos, c.set, c.exact, err = pl.basePosition(); err == nil && len(q.Archive.Files) > 0 {
			c.start, err = pl.startOf(c.pos, c.set)
		}
		if err != nil {
			c.unused = err.Error()
		}
		s.all = append(s.all, c)
	}
	return s
}

// newer reports that the backup i ends later in the log than j. Where neither position nor GTIDs tell, it is not.
func (s *several) newer(i, j int) bool {
	a, b := &s.all[i], &s.all[j]
	if a.exact != b.exact {
		return a.exact
	}
	if x, y := a.Snapshot.Index().Coordinates.Position, b.Snapshot.Index().Coordinates.Position; !x.IsZero() && !y.IsZero() {
		return x.Compare(y) > 0
	}
	return !a.set.IsEmpty() && !b.set.IsEmpty() && a.set.ContainsSet(b.set) && !b.set.ContainsSet(a.set)
}

// choose picks a backup for each table, and one for what is no table.
func (s *several) choose() error {
	s.picks, s.rest = map[string]pick{}, -1
	for i := range s.all {
		for _, t := range s.all[i].Backup.Tables {
			switch {
			case s.all[i].tables[t] == nil:
				return fmt.Errorf("--snapshot %s=%s: that backup has no such table of %s", t, s.path(i), s.db)
			case s.all[i].unused != "":
				return fmt.Errorf("--snapshot %s=%s: %s", t, s.path(i), s.all[i].unused)
			}
			s.picks[t] = pick{i, WhyNamed}
		}
	}
	for i := range s.all {
		if s.all[i].unused != "" {
			continue
		}
		for name := range s.all[i].tables {
			if s.picks[name].why == "" {
				s.picks[name] = s.best(name)
			}
		}
		if r := s.rest; r < 0 || len(s.all[i].tables) > len(s.all[r].tables) || len(s.all[i].tables) == len(s.all[r].tables) && s.newer(i, r) {
			s.rest = i
		}
	}
	if s.rest < 0 {
		var why []string
		for i := range s.all {
			why = append(why, s.path(i)+": "+s.all[i].unused)
		}
		return fmt.Errorf("%w: none of the backups can be used: %s", ErrNoBase, strings.Join(why, "; "))
	}
	return nil
}

func (s *several) path(i int) string { return s.all[i].Snapshot.Index().Path }

// best is the backup that covers a table best.
func (s *several) best(name string) pick {
	best, others := -1, 0
	full := func(i int) bool { t := s.all[i].tables[name]; return t.HasData && t.Where == "" }
	for i := range s.all {
		if s.all[i].unused != "" || s.all[i].tables[name] == nil {
			continue
		}
		others++
		if best < 0 || full(i) && !full(best) || full(i) == full(best) && s.newer(i, best) {
			best = i
		}
	}
	switch {
	case others == 1 && !s.all[best].exact:
		return pick{best, "the only usable backup that has it; of unknown date"}
	case others == 1:
		return pick{best, "the only usable backup that has it"}
	case !s.all[best].exact:
		return pick{best, "none that has it is of known date"}
	}
	return pick{best, fmt.Sprintf("the newest before the stop point of the %d that have it", others)}
}

// whence is a table's backup, counted from 1, and why it is that one.
func (s *several) whence(name string) (from int, why string) {
	p, ok := s.picks[name]
	if !ok {
		return 0, ""
	}
	return p.from + 1, p.why
}

// used reports a backup of which something is taken.
func (s *several) used(i int) bool {
	if i == s.rest {
		return true
	}
	for _, p := range s.picks {
		if p.from == i {
			return true
		}
	}
	return false
}

// exact reports that the place in the log of each backup that is used is known.
func (s *several) exact() bool {
	for i := range s.all {
		if s.used(i) && !s.all[i].exact {
			return false
		}
	}
	return true
}

// start is where the oldest of them ends.
func (s *several) start(files []*archive.File) binlog.Position {
	var start binlog.Position
	for i := range s.all {
		if at := s.all[i].start; s.used(i) && (start.IsZero() || at.Compare(start) < 0) {
			start = at
		}
	}
	if start.IsZero() {
		start = binlog.Position{File: files[0].Name(), Offset: 4}
	}
	return start
}

// plan is what the plan says of the backups.
func (s *several) plan() (out []Base) {
	for i := range s.all {
		c := &s.all[i]
		x := c.Snapshot.Index()
		b := Base{Snapshot: Snapshot{Path: x.Path, Format: x.Format, Fingerprint: x.Fingerprint, Position: c.pos, GTIDs: c.set}, Exact: c.exact, Programs: i == s.rest, Unused: c.unused, Tables: []string{}}
		for name, p := range s.picks {
			if p.from == i {
				b.Tables = append(b.Tables, name)
			}
		}
		slices.Sort(b.Tables)
		if !b.used() && b.Unused == "" {
			b.Unused = "the others cover its tables better"
		}
		out = append(out, b)
	}
	return out
}

// leftOut says which backups cannot be used, and which tables none of the others has.
func (s *several) leftOut() (out []string) {
	for i := range s.all {
		if s.all[i].unused == "" {
			continue
		}
		line := fmt.Sprintf("backup %s is not used: %s", s.path(i), s.all[i].unused)
		var alone []string
		for name := range s.all[i].tables {
			if _, ok := s.picks[name]; !ok {
				alone = append(alone, name)
			}
		}
		if slices.Sort(alone); len(alone) > 0 {
			line += "; no other backup has " + strings.Join(alone, ", ")
		}
		out = append(out, line)
	}
	return out
}

// tooNew takes the backups out that turned out to be newer than the stop point, and reports whether there were any, and others are left.
func (s *several) tooNew(pl *planner, err error) bool {
	if !pl.q.Stop.Given {
		return false
	}
	out, left := 0, 0
	for i := range s.all {
		c := &s.all[i]
		switch {
		case c.unused != "":
		case s.used(i) && c.exact && s.isTooNew(i, pl, err):
			c.unused = "it is newer than the stop point"
			out++
		default:
			left++
		}
	}
	return out > 0 && left > 0
}

// isTooNew holds one backup against the stop point of a plan that was made or refused. Where the log was not read as far as to know it, the
// newest goes.
func (s *several) isTooNew(i int, pl *planner, err error) bool {
	newest := true
	for k := range s.all {
		newest = newest && (k == i || s.all[k].unused != "" || !s.used(k) || !s.newer(k, i))
	}
	if errors.Is(err, ErrNewBase) {
		return newest
	}
	stop := pl.p.Stop
	if stop.IsZero() {
		return false
	}
	c := &s.all[i]
	if c.set.IsEmpty() {
		return c.pos.Compare(stop) > 0
	}
	return pl.survey != nil && newest && pl.survey.LastParted.Compare(stop) >= 0 && !pl.survey.LastParted.IsZero()
}
