package replay

import (
	"maps"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/replay/cascade"
)

// children are the tables whose rows a change of a parent's may change without the log's saying so, and by which foreign key. Their
// own children are among them.
func (b *rebuild) children(parent string) (out []child) {
	if b.format == nil || cascade.Logged(b.format.MariaDB, b.format.VersionNumber()) {
		return nil
	}
	names := slices.Sorted(maps.Keys(b.tables))
	for reached := []string{parent}; len(reached) > 0; reached = reached[1:] {
		for _, name := range names {
			for _, k := range b.tables[name].def.ForeignKeys {
				if k.Cascades() && strings.EqualFold(k.RefTable, reached[0]) && !slices.ContainsFunc(out, func(c child) bool { return c.name == name }) {
					out = append(out, child{name, k.Name})
					reached = append(reached, name)
				}
			}
		}
	}
	return out
}

// child is a table and the foreign key by which another's changes reach it.
type child struct{ name, key string }

// cascades refuses a change that may have changed rows that the log does not name.
func (b *rebuild) cascades(s *stage, rows *binlog.Rows) error {
	if rows.Kind == binlog.Insert || rows.Flags&binlog.RowsNoForeignKeyChecks != 0 {
		return nil
	}
	for _, c := range s.children {
		why := needsServer("table %s: foreign key %s of %s cascades, and this server's log leaves out the child rows it changed", c.name, c.key, c.name)
		if err := b.doubtful(why, c.name); err != nil {
			return err
		}
	}
	return nil
}
