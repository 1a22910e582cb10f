package value

import (
	"fmt"
	"math"
	"strconv"
)

// integer reads an integer type's bytes, sign-extended unless the column is unsigned.
func (c *Column) integer(b []byte) int64 {
	n := littleEndian(b)
	if c.Unsigned || len(b) == 8 {
		return int64(n)
	}
	shift := 64 - 8*len(b)
	return int64(n<<shift) >> shift
}

func (c *Column) appendInteger(dst, b []byte) []byte {
	n := c.integer(b)
	if c.Unsigned {
		return strconv.AppendUint(dst, uint64(n), 10)
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendDouble appends f as a DOUBLE literal: the exponent makes it one, and the digits are the
// fewest that read back as f. A FLOAT is written as the double it widens to, since the server reads
// literals as doubles: rounding a shorter text twice could miss by one.
func appendDouble(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, fmt.Errorf("a floating-point value that is no number: %w", ErrUnsupported)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, 64), nil
}

func float(b []byte) float64 {
	if len(b) == 4 {
		return float64(math.Float32frombits(uint32(littleEndian(b))))
	}
	return math.Float64frombits(littleEndian(b))
}

// DECIMAL's form (decimal2bin of the servers' strings/decimal.c): nine digits in four bytes, the
// digits left over at either end in as few bytes as hold them, high byte first; the first bit is
// inverted, and for negative numbers all of them are, so that values order as bytes.
const (
	digitsPerGroup = 9
	bytesPerGroup  = 4
)

func digitBytes(digits int) int {
	left := digits % digitsPerGroup
	return digits/digitsPerGroup*bytesPerGroup + (left+1)/2
}

func (c *Column) decimalSize() (int, error) {
	return decimalSize(int(c.Meta&0xff), int(c.Meta>>8))
}

func decimalSize(precision, scale int) (int, error) {
	if precision == 0 || precision > 81 || scale > precision {
		return 0, fmt.Errorf("DECIMAL(%d,%d): %w", precision, scale, ErrCorrupt)
	}
	return digitBytes(precision-scale) + digitBytes(scale), nil
}

// appendDecimal appends a DECIMAL's digits without leading zeros.
func appendDecimal(dst, b []byte, precision, scale int) ([]byte, error) {
	start := len(dst)
	dst, err := appendDecimalDigits(dst, b, precision, scale)
	if err != nil {
		return dst, err
	}
	if dst[start] == '-' {
		start++
	}
	point := start + precision - scale
	zeros := start
	for zeros < point-1 && dst[zeros] == '0' {
		zeros++
	}
	if scale == 0 {
		dst = dst[:point]
	}
	return append(dst[:start], dst[zeros:]...), nil
}

// appendDecimalDigits appends precision-scale digits, a point, and scale digits.
func appendDecimalDigits(dst, b []byte, precision, scale int) ([]byte, error) {
	whole := precision - scale
	split := digitBytes(whole)
	d := decimalReader{b: b, flip: 0x80}
	if b[0]&0x80 == 0 {
		d.mask = 0xff
		dst = append(dst, '-')
	}
	dst = d.group(dst, whole%digitsPerGroup)
	for d.at < split {
		dst = d.group(dst, digitsPerGroup)
	}
	dst = append(dst, '.')
	for range scale / digitsPerGroup {
		dst = d.group(dst, digitsPerGroup)
	}
	dst = d.group(dst, scale%digitsPerGroup)
	if d.bad {
		return dst, fmt.Errorf("DECIMAL(%d,%d) with a group of digits out of range: %w", precision, scale, ErrCorrupt)
	}
	return dst, nil
}

type decimalReader struct {
	b          []byte
	at         int
	flip, mask byte
	bad        bool
}

// group appends the next group of at most nine digits, with leading zeros.
func (d *decimalReader) group(dst []byte, digits int) []byte {
	if digits == 0 {
		return dst
	}
	var n uint32
	for range digitBytes(digits) {
		n = n<<8 | uint32(d.b[d.at]^d.flip^d.mask)
		d.flip = 0
		d.at++
	}
	for range digits {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= len(dst)-digits; i-- {
		dst[i] += byte(n % 10)
		n /= 10
	}
	d.bad = d.bad || n != 0
	return dst
}
