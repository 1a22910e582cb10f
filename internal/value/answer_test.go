package value

import (
	"encoding/hex"
	"errors"
	"testing"
)

// TestAnswers brings what queries answer to the bytes of an image, and back to a literal; and refuses what is no such answer.
func TestAnswers(t *testing.T) {
	decimal := func(precision, scale uint16) Column { return Column{Type: TypeNewDecimal, Meta: precision | scale<<8} }
	for _, c := range []struct {
		column Column
		answer string
		image  string // in hexadecimal digits; "": it is refused
		back   string // if it is not the answer
	}{
		{Column{Type: TypeTiny}, "-128", "80", ""}, {Column{Type: TypeTiny, Unsigned: true}, "255", "ff", ""}, {Column{Type: TypeTiny}, "128", "", ""}, {Column{Type: TypeShort}, "-32768", "0080", ""},
		{Column{Type: TypeInt24}, "-8388608", "000080", ""}, {Column{Type: TypeInt24, Unsigned: true}, "16777215", "ffffff", ""}, {Column{Type: TypeLong, Unsigned: true}, "0000000042", "2a000000", "42"},
		{Column{Type: TypeLong, Unsigned: true}, "-1", "", ""}, {Column{Type: TypeLongLong}, "-9223372036854775808", "0000000000000080", ""},
		{Column{Type: TypeLongLong, Unsigned: true}, "18446744073709551615", "ffffffffffffffff", ""}, {Column{Type: TypeLong}, "1.5", "", ""}, {Column{Type: TypeLong}, "", "", ""},
		{decimal(10, 0), "7", "8000000007", ""}, {decimal(10, 0), "-7", "7ffffffff8", ""}, {decimal(10, 0), "0000000007", "8000000007", "7"}, {decimal(4, 2), "12.34", "8c22", ""}, {decimal(4, 2), "-12.34", "73dd", ""},
		{decimal(2, 2), "0.05", "85", ".05"}, {decimal(20, 10), "1234567890.0123456789", "810dfb38d200bc614e09", ""}, {decimal(4, 2), "123.00", "", ""}, {decimal(4, 2), "1.234", "", ""}, {decimal(4, 2), "-", "", ""},
		{decimal(4, 2), "1x.00", "", ""}, {decimal(4, 5), "1", "", ""}, {decimal(5, 2), "12", "800c00", "12.00"},
		{Column{Type: TypeDate}, "2026-12-01", "81d50f", "'2026-12-01'"}, {Column{Type: TypeDate}, "0000-00-00", "000000", "'0000-00-00'"}, {Column{Type: TypeDate}, "9999-12-31", "9f1f4e", "'9999-12-31'"},
		{Column{Type: TypeDate}, "2026-12-1", "", ""}, {Column{Type: TypeDate}, "2026-12-011", "", ""}, {Column{Type: TypeDate}, "today", "", ""},
		{Column{Type: TypeFloat, Meta: 4}, "1", "", ""}, {Column{Type: TypeDatetime2}, "2026-12-01 00:00:00", "", ""},
	} {
		raw, err := c.column.AppendAnswer([]byte("x"), []byte(c.answer))
		if c.image == "" {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s %q: %x, %v", &c.column, c.answer, raw, err)
			}
			continue
		}
		if err != nil || hex.EncodeToString(raw) != "78"+c.image {
			t.Errorf("%s %q: %x, %v, want %s", &c.column, c.answer, raw, err, c.image)
			continue
		}
		if c.back == "" {
			c.back = c.answer
		}
		if text, err := c.column.AppendLiteral(nil, raw[1:]); err != nil || string(text) != c.back {
			t.Errorf("%s %q came back as %s, %v", &c.column, c.answer, text, err)
		}
	}
}
