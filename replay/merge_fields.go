package replay

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/value"
	"lifeboat/snapshot"
)

// fields collects rows of a dump as the fields of LOAD DATA, as long as each of their values is one that LOAD DATA takes for what an
// INSERT takes the literal for. What is not is off for its whole statement, which then is run as INSERT.
type fields struct {
	off     bool
	def     *schema.Table
	charset string // of the statement
	cols    []int
	names   []string
	kinds   []fieldKind
	nulls   []bool // columns that may be NULL: of others LOAD DATA makes the current time (TIMESTAMP)
	data    []byte
	rows    int64
	value   []byte
}

// fieldKind is how a column's literals and fields are read.
type fieldKind uint8

const (
	noField     fieldKind = iota
	numberField           // digits, in quotes or not
	momentField           // dates and times, in quotes
	utf8Field             // text in a form of UTF-8
	asciiField            // text in a character set that has ASCII
	bytesField
)

// leastRows is how many rows a statement must have for LOAD DATA, which takes a command more.
const leastRows = 2

func kindOfField(c *schema.Column) fieldKind {
	if !c.Writable() {
		return noField
	}
	switch c.DataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal":
		return numberField
	case "date", "time", "datetime", "timestamp":
		return momentField
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		switch c.Charset {
		case "utf8mb4", "utf8mb3", "utf8":
			return utf8Field
		case "latin1", "ascii":
			return asciiField
		}
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return bytesField
	}
	return noField
}

// reset begins a statement.
func (f *fields) reset(def *schema.Table, charset string, wanted bool) {
	f.off = !wanted || def == nil || !value.IsUTF8(charset)
	f.def, f.charset, f.data, f.rows = def, charset, f.data[:0], 0
}

// columns says which columns the statement's values are for.
func (f *fields) columns(cols []int) {
	if f.off {
		return
	}
	f.cols, f.names, f.kinds, f.nulls = cols, f.names[:0], f.kinds[:0], f.nulls[:0]
	for _, i := range cols {
		c := &f.def.Columns[i]
		k := kindOfField(c)
		f.off = f.off || k == noField
		f.names, f.kinds, f.nulls = append(f.names, c.Name), append(f.kinds, k), append(f.nulls, c.Nullable)
	}
}

// row adds one row of the dump.
func (f *fields) row(tuples *snapshot.Tuples, row []snapshot.Literal) {
	for i := range row {
		if f.off {
			return
		}
		if i > 0 {
			f.data = append(f.data, '\t')
		}
		f.off = !f.add(tuples, &row[i], f.kinds[i]) || row[i].Kind == snapshot.Null && !f.nulls[i]
	}
	f.end()
}

func (f *fields) end() {
	f.data = append(f.data, '\n')
	f.rows++
}

func (f *fields) add(tuples *snapshot.Tuples, l *snapshot.Literal, kind fieldKind) bool {
	switch l.Kind {
	case snapshot.Null:
		f.data = append(f.data, `\N`...)
		return true
	case snapshot.Number:
		f.data = append(f.data, l.Text...)
		return kind == numberField && plainNumber(l.Text)
	case snapshot.String, snapshot.Hex:
	default:
		return false
	}
	text := tuples.Value(&f.value, l)
	switch kind {
	case numberField, momentField:
		f.data = append(f.data, text...)
		return l.Kind == snapshot.String && (kind == momentField && plainMoment(text) || kind == numberField && plainNumber(text))
	case utf8Field:
		f.data = value.AppendFieldBytes(f.data, text)
		return l.Kind == snapshot.String && (l.Charset == "" || value.IsUTF8(l.Charset)) && utf8.Valid(text)
	case asciiField:
		f.data = value.AppendFieldBytes(f.data, text)
		return l.Kind == snapshot.String && (l.Charset == "" || value.IsUTF8(l.Charset)) && value.IsASCII(text)
	}
	f.data = value.AppendFieldBytes(f.data, text)
	return kind == bytesField && (l.Charset == "" || l.Charset == "binary")
}

// plainMoment reports what dates and times consist of.
func plainMoment(b []byte) bool { return len(b) > 0 && strings.Trim(string(b), "0123456789-:. ") == "" }

// plainNumber reports digits with at most a sign and a point. Zero has no sign.
func plainNumber(b []byte) bool {
	digits := bytes.TrimPrefix(b, []byte("-"))
	return len(digits) > 0 && strings.Trim(string(digits), "0123456789.") == "" && (len(digits) == len(b) || bytes.ContainsAny(digits, "123456789"))
}

// image adds the last image of a row.
func (f *fields) image(columns []value.Column, image *binlog.Image) {
	for n, i := range f.cols {
		if n > 0 {
			f.data = append(f.data, '\t')
		}
		var err error
		if image.State[i] == binlog.Present {
			f.data, err = columns[i].AppendField(f.data, image.Cols[i])
		} else {
			f.data = append(f.data, `\N`...)
		}
		f.off = f.off || err != nil || image.State[i] == binlog.Absent
	}
	f.end()
}

// loadable reports rows that LOAD DATA takes.
func (f *fields) loadable() bool { return !f.off && f.rows >= leastRows }
