package value

import (
	"fmt"
	"strings"
)

// The type bytes of a table map (enum_field_types of MySQL's include/field_types.h; 140 and 141 are
// MariaDB's, of sql/field.h).
const (
	TypeDecimal    = 0 // before 5.0
	TypeTiny       = 1
	TypeShort      = 2
	TypeLong       = 3
	TypeFloat      = 4
	TypeDouble     = 5
	TypeNull       = 6
	TypeTimestamp  = 7
	TypeLongLong   = 8
	TypeInt24      = 9
	TypeDate       = 10
	TypeTime       = 11
	TypeDatetime   = 12
	TypeYear       = 13
	TypeNewDate    = 14
	TypeVarchar    = 15
	TypeBit        = 16
	TypeTimestamp2 = 17
	TypeDatetime2  = 18
	TypeTime2      = 19

	TypeBlobCompressed    = 140
	TypeVarcharCompressed = 141

	TypeVector     = 242
	TypeJSON       = 245
	TypeNewDecimal = 246
	TypeEnum       = 247
	TypeSet        = 248
	TypeTinyBlob   = 249
	TypeMediumBlob = 250
	TypeLongBlob   = 251
	TypeBlob       = 252
	TypeVarString  = 253
	TypeString     = 254
	TypeGeometry   = 255
)

// Column is what a table map, and the table's definition where it is known, say of one column.
type Column struct {
	// Type is the type byte of the table map. ENUM, SET and CHAR are TypeString there, told apart
	// by Meta.
	Type byte
	// Meta is the column's part of the table map's metadata: its bytes as they lie in the event, the
	// first one low, so that
	//
	//	VARCHAR         longest length in bytes
	//	NEWDECIMAL      precision | scale<<8
	//	BIT             bits beyond whole bytes | whole bytes<<8
	//	STRING          real type (with two bits of the length) | length<<8
	//	BLOB and such   number of length bytes
	//	TIME2 and such  digits of the fraction
	//	FLOAT, DOUBLE   size in bytes
	Meta uint16
	// Unsigned must come from the definition where the table map does not say it: MariaDB's do not
	// by default, nor do those of MySQL before 8.0.
	Unsigned bool
	// Charset is the name of a text column's character set; "" and "binary" mean bytes.
	Charset string
	// DataType is the column's DATA_TYPE in the definition, in lower case, or "" when not known. It
	// tells MariaDB's uuid, inet4 and inet6 from BINARY, which the table map does not.
	DataType string
}

// ParseMeta splits the metadata block of a table map into one Meta for each column (see Column.Meta),
// 0 for types that have none. The sizes are those of each type's Field::save_field_metadata in the servers.
func ParseMeta(types []byte, block []byte) ([]uint16, error) {
	metas := make([]uint16, len(types))
	rest := block
	for i, t := range types {
		n, err := metaSize(t)
		if err != nil {
			return nil, fmt.Errorf("column %d: %w", i+1, err)
		}
		if len(rest) < n {
			return nil, fmt.Errorf("column %d: the metadata of the table map ends early: %w", i+1, ErrCorrupt)
		}
		switch n {
		case 1:
			metas[i] = uint16(rest[0])
		case 2:
			metas[i] = uint16(rest[0]) | uint16(rest[1])<<8
		}
		rest = rest[n:]
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("the table map has %d more bytes of metadata than its %d columns take: %w", len(rest), len(types), ErrCorrupt)
	}
	return metas, nil
}

func metaSize(t byte) (int, error) {
	switch t {
	case TypeTiny, TypeShort, TypeLong, TypeNull, TypeTimestamp, TypeLongLong, TypeInt24, TypeDate,
		TypeTime, TypeDatetime, TypeYear, TypeNewDate:
		return 0, nil
	case TypeFloat, TypeDouble, TypeTimestamp2, TypeDatetime2, TypeTime2, TypeVector, TypeJSON, TypeGeometry,
		TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob, TypeBlobCompressed:
		return 1, nil
	case TypeVarchar, TypeVarString, TypeBit, TypeNewDecimal, TypeEnum, TypeSet, TypeString, TypeVarcharCompressed:
		return 2, nil
	}
	return 0, fmt.Errorf("column type %d: %w", t, ErrUnsupported)
}

// real resolves the types hidden in TypeString: the column's type, and for TypeString, TypeEnum and
// TypeSet its length. A CHAR of over 255 bytes keeps bits 8 and 9 of its length, inverted, in bits 4
// and 5 of the type (Field_string::save_field_metadata).
func (c *Column) real() (typ byte, length int) {
	first, second := byte(c.Meta), byte(c.Meta>>8)
	switch c.Type {
	case TypeEnum, TypeSet:
		return c.Type, int(second)
	case TypeString:
		if first == 0 {
			return TypeString, int(second)
		}
		if first&0x30 != 0x30 {
			return first | 0x30, int(second) | int(first&0x30^0x30)<<4
		}
		return first, int(second)
	}
	return c.Type, 0
}

// Real is the type behind TypeString, where CHAR, ENUM and SET are told apart; of others it is Type.
func (c *Column) Real() byte {
	typ, _ := c.real()
	return typ
}

// Longest is the greatest length in bytes of a CHAR, and the size of an ENUM's or SET's number.
func (c *Column) Longest() int {
	_, n := c.real()
	return n
}

// fraction is the number of bytes that a temporal type's digits after the second take.
func fraction(digits uint16) int { return int(digits+1) / 2 }

// Size is the number of bytes that the value takes at the start of data. It fails with ErrCorrupt where
// data is too short, and with ErrUnsupported on a type it does not know.
func (c *Column) Size(data []byte) (int, error) {
	n, err := c.size(data)
	if err != nil {
		return 0, err
	}
	if n > len(data) {
		return 0, fmt.Errorf("%s takes %d bytes, %d are left: %w", c, n, len(data), ErrCorrupt)
	}
	return n, nil
}

// Extent tells what Size depends on: a value takes fixed bytes, and as many more as the number in its first prefix bytes says, low byte first.
// prefix is -1 where only Size can tell, if anything can.
func (c *Column) Extent() (fixed, prefix int) {
	if width := c.lengthWidth(); width > 0 {
		return width, width
	}
	var most [8]byte
	n, err := c.size(most[:])
	if err != nil || n < 0 {
		return 0, -1
	}
	return n, 0
}

func (c *Column) size(data []byte) (int, error) {
	switch c.Type {
	case TypeTiny, TypeYear:
		return 1, nil
	case TypeShort:
		return 2, nil
	case TypeInt24, TypeDate, TypeNewDate, TypeTime:
		return 3, nil
	case TypeLong, TypeFloat, TypeTimestamp:
		return 4, nil
	case TypeLongLong, TypeDouble, TypeDatetime:
		return 8, nil
	case TypeNull:
		return 0, nil
	case TypeTimestamp2, TypeDatetime2, TypeTime2:
		if c.Meta > 6 {
			return 0, fmt.Errorf("%s with %d digits of a second: %w", c, c.Meta, ErrCorrupt)
		}
		whole := [...]int{4, 5, 3}[c.Type-TypeTimestamp2]
		return whole + fraction(c.Meta), nil
	case TypeNewDecimal:
		return c.decimalSize()
	case TypeBit:
		bits, whole := int(c.Meta&0xff), int(c.Meta>>8)
		if bits > 7 || whole > 8 {
			return 0, fmt.Errorf("%s of %d bytes and %d bits: %w", c, whole, bits, ErrCorrupt)
		}
		return whole + (bits+7)/8, nil
	case TypeVarchar, TypeVarString, TypeVarcharCompressed:
		return prefixed(data, shortLength(int(c.Meta)))
	case TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob, TypeJSON, TypeGeometry, TypeVector, TypeBlobCompressed:
		return prefixed(data, int(c.Meta))
	case TypeString, TypeEnum, TypeSet:
		return c.stringSize(data)
	}
	return 0, fmt.Errorf("column type %d: %w", c.Type, ErrUnsupported)
}

func (c *Column) stringSize(data []byte) (int, error) {
	typ, length := c.real()
	switch typ {
	case TypeEnum:
		if length == 1 || length == 2 {
			return length, nil
		}
	case TypeSet:
		if length >= 1 && length <= 8 {
			return length, nil
		}
	case TypeString:
		return prefixed(data, shortLength(length))
	}
	return 0, fmt.Errorf("metadata %#04x of a string column: %w", c.Meta, ErrCorrupt)
}

// shortLength is the number of length bytes before a CHAR or VARCHAR of at most the given length.
func shortLength(longest int) int {
	if longest > 255 {
		return 2
	}
	return 1
}

// prefixed is the size of a value behind a length of width bytes, low byte first.
func prefixed(data []byte, width int) (int, error) {
	if width < 1 || width > 4 {
		return 0, fmt.Errorf("a length of %d bytes: %w", width, ErrCorrupt)
	}
	if len(data) < width {
		return 0, fmt.Errorf("the length of a value is cut short: %w", ErrCorrupt)
	}
	return width + int(littleEndian(data[:width])), nil
}

// littleEndian reads up to eight bytes, the low one first.
func littleEndian(b []byte) (n uint64) {
	for i, x := range b {
		n |= uint64(x) << (8 * i)
	}
	return n
}

// bigEndian reads up to eight bytes, the high one first.
func bigEndian(b []byte) (n uint64) {
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}

// lengthWidth is the number of length bytes before the value, 0 for types of a fixed size.
func (c *Column) lengthWidth() int {
	typ, length := c.real()
	switch typ {
	case TypeString:
		return shortLength(length)
	case TypeVarchar, TypeVarString, TypeVarcharCompressed:
		return shortLength(int(c.Meta))
	case TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob, TypeJSON, TypeGeometry, TypeVector, TypeBlobCompressed:
		return int(c.Meta)
	}
	return 0
}

// content checks that raw is one whole value and returns it without its length bytes.
func (c *Column) content(raw []byte) ([]byte, error) {
	n, err := c.Size(raw)
	if err != nil {
		return nil, err
	}
	if n != len(raw) {
		return nil, fmt.Errorf("%s of %d bytes, %d expected: %w", c, len(raw), n, ErrCorrupt)
	}
	return raw[c.lengthWidth():], nil
}

// Content is a value without its length bytes. Of CHAR and BINARY it ends before the padding.
func (c *Column) Content(raw []byte) ([]byte, error) {
	b, err := c.content(raw)
	if err == nil && c.Type == TypeString {
		b = c.unpadded(b)
	}
	return b, err
}

// isAddress tells MariaDB's UUID, INET6 and INET4 from BINARY. Their images hold the bytes in the order of
// the text, without the zeros at the end; of fewer bytes than all the server does not take them.
func (c *Column) isAddress() bool {
	return c.DataType == "uuid" || c.DataType == "inet6" || c.DataType == "inet4"
}

func (c *Column) isFloat() bool { return c.Type == TypeFloat || c.Type == TypeDouble }

// isText tells text in a character set from bytes.
func (c *Column) isText() bool { return c.Charset != "" && c.Charset != "binary" }

// String names the column's type for messages.
func (c *Column) String() string {
	typ, _ := c.real()
	name, ok := typeName(typ)
	if !ok {
		return fmt.Sprintf("column type %d", typ)
	}
	if c.DataType != "" && !strings.EqualFold(c.DataType, name) {
		return strings.ToUpper(c.DataType) + " (" + name + ")"
	}
	return name
}

func typeName(t byte) (string, bool) {
	switch t {
	case TypeDecimal:
		return "DECIMAL of before 5.0", true
	case TypeTiny:
		return "TINYINT", true
	case TypeShort:
		return "SMALLINT", true
	case TypeLong:
		return "INT", true
	case TypeFloat:
		return "FLOAT", true
	case TypeDouble:
		return "DOUBLE", true
	case TypeTimestamp, TypeTimestamp2:
		return "TIMESTAMP", true
	case TypeLongLong:
		return "BIGINT", true
	case TypeInt24:
		return "MEDIUMINT", true
	case TypeDate, TypeNewDate:
		return "DATE", true
	case TypeTime, TypeTime2:
		return "TIME", true
	case TypeDatetime, TypeDatetime2:
		return "DATETIME", true
	case TypeYear:
		return "YEAR", true
	case TypeVarchar, TypeVarString:
		return "VARCHAR", true
	case TypeBit:
		return "BIT", true
	case TypeBlobCompressed:
		return "COMPRESSED BLOB", true
	case TypeVarcharCompressed:
		return "COMPRESSED VARCHAR", true
	case TypeVector:
		return "VECTOR", true
	case TypeJSON:
		return "JSON", true
	case TypeNewDecimal:
		return "DECIMAL", true
	case TypeEnum:
		return "ENUM", true
	case TypeSet:
		return "SET", true
	case TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob:
		return "BLOB", true
	case TypeString:
		return "CHAR", true
	case TypeGeometry:
		return "GEOMETRY", true
	}
	return "", false
}
