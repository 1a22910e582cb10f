package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/value"
	"lifeboat/snapshot"
)

// matcher takes the rows of a dump's INSERT statements past a fold. Each lane has its own.
type matcher struct {
	charset string // that the statements are written in
	zone    string // of their TIMESTAMP values

	hits  []hit
	key   []byte
	value []byte
	out   []byte
	ends  []int
	image binlog.Image
}

// hit is a row that the fold knows.
type hit struct {
	from, to int // in the statement, with its parentheses
	entry    uint32
}

// errUnmatched marks a statement that passes as it is.
var errUnmatched = errors.New("it cannot be told which rows these are")

// statement gives back what is to be run in place of one statement, valid until the next call.
func (x *matcher) statement(m *merged, s *insert) ([][]byte, error) {
	if len(m.index) == 0 {
		return [][]byte{s.sql}, nil
	}
	tuples, err := snapshot.NewTuples(s.sql, s.mode)
	var cols []int
	first := 0
	if err == nil {
		cols, first, err = x.find(m, s, tuples)
	}
	if err != nil {
		if !errors.Is(err, errUnmatched) && !errors.Is(err, snapshot.ErrUnsupported) && !errors.Is(err, value.ErrUnsupported) {
			return nil, err
		}
		m.plain.Store(true)
		return [][]byte{s.sql}, nil
	}
	if len(x.hits) == 0 {
		return [][]byte{s.sql}, nil
	}
	return x.replace(m, s, cols, first)
}

// find looks every row of a statement up. It gives back the columns of its values and where the first row stands.
func (x *matcher) find(m *merged, s *insert, tuples *snapshot.Tuples) (cols []int, first int, err error) {
	shape := m.t.shape
	cols = insertColumns(shape.Def, tuples.Columns())
	var key []int // where the key's columns stand among the values
	for _, c := range shape.Key {
		k := slices.Index(cols, c)
		if k < 0 {
			return nil, 0, errUnmatched
		}
		key = append(key, k)
	}
	if !x.readable(m, s) {
		return nil, 0, errUnmatched
	}
	x.hits = x.hits[:0]
	for last := 0; ; {
		row, err := tuples.Next()
		if errors.Is(err, io.EOF) {
			if end := bytes.TrimSpace(s.sql[last:]); len(end) > 0 && string(end) != ";" {
				return nil, 0, errUnmatched
			}
			return cols, first, nil
		}
		if err != nil {
			return nil, 0, err
		}
		from, to := tuples.Span()
		if last == 0 {
			first = from
		} else if s := s.sql[last:from]; string(s) != "," && string(bytes.TrimSpace(s)) != "," {
			return nil, 0, errUnmatched // a comment
		}
		if last = to; len(row) != len(cols) {
			return nil, 0, errUnmatched
		}
		x.key = x.key[:0]
		for i, k := range key {
			if x.key, err = x.canonical(x.key, tuples, &row[k], &shape.Columns[shape.Key[i]]); err != nil {
				return nil, 0, err
			}
		}
		if e, ok := m.index[string(x.key)]; ok {
			x.hits = append(x.hits, hit{from, to, e})
		}
	}
}

// readable reports whether the text of keys reads the same here as for the server.
func (x *matcher) readable(m *merged, s *insert) bool {
	if s.mode.NoBackslashEscapes || !singleOrUTF8(x.charset) {
		return false
	}
	return x.utc() || !slices.ContainsFunc(m.t.shape.Key, func(i int) bool { return m.t.shape.Def.Columns[i].DataType == "timestamp" })
}

func (x *matcher) utc() bool { return x.zone == "" || x.zone == "+00:00" }

func (x *matcher) canonical(dst []byte, tuples *snapshot.Tuples, l *snapshot.Literal, col *value.Column) ([]byte, error) {
	switch l.Kind {
	case snapshot.Null, snapshot.Expression:
		return dst, errUnmatched
	case snapshot.Number:
		if !takesNumber(col, l.Text) {
			return dst, errUnmatched
		}
		return col.AppendCanonicalText(dst, l.Text, x.charset)
	}
	if col.Type == value.TypeYear { // of strings '0' is 2000
		return dst, errUnmatched
	}
	x.value = tuples.AppendValue(x.value[:0], *l)
	charset := x.charset
	if l.Charset != "" {
		charset = l.Charset
	}
	return col.AppendCanonicalText(dst, x.value, charset)
}

// takesNumber reports whether the column's value is the number as it is written: 5 is the character 5 to a BIT, 007 is '7' to a
// VARCHAR, and 24 is 2024 to a YEAR.
func takesNumber(col *value.Column, text []byte) bool {
	switch col.Type {
	case value.TypeTiny, value.TypeShort, value.TypeInt24, value.TypeLong, value.TypeLongLong, value.TypeNewDecimal:
		return true
	case value.TypeYear:
		return len(text) == 4
	}
	return false
}

// replace writes the statement anew, without the rows that are gone and with the last images of those that changed, cut where it
// would become much longer than it was.
func (x *matcher) replace(m *merged, s *insert, cols []int, first int) ([][]byte, error) {
	w := rewriter{head: s.sql[:first], most: max(len(s.sql), unitBytes), out: x.out[:0], ends: x.ends[:0]}
	here, again := x.placeable(m, cols), s.sql[0]|0x20 == 'r' // REPLACE
	from := first
	for i := range x.hits {
		h := &x.hits[i]
		w.run(s.sql[from:h.from])
		from = h.to
		e := &m.t.entries[h.entry]
		fate := settled
		if !e.gone && !here {
			fate = pending
		}
		if !m.met[h.entry].CompareAndSwap(unmet, fate) && !again {
			return nil, fmt.Errorf("the snapshot holds two rows of one key: %s", s.sql[h.from:min(h.to, h.from+80)])
		}
		if e.gone || !here {
			continue
		}
		if err := x.image.Cut(m.t.tm, m.t.present, e.img); err != nil {
			return nil, err
		}
		w.next()
		var err error
		if w.out, err = m.t.shape.AppendAmong(w.out, &x.image, cols); err != nil {
			return nil, err
		}
		w.cut()
	}
	w.run(s.sql[from:])
	x.out, x.ends = w.out, w.ends
	return w.statements(), nil
}

// rewriter writes the rows of one INSERT into one or more.
type rewriter struct {
	head []byte // up to the first row
	most int    // bytes of a statement, before one more row
	out  []byte
	ends []int // of the statements that are full
	rows int   // of the open one
}

// next makes room for a row.
func (w *rewriter) next() {
	if w.rows > 0 {
		w.out = append(w.out, ',')
	} else {
		w.out = append(w.out, w.head...)
	}
	w.rows++
}

// run copies rows as they stand, with what separates them.
func (w *rewriter) run(rows []byte) {
	if rows = bytes.Trim(rows, ",; \t\r\n"); len(rows) > 0 {
		w.next()
		w.out = append(w.out, rows...)
	}
}

func (w *rewriter) cut() {
	start := 0
	if n := len(w.ends); n > 0 {
		start = w.ends[n-1]
	}
	if len(w.out)-start > w.most {
		w.ends, w.rows = append(w.ends, len(w.out)), 0
	}
}

func (w *rewriter) statements() (out [][]byte) {
	ends, from := w.ends, 0
	if w.rows > 0 {
		ends = append(ends, len(w.out))
	}
	for _, end := range ends {
		out = append(out, w.out[from:end])
		from = end
	}
	return out
}

// placeable reports whether an image can stand among the statement's values: it gives every column that there is one for, and
// reads the same in the statement's session.
func (x *matcher) placeable(m *merged, cols []int) bool {
	for _, i := range m.t.shape.Writable {
		if !slices.Contains(cols, i) {
			return false
		}
		if m.t.shape.Def.Columns[i].DataType == "timestamp" && !x.utc() {
			return false
		}
	}
	return true
}

// singleOrUTF8 are the character sets in which no byte of a character looks like a quote or backslash.
func singleOrUTF8(charset string) bool {
	switch charset {
	case "utf8mb4", "utf8mb3", "utf8", "latin1", "ascii", "binary":
		return true
	}
	return false
}
