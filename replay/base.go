package replay

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/snapshot"
)

// unit is what one transaction loads: one or more INSERT statements of the snapshot.
type unit struct {
	table string
	n     int64 // number of the unit in its lane, from 1
	texts []insert
	rows  int64
	end   int64 // offset in the snapshot of its last statement
}

// insert is one INSERT statement of the snapshot, and how it reads.
type insert struct {
	sql  []byte
	mode schema.Mode
}

const unitBytes = 1 << 20

// loadBase streams the snapshot into the target: tables in order, rows over several sessions. What a
// stop left done is not done again: each lane's mark commits with its rows.
func (r *runner) loadBase(ctx context.Context) error {
	return r.pour(ctx, &baseLoad{stage: baseStage, rows: r.wants, whole: true})
}

// baseLoad is one reading of the snapshot that loads rows.
type baseLoad struct {
	stage  int64
	rows   func(table string) bool
	whole  bool               // what is no row is made, too
	merged map[string]*merged // tables whose rows meet the log's on the way
}

// pour reads the snapshot once and deals its rows to the lanes.
func (r *runner) pour(ctx context.Context, load *baseLoad) error {
	return r.deal(ctx, load, func(ctx context.Context, b *baseReader) error { return b.read(ctx) })
}

// deal opens the lanes for what read deals to them.
func (r *runner) deal(ctx context.Context, load *baseLoad, read func(context.Context, *baseReader) error) error {
	g, gctx := errgroup.WithContext(ctx)
	lanes := make([]chan unit, r.st.Workers)
	for k := range lanes {
		lanes[k] = make(chan unit, 1)
		g.Go(func() error { return r.baseLane(gctx, load, k, lanes[k]) })
	}
	b := &baseReader{r: r, load: load, lanes: lanes, count: make([]int64, len(lanes))}
	g.Go(func() error {
		defer func() {
			for _, l := range lanes {
				close(l)
			}
		}()
		return read(gctx, b)
	})
	return g.Wait()
}

// makeDatabase creates the database to restore into, empty until the snapshot or the log fill it. Where
// they hold its CREATE DATABASE, that sets its character set.
func (r *runner) makeDatabase(ctx context.Context) error {
	text := "CREATE DATABASE IF NOT EXISTS " + quoteDB(r.p.Into)
	if r.p.Charset == "" {
		return r.ddl.Exec(ctx, text)
	}
	set := r.srv.SessionSettings(dumpSession(snapshot.Statement{}, r.src.Snapshot.Index())) // it is of the snapshot's tables
	return r.ddl.Run(ctx, "", []byte(text+" DEFAULT CHARSET="+r.p.Charset), set)
}

// baseReader cuts the snapshot into steps, in file order.
type baseReader struct {
	r     *runner
	load  *baseLoad
	lanes []chan unit
	count []int64
	next  int
	open  unit
	bytes int
	head  string // of the open unit's last statement, of rows that were on disk
}

func (b *baseReader) read(ctx context.Context) error {
	err := b.r.src.Snapshot.Statements(ctx, b.r.p.Database, func(s snapshot.Statement) error {
		if s.Part == snapshot.PartRows && b.r.wants(s.Object) {
			if !b.load.rows(s.Object) {
				return nil
			}
			return b.rows(ctx, &s)
		}
		if !b.load.whole {
			return nil
		}
		if err := b.flush(ctx); err != nil {
			return err
		}
		return b.other(ctx, s)
	})
	if err != nil {
		return err
	}
	return b.flush(ctx)
}

func (b *baseReader) rows(ctx context.Context, s *snapshot.Statement) error {
	if b.open.table != s.Object {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	one := insert{sql: append([]byte(nil), s.SQL...)}
	if b.load.merged != nil {
		one.mode = s.Mode()
	}
	b.open.table = s.Object
	b.open.texts = append(b.open.texts, one)
	b.open.rows += int64(s.Rows)
	b.bytes += len(s.SQL)
	b.open.end = s.Offset
	if b.bytes >= unitBytes {
		return b.flush(ctx)
	}
	return nil
}

// flush deals the open unit to the next lane.
func (b *baseReader) flush(ctx context.Context) error {
	if len(b.open.texts) == 0 {
		return nil
	}
	lane := b.next
	b.next = (b.next + 1) % len(b.lanes)
	b.count[lane]++
	u := b.open
	u.n = b.count[lane]
	b.open, b.bytes = unit{}, 0
	select {
	case b.lanes[lane] <- u:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// other runs or keeps a statement that is no row data.
func (b *baseReader) other(ctx context.Context, s snapshot.Statement) error {
	r := b.r
	set := r.srv.SessionSettings(dumpSession(s, r.src.Snapshot.Index()))
	switch s.Part {
	case snapshot.PartDatabase:
		return r.baseDatabase(ctx, s, set)
	case snapshot.PartTable:
		if !r.wants(s.Object) || s.Placeholder || s.Drop {
			return nil
		}
		if r.st.Created.has(s.Object) {
			return r.doubtReload(ctx, s.Object)
		}
		return r.baseTable(ctx, s, set)
	case snapshot.PartSequence, snapshot.PartOther:
		return r.baseStep(ctx, s, set)
	case snapshot.PartView, snapshot.PartTrigger, snapshot.PartRoutine, snapshot.PartEvent:
		if !r.p.Scope().Whole() || s.Placeholder {
			return nil
		}
		if s.Drop {
			return nil
		}
		return r.programs.dumped(s, set, r.p, r.src.Snapshot.Index().MariaDB)
	}
	return nil
}

// baseDatabase runs the snapshot's own CREATE DATABASE, which knows the database's character set.
func (r *runner) baseDatabase(ctx context.Context, s snapshot.Statement, set []string) error {
	mode := schema.Mode{MariaDB: r.src.Snapshot.Index().MariaDB}
	st, err := schema.Classify(s.SQL, mode)
	if err != nil || st.Verb != schema.CreateDatabase {
		return err
	}
	text, _, err := schema.Rewrite(s.SQL, mode, r.p.Database, r.p.Into)
	if err != nil {
		return err
	}
	return r.createDatabase(ctx, text, set)
}

// baseTable makes one table of the snapshot. A stop between making it and noting so leaves it empty, so
// it is made anew.
func (r *runner) baseTable(ctx context.Context, s snapshot.Statement, set []string) error {
	name := quoteDB(r.p.Into) + "." + quoteDB(s.Object)
	if err := r.ddl.Exec(ctx, "DROP TABLE IF EXISTS "+name); err != nil {
		return err
	}
	if err := r.ddl.Run(ctx, r.p.Into, s.SQL, set); err != nil {
		return fmt.Errorf("making table %s of the snapshot (offset %d): %w", s.Object, s.Offset, err)
	}
	r.st.Created.set(s.Object, true)
	return r.cp.save(ctx, r.st)
}

// doubtReload says what a stop does to a table that was being loaded and has no transactions.
func (r *runner) doubtReload(ctx context.Context, name string) error {
	def, err := r.srv.Table(ctx, r.p.Into, name)
	if err == nil && def != nil && !strings.EqualFold(def.Engine, "InnoDB") {
		if _, keyed := def.RowKey(); !keyed {
			r.incomplete("table %s is of engine %s, which has no transactions, and has no key: rows that were being loaded at the stop may be there twice", name, def.Engine)
		}
	}
	return err
}

// baseStep runs a statement that stands among the tables, such as CREATE INDEX. A stop between running
// and noting it makes a resumed restore run it again, and find its effect there.
func (r *runner) baseStep(ctx context.Context, s snapshot.Statement, set []string) error {
	key := fmt.Sprintf("@%d", s.Offset)
	if s.Part == snapshot.PartSequence && !r.wants(s.Object) || s.Part != snapshot.PartSequence && !r.p.Scope().Whole() || r.st.Created.has(key) {
		return nil
	}
	if err := r.ddl.Run(ctx, r.p.Into, s.SQL, set); err != nil && !(r.result.Resumed && alreadyThere(err)) {
		return fmt.Errorf("snapshot, offset %d: %w", s.Offset, err)
	}
	r.st.Created.set(key, true)
	return r.cp.save(ctx, r.st)
}

// alreadyThere reports the errors of making what exists: a table, column, index or foreign key.
func alreadyThere(err error) bool {
	switch target.Code(err) {
	case 1050, 1060, 1061, 1826:
		return true
	}
	return false
}

// lane is one session that loads rows.
type lane struct {
	r      *runner
	load   *baseLoad
	number int
	c      *target.Conn
	m      mark
	match  matcher
	of     *snapshot.Index // of the backup that its session is set for
	def    *schema.Table   // of the table whose rows came last
	loose  looseTable
}

// looseTable is a table as a restore that goes on finds it: of an engine without transactions, a stop may leave rows whose mark did not commit.
type looseTable struct {
	name string
	is   bool
}

func (r *runner) baseLane(ctx context.Context, load *baseLoad, number int, units <-chan unit) error {
	// The snapshot's own CREATE DATABASE may make the database anew, until its first table is there: it is entered with the first rows.
	c, err := r.srv.Conn(ctx, "")
	if err != nil {
		return err
	}
	defer func() { c.Close() }()
	l := &lane{r: r, load: load, number: number, c: c}
	if l.m, err = readMark(ctx, c, r.p.Into, number); err != nil {
		return err
	}
	switch {
	case l.m.stage > 0: // this run is behind the base, and reads it again to know which rows it has met
		l.m.done = math.MaxInt64
	case l.m.stage == settleStage && load.stage == mergeStage: // so it is behind the merge
		l.m.done = math.MaxInt64
	case l.m.stage != load.stage:
		l.m = mark{stage: load.stage, n1: l.m.n1}
	}
	entered := false
	for u := range units {
		if !entered && u.n > l.m.done {
			if err := c.Use(ctx, r.p.Into); err != nil {
				return err
			}
			entered = true
		}
		if err := l.enter(ctx, r.src.Snapshot.Of(u.table)); err != nil {
			return err
		}
		if err := l.unit(ctx, &u); err != nil {
			return fmt.Errorf("loading table %s of the snapshot: %w", u.table, err)
		}
	}
	return ctx.Err()
}

// enter makes the session one for the rows of a backup.
func (l *lane) enter(ctx context.Context, x *snapshot.Index) error {
	if l.of == x {
		return nil
	}
	l.of = x
	l.match.charset, l.match.zone = cmp.Or(x.Charset, dumpCharset), x.TimeZone
	settings := l.r.srv.SessionSettings(target.Session{SQLMode: target.DumpMode, Client: l.match.charset, TimeZone: x.TimeZone})
	for _, q := range append(settings, "SET SESSION unique_checks=0") {
		if err := l.c.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// unit loads one, or only meets its rows where that is done.
func (l *lane) unit(ctx context.Context, u *unit) error {
	m := l.load.merged[u.table]
	if u.n <= l.m.done {
		if m == nil {
			return nil
		}
		for i := range u.texts {
			if _, err := l.match.statement(m, m.t.shape.Def, &u.texts[i], false); err != nil {
				return err
			}
		}
		return nil
	}
	def, err := l.definition(ctx, u.table, m)
	if err != nil {
		return err
	}
	l.m.done = u.n
	l.m.n1 += u.rows
	if err := l.c.Begin(ctx); err != nil {
		return err
	}
	for i := range u.texts {
		if err := l.insert(ctx, u, &u.texts[i], m, def); err != nil {
			return err
		}
	}
	if err := writeMark(ctx, l.c, l.r.p.Into, l.number, l.m); err != nil {
		return err
	}
	if err := l.c.Commit(ctx); err != nil {
		return err
	}
	l.r.progress(func(p *Progress) { p.Rows, p.Done = p.Rows+u.rows, max(p.Done, u.end) })
	return nil
}

// mayHaveRows reports a table that may hold, from before a stop, rows that are to be loaded.
func (l *lane) mayHaveRows(ctx context.Context, table string) (bool, error) {
	if !l.r.result.Resumed || l.loose.name == table {
		return l.loose.is, nil
	}
	def, err := l.r.srv.Table(ctx, l.r.p.Into, table)
	if err != nil {
		return false, err
	}
	l.loose = looseTable{table, def != nil && !strings.EqualFold(def.Engine, "InnoDB")}
	return l.loose.is, nil
}

// definition is the table's as of the base; nil where it is not needed. Lanes ask for it at the same time.
func (l *lane) definition(ctx context.Context, table string, m *merged) (*schema.Table, error) {
	switch {
	case m != nil:
		return m.t.shape.Def, nil
	case !l.r.srv.LocalInfile || l.load.merged == nil:
		return nil, nil
	case l.def == nil || l.def.Name != table:
		def, err := l.r.srv.Table(ctx, l.r.p.Into, table)
		if err != nil {
			return nil, err
		}
		if def != nil && !strings.EqualFold(def.Engine, "InnoDB") {
			def = nil
		}
		l.def = def
	}
	return l.def, nil
}

// insert runs one statement of the snapshot, or what is to be run in its place.
func (l *lane) insert(ctx context.Context, u *unit, one *insert, m *merged, def *schema.Table) error {
	f, err := l.match.statement(m, def, one, l.r.srv.LocalInfile && l.load.merged != nil)
	if err != nil {
		return err
	}
	if rows := &l.match.fields; f != nil && rows.loadable() {
		if loaded, err := loadRows(ctx, l.c, def, rows); loaded || err != nil {
			return err
		}
	}
	texts := [][]byte{one.sql}
	if f != nil {
		if texts, err = l.match.inserts(f); err != nil {
			return err
		}
	}
	loose, err := l.mayHaveRows(ctx, u.table)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if head := "INSERT INTO"; loose && len(text) > len(head) && strings.EqualFold(string(text[:len(head)]), head) {
			text = append([]byte("REPLACE INTO"), text[len(head):]...) // what is there of them is the same
		}
		if err := l.c.ExecDumped(ctx, text, func() (*schema.Table, error) { return l.r.srv.Table(ctx, l.r.p.Into, u.table) }); err != nil {
			return err
		}
	}
	return nil
}
