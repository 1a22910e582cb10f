package replay

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// wasReplace tells whether a logged update with incomplete images is what became of a REPLACE: MariaDB logs one that meets a single
// row so, and leaves out the columns that took their default. Only the statement's text shows it; it is not told where that is missing,
// or does not name the table (a trigger or routine changed it).
func wasReplace(rows *binlog.Rows, table string) (was, told bool) {
	st, err := schema.Classify(rows.Statement, schema.Mode{MariaDB: true})
	if err != nil {
		st, err = schema.Classify(rows.Statement, schema.Mode{MariaDB: true, ANSIQuotes: true})
	}
	named := err == nil && slices.ContainsFunc(st.Objects, func(o schema.Object) bool { return o.Role == schema.Target && strings.EqualFold(o.Name, table) })
	switch st.Verb {
	case schema.Replace:
		return named, named
	case schema.Update, schema.Insert:
		return false, named
	}
	return false, false
}

// replaced is the same of MariaDB's log, and says that the result may be incomplete where it is not told.
func (r *runner) replaced(t *route, it *binlog.Item) bool {
	if !r.format.MariaDB {
		return false
	}
	was, told := wasReplace(it.Rows, t.name)
	if line := untoldReplace(r.result.Incomplete, t.name, it.Pos); !told && line != "" {
		r.incomplete("%s", line)
	}
	return was
}

// untoldReplace is the line that says so, once for each table: "" where it was said.
func untoldReplace(said []string, table string, at binlog.Position) string {
	begin := fmt.Sprintf("table %s: the log does not show whether", table)
	if slices.ContainsFunc(said, func(l string) bool { return strings.HasPrefix(l, begin) }) {
		return ""
	}
	return fmt.Sprintf("%s the update at %s, the first of its kind, was a REPLACE (MariaDB, binlog_row_image is not FULL, no statement's text that names the table): columns that a REPLACE gave no value may hold an old one", begin, at)
}
