package snapshot

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// fieldFormat is how a file of rows for LOAD DATA is written, in the words of that statement.
type fieldFormat struct {
	terminated string // of fields
	enclosed   byte   // 0 for none
	escaped    byte   // 0 for none
	lines      string // what ends a line
}

// tabbed is what LOAD DATA, mysqldump --tab and MySQL Shell take unless told otherwise.
var tabbed = fieldFormat{terminated: "\t", escaped: '\\', lines: "\n"}

// batchBytes is how much text of rows makes one INSERT.
const batchBytes = 512 << 10

var errRowCut = errors.New("the file ends inside a row")

// fieldColumn is a column of a file of rows.
type fieldColumn struct {
	// multi is the character set of its text in the file, if a character of it may hold the byte of a backslash: that one is not escaped.
	multi  *dbcs
	name   string
	decode func(dst, src []byte) ([]byte, error) // of values that are written as base64 or hexadecimal digits; nil for none
	skip   bool                                  // a generated column, whose value is in the file and not to be given
}

// fields makes INSERT statements of a file of rows for LOAD DATA.
type fields struct {
	path    string
	in      io.Reader
	format  fieldFormat
	columns []fieldColumn
	head    []byte    // INSERT INTO `t` (…) VALUES
	common  Statement // what all statements say alike
	hex     bool      // give values as digits: the client's character set hides quotes in characters
	rows    bool      // the text is wanted

	buf      []byte
	pos, end int
	offset   int64 // in the file, of buf[0]
	eof      bool
	size     int64
	field    []byte
	out      []byte
	decoded  []byte
}

func newFields(path string, in io.Reader, format fieldFormat, table tableID, columns []fieldColumn) *fields {
	f := &fields{path: path, in: in, format: format, columns: columns, buf: make([]byte, bufferSize)}
	var head strings.Builder
	head.WriteString("INSERT INTO " + quoteName(table.name) + " (")
	comma := ""
	for _, c := range columns {
		if !c.skip {
			head.WriteString(comma + quoteName(c.name))
			comma = ","
		}
	}
	head.WriteString(") VALUES ")
	f.head = []byte(head.String())
	f.common = Statement{Part: PartRows, DB: table.db, Object: table.name, SQLMode: "NO_AUTO_VALUE_ON_ZERO", SQLModeSet: true}
	return f
}

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func (f *fields) bytes() int64 { return f.size }

func (f *fields) fail(kind error, format string, args ...any) error {
	return &ReadError{f.path, f.offset + int64(f.pos), kind, fmt.Sprintf(format, args...)}
}

// next gives the next rows as one statement.
func (f *fields) next() (Statement, error) {
	if len(f.columns) == 0 {
		return Statement{}, f.fail(ErrCorrupt, "the dump tells no columns of table %q: take another copy of it, or make it again", f.common.Object)
	}
	st := f.common
	st.Offset = f.offset + int64(f.pos)
	f.out = append(f.out[:0], f.head...)
	for {
		more, err := f.fill(1)
		if err != nil {
			return Statement{}, err
		}
		if !more {
			break
		}
		if st.Rows > 0 {
			f.out = append(f.out, ',')
		}
		if err := f.row(); err != nil {
			return Statement{}, err
		}
		st.Rows++
		f.size = f.offset + int64(f.pos) - st.Offset
		if f.size >= batchBytes {
			break
		}
	}
	if st.Rows == 0 {
		return Statement{}, io.EOF
	}
	st.SQL = f.out
	return st, nil
}

// fill has n bytes at hand, unless the file ends; more tells whether there are any.
func (f *fields) fill(n int) (more bool, err error) {
	for f.end-f.pos < n && !f.eof {
		if f.pos > 0 {
			copy(f.buf, f.buf[f.pos:f.end])
			f.offset += int64(f.pos)
			f.end -= f.pos
			f.pos = 0
		}
		if f.end == len(f.buf) {
			f.buf = append(f.buf, make([]byte, len(f.buf))...)
		}
		k, err := f.in.Read(f.buf[f.end:])
		f.end += k
		if err == io.EOF {
			f.eof = true
		} else if err != nil {
			return false, err
		}
	}
	return f.end > f.pos, nil
}

// at tells whether what stands at the place begins with s.
func (f *fields) at(s string) (bool, error) {
	if f.end-f.pos < len(s) {
		if _, err := f.fill(len(s)); err != nil {
			return false, err
		}
	}
	return f.end-f.pos >= len(s) && string(f.buf[f.pos:f.pos+len(s)]) == s, nil
}

func (f *fields) row() error {
	f.out = append(f.out, '(')
	given := false
	for i, c := range f.columns {
		null, last, err := f.readField(c.multi)
		if err != nil {
			return err
		}
		if last != (i == len(f.columns)-1) {
			return f.fail(ErrUnsupported, "a row that has not %d fields, as table %q has columns: file and definition do not belong together", len(f.columns), f.common.Object)
		}
		if !f.rows || c.skip {
			continue
		}
		if given {
			f.out = append(f.out, ',')
		}
		given = true
		if err := f.value(c, null); err != nil {
			return err
		}
	}
	f.out = append(f.out, ')')
	if !f.rows {
		f.out = f.out[:0]
	}
	return nil
}

// width counts the fields of the next row, 0 if there is none.
func (f *fields) width() (int, error) {
	if more, err := f.fill(1); err != nil || !more {
		return 0, err
	}
	for n := 1; ; n++ {
		var multi *dbcs
		if n <= len(f.columns) {
			multi = f.columns[n-1].multi
		}
		if _, last, err := f.readField(multi); err != nil || last {
			return n, err
		}
	}
}

// readField reads one field into f.field, without its escapes; last says that the line ended with it.
func (f *fields) readField(multi *dbcs) (null, last bool, err error) {
	f.field = f.field[:0]
	enclosed, plain := false, true
	if f.format.enclosed != 0 {
		if enclosed, err = f.at(string(f.format.enclosed)); err != nil {
			return false, false, err
		}
		if enclosed {
			f.pos++
		}
	}
	for {
		n, err := f.special(enclosed, multi != nil)
		if err != nil {
			return false, false, err
		}
		f.field = append(f.field, f.buf[f.pos:f.pos+n]...)
		f.pos += n
		c := f.buf[f.pos]
		switch {
		case multi != nil && c >= 0x80:
			if _, err := f.fill(4); err != nil {
				return false, false, err
			}
			n := multi.length(f.buf[f.pos:f.end])
			f.field = append(f.field, f.buf[f.pos:f.pos+n]...)
			f.pos += n
			plain = false
			continue
		case c == f.format.escaped && f.format.escaped != 0:
			if more, err := f.fill(2); err != nil || !more || f.end-f.pos < 2 {
				return false, false, errors.Join(err, f.fail(ErrIncomplete, "%v", errRowCut))
			}
			c = f.buf[f.pos+1]
			f.pos += 2
			if c == 'N' && plain && len(f.field) == 0 && !enclosed {
				null = true
			}
			f.field = append(f.field, unescapeField(c))
			plain = false
			continue
		case enclosed && c == f.format.enclosed:
			f.pos++
			if again, err := f.at(string(c)); err != nil || again {
				if err != nil {
					return false, false, err
				}
				f.field = append(f.field, c)
				f.pos++
				continue
			}
			enclosed = false
			plain = false
			continue
		}
		if !enclosed {
			if yes, err := f.at(f.format.terminated); err != nil || yes {
				f.pos += len(f.format.terminated)
				return null && len(f.field) == 1, false, err
			}
			if yes, err := f.at(f.format.lines); err != nil || yes {
				f.pos += len(f.format.lines)
				return null && len(f.field) == 1, true, err
			}
		}
		f.field = append(f.field, c)
		f.pos++
		plain = false
	}
}

// special is how many bytes stand before one that may mean something; at least that one is at hand.
func (f *fields) special(enclosed, multi bool) (int, error) {
	n := 0
	t, l := f.format.terminated[0], f.format.lines[0]
	for {
		for b := f.buf[f.pos:f.end]; n < len(b); n++ {
			c := b[n]
			if c == f.format.escaped && c != 0 || c == f.format.enclosed && enclosed || !enclosed && (c == t || c == l) || multi && c >= 0x80 {
				return n, nil
			}
		}
		have := f.end - f.pos
		if _, err := f.fill(have + 1); err != nil {
			return 0, err
		}
		if f.end-f.pos == have {
			return 0, f.fail(ErrIncomplete, "%v: take another copy, or make the dump again", errRowCut)
		}
	}
}

func unescapeField(c byte) byte {
	switch c {
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'Z':
		return 0x1a
	}
	return c
}

// value writes the field as a literal.
func (f *fields) value(c fieldColumn, null bool) error {
	switch {
	case null:
		f.out = append(f.out, "NULL"...)
		return nil
	case c.decode != nil:
		v, err := c.decode(f.decoded[:0], f.field)
		if err != nil {
			return f.fail(ErrCorrupt, "a value of column %q that cannot be decoded: %v", c.name, err)
		}
		f.decoded = v
		f.out = appendHex(f.out, v)
		return nil
	}
	if f.hex {
		f.out = append(f.out, "_"+f.common.ClientCharset+" "...)
		f.out = appendHex(f.out, f.field)
		return nil
	}
	f.out = append(f.out, '\'')
	for _, b := range f.field {
		switch b {
		case '\'', '\\':
			f.out = append(f.out, '\\')
		}
		f.out = append(f.out, b)
	}
	f.out = append(f.out, '\'')
	return nil
}

func appendHex(dst, v []byte) []byte {
	if len(v) == 0 {
		return append(dst, "''"...)
	}
	return hex.AppendEncode(append(dst, "0x"...), v)
}

// decoders are the functions that a dump names for values that are no text.
var decoders = map[string]func(dst, src []byte) ([]byte, error){
	"FROM_BASE64": func(dst, src []byte) ([]byte, error) {
		clean := src[:0:0]
		for _, c := range src {
			if !isSpace(c) { // the server breaks lines
				clean = append(clean, c)
			}
		}
		return base64.StdEncoding.AppendDecode(dst, clean)
	},
	"UNHEX": func(dst, src []byte) ([]byte, error) {
		if len(src)%2 == 1 {
			src = append([]byte{'0'}, src...)
		}
		return hex.AppendDecode(dst, src)
	},
}
