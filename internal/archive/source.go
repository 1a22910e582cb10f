package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"lifeboat/internal/binlog"
	"lifeboat/internal/disk"
)

const (
	magicBinlog    = "\xfebin"
	magicEncrypted = "\xfdbin"
	magicGzip      = "\x1f\x8b"
	magicZstd      = "\x28\xb5\x2f\xfd"

	readAhead = 256 << 10
	// maxWindow is the most that zstd makes without being told to use more (its level 22 takes 128 MiB).
	maxWindow = 128 << 20
)

// packing is how a copy is stored.
type packing uint8

const (
	plain packing = iota
	gzipped
	zstandard
)

// source is an open copy, unpacked. Errors of the packing say torn or corrupt in binlog's terms.
type source struct {
	ctx   context.Context
	file  *disk.File
	in    io.Reader
	close func()
	pack  packing
}

// openSource opens a copy and looks at its first bytes to tell how it is packed. count, if any, is told of
// bytes read from the disk.
func openSource(ctx context.Context, path string, count func(int)) (*source, error) {
	f, err := disk.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	s := &source{ctx: ctx, file: f, close: func() {}}
	raw := &counted{s: s, count: count}
	head := make([]byte, 4)
	n, err := io.ReadFull(raw, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	head = head[:n]
	s.in = io.MultiReader(bytes.NewReader(head), raw)
	switch {
	case strings.HasPrefix(string(head), magicGzip):
		s.pack = gzipped
		z, err := gzip.NewReader(bufio.NewReaderSize(s.in, 256<<10))
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("%s: %w", path, unpackError("gzip", err))
		}
		s.in, s.close = z, func() { _ = z.Close() }
	case string(head) == magicZstd:
		s.pack = zstandard
		z, err := zstd.NewReader(s.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("%s: %w", path, unpackError("zstd", err))
		}
		s.in, s.close = z, z.Close
	}
	return s, nil
}

// counted reads the file itself.
type counted struct {
	s     *source
	count func(int)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.s.file.Read(p)
	if c.count != nil {
		c.count(n)
	}
	return n, err
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err == nil || errors.Is(err, io.EOF) || s.ctx.Err() != nil {
		return n, err
	}
	switch s.pack {
	case gzipped:
		err = unpackError("gzip", err)
	case zstandard:
		err = unpackError("zstd", err)
	}
	return n, err
}

// skip goes to an offset of the unpacked content.
func (s *source) skip(to uint64) error {
	if s.pack == plain {
		s.in = &counted{s: s}
		return s.file.MoveTo(int64(to))
	}
	_, err := io.CopyN(io.Discard, s, int64(to))
	return err
}

func (s *source) Close() error {
	s.close()
	return s.file.Close()
}

// open gives a copy's content, or that of a file stitched from several.
func (c *candidate) open(ctx context.Context, count func(int)) (io.ReadCloser, error) {
	if len(c.pieces) > 0 {
		return &pieced{ctx: ctx, todo: c.pieces, count: count}, nil
	}
	return openSource(ctx, c.path, count)
}

func unpackError(what string, err error) error {
	var path *os.PathError
	switch {
	case errors.As(err, &path):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the %s file ends early", binlog.ErrTorn, what)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("%w: its zstd window is over %d MiB; unpack it first", binlog.ErrUnsupported, maxWindow>>20)
	}
	return fmt.Errorf("%w: the %s file is damaged (%w)", binlog.ErrCorrupt, what, err)
}
