package snapshot

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
)

// scan moves pos to the delimiter that ends the statement.
func (s *splitter) scan() error {
	for {
		if s.quote != 0 {
			n, closed := s.inQuote(s.buf[s.pos:s.end])
			s.pos += n
			if closed {
				if s.quote == '\n' || s.quote == '*' {
					s.commentEnd = s.here()
				}
				s.quote = 0
				continue
			}
			if err := s.more(); err != nil {
				return err
			}
			continue
		}
		b, i := s.buf[:s.end], s.pos
		for i < len(b) && !s.stop[b[i]] {
			i++
		}
		s.pos = i
		if len(b)-i < lookahead && !s.eof {
			if err := s.fill(); err != nil && err != io.EOF {
				return err
			}
			continue
		}
		if i == len(b) {
			return errUnterminated
		}
		if b[i] == s.delim[0] && bytes.HasPrefix(b[i:], s.delim) {
			return nil
		}
		if err := s.special(b, i); err != nil {
			return err
		}
	}
}

// more reads on inside something that must have an end.
func (s *splitter) more() error {
	known := s.eof
	err := s.fill()
	if err != io.EOF {
		return err
	}
	if known {
		return errUnterminated
	}
	return nil // what is at hand may read otherwise, now that no more follows
}

// special decides what the byte at i, outside quotes, begins or ends.
func (s *splitter) special(b []byte, i int) error {
	next := byte(0)
	if i+1 < len(b) {
		next = b[i+1]
	}
	s.pos = i + 1
	switch c := b[i]; c {
	case '\'', '"', '`':
		s.quote = c
	case '(':
		if s.depth == 0 && s.insert && s.rowBegins(b, i) {
			s.rows++
		}
		s.depth++
	case ')':
		s.depth--
	case '#':
		s.enterComment(b, i, '\n')
	case '-':
		if next == '-' && lineComment(b[i:]) {
			s.enterComment(b, i, '\n')
		}
	case '/':
		if next != '*' {
			break
		}
		if n, ok := versioned(b[i:]); ok {
			s.inCode = true
			s.pos = i + n
		} else {
			s.enterComment(b, i, '*')
			s.pos = i + 2
		}
	case '*':
		if s.inCode && next == '/' {
			s.inCode = false
			s.pos = i + 2
		}
	case '\\':
		if next != 'N' { // \N is NULL
			return errClientCommand
		}
		s.pos = i + 2
	case '$':
		return s.dollarQuote()
	case 0:
		return errNUL
	}
	return nil
}

func (s *splitter) enterComment(b []byte, i int, kind byte) {
	s.quote = kind
	if s.depth == 0 && s.insert {
		s.rowMayFollow = s.rowBegins(b, i)
	}
}

// rowBegins tells the parenthesis of a row from that of a column list or an expression.
func (s *splitter) rowBegins(b []byte, i int) bool {
	j := i - 1
	for j > s.start && isSpace(b[j]) {
		j--
	}
	if s.base+int64(j) < s.commentEnd {
		return s.rowMayFollow
	}
	if b[j] == ',' {
		return s.rows > 0
	}
	if s.rows > 0 {
		return false // ON DUPLICATE KEY UPDATE c = VALUES(c)
	}
	w := b[s.start : j+1]
	return endsWithWord(w, "values") || endsWithWord(w, "value")
}

func endsWithWord(b []byte, word string) bool {
	n := len(b) - len(word)
	return n > 0 && bytes.EqualFold(b[n:], []byte(word)) && !isIdentByte(b[n-1])
}

// dollarQuote is called with pos after a '$'.
func (s *splitter) dollarQuote() error {
	const longest = 80
	if !s.dollar || s.pos-1 > s.start && isIdentByte(s.buf[s.pos-2]) {
		return nil
	}
	if err := s.need(longest); err != nil {
		return err
	}
	b := s.buf[s.pos:min(s.end, s.pos+longest)]
	i := 0
	for i < len(b) && b[i] != '$' && isIdentByte(b[i]) {
		i++
	}
	if i == len(b) || b[i] != '$' {
		return nil
	}
	s.tag = bytes.Clone(s.buf[s.pos-1 : s.pos+i+1])
	s.quote = '$'
	s.pos += i + 1
	return nil
}

// inQuote moves over the inside of a quote or comment: n bytes of b, with its
// end if closed. If it is not closed, what is left of b is needed again.
func (s *splitter) inQuote(b []byte) (n int, closed bool) {
	switch s.quote {
	case '\n':
		return find(b, []byte{'\n'})
	case '*':
		return find(b, []byte("*/"))
	case '$':
		return find(b, s.tag)
	}
	return s.inString(b, s.quote, s.eof)
}

func find(b, what []byte) (int, bool) {
	if n := bytes.Index(b, what); n >= 0 {
		return n + len(what), true
	}
	return max(0, len(b)-len(what)+1), false
}

// inString finds the quote that ends a string or name: n bytes of b, with the quote if closed. A doubled quote ends one string
// and begins the next, which comes to the same. whole says that nothing follows b.
func (d *dialect) inString(b []byte, quote byte, whole bool) (n int, closed bool) {
	backslash := quote != '`' && !d.noBackslash && (quote == '\'' || !d.ansiQuotes)
	if d.multi != nil {
		return d.inMultibyteString(b, quote, backslash, whole)
	}
	if !backslash {
		return find(b, []byte{quote})
	}
	i := 0
	for {
		i = indexEither(b, i, quote, '\\')
		if i >= len(b) {
			return len(b), false
		}
		if b[i] == quote {
			return i + 1, true
		}
		if i+1 == len(b) {
			return i, false
		}
		i += 2
	}
}

func (d *dialect) inMultibyteString(b []byte, quote byte, backslash, whole bool) (int, bool) {
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == quote:
			return i + 1, true
		case c == '\\' && backslash:
			if i+1 == len(b) {
				return i, false
			}
			i += 2
		case c >= 0x80:
			if len(b)-i < 4 && !whole {
				return i, false
			}
			i += d.multi.length(b[i:])
		default:
			i++
		}
	}
	return len(b), false
}

// indexEither returns the index of the first x or y in b from i on, or a value
// of at least len(b). Strings of rows are mostly short: eight bytes at a time
// beat two calls of IndexByte.
func indexEither(b []byte, i int, x, y byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	xs, ys := ones*uint64(x), ones*uint64(y)
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		p, q := w^xs, w^ys
		if m := ((p-ones)&^p | (q-ones)&^q) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for ; i < len(b); i++ {
		if b[i] == x || b[i] == y {
			return i
		}
	}
	return i
}

// dbcs is a character set in which a byte of ASCII may be part of a character.
// The ranges are those of the servers' strings/ctype-*.c.
type dbcs struct {
	lead, trail func(byte) bool
	fourByte    bool
}

func between(b, lo, hi byte) bool { return lo <= b && b <= hi }

// multibyte returns nil for character sets that need no care.
func multibyte(charset string) *dbcs {
	switch charset {
	case "gbk", "gb18030":
		return &dbcs{
			lead:     func(b byte) bool { return between(b, 0x81, 0xfe) },
			trail:    func(b byte) bool { return between(b, 0x40, 0x7e) || between(b, 0x80, 0xfe) },
			fourByte: charset == "gb18030",
		}
	case "big5":
		return &dbcs{
			lead:  func(b byte) bool { return between(b, 0xa1, 0xf9) },
			trail: func(b byte) bool { return between(b, 0x40, 0x7e) || between(b, 0xa1, 0xfe) },
		}
	case "sjis", "cp932":
		return &dbcs{
			lead:  func(b byte) bool { return between(b, 0x81, 0x9f) || between(b, 0xe0, 0xfc) },
			trail: func(b byte) bool { return between(b, 0x40, 0x7e) || between(b, 0x80, 0xfc) },
		}
	}
	return nil
}

func (c *dbcs) length(b []byte) int {
	switch {
	case len(b) < 2 || !c.lead(b[0]):
		return 1
	case c.trail(b[1]):
		return 2
	case c.fourByte && len(b) >= 4 && isDigit(b[1]) && between(b[2], 0x81, 0xfe) && isDigit(b[3]):
		return 4
	}
	return 1
}
