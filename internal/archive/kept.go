package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/disk"
)

// ErrTouched says that something in the archive's folders is not as it was when it was kept, or that this cannot be told.
var ErrTouched = errors.New("the archive has been touched")

// Kept is what reading an archive told, as data, so far as it takes to read its chain again. With it the same archive is opened without being verified once more, as
// long as nothing has touched any of its files.
type Kept struct {
	Seen  []KeptSeen `json:"seen"` // all that the paths held, in the order it was found in
	Chain []KeptFile `json:"chain"`
}

// KeptSeen is a file as the system described it; of one that lists binlogs, or cannot be read, what was found in its place.
type KeptSeen struct {
	Path  string      `json:"path"`
	Stamp *disk.Stamp `json:"stamp,omitempty"`
	Found []string    `json:"found,omitempty"`
}

// KeptFile is a file of the chain.
type KeptFile struct {
	Path   string   `json:"path"`
	Bytes  int64    `json:"bytes"`
	CRC    uint32   `json:"crc"` // with Bytes, its digest
	Torn   bool     `json:"torn,omitempty"`
	Proven bool     `json:"proven,omitempty"`
	Good   uint64   `json:"good"`
	Cuts   []uint64 `json:"cuts,omitempty"`
}

// Keep gives what Reopen takes. It reports false for an archive that is always verified: of damaged or stitched files, or of files that were written to only
// just before it was opened, which a system may not tell from such as are written to again at once.
func (a *Archive) Keep() (*Kept, bool) {
	k := &Kept{Seen: a.seen}
	for _, s := range a.seen {
		if s.Found == nil && (s.Stamp == nil || !s.Stamp.Settled(a.opened)) {
			return nil, false
		}
	}
	for _, f := range a.Files {
		c := f.best
		if c.damaged() || len(c.pieces) > 0 {
			return nil, false
		}
		cuts, _ := f.Cuts()
		k.Chain = append(k.Chain, KeptFile{Path: c.path, Bytes: c.digest.size, CRC: c.digest.crc, Torn: c.state == Torn, Proven: f.Proven, Good: f.Good, Cuts: cuts})
	}
	return k, true
}

// seen lists what was found.
func (d *found) seen() (out []KeptSeen) {
	for _, c := range d.candidates {
		s := KeptSeen{Path: c.path}
		if stamp, ok := disk.StampOf(c.info); ok {
			s.Stamp = &stamp
		}
		out = append(out, s)
	}
	for _, x := range d.indexes {
		out = append(out, KeptSeen{Path: x.path, Found: x.names})
	}
	for _, f := range d.findings {
		out = append(out, KeptSeen{Path: f.Path, Found: []string{f.Code, f.Text}})
	}
	return out
}

// Reopen opens an archive that was kept. Its files can be read, and say what they are (Path, Size, Format, Digest, and how far they go); the rest of what Open
// finds out, findings among it, is left out. It gives ErrTouched where only Open can tell what the archive is now.
func Reopen(ctx context.Context, paths []string, k *Kept) (*Archive, error) {
	a := &Archive{Roots: paths, index: map[string]int{}, opened: time.Now()}
	d, err := discover(ctx, paths)
	if err != nil {
		return nil, err
	}
	a.seen = d.seen()
	if !slices.EqualFunc(a.seen, k.Seen, KeptSeen.same) {
		return nil, ErrTouched
	}
	byPath := map[string]*candidate{}
	for _, c := range d.candidates {
		byPath[c.path] = c
	}
	for i := range k.Chain {
		c := byPath[k.Chain[i].Path]
		if c == nil {
			return nil, fmt.Errorf("%w: %s is not in it", ErrTouched, k.Chain[i].Path)
		}
		f, err := c.again(ctx, &k.Chain[i])
		if err != nil {
			return nil, err
		}
		a.index[f.name] = len(a.Files)
		a.Files = append(a.Files, f)
	}
	return a, nil
}

// same reports that nobody has touched a file in between.
func (s KeptSeen) same(t KeptSeen) bool {
	if s.Path != t.Path || !slices.Equal(s.Found, t.Found) || (s.Found == nil) != (t.Found == nil) {
		return false
	}
	return s.Found != nil || s.Stamp != nil && t.Stamp != nil && *s.Stamp == *t.Stamp
}

// again makes the candidate what it was when it was verified.
func (c *candidate) again(ctx context.Context, k *KeptFile) (*File, error) {
	c.state, c.bytes, c.used = Intact, k.Bytes, true
	if k.Torn {
		c.state = Torn
	}
	c.digest = digest{size: k.Bytes, crc: k.CRC}
	c.stamps = []os.FileInfo{c.info}
	s, err := c.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	format, err := binlog.ReadFormat(io.LimitReader(s, k.Bytes), c.name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTouched, err)
	}
	return &File{Path: c.path, Size: k.Bytes, Format: *format, Compressed: c.pack != plain, Proven: k.Proven, Good: k.Good, Digest: c.digest.String(),
		name: c.name, best: c, cuts: k.Cuts}, nil
}
