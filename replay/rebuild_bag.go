package replay

import (
	"fmt"

	"lifeboat/internal/binlog"
)

// Rows of a table without a key are a multiset. A stretch of log adds some and takes some away: which of several rows that are
// the same does not matter. Rows are the same if all their columns have the same canonical form.

// bag is what a stretch did to rows that are the same.
type bag struct {
	more  []uint32 // entries of the stage that are to be written
	less  int64    // rows to be taken from those that come by
	open  int64    // of them those that did not come by yet
	first place    // of the first change that took one
}

func (s *stage) bag(row *binlog.Image) *bag {
	if s.bags == nil {
		s.bags = map[string]*bag{}
	}
	var err error
	s.spare = s.spare[:0]
	for i := range s.rows.shape.Columns {
		if !s.rows.shape.Def.Columns[i].Writable() {
			continue
		}
		if row.State[i] == binlog.Null {
			s.spare = append(s.spare, 0)
			continue
		}
		s.spare = append(s.spare, 1)
		if s.spare, err = s.rows.shape.Columns[i].AppendCanonical(s.spare, row.Cols[i]); err != nil && s.bagError == nil {
			s.bagError = fmt.Errorf("table %s has no key, and column %s: %w (%w)", s.table.name, s.rows.shape.Def.Columns[i].Name, err, ErrNeedsServer)
		}
	}
	b := s.bags[string(s.spare)]
	if b == nil {
		b = &bag{first: nowhere}
		s.bags[string(s.spare)] = b
		s.fold.bytes += int64(len(s.spare)) + entryCost
	}
	return b
}

func (s *stage) more(row *binlog.Image) {
	b := s.bag(row)
	before := s.rows.arena.held
	b.more = append(b.more, uint32(len(s.rows.entries)))
	s.rows.entries = append(s.rows.entries, entry{img: s.rows.arena.copy(row.Raw)})
	s.fold.bytes += s.rows.arena.held - before + entryCost
}

// less takes a row that the stretch itself put there, or else one that comes by.
func (s *stage) less(row *binlog.Image, at place) {
	s.taken = true
	b := s.bag(row)
	if n := len(b.more); n > 0 {
		s.rows.entries[b.more[n-1]].gone = true
		b.more = b.more[:n-1]
		return
	}
	b.less++
	b.first = min(b.first, at)
}

// unbag takes a row that comes by, if the stretch took one like it.
func (f *flow) unbag(s *stage) (gone bool, err error) {
	if !s.taken {
		return false, nil
	}
	def := s.rows.shape.Def
	for i := range s.rows.shape.Columns {
		if !def.Columns[i].Writable() {
			continue
		}
		if f.row[i].kind == null {
			f.key = append(f.key, 0)
			continue
		}
		f.key = append(f.key, 1)
		if f.key, err = f.canonical(f.key, &f.row[i], &s.rows.shape.Columns[i]); err != nil {
			return false, fmt.Errorf("%w (%w)", err, ErrNeedsServer)
		}
	}
	b := s.bags[string(f.key)]
	if b == nil || b.open == 0 {
		return false, nil
	}
	b.open--
	return true, nil
}
