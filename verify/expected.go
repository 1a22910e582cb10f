package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/ui/text"
	"lifeboat/internal/value"
	"lifeboat/replay"
)

// ErrUnchecked says that no difference was found, but that some tables could not be compared.
var ErrUnchecked = errors.New("some tables could not be compared")

// otherSide and baseAndLog name what a target is compared with.
const (
	otherSide  = "the other side"
	baseAndLog = "base and log"
)

// against is one comparison of a target with what base and log say.
//
// Both sides are read once, in any order: the target in ranges of its key, several at a time, the other as snapshot and log give it. Each row falls
// by its key's digest into one of the table's buckets, of which count and sum are kept. Where those of a bucket differ, both
// sides are read again, and the rows of those buckets are held against each other.
type against struct {
	e      *replay.Expected
	side   Side
	o      Options
	server evaluator
	tables map[string]*checked
	list   []*checked

	rows atomic.Int64
	mu   sync.Mutex // of what follows
	at   Progress
	last time.Time
}

// Expected compares a database with what base and log say that it holds. It changes nothing, and reads each part of a table as it is at one moment: what
// is written meanwhile shows as a difference. Differences are in the result; an error means that they could not be looked for.
func Expected(ctx context.Context, e *replay.Expected, side Side, o Options) (*Result, error) {
	r := &Result{Schema: Schema, Left: side.describe(), Right: Place{Server: baseAndLog, Database: side.Database}, Other: baseAndLog, Sample: o.Sample}
	a := &against{e: e, side: side, o: o, tables: map[string]*checked{}}
	a.server.ctx, a.server.server = ctx, side.Server
	there, err := side.tables(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.choose(ctx, there); err != nil {
		return nil, err
	}
	a.at = Progress{Total: len(a.list)}
	if err := a.sums(ctx); err != nil {
		return nil, err
	}
	if !e.Exact() {
		for _, c := range a.all() {
			found := e.Evidence(c.x.Name)
			c.result.Evidence = &found
		}
	}
	if err := a.name(ctx); err != nil {
		return nil, err
	}
	for _, c := range a.list {
		a.settle(c)
		r.Tables = append(r.Tables, c.result)
	}
	if e.Whole() {
		if r.Objects, err = a.programs(ctx); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(r.Tables, func(x, y Table) int { return cmp.Compare(x.Name, y.Name) })
	r.judge()
	return r, nil
}

// tables lists those of a side.
func (s *Side) tables(ctx context.Context) ([]string, error) {
	exists, _, err := s.Server.HasDatabase(ctx, s.Database)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, fmt.Errorf("there is no database %s on %s", s.Database, s.Server.Name())
	}
	return s.Server.Tables(ctx, s.Database)
}

// choose lists the tables of either side with what tells before any row is read.
func (a *against) choose(ctx context.Context, there []string) error {
	known := map[string]bool{}
	for _, x := range a.e.Tables() {
		known[x.Name] = true
		if !a.o.wants(x.Name) {
			continue
		}
		c := &checked{x: x, result: Table{Name: x.Name}}
		a.list = append(a.list, c)
		if !slices.Contains(there, x.Name) {
			if x.Unknown != "" && len(x.Def.Columns) == 0 {
				c.result.Unchecked = x.Unknown
			} else {
				c.result.Difference = "only in " + baseAndLog
			}
			continue
		}
		if x.Unknown != "" {
			continue // see settle
		}
		if err := a.prepare(ctx, c); err != nil {
			return fmt.Errorf("table %s: %w", x.Name, err)
		}
	}
	for _, n := range there {
		if known[n] || !a.o.wants(n) || !a.e.Whole() {
			continue
		}
		if a.e.MayBePartial(n) {
			a.list = append(a.list, &checked{result: Table{Name: n, Unchecked: "it is a partial table, of rows that base and log know of no table"}})
			continue
		}
		a.list = append(a.list, &checked{result: Table{Name: n, Difference: "only on the target"}})
	}
	for _, n := range a.o.Tables {
		if !slices.ContainsFunc(a.list, func(c *checked) bool { return c.result.Name == n }) {
			return fmt.Errorf("neither side has a table %s", n)
		}
	}
	return nil
}

// prepare reads the target's definition, compares it, and decides how rows are compared.
func (a *against) prepare(ctx context.Context, c *checked) (err error) {
	if c.def, err = definition(ctx, a.side, c.x.Name); err != nil {
		return err
	}
	create, _, err := showCreate(ctx, a.side, c.x.Name)
	if err != nil {
		return err
	}
	printed, err := schema.ParseCreateTable([]byte(create), schema.Mode{MariaDB: a.side.Server.MariaDB})
	if err != nil {
		return err
	}
	if c.result.Difference = columnsDiffer(c.def, c.x.Def); c.result.Difference != "" {
		c.result.Difference = strings.ReplaceAll(c.result.Difference, otherSide, baseAndLog)
		return nil
	}
	c.result.Difference = definedDifferently(c.x, printed, a.e.PrintedLike(a.side.Server, c.x.Name))
	if err := c.columns(a.server.evaluate); err != nil {
		c.result.Unchecked = err.Error()
		return nil
	}
	c.buckets()
	if err := a.cut(ctx, c); err != nil {
		return err
	}
	a.tables[c.x.Name] = c
	return nil
}

// sums reads both sides.
func (a *against) sums(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.expect(gctx, func(c *checked) bool { return true }, (*checked).count) })
	g.Go(func() error { return a.read(gctx, a.all(), (*checked).count) })
	return g.Wait()
}

// all lists the tables that are compared row by row.
func (a *against) all() (out []*checked) {
	for _, c := range a.tables {
		out = append(out, c)
	}
	slices.SortFunc(out, func(x, y *checked) int {
		return cmp.Or(cmp.Compare(y.x.Rows, x.x.Rows), cmp.Compare(x.x.Name, y.x.Name))
	})
	return out
}

// look takes a packed row of one side: the target's or the expected.
type look func(c *checked, target bool, p *packed)

// expect reads what base and log say.
func (a *against) expect(ctx context.Context, want func(*checked) bool, look look) error {
	return a.e.Rows(ctx, a.o.Workers, func(table string) bool {
		c := a.tables[table]
		return c != nil && want(c)
	}, func(table string) (replay.Take, error) {
		c := a.tables[table]
		p, err := c.packer(a.server.evaluate)
		if err != nil {
			return nil, err
		}
		n := 0
		return func(r *replay.Row) error {
			if n++; n%4096 == 0 {
				a.met(4096, "")
			}
			in, err := p.row(r)
			if in && err == nil {
				look(c, false, p)
			}
			return err
		}, nil
	})
}

// met reports rows that were read; table is one that is done.
func (a *against) met(rows int64, table string) {
	a.rows.Add(rows)
	if a.o.Progress == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if table != "" {
		a.at.Done++
		a.at.Table = table
	} else if time.Since(a.last) < 100*time.Millisecond {
		return
	}
	a.last = time.Now()
	a.at.Rows = a.rows.Load()
	a.at.Done = min(a.at.Done, a.at.Total)
	a.o.Progress(a.at)
}

// settle puts a table's outcome into words.
func (a *against) settle(c *checked) {
	t := &c.result
	if c.x != nil && c.x.Unknown != "" {
		t.Unchecked = c.x.Unknown
	}
	if a.tables[t.Name] == nil {
		return
	}
	t.Left.Rows, t.Right.Rows = c.total(true), c.total(false)
	t.Notes = append(t.Notes, c.notes...)
	if t.Unchecked != "" {
		t.Right.Rows = 0
		t.RowDifferences, t.Evidence = nil, nil
		return
	}
	if len(c.ranges) > 0 && c.sampled {
		t.Notes = append(t.Notes, fmt.Sprintf("%d of %d ranges of its key were read", len(c.ranges), c.pieces))
	}
	differ := c.differ()
	switch {
	case len(differ) == 0 || t.Difference != "":
	case t.Left.Rows != t.Right.Rows:
		t.Difference = fmt.Sprintf("%s on the target, %s in %s", text.Counted(t.Left.Rows, "row"), text.Count(t.Right.Rows), baseAndLog)
	default:
		t.Difference = fmt.Sprintf("the same number of rows (%s) with different values", text.Count(t.Left.Rows))
	}
}

// evaluator asks the target what an expression is, once for each.
type evaluator struct {
	ctx    context.Context // of the comparison
	server *target.Server
	mu     sync.Mutex
	known  map[string][]byte
}

const mostKnown = 100_000

func (v *evaluator) evaluate(expression []byte) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if text, ok := v.known[string(expression)]; ok {
		return text, nil
	}
	text, err := v.server.Evaluate(v.ctx, expression)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", err, value.ErrUnsupported)
	}
	if v.known == nil || len(v.known) > mostKnown {
		v.known = map[string][]byte{}
	}
	v.known[string(expression)] = text
	return text, nil
}
