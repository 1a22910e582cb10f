package spill

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A run's file is a row of blocks. A block is the length of its records and the checksum of its place and its records, four bytes each,
// little endian, and then the records: the lengths of key and value (uvarint), and their bytes. No record goes over a block's end.

const (
	blockBytes = 64 << 10 // of records, unless one is larger
	blockHead  = 8
	writeBytes = 256 << 10
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// run is one sorted run.
type run struct {
	file     File
	where    string
	level    int // how often its records were merged into a larger run
	sections map[int]span
	size     int64
	records  int64
}

// span is a section's part of a run.
type span struct{ from, to, records int64 }

func checksum(at int64, records []byte) uint32 {
	var place [8]byte
	binary.LittleEndian.PutUint64(place[:], uint64(at))
	return crc32.Update(crc32.Checksum(place[:], castagnoli()), castagnoli(), records)
}

// Writer takes the records of one run, in the order of their sections and keys.
type Writer struct {
	run     *run
	block   []byte // of records, behind room for its head
	full    []byte // blocks that are not written yet
	section int
	open    span
	last    []byte // key
	begun   bool
	once    bool // no key comes twice
}

func newWriter(s Storage, once bool) (*Writer, error) {
	file, err := s.Create()
	if err != nil {
		return nil, &Error{"making", s.String(), err}
	}
	return &Writer{once: once, run: &run{file: file, where: s.String(), sections: map[int]span{}}, block: make([]byte, blockHead, blockHead+blockBytes)}, nil
}

// Put adds a record. Its bytes are copied.
func (w *Writer) Put(section int, key, value []byte) error {
	switch {
	case !w.begun || section != w.section:
		if w.begun && section < w.section {
			return fmt.Errorf("section %d of a run comes behind section %d", section, w.section)
		}
		if err := w.endSection(); err != nil {
			return err
		}
		w.section, w.begun = section, true
	case bytes.Compare(key, w.last) < 0 || w.once && bytes.Equal(key, w.last):
		return fmt.Errorf("the records of section %d of a run are not in order", section)
	}
	if len(w.block) > blockHead && len(w.block)+len(key)+len(value) > blockBytes {
		if err := w.endBlock(); err != nil {
			return err
		}
	}
	w.last = append(w.last[:0], key...)
	w.block = binary.AppendUvarint(w.block, uint64(len(key)))
	w.block = binary.AppendUvarint(w.block, uint64(len(value)))
	w.block = append(append(w.block, key...), value...)
	w.open.records++
	w.run.records++
	return nil
}

func (w *Writer) endBlock() error {
	if len(w.block) == blockHead {
		return nil
	}
	at := w.run.size + int64(len(w.full))
	binary.LittleEndian.PutUint32(w.block, uint32(len(w.block)-blockHead))
	binary.LittleEndian.PutUint32(w.block[4:], checksum(at, w.block[blockHead:]))
	w.full = append(w.full, w.block...)
	w.block = w.block[:blockHead]
	if len(w.full) < writeBytes {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	n, err := w.run.file.WriteAt(w.full, w.run.size)
	if err == nil && n < len(w.full) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return &Error{"writing", w.run.where, err}
	}
	w.run.size += int64(len(w.full))
	w.full = w.full[:0]
	return nil
}

func (w *Writer) endSection() error {
	if !w.begun {
		return nil
	}
	if err := w.endBlock(); err != nil {
		return err
	}
	w.open.to = w.run.size + int64(len(w.full))
	w.run.sections[w.section] = w.open
	w.open = span{from: w.open.to}
	return nil
}

// end completes the run.
func (w *Writer) end() (*run, error) {
	if err := w.endSection(); err != nil {
		return nil, err
	}
	return w.run, w.flush()
}

// cursor reads one section of one run.
type cursor struct {
	run        *run
	at, to     int64
	block      []byte
	rest       []byte // of the block
	key, value []byte
	age        int // of two runs the older has less
}

// next moves to the next record; io.EOF ends the section.
func (c *cursor) next() error {
	if len(c.rest) == 0 {
		if c.at == c.to {
			return io.EOF
		}
		if err := c.load(); err != nil {
			return &Error{"reading", c.run.where, err}
		}
	}
	key, n := binary.Uvarint(c.rest)
	value, m := binary.Uvarint(c.rest[max(n, 0):])
	if n <= 0 || m <= 0 || key > uint64(len(c.rest)-n-m) || value > uint64(len(c.rest)-n-m)-key {
		return &Error{"reading", c.run.where, fmt.Errorf("%w: no record before byte %d", ErrDamaged, c.at)}
	}
	body := c.rest[n+m:]
	c.key, c.value, c.rest = body[:key], body[key:key+value], body[key+value:]
	return nil
}

func (c *cursor) load() error {
	var head [blockHead]byte
	if err := c.read(head[:], c.at); err != nil {
		return err
	}
	size := int64(binary.LittleEndian.Uint32(head[:]))
	if size == 0 || size > c.to-c.at-blockHead {
		return fmt.Errorf("%w: block at byte %d", ErrDamaged, c.at)
	}
	if int64(cap(c.block)) < size {
		c.block = make([]byte, max(size, min(blockBytes, c.to-c.at)))
	}
	c.block = c.block[:size]
	if err := c.read(c.block, c.at+blockHead); err != nil {
		return err
	}
	if checksum(c.at, c.block) != binary.LittleEndian.Uint32(head[4:]) {
		return fmt.Errorf("%w: block at byte %d", ErrDamaged, c.at)
	}
	c.at += blockHead + size
	c.rest = c.block
	return nil
}

// read fills p. The end of the file is none that is looked for.
func (c *cursor) read(p []byte, at int64) error {
	n, err := c.run.file.ReadAt(p, at)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it ends at byte %d", ErrDamaged, at+int64(n))
	}
	return err
}
