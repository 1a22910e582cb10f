package cascade

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/value"
)

// What a row refers to is, to the server, every value that it takes for the same: of text under a collation. The fold compares bytes. So a value is
// compared in a form that is the same of all that are taken for the same, and of no others. Text has one if it is of printable ASCII and does not end with a space,
// under a collation that is known to tell such text apart by its letters, with or without their case (TestAlike asks each server about each of its collations).
//
// A value without a form may be the same as one of other bytes. Where one is met, the window begins anew, and its tables take the serial lane.

// Likeness is how values of a column get their form.
type Likeness byte

const (
	noLikeness Likeness = iota
	Fixed               // what takes the same bytes in each row, such as numbers and times: as an image has them
	octets              // BINARY and VARBINARY, and MariaDB's addresses
	letters             // text, in the case it has
	caseless            // text, whatever its case
)

// LikenessOf is that of a column's values.
func LikenessOf(c *schema.Column) Likeness {
	switch strings.ToLower(c.DataType) {
	case "binary", "varbinary", "uuid", "inet4", "inet6":
		return octets
	case "char", "varchar":
		return textLikeness(cmp.Or(c.Collation, c.Charset+"_"+usualCollation))
	}
	if FixedBytes(c) > 0 {
		return Fixed
	}
	return noLikeness
}

// FixedBytes is how many bytes each value of a column takes in a row image; 0 where they differ, and of FLOAT and DOUBLE.
func FixedBytes(c *schema.Column) int {
	col := target.KeyColumn(c)
	if size, prefix := col.Extent(); prefix == 0 {
		return size
	}
	return 0
}

// usualCollation stands for that of a character set, which a statement need not name: of those below each server's ignores case, and tells ASCII apart by it alone.
const usualCollation = "general_ci"

// textLikeness is that of a collation. Those of languages are left out: some take two letters of ASCII for one (i and y, say).
func textLikeness(collation string) Likeness {
	charset, rest, _ := strings.Cut(strings.ToLower(collation), "_")
	switch charset {
	case "ascii", "latin1", "utf8", "utf8mb3", "utf8mb4":
	default:
		return noLikeness
	}
	switch strings.Replace(rest, "nopad_", "", 1) {
	case "bin", "0900_bin", "0900_as_cs", "uca1400_as_cs":
		return letters
	case "general_ci", "unicode_ci", "unicode_520_ci", "0900_ai_ci", "0900_as_ci", "uca1400_ai_ci", "uca1400_as_ci":
		return caseless
	case "swedish_ci":
		if charset == "latin1" {
			return caseless
		}
	}
	return noLikeness
}

// sameForms reports two columns whose values have the same forms.
func sameForms(a, b *schema.Column) bool {
	switch l := LikenessOf(a); l {
	case Fixed: // InnoDB compares bytes
		x, y := target.KeyColumn(a), target.KeyColumn(b)
		return x.Type == y.Type && x.Meta == y.Meta && x.Unsigned == y.Unsigned
	case octets: // BINARY(n) is padded to its length
		return strings.EqualFold(a.Type, b.Type) || strings.EqualFold(a.DataType, "varbinary") && strings.EqualFold(b.DataType, "varbinary")
	case letters, caseless:
		return strings.EqualFold(a.Collation, b.Collation)
	}
	return false
}

// Append appends the form of a value, of which content is what an image has behind its length, and which ends where its next column's begins.
func (l Likeness) Append(dst, content []byte) (_ []byte, ok bool) {
	switch l {
	case Fixed:
		return append(dst, content...), true
	case octets:
		return append(binary.AppendUvarint(dst, uint64(len(content))), content...), true
	}
	if n := len(content); n > 0 && content[n-1] == ' ' || slices.ContainsFunc(content, func(c byte) bool { return c < ' ' || c > '~' }) {
		return dst, false
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(content))), content...)
	if l == caseless {
		for i := len(dst) - len(content); i < len(dst); i++ {
			if 'A' <= dst[i] && dst[i] <= 'Z' {
				dst[i] += 'a' - 'A'
			}
		}
	}
	return dst, true
}

// Cut takes the first column's value off what forms were joined to.
func (l Likeness) Cut(form string, c *value.Column) (content, rest string, err error) {
	n, _ := c.Extent()
	size, at := uint64(n), 0
	if l != Fixed {
		if size, at = binary.Uvarint([]byte(form[:min(len(form), binary.MaxVarintLen64)])); at <= 0 {
			return "", "", errForm
		}
	}
	if size > uint64(len(form)-at) {
		return "", "", errForm
	}
	return form[at : at+int(size)], form[at+int(size):], nil
}

var errForm = errors.New("a damaged form of a foreign key's value")
