package target

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"lifeboat/internal/schema"
)

// Server views such as information_schema leave out, without a word, what the user has no privilege for. So whoever takes from them that
// something is not there asks here too.

// nowhere is a table's name that no database has.
const nowhere = "lifeboat asks whether it may see"

// sees reports whether the database is there, and refuses with ErrAccess where the user may not see all of its tables: of a table that
// does not exist, a server says so only to those.
func (s *Server) sees(ctx context.Context, db string) (exists bool, err error) {
	_, err = s.db.ExecContext(ctx, "SELECT 1 FROM "+schema.QuoteIdent(db)+"."+schema.QuoteIdent(nowhere)+" LIMIT 0")
	switch {
	case err == nil || Code(err) == 1146: // which some say of the table where there is no database either
		names, err := s.column(ctx, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = "+Quote(db))
		return len(names) > 0, err
	case Code(err) == 1049:
		return false, nil
	case isAccess(err):
		return false, fmt.Errorf("%w: the user does not see all tables of database %s, if there are any; GRANT ALL ON %s.*: %w", ErrAccess, db, schema.QuoteIdent(db), err)
	}
	return false, s.explain(ctx, err)
}

// granted is a line of SHOW GRANTS that gives TRIGGER on all tables, or all of a database whose name is like a pattern.
var granted = regexp.MustCompile("^GRANT (?:.*\\b(?:TRIGGER|ALL PRIVILEGES)\\b.*) ON (?:(\\*)|`((?:[^`]|``)*)`)\\.\\* TO ")

// seesPrograms refuses with ErrAccess where triggers or events of the database may be hidden from the user. They would work on what is restored.
func (s *Server) seesPrograms(ctx context.Context, db string) error {
	refuse := func(privilege string, err error) error {
		return fmt.Errorf("%w: the user lacks the privilege %s on database %s, so that what is there does not show: %w", ErrAccess, privilege, db, err)
	}
	rows, err := s.db.QueryContext(ctx, "SHOW EVENTS FROM "+schema.QuoteIdent(db)+" LIKE 'x'")
	switch {
	case isAccess(err):
		return refuse("EVENT", err)
	case err != nil:
		return s.explain(ctx, err)
	}
	if err := rows.Close(); err != nil {
		return s.explain(ctx, err)
	}
	if s.MariaDB {
		return nil // it shows the triggers of every table that the user may read, and refuses their texts
	}
	grants, err := s.column(ctx, "SHOW GRANTS")
	if err != nil {
		return err
	}
	for _, g := range grants {
		m := granted.FindStringSubmatch(g)
		switch {
		case m == nil:
			continue
		case m[1] != "":
			return nil
		}
		var like bool
		if err := s.db.QueryRowContext(ctx, "SELECT "+Quote(db)+" LIKE "+Quote(strings.ReplaceAll(m[2], "``", "`"))).Scan(&like); err != nil {
			return s.explain(ctx, err)
		}
		if like {
			return nil
		}
	}
	return refuse("TRIGGER", fmt.Errorf("SHOW GRANTS does not name it"))
}
