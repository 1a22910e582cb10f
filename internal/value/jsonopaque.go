package value

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// double appends a double as text where any parser reads that text exactly, else as an SQL value: the
// server's JSON parser may be off in the last place for long or large numbers, its SQL parser is not.
func (w *jsonWriter) double(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return corruptJSON("a number that is none")
	}
	if text, ok := plainDouble(w.dst, f); ok {
		w.dst = text
		return nil
	}
	if err := w.instead(); err != nil {
		return err
	}
	w.patch = strconv.AppendFloat(w.patch, f, 'e', -1, 64)
	return nil
}

// plainDouble appends f in digits with a point or an exponent. It holds for numbers of at most 15
// digits times a power of ten of at most 10^22: both are exact as doubles, so that one multiplication or division
// rounds once.
func plainDouble(dst []byte, f float64) ([]byte, bool) {
	const exactDigits, exactPower = 15, 22
	start := len(dst)
	out := strconv.AppendFloat(dst, f, 'e', -1, 64)
	digits, e := 0, start
	for ; out[e] != 'e'; e++ {
		if out[e] >= '0' && out[e] <= '9' {
			digits++
		}
	}
	exponent, err := strconv.Atoi(string(out[e+1:]))
	if err != nil || digits > exactDigits || exponent-digits+1 > exactPower || exponent-digits+1 < -exactPower {
		return dst, false
	}
	if exponent < -5 || exponent >= exactDigits {
		return out, true
	}
	out = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if exponent-digits+1 >= 0 {
		out = append(out, ".0"...) // or it would be read as an integer
	}
	return out, true
}

// opaque appends a value of a type that JSON itself lacks: a type byte, then the value as a string.
func (w *jsonWriter) opaque(b []byte) error {
	if len(b) == 0 {
		return corruptJSON("an opaque value is cut short")
	}
	typ := b[0]
	data, err := jsonBytes(b[1:])
	if err != nil {
		return err
	}
	if err := w.spend(len(data)); err != nil {
		return err
	}
	if err := w.instead(); err != nil {
		return err
	}
	switch typ {
	case TypeNewDecimal:
		w.patch, err = appendOpaqueDecimal(w.patch, data)
	case TypeDate, TypeTime, TypeDatetime, TypeTimestamp:
		w.patch, err = appendOpaqueTemporal(w.patch, typ, data)
	case TypeBit:
		w.patch, err = appendOpaqueBit(w.patch, data)
	default:
		w.patch, err = appendOpaqueBytes(w.patch, typ, data)
	}
	return err
}

// appendOpaqueDecimal rebuilds a DECIMAL. The document keeps its precision and scale, and the server
// derives them from where the number came from: a literal counts its digits, a cast rounds the digits before the point up
// to a multiple of nine, a column drops groups of zeros in front.
func appendOpaqueDecimal(dst, b []byte) ([]byte, error) {
	const longest = 65 // digits that a cast may name; the value may have up to eight more
	if len(b) < 2 {
		return dst, corruptJSON("a DECIMAL is cut short")
	}
	precision, scale := int(b[0]), int(b[1])
	size, err := decimalSize(precision, scale)
	if err != nil || size != len(b)-2 {
		return dst, corruptJSON(fmt.Sprintf("DECIMAL(%d,%d) in %d bytes", precision, scale, len(b)-2))
	}
	text, err := appendDecimal(nil, b[2:], precision, scale)
	if err != nil {
		return dst, err
	}
	whole := precision - scale
	written := len(bytes.TrimPrefix(text, []byte{'-'}))
	if scale > 0 {
		written -= 1 + scale
	}
	switch {
	case whole > 0 && whole == written && scale > 0:
		return append(dst, text...), nil
	case whole > 0 && whole%digitsPerGroup == 0:
		dst = append(append(dst, "CAST("...), text...)
		return fmt.Appendf(dst, " AS DECIMAL(%d,%d))", min(precision, longest), scale), nil
	}
	return appendFromColumn(dst, fmt.Sprintf("DECIMAL(%d,%d)", min(precision, longest), scale), fmt.Appendf(nil, "%q", text), nil), nil
}

// appendOpaqueTemporal reads the form of TIME_to_longlong_packed: the bit fields of DATETIME2 or TIME2
// above 24 bits of microseconds.
func appendOpaqueTemporal(dst []byte, typ byte, b []byte) ([]byte, error) {
	if len(b) != 8 {
		return dst, corruptJSON(fmt.Sprintf("a date or time of %d bytes", len(b)))
	}
	n := int64(binary.LittleEndian.Uint64(b))
	negative := n < 0
	if negative {
		n = -n
	}
	whole := uint64(n) >> 24
	m := packedMoment(whole)
	if typ == TypeTime {
		m = moment{hour: uint32(whole >> 12), minute: uint32(whole>>6) & 63, second: uint32(whole) & 63}
	}
	m.micro = uint32(n & 0xffffff)
	if n < 0 || whole>>42 != 0 || m.micro > 999999 || typ != TypeTime && (negative || !m.valid()) {
		return dst, corruptJSON(fmt.Sprintf("the bytes %x as a date or time", b))
	}
	switch typ {
	case TypeTime:
		dst, err := appendSignedClock(append(dst, "CAST("...), m, negative, 6)
		return append(dst, " AS TIME(6))"...), err
	case TypeDate:
		dst = m.appendDate(append(dst, "CAST('"...))
		return append(dst, "' AS DATE)"...), nil
	case TypeDatetime:
		dst = m.appendDatetime(append(dst, "CAST('"...), 6)
		return append(dst, "' AS DATETIME(6))"...), nil
	}
	// No function makes a TIMESTAMP, only a column.
	text := m.appendDatetime([]byte{'"'}, 6)
	return appendFromColumn(dst, "TIMESTAMP(6)", append(text, '"'), nil), nil
}

func appendOpaqueBit(dst, b []byte) ([]byte, error) {
	if len(b) == 0 || len(b) > 8 {
		return dst, corruptJSON(fmt.Sprintf("BIT of %d bytes", len(b)))
	}
	number := strconv.AppendUint(nil, bigEndian(b), 10)
	return appendFromColumn(dst, fmt.Sprintf("BIT(%d)", 8*len(b)), number, nil), nil
}

// appendOpaqueBytes rebuilds a binary string of the same SQL type, which the document keeps with it. A
// literal is a VARBINARY; a BLOB comes of the union of a BLOB column without rows and the literal.
func appendOpaqueBytes(dst []byte, typ byte, b []byte) ([]byte, error) {
	column := ""
	switch typ {
	case TypeVarchar:
		if len(b) > math.MaxUint16 {
			return dst, corruptJSON(fmt.Sprintf("VARBINARY of %d bytes", len(b)))
		}
		return appendQuoted(append(dst, "_binary"...), b), nil
	case TypeTinyBlob:
		column = "TINYBLOB"
	case TypeBlob:
		column = "BLOB"
	case TypeMediumBlob:
		column = "MEDIUMBLOB"
	case TypeLongBlob:
		column = "LONGBLOB"
	case TypeString:
		return appendOpaqueBinary(dst, b)
	default:
		return dst, fmt.Errorf("JSON with a value of the SQL type %d inside: %w", typ, ErrUnsupported)
	}
	return appendFromColumn(dst, column, nil, appendQuoted([]byte("_binary"), b)), nil
}

// appendOpaqueBinary rebuilds a BINARY(n): the union of a column of that type without rows and a CHAR
// column of the latin1 character set, whose bytes JSON text can carry one letter each.
func appendOpaqueBinary(dst, b []byte) ([]byte, error) {
	if len(b) == 0 || len(b) > 255 || b[len(b)-1] == ' ' {
		return dst, fmt.Errorf("JSON with a BINARY of %d bytes inside that is empty, too long or ends in a space: %w", len(b), ErrUnsupported)
	}
	text := []byte{'"'}
	for _, c := range b {
		text = fmt.Appendf(text, `\u%04x`, latin1Letter(c))
	}
	text = append(text, '"')
	dst = append(dst, extractFirst...)
	dst = append(dst, "(SELECT v FROM "...)
	dst = appendJSONTable(dst, fmt.Sprintf("BINARY(%d)", len(b)), nil)
	dst = append(dst, " a UNION ALL SELECT v FROM "...)
	dst = appendJSONTable(dst, fmt.Sprintf("CHAR(%d) CHARACTER SET latin1", len(b)), text)
	return append(dst, " b) c)"...), nil
}

// latin1Letter is the letter of a byte in the servers' latin1, which is cp1252 with its holes filled.
func latin1Letter(c byte) rune {
	if c < 0x80 || c > 0x9f {
		return rune(c)
	}
	return [...]rune{
		0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f,
		0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
	}[c-0x80]
}

// extractFirst begins a subquery that makes a JSON value of the column v in what follows.
const extractFirst = "(SELECT JSON_EXTRACT(JSON_ARRAY(v),_utf8mb4'$[0]') FROM "

// appendFromColumn appends a subquery that makes a JSON value of a column of the given SQL type, since
// a value in JSON keeps the type of the column it came from. The column holds the JSON element, or the
// literal where there is no element.
func appendFromColumn(dst []byte, sqlType string, element, literal []byte) []byte {
	dst = append(dst, extractFirst...)
	if element != nil {
		dst = appendJSONTable(dst, sqlType, element)
		return append(dst, " a)"...)
	}
	dst = append(dst, "(SELECT v FROM "...)
	dst = appendJSONTable(dst, sqlType, nil)
	dst = append(dst, " a UNION ALL SELECT "...)
	dst = append(dst, literal...)
	return append(dst, ") b)"...)
}

// appendJSONTable appends a table with one column v of the given SQL type, with a row for the element if
// there is one. A value that does not fit the type is an error instead of a NULL.
func appendJSONTable(dst []byte, sqlType string, element []byte) []byte {
	dst = append(dst, "JSON_TABLE(_utf8mb4'["...)
	dst = appendEscaped(dst, element)
	dst = append(dst, "]',_utf8mb4'$[*]' COLUMNS(v "...)
	dst = append(dst, sqlType...)
	return append(dst, " PATH _utf8mb4'$' ERROR ON ERROR))"...)
}
