package plan

// What a restore asks of its plan.

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/replay/cascade"
)

// Scope is the plan's scope as the filter knows it.
func (p *Plan) Scope() filter.Scope {
	return filter.Scope{Database: p.Database, Tables: p.Tables, Exclude: p.Exclude}
}

// activity is what the log does to a table's rows; folds says that nothing else keeps the table from folding.
func (t *Table) activity(exact, folds bool) cascade.Activity {
	a := cascade.Activity{Deletes: t.Deleted > 0, Updates: t.Updated > 0}
	a.Moves = a.Updates && !(folds && exact && !t.Diffs)
	return a
}

// Activity is the same of all that the plan has counted under the name.
func (p *Plan) Activity(table string, folds bool) (a cascade.Activity) {
	for i := range p.Routes {
		if t := &p.Routes[i]; strings.EqualFold(t.Name, table) {
			b := t.activity(p.Exact, folds)
			a = cascade.Activity{Deletes: a.Deletes || b.Deletes, Updates: a.Updates || b.Updates, Moves: a.Moves || b.Moves}
		}
	}
	return a
}

// Countable refuses a table without a key over a base of unknown date, where the plan could not see that it has none: rows that
// the log inserts may be in the base or not.
func (p *Plan) Countable(table string) error {
	t := p.Route(table)
	if p.Exact || t == nil || t.Base != BaseTarget {
		return nil
	}
	return p.inexactRows(table, NoKey)
}

func (p *Plan) inexactRows(table, why string) error {
	return fmt.Errorf("%w: table %s (%s) cannot be replayed over a base of unknown date: leave it out with --exclude-table %s, or give --snapshot-position", ErrInexact, table, why, table)
}

// WantsPartial reports that the plan asks for partial tables, and that there are tables to ask for.
func (p *Plan) WantsPartial() bool {
	return p.PartialTables && slices.ContainsFunc(p.Routes, func(t Table) bool { return !t.Missing.IsZero() })
}

// MayBePartial reports a name that a restore gives to a partial table of this plan.
func (p *Plan) MayBePartial(name string) bool {
	return p.WantsPartial() && slices.ContainsFunc(p.Routes, func(t Table) bool {
		return !t.Missing.IsZero() && strings.HasPrefix(name, PartialName(t.Name))
	})
}

// longestName is the servers' limit for names, in characters; a few are left for a number.
const longestName = 64 - 4

// PartialName is that of a table made of the rows that the log shows of one without a base.
func PartialName(table string) string {
	const mark = "__lifeboat_partial"
	if r := []rune(table); len(r) > longestName-len(mark) {
		table = string(r[:longestName-len(mark)])
	}
	return table + mark
}
