// Package partial puts together what row images alone tell of a table whose definition is nowhere: neither a backup nor a CREATE TABLE of
// the log made it. What comes out are the rows that the log touched, as they were last, under the names and types that its table maps
// give. Rows that the log never touched, keys other than the primary one, defaults and everything else of a definition are not in it.
package partial

import (
	"bytes"
	"fmt"
	"slices"

	"lifeboat/internal/binlog"
)

// Table gathers the rows of one table over a stretch of log in which its columns stay what they are. The zero value is of no use: see New.
//
// With a primary key in the metadata a row is what has its key. Without one it is its whole image, and rows that are the same count: an update
// takes one that was seen and puts another in its place, so a row is followed from its first image to its last.
type Table struct {
	tm      *binlog.TableMap
	columns []column
	index   map[string]int32 // entries by key, or by image
	entries []entry
	live    int
	bytes   int64
	key     []byte
}

// entry is one row, or several that are the same; none of them if they are gone.
type entry struct {
	image string
	n     int32
}

// perRow is about what an entry and its place in the index take beside their bytes.
const perRow = 96

// New begins with the first table map. It fails on a column of a type that no statement can write.
func New(tm *binlog.TableMap) (*Table, error) {
	t := &Table{index: map[string]int32{}}
	return t, t.describe(tm)
}

func (t *Table) describe(tm *binlog.TableMap) error {
	columns := make([]column, len(tm.Types))
	for i := range columns {
		c, err := describe(tm, i)
		if err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
		columns[i] = c
	}
	t.tm, t.columns = tm, columns
	return nil
}

// Takes reports that rows of another table map are of the same columns, as far as both tell.
func (t *Table) Takes(tm *binlog.TableMap) bool {
	if tm == t.tm {
		return true
	}
	return bytes.Equal(tm.Types, t.tm.Types) && slices.Equal(tm.Meta, t.tm.Meta) && (tm.Names == nil || t.tm.Names == nil || slices.Equal(tm.Names, t.tm.Names)) &&
		(tm.PrimaryKey == nil || t.tm.PrimaryKey == nil || slices.Equal(tm.PrimaryKey, t.tm.PrimaryKey))
}

// Learn goes on with another table map that Takes accepts, which may tell more, as after binlog_row_metadata was set to FULL.
func (t *Table) Learn(tm *binlog.TableMap) error {
	if tm == t.tm || t.tm.Names != nil || tm.Names == nil {
		return nil
	}
	keyed := t.keyed()
	if err := t.describe(tm); err != nil {
		return err
	}
	if keyed == t.keyed() {
		return nil
	}
	return t.again()
}

// again makes the index anew, without the entries that are gone.
func (t *Table) again() error {
	var im binlog.Image
	kept := t.entries
	t.entries, t.index, t.live, t.bytes = nil, map[string]int32{}, 0, 0
	for _, e := range kept {
		if e.n == 0 {
			continue
		}
		if err := t.cut(&im, e.image); err != nil {
			return err
		}
		for range e.n {
			t.put(&im)
		}
	}
	return nil
}

func (t *Table) cut(im *binlog.Image, raw string) error {
	return im.Cut(t.tm, t.tm.AllColumns(), []byte(raw))
}

func (t *Table) keyed() bool { return len(t.tm.PrimaryKey) > 0 }

// Change takes one change, whose images must be complete.
func (t *Table) Change(kind binlog.Change, r *binlog.RowReader) error {
	if kind != binlog.Insert {
		t.take(&r.Old)
	}
	if kind != binlog.Delete {
		t.put(&r.New)
	}
	if len(t.entries) > 1024 && t.live < len(t.entries)/2 {
		return t.again()
	}
	return nil
}

// keyOf is what tells the row of an image from others. It is valid until the next call.
func (t *Table) keyOf(im *binlog.Image) []byte {
	if !t.keyed() {
		return im.Raw
	}
	t.key = t.key[:0]
	for _, i := range t.tm.PrimaryKey {
		t.key = append(t.key, im.Cols[i]...) // of a fixed size, or behind its length
	}
	return t.key
}

// take removes a row, if it was seen.
func (t *Table) take(im *binlog.Image) {
	k := t.keyOf(im)
	i, ok := t.index[string(k)]
	if !ok {
		return // it was there before the log began
	}
	e := &t.entries[i]
	if e.n--; e.n > 0 {
		return
	}
	delete(t.index, string(k))
	t.bytes -= t.cost(len(k), len(e.image))
	t.live--
	e.image = ""
}

func (t *Table) put(im *binlog.Image) {
	k := t.keyOf(im)
	if i, ok := t.index[string(k)]; ok {
		e := &t.entries[i]
		if !t.keyed() {
			e.n++
			return
		}
		t.bytes += int64(len(im.Raw) - len(e.image))
		e.image = string(im.Raw)
		return
	}
	image := string(im.Raw)
	key := image
	if t.keyed() {
		key = string(k)
	}
	t.index[key] = int32(len(t.entries))
	t.entries = append(t.entries, entry{image, 1})
	t.bytes += t.cost(len(key), len(image))
	t.live++
}

func (t *Table) cost(key, image int) int64 {
	if !t.keyed() {
		key = 0 // one string is both
	}
	return int64(key+image) + perRow
}

// Clear forgets every row, as TRUNCATE does.
func (t *Table) Clear() {
	t.entries, t.index, t.live, t.bytes = nil, map[string]int32{}, 0, 0
}

// Bytes is about how much memory the rows take.
func (t *Table) Bytes() int64 { return t.bytes }

// Len is the number of rows.
func (t *Table) Len() (n int64) {
	for _, e := range t.entries {
		n += int64(e.n)
	}
	return n
}
