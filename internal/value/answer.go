package value

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
)

// AppendAnswer appends a value the way a row image has it. text is what a query answers for it: of whole numbers, DECIMAL and DATE, and of CHAR, VARCHAR, BINARY
// and VARBINARY in the bytes that are stored. Other types are ErrUnsupported.
func (c *Column) AppendAnswer(dst, text []byte) ([]byte, error) {
	switch typ, _ := c.real(); typ {
	case TypeString, TypeVarchar, TypeVarString:
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
	case TypeDate, TypeNewDate:
		return c.appendDateAnswer(dst, text)
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

// appendDateAnswer is the other way round of a DATE's literal: day, month and year from the low bit on.
func (c *Column) appendDateAnswer(dst, text []byte) ([]byte, error) {
	var year, month, day uint32
	if n, err := fmt.Sscanf(string(text), "%4d-%2d-%2d", &year, &month, &day); n != 3 || err != nil || len(text) != len("2026-12-01") {
		return dst, c.noAnswer(text)
	}
	n := year<<9 | month<<5 | day
	return append(dst, byte(n), byte(n>>8), byte(n>>16)), nil
}

func (c *Column) noAnswer(text []byte) error {
	return fmt.Errorf("%q is no %s: %w", text, c, ErrCorrupt)
}
