package replay

import (
	"bytes"
	"encoding/binary"
	"slices"

	"lifeboat/internal/spill"
)

// sorter gathers rows of a base that go to disk, in the order in which the entries of a fold are there.
type sorter struct {
	runs  *spill.Runs
	bytes []byte
	list  []sorted
}

// sorted is where one is in bytes: its key, and from mid on its value.
type sorted struct {
	section       int
	from, mid, to int
}

// key begins a row, by the canonical form of its key. Its value is appended to bytes.
func (s *sorter) key(t *tableFold, canonical []byte) {
	one := sorted{section: t.section, from: len(s.bytes)}
	s.bytes = append(binary.BigEndian.AppendUint64(s.bytes, t.textOrder(canonical)), canonical...)
	one.mid = len(s.bytes)
	s.list = append(s.list, one)
}

// end ends the row that key began.
func (s *sorter) end() { s.list[len(s.list)-1].to = len(s.bytes) }

// held is about what it has in memory.
func (s *sorter) held() int64 { return int64(len(s.bytes) + 32*len(s.list)) }

// flush sends the rows in memory to disk.
func (s *sorter) flush() error {
	if len(s.list) == 0 {
		return nil
	}
	slices.SortStableFunc(s.list, func(a, b sorted) int {
		if a.section != b.section {
			return a.section - b.section
		}
		return bytes.Compare(s.bytes[a.from:a.mid], s.bytes[b.from:b.mid])
	})
	err := s.runs.Add(func(w *spill.Writer) error {
		for _, one := range s.list {
			if err := w.Put(one.section, s.bytes[one.from:one.mid], s.bytes[one.mid:one.to]); err != nil {
				return err
			}
		}
		return nil
	})
	s.bytes, s.list = s.bytes[:0], s.list[:0]
	return err
}
