package value

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// double appends a double as text where any parser reads that text exactly, else as an SQL value: the
// server's JSON parser may be off in the last place for long or large numbers, its SQL parser is not.
func (w *jsonWriter) double(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return corruptJSON("a number that is none")
	}
	if text, ok := plainDouble(w.dst, f); ok {
		w.dst = text
		return nil
	}
	w.instead(func(dst []byte) []byte { return strconv.AppendFloat(dst, f, 'e', -1, 64) })
	return nil
}

// plainDouble appends f in digits with a point or an exponent. It holds for numbers of at most 15
// digits times a power of ten of at most 10^22: both are exact as doubles, so that one multiplication or division
// rounds once.
func plainDouble(dst []byte, f float64) ([]byte, bool) {
	const exactDigits, exactPower = 15, 22
	start := len(dst)
	out := strconv.AppendFloat(dst, f, 'e', -1, 64)
	digits, e := 0, start
	for ; out[e] != 'e'; e++ {
		if out[e] >= '0' && out[e] <= '9' {
			digits++
		}
	}
	exponent, err := strconv.Atoi(string(out[e+1:]))
	if err != nil || digits > exactDigits || exponent-digits+1 > exactPower || exponent-digits+1 < -exactPower {
		return dst, false
	}
	if exponent < -5 || exponent >= exactDigits {
		return out, true
	}
	out = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if exponent-digits+1 >= 0 {
		out = append(out, ".0"...) // or it would be read as an integer
	}
	return out, true
}

// opaque appends a value of a type that JSON itself lacks: a type byte, then the value as a string.
func (w *jsonWriter) opaque(b []byte) error {
	if len(b) == 0 {
		return corruptJSON("an opaque value is cut short")
	}
	typ := b[0]
	data, err := jsonBytes(b[1:])
	if err != nil {
		return err
	}
	if err := w.spend(len(data)); err != nil {
		return err
	}
	var expr []byte
	switch typ {
	case TypeNewDecimal:
		expr, err = opaqueDecimal(data)
	case TypeDate, TypeTime, TypeDatetime, TypeTimestamp:
		if len(data) != 8 {
			return corruptJSON(fmt.Sprintf("a date or time of %d bytes", len(data)))
		}
		expr, err = opaqueTemporal(typ, int64(binary.LittleEndian.Uint64(data)))
	default:
		return fmt.Errorf("JSON with a value of the SQL type %d inside: %w", typ, ErrUnsupported)
	}
	if err != nil {
		return err
	}
	w.instead(func(dst []byte) []byte { return append(dst, expr...) })
	return nil
}

func opaqueDecimal(b []byte) ([]byte, error) {
	if len(b) < 2 {
		return nil, corruptJSON("a DECIMAL is cut short")
	}
	precision, scale := int(b[0]), int(b[1])
	size, err := decimalSize(precision, scale)
	if err != nil || size != len(b)-2 {
		return nil, corruptJSON(fmt.Sprintf("DECIMAL(%d,%d) in %d bytes", precision, scale, len(b)-2))
	}
	expr, err := appendDecimal([]byte("CAST("), b[2:], precision, scale)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(expr, " AS DECIMAL(%d,%d))", precision, scale), nil
}

// opaqueTemporal reads the form of TIME_to_longlong_packed: the bit fields of DATETIME2 or TIME2 above
// 24 bits of microseconds.
func opaqueTemporal(typ byte, n int64) ([]byte, error) {
	negative := n < 0
	if negative {
		n = -n
	}
	whole := uint64(n) >> 24
	m := packedMoment(whole)
	if typ == TypeTime {
		m = moment{hour: uint32(whole >> 12), minute: uint32(whole>>6) & 63, second: uint32(whole) & 63}
	}
	m.micro = uint32(n & 0xffffff)
	if m.micro > 999999 || typ != TypeTime && (negative || !m.valid()) {
		return nil, corruptJSON(fmt.Sprintf("%d as a date or time", n))
	}
	expr := []byte("CAST(")
	switch typ {
	case TypeTime:
		expr, err := appendSignedClock(expr, m, negative, 6)
		return append(expr, " AS TIME(6))"...), err
	case TypeDate:
		expr = append(m.appendDate(append(expr, '\'')), "' AS DATE)"...)
	case TypeDatetime:
		expr = append(m.appendDatetime(append(expr, '\''), 6), "' AS DATETIME(6))"...)
	default:
		return nil, fmt.Errorf("JSON with a TIMESTAMP inside: %w", ErrUnsupported)
	}
	return expr, nil
}
