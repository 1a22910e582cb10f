package verify

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/schema"
	"lifeboat/internal/value"
	"lifeboat/replay"
)

// checked is one table under comparison.
type checked struct {
	x      *replay.ExpectedTable
	def    *schema.Table // on the target
	result Table
	notes  []string

	cols    []int // places of the columns compared, those of the key first
	keys    int   // how many of them are the key's; 0: rows are told apart by all
	mask    uint64
	seeds   [2]maphash.Seed
	sides   [2][]bucket // expected, target
	sampled bool
	pieces  int     // that the table's key was cut into
	ranges  []piece // that are read; none: all in one
	first   uint64  // of the key's values, as an order
	width   uint64  // of a piece
	signed  bool
}

// bucket counts the rows whose keys fall into it, and sums up two digests of each.
type bucket struct {
	n, bytes int64
	a, b     uint64
}

// piece is a range of the key's first column: from on, and below to, where they are given.
type piece struct {
	number int
	where  string
}

// columns decides which columns are compared, those of the key first. Where one cannot be, the error says why.
func (c *checked) columns(evaluate func([]byte) ([]byte, error)) error {
	writable := func(i int) bool { return c.def.Columns[i].Writable() && c.x.Def.Columns[i].Writable() }
	if key, ok := c.def.RowKey(); ok {
		for _, part := range key.Columns {
			i := slices.IndexFunc(c.def.Columns, func(x schema.Column) bool { return strings.EqualFold(x.Name, part.Name) })
			if i < 0 || !writable(i) {
				c.cols = nil
				break
			}
			c.cols = append(c.cols, i)
		}
		c.keys = len(c.cols)
	}
	for i := range c.def.Columns {
		switch {
		case !writable(i):
			c.notes = append(c.notes, fmt.Sprintf("column %s was left out: the server computes it", c.def.Columns[i].Name))
		case !slices.Contains(c.cols, i):
			c.cols = append(c.cols, i)
		}
	}
	_, err := c.packer(evaluate)
	return err
}

// buckets makes them: a few hundred rows fall into each.
func (c *checked) buckets() {
	n := uint64(16)
	for n < 1<<16 && int64(n)*256 < c.x.Rows {
		n *= 2
	}
	c.mask = n - 1
	c.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	c.sides = [2][]bucket{make([]bucket, n), make([]bucket, n)}
}

// packed packs rows of one table one after the other, for one worker.
type packed struct {
	c       *checked
	forms   []*value.Comparison
	row1    []byte // forms of all columns, each behind a byte and its length
	key     []byte // the beginning of row1, or all of it
	integer bool
}

func (c *checked) packer(evaluate func([]byte) ([]byte, error)) (*packed, error) {
	p := &packed{c: c}
	for _, i := range c.cols {
		def, members := &c.def.Columns[i], c.x.Def.Columns[i].Members
		form, err := value.NewComparison(def.DataType, def.Type, def.Charset, members)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", def.Name, err)
		}
		form.Evaluate = evaluate
		p.forms = append(p.forms, form)
	}
	p.integer = c.keys > 0 && p.forms[0].Integer()
	return p, nil
}

// begin, open, close and end bracket a row and a value.
func (p *packed) begin() { p.row1 = p.row1[:0] }

func (p *packed) open() int {
	p.row1 = append(p.row1, 1, 0, 0, 0, 0)
	return len(p.row1)
}

func (p *packed) close(start int) {
	binary.LittleEndian.PutUint32(p.row1[start-4:], uint32(len(p.row1)-start))
}

func (p *packed) end(key int) {
	p.key = p.row1[:key]
	if p.c.keys == 0 {
		p.key = p.row1
	}
}

// row packs an expected row, and reports whether it is one of those that are compared.
func (p *packed) row(r *replay.Row) (in bool, err error) {
	p.begin()
	key := 0
	for n, i := range p.c.cols {
		if r.Null(i) {
			p.row1 = append(p.row1, 0)
		} else {
			start := p.open()
			if p.row1, err = r.Append(p.row1, i, p.forms[n]); err != nil {
				return false, fmt.Errorf("column %s: %w", p.c.def.Columns[i].Name, err)
			}
			p.close(start)
		}
		if n == 0 && p.c.sampled && !p.c.reads(p.row1[5:]) {
			return false, nil
		}
		if n+1 == p.c.keys {
			key = len(p.row1)
		}
	}
	p.end(key)
	return true, nil
}

// answer packs a row of the target.
func (p *packed) answer(row []driver.Value) (err error) {
	p.begin()
	key := 0
	for n, v := range row {
		if v == nil {
			p.row1 = append(p.row1, 0)
		} else {
			start := p.open()
			if p.row1, err = p.forms[n].AppendAnswer(p.row1, v); err != nil {
				return fmt.Errorf("column %s: %w", p.c.def.Columns[p.c.cols[n]].Name, err)
			}
			p.close(start)
		}
		if n+1 == p.c.keys {
			key = len(p.row1)
		}
	}
	p.end(key)
	return nil
}

// number is the bucket that the row's key falls into.
func (p *packed) number() uint64 { return maphash.Bytes(p.c.seeds[0], p.key) & p.c.mask }

func (c *checked) count(target bool, p *packed) {
	b := &c.side(target)[p.number()]
	atomic.AddInt64(&b.n, 1)
	atomic.AddInt64(&b.bytes, int64(len(p.row1)))
	atomic.AddUint64(&b.a, maphash.Bytes(c.seeds[0], p.row1))
	atomic.AddUint64(&b.b, maphash.Bytes(c.seeds[1], p.row1))
}

func (c *checked) side(target bool) []bucket {
	if target {
		return c.sides[1]
	}
	return c.sides[0]
}

func (c *checked) total(target bool) (n int64) {
	for _, b := range c.side(target) {
		n += b.n
	}
	return n
}

// differ lists the buckets whose sides differ.
func (c *checked) differ() (out []uint64) {
	for i := range c.sides[0] {
		if c.sides[0][i] != c.sides[1][i] {
			out = append(out, uint64(i))
		}
	}
	return out
}

// Sizes of what a table is read in.
const (
	pieceRows   = 100_000
	mostPieces  = 64
	samplePiece = 400 // at most so many pieces are drawn from
	leastSample = 64  // rows of a piece
)

// cut divides a table with a whole number at the beginning of its key into ranges, and draws some of them if a sample is wanted.
func (a *against) cut(ctx context.Context, c *checked) error {
	sample := a.o.Sample > 0 && a.o.Sample < 1
	if c.keys == 0 {
		if sample {
			c.notes = append(c.notes, "it was read whole: it has no key to draw a sample by")
		}
		return nil
	}
	p, err := c.packer(a.server.evaluate)
	if err != nil {
		return err
	}
	if !p.integer || c.def.Columns[c.cols[0]].DataType == "year" {
		if sample {
			c.notes = append(c.notes, "it was read whole: its key does not begin with a whole number to draw a sample by")
		}
		return nil
	}
	pieces := min(mostPieces, c.x.Rows/pieceRows)
	if sample {
		pieces = min(samplePiece, c.x.Rows/leastSample)
	}
	if pieces < 2 {
		return nil
	}
	name := schema.QuoteIdent(c.def.Columns[c.cols[0]].Name)
	conn, err := a.side.Server.Conn(ctx, a.side.Database)
	if err != nil {
		return err
	}
	defer conn.Close()
	var low, high sql.NullString
	if err := conn.Row(ctx, fmt.Sprintf("SELECT MIN(%s), MAX(%s) FROM %s", name, name, schema.QuoteIdent(c.x.Name)), &low, &high); err != nil {
		return err
	}
	if !low.Valid {
		return nil
	}
	c.signed = !c.def.Columns[c.cols[0]].Unsigned
	from, err := c.order(low.String)
	if err != nil {
		return err
	}
	to, err := c.order(high.String)
	if err != nil {
		return err
	}
	c.first, c.width = from, (to-from)/uint64(pieces)+1
	c.pieces = int((to-from)/c.width) + 1
	for i := range c.pieces {
		if !sample || rand.Float64() < a.o.Sample || i == c.pieces-1 && len(c.ranges) == 0 {
			c.ranges = append(c.ranges, piece{i, c.where(i, name)})
		}
	}
	c.sampled = sample && len(c.ranges) < c.pieces
	return nil
}

// order makes a number of the key's first column one whose order is that of unsigned numbers.
func (c *checked) order(text string) (uint64, error) {
	if c.signed {
		n, err := strconv.ParseInt(text, 10, 64)
		return uint64(n) ^ 1<<63, err
	}
	return strconv.ParseUint(text, 10, 64)
}

// where is the condition for the rows of a piece. The first and the last have no end.
func (c *checked) where(i int, name string) string {
	number := func(i int) string {
		n := c.first + uint64(i)*c.width
		if c.signed {
			return strconv.FormatInt(int64(n^1<<63), 10)
		}
		return strconv.FormatUint(n, 10)
	}
	var out []string
	if i > 0 {
		out = append(out, name+" >= "+number(i))
	}
	if i < c.pieces-1 {
		out = append(out, name+" < "+number(i+1))
	}
	if len(out) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(out, " AND ")
}

// reads reports that a value of the key's first column lies in a range that is read.
func (c *checked) reads(form []byte) bool {
	n, err := c.order(string(form))
	if err != nil {
		return false
	}
	at := 0
	if n > c.first {
		at = int(min((n-c.first)/c.width, uint64(c.pieces-1)))
	}
	_, found := slices.BinarySearchFunc(c.ranges, at, func(p piece, at int) int { return p.number - at })
	return found
}

// read reads tables of the target, piece by piece.
func (a *against) read(ctx context.Context, list []*checked, look look) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, a.o.Workers))
	for _, c := range list {
		ranges := c.ranges
		if len(ranges) == 0 {
			ranges = []piece{{}}
		}
		left := new(atomic.Int64)
		left.Store(int64(len(ranges)))
		for _, r := range ranges {
			g.Go(func() error {
				if err := a.piece(gctx, c, r, look); err != nil {
					return fmt.Errorf("table %s: %w", c.x.Name, err)
				}
				if left.Add(-1) == 0 {
					a.met(0, c.x.Name)
				}
				return nil
			})
		}
	}
	return g.Wait()
}

func (a *against) piece(ctx context.Context, c *checked, r piece, look look) error {
	conn, err := a.side.Server.Conn(ctx, a.side.Database)
	if err != nil {
		return err
	}
	defer conn.Close()
	p, err := c.packer(a.server.evaluate)
	if err != nil {
		return err
	}
	var names []string
	for n, i := range c.cols {
		names = append(names, p.forms[n].Query(schema.QuoteIdent(c.def.Columns[i].Name)))
	}
	if len(names) == 0 {
		names = []string{"NULL"}
	}
	query := "SELECT " + strings.Join(names, ",") + " FROM " + schema.QuoteIdent(c.x.Name) + r.where
	n := 0
	return conn.Values(ctx, query, func(row []driver.Value) error {
		if n++; n%4096 == 0 {
			a.met(4096, "")
		}
		if err := p.answer(row[:len(c.cols)]); err != nil {
			return err
		}
		look(c, true, p)
		return nil
	})
}
