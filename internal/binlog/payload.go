package binlog

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// payload opens a TRANSACTION_PAYLOAD event: fields of (type, length, value), ended by type 0, then the
// events of one transaction, compressed, without checksums or positions of their own.
func (r *Reader) payload(body []byte) error {
	c := cursor{b: body}
	algorithm, size := uint64(255), uint64(0)
	for !c.short {
		kind := c.packed()
		if kind == 0 {
			break
		}
		v := cursor{b: c.bytes(int(c.packed()))}
		switch kind {
		case 2:
			algorithm = v.packed()
		case 3:
			size = v.packed()
		}
	}
	if c.short {
		return fmt.Errorf("a damaged compressed transaction")
	}
	var in io.Reader = bytes.NewReader(bytes.Clone(c.b))
	switch algorithm {
	case 0:
		if r.zstd == nil {
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<30))
			if err != nil {
				return err
			}
			r.zstd = z
		}
		if err := r.zstd.Reset(in); err != nil {
			return err
		}
		in = io.LimitReader(r.zstd, int64(size)+1)
	case 255:
	default:
		return fmt.Errorf("a transaction compressed with algorithm %d: %w", algorithm, ErrUnsupported)
	}
	if r.spare == nil {
		r.spare = make([]byte, margin+readSize)
	}
	r.inner = &Scanner{r: in, name: r.scan.name, buf: r.spare, start: margin, end: margin, format: r.scan.format, inner: true}
	r.innerSize = size
	return nil
}
