package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/snapshot"
)

// known makes sure that the database is there at all, and offers the names that are.
func (pl *planner) known(context.Context) error {
	db := pl.q.Scope.Database
	if pl.survey.Databases[db] > 0 || pl.q.BaseLoaded {
		return nil
	}
	names := map[string]bool{}
	for n := range pl.survey.Databases {
		names[n] = true
	}
	if s := pl.q.Snapshot; s != nil {
		for _, d := range s.Index().Databases {
			if d == db || d == "" {
				return nil
			}
			names[d] = true
		}
	}
	var list []string
	for n := range names {
		if n != "" && !filter.System(n) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	if len(list) == 0 {
		return fmt.Errorf("%w: %s; neither the log nor the snapshot names any database", ErrUnknownDB, db)
	}
	return fmt.Errorf("%w: %s; the names that do occur are %s", ErrUnknownDB, db, strings.Join(list, ", "))
}

// skips resolves what the user wants left out.
func (pl *planner) skips(context.Context) error {
	for _, spec := range pl.q.Skip {
		id, isIncident := strings.CutPrefix(spec, "incident:")
		if !isIncident {
			set, err := gtid.ParseSet(spec)
			if err != nil {
				return fmt.Errorf("--skip %q: write a GTID set or incident:ID: %w", spec, err)
			}
			if set.Family() == gtid.MariaDB {
				for _, part := range strings.Split(spec, ",") {
					one, err := gtid.Parse(strings.TrimSpace(part))
					if err != nil {
						return fmt.Errorf("--skip %q: %w", spec, err)
					}
					pl.p.SkipNamed = append(pl.p.SkipNamed, one)
				}
				continue
			}
			if err := pl.p.SkipGTIDs.Union(set); err != nil {
				return fmt.Errorf("--skip %q: %w", spec, err)
			}
			continue
		}
		inc, err := pl.survey.Incident(id)
		if err != nil {
			return err
		}
		if inc.Thread == 0 {
			pl.p.SkipStart = append(pl.p.SkipStart, inc.Start)
			continue
		}
		if pl.survey.Format.MariaDB && inc.Kind != filter.KindMassDelete && inc.Kind != filter.KindMassUpdate {
			return fmt.Errorf("%w: --skip incident:%s: this server's log does not say which session wrote which rows, so the rows that came with the wipe cannot be told from others; name their transactions with --skip GTIDSET", ErrInexact, id)
		}
		pl.p.SkipStart = append(pl.p.SkipStart, inc.Session...)
	}
	return nil
}

// void notes the transactions that had no effect as of the stop point: a distributed transaction that is
// only decided later is one.
func (pl *planner) void(context.Context) error {
	p := pl.p
	p.Void, p.VoidRanges = map[string]string{}, map[string][]filter.Range{}
	for at, why := range pl.survey.Void {
		p.Void[at.String()] = why
	}
	for at, xa := range pl.survey.XA {
		if !xa.Decided.IsZero() && !p.Stop.IsZero() && xa.Decided.Compare(p.Stop) >= 0 {
			p.Void[at.String()] = "prepared; committed only after the stop point"
		}
	}
	for _, at := range pl.survey.Temporary {
		if p.Stop.IsZero() || at.Compare(p.Stop) < 0 {
			p.Temporary = append(p.Temporary, at)
		}
	}
	for at, r := range pl.survey.VoidRanges {
		p.VoidRanges[at.String()] = r
	}
	return nil
}

// tables decides each table's base and lane.
func (pl *planner) tables(ctx context.Context) error {
	p, q := pl.p, &pl.q
	all := map[string]*Table{}
	get := func(name string) *Table {
		t := all[name]
		if t == nil {
			t = &Table{Name: name, Base: BaseNone, Lane: LaneFold}
			all[name] = t
		}
		return t
	}
	creates := map[string]string{}
	if q.Snapshot != nil && !q.BaseLoaded {
		for _, t := range q.Snapshot.Index().Tables {
			if !t.View && pl.dumpDB(t.DB) == p.Database && q.Scope.Has(p.Database, t.Name) {
				d := get(t.Name)
				d.Base, d.BaseRows = BaseSnapshot, t.Rows
				if pl.several != nil {
					d.From, d.FromWhy = pl.several.whence(t.Name)
				}
				creates[t.Name] = t.Create
				switch {
				case !t.HasData:
					p.Incomplete = append(p.Incomplete, fmt.Sprintf("table %s: the snapshot holds its definition, but not its rows", t.Name))
				case t.Where != "":
					p.Incomplete = append(p.Incomplete, fmt.Sprintf("table %s: the snapshot holds only the rows where %s", t.Name, t.Where))
				}
			}
		}
	}
	for name, h := range pl.survey.Tables {
		if name.DB != p.Database {
			continue
		}
		changed := h.Inserted+h.Updated+h.Deleted > 0 || h.Partial // an image without columns does not say how many rows it is of
		if all[name.Name] == nil && !changed && !h.FromLog {
			continue // only dropped, or looked for
		}
		t := get(name.Name)
		t.Missing = h.Missing
		t.Inserted, t.Updated, t.Deleted, t.Partial = h.Inserted, h.Updated, h.Deleted, h.Partial
		t.Diffs = !h.PartialJSON.IsZero()
		switch {
		case t.Base != BaseNone:
		case pl.sequence(name.Name):
			t.Base, t.BaseRows, t.Lane, t.Why = BaseSnapshot, 1, LaneSerial, ASequence
		case h.FromLog:
			t.Base = BaseLog
		case q.BaseLoaded:
			t.Base = BaseTarget
		case h.Missing.IsZero():
			t.Base = BaseSnapshot // renamed from one that the snapshot holds, or dropped
		default:
			t.Why = fmt.Sprintf("it is not in the snapshot, and its CREATE is not in the log, which changes it from %s on", h.Missing)
			p.Incomplete = append(p.Incomplete, fmt.Sprintf("table %s: %s; %s", t.Name, t.Why, pl.partialOffer(t)))
		}
	}
	if err := pl.versioned(all, creates); err != nil {
		return err
	}
	pl.databaseDefault(creates)
	pl.timestamps()
	pl.systemZone()
	pl.computed()
	pl.zoned(creates)
	pl.emptyMembers(creates)
	pl.localTimes(all, creates)
	if err := pl.outlived(ctx); err != nil {
		return err
	}
	pl.unread()
	pl.predictLanes(all, creates)
	for _, t := range all {
		p.Routes = append(p.Routes, *t)
	}
	slices.SortFunc(p.Routes, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(p.Incomplete)
	if len(p.Routes) == 0 && len(pl.survey.Statements) == 0 {
		if slices.ContainsFunc(pl.survey.Findings, func(f filter.Finding) bool { return f.Blocks && (p.Stop.IsZero() || f.Pos.Compare(p.Stop) < 0) }) {
			return nil // that says why
		}
		if q.BaseLoaded {
			return fmt.Errorf("%w: the log holds no change of a table of %s that is wanted between the base and the stop point", ErrNoBase, p.Database)
		}
		return fmt.Errorf("%w: neither the snapshot nor the log holds a table of %s that is wanted", ErrNoBase, p.Database)
	}
	if q.Snapshot == nil && !q.BaseLoaded && !p.WantsPartial() && !slices.ContainsFunc(p.Routes, func(t Table) bool { return t.Base != BaseNone }) {
		return fmt.Errorf("%w: no snapshot was given, and the log holds the CREATE of no table of %s: give --snapshot", ErrNoBase, p.Database)
	}
	return nil
}

// partialOffer says what the log's rows of a table without a base are good for.
func (pl *planner) partialOffer(t *Table) string {
	switch {
	case t.Partial || t.Diffs:
		return "its row images are incomplete, so that no rows of it can be offered"
	case pl.p.PartialTables:
		return "the rows that the log shows of it come as table " + PartialName(t.Name)
	}
	return "--partial-tables makes a table of the rows that the log shows of it, under the name " + PartialName(t.Name)
}

// sequence reports one of the snapshot's sequences.
func (pl *planner) sequence(name string) bool {
	s := pl.q.Snapshot
	return s != nil && slices.ContainsFunc(s.Index().Sequences, func(t snapshot.Table) bool { return t.Name == name && pl.dumpDB(t.DB) == pl.p.Database })
}

// versioned refuses MariaDB's system-versioned tables before anything is written, where the snapshot shows
// that a table is one. One that only the log makes is refused when the restore comes to it.
func (pl *planner) versioned(all map[string]*Table, creates map[string]string) error {
	for name, text := range creates {
		t := all[name]
		if !strings.Contains(text, "WITH SYSTEM VERSIONING") {
			continue
		}
		pl.p.Incomplete = append(pl.p.Incomplete, fmt.Sprintf("table %s: it is system-versioned, and its history and the times of its rows come out as the snapshot's tool and its loading make them", name))
		if t.Inserted+t.Updated+t.Deleted > 0 {
			return fmt.Errorf("%w: table %s is system-versioned, and its history cannot be replayed yet; leave it out with --exclude-table %s", ErrInexact, name, name)
		}
	}
	return nil
}

// intact refuses a range that the archive does not hold whole, unless that was accepted.
func (pl *planner) intact(context.Context) error {
	p := pl.p
	if p.Start.IsZero() {
		return nil
	}
	var gap, broken []string
	for _, f := range pl.q.Archive.Problems(p.Start, p.Stop) {
		line := f.Text
		if f.Remedy != "" {
			line += "; " + f.Remedy
		}
		switch f.Severity {
		case archive.Gap:
			gap = append(gap, line)
		case archive.Broken:
			broken = append(broken, line)
		case archive.Warning:
			p.Findings = append(p.Findings, line)
		}
	}
	if pl.scanErr != nil && (p.Stop.IsZero() || p.End.Compare(p.Stop) < 0) && len(gap)+len(broken) == 0 {
		broken = append(broken, pl.scanErr.Error())
	}
	switch {
	case len(gap)+len(broken) == 0:
		return nil
	case p.AllowIncomplete:
		return pl.acceptGaps(append(broken, gap...))
	case len(broken) > 0:
		return fmt.Errorf("%w: %s", ErrCorrupt, strings.Join(append(broken, gap...), "; "))
	}
	return fmt.Errorf("%w: %s", ErrGap, strings.Join(gap, "; "))
}

// acceptGaps goes on without what the archive lacks, because the user said so: over missing files, and up
// to the last whole transaction before damage, behind which nothing can be read.
func (pl *planner) acceptGaps(lines []string) error {
	p := pl.p
	for _, l := range lines {
		p.Incomplete = append(p.Incomplete, "the log: "+l)
	}
	if pl.scanErr == nil || !p.Stop.IsZero() && p.End.Compare(p.Stop) >= 0 {
		return nil
	}
	i := pl.q.Archive.Index(p.End.File)
	if i < 0 {
		return fmt.Errorf("%w: %w", ErrCorrupt, pl.scanErr)
	}
	p.Stop = pl.q.Archive.Files[i].End()
	if p.Stop.Compare(p.Start) < 0 {
		return fmt.Errorf("%w: nothing can be read behind the base: %w", ErrCorrupt, pl.scanErr)
	}
	p.Incomplete = append(p.Incomplete, fmt.Sprintf("the log is replayed up to %s only; what comes behind is lost", p.Stop))
	return nil
}

// exact refuses what would look right and be wrong.
func (pl *planner) exact(ctx context.Context) error {
	p := pl.p
	inRange := func(pos binlog.Position) bool { return p.Stop.IsZero() || pos.Compare(p.Stop) < 0 }
	if !p.Stop.IsZero() && !p.Start.IsZero() && p.Exact && p.Stop.Compare(p.Start) < 0 {
		return fmt.Errorf("%w: the base was taken at %s, the stop point is %s; use an older backup", ErrNewBase, p.Start, p.Stop)
	}
	if last := pl.survey.LastInBase; !p.Stop.IsZero() && !last.IsZero() && last.Compare(p.Stop) >= 0 {
		return fmt.Errorf("%w: it already holds the transaction at %s, and the stop point is %s; use an older backup", ErrNewBase, last, p.Stop)
	}
	if err := pl.newerThan(ctx); err != nil {
		return err
	}
	if err := pl.joinedKeys(); err != nil {
		return err
	}
	var blocking []string
	for _, f := range pl.survey.Findings {
		if !inRange(f.Pos) || p.Skips(f.Start, f.GTID) {
			continue
		}
		if f.Code == filter.UnnamedDatabase && slices.ContainsFunc(f.Tables, pl.hasRows) {
			continue
		}
		line := fmt.Sprintf("%s: %s", f.Pos, f.Text)
		if filter.Final(f.Code) {
			return fmt.Errorf("%w: %s; stop before it, skip its transaction and make its effect by hand, or leave the table out with --exclude-table", ErrInexact, line)
		}
		p.Findings = append(p.Findings, line)
		if f.Blocks {
			blocking = append(blocking, line)
		}
	}
	if len(blocking) > 0 && !p.AllowIncomplete {
		return fmt.Errorf("%w: %s; stop before it, or leave it out with --allow-incomplete", ErrInexact, strings.Join(blocking, "; "))
	}
	p.Incomplete = append(p.Incomplete, blocking...)
	if p.Exact {
		return nil
	}
	return pl.unknownBase(inRange)
}

// hasRows reports a table that the log inserts into.
func (pl *planner) hasRows(name filter.TableName) bool {
	h := pl.survey.Tables[name]
	return h != nil && h.Inserted > 0
}

// unknownBase refuses what a base of unknown date leaves open.
func (pl *planner) unknownBase(inRange func(binlog.Position) bool) error {
	p := pl.p
	for i := range p.Routes {
		t := &p.Routes[i]
		h := pl.survey.Tables[filter.TableName{DB: p.Database, Name: t.Name}]
		if h == nil || t.Base == BaseLog || t.Base == BaseNone || t.From > 0 && p.Bases[t.From-1].Exact {
			continue
		}
		for _, l := range h.Lifetimes {
			if inRange(l.Pos) && (strings.HasPrefix(l.Verb, "ALTER") || strings.HasPrefix(l.Verb, "RENAME") || strings.HasSuffix(l.Verb, " INDEX")) {
				return fmt.Errorf("%w: %s changes table %s, and a base of unknown date may or may not hold that: give --snapshot-position, or stop before it (%s)", ErrInexact, l.Pos, t.Name, l.SQL)
			}
			if strings.HasPrefix(l.Verb, "CREATE TABLE") || strings.HasPrefix(l.Verb, "TRUNCATE") {
				break // from here on the log alone decides
			}
		}
		if (t.Lane == LaneSerial || t.Why == CountsRows) && h.Inserted+h.Updated+h.Deleted > 0 {
			return p.inexactRows(t.Name, t.Why)
		}
	}
	return nil
}

// incidents refuses to replay a wipe unless the user has said what to do about it.
func (pl *planner) incidents(context.Context) error {
	p := pl.p
	for _, inc := range pl.survey.Incidents {
		if !p.Stop.IsZero() && inc.Start.Compare(p.Stop) >= 0 || p.Skips(inc.Start, inc.GTID) {
			continue
		}
		p.Incidents = append(p.Incidents, inc.ID)
	}
	// A skip settles the incidents it names, and no other.
	if len(p.Incidents) > 0 && !pl.q.Stop.Given {
		return fmt.Errorf("%w: %s", ErrIncidents, strings.Join(p.Incidents, ", "))
	}
	return nil
}
