package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/binlog"
	"lifeboat/internal/disk"
)

// ErrTouched says that an archive does not hold any more what was kept of it.
var ErrTouched = errors.New("the archive has been touched")

// Kept is what reading an archive told of its chain, as data. With it the chain is opened again without being verified once more, as far as nobody has touched its files.
type Kept struct {
	Names []string   `json:"names"` // of all binlogs that were found, in order
	Chain []KeptFile `json:"chain"`
}

// KeptFile is a file of the chain.
type KeptFile struct {
	Name   string      `json:"name"`
	Path   string      `json:"path"`
	Stamp  *disk.Stamp `json:"stamp,omitempty"` // of the copy that was read, before it was; nil: it cannot be told by its stamp
	Bytes  int64       `json:"bytes"`
	CRC    uint32      `json:"crc"` // with Bytes, its digest
	Torn   bool        `json:"torn,omitempty"`
	Proven bool        `json:"proven,omitempty"`
	Good   uint64      `json:"good"`
	Cuts   []uint64    `json:"cuts,omitempty"`
}

// Keep gives what Reopen takes. It reports false for an archive that is always verified: one of damaged or stitched files.
func (a *Archive) Keep() (*Kept, bool) {
	k := &Kept{Names: a.names}
	for _, f := range a.Files {
		c := f.best
		if c.damaged() || len(c.pieces) > 0 {
			return nil, false
		}
		cuts, _ := f.Cuts()
		k.Chain = append(k.Chain, KeptFile{Name: f.name, Path: c.path, Stamp: disk.Keep(c.stamps[0], a.opened), Bytes: c.digest.size, CRC: c.digest.crc,
			Torn: c.state == Torn, Proven: f.Proven, Good: f.Good, Cuts: cuts})
	}
	return k, true
}

// Reopen opens the chain that was kept: the same bytes, whatever has come since. A file that has been touched is read, and one that went has another copy of it looked for.
// The archive's files can be read, and say what they are (Path, Size, Format, Digest, and how far they go); the rest of what Open finds out, findings among it, is left out.
// since tells what the paths hold beyond the chain that was not there, a phrase for each. It gives ErrTouched where the chain's bytes are not all there.
func Reopen(ctx context.Context, paths []string, k *Kept, o Options) (a *Archive, since []string, err error) {
	a = &Archive{Roots: paths, index: map[string]int{}, opened: time.Now()}
	d, err := discover(ctx, paths)
	if err != nil {
		return nil, nil, err
	}
	a.names = d.names()
	if a.Files, err = k.find(ctx, d, o); err != nil {
		return nil, nil, err
	}
	for i, f := range a.Files {
		a.index[f.name] = i
		if c := f.best; c.pack == plain && c.size > f.Size {
			since = append(since, f.name+" has grown")
		}
	}
	for _, name := range a.names {
		if _, was := slices.BinarySearch(k.Names, name); !was {
			since = append(since, name+" has come")
		}
	}
	return a, since, nil
}

// names are those of all binlogs.
func (d *found) names() (out []string) {
	for _, c := range d.candidates {
		if c.state == "" {
			out = append(out, c.name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// find gives the chain's files: those that nobody has touched, and of the others a copy that begins with the same bytes.
func (k *Kept) find(ctx context.Context, d *found, o Options) ([]*File, error) {
	copies := map[string][]*candidate{}
	for _, c := range d.candidates {
		if c.state == "" {
			copies[c.name] = append(copies[c.name], c)
		}
	}
	best := make([]*candidate, len(k.Chain))
	m := &meter{report: o.Progress}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(o.workers())
	var touched []int
	for i := range k.Chain {
		one := &k.Chain[i]
		n := slices.IndexFunc(copies[one.Name], func(c *candidate) bool { return c.path == one.Path && one.Stamp.Is(c.info) })
		if n < 0 {
			touched = append(touched, i)
			m.total += one.Bytes
			continue
		}
		best[i] = copies[one.Name][n]
	}
	for _, i := range touched {
		g.Go(func() (err error) {
			best[i], err = k.Chain[i].read(gctx, copies[k.Chain[i].Name], m)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var files []*File
	for i, c := range best {
		f, err := k.Chain[i].again(ctx, c)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// read looks for a copy that begins with the file's bytes, first for the one that they were read from.
func (k *KeptFile) read(ctx context.Context, copies []*candidate, m *meter) (*candidate, error) {
	own := slices.IndexFunc(copies, func(c *candidate) bool { return c.path == k.Path })
	if own > 0 {
		copies[0], copies[own] = copies[own], copies[0]
	}
	for _, c := range copies {
		same, err := k.begins(ctx, c)
		if err := gaveUp(ctx, c.path, err); err != nil {
			return nil, err
		}
		if err == nil && same {
			m.add(k.Bytes)
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: no copy of %s has its first %d bytes as they were (%s)", ErrTouched, k.Name, k.Bytes, digest{size: k.Bytes, crc: k.CRC})
}

// begins reports a copy that begins with the file's bytes.
func (k *KeptFile) begins(ctx context.Context, c *candidate) (bool, error) {
	s, err := c.open(ctx, nil)
	if err != nil {
		return false, err
	}
	defer s.Close()
	h := newHashing(io.LimitReader(s, k.Bytes))
	if _, err := io.Copy(io.Discard, h); err != nil {
		return false, err
	}
	return h.size == k.Bytes && h.crc == k.CRC, nil
}

// again makes a copy what it was when it was verified.
func (k *KeptFile) again(ctx context.Context, c *candidate) (*File, error) {
	c.state, c.bytes, c.used = Intact, k.Bytes, true
	if k.Torn {
		c.state = Torn
	}
	c.digest, c.stamps = digest{size: k.Bytes, crc: k.CRC}, []os.FileInfo{c.info}
	s, err := c.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	format, err := binlog.ReadFormat(io.LimitReader(s, k.Bytes), c.name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTouched, err)
	}
	f := &File{Path: c.path, Size: k.Bytes, Format: *format, Compressed: c.pack != plain, Proven: k.Proven, Good: k.Good, Digest: c.digest.String(), name: c.name, best: c}
	if c.pack == plain {
		f.cuts = k.Cuts
	}
	return f, nil
}
