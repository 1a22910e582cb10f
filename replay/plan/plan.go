// Package plan decides all that a restore does before anything is written: where base and log meet and where the log stops, what base each table has, and how its
// changes come to it. A plan is data, which can be reviewed, saved and held against the next one.
package plan

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/internal/schema"
	"lifeboat/snapshot"
)

// Schema names the form of a plan's JSON.
const Schema = "lifeboat.plan/1"

// Plan is what a restore will do, as data: what was reviewed is what runs. Two plans with the same
// digest restore the same rows.
type Plan struct {
	Schema     string   `json:"schema"`
	Digest     string   `json:"digest"`
	Database   string   `json:"database"`
	Into       string   `json:"into"`
	Tables     []string `json:"only_tables,omitempty"`
	Exclude    []string `json:"exclude_tables,omitempty"`
	BaseLoaded bool     `json:"base_loaded,omitempty"`

	Snapshot *Snapshot `json:"snapshot,omitempty"`
	Bases    []Base    `json:"bases,omitempty"` // in place of snapshot, where several backups were given
	Archive  []File    `json:"archive"`

	Start      binlog.Position `json:"start"`       // where reading begins; zero: there is nothing to read
	StartGTIDs gtid.Set        `json:"start_gtids"` // transactions that the base already holds
	Exact      bool            `json:"exact"`       // the base's place in the log is known
	StopSpec   string          `json:"stop_spec,omitempty"`
	Stop       binlog.Position `json:"stop"` // the first transaction left out; zero: read to the end
	End        binlog.Position `json:"end"`  // where what is read ends

	SkipGTIDs gtid.Set `json:"skip_gtids"`
	// SkipNamed are MariaDB's, each one transaction: as a set, one would be that and all before it.
	SkipNamed []gtid.GTID       `json:"skip_named,omitempty"`
	SkipStart []binlog.Position `json:"skip_transactions,omitempty"`
	// Void are transactions without effect, by their start, and why; VoidRanges the parts undone by
	// ROLLBACK TO.
	Void       map[string]string         `json:"void,omitempty"`
	VoidRanges map[string][]filter.Range `json:"void_ranges,omitempty"`

	// Temporary are statements that change rows of temporary tables only, which do not last.
	Temporary []binlog.Position `json:"temporary_only,omitempty"`

	// Beyond are tables that are not restored and may have taken rows of those that are along; see beyond.
	Beyond []Beyond `json:"beyond_scope,omitempty"`

	// OldDefaults are the default character sets of tables that their session made under one that its database no longer had, by the
	// statement's transaction; see outlived.
	OldDefaults map[string]schema.TextDefault `json:"old_defaults,omitempty"`

	Charset         string   `json:"database_charset,omitempty"` // CHARSET [COLLATE=…], as most tables have it
	Routes          []Table  `json:"tables"`
	Incidents       []string `json:"incidents_in_range,omitempty"`
	Changes         int64    `json:"changes"` // row events and statements from start to stop
	Findings        []string `json:"findings,omitempty"`
	Incomplete      []string `json:"incomplete,omitempty"` // what cannot be restored
	AllowIncomplete bool     `json:"allow_incomplete,omitempty"`
	PartialTables   bool     `json:"partial_tables,omitempty"` // make a table of the rows that the log shows of one without a base
	DropExisting    bool     `json:"drop_existing,omitempty"`
	// LowerNames says that names are what they are in lower case, to the target or as the log tells of the source, and that the log is read so. What follows from that is in the rest.
	LowerNames bool   `json:"-"`
	Definer    string `json:"definer,omitempty"` // SQL of the account that owns programs whose own is missing on the target

	lookup map[string]*Table
	holds  *filter.Bases // see Held
}

// File pins one file of the archive.
type File struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	Digest string `json:"digest"`
}

// Snapshot pins the base.
type Snapshot struct {
	Path        string          `json:"path"`
	Format      string          `json:"format"`
	Fingerprint string          `json:"fingerprint"`
	Position    binlog.Position `json:"position"`
	GTIDs       gtid.Set        `json:"gtids"`
	Given       string          `json:"given_position,omitempty"` // by --snapshot-position
}

// Bases of a table.
const (
	BaseSnapshot = "snapshot"
	BaseLog      = "log"
	BaseTarget   = "target"
	BaseNone     = "none"
)

// Table is one table's route.
type Table struct {
	Name string `json:"name"`
	Base string `json:"base"`
	// From is the backup that the table is taken from, counted from 1, where several were given, and FromWhy why that one.
	From     int    `json:"from,omitempty"`
	FromWhy  string `json:"from_why,omitempty"`
	BaseRows int64  `json:"base_rows"`
	Inserted int64  `json:"inserted"`
	Updated  int64  `json:"updated"`
	Deleted  int64  `json:"deleted"`
	Partial  bool   `json:"partial_images,omitempty"`
	Diffs    bool   `json:"partial_json,omitempty"` // the log holds changes to JSON values in place of the values
	// Missing is where the log changes the table while nothing has made it; until it is made, its
	// changes are left out.
	Missing binlog.Position `json:"missing,omitzero"`
	Lane    Lane            `json:"lane"`
	Why     string          `json:"why,omitempty"` // of the serial lane, of no base, or of a fold that is not by key
	// Merge says how a folded table's rows of the snapshot come to the target: past the folded log (true), or before it. MergeWhy is the reason where it
	// is not so. Both are empty where the snapshot has no rows or the log no changes.
	Merge    bool   `json:"merge,omitempty"`
	MergeWhy string `json:"merge_why,omitempty"`
}

// Request is what a user asks for.
type Request struct {
	Archive          *archive.Archive
	Snapshot         *snapshot.Snapshot // nil: none
	Bases            []Backup           // several backups, in place of Snapshot; the first is of the most worth where nothing else decides
	SnapshotPosition string             // auto, unknown, FILE:POS or a GTID set
	BaseLoaded       bool
	Scope            filter.Scope
	Into             string // "": the same name
	Stop             filter.Stop
	Skip             []string // GTID sets and incident:ID
	AllowIncomplete  bool
	PartialTables    bool
	DropExisting     bool
	Definer          string // see ParseDefiner; "" keeps them
	LowerNames       bool   // of the target, and so of the source: names are what they are in lower case
	Progress         func(at binlog.Position)
	Timeline         *filter.Timeline // counts what is read from the base on; may be nil
}

// Refusals that have exit codes of their own, or a remedy that the command line prints.
var (
	ErrGap       = errors.New("the archive is incomplete in the range to restore")
	ErrCorrupt   = errors.New("the archive is damaged in the range to restore")
	ErrIncidents = errors.New("the range holds destructive incidents")
	ErrNoBase    = errors.New("nothing to restore from")
	ErrNewBase   = errors.New("the base is newer than the stop point")
	ErrUnknownDB = errors.New("the database occurs nowhere")
	ErrInexact   = errors.New("this cannot be restored exactly")
)

// planner makes one plan, step by step.
type planner struct {
	q       Request
	p       *Plan
	base    filter.Options
	several *several // backups, where there is more than one
	survey  *filter.Survey
	scanErr error
}

// Make reads archive and snapshot and decides everything that a restore does. It writes nothing. The
// survey it made is returned also beside a refusal, for the report.
func Make(ctx context.Context, q Request) (*Plan, *filter.Survey, error) {
	if q.Into == "" {
		q.Into = q.Scope.Database
	}
	if q.LowerNames {
		q.Scope = q.Scope.Lower()
	}
	if len(q.Bases) > 0 {
		return planSeveral(ctx, q)
	}
	pl := newPlanner(q)
	err := pl.make(ctx)
	return pl.p, pl.survey, err
}

func newPlanner(q Request) *planner {
	return &planner{q: q, p: &Plan{Schema: Schema, Database: q.Scope.Database, Into: q.Into, Tables: q.Scope.Tables, Exclude: q.Scope.Exclude,
		BaseLoaded: q.BaseLoaded, StopSpec: stopText(q.Stop), AllowIncomplete: q.AllowIncomplete, PartialTables: q.PartialTables, DropExisting: q.DropExisting, Definer: q.Definer, LowerNames: q.LowerNames}}
}

// make takes every step.
func (pl *planner) make(ctx context.Context) error {
	for _, step := range []func(context.Context) error{pl.start, pl.read, pl.known, pl.skips, pl.void, pl.tables, pl.intact, pl.exact, pl.incidents} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return pl.p.seal()
}

func stopText(s filter.Stop) string {
	if !s.Given {
		return ""
	}
	if s.After {
		return "after " + s.Point.String()
	}
	return "before " + s.Point.String()
}

// seal computes the digest: over everything that decides the result, and nothing else.
func (p *Plan) seal() error {
	c := *p
	c.Digest, c.lookup, c.holds = "", nil, nil
	c.Findings = nil // texts, which may name the paths of copies
	c.Archive = slices.Clone(p.Archive)
	for i := range c.Archive {
		c.Archive[i].Path = ""
	}
	c.Bases = slices.Clone(p.Bases)
	for i := range c.Bases {
		c.Bases[i].Path, c.Bases[i].Unused = "", ""
	}
	if p.Snapshot != nil {
		s := *p.Snapshot
		s.Path = ""
		c.Snapshot = &s
	}
	text, err := json.Marshal(&c)
	if err != nil {
		return err
	}
	p.Digest = fmt.Sprintf("%x", sha256.Sum256(text))
	return nil
}

// Route is that of a table; nil: the plan has none.
func (p *Plan) Route(name string) *Table {
	if p.lookup == nil {
		p.lookup = map[string]*Table{}
		for i := range p.Routes {
			p.lookup[p.Routes[i].Name] = &p.Routes[i]
		}
	}
	return p.lookup[name]
}

// MayMiss reports a table whose changes have no base, at least until the log makes the table.
func (p *Plan) MayMiss(name string) bool {
	t := p.Route(name)
	return t != nil && !t.Missing.IsZero()
}

// InPart reports a table some of whose row images are incomplete.
func (p *Plan) InPart(name string) bool {
	t := p.Route(name)
	return t != nil && t.Partial
}

// Diffs reports a table some of whose JSON values the log holds only as changes.
func (p *Plan) Diffs(name string) bool {
	t := p.Route(name)
	return t != nil && t.Diffs
}

// Skips reports that the user wants a transaction left out.
func (p *Plan) Skips(start binlog.Position, g gtid.GTID) bool {
	return p.SkipGTIDs.Contains(g) || !g.IsZero() && slices.Contains(p.SkipNamed, g) || slices.Contains(p.SkipStart, start)
}

// start finds where the base ends and the log begins.
func (pl *planner) start(context.Context) error {
	q, p := &pl.q, pl.p
	files := q.Archive.Files
	for _, f := range files {
		p.Archive = append(p.Archive, File{Name: f.Name(), Path: f.Path, Bytes: f.Size, Digest: f.Digest})
	}
	pos, set, exact, err := pl.basePosition()
	if err != nil {
		return err
	}
	p.Exact = exact
	if pl.several != nil {
		p.Bases = pl.several.plan()
		pl.base.Bases = p.Held()
	}
	if s := q.Snapshot; s != nil {
		if pl.several == nil {
			p.Snapshot = &Snapshot{Path: s.Index().Path, Format: s.Index().Format, Fingerprint: s.Index().Fingerprint, Position: pos, GTIDs: set, Given: q.SnapshotPosition}
		}
		pl.base.BaseRows = map[filter.TableName]int64{}
		for _, t := range s.Index().Tables {
			if !t.View {
				pl.base.BaseRows[filter.TableName{DB: pl.dumpDB(t.DB), Name: t.Name}] = t.Rows
			}
		}
		for _, c := range s.Index().Created {
			if c.Default != (schema.TextDefault{}) {
				pl.base.Defaults = map[string]schema.TextDefault{pl.dumpDB(c.Name): c.Default}
			}
		}
		for _, t := range s.Index().Sequences {
			pl.base.BaseRows[filter.TableName{DB: pl.dumpDB(t.DB), Name: t.Name}] = 1
		}
	}
	if len(files) == 0 {
		return nil
	}
	if pl.several != nil {
		p.Start = pl.several.start(files)
		return nil
	}
	p.StartGTIDs = set
	p.Start, err = pl.startOf(pos, set)
	return err
}

// startOf is where reading begins over a base of that place in the log, if the archive has what follows.
func (pl *planner) startOf(pos binlog.Position, set gtid.Set) (start binlog.Position, err error) {
	files := pl.q.Archive.Files
	start = binlog.Position{File: files[0].Name(), Offset: 4}
	switch {
	case !set.IsEmpty():
		if err := pl.gtidsTell(set); err != nil {
			return start, err
		}
		for _, f := range files {
			if f.HasPrevious && set.ContainsSet(f.Previous) {
				start = binlog.Position{File: f.Name(), Offset: 4}
			}
		}
		if first := files[0]; first.HasPrevious && !set.ContainsSet(first.Previous) {
			missing := first.Previous.Minus(set)
			return start, fmt.Errorf("%w: the base ends before the log begins: transactions %s are in neither", ErrGap, missing.String())
		}
		return start, pl.holds(set)
	case !pos.IsZero():
		if pl.q.Archive.Index(pos.File) < 0 {
			return start, fmt.Errorf("%w: the base ends at %s, and the archive has no file %s (it has %s to %s); add the copy that has it, or say --snapshot-position unknown",
				ErrGap, pos, pos.File, files[0].Name(), files[len(files)-1].Name())
		}
		return pos, pl.reaches(pos)
	}
	return start, nil
}

// holds makes sure that the base's transactions are those of this log: more of them means that the
// archive ends too early, or that one of the two is of another server.
func (pl *planner) holds(set gtid.Set) error {
	var have gtid.Set
	for _, f := range pl.q.Archive.Files {
		for _, s := range []gtid.Set{f.Previous, f.GTIDs} {
			if err := have.Union(s); err != nil {
				return fmt.Errorf("%w: file %s: %w", ErrGap, f.Name(), err)
			}
		}
	}
	extra := set.Minus(have)
	if extra.IsEmpty() {
		return nil
	}
	return fmt.Errorf("%w: the base holds transactions %s, which this log does not (it has %s): either the archive ends before the base was taken, or they are of different servers; add the later files, or say --snapshot-position unknown if you are sure that they belong together",
		ErrGap, extra.String(), have.String())
}

// dumpDB names the database of a dump that does not name its own.
func (pl *planner) dumpDB(db string) string {
	if db == "" {
		return pl.q.Scope.Database
	}
	return db
}

// basePosition is what the user says of the base, else what the base says of itself.
func (pl *planner) basePosition() (pos binlog.Position, set gtid.Set, exact bool, err error) {
	q := &pl.q
	if pl.several != nil {
		return pos, set, pl.several.exact(), nil
	}
	switch spec := q.SnapshotPosition; spec {
	case "", "auto":
	case "unknown":
		return pos, set, false, nil
	default:
		if pos, err = binlog.ParsePosition(spec); err == nil && !strings.Contains(spec, ",") && !looksGTID(spec) {
			return pos, set, true, nil
		}
		if set, err = gtid.ParseSet(spec); err != nil {
			err = fmt.Errorf("--snapshot-position %q: write auto, unknown, FILE:OFFSET or a GTID set", spec)
		}
		return binlog.Position{}, set, true, err
	}
	if q.Snapshot == nil {
		if q.BaseLoaded {
			return pos, set, false, fmt.Errorf("with --base-loaded say where that base was taken: --snapshot-position FILE:OFFSET, a GTID set, or unknown")
		}
		return pos, set, true, nil // no base: the log from its beginning
	}
	c := q.Snapshot.Index().Coordinates
	if c.Upstream {
		return pos, set, false, fmt.Errorf("the snapshot's coordinates are those of its upstream server (--dump-replica), not of the server whose log this is: give --snapshot-position FILE:OFFSET, or unknown")
	}
	// GTIDs are the better witness where the log has them; a position names files by number only.
	if !c.GTIDs.IsEmpty() && pl.archiveHasGTIDs() && (c.Position.IsZero() || pl.gtidsTell(c.GTIDs) == nil) {
		return pos, c.GTIDs, true, nil
	}
	if !c.Position.IsZero() {
		return c.Position, set, true, nil
	}
	if !c.GTIDs.IsEmpty() {
		return pos, c.GTIDs, true, nil
	}
	return pos, set, false, fmt.Errorf("the snapshot does not say where in the log it was taken: give --snapshot-position FILE:OFFSET or a GTID set, or unknown to replay the whole log over it")
}

func looksGTID(s string) bool {
	_, err := gtid.ParseSet(s)
	return err == nil
}

func (pl *planner) archiveHasGTIDs() bool {
	for _, f := range pl.q.Archive.Files {
		if !f.GTIDs.IsEmpty() {
			return true
		}
	}
	return false
}

// read surveys the log from there on.
func (pl *planner) read(ctx context.Context) error {
	o := pl.base
	o.From, o.Stop, o.Progress, o.Timeline, o.BaseUnsure, o.LowerNames = pl.p.Start, pl.q.Stop, pl.q.Progress, pl.q.Timeline, !pl.p.Exact, pl.p.LowerNames
	if set := pl.p.StartGTIDs; !set.IsEmpty() {
		o.InBase = func(tx *binlog.Transaction) bool { return set.Contains(tx.GTID) }
	}
	if b := o.Bases; b != nil {
		o.InBase = b.All
	}
	if pl.p.Start.IsZero() {
		pl.survey = &filter.Survey{}
		return nil
	}
	survey, err := filter.Scan(ctx, Files(pl.q.Archive), pl.q.Scope, o)
	pl.survey = survey
	if survey != nil {
		pl.p.LowerNames = survey.Format.LowerNames
		pl.p.End, pl.p.Stop, pl.p.Changes = survey.To, survey.Stop, survey.ChangesRead
	}
	var damage *binlog.ReadError
	if errors.As(err, &damage) && survey != nil {
		pl.scanErr = err // it matters only if it lies before the stop: see intact
		return nil
	}
	if errors.Is(err, filter.ErrNoSuchPoint) {
		// What is missing may be where that point is: say so rather than that there is none.
		if gap := pl.intact(ctx); gap != nil {
			return fmt.Errorf("%w; so the stop point could not be looked for behind that", gap)
		}
		return pl.holdsStop(err)
	}
	return err
}

// Files are the chain's files as the reader takes them.
func Files(a *archive.Archive) []binlog.File {
	out := make([]binlog.File, len(a.Files))
	for i, f := range a.Files {
		out[i] = f
	}
	return out
}
