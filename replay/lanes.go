package replay

import (
	"fmt"

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

// lanes tells which tables do not fold, and why. fks are the foreign keys of the database's tables.
func lanes(fks map[string][]schema.ForeignKey, mariaDB bool, version int) map[string]string {
	out := map[string]string{}
	if cascadesLogged(mariaDB, version) {
		return out
	}
	// Tables joined by foreign keys, in which some action cascades, go together: a child's changes and
	// its parent's must keep their order.
	group := map[string]string{}
	var find func(string) string
	find = func(t string) string {
		if p, ok := group[t]; ok && p != t {
			return find(p)
		}
		group[t] = t
		return t
	}
	for child, keys := range fks {
		for _, k := range keys {
			group[find(child)] = find(k.RefTable)
		}
	}
	reason := map[string]string{}
	for child, keys := range fks {
		for _, k := range keys {
			if k.Cascades() {
				why := fmt.Sprintf("foreign key %s of %s cascades, and this server's log leaves out the child rows it changed", k.Name, child)
				if old, ok := reason[find(child)]; !ok || why < old {
					reason[find(child)] = why
				}
			}
		}
	}
	for t := range group {
		if why, ok := reason[find(t)]; ok {
			out[t] = why
		}
	}
	return out
}

// cascadeParents are the tables whose changes may change rows of others.
func cascadeParents(fks map[string][]schema.ForeignKey) map[string]bool {
	out := map[string]bool{}
	for _, keys := range fks {
		for _, k := range keys {
			if k.Cascades() {
				out[k.RefTable] = true
			}
		}
	}
	return out
}
