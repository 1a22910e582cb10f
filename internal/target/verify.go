package target

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// Values hands every row of a query to row as the driver gives it, which is several times faster than Each: numbers as int64, uint64 or float64, all
// else as bytes that are valid during the call, NULL as nil.
func (c *Conn) Values(ctx context.Context, query string, row func([]driver.Value) error) error {
	err := c.c.Raw(func(conn any) (err error) {
		q, ok := conn.(driver.QueryerContext)
		if !ok {
			return fmt.Errorf("the driver's sessions are of type %T", conn)
		}
		rows, err := q.QueryContext(ctx, query, nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		dest := make([]driver.Value, len(rows.Columns()))
		for {
			if err := rows.Next(dest); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := row(dest); err != nil {
				return &rowError{err}
			}
		}
	})
	var own *rowError
	if errors.As(err, &own) {
		return own.err
	}
	return c.explain(ctx, err)
}

// Named hands the values of a query's first row to value, with their columns' names.
func (c *Conn) Named(ctx context.Context, query string, value func(name string, v driver.Value)) error {
	rows, err := c.c.QueryContext(ctx, query)
	if err != nil {
		return c.explain(ctx, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || !rows.Next() {
		return c.explain(ctx, errors.Join(err, rows.Err()))
	}
	values := make([]sql.RawBytes, len(names))
	dest := make([]any, len(names))
	for i := range values {
		dest[i] = &values[i]
	}
	if err := rows.Scan(dest...); err != nil {
		return c.explain(ctx, err)
	}
	for i, n := range names {
		if values[i] == nil {
			value(n, nil)
		} else {
			value(n, []byte(values[i]))
		}
	}
	return nil
}

// rowError is an error of the one who takes rows, not of the server.
type rowError struct{ err error }

func (e *rowError) Error() string { return e.err.Error() }

// Bodies lists what a database holds besides tables, each with its kind: "view v", "trigger t", and functions, procedures and events
// likewise; and the text of each as its author wrote it behind its head, "" of views, which servers write anew.
func (s *Server) Bodies(ctx context.Context, db string) (map[string]string, error) {
	q := Quote(db)
	rows, err := s.db.QueryContext(ctx, "SELECT CONCAT('view ', TABLE_NAME), '' FROM information_schema.VIEWS WHERE TABLE_SCHEMA = "+q+
		" UNION ALL SELECT CONCAT('trigger ', TRIGGER_NAME), ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = "+q+
		" UNION ALL SELECT CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME), IFNULL(ROUTINE_DEFINITION,'') FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = "+q+
		" UNION ALL SELECT CONCAT('event ', EVENT_NAME), EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = "+q)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name, body string
		if err := rows.Scan(&name, &body); err != nil {
			return nil, s.explain(ctx, err)
		}
		out[name] = body
	}
	return out, s.explain(ctx, rows.Err())
}

// Evaluate asks for the text of an expression, in UTF-8.
func (s *Server) Evaluate(ctx context.Context, expression []byte) ([]byte, error) {
	var text sql.NullString
	err := s.db.QueryRowContext(ctx, "SELECT "+string(expression)).Scan(&text)
	if err == nil && !text.Valid {
		err = errors.New("the server makes NULL of a value")
	}
	return []byte(text.String), s.explain(ctx, err)
}
