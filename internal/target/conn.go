package target

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/go-sql-driver/mysql"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/value"
)

// Conn is one session with settings of its own. It is not safe for concurrent use.
type Conn struct {
	s    *Server
	c    *sql.Conn
	link *link
	fk   bool // foreign_key_checks as set now
	db   string
}

const rowMode = "'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,STRICT_ALL_TABLES'"

// rowSettings make the server store row values as the log has them, and refuse what it would change.
// Foreign keys and triggers are not its business here: the log already holds their effects.
func (s *Server) rowSettings() []string {
	set := []string{
		"SET NAMES binary",
		"SET SESSION sql_mode=" + rowMode,
		fmt.Sprintf("SET SESSION max_error_count=%d", warningsRecorded),
		"SET SESSION time_zone='+00:00'",
		"SET SESSION timestamp=DEFAULT",
		"SET SESSION foreign_key_checks=0",
		"SET SESSION unique_checks=1",
		"SET SESSION sql_safe_updates=0",
		"SET SESSION autocommit=1",
		"SET SESSION completion_type=0",
		"SET SESSION auto_increment_increment=1,auto_increment_offset=1", // clusters have others
		"SET SESSION innodb_strict_mode=0",                               // what the source's server took is not refused for an option that InnoDB ignores
		"SET SESSION wait_timeout=28800",
		"SET SESSION innodb_lock_wait_timeout=50",
		"SET SESSION lock_wait_timeout=300", // for a table held by another session; servers would wait for a day
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
	}
	if s.CanUnlog {
		set = append(set, "SET SESSION sql_log_bin=0")
	} else if s.LogBin {
		// READ COMMITTED needs the row format where changes are logged.
		set[len(set)-1] = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE"
	}
	if s.MariaDB {
		set = append(set, "SET SESSION max_statement_time=0", "SET SESSION check_constraint_checks=0") // the source may have had them off
	}
	if !s.MariaDB && s.Number >= 80013 {
		set = append(set, "SET SESSION sql_require_primary_key=0")
	}
	if !s.MariaDB && s.Number >= 80030 {
		set = append(set, "SET SESSION sql_generate_invisible_primary_key=0")
	}
	if !s.MariaDB && s.Number >= 80400 {
		set = append(set, "SET SESSION restrict_fk_on_non_standard_key=0") // the source's server took the foreign key
	}
	return set
}

// Conn opens a session for rows in db (which may be empty).
func (s *Server) Conn(ctx context.Context, db string) (*Conn, error) {
	return s.conn(ctx, s.sessions, db)
}

// BatchConn opens a session for rows that also takes several statements at once: see ExecEach. It is for statements that lifeboat made of values, and not
// for those of a log.
func (s *Server) BatchConn(ctx context.Context) (*Conn, error) {
	return s.conn(ctx, s.many, "")
}

func (s *Server) conn(ctx context.Context, pool *sql.DB, db string) (*Conn, error) {
	var l *link
	c, err := pool.Conn(context.WithValue(ctx, linkKey{}, &l))
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	out := &Conn{s: s, c: c, link: l}
	if err := out.reset(ctx); err != nil {
		c.Close()
		return nil, err
	}
	if db != "" {
		if err := out.Use(ctx, db); err != nil {
			c.Close()
			return nil, err
		}
	}
	return out, nil
}

// explain is the server's, with the reason why the connection broke.
func (c *Conn) explain(ctx context.Context, err error) error {
	if err != nil && isLost(err) && c.link != nil && ctx.Err() == nil {
		if why := c.link.why.Load(); why != nil {
			return fmt.Errorf("%w at %s: %s", ErrUnreached, c.s.config.Addr, *why)
		}
	}
	return c.s.explain(ctx, err)
}

// limited is ctx with the time that a statement of rows has.
func (c *Conn) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.s.o.Statement, fmt.Errorf("%w: a statement did not come to its end within %v", ErrUnreached, c.s.o.Statement))
}

// within explains the error of a statement that ran under a context of limited.
func (c *Conn) within(ctx context.Context, err error) error {
	if (errors.Is(err, context.DeadlineExceeded) || isLost(err) && ctx.Err() != nil) && errors.Is(context.Cause(ctx), ErrUnreached) {
		return context.Cause(ctx)
	}
	return c.explain(ctx, err)
}

func (c *Conn) reset(ctx context.Context) error {
	for _, q := range c.s.rowSettings() {
		if _, err := c.c.ExecContext(ctx, q); err != nil && !(isAccess(err) || Code(err) == 1193) {
			return c.explain(ctx, err)
		}
	}
	c.fk = false
	return nil
}

// Close ends the session: its settings must not leak into another user of the pool.
func (c *Conn) Close() error {
	_ = c.c.Raw(func(any) error { return driver.ErrBadConn })
	return nil
}

// Use makes db the session's database.
func (c *Conn) Use(ctx context.Context, db string) error {
	if err := c.Exec(ctx, "USE "+schema.QuoteIdent(db)); err != nil {
		return err
	}
	c.db = db
	return nil
}

// Exec runs one statement as it is.
func (c *Conn) Exec(ctx context.Context, query string) error {
	_, err := c.c.ExecContext(ctx, query)
	return c.explain(ctx, err)
}

// ExecBytes runs one statement and returns the number of rows it says it affected. The bytes must not
// change during the call.
func (c *Conn) ExecBytes(ctx context.Context, query []byte) (int64, error) {
	limited, cancel := c.limited(ctx)
	defer cancel()
	n, err := c.exec(limited, query)
	return n, c.within(limited, err)
}

func (c *Conn) exec(ctx context.Context, query []byte) (int64, error) {
	res, err := c.c.ExecContext(ctx, unsafe.String(unsafe.SliceData(query), len(query)))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// ExecEach runs several statements, each with a semicolon behind it, in one trip to the server, and adds up the rows that they say they affected. Those behind
// one that fails are not run. The session is one of BatchConn. The bytes must not change during the call.
func (c *Conn) ExecEach(ctx context.Context, queries []byte) (n int64, err error) {
	limited, cancel := c.limited(ctx)
	defer cancel()
	err = c.c.Raw(func(session any) error {
		execer, ok := session.(driver.ExecerContext)
		if !ok {
			return fmt.Errorf("the driver's sessions are of type %T", session)
		}
		res, err := execer.ExecContext(limited, unsafe.String(unsafe.SliceData(queries), len(queries)), nil)
		if err != nil {
			return err
		}
		all, ok := res.(mysql.Result)
		if !ok {
			return fmt.Errorf("the driver's results are of type %T", res)
		}
		for _, one := range all.AllRowsAffected() {
			n += one
		}
		return nil
	})
	return n, c.within(limited, err)
}

// ExecRows runs a statement that writes rows, and fails if the server changed or doubted a value. zeros is
// how many of the values are the error value of an ENUM (index 0, which an invalid value once became):
// servers store it only outside strict mode, with a warning for each.
func (c *Conn) ExecRows(ctx context.Context, query []byte, zeros int) (n int64, err error) {
	if zeros > 0 {
		if err := c.Exec(ctx, "SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"); err != nil {
			return 0, err
		}
		defer func() {
			if back := c.Exec(ctx, "SET SESSION sql_mode="+rowMode); err == nil {
				err = back
			}
		}()
	}
	if n, err = c.ExecBytes(ctx, query); err != nil {
		return 0, err
	}
	return n, c.Warnings(ctx, zeros)
}

// DumpMode is the sql_mode for ExecDumped. It is not strict, as those of dumps are not: strict mode would
// refuse a statement half-way, and what an engine without transactions had then written would stay.
const DumpMode = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"

// ExecDumped runs an INSERT of a dump in a session of DumpMode, and fails on every doubt of the server but
// two: the error value of an ENUM (which a dump writes as an empty string), and values of generated columns
// (which mariadb-dump writes and the server computes anyway).
func (c *Conn) ExecDumped(ctx context.Context, query []byte, def func() (*schema.Table, error)) error {
	if _, err := c.ExecBytes(ctx, query); err != nil {
		return err
	}
	var t *schema.Table
	var failed error
	err := c.doubts(ctx, func(code int, text string) bool {
		if code == warnTruncated && t == nil && failed == nil {
			t, failed = def()
		}
		return code == warnGenerated || code == warnNational || code == warnDelimiter && strings.Contains(text, "is deprecated") || t != nil && ofEnum(t, code, text)
	})
	if failed != nil {
		return failed
	}
	return err
}

func ofEnum(t *schema.Table, code int, text string) bool {
	return code == warnTruncated && slices.ContainsFunc(t.Columns, func(col schema.Column) bool {
		return col.DataType == "enum" && strings.Contains(text, "'"+col.Name+"'")
	})
}

// Server warnings that do not speak of a value.
const (
	warnDeprecated   = 1287
	warnUTF8Alias    = 3719
	warnNational     = 3720  // N'x' is of utf8mb3
	warnDelimiter    = 4095  // MySQL: 2024/1/2 is read as it always was, and deprecated; in MariaDB the number is another's
	warnTruncated    = 1265  // what storing an ENUM's error value says
	warnGenerated    = 1906  // MariaDB: a value given for a generated column is ignored
	warningsRecorded = 65535 // max_error_count's own limit
)

// Warnings fails if the last statement left a warning other than the zeros expected: a value that the
// server changed.
func (c *Conn) Warnings(ctx context.Context, zeros int) error {
	return c.doubts(ctx, func(code int, _ string) bool {
		if code == warnTruncated && zeros > 0 {
			zeros--
			return true
		}
		return code == warnDeprecated || code == warnUTF8Alias
	})
}

// doubts fails on the first warning of the last statement that harmless does not accept, and when there
// were more than the server keeps.
func (c *Conn) doubts(ctx context.Context, harmless func(code int, text string) bool) error {
	rows, err := c.c.QueryContext(ctx, "SHOW WARNINGS")
	if err != nil {
		return c.explain(ctx, err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var level, text string
		var code int
		if err := rows.Scan(&level, &code, &text); err != nil {
			return c.explain(ctx, err)
		}
		if level != "Note" && !harmless(code, text) {
			return fmt.Errorf("%w: %s %d: %s", ErrWarnings, level, code, text)
		}
	}
	if n >= warningsRecorded {
		return fmt.Errorf("%w: one statement left more than %d warnings, and the server keeps no more", ErrWarnings, n)
	}
	return c.explain(ctx, rows.Err())
}

// Begin, Commit and Rollback bracket a transaction on this session.
func (c *Conn) Begin(ctx context.Context) error { return c.Exec(ctx, "START TRANSACTION") }

// Commit ends the transaction. On an error its fate is not known: ask the checkpoint.
func (c *Conn) Commit(ctx context.Context) error { return c.Exec(ctx, "COMMIT") }

// Rollback gives the transaction up.
func (c *Conn) Rollback(ctx context.Context) error { return c.Exec(ctx, "ROLLBACK") }

// ForeignKeys switches foreign key checks, and with them cascading actions, for the session.
func (c *Conn) ForeignKeys(ctx context.Context, on bool) error {
	if c.fk == on {
		return nil
	}
	v := "0"
	if on {
		v = "1"
	}
	if err := c.Exec(ctx, "SET SESSION foreign_key_checks="+v); err != nil {
		return err
	}
	c.fk = on
	return nil
}

// Row scans the first row of a query; sql.ErrNoRows if there is none.
func (c *Conn) Row(ctx context.Context, query string, dest ...any) error {
	err := c.c.QueryRowContext(ctx, query).Scan(dest...)
	if err == sql.ErrNoRows {
		return err
	}
	return c.explain(ctx, err)
}

// Each hands every row of a query to row, which scans it.
func (c *Conn) Each(ctx context.Context, query string, row func(scan func(...any) error) error) error {
	rows, err := c.c.QueryContext(ctx, query)
	if err != nil {
		return c.s.explain(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return c.s.explain(ctx, err)
		}
	}
	return c.s.explain(ctx, rows.Err())
}

// Numbers reads the first column of every row of a query. The bytes must not change during the call.
func (c *Conn) Numbers(ctx context.Context, query []byte) (out []int64, err error) {
	err = c.Each(ctx, unsafe.String(unsafe.SliceData(query), len(query)), func(scan func(...any) error) error {
		var n int64
		err := scan(&n)
		out = append(out, n)
		return err
	})
	return out, err
}

// Run runs a statement in db (or none, if empty) under settings (see StatementSettings), then puts the row settings back.
func (c *Conn) Run(ctx context.Context, db string, text []byte, settings []string) error {
	if db != "" {
		if err := c.Use(ctx, db); err != nil {
			return err
		}
	}
	for _, q := range settings {
		if _, err := c.c.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("preparing the session for a logged statement (%s): %w", q, c.explain(ctx, err))
		}
	}
	_, err := c.exec(ctx, text) // without a limit: an ALTER takes its time
	err = c.explain(ctx, err)
	if back := c.reset(ctx); err == nil {
		err = back
	}
	return err
}

// clientCharset is the value of character_set_client that a logged statement had, by its name: MariaDB takes a number only of the collation that a
// character set was built with, and from 11.5 on logs that of its default (2304, of utf8mb4); and a dump that has it is read again.
func (s *Server) clientCharset(collation uint16) string {
	switch name := value.CharsetOf(collation).Name; {
	case name == "":
		return strconv.Itoa(int(collation))
	case name == "utf8mb3" && s.MariaDB && s.Number < 100600:
		return "utf8"
	default:
		return name
	}
}

// StatementSettings recreate the session a statement was logged in, at the time it was: rows take the time in a new column, and
// events begin by it; and an ALTER may number rows. Modes the target no longer has are left out.
func (s *Server) StatementSettings(v *binlog.QueryVars, at time.Time) []string {
	set := []string{fmt.Sprintf("SET SESSION timestamp=%d.%06d", at.Unix(), v.Microseconds)}
	if step, from := max(v.AutoIncrement, 1), max(v.AutoIncrementStart, 1); step > 1 || from > 1 {
		set = append(set, fmt.Sprintf("SET SESSION auto_increment_increment=%d,auto_increment_offset=%d", step, from))
	}
	if v.HasSQLMode {
		set = append(set, fmt.Sprintf("SET SESSION sql_mode=%d", v.SQLMode&s.knownModes()))
	}
	if v.HasFlags2 {
		set = append(set, fmt.Sprintf("SET SESSION foreign_key_checks=%d", on(v.Flags2&binlog.OptionNoForeignKeyChecks == 0)),
			fmt.Sprintf("SET SESSION unique_checks=%d", on(v.Flags2&binlog.OptionRelaxedUnique == 0)))
	}
	if v.HasCharset {
		set = append(set, fmt.Sprintf("SET @@session.character_set_client=%s,@@session.collation_connection=%d,@@session.collation_server=%d",
			s.clientCharset(v.ClientCollation), v.ConnCollation, v.ServerCollation))
	}
	if v.DatabaseCollation != 0 {
		set = append(set, fmt.Sprintf("SET SESSION collation_database=%d", v.DatabaseCollation))
	}
	if v.TimeZone != "" {
		set = append(set, "SET SESSION time_zone="+Quote(v.TimeZone))
	}
	d := defaults{collations: v.CharsetCollations}
	if v.ExplicitTimestamp >= 0 {
		d.explicitTimestamp = strconv.Itoa(int(v.ExplicitTimestamp))
	}
	if v.UTF8MB4Collation != 0 {
		d.utf8mb4 = strconv.Itoa(int(v.UTF8MB4Collation))
	}
	return s.appendDefaults(set, &d)
}

func on(b bool) int {
	if b {
		return 1
	}
	return 0
}

// knownModes is the sql_mode bits the target accepts: MySQL 8 dropped the bits of the old dialects
// (8–10, 12–18 and NO_AUTO_CREATE_USER, 28).
func (s *Server) knownModes() uint64 {
	if !s.MariaDB && s.Number >= 80000 {
		return ^uint64(1<<8 | 1<<9 | 1<<10 | 1<<12 | 1<<13 | 1<<14 | 1<<15 | 1<<16 | 1<<17 | 1<<28)
	}
	if s.MariaDB {
		return 1<<38 - 1
	}
	return 1<<32 - 1
}

// identList writes quoted column names, comma separated.
func identList(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = schema.QuoteIdent(n)
	}
	return strings.Join(q, ",")
}
