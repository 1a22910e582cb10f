package value

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"strconv"
)

// AppendKeyLiteral appends raw as a literal to compare a key column with, as in k = … or (k, l) IN
// ((…, …)). It leaves an index usable. Text carries its character set, and compares under the
// column's collation, so a non-unique key may match more than one value.
func (c *Column) AppendKeyLiteral(dst, raw []byte) ([]byte, error) {
	b, err := c.content(raw)
	if err != nil {
		return dst, err
	}
	return c.AppendContentLiteral(dst, b)
}

// AppendContentLiteral is AppendKeyLiteral of a value that comes without its length bytes, and may be longer than the column takes.
func (c *Column) AppendContentLiteral(dst, b []byte) ([]byte, error) {
	switch typ, _ := c.real(); typ {
	case TypeVarchar, TypeVarString, TypeString, TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob:
		if c.isText() {
			return appendIntroduced(dst, c.Charset, b), nil
		}
		return c.appendPadded(dst, b), nil
	case TypeSet:
		return appendSetKey(dst, b), nil
	case TypeBlobCompressed, TypeVarcharCompressed, TypeJSON, TypeGeometry, TypeVector:
		return dst, fmt.Errorf("%s cannot be a key: %w", c, ErrUnsupported)
	}
	return c.appendScalar(dst, b)
}

// appendSetKey appends a SET's number as the server compares it: signed.
func appendSetKey(dst, b []byte) []byte {
	return strconv.AppendInt(dst, int64(littleEndian(b)), 10)
}

// AppendMatch appends a condition that holds for rows whose column, named quotedName, has exactly the
// value of raw (nil for NULL): as bytes, not just under a collation. It may be several conditions joined
// by AND. Of JSON, values that differ only in a number's type match each other: 1 and CAST(1 AS UNSIGNED),
// or a double and a DECIMAL with the same text.
func (c *Column) AppendMatch(dst []byte, quotedName string, raw []byte) ([]byte, error) {
	if raw == nil {
		dst = append(dst, quotedName...)
		return append(dst, " IS NULL"...), nil
	}
	typ, _ := c.real()
	b, err := c.content(raw)
	if err != nil {
		return dst, err
	}
	if typ == TypeBlobCompressed || typ == TypeVarcharCompressed {
		if b, err = inflate(b); err != nil {
			return dst, fmt.Errorf("%s: %w", c, err)
		}
	}
	switch typ {
	case TypeJSON:
		return appendJSONMatch(dst, quotedName, b)
	case TypeVarchar, TypeVarString, TypeString, TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob,
		TypeBlobCompressed, TypeVarcharCompressed:
		if c.isText() {
			dst = append(dst, quotedName...)
			dst = append(dst, " <=> "...)
			dst = appendIntroduced(dst, c.Charset, b)
			dst = append(dst, " AND CAST("...)
			dst = append(dst, quotedName...)
			dst = append(dst, " AS BINARY) <=> "...)
			return appendQuoted(dst, b), nil
		}
		dst = append(dst, quotedName...)
		dst = append(dst, " <=> "...)
		return c.appendPadded(dst, b), nil
	case TypeVector:
		// Vectors cannot be compared, their bytes can.
		dst = append(append(dst, "CAST("...), quotedName...)
		dst = append(dst, " AS BINARY) <=> "...)
		return appendQuoted(dst, b), nil
	case TypeGeometry:
		dst = append(dst, quotedName...)
		dst = append(dst, " <=> "...)
		return appendQuoted(dst, b), nil
	}
	dst = append(dst, quotedName...)
	dst = append(dst, " <=> "...)
	switch {
	case c.isFloat() && float(b) == 0:
		return c.appendZeroMatch(dst, quotedName, b), nil
	case typ == TypeSet:
		return appendSetKey(dst, b), nil
	}
	return c.appendScalar(dst, b)
}

// appendZeroMatch tells 0 from -0, which are equal as numbers, by their text.
func (c *Column) appendZeroMatch(dst []byte, quotedName string, b []byte) []byte {
	dst = append(dst, "0 AND CAST("...)
	dst = append(dst, quotedName...)
	if math.Signbit(float(b)) {
		return append(dst, " AS CHAR) LIKE '-%'"...)
	}
	return append(dst, " AS CHAR) NOT LIKE '-%'"...)
}

// Compare orders two values of a key column: numbers, dates and times by what they mean, text and bytes
// by their bytes, NULL (nil) first. For text that is not the order of the column's collation.
func (c *Column) Compare(a, b []byte) int {
	if a == nil || b == nil {
		return cmp.Compare(presence(a), presence(b))
	}
	x, errX := c.content(a)
	y, errY := c.content(b)
	if errX != nil || errY != nil {
		return bytes.Compare(a, b)
	}
	switch typ, _ := c.real(); typ {
	case TypeTiny, TypeShort, TypeInt24, TypeLong, TypeLongLong:
		if c.Unsigned {
			return cmp.Compare(littleEndian(x), littleEndian(y))
		}
		return cmp.Compare(c.integer(x), c.integer(y))
	case TypeFloat, TypeDouble:
		return cmp.Compare(float(x), float(y))
	case TypeDate, TypeNewDate, TypeTimestamp, TypeDatetime, TypeEnum, TypeSet:
		return cmp.Compare(littleEndian(x), littleEndian(y))
	case TypeTime:
		return cmp.Compare(int32(littleEndian(x)<<8), int32(littleEndian(y)<<8))
	}
	// DECIMAL, BIT and the temporal types of 5.6 and later are stored so that they order as bytes.
	return bytes.Compare(x, y)
}

func presence(raw []byte) int {
	if raw == nil {
		return 0
	}
	return 1
}
