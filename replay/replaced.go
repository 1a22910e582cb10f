package replay

import (
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// replaced tells whether a logged update with incomplete images is what became of a REPLACE: MariaDB logs one that meets a single
// row so, and leaves out the columns that took their default. Only the statement's text shows it; where that is missing,
// or does not name the table (a trigger or routine changed it), the result is said to be incomplete.
func (r *runner) replaced(t *route, it *binlog.Item) bool {
	if !r.format.MariaDB {
		return false
	}
	st, err := schema.Classify(it.Rows.Statement, schema.Mode{MariaDB: true})
	if err != nil {
		st, err = schema.Classify(it.Rows.Statement, schema.Mode{MariaDB: true, ANSIQuotes: true})
	}
	named := false
	for _, o := range st.Objects {
		named = named || o.Role == schema.Target && strings.EqualFold(o.Name, t.name)
	}
	if err == nil && named {
		switch st.Verb {
		case schema.Replace:
			return true
		case schema.Update, schema.Insert:
			return false
		}
	}
	r.incomplete("table %s: the log does not show whether the update at %s, the first of its kind, was a REPLACE (MariaDB, binlog_row_image is not FULL, no statement's text that names the table): columns that a REPLACE gave no value may hold an old one", t.name, it.Pos)
	return false
}
