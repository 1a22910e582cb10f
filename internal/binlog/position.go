// Package binlog reads binary logs: framing and checksums, positions, events, transactions and their
// row changes. It knows nothing of where the files come from or what the rows are wanted for.
package binlog

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Position is a place in a binary log: a file by its own name (no folder, no .gz) and a byte offset into
// its uncompressed content. Offsets come from the framing, so they are right beyond 4 GiB.
type Position struct {
	File   string
	Offset uint64
}

// IsZero reports whether p names no place.
func (p Position) IsZero() bool { return p.File == "" }

// String writes FILE:OFFSET, the form ParsePosition reads.
func (p Position) String() string {
	if p.IsZero() {
		return ""
	}
	return p.File + ":" + strconv.FormatUint(p.Offset, 10)
}

// ParsePosition reads FILE:OFFSET.
func ParsePosition(s string) (Position, error) {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 || strings.ContainsAny(s[:i], "/\\") {
		return Position{}, fmt.Errorf("%q is not a position: write FILE:OFFSET, as in binlog.000042:4", s)
	}
	off, err := strconv.ParseUint(s[i+1:], 10, 64)
	if err != nil || strconv.FormatUint(off, 10) != s[i+1:] { // 0:010 is a time mistyped
		return Position{}, fmt.Errorf("%q is not a position: %q is not an offset in bytes", s, s[i+1:])
	}
	return Position{File: s[:i], Offset: off}, nil
}

// MarshalText writes String, for JSON.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote; empty text is the zero position.
func (p *Position) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*p = Position{}
		return nil
	}
	*p, err = ParsePosition(string(b))
	return err
}

// Compare orders positions of one server: files by number (999999 before 1000000), then offsets.
func (p Position) Compare(q Position) int {
	return cmp.Or(CompareNames(p.File, q.File), cmp.Compare(p.Offset, q.Offset))
}

// CompareNames orders two binlog file names of one server: by base name, then by number.
func CompareNames(a, b string) int {
	if a == b {
		return 0
	}
	abase, anum := SplitName(a)
	bbase, bnum := SplitName(b)
	return cmp.Or(cmp.Compare(abase, bbase), cmp.Compare(anum, bnum), cmp.Compare(a, b))
}

// SplitName cuts "binlog.000042" into "binlog" and 42. A name without a number has number 0.
func SplitName(name string) (base string, number uint64) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return name, 0
	}
	n, err := strconv.ParseUint(name[i+1:], 10, 64)
	if err != nil {
		return name, 0
	}
	return name[:i], n
}
