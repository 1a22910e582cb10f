package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/value"
	"lifeboat/snapshot"
)

// matcher takes the rows of a dump's INSERT statements past a fold. Each lane has its own.
type matcher struct {
	charset string // that the statements are written in
	zone    string // of their TIMESTAMP values

	hits   []hit
	keys   []byte // of hits
	key    []byte
	value  []byte
	out    []byte
	ends   []int
	image  binlog.Image
	fields fields
}

// hit is a row that the fold knows.
type hit struct {
	from, to int // in the statement, with its parentheses
	entry    uint32
	key      int // where its key ends in keys, if the entries are on disk
}

// found is one statement that was read: what is to be run in its place.
type found struct {
	s     *insert
	m     *merged // nil: no row of it is looked up
	cols  []int   // of its values
	first int     // where its first row stands
	here  bool    // a last image can stand in the place of a row
}

// errUnmatched marks a statement that passes as it is.
var errUnmatched = errors.New("it cannot be told which rows these are")

// statement looks the rows of one statement up, and notes what became of the entries that they met. The result is nil where the
// statement is to pass as it is. It holds until the next call. With load, its rows are collected for LOAD DATA too.
func (x *matcher) statement(m *merged, def *schema.Table, s *insert, load bool) (*found, error) {
	x.fields.reset(def, x.charset, load)
	if m != nil && m.empty() {
		m = nil
	}
	if m == nil && x.fields.off {
		return nil, nil
	}
	f := &found{s: s, m: m}
	err := x.find(f, def)
	if err != nil {
		if !errors.Is(err, errUnmatched) && !errors.Is(err, snapshot.ErrUnsupported) && !errors.Is(err, value.ErrUnsupported) {
			return nil, err
		}
		if m != nil {
			m.plain.Store(true)
		}
		return nil, nil
	}
	return f, x.meet(f)
}

// meet notes what becomes of the entries that were met.
func (x *matcher) meet(f *found) error {
	again := f.s.sql[0]|0x20 == 'r' // REPLACE
	key := 0
	for i := range x.hits {
		h := &x.hits[i]
		if f.m.far != nil {
			if err := f.m.far.rows.put(f.m.t, x.keys[key:h.key], f.s.sql[:f.first], f.s.sql[h.from:h.to], again); err != nil {
				return spillError(err)
			}
			key = h.key
			continue
		}
		if f.m.came != nil {
			f.m.came[h.entry].Add(1)
			continue
		}
		fate := settled
		if !f.m.t.entries[h.entry].gone && !f.here {
			fate = pending
		}
		if !f.m.met[h.entry].CompareAndSwap(unmet, fate) && !again {
			return fmt.Errorf("the snapshot holds two rows of one key: %s", f.s.sql[h.from:min(h.to, h.from+80)])
		}
	}
	return nil
}

// find looks every row of a statement up, and writes those that stay as fields.
func (x *matcher) find(f *found, def *schema.Table) error {
	s := f.s
	tuples, err := snapshot.NewTuples(s.sql, s.mode)
	if err != nil {
		return err
	}
	f.cols = insertColumns(def, tuples.Columns())
	x.hits, x.keys = x.hits[:0], x.keys[:0]
	var key []int // where the key's columns stand among the values
	if f.m != nil {
		for _, c := range f.m.cols {
			k := slices.Index(f.cols, c)
			if k < 0 {
				return errUnmatched
			}
			key = append(key, k)
		}
		f.here = f.m.came == nil && f.m.far == nil && x.placeable(f.m, f.cols)
	}
	if f.cols == nil || !x.readable(f.m, s) {
		return errUnmatched
	}
	x.fields.columns(f.cols)
	for last := 0; ; {
		if f.m == nil && x.fields.off {
			return errUnmatched // nothing to look for
		}
		row, err := tuples.Next()
		if errors.Is(err, io.EOF) {
			if end := bytes.TrimSpace(s.sql[last:]); len(end) > 0 && string(end) != ";" {
				return errUnmatched
			}
			return nil
		}
		if err != nil {
			return err
		}
		from, to := tuples.Span()
		if last == 0 {
			f.first = from
		} else if s := s.sql[last:from]; string(s) != "," && string(bytes.TrimSpace(s)) != "," {
			return errUnmatched // a comment
		}
		if last = to; len(row) != len(f.cols) {
			return errUnmatched
		}
		if f.m != nil {
			if err := x.name(f.m, tuples, row, key); err != nil {
				return err
			}
			if far := f.m.far; far != nil {
				if far.filter.has(f.m.t.name, x.key) {
					x.keys = append(x.keys, x.key...)
					x.hits = append(x.hits, hit{from: from, to: to, key: len(x.keys)})
					continue
				}
			} else if e, ok := f.m.index.find(x.key); ok {
				if f.m.of != nil {
					e = f.m.of[e]
				}
				x.hits = append(x.hits, hit{from: from, to: to, entry: e})
				if err := x.fieldsOf(f, e); err != nil {
					return err
				}
				continue
			}
		}
		x.fields.row(tuples, row)
	}
}

// name makes x.key what the fold knows a row by; where says where its columns stand in it.
func (x *matcher) name(m *merged, tuples *snapshot.Tuples, row []snapshot.Literal, where []int) (err error) {
	x.key = x.key[:0]
	for i, k := range where {
		if m.t.shape.Key == nil {
			if row[k].Kind == snapshot.Null {
				x.key = append(x.key, 0)
				continue
			}
			x.key = append(x.key, 1)
		}
		if x.key, err = appendDumpedKey(x.key, tuples, &row[k], &m.t.shape.Columns[m.cols[i]], x.charset, &x.value); err != nil {
			return err
		}
	}
	if m.t.shape.Key == nil {
		x.key = append(x.key[:0], appendDigest(nil, x.key)...)
	}
	return nil
}

// fieldsOf writes an entry's last image as fields, if it takes its row's place.
func (x *matcher) fieldsOf(f *found, entry uint32) error {
	e := &f.m.t.entries[entry]
	if e.gone || !f.here || x.fields.off {
		return nil
	}
	if err := x.image.Cut(f.m.t.tm, f.m.t.present, e.img); err != nil {
		return err
	}
	x.fields.image(f.m.t.shape.Columns, &x.image)
	return nil
}

// readable reports whether the text of keys reads the same here as for the server.
func (x *matcher) readable(m *merged, s *insert) bool {
	if s.mode.NoBackslashEscapes || !singleOrUTF8(x.charset) {
		return false
	}
	return m == nil || x.utc() || !slices.ContainsFunc(m.cols, func(i int) bool { return m.t.shape.Def.Columns[i].DataType == "timestamp" })
}

func (x *matcher) utc() bool { return x.zone == "" || x.zone == "+00:00" }

// inserts gives back the statement anew, without the rows that are gone and with the last images of those that changed, cut where it
// would become much longer than it was.
func (x *matcher) inserts(f *found) ([][]byte, error) {
	s, m := f.s, f.m
	if len(x.hits) == 0 {
		return [][]byte{s.sql}, nil
	}
	w := rewriter{head: s.sql[:f.first], most: max(len(s.sql), unitBytes), out: x.out[:0], ends: x.ends[:0]}
	from := f.first
	for i := range x.hits {
		h := &x.hits[i]
		w.run(s.sql[from:h.from])
		from = h.to
		if !f.here || m.t.entries[h.entry].gone {
			continue
		}
		e := &m.t.entries[h.entry]
		if err := x.image.Cut(m.t.tm, m.t.present, e.img); err != nil {
			return nil, err
		}
		w.next()
		var err error
		if w.out, err = m.t.shape.AppendAmong(w.out, &x.image, f.cols); err != nil {
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
