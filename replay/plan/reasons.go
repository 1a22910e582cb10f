package plan

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/replay/cascade"
)

// Lane is how a table's changes are written.
type Lane string

// The lanes.
const (
	LaneFold   Lane = "fold"   // one write per row
	LaneSerial Lane = "serial" // every change, in log order
)

// Reasons for a table's lane, of which other packages ask for some.
const (
	JSONDiffs     = "the log holds changes to JSON values in place of the values (binlog_row_value_options=PARTIAL_JSON)"
	ASequence     = "a sequence, whose steps are logged as rows"
	NoKey         = "no primary key and no unique key without NULLs"
	CountsRows    = NoKey + ": equal rows are counted"
	PartialImages = "the log holds incomplete row images (binlog_row_image is not FULL)"
	FoldsInPart   = PartialImages + ": what it shows of a row is written over the base"
)

// KeyReason says why a table's key does not tell its rows apart as the fold does; "" if it does.
func KeyReason(def *schema.Table, keyed bool) string {
	switch {
	case !keyed:
		return uncounted(def)
	case unpadded(def):
		return "MariaDB's index over a CHAR column of a NO PAD collation keeps apart what comparisons take for equal"
	}
	return ""
}

// unpadded reports a key of which MariaDB finds the row by an index, and not by comparing: over CHAR columns the index of a NO PAD collation sees
// trailing spaces, so that 'ss' and 'ß' are two keys, and = takes them for one. A search for several keys at once drops all but one of those.
func unpadded(def *schema.Table) bool {
	key, _ := def.RowKey()
	return slices.ContainsFunc(key.Columns, func(c schema.KeyPart) bool {
		col, ok := def.Column(c.Name)
		return ok && strings.EqualFold(col.DataType, "char") && strings.Contains(col.Collation, "_nopad_") && !strings.HasSuffix(col.Collation, "_bin")
	})
}

// uncounted says why a table without a key does not fold as a multiset; "" if it does.
func uncounted(def *schema.Table) string {
	switch {
	case def.Engine != "" && !strings.EqualFold(def.Engine, "InnoDB"): // the text of a dump is not asked for it
		return NoKey + ", and engine " + def.Engine + " has no transactions: counting rows once more would double them"
	case cascade.RefersToItself(def), cascade.MayGoTwice(def):
		return NoKey + ", and the log may name a row twice that a foreign key changes"
	}
	return ""
}

// InPartReason says why a table does not fold although the log shows parts of its rows only; "" if it does.
func InPartReason(def *schema.Table, exact bool) string {
	key, _ := def.RowKey()
	switch {
	case !exact:
		return "over a base of unknown date"
	case !strings.EqualFold(def.Engine, "InnoDB") && def.Engine != "":
		return "the table is of engine " + def.Engine
	case !key.Primary:
		return "the table has no primary key"
	}
	for _, k := range def.UniqueKeys() {
		for _, p := range k.Columns {
			if c, ok := def.Column(p.Name); !ok || !c.Writable() || k.Primary && p.Prefix != 0 {
				return "a unique key is over what is computed"
			}
		}
	}
	return ""
}

// Unmergeable says why a table's rows of a snapshot are loaded before the log's changes; "" where they go past them.
func Unmergeable(def *schema.Table) string {
	key, keyed := def.RowKey()
	switch {
	case keyed && !key.Primary:
		return "it has no primary key"
	case def.Engine != "" && !strings.EqualFold(def.Engine, "InnoDB"): // the text of a dump is not asked for it
		return "it is of engine " + def.Engine + ", which has no transactions"
	}
	for _, part := range key.Columns {
		i := def.ColumnNumber(part.Name)
		if i < 0 || !def.Columns[i].Writable() {
			return "its key is computed"
		}
		if c := &def.Columns[i]; ambiguous(c) {
			return fmt.Sprintf("key column %s is of type %s, of which a dump's text does not name one value", c.Name, c.DataType)
		}
	}
	if keyed {
		return ""
	}
	for i := range def.Columns {
		if c := &def.Columns[i]; c.Writable() && ambiguous(c) {
			return fmt.Sprintf("it has no key, and column %s is of type %s, of which a dump's text does not name one value", c.Name, c.DataType)
		}
	}
	return ""
}

// ambiguous reports a column of which a dump's text may stand for more than one value, or one value be written in more than one way.
func ambiguous(c *schema.Column) bool {
	switch c.DataType {
	case "float", "double", "enum", "set", "json", "vector", "uuid", "inet4", "inet6",
		"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection":
		return true
	}
	return false
}
