package replay

import (
	"cmp"
	"fmt"

	"lifeboat/internal/value"
	"lifeboat/snapshot"
)

// appendDumpedKey appends the canonical form of a key column's literal in a dump, by which an image of the same row is found. A literal
// of which the server may make another value is value.ErrUnsupported. spare is memory to use again.
func appendDumpedKey(dst []byte, tuples *snapshot.Tuples, l *snapshot.Literal, col *value.Column, charset string, spare *[]byte) ([]byte, error) {
	text := l.Text
	switch l.Kind {
	case snapshot.Null, snapshot.Expression:
		return dst, fmt.Errorf("a key of a value that is not given: %w", value.ErrUnsupported)
	case snapshot.Number:
		if !takesNumber(col) {
			return dst, fmt.Errorf("a key of type %s written as the number %s: %w", col, text, value.ErrUnsupported)
		}
	default:
		text, charset = tuples.Value(spare, l), cmp.Or(l.Charset, charset)
	}
	if col.Type == value.TypeYear && len(text) != 4 { // 24 is 2024, and '0' is 2000
		return dst, fmt.Errorf("a year written as %s: %w", text, value.ErrUnsupported)
	}
	return col.AppendCanonicalText(dst, text, charset)
}

// takesNumber reports whether the column's value is the number as it is written: 5 is the character 5 to a BIT, and 007 is '7' to a VARCHAR.
func takesNumber(col *value.Column) bool {
	switch col.Type {
	case value.TypeTiny, value.TypeShort, value.TypeInt24, value.TypeLong, value.TypeLongLong, value.TypeNewDecimal, value.TypeYear:
		return true
	}
	return false
}
