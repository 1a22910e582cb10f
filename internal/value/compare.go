package value

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Comparison gives the values of one column of a table one form wherever they come from: a row image, the text of a dump, or a server's answer
// to Query. Equal values have equal forms and different ones different forms, but for what servers and dump tools themselves do
// not keep apart: the two zeros of FLOAT and DOUBLE, and how a JSON value writes a number or orders its members. A form can be read by people.
// What has no form is ErrUnsupported. It is not safe for concurrent use.
type Comparison struct {
	kind     comparedAs
	scale    int // digits behind the point, or of a second
	dataType string
	charset  string
	members  []string
	// Evaluate asks a server for the text of an SQL expression, in UTF-8. It is asked for what is written in another character set and is not
	// ASCII, and for JSON values that hold what text cannot carry. Where it is nil those have no form.
	Evaluate func(expression []byte) ([]byte, error)
	spare    []byte
}

type comparedAs uint8

const (
	asNumber comparedAs = iota
	asFloat
	asDouble
	asBit
	asMoment
	asBytes
	asPadded // BINARY
	asText
	asChar
	asEnum
	asSet
	asJSON
	asAddress
)

// NewComparison is for a column of a server: dataType is its DATA_TYPE, fullType its COLUMN_TYPE, members those of ENUM and SET
// in UTF-8.
func NewComparison(dataType, fullType, charset string, members []string) (*Comparison, error) {
	c := &Comparison{dataType: strings.ToLower(dataType), charset: charset, members: members}
	switch c.dataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "year":
		c.kind = asNumber
	case "decimal":
		c.kind, c.scale = asNumber, lastNumber(fullType)
	case "float":
		c.kind = asFloat
	case "double":
		c.kind = asDouble
	case "bit":
		c.kind = asBit
	case "date":
		c.kind = asMoment
	case "time", "datetime", "timestamp":
		c.kind, c.scale = asMoment, lastNumber(fullType)
	case "binary":
		c.kind = asPadded
	case "char":
		c.kind = asChar
	case "varchar", "tinytext", "text", "mediumtext", "longtext":
		c.kind = asText
	case "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
		"multipolygon", "geometrycollection", "geomcollection", "vector":
		c.kind = asBytes
	case "enum":
		c.kind = asEnum
	case "set":
		c.kind = asSet
	case "json":
		c.kind = asJSON
	case "uuid", "inet4", "inet6":
		c.kind = asAddress
	default:
		return nil, fmt.Errorf("type %s: %w", fullType, ErrUnsupported)
	}
	if c.charset == "binary" && (c.kind == asText || c.kind == asChar) {
		c.kind = asBytes
	}
	return c, nil
}

// lastNumber is the last number in a type's parentheses: the scale of decimal(10,2), the digits of time(6).
func lastNumber(fullType string) int {
	_, in, _ := strings.Cut(fullType, "(")
	in, _, _ = strings.Cut(in, ")")
	parts := strings.Split(in, ",")
	if len(parts) == 1 && strings.HasPrefix(strings.ToLower(fullType), "decimal") {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(parts[len(parts)-1]))
	if err != nil {
		return 0
	}
	return n
}

// Query is the SQL expression whose value AppendAnswer takes, in a session that gets bytes as they are stored and times in UTC.
func (c *Comparison) Query(quotedName string) string {
	if (c.kind == asText || c.kind == asChar) && !IsUTF8(c.charset) && c.charset != "ascii" && c.charset != "latin1" {
		return "CONVERT(" + quotedName + " USING utf8mb4)"
	}
	return Exactly(c.dataType, quotedName)
}

// Exactly is the SQL expression that gives all of a column's value: every digit of FLOAT and DOUBLE, and the numbers of BIT, ENUM and SET.
func Exactly(dataType, quotedName string) string {
	switch strings.ToLower(dataType) {
	case "float", "double":
		return quotedName + "*1e0"
	case "bit", "enum", "set":
		return "CAST(" + quotedName + " AS UNSIGNED)"
	}
	return quotedName
}

// Integer reports that the form is a whole number in digits.
func (c *Comparison) Integer() bool {
	return c.kind == asNumber && c.scale == 0 && c.dataType != "decimal"
}

// AppendAnswer appends the form of what the driver gives for Query, which must not be nil.
func (c *Comparison) AppendAnswer(dst []byte, v any) ([]byte, error) {
	var b []byte
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case float32:
		return c.appendFloat(dst, float64(v)), nil
	case float64:
		if c.kind == asFloat || c.kind == asDouble {
			return c.appendFloat(dst, v), nil
		}
		if v >= 0 && v < 1<<53 {
			return strconv.AppendUint(dst, uint64(v), 10), nil // the number of an ENUM or a SET
		}
		return dst, fmt.Errorf("a number of %s: %w", c.dataType, ErrUnsupported)
	case []byte:
		b = v
	case string:
		b = []byte(v)
	default:
		return dst, fmt.Errorf("an answer of type %T: %w", v, ErrUnsupported)
	}
	switch c.kind {
	case asText, asChar:
		if c.charset == "latin1" {
			return c.AppendText(dst, b, "latin1") // converted here: the server takes twice the time of reading the row for it
		}
		return c.AppendText(dst, b, "utf8mb4") // see Query
	case asBit, asEnum, asSet:
		return c.AppendNumber(dst, b)
	}
	return c.AppendText(dst, b, "binary")
}

// AppendImage appends the form of raw, the image bytes of a value of col.
func (c *Comparison) AppendImage(dst []byte, col *Column, raw []byte) ([]byte, error) {
	b, err := col.content(raw)
	if err != nil {
		return dst, err
	}
	switch typ, length := col.real(); typ {
	case TypeString:
		if col.isAddress() {
			b = append(bytes.Clone(b), make([]byte, max(0, length-len(b)))...)
			return c.appendAddress(dst, b)
		}
		return c.appendStored(dst, col, b)
	case TypeVarchar, TypeVarString, TypeTinyBlob, TypeMediumBlob, TypeLongBlob, TypeBlob, TypeGeometry, TypeVector:
		return c.appendStored(dst, col, b)
	case TypeBlobCompressed, TypeVarcharCompressed:
		if b, err = inflate(b); err != nil {
			return dst, err
		}
		return c.appendStored(dst, col, b)
	case TypeJSON:
		return c.appendImageJSON(dst, b)
	case TypeFloat, TypeDouble:
		return c.appendFloat(dst, float(b)), nil
	}
	if c.spare, err = col.appendScalar(c.spare[:0], b); err != nil {
		return dst, err
	}
	if text := c.spare; len(text) > 1 && text[0] == '\'' {
		return c.AppendText(dst, text[1:len(text)-1], "binary")
	}
	return c.AppendNumber(dst, c.spare)
}

// appendStored appends bytes as they lie in a column of an image.
func (c *Comparison) appendStored(dst []byte, col *Column, b []byte) ([]byte, error) {
	if !col.isText() {
		return c.AppendText(dst, b, "binary")
	}
	return c.AppendText(dst, b, col.Charset)
}

// AppendNumber appends the form of a number that is written without quotes, as in a dump.
func (c *Comparison) AppendNumber(dst, text []byte) ([]byte, error) {
	switch c.kind {
	case asFloat, asDouble, asNumber, asText, asChar:
		return c.AppendText(dst, text, "ascii")
	case asBit, asEnum, asSet:
		if isDigits(text) && len(text) > 0 {
			return appendWhole(dst, text), nil
		}
	}
	return dst, c.noForm(text)
}

// AppendText appends the form of a value's text, or of its bytes, in a character set; of "binary" are bytes as the column
// stores them.
func (c *Comparison) AppendText(dst, b []byte, charset string) ([]byte, error) {
	switch c.kind {
	case asNumber:
		return c.appendNumber(dst, b)
	case asFloat, asDouble:
		f, err := strconv.ParseFloat(string(b), 64)
		if err != nil {
			return dst, c.noForm(b)
		}
		if c.kind == asFloat {
			f = float64(float32(f))
		}
		return c.appendFloat(dst, f), nil
	case asBit:
		if len(b) > 8 {
			return dst, c.noForm(b)
		}
		return strconv.AppendUint(dst, bigEndian(b), 10), nil
	case asMoment:
		if !c.isMoment(b) {
			return dst, c.noForm(b)
		}
		return append(dst, b...), nil
	case asPadded:
		return append(dst, bytes.TrimRight(b, "\x00")...), nil
	case asChar:
		dst, err := c.appendUTF8(dst, b, charset)
		return bytes.TrimRight(dst, " "), err
	case asText:
		return c.appendUTF8(dst, b, charset)
	case asEnum, asSet:
		return c.appendMembers(dst, b, charset)
	case asJSON:
		return appendJSONForm(dst, b)
	case asAddress:
		return c.appendAddressText(dst, b)
	}
	return append(dst, b...), nil
}

func (c *Comparison) noForm(b []byte) error {
	if len(b) > 40 {
		b = b[:40]
	}
	return fmt.Errorf("%q for a column of type %s: %w", b, c.dataType, ErrUnsupported)
}

func (c *Comparison) appendFloat(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // either zero
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// appendWhole appends digits without leading zeros.
func appendWhole(dst, digits []byte) []byte {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	return append(dst, digits...)
}

// appendNumber appends a whole number or a DECIMAL, without zeros at either end. More digits than the column keeps would be rounded.
func (c *Comparison) appendNumber(dst, text []byte) ([]byte, error) {
	digits, negative := text, false
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		negative = digits[0] == '-'
		digits = digits[1:]
	}
	whole, fraction := digits, []byte(nil)
	if point := bytes.IndexByte(digits, '.'); point >= 0 {
		whole, fraction = digits[:point], bytes.TrimRight(digits[point+1:], "0")
	}
	if !isDigits(whole) || !isDigits(fraction) || len(digits) == 0 || len(fraction) > c.scale {
		return dst, c.noForm(text)
	}
	start := len(dst)
	if negative {
		dst = append(dst, '-')
	}
	if len(whole) == 0 {
		dst = append(dst, '0')
	} else {
		dst = appendWhole(dst, whole)
	}
	if len(fraction) > 0 {
		return append(append(dst, '.'), fraction...), nil
	}
	if negative && dst[start+1] == '0' {
		return append(dst[:start], '0'), nil
	}
	return dst, nil
}

// isMoment reports that text is written as servers write the type.
func (c *Comparison) isMoment(text []byte) bool {
	col := Column{Type: TypeDate}
	switch c.dataType {
	case "time":
		col = Column{Type: TypeTime2, Meta: uint16(c.scale)}
	case "datetime", "timestamp":
		col = Column{Type: TypeDatetime2, Meta: uint16(c.scale)}
	}
	return col.isMoment(text)
}

// appendUTF8 appends text as UTF-8.
func (c *Comparison) appendUTF8(dst, b []byte, charset string) ([]byte, error) {
	if charset == "binary" {
		charset = c.charset
	}
	switch charset {
	case "", "utf8mb4", "utf8mb3", "utf8":
		return append(dst, b...), nil
	case "latin1":
		if IsASCII(b) {
			return append(dst, b...), nil
		}
		for _, x := range b {
			dst = utf8.AppendRune(dst, latin1Letter(x))
		}
		return dst, nil
	}
	if sameBytes(b, charset, "utf8mb4") {
		return append(dst, b...), nil
	}
	return c.evaluate(dst, fmt.Appendf(nil, "CONVERT(_%s x'%x' USING utf8mb4)", charset, b))
}

func (c *Comparison) evaluate(dst, expression []byte) ([]byte, error) {
	if c.Evaluate == nil {
		return dst, fmt.Errorf("a value that only a server can tell: %w", ErrUnsupported)
	}
	text, err := c.Evaluate(expression)
	return append(dst, text...), err
}

// appendMembers appends the numbers of members that are written as text, as a dump writes them.
func (c *Comparison) appendMembers(dst, b []byte, charset string) ([]byte, error) {
	text, err := c.appendUTF8(nil, b, charset)
	if err != nil {
		return dst, err
	}
	if c.kind == asEnum {
		i := slices.Index(c.members, string(text))
		if i < 0 && len(text) > 0 {
			return dst, c.noForm(b)
		}
		return strconv.AppendInt(dst, int64(i+1), 10), nil // 0: the error value
	}
	var set uint64
	for len(text) > 0 {
		name, rest, _ := bytes.Cut(text, []byte(","))
		i := slices.Index(c.members, string(name))
		if i < 0 {
			return dst, c.noForm(b)
		}
		set |= 1 << i
		text = rest
	}
	return strconv.AppendUint(dst, set, 10), nil
}

func (c *Comparison) appendAddress(dst, b []byte) ([]byte, error) {
	if c.dataType == "uuid" {
		return hex.AppendEncode(dst, b), nil
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return dst, c.noForm(b)
	}
	return a.AppendTo(dst), nil
}

func (c *Comparison) appendAddressText(dst, b []byte) ([]byte, error) {
	if c.dataType == "uuid" {
		return append(dst, bytes.ToLower(bytes.ReplaceAll(b, []byte("-"), nil))...), nil
	}
	a, err := netip.ParseAddr(string(b))
	if err != nil {
		return dst, c.noForm(b)
	}
	return a.AppendTo(dst), nil
}

// appendImageJSON appends the form of binary JSON.
func (c *Comparison) appendImageJSON(dst, b []byte) ([]byte, error) {
	var w jsonWriter
	if err := w.render(nil, b); err != nil {
		return dst, err
	}
	if w.patch != nil {
		text, err := c.evaluate(nil, append(append([]byte("CAST("), w.finish(0, true)...), " AS CHAR CHARACTER SET utf8mb4)"...))
		if err != nil {
			return dst, err
		}
		return appendJSONForm(dst, text)
	}
	quoted := w.dst[len("_utf8mb4'") : len(w.dst)-1]
	text := make([]byte, 0, len(quoted))
	for i := 0; i < len(quoted); i++ {
		if quoted[i] == '\\' {
			i++
			if at := strings.IndexByte("0nrZ", quoted[i]); at >= 0 {
				text = append(text, "\x00\n\r\x1a"[at])
				continue
			}
		}
		text = append(text, quoted[i])
	}
	return appendJSONForm(dst, text)
}

// appendJSONForm appends a document without spaces, its members in order and its numbers in one form.
func appendJSONForm(dst, text []byte) ([]byte, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var v any
	if err := in.Decode(&v); err != nil {
		return dst, fmt.Errorf("JSON: %v: %w", err, ErrUnsupported)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plainNumbers(v)); err != nil {
		return dst, fmt.Errorf("JSON: %v: %w", err, ErrUnsupported)
	}
	return append(dst, bytes.TrimRight(out.Bytes(), "\n")...), nil
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") && !math.IsInf(f, 0) {
			return json.Number(strconv.FormatFloat(f+0, 'e', -1, 64))
		}
	}
	return v
}
