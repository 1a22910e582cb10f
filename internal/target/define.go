package target

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

	"lifeboat/internal/schema"
)

// Table reads a table's definition as the server has it now. It returns nil without an error when there
// is no such base table.
func (s *Server) Table(ctx context.Context, db, name string) (*schema.Table, error) {
	t := &schema.Table{DB: db, Name: name}
	where := " WHERE TABLE_SCHEMA = " + Quote(db) + " AND TABLE_NAME = " + Quote(name)
	var kind string
	var options, engine sql.NullString
	err := s.db.QueryRowContext(ctx, "SELECT TABLE_TYPE, ENGINE, CREATE_OPTIONS FROM information_schema.TABLES"+where).Scan(&kind, &engine, &options)
	if err == sql.ErrNoRows {
		return nil, s.absent(ctx, db, name)
	}
	if err == nil && kind == "VIEW" {
		return nil, nil
	}
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	t.Engine = engine.String
	t.Partitioned = strings.Contains(options.String, "partitioned")
	t.SystemVersioned = kind == "SYSTEM VERSIONED"
	t.Sequence = kind == "SEQUENCE"
	for _, read := range []func(context.Context, *schema.Table, string) error{s.columns, s.keys, s.foreignKeys} {
		if err := read(ctx, t, where); err != nil {
			return nil, fmt.Errorf("reading the definition of %s.%s: %w", db, name, s.explain(ctx, err))
		}
	}
	return t, nil
}

// absent makes sure that a table is not there: information_schema hides what the user has no privilege for.
func (s *Server) absent(ctx context.Context, db, name string) error {
	_, err := s.db.ExecContext(ctx, "SELECT 1 FROM "+schema.QuoteIdent(db)+"."+schema.QuoteIdent(name)+" LIMIT 0")
	switch {
	case Code(err) == 1146 || Code(err) == 1049:
		return nil
	case err == nil:
		return fmt.Errorf("%w: %s.%s is there, but the server does not show what it is", ErrAccess, db, name)
	}
	return s.explain(ctx, err)
}

func (s *Server) columns(ctx context.Context, t *schema.Table, where string) error {
	srid := "NULL"
	if !s.MariaDB && s.Number >= 80003 {
		srid = "SRS_ID"
	}
	rows, err := s.db.QueryContext(ctx, `SELECT COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IFNULL(CHARACTER_SET_NAME,''), IFNULL(COLLATION_NAME,''),
		IS_NULLABLE, EXTRA, ORDINAL_POSITION, IFNULL(COLUMN_DEFAULT,''), `+srid+` FROM information_schema.COLUMNS`+where+" ORDER BY ORDINAL_POSITION")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c schema.Column
		var nullable, extra string
		var id sql.NullInt64
		if err := rows.Scan(&c.Name, &c.Type, &c.DataType, &c.Charset, &c.Collation, &nullable, &extra, &c.Position, &c.Default, &id); err != nil {
			return err
		}
		extra = strings.ToUpper(extra)
		c.Nullable = nullable == "YES"
		c.Unsigned = strings.Contains(c.Type, "unsigned")
		c.Invisible = strings.Contains(extra, "INVISIBLE")
		c.AutoIncrement = strings.Contains(extra, "AUTO_INCREMENT")
		c.Computes, c.OnUpdate = s.computes(&c, extra), strings.Contains(extra, "ON UPDATE")
		c.SRID, c.HasSRID = uint32(id.Int64), id.Valid
		switch {
		case strings.Contains(extra, "VIRTUAL"):
			c.Generated = schema.GeneratedVirtual
		case strings.Contains(extra, "STORED GENERATED"), strings.Contains(extra, "PERSISTENT"):
			c.Generated = schema.GeneratedStored
		}
		c.RowPeriod = s.MariaDB && strings.Contains(extra, "GENERATED") && c.Generated != schema.GeneratedVirtual && (t.SystemVersioned)
		t.Columns = append(t.Columns, c)
	}
	return rows.Err()
}

// computes reports a default that is not the same for every row. MySQL 8 marks those; of earlier ones it is the current time alone. MariaDB writes
// constants as literals.
func (s *Server) computes(c *schema.Column, extra string) bool {
	text := strings.ToLower(c.Default)
	if strings.Contains(extra, "DEFAULT_GENERATED") || (c.DataType == "timestamp" || c.DataType == "datetime") && strings.HasPrefix(text, "current_timestamp") {
		return true
	}
	return s.MariaDB && !literalDefault.MatchString(text)
}

// literalDefault is how MariaDB shows a default that is a constant, in lower case.
var literalDefault = regexp.MustCompile(`^(null|[bx]?'.*'|[-+]?[0-9][0-9.e+-]*)?$`)

func (s *Server) keys(ctx context.Context, t *schema.Table, where string) error {
	rows, err := s.db.QueryContext(ctx, `SELECT INDEX_NAME, NON_UNIQUE, IFNULL(COLUMN_NAME,''), IFNULL(SUB_PART,0), IFNULL(NULLABLE,'')
		FROM information_schema.STATISTICS`+where+" ORDER BY INDEX_NAME = 'PRIMARY' DESC, INDEX_NAME, SEQ_IN_INDEX")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, nullable string
		var nonUnique int
		var part schema.KeyPart
		if err := rows.Scan(&name, &nonUnique, &part.Name, &part.Prefix, &nullable); err != nil {
			return err
		}
		part.Nullable = nullable == "YES"
		if n := len(t.Keys); n == 0 || t.Keys[n-1].Name != name {
			t.Keys = append(t.Keys, schema.Key{Name: name, Unique: nonUnique == 0, Primary: name == "PRIMARY"})
		}
		k := &t.Keys[len(t.Keys)-1]
		k.Columns = append(k.Columns, part)
	}
	return rows.Err()
}

func (s *Server) foreignKeys(ctx context.Context, t *schema.Table, _ string) error {
	rows, err := s.db.QueryContext(ctx, `SELECT r.CONSTRAINT_NAME, IFNULL(k.REFERENCED_TABLE_SCHEMA,''), r.REFERENCED_TABLE_NAME, r.DELETE_RULE, r.UPDATE_RULE,
		k.COLUMN_NAME, k.REFERENCED_COLUMN_NAME
		FROM information_schema.REFERENTIAL_CONSTRAINTS r JOIN information_schema.KEY_COLUMN_USAGE k
		ON CAST(k.CONSTRAINT_NAME AS BINARY) = CAST(r.CONSTRAINT_NAME AS BINARY)
		WHERE r.CONSTRAINT_SCHEMA = `+Quote(t.DB)+" AND r.TABLE_NAME = "+Quote(t.Name)+" AND k.TABLE_SCHEMA = "+Quote(t.DB)+" AND k.TABLE_NAME = "+Quote(t.Name)+" AND k.CONSTRAINT_SCHEMA = "+Quote(t.DB)+
		" ORDER BY r.CONSTRAINT_NAME, k.ORDINAL_POSITION")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f schema.ForeignKey
		var column, ref string
		if err := rows.Scan(&f.Name, &f.RefDB, &f.RefTable, &f.OnDelete, &f.OnUpdate, &column, &ref); err != nil {
			return err
		}
		if n := len(t.ForeignKeys); n == 0 || t.ForeignKeys[n-1].Name != f.Name {
			t.ForeignKeys = append(t.ForeignKeys, f)
		}
		k := &t.ForeignKeys[len(t.ForeignKeys)-1]
		k.Columns, k.RefColumns = append(k.Columns, column), append(k.RefColumns, ref)
	}
	return rows.Err()
}

// ShowCreate is the server's own text of a table, or "" if there is none: a fingerprint of it tells
// whether a DDL statement has run.
func (s *Server) ShowCreate(ctx context.Context, db, name string) (string, error) {
	var n, text string
	err := s.db.QueryRowContext(ctx, "SHOW CREATE TABLE "+schema.QuoteIdent(db)+"."+schema.QuoteIdent(name)).Scan(&n, &text)
	switch {
	case err == nil:
		return text, nil
	case Code(err) == 1146 || Code(err) == 1049:
		return "", nil
	case strings.Contains(err.Error(), "destination arguments"): // a view has more columns
		return "view", nil
	}
	return "", s.explain(ctx, err)
}

// ForeignKeys reads the foreign keys of all tables of a database, by child table. The error is ErrAccess where some may be hidden from the
// user.
func (s *Server) ForeignKeys(ctx context.Context, db string) (map[string][]schema.ForeignKey, error) {
	children, err := s.column(ctx, "SELECT DISTINCT TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = "+Quote(db))
	if err != nil {
		return nil, err
	}
	out := map[string][]schema.ForeignKey{}
	for _, name := range children {
		t := &schema.Table{DB: db, Name: name}
		if err := s.foreignKeys(ctx, t, ""); err != nil {
			return nil, s.explain(ctx, err)
		}
		out[name] = t.ForeignKeys
	}
	// Asked last: what was taken away while they were read shows.
	if _, err := s.sees(ctx, db); err != nil {
		return nil, err
	}
	return out, nil
}

// GeneratedTables are the tables of a database that have generated columns, or columns whose default is an expression.
func (s *Server) GeneratedTables(ctx context.Context, db string) ([]string, error) {
	return s.column(ctx, "SELECT DISTINCT TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "+Quote(db)+
		" AND (EXTRA LIKE '%GENERATED%' OR EXTRA LIKE '%VIRTUAL%' OR EXTRA LIKE '%PERSISTENT%')")
}

// ForeignKeyTables are the tables of a database that have a foreign key or that one of any database refers to.
func (s *Server) ForeignKeyTables(ctx context.Context, db string) ([]string, error) {
	return s.column(ctx, "SELECT TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = "+Quote(db)+
		" UNION SELECT REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE UNIQUE_CONSTRAINT_SCHEMA = "+Quote(db))
}
