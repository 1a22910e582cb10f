package value

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
)

// AppendCanonical appends a form of raw, the image bytes of a key column's value, that
// AppendCanonicalText makes of the same value written as text, in a dump: so a row of a log and a row of a
// dump find each other without a server. It begins with its length, so that the forms of several columns
// can be joined. Types whose text does not name one value exactly (FLOAT, JSON, ENUM, …) are ErrUnsupported.
func (c *Column) AppendCanonical(dst, raw []byte) ([]byte, error) {
	b, err := c.content(raw)
	if err != nil {
		return dst, err
	}
	switch typ, _ := c.real(); typ {
	case TypeVarchar, TypeVarString, TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob:
		return appendMeasured(dst, b), nil
	case TypeString:
		if c.isAddress() {
			break
		}
		return appendMeasured(dst, c.unpadded(b)), nil
	case TypeBit:
		return appendMeasured(dst, bytes.TrimLeft(b, "\x00")), nil
	case TypeTiny, TypeShort, TypeInt24, TypeLong, TypeLongLong, TypeYear, TypeNewDecimal:
		text, err := c.appendScalar(nil, b)
		if err != nil {
			return dst, err
		}
		return c.appendNumber(dst, text)
	case TypeDate, TypeNewDate, TypeTime, TypeTime2, TypeDatetime, TypeDatetime2, TypeTimestamp, TypeTimestamp2:
		text, err := c.appendTemporal(nil, b)
		if err != nil {
			return dst, err
		}
		return appendMeasured(dst, bytes.Trim(text, "'")), nil
	}
	return dst, c.noCanonical()
}

// AppendCanonicalText appends the same form of a value that is given as text: what a dump's quotes hold,
// unescaped, or its number. charset is what the text is written in; of binary values it does not matter.
// TIMESTAMP must be in UTC.
func (c *Column) AppendCanonicalText(dst, text []byte, charset string) ([]byte, error) {
	switch typ, _ := c.real(); typ {
	case TypeVarchar, TypeVarString, TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob, TypeString:
		if typ == TypeString && c.isAddress() {
			break
		}
		if c.isText() && !sameBytes(text, charset, c.Charset) {
			return dst, fmt.Errorf("text in %s for a key in %s: %w", charset, c.Charset, ErrUnsupported)
		}
		if typ == TypeString {
			text = c.unpadded(text)
		}
		return appendMeasured(dst, text), nil
	case TypeBit:
		return appendMeasured(dst, bytes.TrimLeft(text, "\x00")), nil
	case TypeTiny, TypeShort, TypeInt24, TypeLong, TypeLongLong, TypeYear, TypeNewDecimal:
		return c.appendNumber(dst, text)
	case TypeDate, TypeNewDate, TypeTime, TypeTime2, TypeDatetime, TypeDatetime2, TypeTimestamp, TypeTimestamp2:
		if !c.isMoment(text) {
			return dst, fmt.Errorf("%q for %s: %w", text, c, ErrUnsupported)
		}
		return appendMeasured(dst, text), nil
	}
	return dst, c.noCanonical()
}

func (c *Column) noCanonical() error {
	return fmt.Errorf("a key of type %s cannot be compared with a dump's text: %w", c, ErrUnsupported)
}

func appendMeasured(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// unpadded takes off what the server pads a CHAR or BINARY with: images and dumps differ in it.
func (c *Column) unpadded(b []byte) []byte {
	if c.isText() || c.DataType == "char" {
		return bytes.TrimRight(b, " ")
	}
	return bytes.TrimRight(b, "\x00")
}

// appendNumber appends a whole number, or a decimal with as many digits behind its point as the column has.
func (c *Column) appendNumber(dst, text []byte) ([]byte, error) {
	digits, negative := text, false
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		negative = digits[0] == '-'
		digits = digits[1:]
	}
	whole, fraction, _ := bytes.Cut(digits, []byte("."))
	scale := 0
	if c.Type == TypeNewDecimal {
		scale = int(c.Meta >> 8)
	}
	if !isDigits(whole) || len(fraction) != scale || !isDigits(fraction) || len(whole)+len(fraction) == 0 {
		return dst, fmt.Errorf("%q for %s: %w", text, c, ErrUnsupported)
	}
	whole = bytes.TrimLeft(whole, "0")
	n := make([]byte, 0, 24)
	if negative && len(whole)+len(bytes.TrimLeft(fraction, "0")) > 0 {
		n = append(n, '-')
	}
	n = append(n, whole...)
	if scale > 0 {
		n = append(append(n, '.'), fraction...)
	}
	return appendMeasured(dst, n), nil
}

func isDigits(b []byte) bool {
	for _, d := range b {
		if d < '0' || d > '9' {
			return false
		}
	}
	return true
}

// isMoment reports whether text is written as servers write the column's type, digits of a second included.
func (c *Column) isMoment(text []byte) bool {
	form := ""
	digits := 0
	switch c.Type {
	case TypeDate, TypeNewDate:
		form = "0000-00-00"
	case TypeTime, TypeTime2:
		form = "00:00:00"
		text = bytes.TrimPrefix(text, []byte("-"))
		if len(text) > 2 && isDigits(text[:3]) { // over 99 hours
			text = text[1:]
		}
	default:
		form = "0000-00-00 00:00:00"
	}
	if c.Type == TypeTime2 || c.Type == TypeDatetime2 || c.Type == TypeTimestamp2 {
		digits = int(c.Meta)
	}
	if digits > 0 {
		form += "." + strconv.Itoa(1000000)[1:digits+1]
	}
	if len(text) != len(form) {
		return false
	}
	for i := range text {
		if digit := form[i] == '0'; digit != (text[i] >= '0' && text[i] <= '9') || !digit && text[i] != form[i] {
			return false
		}
	}
	return true
}

// sameBytes reports that text is the same bytes in both character sets.
func sameBytes(text []byte, from, to string) bool {
	if from == to || IsUTF8(from) && IsUTF8(to) || from == "binary" {
		return true
	}
	if wide(from) || wide(to) {
		return false
	}
	return IsASCII(text) && bytes.IndexByte(text, '\\') < 0 && bytes.IndexByte(text, '~') < 0 // sjis and swe7 have others there
}

// IsASCII reports bytes that are all below 0x80.
func IsASCII(text []byte) bool {
	const highs = 0x8080808080808080
	for ; len(text) >= 8; text = text[8:] {
		if binary.LittleEndian.Uint64(text)&highs != 0 {
			return false
		}
	}
	for _, b := range text {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

// IsUTF8 reports a character set that is a form of UTF-8.
func IsUTF8(charset string) bool {
	return charset == "utf8mb4" || charset == "utf8mb3" || charset == "utf8"
}

// wide character sets do not hold ASCII as it is.
func wide(charset string) bool {
	switch charset {
	case "ucs2", "utf16", "utf16le", "utf32":
		return true
	}
	return false
}
