package replay

import (
	"strings"

	"lifeboat/internal/binlog"
)

// Without a server, too, rows fold of which the log shows parts (see inPart): what an entry has of a row takes the place of those columns in the snapshot's,
// and a row that the log inserts takes constants for what its image leaves out. Unique keys need no care, since rows are written as they are in the end. Such
// entries stay in memory.

// tellsEnough refuses an event with incomplete images that takes a server.
func (b *rebuild) tellsEnough(s *stage, it *binlog.Item) error {
	rows, part := it.Rows, s.rows.part
	switch {
	case rows.AllColumns() && !rows.Partial:
		return nil
	case part == nil || rows.Partial:
		return needsServer("table %s: the log holds incomplete row images", s.table.name)
	case b.format.MariaDB && rows.Kind == binlog.Update:
		if err := b.replaced(s, it); err != nil {
			return err
		}
	}
	takes, err := s.rows.takes(rows, &b.rows)
	if err != nil {
		return &binlog.ReadError{Pos: it.Pos, Kind: kindOf(err), Detail: err.Error()}
	}
	if !takes {
		return needsServer("table %s: the log holds incomplete row images, of which the change at %s needs more", s.table.name, it.Pos)
	}
	if rows.Kind == binlog.Insert {
		for _, i := range part.writable {
			if c := &s.rows.shape.Def.Columns[i]; !shows(rows.After, i) && c.Fill == "" {
				return needsServer("table %s: the log holds incomplete row images, and what is inserted at %s leaves out column %s, whose default the statement's text does not tell", s.table.name, it.Pos, c.Name)
			}
		}
	}
	return nil
}

// replaced refuses an update that MariaDB made of a REPLACE, and notes where this cannot be told.
func (b *rebuild) replaced(s *stage, it *binlog.Item) error {
	switch was, told := b.replaces.of(it.Rows, s.table.name); {
	case was:
		return needsServer("table %s: the log holds incomplete row images, and those of a REPLACE at %s", s.table.name, it.Pos)
	case told:
		return nil
	}
	line := untoldReplace(b.result.Incomplete, s.table.name, it.Pos)
	switch {
	case line == "":
	case b.lenient:
		return needsServer("%s", line)
	default:
		b.result.Incomplete = append(b.result.Incomplete, line)
	}
	return nil
}

// takePart lays an entry's image over f.row, if it is a row that was there; else it makes f.row of it.
func (f *flow) takePart(s *stage, e *entry) error {
	t := s.rows
	if err := t.part.cut(&f.image, t.tm, e.img); err != nil {
		return err
	}
	if e.whole() {
		f.row = append(f.row[:0], make([]cell, len(t.shape.Columns))...)
	}
	for i := range t.shape.Columns {
		def := &t.shape.Def.Columns[i]
		switch {
		case !def.Writable():
			f.row[i] = cell{kind: computed}
		case f.image.State[i] == binlog.Present:
			f.row[i] = cell{kind: ofImage, raw: f.image.Cols[i], column: &t.shape.Columns[i]}
		case f.image.State[i] == binlog.Null || e.whole() && strings.EqualFold(def.Fill, "NULL"):
			f.row[i] = cell{kind: null}
		case e.whole():
			f.row[i] = cell{kind: constant, text: def.Fill}
		}
	}
	return nil
}
