package replay

import (
	"bytes"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// setOff is what of a parent's changes sets off the actions of foreign keys.
type setOff struct {
	deletes bool
	columns []string // updates that give one of these another value
}

// cascadeParents are the tables whose changes may change rows of others.
func cascadeParents(fks map[string][]schema.ForeignKey) map[string]setOff {
	out := map[string]setOff{}
	for _, keys := range fks {
		for i := range keys {
			k := &keys[i]
			if !k.Cascades() {
				continue
			}
			p := out[k.RefTable]
			p.deletes = p.deletes || k.CascadesDelete()
			if k.CascadesUpdate() {
				p.columns = append(p.columns, k.RefColumns...)
			}
			out[k.RefTable] = p
		}
	}
	return out
}

// trigger is the same by the numbers of a table's columns.
type trigger struct {
	deletes bool
	moves   []int
}

func (s *setOff) of(def *schema.Table) trigger {
	t := trigger{deletes: s.deletes}
	for i := range def.Columns {
		if slices.ContainsFunc(s.columns, func(n string) bool { return strings.EqualFold(n, def.Columns[i].Name) }) {
			t.moves = append(t.moves, i)
		}
	}
	return t
}

// by reports whether a row change sets an action off. An insertion never does.
func (t *trigger) by(rows *binlog.Rows, r *binlog.RowReader) bool {
	switch {
	case rows.Flags&binlog.RowsNoForeignKeyChecks != 0 || rows.Kind == binlog.Insert:
		return false
	case rows.Kind == binlog.Delete:
		return t.deletes
	}
	return slices.ContainsFunc(t.moves, func(i int) bool {
		return r.New.State[i] != binlog.Absent && (r.Old.State[i] != r.New.State[i] || !bytes.Equal(r.Old.Cols[i], r.New.Cols[i]))
	})
}
