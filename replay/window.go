package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
)

// Phases of writing a window out.
const (
	phaseDelete = iota // rows that were there
	phaseAbsent        // rows that came and went: there should be none
	phaseUpsert
)

const (
	batchBytes   = 512 << 10
	batchRows    = 2000
	batchDeletes = 1000
)

// batch is a run of one table's entries that one transaction writes.
type batch struct {
	t       *tableFold
	phase   int
	present bool // its rows should be there
	order   []uint32
	own     []entry // what order is of; nil: the table's entries
	take    []int64 // of those, in a multiset's deletions, how many rows like it go
}

// entry is one of those that order names.
func (b *batch) entry(i uint32) *entry {
	if b.own != nil {
		return &b.own[i]
	}
	return &b.t.entries[i]
}

// batches cuts a phase into transactions, as far as the fold is in memory. The cut depends on the fold alone, so that after a stop the
// same batches come again.
func (f *fold) batches(phase int, exact bool) []batch {
	var names []string
	for n := range f.tables {
		names = append(names, n)
	}
	slices.Sort(names)
	var out []batch
	for _, n := range names {
		t := f.tables[n]
		for _, present := range []bool{true, false} {
			order := t.order(phase, present, exact)
			for len(order) > 0 {
				k, size := 0, 0
				for k < len(order) && !fullBatch(phase, k, size) {
					size += batchSize(phase, &t.entries[order[k]])
					k++
				}
				out = append(out, batch{t: t, phase: phase, present: present, order: order[:k]})
				order = order[k:]
			}
		}
	}
	return out
}

// batchSize is about what an entry adds to a batch.
func batchSize(phase int, e *entry) int {
	if phase == phaseUpsert {
		return len(e.key) + 16 + 2*len(e.img)
	}
	return len(e.key) + 16
}

// fullBatch reports that a batch of so many entries and bytes takes no more.
func fullBatch(phase, entries, bytes int) bool {
	return bytes >= batchBytes || entries >= batchRows || phase != phaseUpsert && entries >= batchDeletes
}

// windowWriter writes windows with several sessions, which stay open from one to the next.
type windowWriter struct {
	srv     *target.Server
	job     string         // target database
	stage   int64          // of its marks: the window's number, or apartStage and down
	workers []*batchWriter // one for each lane, opened when first needed
	exact   bool           // the base is what the log says: a collision is an error, not a repair
	again   bool           // an earlier run was stopped
	written *atomic.Int64
	report  func()
}

// write runs the phases, deletions first; each waits for all lanes.
func (w *windowWriter) write(ctx context.Context, f *fold) error {
	for _, phase := range []int{phaseDelete, phaseAbsent, phaseUpsert} {
		all := f.batches(phase, w.exact)
		dealt := deal(all, len(w.workers))
		g, ctx := errgroup.WithContext(ctx)
		spilled := make([]chan batch, len(w.workers))
		for lane := range w.workers {
			spilled[lane] = make(chan batch, 1)
			g.Go(func() error { return w.lane(ctx, &lanePart{lane: lane, phase: phase}, all, dealt[lane], spilled[lane]) })
		}
		g.Go(func() error { return w.dealSpilled(ctx, f, phase, spilled) })
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// dealSpilled gives the lanes in turn what comes back from disk.
func (w *windowWriter) dealSpilled(ctx context.Context, f *fold, phase int, lanes []chan batch) error {
	defer func() {
		for _, l := range lanes {
			close(l)
		}
	}()
	next := turns{lanes: len(lanes), stuck: map[*tableFold]int{}}
	return f.spilledBatches(phase, w.exact, func(one batch) error {
		select {
		case lanes[next.lane(&one)] <- one:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// lane writes the batches that were dealt to it, first those in memory, from its mark on.
func (w *windowWriter) lane(ctx context.Context, p *lanePart, all []batch, mine []int, spilled <-chan batch) error {
	for _, i := range mine {
		if err := w.next(ctx, p, &all[i]); err != nil {
			return err
		}
	}
	for one := range spilled {
		if err := w.next(ctx, p, &one); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// lanePart is a lane's part of a phase.
type lanePart struct {
	lane, phase int
	begun       bool
	mark        mark
	done        int64 // batches of it that an earlier run has written
	count       int64 // of those that came
}

// next writes a lane's next batch, unless an earlier run has.
func (w *windowWriter) next(ctx context.Context, p *lanePart, one *batch) error {
	if !p.begun {
		if err := w.begin(ctx, p); err != nil {
			return err
		}
	}
	if p.count++; p.count <= p.done {
		return nil
	}
	p.mark.stage, p.mark.phase, p.mark.done = w.stage, p.phase, p.count
	if err := w.workers[p.lane].commit(ctx, p.lane, one, p.mark); err != nil {
		return fmt.Errorf("table %s: %w", one.t.name, err)
	}
	w.written.Add(int64(len(one.order)))
	w.report()
	return nil
}

// begin makes sure that the lane has its session, and reads its mark.
func (w *windowWriter) begin(ctx context.Context, p *lanePart) error {
	b := w.workers[p.lane]
	if b == nil {
		c, err := w.srv.BatchConn(ctx)
		if err != nil {
			return err
		}
		b = &batchWriter{w: w, c: c}
		w.workers[p.lane] = b
	}
	m, err := readMark(ctx, b.c, w.job, p.lane)
	if err != nil {
		return err
	}
	switch p.mark, p.begun = m, true; {
	case m.stage == w.stage && m.phase == p.phase:
		p.done = m.done
	case m.stage == w.stage && m.phase > p.phase:
		p.done = math.MaxInt64
	}
	return nil
}

// close ends the sessions.
func (w *windowWriter) close() {
	for _, b := range w.workers {
		if b != nil {
			b.c.Close()
		}
	}
}

type batchWriter struct {
	w      *windowWriter
	c      *target.Conn
	buf    []byte
	img    binlog.Image
	key    [][]byte
	fields fields
	look   lookout
}

const maxTries = 8

// commit writes one batch and its mark in one transaction, again after a deadlock or lock wait.
func (b *batchWriter) commit(ctx context.Context, lane int, one *batch, m mark) error {
	for try := 1; ; try++ {
		err := b.once(ctx, lane, one, m)
		if err == nil || !target.Retryable(err) || try == maxTries {
			return err
		}
		_ = b.c.Rollback(ctx) // the server has rolled back, or will when the session ends
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * 50 * time.Millisecond):
		}
	}
}

func (b *batchWriter) once(ctx context.Context, lane int, one *batch, m mark) error {
	if err := b.c.Begin(ctx); err != nil {
		return err
	}
	found, err := b.judged(ctx, one)
	if err != nil {
		return err
	}
	if err := writeDoubts(ctx, b.c, b.w.job, lane, found); err != nil {
		return err
	}
	if err := writeMark(ctx, b.c, b.w.job, lane, m); err != nil {
		return err
	}
	return b.c.Commit(ctx)
}

// keys writes the batch's keys behind the beginning of a statement.
func (b *batchWriter) keys(one *batch, head string) (err error) {
	t := one.t
	b.buf = t.shape.AppendByKey(b.buf[:0], head)
	for n, i := range one.order {
		if b.key, err = t.cutKey(one.entry(i).key, b.key); err != nil {
			return err
		}
		if b.buf, err = t.shape.AppendKey(b.buf, n, b.key); err != nil {
			return err
		}
	}
	b.buf = t.shape.AppendByKeyEnd(b.buf)
	return nil
}

// deletes removes the batch's rows and counts those that it met.
func (b *batchWriter) deletes(ctx context.Context, one *batch) (int64, error) {
	if err := b.keys(one, "DELETE"); err != nil {
		return 0, err
	}
	return b.c.ExecBytes(ctx, b.buf)
}

// upserts writes the batch's rows. One that was there and changed counts as met; one that had the new values already does not.
func (b *batchWriter) upserts(ctx context.Context, one *batch) (int64, error) {
	if one.t.part != nil && one.present {
		return b.updates(ctx, one)
	}
	if loaded, err := b.load(ctx, one); loaded || err != nil {
		return 0, err
	}
	zeros, err := b.render(one)
	if err != nil {
		return 0, err
	}
	n, err := b.c.ExecRows(ctx, b.buf, zeros)
	return n - int64(len(one.order)), err
}

// load writes the batch's rows by LOAD DATA, if none of them should be there, and each of their values is one that it takes as an INSERT does.
func (b *batchWriter) load(ctx context.Context, one *batch) (loaded bool, err error) {
	t, f := one.t, &b.fields
	f.reset(t.shape.Def, dumpCharset, b.w.exact && b.w.srv.LocalInfile && !one.present && strings.EqualFold(t.shape.Def.Engine, "InnoDB"))
	f.columns(t.shape.Writable)
	for _, i := range one.order {
		if f.off {
			return false, nil
		}
		if err := b.image(one, i); err != nil {
			return false, err
		}
		f.image(t.shape.Columns, &b.img)
	}
	if !f.loadable() {
		return false, nil
	}
	return loadRows(ctx, b.c, t.shape.Def, f)
}

// loadRows loads what was collected within the open transaction; false where none of it was, for INSERT to try or to say why not.
func loadRows(ctx context.Context, c *target.Conn, def *schema.Table, f *fields) (loaded bool, err error) {
	if err := c.Exec(ctx, "SAVEPOINT rows_of_lifeboat"); err != nil {
		return false, err
	}
	if err = c.Load(ctx, def.DB, def.Name, f.names, f.data, f.rows); errors.Is(err, target.ErrNotLoaded) {
		return false, c.Exec(ctx, "ROLLBACK TO rows_of_lifeboat")
	}
	return err == nil, err
}

// render writes the batch as one INSERT; zeros counts its ENUM error values.
func (b *batchWriter) render(one *batch) (zeros int, err error) {
	t := one.t
	b.buf = t.shape.AppendInsert(b.buf[:0])
	for n, i := range one.order {
		if n > 0 {
			b.buf = append(b.buf, ',')
		}
		if err = b.image(one, i); err != nil {
			return 0, err
		}
		zeros += t.shape.EnumZeros(&b.img)
		if t.part != nil {
			b.buf, err = t.shape.AppendInserted(b.buf, &b.img)
		} else {
			b.buf, err = t.shape.AppendRow(b.buf, &b.img)
		}
		if err != nil {
			return 0, err
		}
	}
	if one.present {
		b.buf = t.shape.AppendUpsert(b.buf)
	}
	return zeros, nil
}

// replaceEach writes the rows one by one where the base is not certain: a row that holds the unique
// value of another gives way to what the log says, and is counted.
func (b *batchWriter) replaceEach(ctx context.Context, one *batch) (gaveWay doubt, err error) {
	t := one.t
	gaveWay = doubt{table: t.name, kind: doubtCollision, first: nowhere}
	for _, i := range one.order {
		if err := b.img.Cut(t.tm, t.present, one.entry(i).img); err != nil {
			return gaveWay, err
		}
		text := t.shape.AppendInsert(b.buf[:0])
		text = append([]byte("REPLACE"), []byte(strings.TrimPrefix(string(text), "INSERT"))...)
		text, err := t.shape.AppendRow(text, &b.img)
		if err != nil {
			return gaveWay, err
		}
		n, err := b.c.ExecRows(ctx, text, t.shape.EnumZeros(&b.img))
		if err != nil {
			return gaveWay, err
		}
		if n > 1 {
			gaveWay.n += n - 1
			gaveWay.first = min(gaveWay.first, one.entry(i).first)
		}
	}
	return gaveWay, nil
}
