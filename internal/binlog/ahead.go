package binlog

import (
	"context"
	"io"
	"runtime"
	"sync"
)

// Stream yields the items of a chain, in order.
type Stream interface {
	// Next returns the next item, io.EOF after the last file, or a *ReadError. See Reader.Next.
	Next(ctx context.Context) (Item, error)
	Close() error
}

// Divided is a File that can be read from several places of its own.
type Divided interface {
	File
	// Cuts gives the offsets, in ascending order, at which such a reading may begin, and the format of all the file's events.
	// No transaction is open there, and the event there belongs to the next one. There may be none.
	Cuts() ([]uint64, *Format)
	// OpenAt gives the uncompressed content from one offset up to another; zero: up to the end.
	OpenAt(ctx context.Context, from, to uint64) (io.ReadCloser, error)
}

// ReadOptions steer Open. The zero value works.
type ReadOptions struct {
	Workers int // parts of the chain read at once; 0: as many as help; 1: no part ahead of what is asked for
	// Count says for which tables Rows.Count is wanted; nil: for none. It is called by several goroutines.
	Count func(database, table string) bool
	// LowerNames says that the server keeps names of databases and tables in lower case (lower_case_table_names is not 0). It is for whoever reads the log to know: it is
	// not in it, and statements are logged as they were typed.
	LowerNames bool
}

// mostReaders bounds the memory and the work done in vain where reading ends early. Whoever takes the items is one goroutine, and not
// faster than that many.
const mostReaders = 4

// Open reads files in the order given, from a place between transactions (see NewReader), and decodes parts of them side by side: whole files,
// and, of those that are Divided, stretches. Its items and errors are those of a Reader, in the same order; items come in the order of their positions,
// whichever part was read first. What lies ahead of the last item asked for may have been read, at most some MiB for each worker.
func Open(ctx context.Context, files []File, from Position, o ReadOptions) (Stream, error) {
	r, err := NewReader(files, from)
	if err != nil {
		return nil, err
	}
	r.o = o
	if o.Workers == 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), mostReaders)
	}
	if o.Workers == 1 {
		return r, nil
	}
	return readAhead(ctx, r, o.Workers, batchSize), nil
}

// readAhead reads what a reader was to read with several goroutines, and buffers of a size.
func readAhead(ctx context.Context, r *Reader, workers, size int) *ahead {
	a := &ahead{order: make(chan *part, workers), pool: newPool(workers, size)}
	ctx, a.cancel = context.WithCancel(ctx)
	todo := make(chan *part)
	a.running.Go(func() { a.deal(ctx, r, todo) })
	maps := newTableMaps()
	maps.mu = &sync.Mutex{}
	for range workers {
		a.running.Go(func() { a.work(ctx, r.o, maps, todo) })
	}
	return a
}

// ahead is a chain read by several goroutines. Parts are dealt in order and taken by whichever worker is free; so the part at hand is always
// being read, and the others wait once they are a few batches ahead.
type ahead struct {
	order   chan *part
	pool    *pool
	cancel  context.CancelFunc
	running sync.WaitGroup

	part *part // at hand
	b    *batch
	at   int // in it
	err  error
}

// part is a stretch of one file.
type part struct {
	file     File
	from, to uint64   // to is zero at the end of the file
	format   *Format  // of a part that does not begin its file
	start    Position // where reading is to begin: what lies before it is skipped
	out      chan *batch
}

const (
	// batchesAhead is how many batches of a part wait for it to be its turn.
	batchesAhead = 3
	// batchSize is how many bytes of a file are in one, or so: with what is made of them, they should still be in a processor's cache when
	// they are used.
	batchSize = 256 << 10
)

// parts cuts a chain; next is the first file to read.
func (r *Reader) parts(yield func(*part) bool) {
	for _, f := range r.files[r.next:] {
		p := &part{file: f}
		if f.Name() == r.from.File {
			p.start = r.from
		}
		if d, ok := f.(Divided); ok {
			cuts, format := d.Cuts()
			for _, at := range cuts {
				if at <= p.start.Offset && p.start.File != "" {
					continue
				}
				p.to = at
				if !yield(p) {
					return
				}
				p = &part{file: f, from: at, format: format}
			}
		}
		if !yield(p) {
			return
		}
	}
}

func (a *ahead) deal(ctx context.Context, r *Reader, todo chan<- *part) {
	defer close(a.order)
	defer close(todo)
	r.parts(func(p *part) bool {
		p.out = make(chan *batch, batchesAhead)
		select {
		case todo <- p:
		case <-ctx.Done():
			return false
		}
		select {
		case a.order <- p:
			return true
		case <-ctx.Done():
			return false
		}
	})
}

// work reads parts until there are no more. After an error nothing more of a part comes.
func (a *ahead) work(ctx context.Context, o ReadOptions, shared *tableMaps, todo <-chan *part) {
	r := &Reader{o: o, maps: newTableMaps(), feed: &feed{pool: a.pool}}
	r.maps.shared = shared
	defer r.Close()
	for p := range todo {
		r.readPart(ctx, p)
		close(p.out)
	}
}

func (a *ahead) Next(ctx context.Context) (Item, error) {
	for {
		if a.b != nil {
			if a.at < len(a.b.items) {
				a.at++
				return a.b.items[a.at-1], nil
			}
			a.err = a.b.err
			a.pool.release(a.b)
			a.b = nil
		}
		if err := ctx.Err(); err != nil {
			return Item{}, err
		}
		if a.err != nil {
			return Item{}, a.err
		}
		var ok bool
		if a.part == nil {
			select {
			case a.part, ok = <-a.order:
			case <-ctx.Done():
				return Item{}, ctx.Err()
			}
			if !ok {
				a.err = io.EOF
			}
			continue
		}
		select {
		case a.b, ok = <-a.part.out:
		case <-ctx.Done():
			return Item{}, ctx.Err()
		}
		if a.at = 0; !ok {
			a.part = nil
		}
	}
}

// Close stops what is read ahead and waits for it.
func (a *ahead) Close() error {
	a.cancel()
	a.running.Wait()
	return nil
}
