// Package verify compares a database with what base and log say that it holds (Expected), or with one on another server (Compare): the rows of every
// table by count and checksum, and the tables' definitions. It writes nothing on either side.
//
// Between two servers a table's checksum is a sum over its rows of a digest of every column, rendered so that no two values of a
// column render alike: bytes as they are stored, numbers as digits, NULL apart from all. A sum does not depend
// on the order of rows, and unlike an exclusive or it counts duplicates. Where a table's columns are of the same
// types on both sides, it does not depend on the server's family or version either.
package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
)

// ErrDifferent says that the two sides are not the same.
var ErrDifferent = errors.New("the two sides differ")

// Side is one of the two databases.
type Side struct {
	Server   *target.Server
	Database string
}

// Options for Compare. Table names are those of both sides.
type Options struct {
	Tables   []string // only these, if any
	Exclude  []string // but not these
	Workers  int      // tables, or parts of them, read at the same time
	Sample   float64  // of Expected: the part of each table that is read; 0: all
	Limit    int      // of Expected: rows named of each table; 0: DefaultLimit
	Progress func(Progress)
}

// Progress is how far a comparison is. Calls do not overlap.
type Progress struct {
	Done, Total int    // tables, on the target
	Rows        int64  // of both sides
	Table       string // finished last
}

func (o *Options) wants(table string) bool {
	return !slices.Contains(o.Exclude, table) && (len(o.Tables) == 0 || slices.Contains(o.Tables, table))
}

// Compare reads both sides. Differences are in the result; an error means that they could not be read.
func Compare(ctx context.Context, left, right Side, o Options) (*Result, error) {
	r := &Result{Schema: Schema, Left: left.describe(), Right: right.describe(), Other: otherSide}
	names, err := bothNames(ctx, left, right, &o)
	if err != nil {
		return nil, err
	}
	d, err := newDigester(ctx, left.Server, right.Server)
	if err != nil {
		return nil, err
	}
	r.Tables = make([]Table, len(names))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, o.Workers))
	var mu sync.Mutex
	at := Progress{Total: len(names)}
	for i, n := range names {
		g.Go(func() error {
			t, err := d.table(gctx, left, right, n)
			if err != nil {
				return fmt.Errorf("table %s: %w", n.name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			r.Tables[i] = *t
			at.Done, at.Table, at.Rows = at.Done+1, n.name, at.Rows+t.Left.Rows+t.Right.Rows
			if o.Progress != nil {
				o.Progress(at)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if len(o.Tables) == 0 {
		if r.Objects, err = objects(ctx, left, right); err != nil {
			return nil, err
		}
	}
	r.judge()
	return r, nil
}

func (s *Side) describe() Place {
	return Place{Server: s.Server.Name(), Database: s.Database}
}

// tableName is a table's name and the sides that have it.
type tableName struct {
	name        string
	left, right bool
}

func bothNames(ctx context.Context, left, right Side, o *Options) (out []tableName, err error) {
	at := map[string]int{}
	for _, side := range []*Side{&left, &right} {
		exists, _, err := side.Server.HasDatabase(ctx, side.Database)
		if err != nil {
			return nil, err
		}
		if !exists {
			return nil, fmt.Errorf("there is no database %s on %s", side.Database, side.Server.Name())
		}
		names, err := side.Server.Tables(ctx, side.Database)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if !o.wants(n) {
				continue
			}
			i, ok := at[n]
			if !ok {
				i = len(out)
				at[n] = i
				out = append(out, tableName{name: n})
			}
			out[i].left = out[i].left || side == &left
			out[i].right = out[i].right || side == &right
		}
	}
	for _, n := range o.Tables {
		if _, ok := at[n]; !ok {
			return nil, fmt.Errorf("neither side has a table %s", n)
		}
	}
	slices.SortFunc(out, func(a, b tableName) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// table compares one table, its two sides at the same time.
func (d *digester) table(ctx context.Context, left, right Side, n tableName) (*Table, error) {
	t := &Table{Name: n.name}
	if !n.left || !n.right {
		t.Difference = "only on " + map[bool]string{true: "the target", false: "the other side"}[n.left]
		return t, nil
	}
	ldef, err := definition(ctx, left, n.name)
	if err != nil {
		return nil, err
	}
	rdef, err := definition(ctx, right, n.name)
	if err != nil {
		return nil, err
	}
	if t.Difference = columnsDiffer(ldef, rdef); t.Difference != "" {
		return t, nil
	}
	exprs, notes := d.rowExpression(ldef, rdef)
	t.Notes = append(t.Notes, notes...)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { t.Left, err = d.sum(gctx, left, n.name, exprs); return err })
	g.Go(func() (err error) { t.Right, err = d.sum(gctx, right, n.name, exprs); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return t, d.definitions(ctx, left, right, t)
}

func definition(ctx context.Context, s Side, name string) (*schema.Table, error) {
	def, err := s.Server.Table(ctx, s.Database, name)
	if err == nil && def == nil {
		err = errors.New("it was dropped meanwhile")
	}
	if err != nil {
		return nil, fmt.Errorf("on %s: %w", s.Server.Name(), err)
	}
	return def, nil
}

// columnsDiffer reports the first difference between two column lists that makes rows incomparable.
func columnsDiffer(left, right *schema.Table) string {
	for i, c := range left.Columns {
		if i >= len(right.Columns) {
			return fmt.Sprintf("column %s is only on the target", c.Name)
		}
		if r := right.Columns[i]; r.Name != c.Name {
			return fmt.Sprintf("column %d is %s on the target, %s on the other side", i+1, c.Name, r.Name)
		}
	}
	if n := len(left.Columns); n < len(right.Columns) {
		return fmt.Sprintf("column %s is only on the other side", right.Columns[n].Name)
	}
	return ""
}
