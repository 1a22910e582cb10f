package value

import (
	"encoding/binary"
	"fmt"
)

// The temporal forms are those of the servers' my_time.c (…_to_packed, my_…_packed_to_binary). TypeDate
// and the types before 5.6.4 have the low byte first, the later ones the high byte first, so that they order as bytes.

// moment is a date with a time of day, as its digits are stored: zero and impossible dates included.
type moment struct {
	year, month, day, hour, minute, second uint32
	micro                                  uint32
}

// packedMoment undoes the bit fields that DATETIME2 and JSON share: year*13+month, day, hour, minute, second.
func packedMoment(n uint64) moment {
	ym := uint32(n >> 22)
	return moment{
		year: ym / 13, month: ym % 13, day: uint32(n>>17) & 31,
		hour: uint32(n>>12) & 31, minute: uint32(n>>6) & 63, second: uint32(n) & 63,
	}
}

func (m *moment) valid() bool {
	return m.year <= 9999 && m.month <= 12 && m.day <= 31 && m.hour <= 23 && m.minute <= 59 && m.second <= 59 && m.micro <= 999999
}

func (m *moment) appendDate(dst []byte) []byte {
	dst = appendPadded(dst, m.year, 4)
	dst = append(dst, '-')
	dst = appendPadded(dst, m.month, 2)
	dst = append(dst, '-')
	return appendPadded(dst, m.day, 2)
}

func (m *moment) appendDatetime(dst []byte, digits int) []byte {
	dst = m.appendDate(dst)
	dst = append(dst, ' ')
	return m.appendClock(dst, digits)
}

// appendClock appends hour, minute, second and the given number of digits of the fraction.
func (m *moment) appendClock(dst []byte, digits int) []byte {
	dst = appendPadded(dst, m.hour, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, m.minute, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, m.second, 2)
	if digits == 0 {
		return dst
	}
	dst = append(dst, '.')
	dst = appendPadded(dst, m.micro, 6)
	return dst[:len(dst)-6+digits]
}

// appendPadded appends n with leading zeros to the given width, and wider where n is.
func appendPadded(dst []byte, n uint32, width int) []byte {
	var buf [10]byte
	at := len(buf)
	for n > 0 || len(buf)-at < width {
		at--
		buf[at] = '0' + byte(n%10)
		n /= 10
	}
	return append(dst, buf[at:]...)
}

// micros turns a stored fraction into microseconds. Two digits are stored for each byte, so an odd
// number of digits leaves a zero, and anything else would be lost in the text.
func micros(n uint64, digits int) (uint32, error) {
	stored := 2 * fraction(uint16(digits))
	limit := uint64(1)
	for range stored {
		limit *= 10
	}
	if n >= limit || digits%2 == 1 && n%10 != 0 {
		return 0, fmt.Errorf("%d as the %d digits of a second: %w", n, digits, ErrCorrupt)
	}
	for ; stored < 6; stored++ {
		n *= 10
	}
	return uint32(n), nil
}

// appendTemporal appends a temporal value in quotes. A TIMESTAMP is given in UTC.
func (c *Column) appendTemporal(dst, b []byte) ([]byte, error) {
	switch c.Type {
	case TypeTime:
		return appendOldTime(dst, b)
	case TypeTime2:
		return appendTime2(dst, b, int(c.Meta))
	}
	m, digits, err := c.moment(b)
	if err != nil {
		return dst, err
	}
	if !m.valid() {
		return dst, fmt.Errorf("%s with the bytes %x: %w", c, b, ErrCorrupt)
	}
	dst = append(dst, '\'')
	if c.Type == TypeDate || c.Type == TypeNewDate {
		dst = m.appendDate(dst)
	} else {
		dst = m.appendDatetime(dst, digits)
	}
	return append(dst, '\''), nil
}

func (c *Column) moment(b []byte) (m moment, digits int, err error) {
	switch c.Type {
	case TypeDate, TypeNewDate:
		n := uint32(littleEndian(b))
		return moment{year: n >> 9, month: n >> 5 & 15, day: n & 31}, 0, nil
	case TypeTimestamp:
		return unixMoment(binary.LittleEndian.Uint32(b)), 0, nil
	case TypeDatetime:
		n := binary.LittleEndian.Uint64(b)
		date, clock := n/1e6, uint32(n%1e6)
		if date > 99991231 {
			return m, 0, fmt.Errorf("DATETIME %d: %w", n, ErrCorrupt)
		}
		d := uint32(date)
		return moment{year: d / 1e4, month: d / 100 % 100, day: d % 100,
			hour: clock / 1e4, minute: clock / 100 % 100, second: clock % 100}, 0, nil
	}
	digits = int(c.Meta)
	if c.Type == TypeTimestamp2 {
		m = unixMoment(binary.BigEndian.Uint32(b))
		m.micro, err = micros(bigEndian(b[4:]), digits)
		return m, digits, err
	}
	n := bigEndian(b[:5])
	if n < 1<<39 {
		return m, 0, fmt.Errorf("DATETIME below zero: %w", ErrCorrupt)
	}
	m = packedMoment(n - 1<<39)
	m.micro, err = micros(bigEndian(b[5:]), digits)
	return m, digits, err
}

// unixMoment is UTC's date and time at the given seconds since 1970, with 0 for the zero date, as the
// servers store it. The date is counted in eras of 400 years that begin on the first of March.
func unixMoment(seconds uint32) moment {
	if seconds == 0 {
		return moment{}
	}
	const daysTo1970 = 719468 // from 0000-03-01
	day, clock := seconds/86400+daysTo1970, seconds%86400
	era := day / 146097
	dayOfEra := day % 146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153 // months since March
	m := moment{
		year: era*400 + yearOfEra, month: shifted + 3, day: dayOfYear - (153*shifted+2)/5 + 1,
		hour: clock / 3600, minute: clock / 60 % 60, second: clock % 60,
	}
	if m.month > 12 {
		m.month -= 12
		m.year++
	}
	return m
}

func appendOldTime(dst, b []byte) ([]byte, error) {
	n := int32(uint32(littleEndian(b))<<8) >> 8
	negative := n < 0
	if negative {
		n = -n
	}
	u := uint32(n)
	return appendSignedClock(dst, moment{hour: u / 1e4, minute: u / 100 % 100, second: u % 100}, negative, 0)
}

// appendTime2 reads the whole value as one number offset by half its range: negative values count
// down from there, fraction included.
func appendTime2(dst, b []byte, digits int) ([]byte, error) {
	bits := 8 * fraction(uint16(digits))
	n := int64(bigEndian(b)) - 0x800000<<bits
	negative := n < 0
	if negative {
		n = -n
	}
	whole := uint32(n >> bits)
	m := moment{hour: whole >> 12, minute: whole >> 6 & 63, second: whole & 63}
	micro, err := micros(uint64(n)&(1<<bits-1), digits)
	if err != nil {
		return dst, err
	}
	m.micro = micro
	return appendSignedClock(dst, m, negative, digits)
}

func appendSignedClock(dst []byte, m moment, negative bool, digits int) ([]byte, error) {
	if m.hour > 838 || m.minute > 59 || m.second > 59 {
		return dst, fmt.Errorf("TIME %d:%d:%d: %w", m.hour, m.minute, m.second, ErrCorrupt)
	}
	dst = append(dst, '\'')
	if negative {
		dst = append(dst, '-')
	}
	dst = m.appendClock(dst, digits)
	return append(dst, '\''), nil
}
