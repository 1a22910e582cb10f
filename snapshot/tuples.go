package snapshot

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"lifeboat/internal/schema"
)

// LiteralKind says what a value in an INSERT is written as.
type LiteralKind uint8

// The kinds. Expression is whatever is none of the others: DEFAULT, TRUE, a
// function, strings side by side, a string with COLLATE.
const (
	Null LiteralKind = iota
	Number
	String
	Hex // 0x4c42, X'4c42'
	Bit // b'101', 0b101
	Expression
)

// Literal is one value of a row of an INSERT.
type Literal struct {
	Kind LiteralKind
	// Text is the value as it is written, with its quotes and introducer.
	Text []byte
	// Charset is what an introducer (_binary, N) says of a String, Hex or Bit; "" if there is none,
	// and a String is then in the session's character set.
	Charset string

	at    int    // where Text stands in the statement
	body  []byte // of a String, Hex or Bit: what is inside its quotes or after its 0x
	quote byte   // of a String
	plain bool   // a String whose body is its value: nothing in it is escaped
}

// Tuples reads the rows of one INSERT or REPLACE … VALUES.
type Tuples struct {
	b       []byte
	i       int
	d       dialect
	columns []string
	row     []Literal
	from    int // where the last row's parenthesis opens
	any     bool
}

// Mode is how the statement's text reads, for NewTuples and internal/schema.
func (s *Statement) Mode() schema.Mode {
	sess := newSession()
	sess.vars["sql_mode"] = setting{s.SQLMode, s.SQLModeSet}
	sess.vars["character_set_client"] = setting{s.ClientCharset, s.ClientCharset != ""}
	return sess.mode(false)
}

func dialectOf(m schema.Mode) dialect {
	return dialect{noBackslash: m.NoBackslashEscapes, ansiQuotes: m.ANSIQuotes, multi: multibyte(m.Charset)}
}

// NewTuples reads the head of an INSERT or REPLACE. What the rows give out points into sql, which must not
// change meanwhile. INSERT … SELECT and INSERT … SET are ErrUnsupported.
func NewTuples(sql []byte, m schema.Mode) (*Tuples, error) {
	t := &Tuples{b: sql, d: dialectOf(m)}
	if !startsWithWord(sql, "insert") && !startsWithWord(sql, "replace") {
		return nil, t.fail("not an INSERT")
	}
	if err := t.head(); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Tuples) fail(format string, args ...any) error {
	return fmt.Errorf("%w: %s at byte %d of %s", ErrUnsupported, fmt.Sprintf(format, args...), t.i, excerpt(t.b))
}

// head moves behind VALUES.
func (t *Tuples) head() error {
	for t.i < len(t.b) {
		switch c := t.b[t.i]; {
		case t.skip():
		case c == '(':
			if err := t.columnList(); err != nil {
				return err
			}
		case c == '`', c == '"':
			if err := t.pass(c); err != nil {
				return err
			}
		case c == '.':
			t.i++
		case isIdentByte(c):
			end := skipWord(t.b, t.i)
			w := t.b[t.i:end]
			t.i = end
			if bytes.EqualFold(w, []byte("values")) || bytes.EqualFold(w, []byte("value")) && !t.nameFollows() {
				return nil
			}
			if bytes.EqualFold(w, []byte("select")) || bytes.EqualFold(w, []byte("set")) || bytes.EqualFold(w, []byte("partition")) {
				return t.fail("INSERT … %s", bytes.ToUpper(w))
			}
		default:
			return t.fail("an INSERT with %q before VALUES", c)
		}
	}
	return t.fail("an INSERT without VALUES")
}

// nameFollows tells a table called value, which needs no quotes, from the keyword.
func (t *Tuples) nameFollows() bool {
	for t.skip() {
	}
	return t.i >= len(t.b) || t.b[t.i] != '('
}

func (t *Tuples) columnList() error {
	t.columns = []string{}
	t.i++
	for {
		for t.skip() {
		}
		n, end := name(t.b, t.i)
		if n != nil {
			t.columns = append(t.columns, unquoteName(n))
			t.i = end
			continue
		}
		if t.i >= len(t.b) || t.b[t.i] != ',' && t.b[t.i] != ')' {
			return t.fail("a column list that cannot be read")
		}
		t.i++
		if t.b[t.i-1] == ')' {
			return nil
		}
	}
}

// skip moves over one stretch of white space or one comment.
func (t *Tuples) skip() bool {
	b := t.b[t.i:]
	switch {
	case len(b) == 0:
		return false
	case isSpace(b[0]):
		t.i = skipSpace(t.b, t.i)
	case lineComment(b):
		n, _ := find(b, []byte{'\n'})
		t.i += n
	case blockComment(b):
		n, closed := find(b[2:], []byte("*/"))
		if !closed {
			return false
		}
		t.i += 2 + n
	default:
		return false
	}
	return true
}

// pass moves over a quoted string or name that begins here.
func (t *Tuples) pass(quote byte) error {
	for from := t.i + 1; ; {
		n, closed := t.d.inString(t.b[from:], quote, true)
		if !closed {
			return t.fail("a quote that does not end")
		}
		from += n
		if from < len(t.b) && t.b[from] == quote {
			from++
			continue
		}
		t.i = from
		return nil
	}
}

// Columns are the columns that the INSERT names, nil if it names none.
func (t *Tuples) Columns() []string { return t.columns }

// Span is where the last row stands in the statement, its parentheses included.
func (t *Tuples) Span() (from, to int) { return t.from, t.i }

// Next returns the next row, valid until the next call, and io.EOF after the last. A statement that goes on after its rows
// (ON DUPLICATE KEY UPDATE) is ErrUnsupported.
func (t *Tuples) Next() ([]Literal, error) {
	for t.skip() {
	}
	if t.i == len(t.b) && t.any {
		return nil, io.EOF
	}
	if t.any {
		if t.b[t.i] == ';' && t.i+1 == len(t.b) {
			return nil, io.EOF
		}
		if t.b[t.i] != ',' {
			return nil, t.fail("an INSERT that goes on after its rows")
		}
		t.i++
		for t.skip() {
		}
	}
	if t.i >= len(t.b) || t.b[t.i] != '(' {
		return nil, t.fail("a row that does not begin with a parenthesis")
	}
	t.from = t.i
	t.i++
	t.any = true
	t.row = t.row[:0]
	for {
		if t.common() {
			if t.i++; t.b[t.i-1] == ')' {
				return t.row, nil
			}
			continue
		}
		for t.skip() {
		}
		if t.i < len(t.b) && t.b[t.i] == ')' && len(t.row) == 0 {
			t.i++
			return t.row, nil // a row of defaults
		}
		l, err := t.value()
		if err != nil {
			return nil, err
		}
		t.row = append(t.row, l)
		t.i++
		if t.b[t.i-1] == ')' {
			return t.row, nil
		}
	}
}

// common adds a value in one of the forms that nearly all have in dumps, up to the comma or parenthesis right behind it: a string in which
// nothing is escaped, digits, NULL. Of any other it says false, and has not moved: value reads it.
func (t *Tuples) common() bool {
	b, start := t.b, t.i
	if start >= len(b) {
		return false
	}
	i := start
	l := Literal{at: start}
	switch c := b[i]; {
	case c == '\'' && t.d.multi == nil && !t.d.noBackslash:
		i = indexEither(b, i+1, '\'', '\\')
		if i >= len(b) || b[i] == '\\' {
			return false
		}
		l.Kind, l.body, l.quote, l.plain = String, b[start+1:i], c, true
		i++
	case isDigit(c), c == '-' && i+1 < len(b) && isDigit(b[i+1]):
		for i++; i < len(b) && (isDigit(b[i]) || b[i] == '.'); i++ {
		}
		l.Kind = Number
	case c == 'N' && bytes.HasPrefix(b[i:], []byte("NULL")):
		i += len("NULL")
	default:
		return false
	}
	if i >= len(b) || b[i] != ',' && b[i] != ')' {
		return false
	}
	l.Text = b[start:i]
	t.row, t.i = append(t.row, l), i
	return true
}

// value reads one value, up to the comma or parenthesis after it.
func (t *Tuples) value() (Literal, error) {
	start := t.i
	l := t.literal()
	end := t.i
	for t.skip() {
	}
	if l.Kind != Expression && t.i < len(t.b) && (t.b[t.i] == ',' || t.b[t.i] == ')') {
		l.Text, l.at = t.b[start:end], start
		return l, nil
	}
	t.i = start
	if err := t.expression(); err != nil {
		return Literal{}, err
	}
	text := bytes.TrimRight(t.b[start:t.i], " \t\r\n")
	if len(text) == 0 {
		return Literal{}, t.fail("a row that lacks a value")
	}
	return Literal{Kind: Expression, Text: text, at: start}, nil
}

// literal reads what looks like one literal; whether it is one, shows what follows.
func (t *Tuples) literal() Literal {
	b := t.b[t.i:]
	if len(b) == 0 {
		return Literal{Kind: Expression}
	}
	switch c := b[0]; {
	case c == '\'', c == '"' && !t.d.ansiQuotes:
		from := t.i + 1
		if t.pass(c) != nil {
			return Literal{Kind: Expression}
		}
		return Literal{Kind: String, quote: c, body: t.b[from : t.i-1]}
	case c == '\\' && len(b) > 1 && b[1] == 'N':
		t.i += 2
		return Literal{Kind: Null}
	case c == '0' && len(b) > 2 && (b[1] == 'x' || b[1] == 'b'):
		kind := Hex
		if b[1] == 'b' {
			kind = Bit
		}
		from := t.i + 2
		t.i = skipWord(t.b, from)
		return digits(Literal{Kind: kind, body: t.b[from:t.i]})
	case isDigit(c), c == '-', c == '+', c == '.':
		n := 1
		for n < len(b) && (isDigit(b[n]) || b[n] == '.' || b[n]|0x20 == 'e' || (b[n] == '-' || b[n] == '+') && b[n-1]|0x20 == 'e') {
			n++
		}
		t.i += n
		if n == 1 && !isDigit(c) {
			return Literal{Kind: Expression}
		}
		return Literal{Kind: Number}
	case isIdentByte(c):
		return t.word()
	}
	return Literal{Kind: Expression}
}

// word reads NULL, X'…', b'…', N'…' and what an introducer stands before.
func (t *Tuples) word() Literal {
	end := skipWord(t.b, t.i)
	w := t.b[t.i:end]
	t.i = end
	quoted := end < len(t.b) && t.b[end] == '\''
	switch {
	case bytes.EqualFold(w, []byte("null")):
		return Literal{Kind: Null}
	case len(w) == 1 && quoted && (w[0]|0x20 == 'x' || w[0]|0x20 == 'b'):
		l := t.literal()
		l.Kind = Hex
		if w[0]|0x20 == 'b' {
			l.Kind = Bit
		}
		return digits(l)
	case len(w) == 1 && quoted && w[0]|0x20 == 'n':
		l := t.literal()
		l.Charset = "utf8mb3"
		return l
	case w[0] == '_':
		for t.skip() {
		}
		l := t.literal()
		if l.Kind != String && l.Kind != Hex && l.Kind != Bit || l.Charset != "" {
			return Literal{Kind: Expression}
		}
		l.Charset = strings.ToLower(string(w[1:]))
		return l
	}
	return Literal{Kind: Expression}
}

// digits checks those of a Hex or Bit.
func digits(l Literal) Literal {
	if len(l.body) == 0 && l.quote == 0 {
		return Literal{Kind: Expression}
	}
	for _, c := range l.body {
		if l.Kind == Bit && c != '0' && c != '1' || hexDigit(c) < 0 {
			return Literal{Kind: Expression}
		}
	}
	return l
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// expression moves to the comma or parenthesis that ends a value.
func (t *Tuples) expression() error {
	depth := 0
	for t.i < len(t.b) {
		switch c := t.b[t.i]; c {
		case '\'', '"', '`':
			if err := t.pass(c); err != nil {
				return err
			}
			continue
		case '(':
			depth++
		case ')', ',':
			if depth == 0 {
				return nil
			}
			if c == ')' {
				depth--
			}
		default:
			if t.skip() {
				continue
			}
		}
		t.i++
	}
	return t.fail("a row that does not end")
}

// Value gives the bytes that AppendValue would append. They lie in the statement where it has them as they are, else in spare.
func (t *Tuples) Value(spare *[]byte, l *Literal) []byte {
	if l.plain {
		return l.body
	}
	*spare = t.AppendValue((*spare)[:0], *l)
	return *spare
}

// AppendValue appends the bytes that a String, Hex or Bit stands for; a string's are in the character set
// that it is written in. Of the other kinds it appends the text.
func (t *Tuples) AppendValue(dst []byte, l Literal) []byte {
	switch l.Kind {
	case String:
		return t.appendString(dst, l)
	case Hex:
		return appendDigits(dst, l.body, 4)
	case Bit:
		return appendDigits(dst, l.body, 1)
	}
	return append(dst, l.Text...)
}

func (t *Tuples) appendString(dst []byte, l Literal) []byte {
	b := l.body
	for len(b) > 0 {
		n := indexEither(b, 0, '\\', l.quote)
		if t.d.multi != nil {
			n = t.d.multi.plain(b, l.quote)
		}
		n = min(n, len(b))
		dst, b = append(dst, b[:n]...), b[n:]
		switch {
		case len(b) < 2:
			return append(dst, b...)
		case b[0] == l.quote:
			dst = append(dst, l.quote)
		case t.d.noBackslash:
			dst = append(dst, '\\')
			b = b[1:]
			continue
		case b[1] == '%' || b[1] == '_':
			dst = append(dst, b[:2]...)
		default:
			dst = append(dst, unescape(b[1]))
		}
		b = b[2:]
	}
	return dst
}

// plain is how many bytes of b stand before the first backslash or quote that is a character of its own.
func (c *dbcs) plain(b []byte, quote byte) int {
	i := 0
	for i < len(b) && b[i] != '\\' && b[i] != quote {
		if b[i] >= 0x80 {
			i += c.length(b[i:])
		} else {
			i++
		}
	}
	return i
}

// appendDigits appends the bytes of digits of so many bits each; the first byte may be a part of one.
func appendDigits(dst, digits []byte, bits int) []byte {
	per := 8 / bits
	for len(digits) > 0 {
		n := len(digits) % per
		if n == 0 {
			n = per
		}
		v := 0
		for _, c := range digits[:n] {
			v = v<<bits | hexDigit(c)
		}
		dst, digits = append(dst, byte(v)), digits[n:]
	}
	return dst
}
