package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"lifeboat/internal/schema"
	"lifeboat/replay/cascade"
)

// predictLanes says which tables will not fold, as far as the texts tell. The restore decides by the
// target's own definitions.
func (pl *planner) predictLanes(all map[string]*Table, creates map[string]string) {
	defs := map[string]*schema.Table{}
	fks := map[string][]schema.ForeignKey{}
	for name, text := range creates {
		def, err := schema.ParseCreateTable([]byte(text), schema.Mode{MariaDB: pl.q.Snapshot.Index().MariaDB})
		if err != nil {
			continue // the lane is decided when the table exists
		}
		defs[name] = def
		if len(def.ForeignKeys) > 0 {
			fks[name] = def.ForeignKeys
		}
	}
	acts := func(table string) cascade.Activity {
		t := all[table]
		if t == nil {
			return cascade.Activity{}
		}
		keyed := true
		if def := defs[table]; def != nil {
			_, keyed = def.RowKey()
			keyed = KeyReason(def, keyed) == "" && !(t.Partial && InPartReason(def, pl.p.Exact) != "")
		}
		return t.activity(pl.p.Exact, keyed)
	}
	pl.beyond()
	for _, name := range slices.Sorted(maps.Keys(fks)) {
		certain, possible := pl.p.takenAlong(name, fks[name])
		pl.p.Incomplete, pl.p.Findings = append(pl.p.Incomplete, certain...), append(pl.p.Findings, possible...)
	}
	serial := cascade.Serial(fks, pl.survey.Format.MariaDB, pl.survey.Format.VersionNumber(), acts)
	var tied *cascade.Along
	if pl.p.Exact {
		tied = cascade.GoAlong(fks, serial, []string{pl.p.Database, pl.p.Into}, func(name string) (*schema.Table, string) { return defs[name], all[name].ownReason(defs[name]) }, acts,
			func(name string) bool { return all[name] != nil && all[name].Partial })
	}
	for name, t := range all {
		def := defs[name]
		switch {
		case t.Base == BaseNone:
			t.Lane = ""
		case t.Partial:
			if m := doubtfulDefault.FindStringSubmatch(creates[name]); m != nil {
				pl.p.Incomplete = append(pl.p.Incomplete, fmt.Sprintf("table %s: the default of column %s holds a question mark in the snapshot, which dump tools also write for characters that they cannot, "+
					"and the log leaves out columns that took their default: rows that the log inserts may have that mark for another character", name, m[1]))
			}
			if t.Lane, t.Why = pl.laneInPart(t, def, serial[name]); tied.Has(name) {
				t.Why += "; " + cascade.WentAlong
			}
		case t.Diffs:
			t.Lane, t.Why = LaneSerial, JSONDiffs
		case serial[name] != "":
			t.Lane, t.Why = LaneSerial, serial[name]
		case def != nil:
			_, keyed := def.RowKey()
			if why := KeyReason(def, keyed); why != "" {
				t.Lane, t.Why = LaneSerial, why
			} else if !keyed {
				t.Why = CountsRows
			}
			if tied.Has(name) {
				t.Why = cascade.WentAlong
			}
		}
		if t.Lane == LaneFold && def != nil && t.Base == BaseSnapshot && t.BaseRows > 0 && t.Inserted+t.Updated+t.Deleted > 0 {
			switch t.MergeWhy = Unmergeable(def); {
			case !pl.p.Exact:
				t.MergeWhy = "the base is of unknown date"
			case tied.Has(name):
				t.MergeWhy = cascade.WentAlong
			case t.Partial:
				t.MergeWhy = PartialImages
			}
			t.Merge = t.MergeWhy == ""
		}
	}
}

// laneInPart is the lane of a table with incomplete row images, and why; def is nil where the log makes the table.
func (pl *planner) laneInPart(t *Table, def *schema.Table, tied string) (Lane, string) {
	why := ""
	switch {
	case t.Diffs:
		why = JSONDiffs
	case def != nil:
		_, keyed := def.RowKey()
		why = cmp.Or(KeyReason(def, keyed), InPartReason(def, pl.p.Exact))
	case !pl.p.Exact:
		why = "over a base of unknown date"
	}
	if why = cmp.Or(why, tied); why != "" {
		return LaneSerial, PartialImages + "; " + why
	}
	return LaneFold, FoldsInPart
}

// ownReason says why a table does not fold, whatever refers to it, as far as the plan can tell. There is none of a table that the log leaves alone.
func (t *Table) ownReason(def *schema.Table) string {
	switch {
	case def == nil:
		return ""
	case t != nil && t.Diffs:
		return JSONDiffs
	}
	_, keyed := def.RowKey()
	if why := KeyReason(def, keyed); why != "" || t == nil || !t.Partial {
		return why
	}
	return InPartReason(def, true)
}
