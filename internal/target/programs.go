package target

import (
	"context"
	"fmt"
	"strings"

	"lifeboat/internal/schema"
)

// Program is a view, trigger, routine or event of the target, with the server's own text of it.
type Program struct {
	Kind    string // as schema.ObjectKind prints it
	Name    string
	Table   string // of a trigger
	SQL     string
	Session Session // in which the text was written
}

// ProgramTexts reads all views, triggers, routines and events of a database, triggers in the order in which they fire. The error is
// ErrAccess where some may be hidden from the user.
func (s *Server) ProgramTexts(ctx context.Context, db string) ([]Program, error) {
	if err := s.seesPrograms(ctx, db); err != nil {
		return nil, err
	}
	q := Quote(db)
	rows, err := s.db.QueryContext(ctx, "SELECT 'view', TABLE_NAME, '', 0, '' AS made FROM information_schema.VIEWS WHERE TABLE_SCHEMA = "+q+
		" UNION ALL SELECT 'trigger', TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_ORDER, IFNULL(CREATED, '') FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = "+q+
		" UNION ALL SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME, '', 0, '' FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = "+q+
		" UNION ALL SELECT 'event', EVENT_NAME, '', 0, '' FROM information_schema.EVENTS WHERE EVENT_SCHEMA = "+q+" ORDER BY 4, 5, 2")
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	defer rows.Close()
	var list []Program
	for rows.Next() {
		var o Program
		var order, made string
		if err := rows.Scan(&o.Kind, &o.Name, &o.Table, &order, &made); err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	if err := rows.Err(); err != nil {
		return nil, s.explain(ctx, err)
	}
	for i := range list {
		if err := s.programText(ctx, db, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// programText reads SHOW CREATE, whose columns have other names and places for each kind.
func (s *Server) programText(ctx context.Context, db string, o *Program) error {
	rows, err := s.db.QueryContext(ctx, "SHOW CREATE "+o.Kind+" "+schema.QuoteIdent(db)+"."+schema.QuoteIdent(o.Name))
	if err != nil {
		return fmt.Errorf("%s %s: %w", o.Kind, o.Name, s.explain(ctx, err))
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	cells := make([]*string, len(names))
	into := make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	if rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
	}
	for i, n := range names {
		v := cells[i]
		switch n = strings.ToLower(n); {
		case v == nil:
		case strings.HasPrefix(n, "create ") || n == "sql original statement":
			o.SQL = *v
		case n == "sql_mode":
			o.Session.SQLMode = *v
		case n == "character_set_client":
			o.Session.Client = *v
		case n == "collation_connection":
			o.Session.Collation = *v
		case n == "time_zone":
			o.Session.TimeZone = *v
		}
	}
	if o.SQL == "" {
		return fmt.Errorf("the server does not show the text of %s %s: the user needs the privilege to see it", o.Kind, o.Name)
	}
	return rows.Err()
}
