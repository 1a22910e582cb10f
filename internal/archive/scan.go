package archive

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/binlog"
	"lifeboat/internal/disk"
)

// digest tells contents apart. The in-use flag is left out of it: a server sets and clears that in place.
// crc is Castagnoli's, since the events' own CRC32 of the same polynomial would cancel out; events, which sums those up, takes part in
// comparing but not in the text.
type digest struct {
	size   int64
	crc    uint32
	events uint64
}

func (d digest) String() string { return fmt.Sprintf("%d-%08x", d.size, d.crc) }

// inUseAt is where the in-use flag lies: the flags of the format description, after the magic.
const inUseAt = 4 + 17

// hashing passes bytes on and keeps their digest.
type hashing struct {
	r     io.Reader
	size  int64
	crc   uint32
	table *crc32.Table
}

func newHashing(r io.Reader) *hashing {
	return &hashing{r: r, table: crc32.MakeTable(crc32.Castagnoli)}
}

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	b := p[:n]
	if i := inUseAt - h.size; i >= 0 && i < int64(n) {
		h.update(b[:i])
		h.update([]byte{b[i] &^ 1})
		b = b[i+1:]
	}
	h.update(b)
	return n, err
}

func (h *hashing) update(b []byte) {
	h.size += int64(len(b))
	h.crc = crc32.Update(h.crc, h.table, b)
}

// meter adds up what workers read and reports it one call at a time.
type meter struct {
	mu          sync.Mutex
	done, total int64
	report      func(done, total int64)
}

func (m *meter) add(n int64) {
	if m.report == nil || n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	m.report(min(m.done, m.total), m.total)
}

// scanAll reads every copy that begins like a binlog, several at a time, largest first.
func scanAll(ctx context.Context, all []*candidate, o Options) error {
	m := &meter{report: o.Progress}
	var todo []*candidate
	for _, c := range all {
		if c.state == "" {
			todo = append(todo, c)
			m.total += c.size
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Workers)
	for _, c := range largestFirst(todo) {
		g.Go(func() error { return c.scan(ctx, m, o.DDL) })
	}
	return g.Wait()
}

// gaveUp is an error that speaks of the disk, or of who waits for it, and not of the file; else nil.
func gaveUp(ctx context.Context, path string, err error) error {
	switch {
	case errors.Is(err, disk.ErrStalled):
		return stalled(path, err)
	case err != nil:
		return ctx.Err()
	}
	return nil
}

// stalled ends the reading of an archive: on a disk that does not answer, each of its files would be waited for.
func stalled(path string, err error) error {
	return fmt.Errorf("%w; see to the disk, or leave the copies on it out: %s", err, filepath.Dir(path))
}

func (c *candidate) scan(ctx context.Context, m *meter, ddl bool) error {
	var stored int64
	var err error
	if c.stamps, err = c.stamp(ctx); err != nil {
		c.state, c.err = Unreadable, err
		return gaveUp(ctx, c.path, err)
	}
	s, err := c.open(ctx, func(n int) {
		stored += int64(n)
		m.add(int64(n))
	})
	if errors.Is(err, disk.ErrStalled) {
		return stalled(c.path, err)
	}
	if err != nil {
		c.state, c.err = Unreadable, err
		return ctx.Err()
	}
	defer s.Close()
	h := newHashing(s)
	if ddl {
		c.skim, err = binlog.SkimDDL(h, c.name)
	} else {
		c.skim, err = binlog.SkimFile(h, c.name)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, disk.ErrStalled):
		return stalled(c.path, err)
	}
	c.digest, c.bytes = digest{h.size, h.crc, c.skim.Sum}, h.size
	if err != nil && c.pack == plain {
		c.bytes = c.size
	}
	m.add(c.size - stored) // what lies behind damage is not read
	switch {
	case err != nil:
		c.state, c.err = stateOf(err), err
	case c.skim.Ending.Torn != nil:
		c.state, c.err = Torn, c.skim.Ending.Torn
	case c.skim.Ending.InTx:
		c.state, c.err = Torn, &binlog.ReadError{Pos: c.skim.Ending.TxFrom, Kind: binlog.ErrTorn,
			Detail: "a transaction begins here and does not end"}
	default:
		c.state = Intact
	}
	return nil
}

func stateOf(err error) State {
	switch {
	case errors.Is(err, binlog.ErrTorn):
		return Torn
	case errors.Is(err, binlog.ErrCorrupt):
		return Corrupt
	case errors.Is(err, binlog.ErrEncrypted):
		return Encrypted
	case errors.Is(err, binlog.ErrUnsupported):
		return Unsupported
	case errors.Is(err, binlog.ErrNotBinlog):
		return NotBinlog
	}
	return Unreadable
}
