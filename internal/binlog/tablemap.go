package binlog

import (
	"bytes"
	"encoding/binary"
	"fmt"

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
	Columns         []value.Column
	// fractions: MariaDB, with columns of the temporal types from before 10.1 (and from later with mysql56_temporal_format=OFF). Those
	// are logged under the same types with and without fractions of a second, though their sizes differ.
	fractions bool
}

// IsNullable reports whether column i may be NULL.
func (t *TableMap) IsNullable(i int) bool { return bit(t.Nullable, i) }

func bit(b []byte, i int) bool { return b[i>>3]&(1<<(i&7)) != 0 }

// tableMaps remembers decoded table maps by their bytes: the servers repeat them for every statement.
type tableMaps struct {
	byBody map[string]*TableMap
	byID   map[uint64]*TableMap
	rows   Rows // the last one read
}

func newTableMaps() *tableMaps {
	return &tableMaps{byBody: map[string]*TableMap{}, byID: map[uint64]*TableMap{}}
}

const maxRememberedMaps = 10_000

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
	if t, ok := m.byBody[string(rest)]; ok {
		m.byID[id] = t
		return t, nil
	}
	t, err := parseTableMap(rest)
	if err != nil {
		return nil, err
	}
	t.fractions = f.MariaDB && bytes.ContainsAny(t.Types, "\x07\x0b\x0c")
	if len(m.byBody) >= maxRememberedMaps {
		clear(m.byBody)
	}
	m.byBody[string(rest)] = t
	m.byID[id] = t
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
	for len(c.b) > 0 && !c.short {
		kind := c.byte()
		t.optional(kind, c.bytes(int(c.packed())))
	}
	if c.short {
		return nil, fmt.Errorf("table %s.%s: a damaged Table_map event", t.Database, t.Table)
	}
	t.Columns = make([]value.Column, n)
	for i := range t.Columns {
		t.Columns[i] = value.Column{Type: t.Types[i], Meta: t.Meta[i], Unsigned: t.HasSignedness && t.Unsigned[i]}
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
				t.PrimaryKey = append(t.PrimaryKey, int(i))
			}
		}
	case 9: // primary key with prefix lengths
		for len(c.b) > 0 && !c.short {
			i := c.packed()
			c.packed()
			if i < uint64(len(t.Types)) {
				t.PrimaryKey = append(t.PrimaryKey, int(i))
			}
		}
	}
}

// numeric reports the types that have a bit in the signedness field: TINY, SHORT, LONG, FLOAT, DOUBLE,
// LONGLONG, INT24, NEWDECIMAL, and YEAR (MySQL counts it in; MariaDB too).
func numeric(typ byte) bool {
	switch typ {
	case 1, 2, 3, 4, 5, 8, 9, 13, 246:
		return true
	}
	return false
}
