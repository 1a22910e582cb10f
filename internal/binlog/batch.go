package binlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// batch is a run of items that one goroutine hands to another, with the memory they point into. Nothing is written there after that.
//
// Where memory is used for the items of several batches, it goes along with the last one: batches are used up in order.
type batch struct {
	items []Item
	bufs  [][]byte // of scanners
	rows  [][]Rows
	err   error // what comes after the items
}

const rowsChunk = 256

// pool keeps memory that batches have done with.
type pool struct {
	size    int // of a buffer, behind the margin
	bufs    chan []byte
	rows    chan []Rows
	batches chan *batch
}

func newPool(workers, size int) *pool {
	n := workers * (batchesAhead + 2)
	return &pool{size: size, bufs: make(chan []byte, n), rows: make(chan []Rows, 32*n), batches: make(chan *batch, n)}
}

// buf gives a scanner's buffer that has room for n bytes behind the margin.
func (p *pool) buf(n int) []byte {
	if n > p.size {
		return make([]byte, margin+n)
	}
	select {
	case b := <-p.bufs:
		return b
	default:
		return make([]byte, margin+p.size)
	}
}

func (p *pool) chunk() []Rows {
	select {
	case c := <-p.rows:
		return c[:0]
	default:
		return make([]Rows, 0, rowsChunk)
	}
}

func (p *pool) batch() *batch {
	select {
	case b := <-p.batches:
		return b
	default:
		return &batch{}
	}
}

// release takes back what a batch holds.
func (p *pool) release(b *batch) {
	for _, buf := range b.bufs {
		if len(buf) != margin+p.size {
			continue // of a large event: too much to keep
		}
		select {
		case p.bufs <- buf:
		default:
		}
	}
	for _, c := range b.rows {
		clear(c) // or it would keep the buffers of large events
		select {
		case p.rows <- c:
		default:
		}
	}
	clear(b.items)
	*b = batch{items: b.items[:0], bufs: b.bufs[:0], rows: b.rows[:0]}
	select {
	case p.batches <- b:
	default:
	}
}

// feed is what a Reader needs to fill batches. The items of the batch being filled are the reader's queue.
type feed struct {
	pool  *pool
	b     *batch
	rows  []Rows   // the chunk being filled
	old   [][]byte // buffers that were replaced while the last event was read
	mark  int      // items of the queue that came before that
	outer bool     // the file's own buffer is among them
}

// swap replaces a scanner's buffer, and leaves the old one to the items that point into it.
func (r *Reader) swap(s *Scanner, need int) []byte {
	f := r.feed
	f.old, f.mark = append(f.old, s.buf), len(r.queue)
	f.outer = f.outer || !s.inner
	return f.pool.buf(need)
}

// readPart reads one part into batches.
func (r *Reader) readPart(ctx context.Context, p *part) {
	f := r.feed
	f.b, f.rows = f.pool.batch(), f.pool.chunk()
	r.queue = f.b.items[:0]
	err := r.openPart(ctx, p)
	for err == nil && r.scan != nil {
		if err = r.step(); err == nil && len(f.old) > 0 && r.scan != nil {
			if !r.hand(ctx, p.out) {
				break
			}
		}
	}
	if r.scan != nil {
		f.old = append(f.old, r.scan.buf)
	}
	if r.inner != nil {
		r.endPayload()
	}
	f.old, r.spare = append(f.old, r.spare), nil
	f.b.items, f.b.bufs, f.b.err = r.queue, append(f.b.bufs, f.old...), err
	f.b.rows = append(f.b.rows, f.rows)
	r.queue, f.old, f.outer = nil, f.old[:0], false
	send(ctx, p.out, f.b)
	r.abort()
}

// hand sends what came before the replaced buffers and begins another batch. The file's own buffer is replaced in any case: while more of it
// is read, its bytes before the next event are written to; see Scanner.checksum.
func (r *Reader) hand(ctx context.Context, out chan<- *batch) bool {
	f := r.feed
	if !f.outer {
		f.old = append(f.old, r.scan.renew(f.pool))
	}
	b, next := f.b, f.pool.batch()
	next.items = append(next.items[:0], r.queue[f.mark:]...)
	b.items, b.bufs = r.queue[:f.mark], append(b.bufs, f.old...)
	if slices.ContainsFunc(f.old, func(buf []byte) bool { return len(buf) > margin+f.pool.size }) {
		// Of large events each has a chunk: one that fills up would keep the buffers of all of them until then.
		next.rows, f.rows = append(next.rows, f.rows), f.pool.chunk()
	}
	f.b, r.queue = next, next.items
	f.old, f.outer = f.old[:0], false
	return send(ctx, out, b)
}

func send(ctx context.Context, out chan<- *batch, b *batch) bool {
	select {
	case out <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// newRows gives the place for a row event of an item.
func (f *feed) newRows() *Rows {
	if len(f.rows) == cap(f.rows) {
		f.b.rows = append(f.b.rows, f.rows)
		f.rows = f.pool.chunk()
	}
	f.rows = f.rows[:len(f.rows)+1]
	return &f.rows[len(f.rows)-1]
}

// openPart begins to read a part of a file.
func (r *Reader) openPart(ctx context.Context, p *part) (err error) {
	r.files, r.next, r.from, r.until, r.skipped = []File{p.file}, 0, p.start, p.to, nil
	if p.from == 0 && p.to == 0 {
		return r.open(ctx)
	}
	if r.body, err = p.file.(Divided).OpenAt(ctx, p.from, p.to); err != nil {
		return err
	}
	r.begun(p.file.Name())
	if p.from > 0 {
		r.scan.off, r.scan.format, r.scan.placed = p.from, p.format, true
	}
	return nil
}

// endPart ends a part that does not reach to the end of its file.
func (r *Reader) endPart(err error) error {
	at := Position{r.scan.name, r.scan.off}
	switch {
	case !errors.Is(err, io.EOF) || r.scan.off != r.until:
		return &ReadError{Pos: at, Kind: ErrTorn, Detail: "the file has changed since it was checked"}
	case r.tx != nil || r.opening.known || !r.loose.IsZero():
		return fmt.Errorf("%s: a transaction is open where the first reading of the file found none: the file has changed since it was checked", at)
	}
	return r.closeBody()
}

// abort forgets a part that was not read to its end.
func (r *Reader) abort() {
	r.tx, r.implicit, r.scan, r.skipped = nil, false, nil, nil
	if r.body != nil {
		_ = r.body.Close() // read only
		r.body = nil
	}
}

// renew moves what is not yet read to another buffer and gives the old one.
func (s *Scanner) renew(p *pool) []byte {
	old, rest := s.buf, s.buf[s.start:s.end]
	s.buf = p.buf(len(rest))
	copy(s.buf[margin:], rest)
	s.start, s.end = margin, margin+len(rest)
	return old
}
