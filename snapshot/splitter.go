package snapshot

import (
	"bytes"
	"errors"
	"io"
)

const (
	bufferSize = 1 << 20
	// bufferKept is the largest buffer that is kept after a statement needed it.
	bufferKept = 64 << 20
	// lookahead is how many bytes after a byte that may end something must be at hand to decide.
	lookahead = 16
	// lookback is how many bytes before a parenthesis are kept to tell whether a row begins.
	lookback = 64
	// headSize is enough for the names in front of an INSERT's rows: two of 64
	// characters of 4 bytes, every one a quote.
	headSize = 2048
)

// The splitter's own failures; whoever drives it adds file and offset.
var (
	errUnterminated  = errors.New("statement without an end")
	errClientCommand = errors.New("command for the mysql client")
	errNUL           = errors.New("NUL byte outside a string")
)

// dialect is what decides how text is read; it may change between statements.
type dialect struct {
	noBackslash bool  // sql_mode NO_BACKSLASH_ESCAPES
	ansiQuotes  bool  // "x" is an identifier, which knows no backslash
	multi       *dbcs // character_set_client, if its characters may hold a quote's or backslash's byte
	dollar      bool  // $$text$$, MySQL 8.0.32 and later
}

// piece is a statement without its delimiter, or a comment that stands between
// statements.
type piece struct {
	comment bool
	text    []byte // valid until the next call; of dropped statements only the head
	offset  int64
	size    int64 // in bytes, with what was dropped
	rows    int   // tuples after VALUES, of INSERT and REPLACE
	insert  bool
}

// splitter cuts a dump into statements, as the mysql client does, from bytes
// and never from lines. It holds one statement at a time; the rows of
// statements that are not wanted pass through a buffer of fixed size.
type splitter struct {
	r io.Reader
	// begin is asked about each statement's first bytes (headSize, if there are
	// as many): drop says that its text is not wanted, if it is an INSERT.
	begin func(head []byte, offset int64) (drop bool, err error)
	// known, if set, tells of a statement at an offset where it ends, as another reading of the same file found it.
	known func(offset int64) (extent, bool)

	buf             []byte
	start, pos, end int   // statement's start, scan position, end of what was read
	base            int64 // offset of buf[0] in the file
	eof             bool

	dialect
	delim []byte
	stop  [256]bool // bytes at which the search outside quotes halts

	// State inside a statement.
	quote  byte   // the quote that ends it; '\n' and '*' for comments, '$' for tag
	tag    []byte // $tag$
	inCode bool   // inside /*! … */
	depth  int
	rows   int
	insert bool
	drop   bool
	head   []byte // of a statement whose start was dropped, nil otherwise
	// A comment between rows must not hide what stands before it.
	commentEnd   int64 // offset after the last comment
	rowMayFollow bool  // what rowBegins said at its start
	offset       int64
}

func newSplitter(r io.Reader, begin func([]byte, int64) (bool, error)) *splitter {
	s := &splitter{r: r, begin: begin}
	s.setDelimiter([]byte(";"))
	return s
}

func (s *splitter) setDelimiter(d []byte) {
	s.delim = bytes.Clone(d)
	s.stop = [256]bool{}
	for _, c := range []byte("'\"`()-#/*\\$\x00") {
		s.stop[c] = true
	}
	s.stop[d[0]] = true
}

// fill reads more, and makes room for it. It returns io.EOF if there is no more.
func (s *splitter) fill() error {
	if s.eof {
		return io.EOF
	}
	keep := s.start
	if s.drop && s.pos-s.start > headSize {
		if s.head == nil {
			s.head = bytes.Clone(s.buf[s.start : s.start+headSize])
		}
		keep = s.pos - lookback
	}
	if keep > 0 && (s.drop || s.end == len(s.buf)) {
		s.move(keep)
	}
	if s.end == len(s.buf) {
		grown := make([]byte, max(bufferSize, 2*len(s.buf)))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err == io.EOF {
			s.eof = true
			if n == 0 {
				return io.EOF
			}
			return nil
		}
		if err != nil || n > 0 {
			return err
		}
	}
	return io.ErrNoProgress
}

// move drops what stands before keep.
func (s *splitter) move(keep int) {
	to := s.buf
	if len(to) > bufferKept && s.end-keep < bufferSize/2 {
		to = make([]byte, bufferSize)
	}
	copy(to, s.buf[keep:s.end])
	s.buf = to
	s.base += int64(keep)
	s.start = max(s.start-keep, 0)
	s.pos -= keep
	s.end -= keep
}

// need has n bytes from pos at hand, unless the file ends.
func (s *splitter) need(n int) error {
	for s.end-s.pos < n && !s.eof {
		if err := s.fill(); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

func (s *splitter) here() int64 { return s.base + int64(s.pos) }

// next returns the next statement or comment, and io.EOF after the last.
func (s *splitter) next() (piece, error) {
	s.drop = false
	for {
		if err := s.skipBlank(); err != nil {
			return piece{}, err
		}
		s.offset, s.head = s.here(), nil
		head := s.buf[s.pos:min(s.end, s.pos+headSize)]
		switch {
		case s.offset == 0 && bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
			s.pos += 3 // a byte order mark
		case lineComment(head):
			return s.comment('\n')
		case blockComment(head):
			s.pos += 2
			return s.comment('*')
		case head[0] == '\\':
			return piece{}, errClientCommand
		case delimiterCommand(head):
			if err := s.delimiterLine(); err != nil {
				return piece{}, err
			}
		default:
			return s.statement(head)
		}
	}
}

// skipBlank moves to the first byte that matters, over empty statements too.
func (s *splitter) skipBlank() error {
	for {
		s.start = s.pos
		if err := s.need(headSize); err != nil {
			return err
		}
		b := s.buf[s.pos:s.end]
		switch {
		case len(b) == 0:
			return io.EOF
		case isSpace(b[0]):
			i := 1
			for i < len(b) && isSpace(b[i]) {
				i++
			}
			s.pos += i
		case bytes.HasPrefix(b, s.delim):
			s.pos += len(s.delim)
		default:
			return nil
		}
	}
}

func lineComment(b []byte) bool {
	return b[0] == '#' || len(b) >= 2 && b[0] == '-' && b[1] == '-' && (len(b) == 2 || b[2] <= ' ' || b[2] == 0x7f)
}

// blockComment tells comments from the versioned ones, which are code. No
// server has version 99.99.99: MariaDB's first line means only its own client.
func blockComment(b []byte) bool {
	if len(b) < 2 || b[0] != '/' || b[1] != '*' {
		return false
	}
	b = b[2:]
	if len(b) > 0 && b[0] == 'M' {
		b = b[1:]
	}
	return len(b) == 0 || b[0] != '!' || bytes.HasPrefix(b, []byte("!999999"))
}

// versioned tells whether b begins a /*! or /*M! comment, and how long its opening is.
func versioned(b []byte) (int, bool) {
	switch {
	case len(b) >= 3 && b[2] == '!':
		return 3, true
	case len(b) >= 4 && b[2] == 'M' && b[3] == '!':
		return 4, true
	}
	return 0, false
}

func (s *splitter) comment(kind byte) (piece, error) {
	s.quote = kind
	for {
		n, closed := s.inQuote(s.buf[s.pos:s.end])
		s.pos += n
		if closed {
			break
		}
		err := s.more()
		if err == errUnterminated && kind == '\n' {
			s.pos = s.end
			break // the last line needs no end
		}
		if err != nil {
			return piece{}, err
		}
	}
	s.quote = 0
	text := s.buf[s.start:s.pos]
	return piece{comment: true, text: text, offset: s.offset, size: int64(len(text))}, nil
}

func delimiterCommand(b []byte) bool {
	const word = "delimiter"
	return len(b) > len(word) && bytes.EqualFold(b[:len(word)], []byte(word)) && (b[len(word)] == ' ' || b[len(word)] == '\t')
}

// delimiterLine reads DELIMITER xx, which is for the client: a line of its own.
func (s *splitter) delimiterLine() error {
	line := s.buf[s.pos:min(s.end, s.pos+headSize)]
	n := bytes.IndexByte(line, '\n')
	if n < 0 && (len(line) == headSize || !s.eof) {
		return errClientCommand
	}
	if n >= 0 {
		line = line[:n]
	}
	words := bytes.Fields(line)
	if len(words) < 2 {
		if n < 0 {
			return errUnterminated
		}
		return errClientCommand
	}
	s.pos += len(line)
	d := bytes.Trim(words[1], "'\"`")
	if len(d) == 0 || len(d) > lookahead || bytes.IndexByte(d, '\\') >= 0 {
		return errClientCommand
	}
	s.setDelimiter(d)
	return nil
}

func (s *splitter) statement(head []byte) (piece, error) {
	if head[0] == 0 {
		return piece{}, errNUL
	}
	drop, err := s.begin(head, s.offset)
	if err != nil {
		return piece{}, err
	}
	s.quote, s.inCode, s.depth, s.rows = 0, false, 0, 0
	s.insert = startsWithWord(head, "insert") || startsWithWord(head, "replace")
	s.drop = drop && s.insert
	if passed, err := s.passKnown(); err != nil {
		return piece{}, err
	} else if !passed {
		if err := s.scan(); err != nil {
			return piece{}, err
		}
	}
	p := piece{offset: s.offset, size: s.here() - s.offset, rows: s.rows, insert: s.insert}
	if s.head != nil {
		p.text = s.head
	} else {
		p.text = bytes.TrimRight(s.buf[s.start:s.pos], " \t\r\n")
	}
	s.pos += len(s.delim)
	return p, nil
}

// extent is where an INSERT lies in the file, and how many rows it has.
type extent struct {
	offset, size int64
	rows         int
}

// passKnown moves pos to the end of a statement of which that is known. If no delimiter stands there it stays where it is.
func (s *splitter) passKnown() (bool, error) {
	if s.known == nil || !s.insert || s.drop {
		return false, nil
	}
	x, ok := s.known(s.offset)
	if !ok {
		return false, nil
	}
	if err := s.need(int(x.size) + len(s.delim)); err != nil {
		return false, err
	}
	if end := s.pos + int(x.size); end <= s.end && bytes.HasPrefix(s.buf[end:s.end], s.delim) {
		s.pos, s.rows = end, x.rows
		return true, nil
	}
	return false, nil
}

func startsWithWord(b []byte, word string) bool {
	return len(b) > len(word) && b[0]|0x20 == word[0] && bytes.EqualFold(b[:len(word)], []byte(word)) && !isIdentByte(b[len(word)])
}

func isSpace(c byte) bool { return c == ' ' || ('\t' <= c && c <= '\r') }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isIdentByte(c byte) bool {
	return c >= 0x80 || c == '_' || c == '$' || isDigit(c) || ('a' <= c|0x20 && c|0x20 <= 'z')
}
