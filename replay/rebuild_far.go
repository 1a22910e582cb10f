package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"

	"lifeboat/internal/schema"
	"lifeboat/internal/spill"
	"lifeboat/internal/value"
	"lifeboat/snapshot"
)

// Without a server, too, a fold that is full goes to disk: the entries of all stages of all tables, as runs. Then a row that comes by a stage goes on as it is if a
// filter of the keys on disk denies its key. Else it is parked on disk, in the entries' order, and when all rows have come by, rows and entries are
// read as one stream. What a stage lets go on may be parked at the next one, so a table's stages are settled in their order.

// fit sends the folds to disk once they are full.
func (b *rebuild) fit() error {
	switch most := b.o.Memory; {
	case b.o.Spill != nil && b.fold.bytes > most-most/8:
		if err := b.spill(); err != nil || b.fold.bytes <= most-most/8 {
			return err
		}
		return needsServer("what incomplete row images tell of rows takes more than %d MiB, which is the share of --memory that it gets, and stays in memory: give more", most>>20)
	case b.o.Spill == nil && b.fold.bytes > most:
		return needsServer("what the log changed takes more than %d MiB, which is the share of --memory that it gets: give more, or a folder for temporary files (--spill-dir)", most>>20)
	}
	return nil
}

// spill sends what the folds hold in memory to disk.
func (b *rebuild) spill() error {
	var tables []*tableFold
	for _, t := range b.tables {
		for _, s := range t.stages {
			if s.rows != nil && s.rows.part == nil && len(s.rows.entries) > 0 {
				tables = append(tables, s.rows)
			}
		}
	}
	err := b.fold.spillTables(b.o.Spill, tables)
	b.result.Spilled = max(b.result.Spilled, b.fold.spill.Bytes())
	return spillError(err)
}

// lot is where rows wait on disk during one pass of the snapshot's rows.
type lot struct {
	fold    *fold
	filter  *keyFilter
	storage spill.Storage
	most    int64 // bytes in memory

	mu      sync.Mutex // of what follows, while rows come by
	held    int64
	depths  []*sorter // by the number of the stage in its table's chain, since one is read while the rows that it lets go on are parked at later ones
	texts   []dumpedText
	columns []*value.Column
	number  map[any]uint64 // of those
	text    []byte
	from    dumpedRows
}

// dumpedText is how the literals of an INSERT read.
type dumpedText struct {
	charset string
	mode    schema.Mode
}

// farStage is what a stage is known by whose entries are on disk.
type farStage struct {
	id     string // in the filter
	looked bool   // rows are looked up in it
}

// lot prepares a pass; nil: all is in memory.
func (b *rebuild) lot() *lot {
	if b.fold.spill == nil {
		return nil
	}
	if b.filter == nil {
		b.filter = newKeyFilter(filterBits(b.keysOnDisk(), b.o.Memory/4))
	}
	return &lot{fold: b.fold, filter: b.filter, storage: b.o.Spill, most: max(b.o.Memory/4, leastFar), number: map[any]uint64{}}
}

func (b *rebuild) keysOnDisk() (n int64) {
	for _, t := range b.tables {
		for _, s := range t.stages {
			if s.rows != nil {
				n += b.fold.spill.Records(s.rows.section)
			}
		}
	}
	return n
}

func (l *lot) close() error {
	if l == nil {
		return nil
	}
	var all []error
	for _, s := range l.depths {
		all = append(all, s.runs.Close())
	}
	return errors.Join(all...)
}

// find lets a stage's keys join the filter.
func (l *lot) find(s *stage) error {
	if s.far != nil {
		return nil
	}
	far := &farStage{id: strconv.Itoa(s.rows.section)}
	looked, why, err := l.fold.filterSpilled(s.rows, l.filter, far.id)
	if err != nil {
		return spillError(err)
	}
	if why != nil {
		return s.unnamed(why)
	}
	far.looked, s.far = looked, far
	return nil
}

// put parks the row under way, whose key is f.key, before stage number depth of its table.
func (l *lot) put(depth int, f *flow) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.depth(depth)
	before := s.held()
	s.key(f.t.stages[depth].rows, f.key)
	s.bytes = l.appendRow(s.bytes, f)
	s.end()
	if l.held += s.held() - before; l.held < l.most {
		return nil
	}
	return l.flush()
}

func (l *lot) depth(n int) *sorter {
	for len(l.depths) <= n {
		l.depths = append(l.depths, &sorter{runs: spill.New(l.storage, nil)})
	}
	return l.depths[n]
}

// flush sends the parked rows in memory to disk.
func (l *lot) flush() error {
	for _, s := range l.depths {
		if err := s.flush(); err != nil {
			return spillError(err)
		}
		if len(l.depths) > 1 {
			s.bytes, s.list = nil, nil // another depth may need the memory next
		}
	}
	l.held = 0
	return nil
}

// Flags of a parked row.
const (
	parkedTouched = 1 << iota
	parkedOfBase
	parkedText // some of its values are literals of a dump
)

// appendRow appends a row: its flags, how its literals read, the kind of each value and what it is, and the literals as one row of an INSERT.
func (l *lot) appendRow(dst []byte, f *flow) []byte {
	flags, at := byte(0), len(dst)
	if f.touched {
		flags |= parkedTouched
	}
	if f.ofBase {
		flags |= parkedOfBase
	}
	dst = append(dst, 0)
	if f.from != nil {
		dst = binary.AppendUvarint(dst, number(l, &l.texts, dumpedText{f.from.charset, f.from.mode}))
	} else {
		dst = append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(f.row)))
	for i := range f.row {
		c := &f.row[i]
		switch dst = append(dst, byte(c.kind)); c.kind {
		case ofImage:
			dst = binary.AppendUvarint(dst, number(l, &l.columns, c.column))
			dst = append(binary.AppendUvarint(dst, uint64(len(c.raw))), c.raw...)
		case constant:
			dst = append(binary.AppendUvarint(dst, uint64(len(c.text))), c.text...)
		}
	}
	for i := range f.row {
		if f.row[i].kind != dumped {
			continue
		}
		sep := byte(',')
		if flags&parkedText == 0 {
			sep, flags = '(', flags|parkedText
		}
		dst = append(append(dst, sep), f.row[i].literal.Text...)
	}
	if dst[at] = flags; flags&parkedText != 0 {
		dst = append(dst, ')')
	}
	return dst
}

// number is that of a thing in a list, to which it comes if it is not there.
func number[T comparable](l *lot, list *[]T, one T) uint64 {
	n, ok := l.number[one]
	if !ok {
		n = uint64(len(*list))
		*list = append(*list, one)
		l.number[one] = n
	}
	return n
}

// readRow makes a parked row the one under way. It is valid until the next one is read.
func (l *lot) readRow(f *flow, record []byte) error {
	r := parkedReader{rest: record}
	flags := r.byte()
	text := r.number()
	f.touched, f.ofBase = flags&parkedTouched != 0, flags&parkedOfBase != 0
	f.row = f.row[:0]
	for range r.number() {
		c := cell{kind: cellKind(r.byte())}
		switch c.kind {
		case ofImage:
			if n := r.number(); n < uint64(len(l.columns)) {
				c.column = l.columns[n]
			} else {
				r.bad = true
			}
			c.raw = r.bytes()
		case constant:
			c.text = string(r.bytes())
		}
		if r.bad {
			return errSpilled
		}
		f.row = append(f.row, c)
	}
	if flags&parkedText == 0 {
		return nil
	}
	if text >= uint64(len(l.texts)) {
		return errSpilled
	}
	return l.readText(f, &l.texts[text], r.rest)
}

// readText reads a row's literals.
func (l *lot) readText(f *flow, how *dumpedText, row []byte) (err error) {
	l.text = append(append(l.text[:0], "INSERT INTO t VALUES "...), row...)
	l.from.charset, l.from.mode = how.charset, how.mode
	if l.from.tuples, err = snapshot.NewTuples(l.text, how.mode); err != nil {
		return err
	}
	values, err := l.from.tuples.Next()
	if err != nil {
		return err
	}
	f.from = &l.from
	for i := range f.row {
		if f.row[i].kind != dumped {
			continue
		}
		if len(values) == 0 {
			return errSpilled
		}
		f.row[i].literal, values = values[0], values[1:]
	}
	return nil
}

// parkedReader reads what appendRow wrote.
type parkedReader struct {
	rest []byte
	bad  bool
}

func (r *parkedReader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *parkedReader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *parkedReader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// settle holds the rows that are parked before a stage against its entries, and sends on what that leaves.
func (f *flow) settle(i int) error {
	s, l := f.t.stages[i], f.lot
	if err := l.flush(); err != nil {
		return err
	}
	rows, err := l.depth(i).runs.Read(s.rows.section)
	if err != nil {
		return err
	}
	more := rows.Next()
	var key []byte
	err = l.fold.eachSpilled(s.rows, func(e *spilled) error {
		key = append(binary.BigEndian.AppendUint64(key[:0], e.sort), e.text...)
		met := int64(0)
		for ; more; more = rows.Next() {
			order := bytes.Compare(rows.Key, key)
			if order > 0 {
				break
			}
			if err := l.readRow(f, rows.Value); err != nil {
				return err
			}
			what := stays
			if order == 0 {
				met++
				var err error
				if what, err = f.meet(s, &e.entry, e.copies.need, met); err != nil {
					return err
				}
			}
			if err := f.met(i, what); err != nil {
				return err
			}
		}
		if rows.Err() != nil {
			return rows.Err()
		}
		return f.left(i, &e.entry, e.copies, met)
	})
	for ; more && err == nil; more = rows.Next() {
		if err = l.readRow(f, rows.Value); err == nil {
			err = f.met(i, stays)
		}
	}
	if err != nil {
		return err
	}
	return rows.Err()
}

// met sends a row on that was held against a stage on disk, if it is not gone.
func (f *flow) met(i int, what course) error {
	if f.removed = what == gone; f.removed {
		f.account()
		return nil
	}
	return f.send(i, true)
}
