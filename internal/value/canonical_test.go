package value

import (
	"bytes"
	"errors"
	"testing"
)

// A key's image and its text in a dump have one form; another value has another.
func TestCanonical(t *testing.T) {
	char := func(length byte) uint16 { return uint16(TypeString) | uint16(length)<<8 }
	for _, c := range []struct {
		name    string
		col     Column
		image   string
		text    string
		charset string
		other   string // the text of another value; "" for none to try
	}{
		{"int", Column{Type: TypeLong}, "\xff\xff\xff\xff", "-1", "", "1"},
		{"unsigned", Column{Type: TypeLong, Unsigned: true}, "\xff\xff\xff\xff", "4294967295", "", "-1"},
		{"zerofill", Column{Type: TypeShort}, "\x07\x00", "00007", "", "70"},
		{"zero", Column{Type: TypeTiny}, "\x00", "0", "", "1"},
		{"year", Column{Type: TypeYear}, "\x7c", "2024", "", "1924"},
		{"decimal", Column{Type: TypeNewDecimal, Meta: 5 | 2<<8}, "\x80\x01\x32", "1.50", "", "-1.50"},
		{"varchar", Column{Type: TypeVarchar, Meta: 20, Charset: "utf8mb4"}, "\x03\xc3\xa9 ", "\xc3\xa9 ", "utf8mb4", "\xc3\xa9"},
		{"utf8mb3", Column{Type: TypeVarchar, Meta: 20, Charset: "utf8mb3"}, "\x02\xc3\xa9", "\xc3\xa9", "utf8mb4", "e"},
		{"latin1 plain", Column{Type: TypeVarchar, Meta: 20, Charset: "latin1"}, "\x02ab", "ab", "utf8mb4", "aB"},
		{"char", Column{Type: TypeString, Meta: char(4), Charset: "utf8mb4"}, "\x01a", "a", "utf8mb4", "b"},
		{"binary", Column{Type: TypeString, Meta: char(3)}, "\x01a", "a\x00\x00", "utf8mb4", "a\x00b"},
		{"varbinary", Column{Type: TypeVarchar, Meta: 3}, "\x02a\x00", "a\x00", "", "a"},
		{"bit", Column{Type: TypeBit, Meta: 1 | 1<<8}, "\x00\x05", "\x05", "", "\x06"},
		{"date", Column{Type: TypeDate}, "\x21\xd0\x0f", "2024-01-01", "", "2024-01-02"},
		{"time", Column{Type: TypeTime2, Meta: 2}, "\x80\x10\x83\x0c", "01:02:03.12", "", "-01:02:03.12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			image, err := c.col.AppendCanonical(nil, []byte(c.image))
			if err != nil {
				t.Fatal(err)
			}
			text, err := c.col.AppendCanonicalText(nil, []byte(c.text), c.charset)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(image, text) {
				t.Errorf("image %q, text %q", image, text)
			}
			other, err := c.col.AppendCanonicalText(nil, []byte(c.other), c.charset)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(image, other) {
				t.Errorf("another value has the form %q too", other)
			}
		})
	}
}

// What does not name one value exactly is refused, never taken for equal or different.
func TestNoCanonical(t *testing.T) {
	for _, c := range []struct {
		col           Column
		text, charset string
	}{
		{Column{Type: TypeVarchar, Meta: 20, Charset: "latin1"}, "\xc3\xa9", "utf8mb4"},
		{Column{Type: TypeVarchar, Meta: 20, Charset: "utf16"}, "a", "utf8mb4"},
		{Column{Type: TypeVarchar, Meta: 20, Charset: "sjis"}, `\`, "utf8mb4"},
		{Column{Type: TypeLong}, "1e3", ""},
		{Column{Type: TypeLong}, "1.0", ""},
		{Column{Type: TypeLong}, "", ""},
		{Column{Type: TypeNewDecimal, Meta: 5 | 2<<8}, "1.5", ""},
		{Column{Type: TypeDatetime2, Meta: 3}, "2024-01-01 00:00:00", ""},
		{Column{Type: TypeDate}, "24-1-1", ""},
		{Column{Type: TypeDouble, Meta: 8}, "1", ""},
		{Column{Type: TypeEnum, Meta: 1 << 8}, "a", ""},
		{Column{Type: TypeString, Meta: uint16(TypeString) | 16<<8, DataType: "uuid"}, "a", ""},
	} {
		if got, err := c.col.AppendCanonicalText(nil, []byte(c.text), c.charset); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s %q: %q, %v", &c.col, c.text, got, err)
		}
	}
}
