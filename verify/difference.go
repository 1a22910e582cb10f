package verify

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
)

// RowDifference is one row that differs.
type RowDifference struct {
	What    string             `json:"what"` // WhatMissing, WhatExtra or WhatChanged
	Key     string             `json:"key"`  // column=value, …; of a table without a key the row
	Rows    int64              `json:"rows"` // 1, but of a table without a key
	Columns []ColumnDifference `json:"columns,omitempty"`
}

// ColumnDifference is one value of a changed row. Values are shortened.
type ColumnDifference struct {
	Name     string `json:"name"`
	Target   string `json:"target"`
	Expected string `json:"expected"`
}

// Values of RowDifference.What.
const (
	WhatMissing = "missing" // on the target
	WhatExtra   = "extra"
	WhatChanged = "changed"
)

// DefaultLimit is how many rows of a table are named unless Options say.
const DefaultLimit = 20

// mostHeld bounds the memory, in bytes, of the rows that are held against each other at the same time, both sides together. Each costs suspectCost
// beside its own.
const (
	mostHeld    = 64 << 20
	suspectCost = 160
)

// suspects are the rows of a table's differing buckets.
type suspects struct {
	mu      sync.Mutex
	buckets map[uint64]bool
	rows    map[string]*suspect // by key
	left    int                 // buckets that were not looked into
}

// suspect is a row on both sides: its forms, or how often it is there.
type suspect struct {
	sides [2][]byte
	n     [2]int64
}

// name reads both sides of the differing buckets again, and names their rows.
func (a *against) name(ctx context.Context) error {
	all := map[*checked]*suspects{}
	var list []*checked
	held := int64(0)
	for _, c := range a.all() {
		differ := c.differ()
		if len(differ) == 0 || c.x.Unknown != "" {
			continue
		}
		all[c] = c.suspects(differ, &held)
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil
	}
	take := func(c *checked, target bool, p *packed) { all[c].take(target, p) }
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.expect(gctx, func(c *checked) bool { return all[c] != nil }, take) })
	g.Go(func() error { return a.read(gctx, list, take) })
	if err := g.Wait(); err != nil {
		return err
	}
	limit := a.o.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	for _, c := range list {
		c.tell(all[c], limit)
	}
	return nil
}

// suspects chooses among the buckets that differ, as many as there is room for, but one of each table at least. held is the room taken so far.
func (c *checked) suspects(differ []uint64, held *int64) *suspects {
	s := &suspects{buckets: map[uint64]bool{}, rows: map[string]*suspect{}}
	for _, i := range differ {
		cost := int64(0)
		for side := range c.sides {
			b := &c.sides[side][i]
			cost += b.bytes + b.n*suspectCost
		}
		if *held+cost > mostHeld && len(s.buckets) > 0 {
			s.left++
			continue
		}
		*held += cost
		s.buckets[i] = true
	}
	return s
}

func (s *suspects) take(target bool, p *packed) {
	if !s.buckets[p.number()] {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[string(p.key)]
	if r == nil {
		r = &suspect{}
		s.rows[string(p.key)] = r
	}
	side := 0
	if target {
		side = 1
	}
	r.n[side]++
	if p.c.keys > 0 {
		r.sides[side] = bytes.Clone(p.row1)
	}
}

// tell puts the rows that differ into the result, in order.
func (c *checked) tell(s *suspects, limit int) {
	t := &c.result
	for _, key := range slices.SortedFunc(maps.Keys(s.rows), c.before) {
		r := s.rows[key]
		if r.n[0] == r.n[1] && bytes.Equal(r.sides[0], r.sides[1]) {
			continue
		}
		t.DifferentRows++
		if len(t.RowDifferences) >= limit {
			continue
		}
		d := RowDifference{What: WhatChanged, Key: c.show(key), Rows: 1}
		switch n := r.n[1] - r.n[0]; {
		case n < 0:
			d.What, d.Rows = WhatMissing, -n
		case n > 0:
			d.What, d.Rows = WhatExtra, n
		default:
			d.Columns = c.changed(r)
		}
		t.RowDifferences = append(t.RowDifferences, d)
	}
	if s.left > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("rows of %d more parts of the table differ, which were not looked into", s.left))
	}
}

// before orders keys as numbers where they are numbers.
func (c *checked) before(a, b string) int {
	x, y := values([]byte(a)), values([]byte(b))
	for i := range min(len(x), len(y)) {
		m, errM := c.order(string(x[i]))
		n, errN := c.order(string(y[i]))
		if errM == nil && errN == nil && m != n {
			if m < n {
				return -1
			}
			return 1
		}
		if d := bytes.Compare(x[i], y[i]); d != 0 {
			return d
		}
	}
	return strings.Compare(a, b)
}

// values takes packed forms apart; of a NULL it gives nil.
func values(row []byte) (out [][]byte) {
	for len(row) > 0 {
		if row[0] == 0 {
			out, row = append(out, nil), row[1:]
			continue
		}
		n := 5 + int(binary.LittleEndian.Uint32(row[1:]))
		out, row = append(out, row[5:n:n]), row[n:]
	}
	return out
}

func (c *checked) show(key string) string {
	var out []string
	for i, v := range values([]byte(key)) {
		out = append(out, c.def.Columns[c.cols[i]].Name+"="+shown(v))
	}
	return strings.Join(out, ", ")
}

func (c *checked) changed(r *suspect) (out []ColumnDifference) {
	expected, target := values(r.sides[0]), values(r.sides[1])
	for i := range expected {
		if (expected[i] == nil) != (target[i] == nil) || !bytes.Equal(expected[i], target[i]) {
			e, t := window(expected[i], target[i])
			out = append(out, ColumnDifference{Name: c.def.Columns[c.cols[i]].Name, Expected: e, Target: t})
		}
	}
	return out
}

// mostShown is how much of a value is shown, in bytes.
const mostShown = 60

// window shows two values around the first place where they differ.
func window(a, b []byte) (string, string) {
	if a == nil || b == nil || len(a) <= mostShown && len(b) <= mostShown {
		return shown(a), shown(b)
	}
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	from = max(0, from-mostShown/3)
	if from == 0 {
		return shown(a), shown(b)
	}
	return fmt.Sprintf("%s from byte %d on", shown(a[from:]), from), fmt.Sprintf("%s from byte %d on", shown(b[from:]), from)
}

// shown is a value for people: numbers and plain text as they are, bytes in hex.
func shown(v []byte) string {
	if v == nil {
		return "NULL"
	}
	more := ""
	if len(v) > mostShown {
		more = fmt.Sprintf("… (%d bytes)", len(v))
		v = v[:mostShown]
		for len(v) > mostShown-4 && !utf8.Valid(v) {
			v = v[:len(v)-1]
		}
	}
	if !utf8.Valid(v) || bytes.ContainsFunc(v, func(r rune) bool { return r < ' ' }) {
		return fmt.Sprintf("0x%x%s", v, more)
	}
	if len(v) > 0 && len(bytes.Trim(v, "0123456789.-e+: ")) == 0 {
		return string(v) + more
	}
	return "'" + string(v) + "'" + more
}
