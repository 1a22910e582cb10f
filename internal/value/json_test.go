package value

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestJSONLiteral(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"empty", "", `_utf8mb4'null'`},
		{"object", "00 0200 2000 1200 0100 1300 0100 05 0100 02 1400 61 62 0200 0c00 04 0100 0c 0a00 01 78", `_utf8mb4'{"a":1,"b":[true,"x"]}'`},
		{"escapes", "0c 0b 22 5c 27 0a 0d 09 00 1f 7f c3 a9", `_utf8mb4'"\\"\\\\\'\\n\\r\\t\\u0000\\u001f` + "\x7fé" + `"'`},
		{"double 3.0", "0b 0000000000000840", `_utf8mb4'3.0'`},
		{"uint16", "06 0500", `JSON_REPLACE(CAST(_utf8mb4'null' AS JSON),_utf8mb4'$',CAST(5 AS UNSIGNED))`},
		{"int64 of over 32 bits", "09 00f2052a01000000", `JSON_REPLACE(CAST(_utf8mb4'null' AS JSON),_utf8mb4'$',5000000000)`},
		{"uint64 of over 32 bits", "0a 00f2052a01000000", `_utf8mb4'5000000000'`},
		{"decimal", "0f f6 04 0301 8b05", `JSON_REPLACE(CAST(_utf8mb4'null' AS JSON),_utf8mb4'$',11.5)`},
		{"decimal whose precision a literal cannot give", "0f f6 05 0501 800b05", `JSON_REPLACE(CAST(_utf8mb4'null' AS JSON),_utf8mb4'$',(SELECT JSON_EXTRACT(JSON_ARRAY(v),_utf8mb4'$[0]') FROM JSON_TABLE(_utf8mb4'["11.5"]',_utf8mb4'$[*]' COLUMNS(v DECIMAL(5,1) PATH _utf8mb4'$' ERROR ON ERROR)) a))`},
		{"binary", "0f 0f 02 27ff", `JSON_REPLACE(CAST(_utf8mb4'null' AS JSON),_utf8mb4'$',_binary'\'` + "\xff')"},
	} {
		got, err := AppendJSONLiteral([]byte("("), unhex(t, tt.doc))
		if err != nil || string(got) != "("+tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

// TestJSONPrefixes cuts documents short: no prefix of one is a document.
func TestJSONPrefixes(t *testing.T) {
	doc := smallObject(t)[4:]
	for n := 1; n < len(doc); n++ {
		if out, err := AppendJSONLiteral(nil, doc[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("the first %d bytes: %q, %v", n, out, err)
		}
	}
}

// TestJSONCircles has documents whose offsets lead back into themselves or to one place many times.
func TestJSONCircles(t *testing.T) {
	itself := unhex(t, "02 0100 0700 02 0000")
	if out, err := AppendJSONLiteral(nil, itself); !errors.Is(err, ErrCorrupt) {
		t.Errorf("an array inside itself: %q, %v", out, err)
	}
	// Each level is an array of two, both at the next level: 2^99 values in 900 bytes.
	var bomb []byte
	for i := range 99 {
		size := 10*(99-i) + 4
		bomb = binary.LittleEndian.AppendUint16(bomb, 2)
		bomb = binary.LittleEndian.AppendUint16(bomb, uint16(size))
		bomb = append(bomb, 2, 10, 0, 2, 10, 0)
	}
	bomb = append(bomb, 0, 0, 4, 0)
	if _, err := AppendJSONLiteral(nil, append([]byte{2}, bomb...)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("shared arrays: %v", err)
	}
	// 1000 strings at one place of 10,000 bytes.
	var many []byte
	many = binary.LittleEndian.AppendUint16(many, 1000)
	many = binary.LittleEndian.AppendUint16(many, 4+3000+2+10000)
	for range 1000 {
		many = append(many, 0x0c, 0xbc, 0x0b)
	}
	many = append(many, 0x90, 0x4e)
	many = append(many, bytes.Repeat([]byte{'x'}, 10000)...)
	if _, err := AppendJSONLiteral(nil, append([]byte{2}, many...)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("shared strings: %v", err)
	}
	deep := deepArrays(101)
	if _, err := AppendJSONLiteral(nil, deep); !errors.Is(err, ErrCorrupt) {
		t.Errorf("101 deep: %v", err)
	}
	if _, err := AppendJSONLiteral(nil, deepArrays(100)); err != nil {
		t.Errorf("100 deep: %v", err)
	}
}

func deepArrays(depth int) []byte {
	var b []byte
	for i := range depth - 1 {
		b = append(b, 1, 0)
		b = binary.LittleEndian.AppendUint16(b, uint16(7*(depth-1-i)+4))
		b = append(b, 2, 7, 0)
	}
	return append(append([]byte{2}, b...), 0, 0, 4, 0)
}

// TestPlainDouble checks that whatever plainDouble says yes to reads back exactly, and has a point or an exponent.
func TestPlainDouble(t *testing.T) {
	yes := 0
	for _, f := range []float64{0, math.Copysign(0, -1), 1, 3, -2.5, 0.1, 1e15, 1e22, 1e23, 6.02214076e23, 1e-7, 123456789012345, 999999999999999, 0.1 + 0.2, math.MaxFloat64, math.SmallestNonzeroFloat64, 1e-22, 1e-23, 100, 1e14} {
		text, ok := plainDouble(nil, f)
		if !ok {
			continue
		}
		yes++
		back, err := strconv.ParseFloat(string(text), 64)
		if err != nil || math.Float64bits(back) != math.Float64bits(f) || !strings.ContainsAny(string(text), ".e") {
			t.Errorf("%g: %s, %v", f, text, err)
		}
	}
	if yes != 16 {
		t.Errorf("%d are plain", yes)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(smallObject(f)[4:])
	f.Add(deepArrays(5))
	f.Add(unhex(f, "0f f6 04 0301 8b05"))
	f.Add(unhex(f, "0f 0b 08 0000000000000080"))
	f.Add(unhex(f, "0f 0c 08 000000000000b619"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		out, err := AppendJSONLiteral(nil, doc)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if len(out) > 1000+len(doc)*len(doc)*8+len(doc)*300 {
			t.Fatalf("%d bytes out of %d", len(out), len(doc))
		}
	})
}

// answered makes sure that a value of a fixed size comes back from what a query answers for it.
func answered(t *testing.T, c *Column, raw, text []byte) {
	if _, prefix := c.Extent(); prefix > 0 {
		return
	}
	switch again, err := c.AppendAnswer(nil, bytes.Trim(text, "'")); {
	case err == nil && !bytes.Equal(again, raw):
		t.Fatalf("%s %s: image %x came back as %x", c, text, raw, again)
	case err != nil && text[0] == '\'': // a date or time
		t.Fatalf("%s %s: image %x: %v", c, text, raw, err)
	}
}

func FuzzColumn(f *testing.F) {
	for _, tt := range literals {
		f.Add(tt.column.Type, tt.column.Meta, tt.column.Unsigned, tt.column.Charset, unhex(f, tt.image))
	}
	f.Add(byte(TypeBlobCompressed), uint16(2), false, "", unhex(f, "0c008405f5e100789c030000000001"))
	f.Add(byte(TypeJSON), uint16(4), false, "", smallObject(f))
	f.Add(byte(TypeJSON), uint16(4), false, "", unhex(f, "0e000000 00 03 242e61 03 050100 02 03 242e62"))
	f.Fuzz(func(t *testing.T, typ byte, meta uint16, unsigned bool, charset string, data []byte) {
		c := Column{Type: typ, Meta: meta, Unsigned: unsigned, Charset: charset}
		n, err := c.Size(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if n < 0 || n > len(data) {
			t.Fatalf("%d of %d bytes", n, len(data))
		}
		raw := data[:n:n]
		if literal, err := c.AppendLiteral(nil, raw); err == nil {
			answered(t, &c, raw, literal)
		}
		c.AppendKeyLiteral(nil, raw)
		c.AppendMatch(nil, "`c`", raw)
		if c.Compare(raw, raw) != 0 && !strings.Contains(c.String(), "FLOAT") && !strings.Contains(c.String(), "DOUBLE") {
			t.Fatalf("%x is not equal to itself", raw)
		}
		c.Compare(raw, data)
		c.StoresWithWarning(raw)
		c.AppendJSONChange(nil, "`c`", raw)
	})
}
