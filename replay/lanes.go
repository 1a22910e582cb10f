package replay

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// Lane is how a table's changes are written.
type Lane string

// The lanes.
const (
	LaneFold   Lane = "fold"   // one write per row
	LaneSerial Lane = "serial" // every change, in log order
)

// cascadesInLog is the first MySQL version whose log holds the child rows that a foreign key action
// changed. Earlier ones, and MariaDB, leave them to the replica's own foreign keys.
const cascadesInLog = 90600

// cascadesLogged reports whether a server's log holds what foreign keys did: then nothing of it may happen again.
func cascadesLogged(mariaDB bool, version int) bool { return !mariaDB && version >= cascadesInLog }

// activity is what the log does to the rows of a table that others refer to.
type activity struct {
	deletes bool
	updates bool
	moves   bool // values that are referred to may change, and the fold does not see to that: see mover
}

// everything is the activity of tables of which nothing is known.
func everything(string) activity { return activity{deletes: true, updates: true, moves: true} }

// activity is what the log does to a table's rows; folds says that nothing else keeps the table from folding.
func (t *PlanTable) activity(exact, folds bool) activity {
	a := activity{deletes: t.Deleted > 0, updates: t.Updated > 0}
	a.moves = a.updates && !(folds && exact && !t.Diffs)
	return a
}

// activity is the same of all that the plan has counted under the name.
func (p *Plan) activity(table string, folds bool) (a activity) {
	for i := range p.Routes {
		if t := &p.Routes[i]; strings.EqualFold(t.Name, table) {
			b := t.activity(p.Exact, folds)
			a = activity{a.deletes || b.deletes, a.updates || b.updates, a.moves || b.moves}
		}
	}
	return a
}

// lanes tells which tables do not fold, and why. fks are the foreign keys of the database's tables, and acts what the log does to them.
//
// A foreign key is live if the log has changes that may set its actions off; what the others say has no effect on the rows. The tables of a live one
// are written change by change, the parent's with checks on, and so is every table that those checks look at: the children of a
// table that loses rows, whose own must be gone by then, and the parents of one whose rows are given other values, which must be there.
func lanes(fks map[string][]schema.ForeignKey, mariaDB bool, version int, acts func(table string) activity) map[string]string {
	out := map[string]string{}
	if cascadesLogged(mariaDB, version) {
		return out
	}
	g := cascade{fks: fks, acts: acts, out: out, loses: map[string]bool{}, silent: map[string]bool{}, given: map[string]bool{}}
	children := slices.Sorted(maps.Keys(fks))
	for grown := true; grown; {
		grown = false
		for _, child := range children {
			for i := range fks[child] {
				grown = g.set(child, &fks[child][i]) || grown
			}
		}
	}
	return out
}

// cascade is how far the live foreign keys reach.
type cascade struct {
	fks    map[string][]schema.ForeignKey
	acts   func(string) activity
	out    map[string]string
	loses  map[string]bool // rows by statements with checks on, or without the log's saying so
	silent map[string]bool // rows change without the log's saying so
	given  map[string]bool // values by statements with checks on, or without the log's saying so
}

// set follows one foreign key, and reports whether that reached anything new.
func (g *cascade) set(child string, k *schema.ForeignKey) bool {
	parent := k.RefTable
	before := len(g.out) + len(g.loses) + len(g.silent) + len(g.given)
	a := g.acts(parent)
	byDelete := k.CascadesDelete() && (a.deletes || g.silent[parent])
	byUpdate := k.CascadesUpdate() && (a.moves || g.silent[parent] || a.updates && g.out[parent] != "")
	if byDelete || byUpdate {
		why := fmt.Sprintf("foreign key %s of %s cascades, and this server's log leaves out the child rows it changed", k.Name, child)
		g.serial(why, parent, child)
		g.loses[parent], g.loses[child], g.silent[child] = true, true, true
	}
	if byUpdate {
		g.given[parent], g.given[child] = true, true
	}
	if g.loses[parent] {
		g.serial(g.out[parent], child)
	}
	if g.given[child] {
		g.serial(g.out[child], parent)
	}
	return len(g.out)+len(g.loses)+len(g.silent)+len(g.given) > before
}

func (g *cascade) serial(why string, tables ...string) {
	for _, t := range tables {
		if g.out[t] == "" {
			g.out[t] = why
		}
	}
}

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
