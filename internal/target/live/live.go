// Package live reads a database from a server as a dump: in one consistent snapshot, with its place in the server's log.
package live

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/target/folder"
	"lifeboat/internal/value"
)

// ErrUnsupported marks what a database holds and a dump of this kind cannot.
var ErrUnsupported = errors.New("this cannot be read from a live server; take a dump with the server's own tool")

// Snapshot is a session that sees one moment of a server.
type Snapshot struct {
	srv  *target.Server
	conn *target.Conn
	db   string

	// Position and GTIDs are where the log is at that moment; both are empty where the server writes none, or they are not known.
	Position binlog.Position
	GTIDs    string
}

// Open begins a snapshot of a database. MySQL's tables are locked for as long as it takes to look where the log is; MariaDB's are not. The user needs
// SELECT, SHOW VIEW, TRIGGER, EVENT and, where the server writes a log, RELOAD and REPLICATION CLIENT.
func Open(ctx context.Context, srv *target.Server, db string) (*Snapshot, error) {
	exists, _, err := srv.HasDatabase(ctx, db)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, fmt.Errorf("there is no database %s on %s", db, srv.Name())
	}
	conn, err := srv.Conn(ctx, db)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{srv: srv, conn: conn, db: db}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// Close ends the session.
func (s *Snapshot) Close() error { return s.conn.Close() }

func (s *Snapshot) begin(ctx context.Context) error {
	lock := s.srv.LogBin && !s.srv.MariaDB
	steps := []string{"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT"}
	if lock {
		steps = slices.Insert(steps, 0, "FLUSH TABLES WITH READ LOCK")
	}
	for _, q := range steps {
		if err := s.conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("a consistent snapshot of %s: %w", s.srv.Name(), err)
		}
	}
	if s.srv.LogBin {
		if err := s.place(ctx); err != nil {
			return fmt.Errorf("where the log of %s is: %w", s.srv.Name(), err)
		}
	}
	if lock {
		return s.conn.Exec(ctx, "UNLOCK TABLES")
	}
	return nil
}

// place asks where the log is at the snapshot.
func (s *Snapshot) place(ctx context.Context) error {
	status := map[string]string{}
	if s.srv.MariaDB {
		err := s.conn.Each(ctx, "SHOW STATUS LIKE 'binlog_snapshot_%'", func(scan func(...any) error) error {
			var name, v string
			err := scan(&name, &v)
			status[strings.ToLower(name)] = v
			return err
		})
		if err != nil {
			return err
		}
	} else {
		query := "SHOW MASTER STATUS"
		if s.srv.Number >= 80200 {
			query = "SHOW BINARY LOG STATUS"
		}
		err := s.conn.Values(ctx, query, func(row []driver.Value) error {
			status["binlog_snapshot_file"], status["binlog_snapshot_position"] = text(row[0]), text(row[1])
			return nil
		})
		if err != nil {
			return err
		}
	}
	file, at := status["binlog_snapshot_file"], status["binlog_snapshot_position"]
	n, err := strconv.ParseUint(at, 10, 64)
	if err != nil || file == "" {
		return fmt.Errorf("the server says %q, %q", file, at)
	}
	s.Position = binlog.Position{File: file, Offset: n}
	query := "SELECT @@global.gtid_executed"
	if s.srv.MariaDB {
		query = "SELECT BINLOG_GTID_POS(" + target.Quote(file) + ", " + at + ")"
	}
	var set sql.NullString
	if err := s.conn.Row(ctx, query, &set); err != nil {
		return err
	}
	s.GTIDs = strings.NewReplacer("\n", "", " ", "").Replace(set.String)
	return nil
}

func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// Write writes the database into a dump, and reports rows as they are read. The dump is not published.
func (s *Snapshot) Write(ctx context.Context, out *folder.Folder, rows func(n int64)) error {
	if err := s.sequences(ctx); err != nil {
		return err
	}
	var name, create string
	if err := s.conn.Row(ctx, "SHOW CREATE DATABASE "+schema.QuoteIdent(s.db), &name, &create); err != nil {
		return err
	}
	if _, options, ok := strings.Cut(create, schema.QuoteIdent(s.db)); ok {
		out.DatabaseOptions(options)
	}
	tables, err := s.srv.Tables(ctx, s.db)
	if err != nil {
		return err
	}
	defs := map[string]*schema.Table{}
	for _, t := range tables {
		if defs[t], err = s.srv.Table(ctx, s.db, t); err != nil {
			return err
		}
		if defs[t] == nil || defs[t].SystemVersioned {
			return fmt.Errorf("table %s is system-versioned, or was dropped meanwhile: %w", t, ErrUnsupported)
		}
		if err := s.conn.Row(ctx, "SHOW CREATE TABLE "+schema.QuoteIdent(t), &name, &create); err != nil {
			return err
		}
		mode := "SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"
		if err := out.Table(t, []folder.Statement{{Set: []string{"SET NAMES utf8mb4", mode}, SQL: []byte(create)}}); err != nil {
			return err
		}
	}
	n := int64(0)
	for _, t := range tables {
		if err := s.rows(ctx, out, defs[t], func() {
			if n++; n%4096 == 0 && rows != nil {
				rows(n)
			}
		}); err != nil {
			return fmt.Errorf("table %s: %w", t, err)
		}
	}
	return s.programs(ctx, out)
}

// sequences refuses those of MariaDB.
func (s *Snapshot) sequences(ctx context.Context) error {
	return s.conn.Each(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE='SEQUENCE' AND TABLE_SCHEMA="+target.Quote(s.db), func(scan func(...any) error) error {
		var name string
		if err := scan(&name); err != nil {
			return err
		}
		return fmt.Errorf("database %s holds the sequence %s: %w", s.db, name, ErrUnsupported)
	})
}

// rows writes one table's rows, in the order of its key.
func (s *Snapshot) rows(ctx context.Context, out *folder.Folder, def *schema.Table, read func()) error {
	var names, query []string
	var columns []*schema.Column
	for i := range def.Columns {
		c := &def.Columns[i]
		if !c.Writable() {
			continue
		}
		q := schema.QuoteIdent(c.Name)
		names = append(names, q)
		columns = append(columns, c)
		query = append(query, value.Exactly(c.DataType, q))
	}
	if len(names) == 0 {
		return fmt.Errorf("every column is computed: %w", ErrUnsupported)
	}
	head := "INSERT INTO " + schema.QuoteIdent(def.Name) + " (" + strings.Join(names, ",") + ") VALUES"
	var row []byte
	return s.conn.Values(ctx, "SELECT "+strings.Join(query, ",")+" FROM "+schema.QuoteIdent(def.Name), func(values []driver.Value) error {
		row = append(row[:0], '(')
		for i, v := range values {
			if i > 0 {
				row = append(row, ',')
			}
			row = appendLiteral(row, columns[i], v)
		}
		row = append(row, ')')
		read()
		return out.Row(def.Name, head, row)
	})
}

// appendLiteral writes a value for a session that takes bytes as they are.
func appendLiteral(dst []byte, c *schema.Column, v driver.Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "NULL"...)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	case []byte:
		switch strings.ToLower(c.DataType) {
		case "decimal", "year":
			return append(dst, v...)
		case "float", "double":
			f, err := strconv.ParseFloat(string(v), 64)
			if err == nil {
				return strconv.AppendFloat(dst, f, 'e', -1, 64)
			}
			return append(dst, v...)
		case "json", "uuid", "inet4", "inet6":
			dst = append(dst, "_utf8mb4"...)
		}
		return value.AppendQuoted(dst, v)
	}
	return fmt.Append(dst, v)
}

// programs writes views, triggers, routines and events as their SHOW CREATE has them.
func (s *Snapshot) programs(ctx context.Context, out *folder.Folder) error {
	bodies, err := s.srv.Bodies(ctx, s.db)
	if err != nil {
		return err
	}
	var list []program
	for name := range bodies {
		p := program{}
		p.kind, p.name, _ = strings.Cut(name, " ")
		list = append(list, p)
	}
	// Triggers of one table and moment come in the order in which they fire.
	var order []string
	if err := s.conn.Each(ctx, "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA="+target.Quote(s.db)+
		" ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER, CREATED", func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		order = append(order, name)
		return err
	}); err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b program) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), cmp.Compare(slices.Index(order, a.name), slices.Index(order, b.name)), strings.Compare(a.name, b.name))
	})
	for i := range list {
		if err := s.show(ctx, &list[i]); err != nil {
			return fmt.Errorf("%s %s: %w", list[i].kind, list[i].name, err)
		}
	}
	for _, p := range inOrder(list) {
		if err := out.Program(p.kind, p.name, p.table, []folder.Statement{{Set: p.set, SQL: []byte(p.sql)}}); err != nil {
			return err
		}
	}
	return nil
}

// program is one of them.
type program struct {
	kind, name, table, sql string
	set                    []string
}

// show reads the statement, and the session that it means what it means in.
func (s *Snapshot) show(ctx context.Context, p *program) error {
	var names []string
	row := map[string]string{}
	query := "SHOW CREATE " + strings.ToUpper(p.kind) + " " + schema.QuoteIdent(p.name)
	err := s.conn.Named(ctx, query, func(name string, v driver.Value) {
		names = append(names, name)
		if v != nil {
			row[strings.ToLower(name)] = text(v)
		}
	})
	if err != nil {
		return err
	}
	for _, n := range names {
		if n := strings.ToLower(n); strings.HasPrefix(n, "create ") || n == "sql original statement" {
			p.sql = row[n]
		}
	}
	if p.sql == "" {
		return fmt.Errorf("%w: the server does not show its text to this user", target.ErrAccess)
	}
	p.set = append(p.set, "SET SESSION sql_mode="+quote(row["sql_mode"]), "SET SESSION character_set_client="+quote(row["character_set_client"]),
		"SET SESSION collation_connection="+quote(row["collation_connection"]))
	if z := row["time_zone"]; z != "" {
		p.set = append(p.set, "SET SESSION time_zone="+quote(z))
	}
	if p.kind == schema.KindTrigger.String() {
		return s.conn.Row(ctx, "SELECT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA="+target.Quote(s.db)+" AND TRIGGER_NAME="+target.Quote(p.name), &p.table)
	}
	return nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// inOrder puts routines before what may call them, views behind those that they read, and events, which run, last.
func inOrder(list []program) []program {
	rank := func(p program) int {
		return slices.Index([]string{schema.KindView.String(), schema.KindTrigger.String(), schema.KindEvent.String()}, p.kind)
	}
	slices.SortStableFunc(list, func(a, b program) int { return rank(a) - rank(b) })
	var out []program
	done := map[string]bool{}
	var visit func(p program)
	visit = func(p program) {
		key := p.kind + " " + p.name
		if done[key] {
			return
		}
		done[key] = true
		for _, o := range list {
			if p.kind == schema.KindView.String() && o.kind == p.kind && strings.Contains(p.sql, schema.QuoteIdent(o.name)) {
				visit(o)
			}
		}
		out = append(out, p)
	}
	for _, p := range list {
		visit(p)
	}
	return out
}
