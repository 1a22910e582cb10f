package value

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"fmt"
	"io"
)

// inflate undoes MariaDB's COMPRESSED column attribute (sql/field_comp.cc). An empty value has no header.
// The first byte of any other holds the method in its high four bits: 0 for text as it is, 8 for zlib. In
// zlib's, bit 3 says that the stream has no zlib header, and the low three bits how many bytes follow
// with the length before compression, high byte first.
func inflate(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	switch method := b[0] >> 4; method {
	case 0:
		return b[1:], nil
	case 8:
	default:
		return nil, fmt.Errorf("compression method %d: %w", method, ErrUnsupported)
	}
	width := int(b[0] & 7)
	if width == 0 || width > 4 || len(b) < 1+width {
		return nil, fmt.Errorf("a compressed value with a length of %d bytes: %w", width, ErrCorrupt)
	}
	size := int64(bigEndian(b[1 : 1+width]))
	stream := io.Reader(bytes.NewReader(b[1+width:]))
	if b[0]&8 != 0 {
		stream = flate.NewReader(stream)
	} else {
		z, err := zlib.NewReader(stream)
		if err != nil {
			return nil, fmt.Errorf("a compressed value: %w (%w)", ErrCorrupt, err)
		}
		stream = z
	}
	// Read no more than a byte beyond the stated length, and let memory grow with what there is: the
	// length of a damaged value may claim 4 GiB.
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.LimitReader(stream, size+1)); err != nil {
		return nil, fmt.Errorf("a compressed value: %w (%w)", ErrCorrupt, err)
	}
	if int64(out.Len()) != size {
		return nil, fmt.Errorf("a compressed value of other than the stated %d bytes: %w", size, ErrCorrupt)
	}
	return out.Bytes(), nil
}
