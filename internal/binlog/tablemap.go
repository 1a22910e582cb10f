package binlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"lifeboat/internal/value"
)

// TableMap is what the log says of a table's columns at the time of its row events. It is shared by
// the row events of many transactions and never changes.
type TableMap struct {
	Database, Table string
	Types           []byte
	Meta            []uint16
	Nullable        []byte   // bitmap
	HasSignedness   bool     // else Unsigned is not said
	Unsigned        []bool   // for each column
	Names           []string // nil unless the server wrote full row metadata
	PrimaryKey      []int    // column numbers; nil unless said
	KeyPrefix       []int    // for each of them the characters that the key has of it, 0 for all
	Said            []Said   // one for each column
	Columns         []value.Column
	// fractions: MariaDB, with columns of the temporal types from before 10.1 (and from later with mysql56_temporal_format=OFF). Those
	// are logged under the same types with and without fractions of a second, though their sizes differ.
	fractions bool
	extents   []extent // one for each column
}

// Said is what the optional metadata says of a column beyond its type; what it leaves out is zero. Only for a table whose
// definition is nowhere else is it needed.
type Said struct {
	Collation uint16   // id, of text and of ENUM and SET
	Members   []string // of ENUM and SET, in the column's character set
	Geometry  int      // 1 + the type that WKB numbers so, 0 for any geometry
	Vector    int      // dimensions
}

// extent is how much of an image a column takes, where that is simple to tell: see value.Column.Extent.
type extent struct{ fixed, prefix int }

// AllColumns is the bitmap of an image that has every column.
func (t *TableMap) AllColumns() []byte { return bytes.Repeat([]byte{0xff}, (len(t.Types)+7)/8) }

// IsNullable reports whether column i may be NULL.
func (t *TableMap) IsNullable(i int) bool { return bit(t.Nullable, i) }

func bit(b []byte, i int) bool { return b[i>>3]&(1<<(i&7)) != 0 }

// tableMaps remembers decoded table maps by their bytes: the servers repeat them for every statement. One with the same bytes is the same
// one in all files, whoever reads them.
type tableMaps struct {
	byBody [2]map[string]*TableMap // of MySQL, of MariaDB: see TableMap.fractions
	byID   map[uint64]named
	tx     uint64      // counts transactions
	mu     *sync.Mutex // of those that several readers share
	shared *tableMaps  // asked for what is not here; nil: none
}

// named is what a table id stands for. It does so until its transaction ends.
type named struct {
	t  *TableMap
	tx uint64
}

func newTableMaps() *tableMaps {
	return &tableMaps{byBody: [2]map[string]*TableMap{{}, {}}, byID: map[uint64]named{}}
}

const maxRememberedMaps = 10_000

// forget ends what table ids stand for.
func (m *tableMaps) forget() {
	m.tx++
	if len(m.byID) > maxRememberedMaps {
		clear(m.byID)
	}
}

func (m *tableMaps) add(body []byte, f *Format) (*TableMap, error) {
	idLen := 6
	if !f.wideTableID(TableMapEvent) {
		idLen = 4
	}
	if len(body) < idLen+2 {
		return nil, fmt.Errorf("a Table_map event of %d bytes", len(body))
	}
	id := tableID(body[:idLen])
	rest := body[idLen+2:]
	t, err := m.decoded(rest, f.MariaDB)
	if err != nil {
		return nil, err
	}
	m.byID[id] = named{t, m.tx}
	return t, nil
}

// decoded is the table map of these bytes.
func (m *tableMaps) decoded(b []byte, mariaDB bool) (t *TableMap, err error) {
	byBody := m.byBody[0]
	if mariaDB {
		byBody = m.byBody[1]
	}
	if m.mu != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
	}
	if t, ok := byBody[string(b)]; ok {
		return t, nil
	}
	if m.shared != nil {
		t, err = m.shared.decoded(b, mariaDB)
	} else if t, err = parseTableMap(b); err == nil {
		t.fractions = mariaDB && bytes.ContainsAny(t.Types, "\x07\x0b\x0c")
	}
	if err != nil {
		return nil, err
	}
	if len(byBody) >= maxRememberedMaps {
		clear(byBody)
	}
	byBody[string(b)] = t
	return t, nil
}

func tableID(b []byte) uint64 {
	var w [8]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:])
}

// maxColumns is the servers' own limit (4096) with room; it bounds what a damaged event can claim.
const maxColumns = 1 << 16

func parseTableMap(b []byte) (*TableMap, error) {
	c := cursor{b: b}
	t := &TableMap{}
	t.Database = string(c.bytes(int(c.packed())))
	c.byte()
	t.Table = string(c.bytes(int(c.packed())))
	c.byte()
	n := c.packed()
	if c.short || n > maxColumns {
		return nil, fmt.Errorf("a damaged Table_map event")
	}
	t.Types = bytes.Clone(c.bytes(int(n)))
	meta, err := value.ParseMeta(t.Types, c.bytes(int(c.packed())))
	if err != nil {
		return nil, fmt.Errorf("table %s.%s: %w", t.Database, t.Table, err)
	}
	t.Meta = meta
	t.Nullable = bytes.Clone(c.bytes((int(n) + 7) / 8))
	t.Said = make([]Said, n)
	for len(c.b) > 0 && !c.short {
		kind := c.byte()
		t.optional(kind, c.bytes(int(c.packed())))
	}
	if c.short {
		return nil, fmt.Errorf("table %s.%s: a damaged Table_map event", t.Database, t.Table)
	}
	t.Columns, t.extents = make([]value.Column, n), make([]extent, n)
	for i := range t.Columns {
		c := &t.Columns[i]
		*c = value.Column{Type: t.Types[i], Meta: t.Meta[i], Unsigned: t.HasSignedness && t.Unsigned[i]}
		t.extents[i].fixed, t.extents[i].prefix = c.Extent()
	}
	return t, nil
}

// optional reads the optional metadata fields lifeboat uses (Table_map_event::Optional_metadata_fields);
// the others say nothing that the schema does not say better.
func (t *TableMap) optional(kind byte, b []byte) {
	c := cursor{b: b}
	switch kind {
	case 1: // signedness: a bit for each numeric column, from the high bit down
		t.HasSignedness = true
		t.Unsigned = make([]bool, len(t.Types))
		k := 0
		for i, typ := range t.Types {
			if numeric(typ) {
				t.Unsigned[i] = k/8 < len(b) && b[k/8]&(0x80>>(k%8)) != 0
				k++
			}
		}
	case 2, 3: // collations of text: one for all with exceptions, or one for each
		t.collations(&c, kind == 2, isText)
	case 10, 11: // of ENUM and SET
		t.collations(&c, kind == 10, isEnumOrSet)
	case 5, 6: // members of SET, of ENUM
		want := [...]byte{value.TypeSet, value.TypeEnum}[kind-5]
		t.eachOf(func(typ byte) bool { return typ == want }, func(s *Said) bool {
			for n := c.packed(); n > 0 && !c.short; n-- {
				s.Members = append(s.Members, string(c.bytes(int(c.packed()))))
			}
			return !c.short
		})
	case 7: // types of geometry
		t.eachOf(func(typ byte) bool { return typ == value.TypeGeometry }, func(s *Said) bool {
			s.Geometry = 1 + int(c.packed()&0xff)
			return !c.short
		})
	case 13: // dimensions
		t.eachOf(func(typ byte) bool { return typ == value.TypeVector }, func(s *Said) bool {
			s.Vector = int(c.packed() & 0xffff)
			return !c.short
		})
	case 4: // names
		names := make([]string, 0, len(t.Types))
		for len(c.b) > 0 && !c.short {
			names = append(names, string(c.bytes(int(c.packed()))))
		}
		if !c.short && len(names) == len(t.Types) {
			t.Names = names
		}
	case 8: // primary key, whole columns
		for len(c.b) > 0 && !c.short {
			if i := c.packed(); i < uint64(len(t.Types)) {
				t.PrimaryKey, t.KeyPrefix = append(t.PrimaryKey, int(i)), append(t.KeyPrefix, 0)
			}
		}
	case 9: // primary key with prefix lengths
		for len(c.b) > 0 && !c.short {
			i, prefix := c.packed(), c.packed()
			if i < uint64(len(t.Types)) {
				t.PrimaryKey, t.KeyPrefix = append(t.PrimaryKey, int(i)), append(t.KeyPrefix, int(prefix&0xffff))
			}
		}
	}
}

// eachOf calls do for each column whose type, the one behind CHAR where ENUM and SET hide, is wanted, until it says no.
func (t *TableMap) eachOf(want func(typ byte) bool, do func(*Said) bool) {
	for i := range t.Types {
		c := value.Column{Type: t.Types[i], Meta: t.Meta[i]}
		if want(c.Real()) && !do(&t.Said[i]) {
			return
		}
	}
}

// collations reads those of the columns of some types: one for each or, in short, one for all and pairs of a number among these columns and
// what that one has instead.
func (t *TableMap) collations(c *cursor, short bool, of func(typ byte) bool) {
	if !short {
		t.eachOf(of, func(s *Said) bool {
			s.Collation = uint16(c.packed())
			return !c.short
		})
		return
	}
	usual, others := uint16(c.packed()), map[int]uint16{}
	for len(c.b) > 0 && !c.short {
		i := int(c.packed())
		others[i] = uint16(c.packed())
	}
	if c.short {
		return
	}
	k := 0
	t.eachOf(of, func(s *Said) bool {
		if s.Collation = usual; others[k] != 0 {
			s.Collation = others[k]
		}
		k++
		return true
	})
}

func isText(typ byte) bool {
	switch typ {
	case value.TypeString, value.TypeVarString, value.TypeVarchar, value.TypeBlob, value.TypeVarcharCompressed, value.TypeBlobCompressed:
		return true
	}
	return false
}

func isEnumOrSet(typ byte) bool { return typ == value.TypeEnum || typ == value.TypeSet }

// numeric reports the types that have a bit in the signedness field: TINY, SHORT, LONG, FLOAT, DOUBLE,
// LONGLONG, INT24, NEWDECIMAL, and YEAR (MySQL counts it in; MariaDB too).
func numeric(typ byte) bool {
	switch typ {
	case 1, 2, 3, 4, 5, 8, 9, 13, 246:
		return true
	}
	return false
}
