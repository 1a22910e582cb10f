package cascade

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeboat/internal/schema"
)

// cascadesInLog is the first MySQL version whose log holds the child rows that a foreign key action
// changed. Earlier ones, and MariaDB, leave them to the replica's own foreign keys.
const cascadesInLog = 90600

// Logged reports whether a server's log holds what foreign keys did: then nothing of it may happen again.
func Logged(mariaDB bool, version int) bool { return !mariaDB && version >= cascadesInLog }

// Activity is what the log does to the rows of a table that others refer to.
type Activity struct {
	Deletes bool
	Updates bool
	Moves   bool // values that are referred to may change, and the fold does not see to that
}

// Everything is the activity of tables of which nothing is known.
func Everything(string) Activity { return Activity{Deletes: true, Updates: true, Moves: true} }

// Serial tells which tables do not fold, and why. fks are the foreign keys of the database's tables, and acts what the log does to them.
//
// A foreign key is live if the log has changes that may set its actions off; what the others say has no effect on the rows. The tables of a live one
// are written change by change, the parent's with checks on, and so is every table that those checks look at: the children of a
// table that loses rows, whose own must be gone by then, and the parents of one whose rows are given other values, which must be there.
func Serial(fks map[string][]schema.ForeignKey, mariaDB bool, version int, acts func(table string) Activity) map[string]string {
	out := map[string]string{}
	if Logged(mariaDB, version) {
		return out
	}
	g := reach{fks: fks, acts: acts, out: out, loses: map[string]bool{}, silent: map[string]bool{}, given: map[string]bool{}}
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

// reach is how far the live foreign keys reach.
type reach struct {
	fks    map[string][]schema.ForeignKey
	acts   func(string) Activity
	out    map[string]string
	loses  map[string]bool // rows by statements with checks on, or without the log's saying so
	silent map[string]bool // rows change without the log's saying so
	given  map[string]bool // values by statements with checks on, or without the log's saying so
}

// set follows one foreign key, and reports whether that reached anything new.
func (g *reach) set(child string, k *schema.ForeignKey) bool {
	parent := k.RefTable
	before := len(g.out) + len(g.loses) + len(g.silent) + len(g.given)
	a := g.acts(parent)
	byDelete := k.CascadesDelete() && (a.Deletes || g.silent[parent])
	byUpdate := k.CascadesUpdate() && (a.Moves || g.silent[parent] || a.Updates && g.out[parent] != "")
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

func (g *reach) serial(why string, tables ...string) {
	for _, t := range tables {
		if g.out[t] == "" {
			g.out[t] = why
		}
	}
}

// RefersToItself reports a table some of whose rows become NULL when others are deleted.
func RefersToItself(t *schema.Table) bool {
	return slices.ContainsFunc(t.ForeignKeys, func(k schema.ForeignKey) bool {
		return strings.EqualFold(k.RefTable, t.Name) && strings.EqualFold(k.OnDelete, "SET NULL")
	})
}

// MayGoTwice reports a table whose rows a multi-table DELETE may log as deleted twice, on MySQL from 9.6 on: by the foreign key's action, and
// then by the statement itself.
func MayGoTwice(t *schema.Table) bool {
	return slices.ContainsFunc(t.ForeignKeys, func(k schema.ForeignKey) bool { return strings.EqualFold(k.OnDelete, "CASCADE") })
}
