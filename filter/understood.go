package filter

import (
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// Understood reads a logged statement as what it did. MariaDB drops the old table before a CREATE OR REPLACE TABLE can fail, and if it
// fails then, logs the statement with its error (mysql_create_table in its sql_table.cc; where nothing was dropped, it logs nothing): that is a DROP, and
// comes back as the text of one.
func Understood(q *binlog.Query, f *binlog.Format) (schema.Statement, *binlog.Query, error) {
	st, err := schema.Classify(q.SQL, ReadingMode(q, f))
	if err != nil || !f.MariaDB || q.ErrorCode == 0 || !st.OrReplace || st.Temporary || st.Undecoded() {
		return st, q, err
	}
	switch st.Verb {
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect:
	default:
		return st, q, nil
	}
	for _, o := range Touched(&st, q) {
		if o.Role != schema.Target {
			continue
		}
		drop := *q
		drop.SQL = []byte("DROP TABLE IF EXISTS " + schema.QuoteIdent(o.DB) + "." + schema.QuoteIdent(o.Name))
		drop.ErrorCode, drop.Vars.ClientCollation = 0, CollationUTF8
		st, err = schema.Classify(drop.SQL, ReadingMode(&drop, f))
		return st, &drop, err
	}
	return st, q, nil
}

// CollationUTF8 is utf8_general_ci, the collation of statements that are not in their client's.
const CollationUTF8 = 33
