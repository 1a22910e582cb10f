package filter

import (
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// Kept is the part of a logged statement that is about tables in scope; without a clause that MySQL 8.0.21 adds to CREATE TABLE … SELECT. Its error
// is schema.ErrCannotSplit where a table moves into the scope or out of it, or is made like one beyond it.
func (s Scope) Kept(st *schema.Statement, q *binlog.Query, format *binlog.Format) ([]byte, error) {
	text := slices.Clone(q.SQL)
	if !st.StartTransaction.Empty() {
		text = slices.Delete(text, st.StartTransaction.Start, st.StartTransaction.End)
	}
	if !slices.ContainsFunc(Touched(st, q), func(o schema.Object) bool {
		return o.Kind == schema.KindTable && !s.Has(o.DB, o.Name) && o.Role != schema.Reference
	}) {
		return text, nil
	}
	return schema.Keep(text, ReadingMode(q, format), func(o schema.Object) bool {
		db := o.DB
		if db == "" {
			db = q.Database
		}
		return s.Has(db, o.Name)
	})
}
