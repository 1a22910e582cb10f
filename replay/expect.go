package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/value"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// Expected is what base and log say that the database holds at the stop point, worked out without a server. It is what
// Rebuild would write, but for tables whose rows take a server to tell: they are named, and the others are told.
type Expected struct {
	b      *rebuild
	tables map[string]*ExpectedTable
	spare  sync.Pool // of texts of INSERTs
}

// ExpectedTable is one table of it.
type ExpectedTable struct {
	Name string
	Def  *schema.Table
	Base *schema.Table // as the snapshot's tool printed it; nil if the log made the table
	Rows int64         // about how many there are
	// IndexesFollowed says that Def has the table's indexes; CREATE INDEX and DROP INDEX are not followed.
	IndexesFollowed bool
	Unknown         string // why its rows cannot be told; "" if they can
}

// Expect reads snapshot and log as far as definitions and changes go. The rows of an inexact base are those that it holds and the log
// does not change.
//
// What the log changed and o.Memory does not hold goes to o.Spill; without it, that is refused. Close releases it.
func Expect(ctx context.Context, p *plan.Plan, src Source, o Options) (_ *Expected, err error) {
	b := newRebuild(p, src, o)
	b.lenient = true
	defer func() {
		if err != nil {
			err = errors.Join(err, b.fold.close())
		}
	}()
	for _, step := range []func(context.Context) error{b.definitions, b.log} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if err := checkSum(p, &b.result.Counts); err != nil {
		return nil, err
	}
	e := &Expected{b: b, tables: map[string]*ExpectedTable{}}
	for name, t := range b.tables {
		x := &ExpectedTable{Name: name, Def: t.def, Base: t.began, Unknown: t.unsure, IndexesFollowed: !t.indexed}
		if r := p.Route(name); r != nil {
			x.Rows = r.BaseRows + r.Inserted
			if x.Unknown == "" && r.Base == plan.BaseNone {
				x.Unknown = r.Why
			}
		}
		e.tables[name] = x
	}
	return e, nil
}

// Close releases what went to disk.
func (e *Expected) Close() error { return e.b.fold.close() }

// Tables lists the tables by name. After Rows more of them may be unknown.
func (e *Expected) Tables() (out []*ExpectedTable) {
	for _, t := range e.tables {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *ExpectedTable) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Programs are the views, triggers, routines and events; none if only some tables are wanted.
func (e *Expected) Programs() []Program { return e.b.programs.list }

// LostViews are the views that nobody can make, by name in lower case, with what each reads and misses. A server that had them keeps them.
func (e *Expected) LostViews() map[string]string { return e.b.lostViews() }

// Whole reports that the whole database is wanted, not some of its tables.
func (e *Expected) Whole() bool { return e.b.p.Scope().Whole() }

// MayBePartial reports the name of a partial table, which is not compared.
func (e *Expected) MayBePartial(name string) bool { return e.b.p.MayBePartial(name) }

// Exact reports that the base's place in the log is known.
func (e *Expected) Exact() bool { return e.b.p.Exact }

// PrintedLike reports that a server prints a table's definition as the one did that the snapshot is of. In a dump that lifeboat wrote, tables that the
// log made have the statement of whoever made them, which no server has printed.
func (e *Expected) PrintedLike(s *target.Server, table string) bool {
	t := e.b.tables[table]
	if e.b.src.Snapshot == nil || t == nil || t.base == "" {
		return false
	}
	x := e.b.src.Snapshot.Of(t.base)
	if x.MariaDB != s.MariaDB || binlog.VersionNumber(x.ServerVersion)/100 != s.Number/100 {
		return false
	}
	i := slices.IndexFunc(x.Tables, func(b snapshot.Table) bool {
		return b.Name == t.base && (b.DB == e.b.p.Database || b.DB == "" || x.Nameless)
	})
	return i >= 0 && strings.Contains(x.Tables[i].Create, "(\n  `")
}

// Row is one row on its way. It is valid during the call that it is given to.
type Row struct{ f *flow }

// Null reports that column i of the table's definition is NULL.
func (r *Row) Null(i int) bool { return r.f.row[i].kind == null }

// Append appends the form of a value that is not NULL.
func (r *Row) Append(dst []byte, i int, c *value.Comparison) ([]byte, error) {
	cell := &r.f.row[i]
	switch cell.kind {
	case ofImage:
		return c.AppendImage(dst, cell.column, cell.raw)
	case constant:
		text := []byte(cell.text)
		if len(text) > 1 && text[0] == '\'' {
			if bytes.IndexByte(text[1:len(text)-1], '\\') >= 0 || bytes.Contains(text[1:len(text)-1], []byte("''")) {
				return dst, fmt.Errorf("the default %s: %w", text, value.ErrUnsupported)
			}
			return c.AppendText(dst, text[1:len(text)-1], "utf8mb4")
		}
		return c.AppendNumber(dst, text)
	case dumped:
		return r.appendDumped(dst, cell, c)
	}
	return dst, fmt.Errorf("a value that the dump does not give: %w", value.ErrUnsupported)
}

func (r *Row) appendDumped(dst []byte, cell *cell, c *value.Comparison) ([]byte, error) {
	d, l := r.f.from, &cell.literal
	if l.Kind == snapshot.Number {
		return c.AppendNumber(dst, l.Text)
	}
	text := d.tuples.Value(&d.value, l)
	charset := l.Charset
	switch {
	case charset != "":
	case l.Kind == snapshot.String:
		charset = d.charset
	default:
		charset = "binary"
	}
	return c.AppendText(dst, text, charset)
}

// Take is what is done with a table's rows, one at a time.
type Take func(*Row) error

// Rows hands out every row of the tables that are wanted, of several at the same time. begin is called before a table's first row, once by each
// worker: what it returns gets the rows that this worker met.
func (e *Expected) Rows(ctx context.Context, workers int, want func(table string) bool, begin func(table string) (Take, error)) (err error) {
	lot := e.b.lot()
	defer func() { err = errors.Join(err, lot.close()) }()
	for _, t := range e.b.tables {
		t.dumped.all.Store(0)
		t.dumped.replaced.Store(0)
		t.dumped.removed.Store(0)
		if err := newFlow(t, lot, nil).begin(); e.unknown(t, err) != nil {
			return err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	lanes := make([]chan poured, max(1, workers))
	pourers := make([]*pourer, len(lanes))
	for i := range lanes {
		lanes[i] = make(chan poured, 1)
		pourers[i] = &pourer{e: e, lot: lot, begin: begin, flows: map[string]*flow{}, failed: map[string]error{}}
		g.Go(func() error { return pourers[i].run(gctx, lanes[i]) })
	}
	g.Go(func() error {
		defer func() {
			for _, l := range lanes {
				close(l)
			}
		}()
		return e.deal(gctx, lanes, want)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return e.rest(ctx, pourers, want)
}

// unknown notes that a table's rows cannot be told after all; any other error comes back.
func (e *Expected) unknown(t *rebuilt, err error) error {
	if !beyondText(err) {
		return err
	}
	if x := e.tables[t.name]; x.Unknown == "" {
		x.Unknown = unadvised(err)
	}
	return nil
}

// beyondText reports errors that say that text and images do not tell a table's rows.
func beyondText(err error) bool {
	return errors.Is(err, ErrNeedsServer) || errors.Is(err, value.ErrUnsupported) || errors.Is(err, snapshot.ErrUnsupported)
}

// unadvised is why, without the advice to use a server.
func unadvised(err error) string {
	return strings.NewReplacer(": "+ErrNeedsServer.Error(), "", " ("+ErrNeedsServer.Error()+")", "").Replace(err.Error())
}

// poured is one INSERT of the snapshot, a copy.
type poured struct {
	t    *rebuilt
	s    snapshot.Statement
	text *[]byte // what its SQL lies in, to be used again
}

// deal hands the snapshot's INSERTs to the lanes.
func (e *Expected) deal(ctx context.Context, lanes []chan poured, want func(string) bool) error {
	b := e.b
	if b.src.Snapshot == nil {
		return nil
	}
	from := map[string]*rebuilt{}
	for _, t := range b.tables {
		if t.base != "" && e.tables[t.name].Unknown == "" && want(t.name) {
			from[t.base] = t
		}
	}
	b.at = Progress{Phase: "read base", Unit: "bytes", Total: b.src.Snapshot.Index().Size}
	next, spare := 0, &e.spare
	return b.src.Snapshot.Statements(ctx, b.p.Database, func(s snapshot.Statement) error {
		t := from[s.Object]
		if s.Part != snapshot.PartRows || t == nil {
			return nil
		}
		b.at.Done = s.Offset
		b.report()
		next = (next + 1) % len(lanes)
		text, _ := spare.Get().(*[]byte)
		if text == nil {
			text = new([]byte)
		}
		*text = append((*text)[:0], s.SQL...)
		s.SQL = *text
		select {
		case lanes[next] <- poured{t, s, text}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// pourer is one worker.
type pourer struct {
	e      *Expected
	lot    *lot
	begin  func(string) (Take, error)
	flows  map[string]*flow
	failed map[string]error // by table: what takes a server
}

func (p *pourer) flow(t *rebuilt) (*flow, error) {
	f, ok := p.flows[t.name]
	if ok {
		return f, nil
	}
	take, err := p.begin(t.name)
	if err != nil {
		return nil, err
	}
	row := &Row{}
	f = newFlow(t, p.lot, func(f *flow) error { row.f = f; return take(row) })
	p.flows[t.name] = f
	return f, nil
}

func (p *pourer) run(ctx context.Context, in <-chan poured) error {
	for one := range in {
		if p.failed[one.t.name] != nil {
			continue
		}
		f, err := p.flow(one.t)
		if err != nil {
			return err
		}
		_, err = f.pour(&one.s)
		p.e.spare.Put(one.text)
		if err == nil {
			continue
		}
		if p.failed[one.t.name] = fmt.Errorf("snapshot, offset %d: %w", one.s.Offset, err); !beyondText(err) {
			return fmt.Errorf("table %s: %w", one.t.name, p.failed[one.t.name])
		}
	}
	return ctx.Err()
}

// rest sends what the log added, when every row of the snapshot has come by.
func (e *Expected) rest(ctx context.Context, pourers []*pourer, want func(string) bool) error {
	for _, p := range pourers {
		for name, err := range p.failed {
			if err := e.unknown(e.b.tables[name], err); err != nil {
				return err
			}
		}
	}
	for i, x := range e.Tables() {
		if x.Unknown != "" || !want(x.Name) {
			continue
		}
		t := e.b.tables[x.Name]
		f, err := pourers[i%len(pourers)].flow(t)
		if err != nil {
			return err
		}
		if err := e.unknown(t, f.rest()); err != nil {
			return fmt.Errorf("table %s: %w", x.Name, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// Evidence is what became of a table's base: whether to trust one of unknown date.
type Evidence struct {
	Base     int64 `json:"base_rows"`
	Only     int64 `json:"only_from_the_base"` // as the base has them: the log says nothing of them
	Replaced int64 `json:"replaced_by_the_log"`
	Removed  int64 `json:"deleted_by_the_log"`
	Missing  int64 `json:"changed_but_not_in_the_base"` // rows that the log changes or deletes, and that the base lacks
	// First is the first change of one of those.
	First binlog.Position `json:"first_change_without_base,omitzero"`
}

// Evidence counts as of the last Rows. It is zero for a table that was not handed out.
func (e *Expected) Evidence(table string) (out Evidence) {
	t := e.b.tables[table]
	if t == nil || e.tables[table].Unknown != "" {
		return out
	}
	out = Evidence{Base: t.dumped.all.Load(), Replaced: t.dumped.replaced.Load(), Removed: t.dumped.removed.Load()}
	out.Only = out.Base - out.Replaced - out.Removed
	first := nowhere
	for _, s := range t.stages {
		if s.rows != nil {
			out.Missing += s.out.missing
			first = min(first, s.out.first)
		}
	}
	out.First = e.b.places.position(first)
	return out
}
