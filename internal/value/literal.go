package value

import (
	"bytes"
	"fmt"
	"strconv"
)

// AppendLiteral appends the SQL literal that stores the value of raw, the image bytes of one value
// (as many as Size says), to dst. It is for the VALUES of an INSERT and the SET of an UPDATE.
func (c *Column) AppendLiteral(dst, raw []byte) ([]byte, error) {
	b, err := c.content(raw)
	if err != nil {
		return dst, err
	}
	switch typ, _ := c.real(); typ {
	case TypeString:
		if c.isAddress() {
			return c.appendPadded(dst, b), nil
		}
		return appendQuoted(dst, b), nil
	case TypeVarchar, TypeVarString, TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob, TypeGeometry, TypeVector:
		return appendQuoted(dst, b), nil
	case TypeBlobCompressed, TypeVarcharCompressed:
		b, err := inflate(b)
		if err != nil {
			return dst, fmt.Errorf("%s: %w", c, err)
		}
		return appendQuoted(dst, b), nil
	case TypeJSON:
		return AppendJSONLiteral(dst, b)
	}
	return c.appendScalar(dst, b)
}

// AppendIntroduced appends the same literal for a session of any character set: in front of text stands its own, in
// front of bytes _binary.
func (c *Column) AppendIntroduced(dst, raw []byte) ([]byte, error) {
	switch typ, _ := c.real(); typ {
	case TypeString, TypeVarchar, TypeVarString, TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob, TypeGeometry, TypeVector,
		TypeBlobCompressed, TypeVarcharCompressed:
		if c.isText() && !c.isAddress() {
			dst = appendIntroducer(dst, c.Charset)
		} else {
			dst = append(dst, "_binary"...)
		}
	}
	return c.AppendLiteral(dst, raw)
}

// AppendField appends the value of raw as a field of LOAD DATA, see target.Conn.Load. Types whose field would be read
// otherwise than their literal are ErrUnsupported.
func (c *Column) AppendField(dst, raw []byte) ([]byte, error) {
	b, err := c.content(raw)
	if err != nil {
		return dst, err
	}
	switch typ, _ := c.real(); typ {
	case TypeString:
		if c.isAddress() {
			break
		}
		return AppendFieldBytes(dst, b), nil
	case TypeVarchar, TypeVarString, TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob:
		return AppendFieldBytes(dst, b), nil
	case TypeTiny, TypeShort, TypeInt24, TypeLong, TypeLongLong, TypeNewDecimal:
		return c.appendScalar(dst, b)
	case TypeDate, TypeNewDate, TypeTime, TypeTime2, TypeDatetime, TypeDatetime2, TypeTimestamp, TypeTimestamp2:
		n := len(dst)
		if dst, err = c.appendTemporal(dst, b); err != nil {
			return dst, err
		}
		return append(dst[:n], bytes.Trim(dst[n:], "'")...), nil
	}
	return dst, fmt.Errorf("a field of type %s: %w", c, ErrUnsupported)
}

// AppendFieldBytes appends bytes as a field of LOAD DATA.
func AppendFieldBytes(dst, b []byte) []byte {
	from := 0
	for i, c := range b {
		if c > '\\' || c > '\n' && c != '\\' {
			continue
		}
		e := byte(0)
		switch c {
		case '\\':
			e = '\\'
		case '\t':
			e = 't'
		case '\n':
			e = 'n'
		case 0:
			e = '0'
		default:
			continue
		}
		dst = append(append(dst, b[from:i]...), '\\', e)
		from = i + 1
	}
	return append(dst, b[from:]...)
}

// StoresWithWarning reports that the server warns when it stores the value's literal, although what it
// stores is right: number 0 of an ENUM, which a row got from a value that is no member. The warning is 1265, one
// for each such value; under STRICT_ALL_TABLES or STRICT_TRANS_TABLES the statement fails with it instead.
func (c *Column) StoresWithWarning(raw []byte) bool {
	typ, _ := c.real()
	return typ == TypeEnum && len(raw) <= 2 && littleEndian(raw) == 0
}

// appendScalar appends the types whose literal is the same in a list of values and in a comparison.
func (c *Column) appendScalar(dst, b []byte) ([]byte, error) {
	switch typ, _ := c.real(); typ {
	case TypeTiny, TypeShort, TypeInt24, TypeLong, TypeLongLong:
		return c.appendInteger(dst, b), nil
	case TypeFloat, TypeDouble:
		return appendDouble(dst, float(b))
	case TypeYear:
		// A number and not a string: the string '0' is the year 2000.
		if b[0] == 0 {
			return append(dst, '0'), nil
		}
		return strconv.AppendUint(dst, 1900+uint64(b[0]), 10), nil
	case TypeNewDecimal:
		return appendDecimal(dst, b, int(c.Meta&0xff), int(c.Meta>>8))
	case TypeBit:
		return strconv.AppendUint(dst, bigEndian(b), 10), nil
	case TypeEnum, TypeSet:
		// By number: the members' names may have changed since, and may be any bytes.
		return strconv.AppendUint(dst, littleEndian(b), 10), nil
	case TypeNull:
		return append(dst, "NULL"...), nil
	}
	return c.appendTemporal(dst, b)
}
