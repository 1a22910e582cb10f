package value

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseMeta(t *testing.T) {
	types := []byte{TypeLong, TypeVarchar, TypeNewDecimal, TypeBlob, TypeString, TypeBit, TypeDatetime2, TypeBlobCompressed, TypeVarcharCompressed, TypeVector}
	block := unhex(t, "2c01 0a02 02 f701 0201 06 02 e903 04")
	got, err := ParseMeta(types, block)
	want := []uint16{0, 300, 0x020a, 2, 0x01f7, 0x0102, 6, 2, 1001, 4}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for n := range block {
		if _, err := ParseMeta(types, block[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := ParseMeta(types, append(block, 0)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a byte too many: %v", err)
	}
	if _, err := ParseMeta([]byte{20}, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("type 20: %v", err)
	}
}

// literals has images of each type, with what they must be written as in a list of values and as a key.
var literals = []struct {
	name    string
	column  Column
	image   string // hexadecimal
	literal string
	key     string // "" if the same
}{
	{"TINYINT", Column{Type: TypeTiny}, "ff", "-1", ""},
	{"TINYINT unsigned", Column{Type: TypeTiny, Unsigned: true}, "ff", "255", ""},
	{"MEDIUMINT", Column{Type: TypeInt24}, "000080", "-8388608", ""},
	{"MEDIUMINT unsigned", Column{Type: TypeInt24, Unsigned: true}, "000080", "8388608", ""},
	{"BIGINT", Column{Type: TypeLongLong}, "0000000000000080", "-9223372036854775808", ""},
	{"BIGINT unsigned", Column{Type: TypeLongLong, Unsigned: true}, "ffffffffffffffff", "18446744073709551615", ""},
	{"YEAR 0", Column{Type: TypeYear}, "00", "0", ""},
	{"YEAR", Column{Type: TypeYear}, "7e", "2026", ""},
	{"FLOAT", Column{Type: TypeFloat, Meta: 4}, "cdcccc3d", "1.0000000149011612e-01", ""},
	{"DECIMAL", Column{Type: TypeNewDecimal, Meta: 0x020a}, "7ffffffee1", "-1.30", ""},
	{"BIT", Column{Type: TypeBit, Meta: 0x0102}, "03ff", "1023", ""},
	{"ENUM", Column{Type: TypeString, Meta: 0x01f7}, "03", "3", ""},
	{"ENUM 0", Column{Type: TypeString, Meta: 0x01f7}, "00", "0", ""},
	{"SET", Column{Type: TypeString, Meta: 0x08f8}, "ffffffffffffffff", "18446744073709551615", "-1"},
	{"CHAR", Column{Type: TypeString, Meta: 0x28fe, Charset: "utf8mb4"}, "026162", "'ab'", "_utf8mb4'ab'"},
	{"CHAR of 1020 bytes", Column{Type: TypeString, Meta: 0xfcce, Charset: "utf8mb4"}, "02006162", "'ab'", "_utf8mb4'ab'"},
	{"BINARY", Column{Type: TypeString, Meta: 0x04fe}, "026162", "'ab'", `'ab\0\0'`},
	{"UUID", Column{Type: TypeString, Meta: 0x10fe, DataType: "uuid"}, "0101", `'` + "\x01" + strings.Repeat(`\0`, 15) + `'`, ""},
	{"VARCHAR", Column{Type: TypeVarchar, Meta: 40, Charset: "utf8mb3"}, "0a27005c0a0d1a225c6162", `'\'\0\\\n\r\Z"\\ab'`, `_utf8mb4'\'\0\\\n\r\Z"\\ab'`},
	{"VARCHAR of 300 bytes", Column{Type: TypeVarchar, Meta: 300, Charset: "gbk"}, "0200815c", "'\x81\\\\'", "_gbk'\x81\\\\'"},
	{"ucs2", Column{Type: TypeVarchar, Meta: 40, Charset: "ucs2"}, "020061", `'\0a'`, `_utf16'\0a'`},
	{"DATE", Column{Type: TypeDate}, "5fd40f", "'2026-02-31'", ""},
	{"zero DATE", Column{Type: TypeDate}, "000000", "'0000-00-00'", ""},
	{"TIME2", Column{Type: TypeTime2, Meta: 2}, "7fffffec", "'-00:00:00.20'", ""},
	{"old TIME", Column{Type: TypeTime}, "a7f57f", "'838:59:59'", ""},
	{"DATETIME2", Column{Type: TypeDatetime2, Meta: 0}, "fef3ff7efb", "'9999-12-31 23:59:59'", ""},
	{"TIMESTAMP2", Column{Type: TypeTimestamp2, Meta: 3}, "00000001000a", "'1970-01-01 00:00:01.001'", ""},
	{"old DATETIME", Column{Type: TypeDatetime}, "7787d105f15a0000", "'9999-12-31 23:59:59'", ""},
	{"NULL", Column{Type: TypeNull}, "", "NULL", ""},
}

func TestLiterals(t *testing.T) {
	for _, tt := range literals {
		raw := unhex(t, tt.image)
		got, err := tt.column.AppendLiteral([]byte("("), raw)
		if err != nil || string(got) != "("+tt.literal {
			t.Errorf("%s: literal %q, %v; want %q", tt.name, got, err, tt.literal)
		}
		want := tt.key
		if want == "" {
			want = tt.literal
		}
		got, err = tt.column.AppendKeyLiteral([]byte("("), raw)
		if err != nil || string(got) != "("+want {
			t.Errorf("%s: key %q, %v; want %q", tt.name, got, err, want)
		}
		if n, err := tt.column.Size(append(bytes.Clone(raw), 0xff, 0xff)); err != nil || n != len(raw) {
			t.Errorf("%s: size %d, %v; want %d", tt.name, n, err, len(raw))
		}
		for n := range raw {
			if _, err := tt.column.Size(raw[:n]); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: the first %d bytes have a size: %v", tt.name, n, err)
			}
		}
		if _, err := tt.column.AppendLiteral(nil, append(bytes.Clone(raw), 0)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: a byte too many: %v", tt.name, err)
		}
	}
}

func TestDamagedValues(t *testing.T) {
	for _, tt := range []struct {
		name   string
		column Column
		image  string
	}{
		{"DECIMAL with a digit group of ten digits", Column{Type: TypeNewDecimal, Meta: 0x0009}, "ffffffff"},
		{"DECIMAL(0,0)", Column{Type: TypeNewDecimal}, ""},
		{"DECIMAL(2,3)", Column{Type: TypeNewDecimal, Meta: 0x0302}, "8000"},
		{"DATE in month 13", Column{Type: TypeDate}, "bf4d0f"},
		{"DATETIME2 below zero", Column{Type: TypeDatetime2}, "0000000000"},
		{"DATETIME2 at hour 31", Column{Type: TypeDatetime2}, "80000 1f000"},
		{"fraction of three bytes over 999999", Column{Type: TypeTimestamp2, Meta: 6}, "00000001ffffff"},
		{"last digit where there is none", Column{Type: TypeTimestamp2, Meta: 1}, "0000000101"},
		{"TIME beyond 838 hours", Column{Type: TypeTime2}, "ffffff"},
		{"old TIME with minute 99", Column{Type: TypeTime}, "a32600"},
		{"seven digits of a second", Column{Type: TypeTime2, Meta: 7}, "80000000000000"},
		{"BIT of 65 bits", Column{Type: TypeBit, Meta: 0x0901}, "00000000000000000000"},
		{"ENUM of three bytes", Column{Type: TypeString, Meta: 0x03f7}, "000000"},
		{"STRING of another type", Column{Type: TypeString, Meta: 0x03f0}, "000000"},
		{"BLOB with nine length bytes", Column{Type: TypeBlob, Meta: 9}, "000000000000000000"},
		{"compressed with a length of 0 bytes", Column{Type: TypeBlobCompressed, Meta: 2}, "020080 00"},
		{"compressed with a false length", Column{Type: TypeBlobCompressed, Meta: 2}, "0c008405f5e100789c030000000001"},
	} {
		raw := unhex(t, tt.image)
		if lit, err := tt.column.AppendLiteral(nil, raw); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %q, %v", tt.name, lit, err)
		}
	}
	for _, tt := range []Column{{Type: TypeDecimal}, {Type: 20}, {Type: 200}} {
		if _, err := tt.Size(make([]byte, 100)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("type %d: %v", tt.Type, err)
		}
	}
	if _, err := appendDouble(nil, math.NaN()); !errors.Is(err, ErrUnsupported) {
		t.Errorf("NaN: %v", err)
	}
}

// TestInflate checks what the servers are not asked: that a value claiming gigabytes is refused for what it
// is, and that both forms of the stream are read.
func TestInflate(t *testing.T) {
	text := bytes.Repeat([]byte("lifeboat "), 1000)
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(text)
	w.Close()
	header := []byte{0x82, byte(len(text) >> 8), byte(len(text))}
	if got, err := inflate(append(header, z.Bytes()...)); err != nil || !bytes.Equal(got, text) {
		t.Errorf("zlib: %d bytes, %v", len(got), err)
	}
	bare := z.Bytes()[2:]
	header[0] |= 8
	if got, err := inflate(append(header, bare...)); err != nil || !bytes.Equal(got, text) {
		t.Errorf("bare deflate: %d bytes, %v", len(got), err)
	}
	if _, err := inflate(append([]byte{0x84, 0xff, 0xff, 0xff, 0xff}, z.Bytes()...)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a false length: %v", err)
	}
	if _, err := inflate([]byte{0x10, 1}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("another method: %v", err)
	}
}

// TestUnixMoment compares with the standard library on the edges of days, months and leap years.
func TestUnixMoment(t *testing.T) {
	check := func(s uint32) {
		m := unixMoment(s)
		got := string(m.appendDatetime(nil, 0))
		if want := time.Unix(int64(s), 0).UTC().Format(time.DateTime); got != want {
			t.Fatalf("%d: %s, want %s", s, got, want)
		}
	}
	for day := uint32(1); day < math.MaxUint32/86400; day++ {
		check(day * 86400)
		check(day*86400 - 1)
	}
	check(math.MaxUint32)
}

func TestCompare(t *testing.T) {
	random := rand.New(rand.NewSource(2))
	signed, unsigned := Column{Type: TypeLongLong}, Column{Type: TypeLongLong, Unsigned: true}
	double := Column{Type: TypeDouble, Meta: 8}
	for range 10000 {
		a, b := random.Uint64()>>random.Intn(64), random.Uint64()>>random.Intn(64)
		x, y := binary.LittleEndian.AppendUint64(nil, a), binary.LittleEndian.AppendUint64(nil, b)
		if got, want := signed.Compare(x, y) < 0, int64(a) < int64(b); got != want {
			t.Fatalf("%d before %d: %v", int64(a), int64(b), got)
		}
		if got, want := unsigned.Compare(x, y) < 0, a < b; got != want {
			t.Fatalf("%d before %d: %v", a, b, got)
		}
		f, g := math.Float64frombits(a), math.Float64frombits(b)
		if got, want := double.Compare(x, y) < 0, f < g; got != want && f == f && g == g {
			t.Fatalf("%g before %g: %v", f, g, got)
		}
	}
	for _, tt := range []struct {
		name   string
		column Column
		order  []string
	}{
		{"INT", Column{Type: TypeLong}, []string{"00000080", "ffffffff", "00000000", "01000000", "00010000"}},
		{"MEDIUMINT", Column{Type: TypeInt24}, []string{"000080", "ffffff", "000000", "ffff7f"}},
		{"DECIMAL(4,1)", Column{Type: TypeNewDecimal, Meta: 0x0104}, []string{"7c18f6", "7fffff", "800000", "800009", "83e709"}},
		{"TIME", Column{Type: TypeTime}, []string{"3fd780", "ffffff", "000000", "010000", "c12800"}},
		{"TIME2(2)", Column{Type: TypeTime2, Meta: 2}, []string{"4b0fc400", "7fffffec", "80000000", "80000014"}},
		{"DATE", Column{Type: TypeDate}, []string{"000000", "21d00f", "5fd40f"}},
		{"VARCHAR", Column{Type: TypeVarchar, Meta: 20}, []string{"00", "0161", "026161", "0162"}},
		{"ENUM", Column{Type: TypeString, Meta: 0x02f7}, []string{"0000", "0100", "ff00", "0001"}},
	} {
		for i := range tt.order {
			for j := range tt.order {
				a, b := unhex(t, tt.order[i]), unhex(t, tt.order[j])
				if got := tt.column.Compare(a, b); got < 0 != (i < j) || got > 0 != (i > j) {
					t.Errorf("%s: %x with %x: %d", tt.name, a, b, got)
				}
			}
			if tt.column.Compare(nil, unhex(t, tt.order[i])) >= 0 {
				t.Errorf("%s: NULL is not first", tt.name)
			}
		}
	}
}

func BenchmarkAppendLiteral(b *testing.B) {
	text := append([]byte{100}, bytes.Repeat([]byte("it's text\n"), 10)...)
	plain := append([]byte{100}, bytes.Repeat([]byte("plain text"), 10)...)
	doc := smallObject(b)
	for _, bb := range []struct {
		name   string
		column Column
		raw    []byte
	}{
		{"INT", Column{Type: TypeLong}, unhex(b, "15cd5b07")},
		{"BIGINT", Column{Type: TypeLongLong}, unhex(b, "15cd5b0715cd5b07")},
		{"VARCHAR", Column{Type: TypeVarchar, Meta: 200, Charset: "utf8mb4"}, plain},
		{"VARCHAR_escapes", Column{Type: TypeVarchar, Meta: 200, Charset: "utf8mb4"}, text},
		{"DECIMAL", Column{Type: TypeNewDecimal, Meta: 0x020a}, unhex(b, "80000001 1e")},
		{"DATETIME6", Column{Type: TypeDatetime2, Meta: 6}, unhex(b, "99b6c25000 01e240")},
		{"TIMESTAMP", Column{Type: TypeTimestamp2}, unhex(b, "65b6c250")},
		{"DOUBLE", Column{Type: TypeDouble, Meta: 8}, unhex(b, "9a9999999999b93f")},
		{"JSON", Column{Type: TypeJSON, Meta: 4}, doc},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bb.raw)))
			dst := make([]byte, 0, 4096)
			for b.Loop() {
				out, err := bb.column.AppendLiteral(dst, bb.raw)
				if err != nil || len(out) == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}

// smallObject is the image of {"a": 1, "b": [true, "x"]}.
func smallObject(t testing.TB) []byte {
	return unhex(t, "21000000 00 0200 2000 1200 0100 1300 0100 05 0100 02 1400 61 62 0200 0c00 04 0100 0c 0a00 01 78")
}
