package replay

import (
	"context"
	"errors"
	"fmt"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
)

// MySQL keeps the expressions of generated columns as text with backslashes, and reads that under the sql_mode of the session that opens the table, for all
// that come after: under NO_BACKSLASH_ESCAPES it computes other values, and ALTER TABLE keeps what was read wrong. (Seen on 9.7.4.) The session that logged a
// statement found its table open already. So here it is opened before, and read anew afterwards.

// readRight has the target read the tables of a statement under NO_BACKSLASH_ESCAPES as they are meant.
func (r *runner) readRight(ctx context.Context, st *schema.Statement, q *binlog.Query) error {
	return r.eachUnescaped(ctx, st, q, "SELECT 1 FROM %s LIMIT 0")
}

// reopen has the target forget how it read them.
func (r *runner) reopen(ctx context.Context, st *schema.Statement, q *binlog.Query) error {
	return r.eachUnescaped(ctx, st, q, "FLUSH LOCAL TABLES %s")
}

func (r *runner) eachUnescaped(ctx context.Context, st *schema.Statement, q *binlog.Query, statement string) error {
	if r.srv.MariaDB || q.Vars.SQLMode&schema.SQLModeNoBackslashEscapes == 0 {
		return nil
	}
	for _, o := range filter.Touched(st, q) {
		if o.Kind != schema.KindTable || o.DB != r.p.Database {
			continue
		}
		err := r.ddl.Exec(ctx, fmt.Sprintf(statement, quoteDB(r.p.Into)+"."+quoteDB(o.Name)))
		if errors.Is(err, target.ErrAccess) {
			return nil // where it matters, the server refuses the rows
		}
		if err != nil && target.Code(err) != errNoTable {
			return err
		}
	}
	return nil
}
