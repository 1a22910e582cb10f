package value

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// The types of MySQL's binary JSON (sql-common/json_binary.h, which describes the format).
const (
	jsonSmallObject = 0x00
	jsonLargeObject = 0x01
	jsonSmallArray  = 0x02
	jsonLargeArray  = 0x03
	jsonLiteral     = 0x04
	jsonInt16       = 0x05
	jsonUint16      = 0x06
	jsonInt32       = 0x07
	jsonUint32      = 0x08
	jsonInt64       = 0x09
	jsonUint64      = 0x0a
	jsonDouble      = 0x0b
	jsonString      = 0x0c
	jsonOpaque      = 0x0f
)

// maxJSONDepth is the servers' own limit on how deep arrays and objects nest.
const maxJSONDepth = 100

// maxPatch bounds the expressions beside a document: the servers take no statement over 1 GiB.
const maxPatch = 1 << 30

// AppendJSONLiteral appends an SQL expression that the server turns into the same binary JSON as raw
// (without its length bytes), its numbers' types and its DECIMAL, DATE, TIME and DATETIME values included.
//
// Text of the utf8mb4 character set does for most documents. What text cannot carry is put in afterwards:
//
//	JSON_REPLACE(CAST(_utf8mb4'{"at": null}' AS JSON),_utf8mb4'$."at"',CAST('2026-01-02' AS DATE))
//
// An empty raw is what the server makes of a missing value: the JSON null.
func AppendJSONLiteral(dst, raw []byte) ([]byte, error) {
	var w jsonWriter
	if err := w.render(dst, raw); err != nil {
		return dst, err
	}
	return w.finish(len(dst), false), nil
}

// appendJSONMatch compares as JSON, which tells dates from text, and as text, which tells 1 from 1.0.
func appendJSONMatch(dst []byte, quotedName string, raw []byte) ([]byte, error) {
	dst = append(dst, quotedName...)
	dst = append(dst, " <=> "...)
	var w jsonWriter
	if err := w.render(dst, raw); err != nil {
		return dst, err
	}
	start := len(dst)
	dst = w.finish(start, true)
	end := len(dst)
	dst = append(dst, " AND CAST("...)
	dst = append(dst, quotedName...)
	dst = append(dst, " AS CHAR) <=> CAST("...)
	dst = append(dst, dst[start:end]...)
	return append(dst, " AS CHAR)"...), nil
}

// jsonWriter writes a document as text inside an SQL string, and beside it the expressions for the
// values that text would change.
type jsonWriter struct {
	dst    []byte // the SQL string so far
	patch  []byte // the pairs of path and value, each after a comma
	legs   [maxJSONDepth]jsonLeg
	depth  int
	budget int // bytes of the document not yet accounted for; see spend
}

// jsonLeg is one step of a path: a member's key, or an element's number where key is nil.
type jsonLeg struct {
	key   []byte
	index int
}

func (w *jsonWriter) render(dst, raw []byte) error {
	w.dst, w.budget = append(dst, "_utf8mb4'"...), 2*len(raw)+16
	if len(raw) == 0 {
		w.dst = append(w.dst, "null"...)
	} else if err := w.value(raw[0], raw[1:]); err != nil {
		return err
	}
	w.dst = append(w.dst, '\'')
	return nil
}

// finish wraps the text, which begins at start, in what its patches need, and makes it a JSON value
// rather than text where asked to.
func (w *jsonWriter) finish(start int, asJSON bool) []byte {
	const replace, cast = "JSON_REPLACE(CAST(", "CAST("
	switch {
	case w.patch != nil:
		w.dst = slices.Insert(w.dst, start, []byte(replace)...)
		w.dst = append(w.dst, " AS JSON)"...)
		w.dst = append(w.dst, w.patch...)
		w.dst = append(w.dst, ')')
	case asJSON:
		w.dst = slices.Insert(w.dst, start, []byte(cast)...)
		w.dst = append(w.dst, " AS JSON)"...)
	}
	return w.dst
}

// spend accounts for n bytes of the document. In a sound document no byte belongs to two values, so
// one that runs out of bytes has offsets that overlap or go round in circles.
func (w *jsonWriter) spend(n int) error {
	w.budget -= n
	if w.budget < 0 {
		return corruptJSON("values overlap")
	}
	return nil
}

func corruptJSON(what string) error { return fmt.Errorf("JSON: %s: %w", what, ErrCorrupt) }

// value appends the value of type typ at the start of b.
func (w *jsonWriter) value(typ byte, b []byte) error {
	if err := w.spend(1); err != nil {
		return err
	}
	switch typ {
	case jsonSmallObject, jsonLargeObject, jsonSmallArray, jsonLargeArray:
		return w.container(typ, b)
	case jsonString:
		s, err := jsonBytes(b)
		if err != nil {
			return err
		}
		if err := w.spend(len(s)); err != nil {
			return err
		}
		w.dst = appendJSONString(w.dst, s)
		return nil
	case jsonOpaque:
		return w.opaque(b)
	}
	return w.scalar(typ, b)
}

func (w *jsonWriter) scalar(typ byte, b []byte) error {
	size, ok := jsonScalarSize(typ)
	if !ok {
		return corruptJSON(fmt.Sprintf("unknown type %#02x", typ))
	}
	if len(b) < size {
		return corruptJSON("a number is cut short")
	}
	n := littleEndian(b[:size])
	switch typ {
	case jsonLiteral:
		if n > 2 {
			return corruptJSON(fmt.Sprintf("unknown literal %d", n))
		}
		w.dst = append(w.dst, [...]string{"null", "true", "false"}[n]...)
	case jsonInt16:
		return w.integer(int64(int16(n)))
	case jsonInt32:
		return w.integer(int64(int32(n)))
	case jsonInt64:
		return w.integer(int64(n))
	case jsonUint16, jsonUint32, jsonUint64:
		return w.unsigned(n)
	case jsonDouble:
		return w.double(math.Float64frombits(n))
	}
	return nil
}

func jsonScalarSize(typ byte) (int, bool) {
	switch typ {
	case jsonLiteral:
		return 1, true
	case jsonInt16, jsonUint16:
		return 2, true
	case jsonInt32, jsonUint32:
		return 4, true
	case jsonInt64, jsonUint64, jsonDouble:
		return 8, true
	}
	return 0, false
}

// The server's parser makes integers of up to 32 bits signed and larger ones unsigned, so a signed
// number beyond 32 bits, and an unsigned one within, need an SQL value of that type.

func (w *jsonWriter) integer(n int64) error {
	if n <= math.MaxUint32 {
		w.dst = strconv.AppendInt(w.dst, n, 10)
		return nil
	}
	if err := w.instead(); err != nil {
		return err
	}
	w.patch = strconv.AppendInt(w.patch, n, 10)
	return nil
}

func (w *jsonWriter) unsigned(n uint64) error {
	if n > math.MaxUint32 {
		w.dst = strconv.AppendUint(w.dst, n, 10)
		return nil
	}
	if err := w.instead(); err != nil {
		return err
	}
	w.patch = append(w.patch, "CAST("...)
	w.patch = strconv.AppendUint(w.patch, n, 10)
	w.patch = append(w.patch, " AS UNSIGNED)"...)
	return nil
}

// instead puts a null in the text and its path in the patch. The caller appends the SQL value that
// replaces it.
func (w *jsonWriter) instead() error {
	if len(w.patch) > maxPatch {
		return fmt.Errorf("JSON with so many values that text does not carry that no statement can hold them: %w", ErrUnsupported)
	}
	w.dst = append(w.dst, "null"...)
	w.patch = append(w.patch, ",_utf8mb4'$"...)
	for i := range w.legs[:w.depth] {
		if l := &w.legs[i]; l.key != nil {
			w.patch = append(w.patch, '.')
			w.patch = appendJSONString(w.patch, l.key)
		} else {
			w.patch = append(w.patch, '[')
			w.patch = strconv.AppendInt(w.patch, int64(l.index), 10)
			w.patch = append(w.patch, ']')
		}
	}
	w.patch = append(w.patch, "',"...)
	return nil
}

// container appends an array or object: a count and a size, for objects each key's offset and
// length, then for each value its type and its offset or, where it is short, the value itself; offsets and sizes
// are of two bytes in small ones and of four in large ones.
func (w *jsonWriter) container(typ byte, b []byte) error {
	isObject := typ == jsonSmallObject || typ == jsonLargeObject
	width := 2
	if typ == jsonLargeObject || typ == jsonLargeArray {
		width = 4
	}
	if w.depth == maxJSONDepth {
		return corruptJSON(fmt.Sprintf("nested over %d deep", maxJSONDepth))
	}
	if len(b) < 2*width {
		return corruptJSON("a container is cut short")
	}
	count, size := int(littleEndian(b[:width])), int(littleEndian(b[width:2*width]))
	keys := 0
	if isObject {
		keys = count * (width + 2)
	}
	values := 2*width + keys
	if size > len(b) || values+count*(1+width) > size {
		return corruptJSON(fmt.Sprintf("a container of %d values in %d bytes", count, size))
	}
	b = b[:size]
	open, end := byte('['), byte(']')
	if isObject {
		open, end = '{', '}'
	}
	w.dst = append(w.dst, open)
	w.depth++
	leg := &w.legs[w.depth-1]
	for i := range count {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		*leg = jsonLeg{index: i}
		if isObject {
			key, err := w.key(b, 2*width+i*(width+2), width)
			if err != nil {
				return err
			}
			leg.key = key
			w.dst = appendJSONString(w.dst, key)
			w.dst = append(w.dst, ':')
		}
		if err := w.entry(b, values+i*(1+width), width); err != nil {
			return err
		}
	}
	w.depth--
	w.dst = append(w.dst, end)
	return nil
}

func (w *jsonWriter) key(b []byte, at, width int) ([]byte, error) {
	offset := int(littleEndian(b[at : at+width]))
	length := int(binary.LittleEndian.Uint16(b[at+width:]))
	if offset > len(b) || length > len(b)-offset {
		return nil, corruptJSON("a key lies outside its object")
	}
	return b[offset : offset+length : offset+length], w.spend(length)
}

func (w *jsonWriter) entry(b []byte, at, width int) error {
	typ := b[at]
	if size, ok := jsonScalarSize(typ); ok && size <= width {
		return w.value(typ, b[at+1:at+1+width])
	}
	offset := int(littleEndian(b[at+1 : at+1+width]))
	if offset > len(b) {
		return corruptJSON("a value lies outside its container")
	}
	return w.value(typ, b[offset:])
}

// jsonBytes reads the bytes behind a length in groups of seven bits, the low group first, each but the
// last with the high bit set.
func jsonBytes(b []byte) ([]byte, error) {
	length := uint64(0)
	for i := 0; i < 5 && i < len(b); i++ {
		length |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			if length > uint64(len(b)-i-1) {
				return nil, corruptJSON("a string is cut short")
			}
			return b[i+1 : i+1+int(length)], nil
		}
	}
	return nil, corruptJSON("a string's length does not end")
}

// appendJSONString appends s as a JSON string for inside an SQL string: JSON's backslashes are doubled.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, b := range s {
		if b > '\'' && b != '\\' || b == ' ' {
			continue
		}
		var short string
		switch {
		case b == '"':
			short = `\\"`
		case b == '\\':
			short = `\\\\`
		case b == '\'':
			short = `\'`
		case b == '\n':
			short = `\\n`
		case b == '\r':
			short = `\\r`
		case b == '\t':
			short = `\\t`
		case b >= ' ':
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if short != "" {
			dst = append(dst, short...)
			continue
		}
		const hex = "0123456789abcdef"
		dst = append(dst, `\\u00`...)
		dst = append(dst, hex[b>>4], hex[b&15])
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}
