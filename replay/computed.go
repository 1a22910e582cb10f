package replay

import (
	"context"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// computed tells what an ALTER TABLE makes of rows that are there and that nobody can make again: numbers in the order in which rows lie, where that is no key's, the
// choice among rows that goes by it, and what functions gave that answer otherwise each time.
func (r *runner) computed(ctx context.Context, st *schema.Statement, q *binlog.Query, at binlog.Position) error {
	numbers, function := filter.AddsNumbers(st, q), filter.DrawnFrom(st, q)
	if !numbers && !st.Alter.Ignore && function == "" {
		return nil
	}
	for _, o := range filter.Touched(st, q) {
		if o.Role != schema.Target || o.Kind != schema.KindTable || o.DB != r.p.Database {
			continue
		}
		def, err := r.srv.Table(ctx, r.p.Into, o.Name)
		if err != nil {
			return err
		}
		if def == nil {
			continue
		}
		some, err := r.ddl.Numbers(ctx, []byte("SELECT EXISTS (SELECT * FROM "+quoteDB(r.p.Into)+"."+quoteDB(o.Name)+")"))
		if err != nil || some[0] == 0 {
			return err
		}
		_, ordered := def.RowKey()
		ordered = ordered && strings.EqualFold(def.Engine, "InnoDB")
		if numbers && !ordered && !slices.ContainsFunc(def.Columns, func(c schema.Column) bool { return c.AutoIncrement }) {
			r.incomplete("table %s: the ALTER TABLE at %s numbers its rows in the order in which they lie, which is a key's only in InnoDB and in no log: they may have other numbers than on the source, and what the log changes behind it may have met other rows", o.Name, at)
		}
		if st.Alter.Ignore && !ordered {
			r.incomplete("table %s: the ALTER IGNORE TABLE at %s keeps of rows with the same unique value the first, in the order in which they lie, which is a key's only in InnoDB and in no log: it may have kept others than on the source", o.Name, at)
		}
		if function != "" {
			r.incomplete("table %s: the ALTER TABLE at %s fills a new column by %s, whose results are not in the log: rows that the log does not change behind it have other values than on the source", o.Name, at, function)
		}
	}
	return nil
}
