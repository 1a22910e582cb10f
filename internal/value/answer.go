package value

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
)

// AppendAnswer appends a value the way a row image has it. text is what a query answers for it (see Exactly) in a session that gets bytes as they are stored and times
// in UTC: of whole numbers, DECIMAL, BIT, ENUM, SET, dates and times, CHAR, VARCHAR, BINARY, VARBINARY, and MariaDB's addresses. Other types are ErrUnsupported.
func (c *Column) AppendAnswer(dst, text []byte) ([]byte, error) {
	switch typ, _ := c.real(); typ {
	case TypeString, TypeVarchar, TypeVarString:
		if c.isAddress() {
			var err error
			if text, err = appendAddressAnswer(nil, c.DataType, text); err != nil {
				return dst, c.noAnswer(text)
			}
		}
		if typ == TypeString {
			text = c.unpadded(text)
		}
		if dst = append(dst, byte(len(text))); c.lengthWidth() > 1 {
			dst = append(dst, byte(len(text)>>8))
		}
		return append(dst, text...), nil
	case TypeTiny, TypeShort, TypeInt24, TypeLong, TypeLongLong:
		return c.appendWholeAnswer(dst, text)
	case TypeNewDecimal:
		return c.appendDecimalAnswer(dst, text)
	case TypeYear:
		n, err := strconv.ParseUint(string(text), 10, 16)
		if err != nil || n != 0 && (n < 1901 || n > 2155) {
			return dst, c.noAnswer(text)
		}
		return append(dst, byte(max(n, 1900)-1900)), nil
	case TypeEnum, TypeSet:
		return c.appendNumberAnswer(dst, text, binary.LittleEndian)
	case TypeBit:
		return c.appendNumberAnswer(dst, text, binary.BigEndian)
	case TypeDate, TypeNewDate, TypeDatetime, TypeDatetime2, TypeTimestamp, TypeTimestamp2, TypeTime, TypeTime2:
		return c.appendTemporalAnswer(dst, text)
	}
	return dst, fmt.Errorf("an image of %s from what a query answers: %w", c, ErrUnsupported)
}

func (c *Column) appendWholeAnswer(dst, text []byte) ([]byte, error) {
	size, err := c.size(nil)
	if err != nil {
		return dst, err
	}
	n, err := strconv.ParseUint(string(text), 10, 8*size)
	if !c.Unsigned {
		var signed int64
		signed, err = strconv.ParseInt(string(text), 10, 8*size)
		n = uint64(signed)
	}
	if err != nil {
		return dst, c.noAnswer(text)
	}
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], n)
	return append(dst, word[:size]...), nil
}

// appendDecimalAnswer is the other way round of appendDecimalDigits.
func (c *Column) appendDecimalAnswer(dst, text []byte) ([]byte, error) {
	precision, scale := int(c.Meta&0xff), int(c.Meta>>8)
	if _, err := c.decimalSize(); err != nil {
		return dst, err
	}
	digits, negative := bytes.CutPrefix(text, []byte("-"))
	whole, fraction, _ := bytes.Cut(digits, []byte("."))
	whole = bytes.TrimLeft(whole, "0") // ZEROFILL
	if len(whole) > precision-scale || len(fraction) > scale || len(digits) == 0 {
		return dst, c.noAnswer(text)
	}
	whole = append(bytes.Repeat([]byte("0"), precision-scale-len(whole)), whole...)
	fraction = append(bytes.Clone(fraction), bytes.Repeat([]byte("0"), scale-len(fraction))...)
	at, left := len(dst), len(whole)%digitsPerGroup
	groups := [][]byte{whole[:left]}
	for whole = whole[left:]; len(whole) > 0; whole = whole[digitsPerGroup:] {
		groups = append(groups, whole[:digitsPerGroup])
	}
	for ; len(fraction) > digitsPerGroup; fraction = fraction[digitsPerGroup:] {
		groups = append(groups, fraction[:digitsPerGroup])
	}
	for _, group := range append(groups, fraction) {
		if len(group) == 0 {
			continue
		}
		n, err := strconv.ParseUint(string(group), 10, 32)
		if err != nil {
			return dst[:at], c.noAnswer(text)
		}
		var word [4]byte
		binary.BigEndian.PutUint32(word[:], uint32(n))
		dst = append(dst, word[4-digitBytes(len(group)):]...)
	}
	dst[at] ^= 0x80
	if negative {
		for i := at; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst, nil
}

// appendNumberAnswer appends a number that is stored as it is.
func (c *Column) appendNumberAnswer(dst, text []byte, order binary.ByteOrder) ([]byte, error) {
	size, err := c.size(nil)
	if err != nil {
		return dst, err
	}
	n, err := strconv.ParseUint(string(text), 10, 8*size)
	if err != nil {
		return dst, c.noAnswer(text)
	}
	return appendSized(dst, n, size, order), nil
}

// appendSized appends a number's lowest bytes.
func appendSized(dst []byte, n uint64, size int, order binary.ByteOrder) []byte {
	var word [8]byte
	order.PutUint64(word[:], n)
	if order == binary.BigEndian {
		return append(dst, word[8-size:]...)
	}
	return append(dst, word[:size]...)
}

// appendAddressAnswer is the other way round of the text of a UUID, INET4 or INET6.
func appendAddressAnswer(dst []byte, dataType string, text []byte) ([]byte, error) {
	if dataType == "uuid" {
		return hex.AppendDecode(dst, bytes.ReplaceAll(text, []byte("-"), nil))
	}
	a, err := netip.ParseAddr(string(text))
	if err != nil {
		return dst, err
	}
	return append(dst, a.AsSlice()...), nil
}

func (c *Column) noAnswer(text []byte) error {
	return fmt.Errorf("%q is no %s: %w", text, c, ErrCorrupt)
}
