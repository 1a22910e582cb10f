package schema

import (
	"bytes"
	"errors"
	"fmt"
)

// TokenKind is the kind of a token.
type TokenKind uint8

// The kinds of tokens. Keywords are identifiers: which words are reserved
// differs between versions, so that is left to whoever reads the tokens.
const (
	EOF         TokenKind = iota
	Ident                 // an unquoted identifier or keyword
	QuotedIdent           // `x`, or "x" under ANSI_QUOTES
	String                // 'x', "x", N'x', X'41', B'01', and dollar-quoted text
	Number                // 1, 1.5, 1e3, 0x41, 0b01
	Variable              // @x, @'x', @@global.x, and the host part of user@host
	Punct                 // any other byte, on its own
)

func (k TokenKind) String() string {
	switch k {
	case EOF:
		return "end"
	case Ident:
		return "identifier"
	case QuotedIdent:
		return "quoted identifier"
	case String:
		return "string"
	case Number:
		return "number"
	case Variable:
		return "variable"
	case Punct:
		return "punctuation"
	}
	return fmt.Sprintf("TokenKind(%d)", uint8(k))
}

// Token is a piece of a statement, sql[Start:End].
type Token struct {
	Kind       TokenKind
	Start, End int
	region     int // which versioned comment it is in, 0 for none
}

// ErrUnterminated marks a string, quoted identifier or comment without an end.
var ErrUnterminated = errors.New("unterminated")

// Scanner cuts one statement into tokens. Comments are left out; the contents
// of versioned comments that the server runs are tokens like any others.
type Scanner struct {
	sql      []byte
	end      int // without trailing NULs, which old servers log
	pos      int
	mode     Mode
	mb       *multibyte
	nbsp     byte // the character set's no-break space, 0 for none
	region   int  // number of versioned comments entered so far
	inCode   bool // inside a versioned comment that is run
	remark   Span // what the last comment says
	nameEnd  int  // where the last name ended: a dot right there is no decimal point
	afterDot bool // a word directly after "." is a name whatever it looks like
}

// NewScanner returns a Scanner over sql, which it does not copy.
func NewScanner(sql []byte, m Mode) *Scanner {
	s := &Scanner{sql: sql, mode: m, nameEnd: -1, mb: charsetBytes(m.Charset), nbsp: noBreakSpace(m.Charset), end: len(bytes.TrimRight(sql, "\x00"))}
	if bytes.HasPrefix(sql[:s.end], []byte("\xef\xbb\xbf")) {
		s.pos = 3 // a byte order mark
	}
	return s
}

// Next returns the next token, of kind EOF after the last.
func (s *Scanner) Next() (Token, error) {
	if err := s.skipBlank(); err != nil {
		return Token{}, err
	}
	t := Token{Start: s.pos}
	if s.inCode {
		t.region = s.region
	}
	if s.pos >= s.end {
		t.End = s.pos
		if s.inCode {
			return Token{}, fmt.Errorf("%w versioned comment", ErrUnterminated)
		}
		return t, nil
	}
	kind, end, err := s.token()
	if err != nil {
		return Token{}, err
	}
	t.Kind, t.End = kind, end
	s.pos = end
	if kind == Ident || kind == QuotedIdent {
		s.nameEnd = end
	}
	s.afterDot = kind == Punct && s.sql[t.Start] == '.'
	return t, nil
}

func (s *Scanner) at(i int) byte {
	if i < s.end {
		return s.sql[i]
	}
	return 0
}

func (s *Scanner) token() (TokenKind, int, error) {
	switch c := s.sql[s.pos]; {
	case c == '\'':
		return s.quoted(String, s.pos)
	case c == '"':
		if s.mode.ANSIQuotes {
			return s.quoted(QuotedIdent, s.pos)
		}
		return s.quoted(String, s.pos)
	case c == '`':
		return s.quoted(QuotedIdent, s.pos)
	case c == '@':
		return s.variable()
	case c == '.' && s.nameEnd != s.pos && isDigit(s.at(s.pos+1)):
		return Number, s.fraction(s.pos + 1), nil
	case isDigit(c) && !s.afterDot:
		kind, end := s.number()
		return kind, end, nil
	case c == '$' && s.dollarQuotes():
		if end := s.dollarQuoted(); end > 0 {
			return String, end, nil
		}
	case s.at(s.pos+1) == '\'' && (c|0x20 == 'n' || c|0x20 == 'x' || c|0x20 == 'b'):
		return s.quoted(String, s.pos+1)
	}
	if s.identByte(s.sql[s.pos]) {
		return Ident, s.word(s.pos), nil
	}
	return Punct, s.pos + 1, nil
}

func (s *Scanner) word(i int) int {
	for i < s.end && s.identByte(s.sql[i]) {
		if s.mb != nil && s.sql[i] >= 0x80 {
			i += s.mb.length(s.sql[i:s.end])
		} else {
			i++
		}
	}
	return i
}

// number reads what starts with a digit: a number, or a name such as 2024_log.
func (s *Scanner) number() (TokenKind, int) {
	i := s.pos
	if c := s.at(i + 1); s.sql[i] == '0' && (c == 'x' || c == 'b') {
		j := i + 2
		for (c == 'x' && isHex(s.at(j))) || (c == 'b' && (s.at(j) == '0' || s.at(j) == '1')) {
			j++
		}
		if j > i+2 && !s.identByte(s.at(j)) {
			return Number, j
		}
		return Ident, s.word(i)
	}
	for isDigit(s.at(i)) {
		i++
	}
	if s.at(i) == '.' {
		return Number, s.fraction(i + 1)
	}
	if end, ok := s.exponent(i); ok {
		return Number, end
	}
	if s.identByte(s.at(i)) {
		return Ident, s.word(i)
	}
	return Number, i
}

func (s *Scanner) fraction(i int) int {
	for isDigit(s.at(i)) {
		i++
	}
	if end, ok := s.exponent(i); ok {
		return end
	}
	return i
}

func (s *Scanner) exponent(i int) (int, bool) {
	if s.at(i)|0x20 != 'e' {
		return 0, false
	}
	i++
	if c := s.at(i); c == '+' || c == '-' {
		i++
	}
	if !isDigit(s.at(i)) {
		return 0, false
	}
	for isDigit(s.at(i)) {
		i++
	}
	return i, true
}

// quoted reads from the opening quote at i. Only strings know backslashes.
func (s *Scanner) quoted(kind TokenKind, i int) (TokenKind, int, error) {
	quote := s.sql[i]
	backslash := kind == String && !s.mode.NoBackslashEscapes
	for i++; i < s.end; i++ {
		switch c := s.sql[i]; {
		case c == quote:
			if s.at(i+1) != quote || i+1 >= s.end {
				return kind, i + 1, nil
			}
			i++
		case c == '\\' && backslash:
			i++
		case c >= 0x80 && s.mb != nil:
			i += s.mb.length(s.sql[i:s.end]) - 1
		}
	}
	what := "string"
	if kind == QuotedIdent {
		what = "quoted identifier"
	}
	return EOF, 0, fmt.Errorf("%w %s", ErrUnterminated, what)
}

func (s *Scanner) variable() (TokenKind, int, error) {
	i := s.pos + 1
	switch c := s.at(i); c {
	case '`':
		_, end, err := s.quoted(QuotedIdent, i)
		return Variable, end, err
	case '\'', '"':
		_, end, err := s.quoted(String, i)
		return Variable, end, err
	case '@':
		i++
		for {
			if s.at(i) == '`' {
				_, end, err := s.quoted(QuotedIdent, i)
				if err != nil {
					return EOF, 0, err
				}
				i = end
			} else {
				i = s.word(i)
			}
			if s.at(i) != '.' {
				return Variable, i, nil
			}
			i++
		}
	}
	for i < s.end && (s.identByte(s.sql[i]) || s.sql[i] == '.') {
		i = max(s.word(i), i+1)
	}
	return Variable, i, nil
}

// dollarQuotes: MySQL has $$text$$ and $tag$text$tag$ since 8.0.32 for routines in other languages.
func (s *Scanner) dollarQuotes() bool {
	return !s.mode.MariaDB && (s.mode.Version == 0 || s.mode.Version >= 80032)
}

func (s *Scanner) dollarQuoted() int {
	i := s.pos + 1
	for s.identByte(s.at(i)) && s.at(i) != '$' {
		i++
	}
	if s.at(i) != '$' {
		return 0
	}
	tag := s.sql[s.pos : i+1]
	end := bytes.Index(s.sql[i+1:s.end], tag)
	if end < 0 {
		return 0
	}
	return i + 1 + end + len(tag)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || ('a' <= c|0x20 && c|0x20 <= 'f') }

// identByte reports whether a name may hold the byte without quotes.
func (s *Scanner) identByte(c byte) bool {
	return (c >= 0x80 && c != s.nbsp) || c == '_' || c == '$' || isDigit(c) || ('a' <= c|0x20 && c|0x20 <= 'z')
}

func (s *Scanner) space(c byte) bool {
	return c == ' ' || ('\t' <= c && c <= '\r') || (c >= 0x80 && c == s.nbsp)
}
