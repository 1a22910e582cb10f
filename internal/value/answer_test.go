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
		{Column{Type: TypeFloat, Meta: 4}, "1", "", ""}, {Column{Type: TypeYear}, "1901", "01", ""}, {Column{Type: TypeYear}, "2155", "ff", ""}, {Column{Type: TypeYear}, "0000", "00", "0"}, {Column{Type: TypeYear}, "1900", "", ""}, {Column{Type: TypeYear}, "2156", "", ""},
		{Column{Type: TypeEnum, Meta: TypeEnum | 2<<8}, "258", "0201", ""}, {Column{Type: TypeEnum, Meta: TypeEnum | 1<<8}, "256", "", ""}, {Column{Type: TypeSet, Meta: TypeSet | 8<<8}, "18446744073709551615", "ffffffffffffffff", ""},
		{Column{Type: TypeBit, Meta: 3 | 1<<8}, "1027", "0403", ""}, {Column{Type: TypeBit, Meta: 3 | 1<<8}, "65536", "", ""}, {Column{Type: TypeBit, Meta: 3 | 1<<8}, "-1", "", ""},
		{Column{Type: TypeDatetime2}, "2026-12-01 13:05:09", "99bb82d149", "'2026-12-01 13:05:09'"}, {Column{Type: TypeDatetime2}, "0000-00-00 00:00:00", "8000000000", "'0000-00-00 00:00:00'"},
		{Column{Type: TypeDatetime2, Meta: 3}, "9999-12-31 23:59:59.999", "fef3ff7efb2706", "'9999-12-31 23:59:59.999'"}, {Column{Type: TypeDatetime2, Meta: 3}, "2026-12-01 13:05:09", "", ""}, {Column{Type: TypeDatetime2}, "2026-12-01 13:05:09.1", "", ""},
		{Column{Type: TypeDatetime2}, "2026-12-01", "", ""}, {Column{Type: TypeDatetime2}, "2026-13-01 00:00:00", "", ""}, {Column{Type: TypeDatetime2}, "2026-12-01 3:05:09", "", ""}, {Column{Type: TypeDatetime2}, "2026-12-01 13:05:+9", "", ""},
		{Column{Type: TypeDatetime}, "2026-12-01 13:05:09", "0d34b26d6d120000", "'2026-12-01 13:05:09'"}, {Column{Type: TypeTimestamp2, Meta: 1}, "1970-01-01 00:00:01.5", "0000000132", "'1970-01-01 00:00:01.5'"},
		{Column{Type: TypeTimestamp2}, "2106-02-07 06:28:15", "ffffffff", "'2106-02-07 06:28:15'"}, {Column{Type: TypeTimestamp2}, "2000-02-29 23:59:59", "38bc5d7f", "'2000-02-29 23:59:59'"}, {Column{Type: TypeTimestamp}, "2026-03-01 00:00:00", "8081a369", "'2026-03-01 00:00:00'"},
		{Column{Type: TypeTime2}, "-838:59:59", "4b9105", "'-838:59:59'"}, {Column{Type: TypeTime2, Meta: 6}, "-00:00:00.000001", "7fffffffffff", "'-00:00:00.000001'"}, {Column{Type: TypeTime2}, "839:00:00", "", ""}, {Column{Type: TypeTime2}, "1:00:00", "", ""}, {Column{Type: TypeTime}, "-12:34:56", "c01dfe", "'-12:34:56'"},
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
