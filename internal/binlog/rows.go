package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"lifeboat/internal/value"
)

// Change is the kind of a row event.
type Change uint8

// The three kinds.
const (
	Insert Change = iota
	Update
	Delete
)

// String names the kind in lower case.
func (c Change) String() string {
	return [...]string{"insert", "update", "delete"}[c]
}

// Flags of a row event.
const (
	RowsStatementEnd       = 0x01
	RowsNoForeignKeyChecks = 0x02
	RowsRelaxedUnique      = 0x04
	RowsCascaded           = 0x10 // MySQL 9.6: a child row changed by a foreign key action
)

// Rows is one row event: changes of one kind to one table. Images stay bytes until asked for. It is
// valid until the next item is read.
type Rows struct {
	Table   *TableMap
	Kind    Change
	Flags   uint16
	Partial bool   // a partial JSON update: after-images hold differences
	Before  []byte // bitmap of the columns in before-images (Update, Delete)
	After   []byte // bitmap of the columns in after-images (Insert, Update)
	Data    []byte
	// Statement is the beginning of the statement that changed the rows, where MariaDB's Annotate event tells it; the session's
	// sql_mode and character set are not known. Valid until the next item is read.
	Statement []byte
	// Count is the number of rows, where ReadOptions asks for it, up to what CountErr says of the next one.
	Count    int64
	CountErr error
}

// Image is a row image cut into columns. A column's bytes are as the log holds them.
type Image struct {
	Cols  [][]byte // nil: NULL, or not in the image
	State []ColumnState
	Raw   []byte // the whole image: null bitmap and values
	// Diffs tells, in the after-image of a partial update, the columns whose bytes are changes to the JSON value of the
	// before-image; nil: none.
	Diffs []bool
}

// ColumnState tells what an image says of a column.
type ColumnState uint8

// Absent columns were left out (MINIMAL and NOBLOB images).
const (
	Absent ColumnState = iota
	Null
	Present
)

// AppendShown appends the bitmap of the columns that the image has, as that of a row event.
func (im *Image) AppendShown(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, (len(im.State)+7)/8)...)
	for i, state := range im.State {
		if state != Absent {
			dst[at+i/8] |= 1 << (i % 8)
		}
	}
	return dst
}

// AppendRaw appends the image as a row event has it, from its columns.
func (im *Image) AppendRaw(dst []byte) []byte {
	at, shown := len(dst), 0
	for _, state := range im.State {
		if state != Absent {
			shown++
		}
	}
	dst = append(dst, make([]byte, (shown+7)/8)...)
	shown = 0
	for i, state := range im.State {
		switch state {
		case Null:
			dst[at+shown/8] |= 1 << (shown % 8)
		case Present:
			dst = append(dst, im.Cols[i]...)
		case Absent:
			continue
		}
		shown++
	}
	return dst
}

// Complete reports whether every column is in the image.
func (im *Image) Complete() bool {
	for _, s := range im.State {
		if s == Absent {
			return false
		}
	}
	return true
}

// RowReader walks the rows of one event.
type RowReader struct {
	rows *Rows
	data []byte
	Old  Image // the before-image of an Update or Delete
	New  Image // the after-image of an Insert or Update
}

// Reset starts on another event, reusing memory.
func (r *RowReader) Reset(rows *Rows) { r.rows, r.data = rows, rows.Data }

// Next reads one row into Old and New; false means that there are no more.
func (r *RowReader) Next() (bool, error) {
	if len(r.data) == 0 {
		return false, nil
	}
	before := len(r.data)
	more, err := r.next()
	if err == nil && len(r.data) == before {
		return false, fmt.Errorf("table %s.%s: rows of no column, and %d bytes of them", r.rows.Table.Database, r.rows.Table.Table, before)
	}
	if t := r.rows.Table; err != nil && t.fractions && !errors.Is(err, ErrUnsupported) {
		return false, fmt.Errorf("table %s.%s: TIMESTAMP, DATETIME or TIME with fractions of a second in the form of MariaDB before 10.1, of which the log does not tell the size: %w",
			t.Database, t.Table, ErrUnsupported)
	}
	return more, err
}

func (r *RowReader) next() (bool, error) {
	var err error
	if r.rows.Kind != Insert {
		if r.data, err = r.Old.read(r.rows.Table, r.rows.Before, r.data); err != nil {
			return false, err
		}
	}
	if r.rows.Kind != Delete {
		r.New.Diffs = nil
		if r.rows.Partial {
			if r.data, err = r.New.readDiffs(r.rows.Table, r.data); err != nil {
				return false, err
			}
		}
		if r.data, err = r.New.read(r.rows.Table, r.rows.After, r.data); err != nil {
			return false, err
		}
	}
	return true, nil
}

// jsonPartialUpdates is the value option that says that a bitmap of partial columns follows.
const jsonPartialUpdates = 1

// readDiffs reads what stands before the after-image of a partial update: value options, and a bit for each JSON column of the table
// (Rows_log_event::read_image_value_options and unpack_row in MySQL's log_event.cc).
func (im *Image) readDiffs(t *TableMap, data []byte) ([]byte, error) {
	c := cursor{b: data}
	options := c.packed()
	if options&^jsonPartialUpdates != 0 {
		return nil, fmt.Errorf("table %s.%s: an update with value options %d: %w", t.Database, t.Table, options, ErrUnsupported)
	}
	if options == 0 || c.short {
		return c.rest(t)
	}
	of := 0
	for i := range t.Types {
		if t.Types[i] == value.TypeJSON {
			of++
		}
	}
	partial := c.bytes((of + 7) / 8)
	if c.short {
		return c.rest(t)
	}
	im.Diffs = make([]bool, len(t.Types))
	k := 0
	for i := range t.Types {
		if t.Types[i] == value.TypeJSON {
			im.Diffs[i] = bit(partial, k)
			k++
		}
	}
	return c.b, nil
}

func (c *cursor) rest(t *TableMap) ([]byte, error) {
	if c.short {
		return nil, fmt.Errorf("table %s.%s: a row image ends early", t.Database, t.Table)
	}
	return c.b, nil
}

func (im *Image) read(t *TableMap, present, data []byte) ([]byte, error) {
	n := len(t.Types)
	if cap(im.Cols) < n {
		im.Cols, im.State = make([][]byte, n), make([]ColumnState, n)
	}
	im.Cols, im.State = im.Cols[:n], im.State[:n]
	count := popcount(present, n)
	nulls := (count + 7) / 8
	if len(data) < nulls {
		return nil, fmt.Errorf("table %s.%s: a row image ends early", t.Database, t.Table)
	}
	isNull, rest := data[:nulls], data[nulls:]
	k := 0
	for i := range n {
		if !bit(present, i) {
			im.Cols[i], im.State[i] = nil, Absent
			continue
		}
		if bit(isNull, k) {
			im.Cols[i], im.State[i] = nil, Null
		} else {
			size := t.size(i, rest)
			if size < 0 {
				var err error
				if size, err = t.Columns[i].Size(rest); err != nil {
					return nil, fmt.Errorf("table %s.%s, column %d: %w", t.Database, t.Table, i+1, err)
				}
			}
			im.Cols[i], im.State[i] = rest[:size:size], Present
			rest = rest[size:]
		}
		k++
	}
	im.Raw = data[:len(data)-len(rest)]
	return rest, nil
}

func popcount(b []byte, n int) (k int) {
	for _, x := range b[:n/8] {
		k += bits.OnesCount8(x)
	}
	if n%8 != 0 {
		k += bits.OnesCount8(b[n/8] & (1<<(n%8) - 1))
	}
	return k
}

// rowsLayout tells kind and version of a row event type.
func rowsLayout(t EventType) (kind Change, v2, compressed, ok bool) {
	switch t {
	case WriteRowsV1, UpdateRowsV1, DeleteRowsV1:
		return Change(t - WriteRowsV1), false, false, true
	case WriteRowsV2, UpdateRowsV2, DeleteRowsV2:
		return Change(t - WriteRowsV2), true, false, true
	case PartialUpdateRows:
		return Update, true, false, true
	case WriteRowsCompressedV1, UpdateRowsCompressV1, DeleteRowsCompressV1:
		return Change(t - WriteRowsCompressedV1), false, true, true
	case WriteRowsCompressed, UpdateRowsCompressed, DeleteRowsCompressed:
		return Change(t - WriteRowsCompressed), true, true, true
	}
	return 0, false, false, false
}

// parseRows reads a row event's head: table id, flags, extra data (v2), number of columns, and the
// bitmaps of the columns its images hold.
func (m *tableMaps) parseRows(r *Rows, typ EventType, body []byte, f *Format, inflate func([]byte) ([]byte, error)) error {
	kind, v2, compressed, _ := rowsLayout(typ)
	idLen := 6
	if !f.wideTableID(typ) {
		idLen = 4
	}
	c := cursor{b: body}
	id := tableID(c.bytes(idLen))
	*r = Rows{Kind: kind, Flags: uint16(c.uint(2)), Partial: typ == PartialUpdateRows}
	if v2 {
		if n := int(c.uint(2)); n > 2 {
			c.bytes(n - 2)
		}
	}
	n := c.packed()
	if c.short || n > maxColumns {
		return fmt.Errorf("a damaged row event")
	}
	known, ok := m.byID[id]
	if !ok || known.tx != m.tx {
		return fmt.Errorf("rows of table id %d, for which their transaction has no Table_map", id)
	}
	t := known.t
	if n != uint64(len(t.Types)) {
		return fmt.Errorf("rows of %d columns for table %s.%s, whose Table_map has %d", n, t.Database, t.Table, len(t.Types))
	}
	bitmap := c.bytes((int(n) + 7) / 8)
	if kind == Insert {
		r.After = bitmap
	} else {
		r.Before = bitmap
	}
	if kind == Update {
		r.After = c.bytes((int(n) + 7) / 8)
	}
	if c.short {
		return fmt.Errorf("a damaged row event")
	}
	r.Table, r.Data = t, c.b
	if compressed {
		data, err := inflate(c.b)
		if err != nil {
			return err
		}
		r.Data = data
	}
	return nil
}

// xid writes a distributed transaction's id as the server writes it in XA statements.
func xid(body []byte) (text string, onePhase bool, err error) {
	if len(body) < 13 {
		return "", false, fmt.Errorf("an XA_prepare event of %d bytes", len(body))
	}
	format := binary.LittleEndian.Uint32(body[1:])
	g, b := int(binary.LittleEndian.Uint32(body[5:])), int(binary.LittleEndian.Uint32(body[9:]))
	if g < 0 || b < 0 || g > 64 || b > 64 || len(body) < 13+g+b {
		return "", false, fmt.Errorf("a damaged XA_prepare event")
	}
	return fmt.Sprintf("X'%x',X'%x',%d", body[13:13+g], body[13+g:13+g+b], format), body[0] != 0, nil
}

// AllColumns reports that no column is left out of the images (binlog_row_image=FULL).
func (r *Rows) AllColumns() bool {
	n := len(r.Table.Types)
	return (r.Before == nil || popcount(r.Before, n) == n) && (r.After == nil || popcount(r.After, n) == n)
}

// Cut splits one image that was kept as bytes (Image.Raw) into columns again.
func (im *Image) Cut(t *TableMap, present, raw []byte) error {
	rest, err := im.read(t, present, raw)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("table %s.%s: %d bytes too many in a row image", t.Database, t.Table, len(rest))
	}
	return err
}

// count walks the images without keeping anything of them.
func (r *Rows) count() (n int64, err error) {
	if !r.Partial {
		n, ok := r.countPlain()
		if ok {
			return n, nil
		}
	}
	var rows RowReader
	rows.Reset(r)
	for {
		more, err := rows.Next()
		if err != nil || !more {
			return n, err
		}
		n++
	}
}

// countPlain gives up on whatever is not as expected.
func (r *Rows) countPlain() (n int64, ok bool) {
	t, data := r.Table, r.Data
	before, after := imageOf(t, r.Before), imageOf(t, r.After)
	for len(data) > 0 {
		left := len(data)
		if r.Kind != Insert {
			if data, ok = before.pass(t, data); !ok {
				return 0, false
			}
		}
		if r.Kind != Delete {
			if data, ok = after.pass(t, data); !ok {
				return 0, false
			}
		}
		if len(data) == left {
			return 0, false
		}
		n++
	}
	return n, true
}

// layout is which columns an image holds.
type layout struct {
	present []byte
	count   int
}

func imageOf(t *TableMap, present []byte) layout {
	if present == nil {
		return layout{} // there is no such image
	}
	return layout{present, popcount(present, len(t.Types))}
}

// pass goes past one image.
func (l layout) pass(t *TableMap, data []byte) (rest []byte, ok bool) {
	nulls := (l.count + 7) / 8
	if len(data) < nulls {
		return nil, false
	}
	isNull, rest := data[:nulls], data[nulls:]
	all := l.count == len(t.Types)
	k := 0
	for i := range t.Types {
		if !all && !bit(l.present, i) {
			continue
		}
		if !bit(isNull, k) {
			size := t.size(i, rest)
			if size < 0 {
				return nil, false
			}
			rest = rest[size:]
		}
		k++
	}
	return rest, true
}

// size is how many bytes a column takes at the start of data; -1 where that is not simple, or not so many are left.
func (t *TableMap) size(i int, data []byte) int {
	if i >= len(t.extents) {
		return -1
	}
	e := &t.extents[i]
	size := e.fixed
	switch {
	case e.prefix == 1 && len(data) >= 1:
		size += int(data[0])
	case e.prefix == 2 && len(data) >= 2:
		size += int(binary.LittleEndian.Uint16(data))
	case e.prefix != 0:
		n, err := t.Columns[i].Size(data)
		if err != nil {
			return -1
		}
		return n
	}
	if size > len(data) {
		return -1
	}
	return size
}
