package value

import (
	"bytes"
	"fmt"
)

// JSONOp is what a JSONDiff does.
type JSONOp byte

// The operations, by their numbers in the log (enum_json_diff_operation of MySQL's sql-common/json_diff.h).
const (
	JSONReplace JSONOp = 0 // the value at the path, which exists
	JSONInsert  JSONOp = 1 // a new member, or a new element that moves those after it
	JSONRemove  JSONOp = 2 // the value at the path
)

// JSONDiff is one change of a partial JSON update (binlog_row_value_options=PARTIAL_JSON). The changes of
// a column apply one after the other. They do not apply twice: an inserted element would be there twice.
type JSONDiff struct {
	Op    JSONOp
	Path  []byte // as JSON functions take it
	Value []byte // binary JSON; nil for JSONRemove
}

// JSONDiffs reads the changes that stand in place of a JSON column's value in the after-image of a
// PARTIAL_UPDATE_ROWS event, where that event's bit for the column is set. None means that the value
// stayed the same. They refer to raw.
func (c *Column) JSONDiffs(raw []byte) ([]JSONDiff, error) {
	if c.Type != TypeJSON {
		return nil, fmt.Errorf("JSON changes in a column of type %s: %w", c, ErrCorrupt)
	}
	b, err := c.content(raw)
	if err != nil {
		return nil, err
	}
	var diffs []JSONDiff
	for len(b) > 0 {
		d := JSONDiff{Op: JSONOp(b[0])}
		if d.Op > JSONRemove {
			return nil, corruptJSON(fmt.Sprintf("unknown change %d", d.Op))
		}
		if d.Path, b, err = packedBytes(b[1:]); err != nil {
			return nil, err
		}
		if d.Op != JSONRemove {
			if d.Value, b, err = packedBytes(b); err != nil {
				return nil, err
			}
		}
		diffs = append(diffs, d)
	}
	return diffs, nil
}

// packedBytes reads the bytes behind a length in the client protocol's form: one byte up to 250, else 252,
// 253 or 254 and the length in two, three or eight bytes.
func packedBytes(b []byte) (s, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, corruptJSON("a change is cut short")
	}
	length, width := uint64(b[0]), 0
	switch b[0] {
	case 251, 255:
		return nil, nil, corruptJSON(fmt.Sprintf("a length that begins with %d", b[0]))
	case 252:
		width = 2
	case 253:
		width = 3
	case 254:
		width = 8
	}
	b = b[1:]
	if width > 0 {
		if len(b) < width {
			return nil, nil, corruptJSON("a change is cut short")
		}
		length, b = littleEndian(b[:width]), b[width:]
	}
	if length > uint64(len(b)) {
		return nil, nil, corruptJSON("a change is cut short")
	}
	return b[:length:length], b[length:], nil
}

// AppendJSONChange appends the expression that the changes of raw (see JSONDiffs) make of the value of the
// column named quotedName: what to SET the column to. The row must hold the value of the before-image.
func (c *Column) AppendJSONChange(dst []byte, quotedName string, raw []byte) ([]byte, error) {
	diffs, err := c.JSONDiffs(raw)
	if err != nil {
		return dst, err
	}
	for i := len(diffs) - 1; i >= 0; i-- {
		dst = append(append(dst, diffs[i].function()...), '(')
	}
	dst = append(dst, quotedName...)
	for _, d := range diffs {
		dst = append(dst, ",_utf8mb4"...)
		dst = appendQuoted(dst, d.Path)
		if d.Op != JSONRemove {
			dst = append(dst, ',')
			var w jsonWriter
			start := len(dst)
			if err := w.render(dst, d.Value); err != nil {
				return dst, err
			}
			dst = w.finish(start, true)
		}
		dst = append(dst, ')')
	}
	return dst, nil
}

// function is the SQL function that makes the change.
func (d *JSONDiff) function() string {
	switch {
	case d.Op == JSONReplace:
		return "JSON_REPLACE"
	case d.Op == JSONRemove:
		return "JSON_REMOVE"
	case bytes.HasSuffix(d.Path, []byte("]")):
		return "JSON_ARRAY_INSERT"
	}
	return "JSON_INSERT"
}
