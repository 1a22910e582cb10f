package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
)

// Every change of the log says what the row was before it: there, for an update or a deletion; not there, for an insertion. A base that
// is what the log was written over is so. Where it is not, the rows that the log holds come out right all the same, and what this
// file counts is the sign that others may not.

// DoubtKind is in what way a row was not as the log says.
type DoubtKind int

// The kinds.
const (
	doubtMissing   DoubtKind = iota // the log changes or deletes it, and it was not there
	doubtPresent                    // the log inserts it, and it was there
	doubtCollision                  // it held a unique value that the log gives to another row, and gave way
)

// String says it of rows.
func (k DoubtKind) String() string {
	return [...]string{"changed by the log, but not there", "inserted by the log, but there already", "in the way of a unique value of another row, and removed"}[k]
}

// Doubt is how many rows of a table were not as the log says.
type Doubt struct {
	Table string
	Kind  DoubtKind
	Rows  int64
	First binlog.Position // in the log, of the first of those that were looked for one by one; zero: none was
}

func (d Doubt) String() string {
	at := ""
	if !d.First.IsZero() {
		at = fmt.Sprintf(", the first at %s", d.First)
	}
	return fmt.Sprintf("table %s: %d rows were %s%s", d.Table, d.Rows, d.Kind, at)
}

// place is a position as a number: that of its file in the source, and the offset. Of two the earlier is less.
type place uint64

const (
	offsetBits = 44
	nowhere    = place(math.MaxUint64)
)

// places makes places of positions.
type places struct {
	files []binlog.File
	index int
}

func (p *places) of(pos binlog.Position) place {
	for range p.files {
		if p.files[p.index].Name() == pos.File {
			return place(p.index)<<offsetBits | place(pos.Offset)
		}
		p.index = (p.index + 1) % len(p.files)
	}
	return nowhere
}

func (p *places) position(at place) binlog.Position {
	if i := int(at >> offsetBits); at != nowhere && i < len(p.files) {
		return binlog.Position{File: p.files[i].Name(), Offset: uint64(at & (1<<offsetBits - 1))}
	}
	return binlog.Position{}
}

// doubt is what one batch found.
type doubt struct {
	table string
	kind  DoubtKind
	n     int64
	first place
}

// writeDoubts puts them into the transaction open on c, so that they count once whatever happens.
func writeDoubts(ctx context.Context, c *target.Conn, db string, lane int, list []doubt) error {
	for _, d := range list {
		if d.n == 0 {
			continue
		}
		_, err := c.ExecBytes(ctx, fmt.Appendf(nil, "INSERT INTO %s.doubt (db, lane, tbl, kind, n, first) VALUES (%s, %d, %s, %d, %d, %d)"+
			" ON DUPLICATE KEY UPDATE n = n + VALUES(n), first = LEAST(first, VALUES(first))",
			checkpointDB, target.Quote(db), lane, target.Quote(d.table), d.kind, d.n, uint64(d.first)))
		if err != nil {
			return err
		}
	}
	return nil
}

// doubts adds up what all lanes found, those of earlier runs too, and says what of it means that the result is not complete.
func (r *runner) doubts(ctx context.Context) error {
	list, err := r.cp.doubts(ctx)
	if err != nil {
		return err
	}
	r.result.doubts(list, &r.places, r.p.Exact)
	return nil
}

// doubts takes over what was found; an exact base has none.
func (r *Result) doubts(list []doubt, at *places, exact bool) {
	c := &r.Counts
	for _, d := range list {
		out := Doubt{Table: d.table, Kind: d.kind, Rows: d.n, First: at.position(d.first)}
		r.Doubts = append(r.Doubts, out)
		switch d.kind {
		case doubtMissing:
			c.Orphans += d.n
			r.Orphans = append(r.Orphans, out.String())
		case doubtPresent:
			c.Present += d.n
			if exact {
				r.Incomplete = append(r.Incomplete, out.String()+"; they are now as the log has them, but the base is not what the log was written over")
			}
		case doubtCollision:
			c.Repairs += d.n
		}
	}
	if c.Orphans > 0 {
		r.Incomplete = append(r.Incomplete, fmt.Sprintf("%d changes of the log found no row to change: the base is not what the log was written over (%s)", c.Orphans, strings.Join(r.Orphans[:min(3, len(r.Orphans))], "; ")))
	}
}

func (cp *checkpoint) doubts(ctx context.Context) (out []doubt, err error) {
	err = cp.c.Each(ctx, "SELECT tbl, kind, SUM(n), MIN(first) FROM "+checkpointDB+".doubt WHERE db = "+target.Quote(cp.db)+" GROUP BY tbl, kind ORDER BY tbl, kind",
		func(scan func(...any) error) error {
			var d doubt
			var first uint64
			if err := scan(&d.table, &d.kind, &d.n, &first); err != nil {
				return err
			}
			d.first = place(first)
			out = append(out, d)
			return nil
		})
	return out, err
}

// lookout remembers of which tables rows must be looked for before they are written, since the number of rows that a
// statement says it changed does not tell how many there were.
type lookout struct {
	tables  map[string]bool
	located int // batches whose rows were looked for one by one
}

// locateMost is how often a session looks for rows one by one, to say where the log has the first one.
const locateMost = 100

// judged writes a batch and tells which of its rows were not as the log says.
func (b *batchWriter) judged(ctx context.Context, one *batch) ([]doubt, error) {
	if one.t.shape.Key == nil {
		return b.counted(ctx, one)
	}
	engine := one.t.shape.Def.Engine
	transactions := strings.EqualFold(engine, "InnoDB")
	if !transactions && b.w.again || one.t.twice && one.phase == phaseDelete {
		// What was half written at the stop is there already.
		_, more, err := b.batch(ctx, one)
		return more, err
	}
	if b.look.tables == nil {
		b.look.tables = map[string]bool{}
	}
	var found []doubt
	for !b.look.tables[one.t.name] && transactions {
		met, more, err := b.batch(ctx, one)
		if err != nil {
			return nil, err
		}
		if met == one.want() {
			return more, nil
		}
		// Which rows there were only shows before they are written: here, and with this table's next batches.
		b.look.tables[one.t.name] = true
		if err := b.c.Rollback(ctx); err != nil {
			return nil, err
		}
		if err := b.c.Begin(ctx); err != nil {
			return nil, err
		}
	}
	d, err := b.missed(ctx, one)
	if err != nil {
		return nil, err
	}
	_, more, err := b.batch(ctx, one)
	if d.n > 0 {
		found = append(found, d)
	}
	return append(found, more...), err
}

// counted writes a batch of a multiset, whose deletions tell by themselves how many rows there were.
func (b *batchWriter) counted(ctx context.Context, one *batch) ([]doubt, error) {
	if one.phase == phaseDelete {
		missing, err := b.takes(ctx, one)
		return []doubt{missing}, err
	}
	if _, err := b.upserts(ctx, one); errors.Is(err, target.ErrCollision) {
		return nil, fmt.Errorf("%w: so the base is not what the log was written over", err)
	} else if err != nil {
		return nil, err
	}
	return nil, nil
}

// want is how many rows a batch should meet.
func (one *batch) want() int64 {
	if one.present {
		return int64(len(one.order))
	}
	return 0
}

// batch writes a batch and counts the rows that it met; an INSERT that meets one has met any.
func (b *batchWriter) batch(ctx context.Context, one *batch) (met int64, found []doubt, err error) {
	if one.phase != phaseUpsert {
		met, err = b.deletes(ctx, one)
		return met, nil, err
	}
	met, err = b.upserts(ctx, one)
	if !errors.Is(err, target.ErrCollision) || one.present {
		return met, nil, err
	}
	// Rows that should not be there give way, and those of other keys that hold a unique value.
	n, err := b.deletes(ctx, one)
	if err != nil {
		return n, nil, err
	}
	_, err = b.upserts(ctx, one)
	if errors.Is(err, target.ErrCollision) && one.t.shape.Uniques {
		if b.w.exact {
			return n, nil, fmt.Errorf("%w: so the base is not what the log was written over; if its date is not certain, give --snapshot-position unknown", err)
		}
		var d doubt
		d, err = b.replaceEach(ctx, one)
		found = append(found, d)
	}
	return n, found, err
}

// missed finds the rows of a batch that are not there and should be, or are there and should not.
func (b *batchWriter) missed(ctx context.Context, one *batch) (doubt, error) {
	d := doubt{table: one.t.name, kind: doubtMissing, first: nowhere}
	if !one.present {
		d.kind = doubtPresent
	}
	if err := b.keys(one, "SELECT COUNT(*)"); err != nil {
		return d, err
	}
	there, err := b.c.Numbers(ctx, b.buf)
	if err != nil || len(there) == 0 || there[0] == one.want() {
		return d, err
	}
	d.n = max(one.want()-there[0], there[0]-one.want())
	if b.look.located++; b.look.located > locateMost {
		return d, nil
	}
	return d, b.locate(ctx, one, &d)
}

// locate finds where the log has the first of them.
func (b *batchWriter) locate(ctx context.Context, one *batch, d *doubt) (err error) {
	t := one.t
	var head []byte
	head = append(head, "SELECT CASE"...)
	for n, i := range one.order {
		if b.key, err = t.cutKey(one.entry(i).key, b.key); err != nil {
			return err
		}
		head = append(head, " WHEN "...)
		if head, err = t.shape.AppendKeyMatch(head, b.key); err != nil {
			return err
		}
		head = fmt.Appendf(head, " THEN %d", n)
	}
	if err := b.keys(one, string(append(head, " ELSE -1 END"...))); err != nil {
		return err
	}
	rows, err := b.c.Numbers(ctx, b.buf)
	if err != nil {
		return err
	}
	there := make([]bool, len(one.order))
	for _, n := range rows {
		if n >= 0 {
			there[n] = true
		}
	}
	for n, i := range one.order {
		if there[n] != one.present {
			d.first = min(d.first, one.entry(i).first)
		}
	}
	return nil
}
