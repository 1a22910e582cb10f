package value

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// appendTemporalAnswer is the other way round of appendTemporal, without the quotes.
func (c *Column) appendTemporalAnswer(dst, text []byte) ([]byte, error) {
	size, err := c.size(nil)
	if err != nil {
		return dst, err
	}
	m, negative, ok := c.parseMoment(string(text))
	if !ok {
		return dst, c.noAnswer(text)
	}
	date := uint64(m.year)*10000 + uint64(m.month)*100 + uint64(m.day)
	clock := uint64(m.hour)*10000 + uint64(m.minute)*100 + uint64(m.second)
	packed := uint64(m.hour)<<12 | uint64(m.minute)<<6 | uint64(m.second)
	switch c.Type {
	case TypeDate, TypeNewDate:
		return appendSized(dst, uint64(m.year)<<9|uint64(m.month)<<5|uint64(m.day), size, binary.LittleEndian), nil
	case TypeDatetime:
		return appendSized(dst, date*1e6+clock, size, binary.LittleEndian), nil
	case TypeTimestamp:
		return appendSized(dst, m.unix(), size, binary.LittleEndian), nil
	case TypeTime:
		if negative {
			clock = -clock
		}
		return appendSized(dst, clock, size, binary.LittleEndian), nil
	}
	bits := 8 * fraction(c.Meta)
	micro := uint64(m.micro)
	for stored := 2 * fraction(c.Meta); stored < 6; stored++ {
		micro /= 10
	}
	switch c.Type {
	case TypeTimestamp2:
		packed = m.unix()
	case TypeDatetime2:
		packed |= (uint64(m.year)*13+uint64(m.month))<<22 | uint64(m.day)<<17 | 1<<39
	default: // TypeTime2
		packed = packed<<bits | micro
		if negative {
			packed = -packed
		}
		return appendSized(dst, packed+0x800000<<bits, size, binary.BigEndian), nil
	}
	return appendSized(dst, packed<<bits|micro, size, binary.BigEndian), nil
}

// parseMoment reads a date, a time of day with as many digits behind the second as the column has, or both.
func (c *Column) parseMoment(text string) (m moment, negative, ok bool) {
	day, clock := text, text
	dated, timed := true, true
	switch c.Type {
	case TypeDate, TypeNewDate:
		timed = false
	case TypeTime, TypeTime2:
		clock, negative = strings.CutPrefix(text, "-")
		dated = false
	default:
		if day, clock, ok = strings.Cut(text, " "); !ok {
			return m, false, false
		}
	}
	if dated && !numbers(day, "-", []int{4, 2, 2}, &m.year, &m.month, &m.day) {
		return m, false, false
	}
	if timed {
		whole, fraction, _ := strings.Cut(clock, ".")
		hours := 2
		if !dated && strings.IndexByte(whole, ':') == 3 { // TIME goes to 838 hours
			hours = 3
		}
		digits := 0
		switch c.Type {
		case TypeDatetime2, TypeTimestamp2, TypeTime2:
			digits = int(c.Meta)
		}
		if len(fraction) != digits || !numbers(whole, ":", []int{hours, 2, 2}, &m.hour, &m.minute, &m.second) {
			return m, false, false
		}
		if digits > 0 && !numbers(fraction+strings.Repeat("0", 6-digits), "", []int{6}, &m.micro) {
			return m, false, false
		}
	}
	if !dated {
		return m, negative, m.hour <= 838 && m.minute <= 59 && m.second <= 59
	}
	return m, false, m.valid()
}

// numbers reads numbers of so many digits each, with something between them.
func numbers(text, between string, digits []int, to ...*uint32) bool {
	for i, n := range digits {
		if i > 0 {
			var ok bool
			if text, ok = strings.CutPrefix(text, between); !ok {
				return false
			}
		}
		if len(text) < n {
			return false
		}
		v, err := strconv.ParseUint(text[:n], 10, 32)
		if err != nil {
			return false
		}
		*to[i], text = uint32(v), text[n:]
	}
	return text == ""
}

// unix is the other way round of unixMoment.
func (m *moment) unix() uint64 {
	if m.year == 0 {
		return 0
	}
	const daysTo1970 = 719468 // from 0000-03-01
	year, month := m.year, m.month
	if month < 3 {
		year, month = year-1, month+12
	}
	dayOfYear := (153*(month-3)+2)/5 + m.day - 1
	days := year*365 + year/4 - year/100 + year/400 + dayOfYear - daysTo1970
	return uint64(days)*86400 + uint64(m.hour)*3600 + uint64(m.minute)*60 + uint64(m.second)
}
