package workload

import (
	"fmt"
	"strconv"
	"strings"
)

// Keys in use of the tables that stay small.
const (
	albums = 200
	photos = 2000
	trails = 200
)

// devices and readings are keys in use of tables that are as small as the others.
func (s *session) devices() int { return min(200, max(20, s.o.Rows/25)) }

func (s *session) readings() int { return 5 * s.devices() }

const (
	accountColumns  = "account (id, code, region, place, balance, ratio, rate, seen)"
	eventColumns    = "event_log (shard, name, day, at, noted, lasted, lap, built, state, flags, mask, wide)"
	documentColumns = "document (id, title, body, raw, doc)"
	legacyColumns   = "legacy (id, city, fixed, title, remark, pad, bytes, born)"
	tagColumns      = "tag (name, hits, note)"
	measureColumns  = "measure (day, probe, tiny, medium, amount, grade)"
	deviceColumns   = "device (id, code, model)"
	readingColumns  = "reading (id, device, code, v)"
	alarmColumns    = "alarm (level, day, reading)"
	customerColumns = "customer (id, name, city)"
	orderColumns    = "orders (customer, number, total, placed)"
	albumColumns    = "album (id, owner)"
	photoColumns    = "photo (id, album, caption)"
	trailColumns    = "trail (n, word, x, at)"
)

// key picks one of the numbers from 1 to n, the small ones more often.
func (s *session) key(n int) int {
	f := s.rand.Float64()
	return 1 + int(f*f*float64(n-1))
}

// or is a value, or one time in n NULL.
func (s *session) or(n int, value string) string {
	if s.oneIn(n) {
		return "NULL"
	}
	return value
}

func (s *session) pick(from ...string) string { return from[s.rand.IntN(len(from))] }

func (s *session) account(id int) string {
	return fmt.Sprintf("(%d,%s,%d,%s,%s,%s,%s,%s)", id, s.or(8, strconv.Itoa(s.code())), s.rand.IntN(3), s.or(4, quote(s.word()+strconv.Itoa(s.rand.IntN(s.o.Rows)))),
		s.decimal(13, 6), s.or(9, s.float()), s.or(9, s.double()), s.or(7, s.timestamp(3)))
}

// code is drawn from more numbers than there are rows, so that most insertions find one free.
func (s *session) code() int { return s.rand.IntN(s.o.Rows*4) - s.o.Rows }

func (s *session) eventKey() (shard int, name string) {
	n := s.key(s.o.Rows)
	return n%7 - 3, quote(words[n%len(words)] + strconv.Itoa(n))
}

func (s *session) event() string {
	shard, name := s.eventKey()
	return fmt.Sprintf("(%d,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)", shard, name, s.or(9, s.date()), s.or(9, s.datetime(6)), s.or(9, s.timestamp(3)),
		s.or(9, s.time(0)), s.or(9, s.time(2)), s.or(9, s.pick("0", "1901", "1999", "2024", "2155")), s.state(), s.or(9, strconv.Itoa(s.rand.IntN(1024))),
		s.or(9, strconv.Itoa(s.rand.IntN(1<<13))), s.or(9, s.pick("0", "1", "18446744073709551615", strconv.FormatUint(s.rand.Uint64(), 10))))
}

func (s *session) state() string { return s.pick("'new'", "'open'", "'完成'", "'closed'") }

func (s *session) document(id int) string {
	number := strconv.Itoa(id)
	if id == 0 {
		number = "NULL" // the counter gives it one
	}
	return fmt.Sprintf("(%s,%s,%s,%s,%s)", number, quote(s.text(40)), s.or(9, quote(s.text(600))), s.or(6, s.bytes(200)), s.or(8, s.json()))
}

func (s *session) legacy(id int) string {
	return fmt.Sprintf("(%d,%s,%s,%s,%s,%s,%s,%s)", id, s.or(9, s.pick("'Zürich'", "'São Paulo'", "'Málaga  '", "''", "'Ærø £§ÿ'")), s.or(9, s.pick("'abc'", "'ÿ'", "''", "'naïve'")),
		s.or(9, quote(s.chinese(12))), s.or(9, quote(s.chinese(60))), s.or(9, s.pick("X'0100000000000000'", "X'0000000000000000'", "X'FF00FF00'", "'abc'")), s.or(9, s.bytes(40)),
		s.or(9, s.pick("'0000-00-00 00:00:00'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'2023-02-30 10:00:00'", s.datetime(0))))
}

func (s *session) tagName() string {
	n := s.key(s.o.Rows / 4)
	name := words[n%len(words)] + strconv.Itoa(n)
	if s.oneIn(2) {
		name = strings.ToUpper(name)
	}
	return quote(name)
}

func (s *session) tag() string {
	return fmt.Sprintf("(%s,%d,%s)", s.tagName(), s.rand.IntN(1000), s.or(4, quote(s.text(20))))
}

func (s *session) measureKey() (day string, probe int) {
	n := s.key(s.o.Rows)
	return fmt.Sprintf("'20%02d-%02d-%02d'", n%30, 1+n%12, 1+n%28), n * 13 % 65536
}

func (s *session) measure() string {
	day, probe := s.measureKey()
	return fmt.Sprintf("(%s,%d,%s,%s,%s,%s)", day, probe, s.or(9, strconv.Itoa(s.rand.IntN(256)-128)), s.or(9, strconv.Itoa(s.rand.IntN(1<<24)-1<<23)),
		s.or(9, s.decimal(16, 10)), s.or(9, s.pick("'a'", "'B '", "'中文'", "''")))
}

func (s *session) customer(id int) string {
	return fmt.Sprintf("(%d,%s,%s)", id, quote(s.text(12)), s.or(9, s.pick("'北京'", "'上海'", "'Köln'", "'New York'", "'东京🗼'")))
}

func (s *session) order(customers int) string {
	return fmt.Sprintf("(%d,%d,%s,%s)", s.key(customers), s.rand.IntN(1000), s.decimal(3, 2), s.or(9, s.datetime(0)))
}

func (s *session) photo(id, album int) string {
	return fmt.Sprintf("(%d,%d,%s)", id, album, s.or(5, quote(s.text(20))))
}

// deviceID is in small or in capital letters, which are the same to the server.
func (s *session) deviceID(n int) string {
	return s.pick("", "UPPER") + fmt.Sprintf("('%08x-c0de-4d1e-b0a7-%012x')", n*2654435761%(1<<32), n)
}

// deviceCode is now and then in letters that the server takes for others.
func (s *session) deviceCode(n int) string {
	if s.oneIn(400) {
		return fmt.Sprintf("'d\u00e9v %d'", n)
	}
	return fmt.Sprintf("'"+s.pick("dev", "Dev", "DEV")+" %d'", n)
}

func (s *session) device(n int) string {
	return fmt.Sprintf("(%s,%s,%s)", s.deviceID(n), s.deviceCode(n), s.or(5, quote(s.word())))
}

func readingID(n int) string { return fmt.Sprintf("x'%02x%028x%02x'", n%251, n, n%3*n%256) } // some end in zeros

func (s *session) reading(n, device int) string {
	return fmt.Sprintf("(%s,%s,%s,%d)", readingID(n), s.or(9, s.deviceID(device)), s.or(2, s.deviceCode(device)), s.rand.IntN(1000))
}

func (s *session) alarm(n, reading int) string {
	return fmt.Sprintf("(%d.%03d,'2026-02-%02d',%s)", n-40, n, 1+n%28, s.or(9, readingID(reading)))
}

func (s *session) trail(n int) string {
	return fmt.Sprintf("(%d,%s,%s,%s)", n%trails, s.or(5, quote(s.word())), s.or(5, s.double()), s.or(5, s.datetime(3)))
}

func (s *session) queue(id int) string {
	return fmt.Sprintf("(%d,%s)", id, s.or(9, s.bytes(120)))
}

func (s *session) decimal(whole, fraction int) string {
	text := make([]byte, 0, whole+fraction+2)
	if s.oneIn(3) {
		text = append(text, '-')
	}
	digits := func(n int) {
		for range n {
			text = append(text, '0'+byte(s.rand.IntN(10)))
		}
	}
	digits(1 + s.rand.IntN(whole))
	text = append(text, '.')
	digits(fraction)
	return string(text)
}

// float has at most six digits, all of which its 24 bits hold, unless values may be lossy.
func (s *session) float() string {
	if s.o.Lossy {
		return s.pick("3.40282e38", "-1.17549435e-38", "0.1", strconv.FormatFloat(float64(float32(s.rand.NormFloat64()*1e6)), 'g', 9, 32))
	}
	return strconv.FormatFloat(float64(s.rand.IntN(80000)-40000)/4, 'f', -1, 64)
}

func (s *session) double() string {
	return s.pick("0", "-0.5", "1e300", "-2.2250738585072014e-308", "0.1", strconv.FormatFloat(s.rand.NormFloat64()*1e9, 'g', -1, 64))
}

func (s *session) date() string {
	return fmt.Sprintf("'%04d-%02d-%02d'", 1000+s.rand.IntN(9000), 1+s.rand.IntN(12), 1+s.rand.IntN(28))
}

func (s *session) datetime(digits int) string {
	return fmt.Sprintf("'%04d-%02d-%02d %s'", 1900+s.rand.IntN(200), 1+s.rand.IntN(12), 1+s.rand.IntN(28), s.clock(24, digits))
}

// timestamp stays clear of both ends of what a TIMESTAMP holds, in any time zone.
func (s *session) timestamp(digits int) string {
	return fmt.Sprintf("'%04d-%02d-%02d %s'", 1971+s.rand.IntN(66), 1+s.rand.IntN(12), 1+s.rand.IntN(28), s.clock(24, digits))
}

func (s *session) time(digits int) string {
	sign := ""
	if s.oneIn(3) {
		sign = "-"
	}
	return fmt.Sprintf("'%s%s'", sign, s.clock(838, digits))
}

func (s *session) clock(hours, digits int) string {
	text := fmt.Sprintf("%02d:%02d:%02d", s.rand.IntN(hours), s.rand.IntN(60), s.rand.IntN(60))
	if digits > 0 {
		text += fmt.Sprintf(".%06d", s.rand.IntN(1e6))[:digits+1]
	}
	return text
}

func (s *session) bytes(most int) string {
	n := s.rand.IntN(most + 1)
	if n == 0 {
		return "''"
	}
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(s.rand.Uint32())
	}
	if s.oneIn(3) {
		raw[n-1] = 0
	}
	return fmt.Sprintf("X'%x'", raw)
}

var words = [...]string{"alpha", "bêta", "gamma", "Δέλτα", "中文", "数据库", "straße", "it's", `back\slash`, "emoji😀", "tab\tnew\nline", `"quoted"`, "semi;colon", "100%", "-- no", "zéro"}

func (s *session) word() string { return words[s.rand.IntN(len(words))] }

func (s *session) text(most int) string {
	var b strings.Builder
	for n := s.rand.IntN(most + 1); b.Len() < n; {
		b.WriteString(s.word())
		b.WriteByte(' ')
	}
	runes := []rune(b.String())
	return string(runes[:min(len(runes), most)])
}

func (s *session) chinese(most int) string {
	const from = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
	all := []rune(from)
	out := make([]rune, s.rand.IntN(most+1))
	for i := range out {
		out[i] = all[s.rand.IntN(len(all))]
	}
	return string(out)
}

func (s *session) json() string {
	if s.srv.json && s.o.Lossy && s.oneIn(4) {
		return fmt.Sprintf("JSON_OBJECT('when', CAST(%s AS DATETIME(6)), 'price', CAST(%s AS DECIMAL(14,4)), 'list', JSON_ARRAY(1, NULL, TRUE, 'x'))", s.datetime(6), s.decimal(8, 4))
	}
	return quote(s.pick(`{}`, `[]`, `null`, `true`, `-1`, `"text"`, `18446744073709551615`, `3.5`,
		fmt.Sprintf(`{"id": %d, "name": "名字 %d", "tags": ["a", "b\n", ""], "deep": {"x": [%g, null, false]}}`, s.rand.IntN(1e9), s.rand.IntN(100), s.rand.NormFloat64())))
}

// quote writes a string literal for the sql_mode that sessions have.
func quote(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}
