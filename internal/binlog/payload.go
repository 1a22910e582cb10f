package binlog

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxWindow is the most that a server's own zstd takes to be read, and its level 22 makes.
const maxWindow = 128 << 20

// neverPacked reports the events that stand between transactions, or open one: no server puts them into a compressed one. What follows one that is
// inside would be read under a false state, or not at all.
func neverPacked(typ EventType) bool {
	switch typ {
	case FormatDescriptionEvent, RotateEvent, StopEvent, PreviousGTIDsEvent, MariaGTIDListEvent, StartEncryptionEvent, IncidentEvent,
		GTIDEvent, AnonymousGTIDEvent, GTIDTaggedEvent, MariaGTIDEvent, TransactionPayload:
		return true
	}
	return false
}

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
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
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
	r.makeRoom()
	r.inner = &Scanner{r: in, name: r.scan.name, buf: r.spare, start: r.spareAt, end: r.spareAt, base: r.spareAt, format: r.scan.format, inner: true}
	if r.feed != nil {
		r.inner.swap = r.swap
	}
	r.innerSize = size
	return nil
}

// makeRoom sees to it that the next payload has some room to be inflated into. In a batch, payloads lie one after the other.
func (r *Reader) makeRoom() {
	const least = 64 << 10
	switch f := r.feed; {
	case f == nil && r.spare == nil:
		r.spare, r.spareAt = make([]byte, margin+readSize), margin
	case f == nil:
		r.spareAt = margin
	case r.spare == nil:
		r.spare, r.spareAt = f.pool.buf(0), margin
	case len(r.spare)-r.spareAt < least:
		f.old, f.mark = append(f.old, r.spare), len(r.queue)
		r.spare, r.spareAt = f.pool.buf(0), margin
	}
}

func (r *Reader) endPayload() {
	r.spare, r.spareAt = r.inner.buf, r.inner.end
	r.inner = nil
}
