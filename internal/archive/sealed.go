package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/disk"
)

// Open gives the content of the chosen copy, or of the pieces of several, unpacked: the bytes that were verified, even if the file has
// grown since. What a crashed server left behind its last transaction is not among them where it is proven
// that it was never committed.
//
// A file that is not any more what was verified gives ErrChanged: at once, or, if that happens while it is read, in place of its end. So
// nobody takes a file that was cut short for one that ends there, and goes on behind the hole.
func (f *File) Open(ctx context.Context) (io.ReadCloser, error) {
	c := f.best
	stamps, err := c.unchanged(ctx)
	if err != nil {
		return nil, err
	}
	body, err := c.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	s := &sealed{ReadCloser: body, ctx: ctx, c: c, stamps: stamps, left: -1}
	if c.damaged() {
		return s, nil // where the damage is, the reader says
	}
	s.left = int64(f.readable())
	return s, nil
}

// readable is how many bytes Open gives, of a file that is not damaged.
func (f *File) readable() uint64 {
	if f.Proven {
		return f.Good
	}
	return uint64(f.Size)
}

// Cuts gives the places from which OpenAt can read: see binlog.Divided. A file that is packed, damaged or stitched has none; nor has one that may still
// grow, since what grew is verified anew as a whole whenever it is opened.
func (f *File) Cuts() ([]uint64, *binlog.Format) {
	c := f.best
	if c.skim == nil { // it was reopened, and not read
		return f.cuts, &f.Format
	}
	if !c.closed() || c.pack != plain || len(c.pieces) > 0 {
		return nil, nil
	}
	cuts, format := c.skim.Cuts()
	n, _ := slices.BinarySearch(cuts, f.readable())
	return cuts[:n], format
}

// OpenAt is Open for the bytes from one offset up to another; zero: to the end. It is for a file that has Cuts.
func (f *File) OpenAt(ctx context.Context, from, to uint64) (io.ReadCloser, error) {
	c := f.best
	stamps, err := c.unchanged(ctx)
	if err != nil {
		return nil, err
	}
	body, err := openSource(ctx, c.path, nil)
	if err != nil {
		return nil, err
	}
	if err := body.skip(from); err != nil {
		_ = body.Close()
		return nil, err
	}
	if to == 0 {
		to = f.readable()
	}
	return &sealed{ReadCloser: body, ctx: ctx, c: c, stamps: stamps, left: int64(to - from)}, nil
}

// unchanged is verified for one who opens the candidate. What was read again is remembered: others open it at the same time.
func (c *candidate) unchanged(ctx context.Context) ([]os.FileInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.verified(ctx, c.stamps)
	if err == nil {
		c.stamps = now
	}
	return now, err
}

// damaged reports a candidate that was not read to its end, so that its digest is not that of all its bytes.
func (c *candidate) damaged() bool { return c.state != Intact && c.state != Torn }

// sealed is an open file that ends where, and as, it was verified.
type sealed struct {
	io.ReadCloser
	ctx    context.Context
	c      *candidate
	stamps []os.FileInfo
	left   int64 // bytes, or -1: as many as there are
}

func (s *sealed) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, s.end()
	}
	if s.left > 0 {
		p = p[:min(int64(len(p)), s.left)]
	}
	n, err := s.ReadCloser.Read(p)
	if s.left > 0 {
		s.left -= int64(n)
	}
	switch {
	case !errors.Is(err, io.EOF) || n > 0 && s.left == 0:
		return n, err
	case s.left > 0:
		return n, s.c.changed(fmt.Sprintf("it ends %d bytes early", s.left))
	}
	return n, s.end()
}

// end is io.EOF, unless the file was changed while it was read.
func (s *sealed) end() error {
	if _, err := s.c.verified(s.ctx, s.stamps); err != nil {
		return err
	}
	return io.EOF
}

// paths are the files that hold the candidate.
func (c *candidate) paths() []string {
	if len(c.pieces) == 0 {
		return []string{c.path}
	}
	var out []string
	for _, p := range c.pieces {
		out = append(out, p.Path)
	}
	return out
}

// stamp notes what the system says of the files without reading them: a change that leaves all of it as it was is not noticed by it.
func (c *candidate) stamp(ctx context.Context) ([]os.FileInfo, error) {
	var out []os.FileInfo
	for _, p := range c.paths() {
		info, err := disk.Stat(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

// verified makes sure that the candidate still is what was verified, and returns the stamps that say so: the given ones if nothing has
// touched it since, else it is read again.
func (c *candidate) verified(ctx context.Context, stamps []os.FileInfo) ([]os.FileInfo, error) {
	now, err := c.stamp(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", c.changed("it is gone"), err)
	}
	if same(stamps, now) {
		return stamps, nil
	}
	if c.damaged() {
		return nil, c.changed("it was written to")
	}
	body, err := c.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	h := newHashing(io.LimitReader(body, c.digest.size))
	if _, err := io.Copy(io.Discard, h); err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if h.size != c.digest.size || h.crc != c.digest.crc {
		return nil, c.changed(fmt.Sprintf("it has other bytes (%d-%08x)", h.size, h.crc))
	}
	return now, nil
}

func (c *candidate) changed(how string) error {
	return fmt.Errorf("%w: %s was %s: %s; put it back as it was", ErrChanged, c.path, c.digest, how)
}

func same(a, b []os.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) {
			return false
		}
	}
	return true
}
