package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/replay/cascade"
)

// A foreign key may refer to a table that is not restored: of another database, or one that was left out. Where the server's log leaves out what
// foreign keys did, the child rows that went with such a parent's are in no event, and the parent's own changes are not made here, so
// that nothing takes them along: the result says so.

// Beyond is a table that is not restored, with the places where the log first deletes and first updates rows of it.
type Beyond struct {
	Database string          `json:"database"`
	Table    string          `json:"table"`
	Deleted  binlog.Position `json:"deleted,omitzero"`
	Updated  binlog.Position `json:"updated,omitzero"`
}

// beyond takes from the survey what is changed out of scope before the stop.
func (pl *planner) beyond() {
	p, f := pl.p, &pl.survey.Format
	if cascade.Logged(f.MariaDB, f.VersionNumber()) {
		return
	}
	until := func(at binlog.Position) binlog.Position {
		if !p.Stop.IsZero() && at.Compare(p.Stop) >= 0 {
			return binlog.Position{}
		}
		return at
	}
	for name, b := range pl.survey.Beyond {
		b = filter.Beyond{Deleted: until(b.Deleted), Updated: until(b.Updated)}
		if b != (filter.Beyond{}) {
			p.Beyond = append(p.Beyond, Beyond{name.DB, name.Name, b.Deleted, b.Updated})
		}
	}
	slices.SortFunc(p.Beyond, func(a, b Beyond) int {
		return cmp.Or(strings.Compare(a.Database, b.Database), strings.Compare(a.Table, b.Table))
	})
}

// takenAlong says which rows of a table a foreign key's action on a parent that is not restored may have changed. What is said of updates is not
// certain: they may all have left the values alone that are referred to.
func (p *Plan) takenAlong(child string, keys []schema.ForeignKey) (certain, possible []string) {
	for i := range keys {
		k := &keys[i]
		db := k.RefDB
		if db == "" || db == p.Into {
			db = p.Database
		}
		for _, b := range p.Beyond {
			if !strings.EqualFold(b.Table, k.RefTable) || !strings.EqualFold(b.Database, db) {
				continue
			}
			const text = "table %s: foreign key %s refers to %s.%s, which is not restored, and of which the log %s rows from %s on: rows of %s that this %s on the source are not in the log, and are here as they were"
			if k.CascadesDelete() && !b.Deleted.IsZero() {
				certain = append(certain, fmt.Sprintf(text, child, k.Name, b.Database, b.Table, "deletes", b.Deleted, child, "deleted or cleared"))
			}
			if k.CascadesUpdate() && !b.Updated.IsZero() {
				possible = append(possible, fmt.Sprintf(text, child, k.Name, b.Database, b.Table, "updates", b.Updated, child, "changed, if it gave them other values to refer to,"))
			}
		}
	}
	return certain, possible
}

// UnsaidAlong is what of it the plan has not said, since it did not know the foreign keys: of tables that only the target or the log has.
func (p *Plan) UnsaidAlong(child string, keys []schema.ForeignKey) []string {
	certain, possible := p.takenAlong(child, keys)
	return slices.DeleteFunc(append(certain, possible...), func(line string) bool {
		return slices.Contains(p.Incomplete, line) || slices.Contains(p.Findings, line)
	})
}
