package filter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// A session keeps the default character set that its database had when it went there, whatever other sessions have done to the database since.
// MariaDB makes tables and programs under that one, MySQL before 8.0 programs, and the log does not tell it: collation_database stands in an event only
// where the session has set it. What the log does have are the numbers of sessions, which grow while the server runs, and where they were.

// Outlived is a statement that made something under a default that only its session knew.
type Outlived struct {
	StatementRef
	Kind    schema.ObjectKind
	Name    TableName            // of the table or program
	Changed binlog.Position      // where the default was last changed
	Old     []schema.TextDefault // what it may have been for this session; the zero value: what the log does not say
	New     schema.TextDefault   // what it is by the log
	// Older says that the session was connected before the default changed. If not, it may have come later: nothing in the log tells.
	Older bool
	Text  []byte // of the statement
	Mode  schema.Mode
	Rows  *binlog.TableMap // of the table's first rows after it; nil: it has none
	Gone  binlog.Position  // where it was dropped; zero: nowhere

	early bool // the session may have been there since before what was read
}

// defaults follows the default character set of each database, and where sessions are.
type defaults struct {
	now      map[string]schema.TextDefault
	dropped  map[string]moment
	changes  map[string][]defaultChange
	clock    int    // counts what may have changed a default
	highest  uint32 // number of a session seen since the server started
	sessions map[uint32]whereabouts
	made     map[TableName]*Outlived // tables in doubt that there are
	settled  map[TableName]bool      // those of them whose rows tell no more of the statement that made them
	began    bool                    // the server was started in what was read: there are no older sessions
}

type moment struct {
	clock   int
	highest uint32
}

type defaultChange struct {
	moment   // from which on whoever enters has the new one
	at       binlog.Position
	old, new schema.TextDefault
}

// whereabouts are where a session was last seen.
type whereabouts struct {
	db     string
	seen   int // when
	before int // when it was last seen elsewhere, 0 if never
}

// leftAt is when the session was last seen elsewhere than in db, 0 if never.
func (w whereabouts) leftAt(db string) int {
	if w.db == db {
		return w.before
	}
	return w.seen
}

func (w whereabouts) in(db string, clock int) whereabouts {
	if w.seen > 0 && w.db != db {
		w.before = w.seen
	}
	w.db, w.seen = db, clock
	return w
}

func newDefaults(base map[string]schema.TextDefault) *defaults {
	d := &defaults{now: map[string]schema.TextDefault{}, dropped: map[string]moment{}, made: map[TableName]*Outlived{}, settled: map[TableName]bool{}}
	for db, x := range base {
		d.now[db] = x
	}
	d.restarted()
	d.began = false
	return d
}

// restarted forgets the sessions of a server that has ended.
func (d *defaults) restarted() {
	d.changes, d.sessions = map[string][]defaultChange{}, map[uint32]whereabouts{}
	d.clock, d.highest, d.began = 1, 0, true
	clear(d.dropped)
}

// statement follows one, and returns what it made in doubt.
func (d *defaults) statement(one *statement, q *binlog.Query, f *binlog.Format) *Outlived {
	d.highest = max(d.highest, q.ThreadID)
	switch one.st.Verb {
	case schema.CreateDatabase, schema.AlterDatabase, schema.DropDatabase:
		if one.effect {
			d.database(one, q)
		}
		return nil
	}
	d.sessions[q.ThreadID] = d.sessions[q.ThreadID].in(q.Database, d.clock)
	if !one.effect {
		return nil
	}
	for _, o := range one.objects {
		name := TableName{o.DB, o.Name}
		if d.made[name] == nil || o.Kind != schema.KindTable || o.Role == schema.Source || o.Role == schema.Reference || o.Role == schema.TriggerTable || o.Role == schema.Like {
			continue
		}
		d.settled[name] = true
		if one.st.Verb == schema.DropTable || one.st.OrReplace && o.Role == schema.Target {
			d.gone(name, one)
		}
	}
	return d.inDoubt(one, q, f)
}

// database follows a statement about a database. Its event names that one as the session's own, wherever the session is.
func (d *defaults) database(one *statement, q *binlog.Query) {
	if len(one.objects) == 0 {
		return
	}
	db := one.objects[0].DB
	if db == "" { // ALTER DATABASE may leave it out
		db = q.Database
	}
	if one.st.Verb == schema.DropDatabase || one.st.OrReplace {
		d.drop(db, one, q)
	}
	now, said := schema.DatabaseDefault(q.SQL, one.mode)
	switch {
	case one.st.Verb == schema.DropDatabase, one.st.Verb == schema.AlterDatabase && !said:
		return
	case now == schema.TextDefault{} && q.Vars.HasCharset:
		now = serverDefault(q.Vars.ServerCollation)
	}
	since, ok := d.dropped[db]
	if one.st.Verb == schema.AlterDatabase {
		d.clock++
		since, ok = moment{d.clock, d.highest}, true
		d.left(q.ThreadID, db) // a session follows its own
	}
	if old, known := d.now[db]; ok && (!known || !old.Same(now)) {
		d.changes[db] = append(d.changes[db], defaultChange{since, one.ref.Pos, old, now})
	}
	d.now[db] = now
}

// drop follows the end of a database: nobody can enter until it is made again.
func (d *defaults) drop(db string, one *statement, q *binlog.Query) {
	d.clock++
	d.dropped[db] = moment{d.clock, d.highest}
	d.left(q.ThreadID, db)
	for name := range d.made {
		if name.DB == db {
			d.gone(name, one)
		}
	}
}

// gone ends a table that was made in doubt.
func (d *defaults) gone(name TableName, one *statement) {
	d.made[name].Gone = one.ref.Pos
	delete(d.made, name)
	delete(d.settled, name)
}

// left notes that the session is not in db with an old default.
func (d *defaults) left(thread uint32, db string) {
	d.sessions[thread] = whereabouts{db: db, seen: d.clock, before: d.clock}
}

// inDoubt judges a statement that makes a table or a program in its session's database; the default of another one is looked up.
func (d *defaults) inDoubt(one *statement, q *binlog.Query, f *binlog.Format) *Outlived {
	if len(d.changes[q.Database]) == 0 && d.began {
		return nil
	}
	i := slices.IndexFunc(one.objects, func(o schema.Object) bool { return o.Role == schema.Target })
	if i < 0 || one.objects[i].DB != q.Database || !one.underDefault(q.SQL, f) {
		return nil
	}
	o := one.objects[i]
	out := &Outlived{StatementRef: one.ref, Kind: o.Kind, Name: TableName{o.DB, o.Name}, New: d.now[o.DB], Mode: one.mode}
	out.early = !d.began && d.sessions[q.ThreadID].leftAt(o.DB) == 0
	out.changed(d)
	if len(out.Old) == 0 && !out.early {
		return nil
	}
	out.Text = slices.Clone(q.SQL)
	if o.Kind == schema.KindTable {
		d.made[out.Name] = out
	}
	return out
}

// changed adds what the default may have been for the session, by the changes of d since it was last elsewhere.
func (o *Outlived) changed(d *defaults) {
	left := d.sessions[o.Thread].leftAt(o.Name.DB)
	for _, c := range d.changes[o.Name.DB] {
		if c.clock <= left {
			continue
		}
		o.Older = o.Older || o.Thread <= c.highest
		if o.Changed.Compare(c.at) < 0 {
			o.Changed = c.at
		}
		if !c.old.Same(o.New) && !slices.ContainsFunc(o.Old, c.old.Same) {
			o.Old = append(o.Old, c.old)
		}
	}
}

// Early reports whether what the log says of sessions before the survey began may tell more; see Before.
func (s *Survey) Early() bool {
	return slices.ContainsFunc(s.Outlived, func(o *Outlived) bool { return o.early })
}

// Before reads the statements of the log from one position to another, where a survey began, and tells it which sessions may have outlived a default
// already then.
func (s *Survey) Before(ctx context.Context, files []binlog.File, from, to binlog.Position) error {
	r, err := binlog.Open(ctx, files, from, binlog.ReadOptions{LowerNames: s.Format.LowerNames})
	if err != nil {
		return err
	}
	defer r.Close()
	x := newScanner(s.Scope, Options{})
	for {
		it, err := r.Next(ctx)
		switch {
		case err == nil && (it.Kind != binlog.Begin || it.Pos.Compare(to) < 0):
			x.follow(&it)
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		for _, o := range s.Outlived {
			if o.early {
				if (o.New == schema.TextDefault{}) {
					o.New = x.defaults.now[o.Name.DB]
				}
				o.changed(x.defaults)
			}
		}
		return nil
	}
}

// follow is what Before needs of an item.
func (s *scanner) follow(it *binlog.Item) {
	switch it.Kind {
	case binlog.FileStart:
		if s.format = it.Format; it.Format.Created != 0 {
			s.defaults.restarted()
		}
	case binlog.Statement:
		st, q, err := Understood(it.Query, s.format)
		if err != nil || st.Undecoded() {
			return
		}
		one := statement{ref: StatementRef{Pos: it.Tx.Start, Thread: q.ThreadID}, st: st, objects: Touched(&st, q), mode: ReadingMode(q, s.format)}
		one.effect, _ = s.hadEffect(&one, q)
		s.defaults.statement(&one, q, s.format)
	}
}

// underDefault reports statements whose result depends on the session's idea of its database's default.
func (one *statement) underDefault(text []byte, f *binlog.Format) bool {
	switch one.st.Verb {
	case schema.CreateTable, schema.CreateTableSelect:
		_, named, ok := schema.TableOptions(text, one.mode)
		return f.MariaDB && ok && !named
	case schema.CreateTrigger, schema.CreateProcedure, schema.CreateFunction, schema.CreateEvent:
		return f.MariaDB || f.VersionNumber() < 80000
	}
	return false
}

// rows notes how the log lays out the rows of a table that was made in doubt.
func (d *defaults) rows(name TableName, tm *binlog.TableMap) {
	if w := d.made[name]; w != nil && w.Rows == nil && !d.settled[name] {
		w.Rows = tm
	}
}

// serverDefault names the collations that servers have by default; another has only its number, which no statement takes.
func serverDefault(collation uint16) schema.TextDefault {
	switch collation {
	case 8:
		return schema.TextDefault{Charset: "latin1", Collation: "latin1_swedish_ci"}
	case 33:
		return schema.TextDefault{Charset: "utf8", Collation: "utf8_general_ci"}
	case 45:
		return schema.TextDefault{Charset: "utf8mb4", Collation: "utf8mb4_general_ci"}
	case 224:
		return schema.TextDefault{Charset: "utf8mb4", Collation: "utf8mb4_unicode_ci"}
	case 255:
		return schema.TextDefault{Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci"}
	}
	return schema.TextDefault{Collation: fmt.Sprintf("number %d", collation)}
}
