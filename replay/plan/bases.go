package plan

import (
	"fmt"

	"lifeboat/filter"
	"lifeboat/internal/schema"
	"lifeboat/replay/cascade"
	"lifeboat/snapshot"
)

// Several backups make one base: each table is taken whole from one of them, and the log's changes of it count from where that one
// ends. A table is taken from the newest backup whose place in the log is known, that the archive goes on from, that is not newer than the
// stop point, and that holds its rows; one of unknown date is only taken where there is no such one.
//
// Invariant: a change is made on a table if and only if the table's backup does not hold it. What changes several tables at once, and
// lies between the ends of their backups, is refused.

// Backup is one of several backups.
type Backup struct {
	Snapshot *snapshot.Snapshot
	Tables   []string // that are to be taken from it, whatever the others hold
}

// Base pins one of several backups.
type Base struct {
	Snapshot
	Exact    bool     `json:"exact"`
	Tables   []string `json:"tables"`             // that are taken from it
	Programs bool     `json:"programs,omitempty"` // so are views, routines and events
	Unused   string   `json:"unused,omitempty"`   // why nothing is taken from it
}

// used reports that something is taken from it.
func (b *Base) used() bool { return len(b.Tables) > 0 || b.Programs }

// Held is what the backups hold, as readings of the log ask it; nil where there are not several.
func (p *Plan) Held() *filter.Bases {
	if p.holds != nil || len(p.Bases) == 0 {
		return p.holds
	}
	b := &filter.Bases{Of: map[string]int{}}
	for i := range p.Bases {
		one := &p.Bases[i]
		if !one.used() {
			continue
		}
		n := len(b.Ends)
		b.Ends = append(b.Ends, filter.BaseEnd{Position: one.Position, GTIDs: one.GTIDs})
		for _, t := range one.Tables {
			b.Of[t] = n
		}
		if one.Programs {
			b.Rest = n
		}
	}
	p.holds = b
	return b
}

// Joined is the base that the plan makes of the backups it was made with.
func (p *Plan) Joined(all []Backup) (*snapshot.Snapshot, error) {
	if len(p.Bases) != len(all) {
		return nil, fmt.Errorf("the plan is of %d backups, and %d were given", len(p.Bases), len(all))
	}
	var parts []*snapshot.Snapshot
	var take []map[string]bool
	rest := 0
	for i := range p.Bases {
		one := &p.Bases[i]
		if !one.used() {
			continue
		}
		if one.Programs {
			rest = len(parts)
		}
		names := map[string]bool{}
		for _, t := range one.Tables {
			names[t] = true
		}
		parts, take = append(parts, all[i].Snapshot), append(take, names)
	}
	return snapshot.Join(p.Database, parts, take, rest)
}

// WhyNamed is the reason of a backup that the user named for a table.
const WhyNamed = "named by --snapshot"

// joinedKeys refuses tables that a cascading foreign key joins and that are taken from backups of different dates: what a parent's change
// did to its children is not in the log, and is to be done to those only whose backup does not hold it.
func (pl *planner) joinedKeys() error {
	if pl.several == nil {
		return nil
	}
	fks := map[string][]schema.ForeignKey{}
	for _, t := range pl.q.Snapshot.Index().Tables {
		if t.View {
			continue
		}
		def, err := schema.ParseCreateTable([]byte(t.Create), schema.Mode{MariaDB: pl.q.Snapshot.Index().MariaDB})
		if err != nil {
			return fmt.Errorf("%w: the definition of table %s cannot be read, so whether foreign keys join it to tables of another backup cannot be told (%w); give one backup", ErrInexact, t.Name, err)
		}
		if len(def.ForeignKeys) > 0 {
			fks[t.Name] = def.ForeignKeys
		}
	}
	serial := cascade.Serial(fks, pl.survey.Format.MariaDB, pl.survey.Format.VersionNumber(), cascade.Everything)
	for child, keys := range fks {
		for _, k := range keys {
			a, has := pl.several.picks[k.RefTable]
			b := pl.several.picks[child]
			if has && a.from != b.from && serial[child] != "" {
				return fmt.Errorf("%w: tables %s and %s are taken from backups of different dates (%s, %s), and %s; take both from one: --snapshot %s=PATH --snapshot %s=PATH",
					ErrInexact, child, k.RefTable, pl.several.path(b.from), pl.several.path(a.from), serial[child], child, k.RefTable)
			}
		}
	}
	return nil
}
