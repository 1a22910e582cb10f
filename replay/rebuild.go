package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/target/folder"
	"lifeboat/replay/cascade"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// ErrNeedsServer marks a restore into a folder that only a server can do exactly.
var ErrNeedsServer = errors.New("this takes a server: use --target or --scratch")

// Rebuild runs a plan without a server: the state at the stop point goes to out as a dump, which the caller publishes.
//
// The log is read first. Each table becomes a chain of stages, each the fold of a stretch of log and the ALTER TABLE that ends it;
// the statements that made and altered it are kept, since the server that loads the dump runs them on the empty table and so
// comes to the same definition. Then the snapshot's rows stream past each table's stages, and what the folds hold beyond them follows.
//
// What the folds hold beyond o.Memory goes to o.Spill; without it, that is refused.
func Rebuild(ctx context.Context, p *plan.Plan, src Source, out *folder.Folder, o Options) (res *Result, err error) {
	b := newRebuild(p, src, o)
	defer func() { err = errors.Join(err, b.fold.close()) }()
	if p.BaseLoaded {
		return nil, fmt.Errorf("%w: --base-loaded is for a base on a server", ErrNeedsServer)
	}
	if !p.Exact {
		return nil, fmt.Errorf("%w: whether rows of a base of unknown date collide with the log's is for a server to tell", ErrNeedsServer)
	}
	for _, step := range []func(context.Context) error{b.definitions, b.log, b.partials} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return b.write(ctx, out)
}

func newRebuild(p *plan.Plan, src Source, o Options) *rebuild {
	b := &rebuild{src: src, o: o, fold: newFold(), tables: map[string]*rebuilt{}, routes: map[*binlog.TableMap]*stage{}, replaces: replaces{}}
	b.places.files = src.Files
	b.fold.byText = true
	b.pass = pass{p: p, count: &b.result.Counts, cursor: Cursor{Position: p.Start}}
	return b
}

// rebuild is one restore without a server under way.
type rebuild struct {
	pass
	lenient  bool // what takes a server is noted in its table, and is no error
	src      Source
	o        Options
	format   *binlog.Format
	server   target.Server // never reached: how its kind and version take a session's settings
	tables   map[string]*rebuilt
	routes   map[*binlog.TableMap]*stage
	programs programs
	database string // what follows the name in CREATE DATABASE
	rows     binlog.RowReader
	replaces replaces
	places   places
	found    []doubt
	fold     *fold      // of all stages
	filter   *keyFilter // of the keys on disk, where it went there
	sighted  []*sighting
	result   Result
	at       Progress
}

// rebuilt is one table as of the place that the log was read to.
type rebuilt struct {
	name    string
	def     *schema.Table
	began   *schema.Table // the definition that the snapshot's rows are of
	begun   bool          // rows of the snapshot were met
	base    string        // the snapshot's table that its rows begin with; "" for none
	made    []folder.Statement
	modes   []schema.Mode // how each of them reads
	stages  []*stage
	counter uint64 // the greatest AUTO_INCREMENT value that the log saw
	indexed bool   // an index was made or dropped that def does not have
	dumped  baseRows
	unsure  string // why its rows cannot be told without a server; "" if they can
}

// baseRows counts what became of the snapshot's rows.
type baseRows struct{ all, replaced, removed atomic.Int64 }

// doubtful marks the tables of that name whose rows err says take a server to tell, where that is no error.
func (b *rebuild) doubtful(err error, names ...string) error {
	if err == nil || !b.lenient || !errors.Is(err, ErrNeedsServer) || len(names) == 0 {
		return err
	}
	for _, n := range names {
		t := b.named(n)
		if t == nil {
			t = &rebuilt{name: n, def: &schema.Table{DB: b.p.Into, Name: n}}
			b.tables[n] = t
		}
		if t.unsure == "" {
			t.unsure = unadvised(err)
		}
		b.forget(t)
	}
	clear(b.routes)
	return nil
}

// forget drops what the log did to a table so far.
func (b *rebuild) forget(t *rebuilt) {
	for _, s := range t.stages {
		if s.rows != nil {
			b.fold.bytes -= s.rows.held()
		}
	}
	t.stages = nil
}

func needsServer(format string, args ...any) error {
	return fmt.Errorf("%w: %w", fmt.Errorf(format, args...), ErrNeedsServer)
}

// definitions reads the snapshot's tables and programs; the rows come later.
func (b *rebuild) definitions(ctx context.Context) error {
	if b.src.Snapshot == nil {
		return nil
	}
	x := b.src.Snapshot.Index()
	b.server = target.Server{MariaDB: x.MariaDB, Number: (&binlog.Format{ServerVersion: x.ServerVersion}).VersionNumber()}
	return b.src.Snapshot.Statements(ctx, b.p.Database, func(s snapshot.Statement) error {
		if s.Drop || s.Placeholder {
			return nil
		}
		set := b.server.SessionSettings(dumpSession(s, x))
		switch s.Part {
		case snapshot.PartDatabase:
			return b.baseDatabase(s)
		case snapshot.PartTable:
			if !b.wants(s.Object) {
				return nil
			}
			return b.doubtful(b.baseTable(s, set), s.Object)
		case snapshot.PartSequence:
			return b.doubtful(needsServer("the snapshot, offset %d, holds a sequence", s.Offset), s.Object)
		case snapshot.PartRows:
			if t := b.tables[s.Object]; t != nil {
				t.begun = true
			}
		case snapshot.PartOther:
			if !b.p.Scope().Whole() {
				return nil
			}
			return b.doubtful(b.baseStep(s, set), s.Object)
		case snapshot.PartView, snapshot.PartTrigger, snapshot.PartRoutine, snapshot.PartEvent:
			if !b.p.Scope().Whole() {
				return nil
			}
			return b.programs.dumped(s, set, b.p, x.MariaDB)
		}
		return nil
	})
}

func (b *rebuild) wants(table string) bool { return b.p.Scope().Has(b.p.Database, table) }

func (b *rebuild) baseTable(s snapshot.Statement, set []string) error {
	mode := s.Mode()
	mode.MariaDB = b.server.MariaDB
	def, err := schema.ParseCreateTable(s.SQL, mode)
	if err != nil {
		return fmt.Errorf("snapshot, offset %d: %w (%w)", s.Offset, err, ErrNeedsServer)
	}
	def.DB, def.Name = b.p.Into, s.Object
	t := &rebuilt{name: s.Object, def: def, began: def, base: s.Object}
	t.add(slices.Clone(s.SQL), set, mode)
	b.tables[s.Object] = t
	return nil
}

func (b *rebuild) baseDatabase(s snapshot.Statement) error {
	mode := s.Mode()
	mode.MariaDB = b.server.MariaDB
	st, err := schema.Classify(s.SQL, mode)
	if err == nil && st.Verb == schema.CreateDatabase {
		b.database = string(s.SQL[st.Objects[0].NameEnd:])
	}
	return err
}

// baseStep follows an ALTER TABLE that stands among the snapshot's tables, as those do that lifeboat itself writes. One that changes
// columns when the table has rows is beyond it.
func (b *rebuild) baseStep(s snapshot.Statement, set []string) error {
	mode := s.Mode()
	mode.MariaDB = b.server.MariaDB
	st, err := schema.Classify(s.SQL, mode)
	if err != nil {
		return fmt.Errorf("snapshot, offset %d: %w", s.Offset, err)
	}
	var t *rebuilt
	if st.Verb == schema.AlterTable && st.Alter.RenameTo == nil {
		t = b.named(targets(&st)[0].Name)
	}
	if t == nil {
		return needsServer("the snapshot, offset %d, holds a statement of another kind: %s", s.Offset, filter.Excerpt(s.SQL, 60))
	}
	altered, err := schema.AlterRows(t.def, s.SQL, &st, mode, true)
	if err != nil {
		return fmt.Errorf("snapshot, offset %d: %w (%w)", s.Offset, err, ErrNeedsServer)
	}
	if t.begun && !altered.Same() {
		return needsServer("the snapshot, offset %d, alters columns behind the table's rows: %s", s.Offset, filter.Excerpt(s.SQL, 60))
	}
	if altered.Table.Counter == 0 {
		altered.Table.Counter = t.def.Counter
	}
	t.def, t.began = altered.Table, altered.Table
	t.add(slices.Clone(s.SQL), set, mode)
	return nil
}

func (t *rebuilt) add(sql []byte, set []string, mode schema.Mode) {
	t.made = append(t.made, folder.Statement{Set: set, SQL: sql})
	t.modes = append(t.modes, mode)
}

// log reads the stretch once.
func (b *rebuild) log(ctx context.Context) error {
	if b.p.Start.IsZero() {
		return nil
	}
	b.at = Progress{Phase: "replay log", Unit: "bytes"}
	err := b.read(ctx, b.src, b.p.Start, func(done, total int64, at binlog.Position) {
		b.at.Done, b.at.Total, b.at.Position = done, total, at
		b.report()
	}, b.item)
	if err != nil || b.fold.spill == nil {
		return err
	}
	return b.spill() // the rest of it, too
}

func (b *rebuild) report() {
	if b.o.Report != nil {
		b.o.Report(b.at)
	}
}

func (b *rebuild) item(it *binlog.Item) error {
	switch it.Kind {
	case binlog.FileStart:
		b.format = it.Format
		b.server = target.Server{MariaDB: it.Format.MariaDB, Number: it.Format.VersionNumber()}
	case binlog.Begin:
		b.begin(it)
	case binlog.RowChange:
		return b.change(it)
	case binlog.Statement:
		st, err := b.meaning(it, b.format)
		if st == nil {
			return err
		}
		return b.statement(it, st)
	case binlog.Commit, binlog.Rollback, binlog.Prepare:
		b.end(it)
	}
	return nil
}

// change folds a row event.
func (b *rebuild) change(it *binlog.Item) error {
	if !b.rowStep(it) {
		return nil
	}
	s, err := b.route(it.Rows.Table)
	if err = b.doubtful(err, it.Rows.Table.Table); err != nil {
		return err
	}
	if s == nil {
		if tm := it.Rows.Table; tm.Database == b.p.Database && b.tables[tm.Table] != nil && b.tables[tm.Table].unsure != "" {
			b.count.Applied++
		} else {
			b.count.Filtered++
		}
		return nil
	}
	b.count.Applied++
	return b.doubtful(b.rowsOf(s, it), s.table.name)
}

func (b *rebuild) rowsOf(s *stage, it *binlog.Item) error {
	rows := it.Rows
	if err := b.cascades(s, rows); err != nil || s.table.unsure != "" {
		return err
	}
	if err := b.tellsEnough(s, it); err != nil {
		return err
	}
	if rows.Kind == binlog.Delete && s.rows.shape.Key == nil && (cascade.MayGoTwice(s.rows.shape.Def) || cascade.RefersToItself(s.rows.shape.Def)) {
		return needsServer("table %s has no key, and rows that its foreign key changes are logged twice", s.table.name)
	}
	n := b.count.table(s.table.name)
	at := b.places.of(it.Pos)
	b.rows.Reset(rows)
	for {
		more, err := b.rows.Next()
		if err != nil {
			return &binlog.ReadError{Pos: it.Pos, Kind: kindOf(err), Detail: err.Error()}
		}
		if !more {
			break
		}
		n.count(rows.Kind, 1)
		if s.rows.part == nil {
			b.fold.add(s.rows, rows.Kind, &b.rows, at)
		} else if err := b.fold.addPart(s.rows, rows, &b.rows, at); err != nil {
			return err
		}
	}
	s.table.counter = max(s.table.counter, s.rows.maxAuto)
	return b.fit()
}

// route finds the stage that a table map's rows go to; nil means that they are not wanted.
func (b *rebuild) route(tm *binlog.TableMap) (*stage, error) {
	if s, ok := b.routes[tm]; ok {
		return s, nil
	}
	if tm.Database != b.p.Database || !b.wants(tm.Table) {
		b.routes[tm] = nil
		return nil, nil
	}
	t := b.tables[tm.Table]
	if t != nil && t.unsure != "" {
		return nil, nil
	}
	if t == nil {
		if !b.p.MayMiss(tm.Table) {
			return nil, fmt.Errorf("table %s has rows here, but neither the snapshot nor the log made it; leave it out with --exclude-table %s", tm.Table, tm.Table)
		}
		b.routes[tm] = nil
		return nil, nil
	}
	if t.def.Sequence || t.def.SystemVersioned || slices.ContainsFunc(t.def.Columns, func(c schema.Column) bool { return c.RowPeriod }) {
		return nil, needsServer("table %s is a sequence or system-versioned", t.name)
	}
	shape, err := target.NewShape(t.def, tm)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", err, ErrNeedsServer)
	}
	s := t.open()
	switch {
	case s.rows == nil:
		s.rows = b.fold.begin(t.name, shape, tm)
		if key, keyed := t.def.RowKey(); keyed && b.p.InPart(tm.Table) {
			s.rows.part = newInPart(shape, []schema.Key{key})
		}
	case string(s.rows.tm.Types) != string(tm.Types) || fmt.Sprint(s.rows.tm.Meta) != fmt.Sprint(tm.Meta):
		return nil, fmt.Errorf("%w: the columns of %s change here, and the log has no statement that changed them", target.ErrShape, tm.Table)
	}
	s.children = b.children(t.name)
	b.routes[tm] = s
	return s, nil
}

// named finds a table by its name, whatever its case.
func (b *rebuild) named(name string) *rebuilt {
	if t := b.tables[name]; t != nil {
		return t
	}
	for n, t := range b.tables {
		if strings.EqualFold(n, name) {
			return t
		}
	}
	return nil
}
