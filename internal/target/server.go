// Package target is where rows go: a MySQL or MariaDB server over the wire. It knows how to read a
// table's definition, how to write rows so that the stored bytes are the log's bytes, and how to run a
// logged statement under the settings it first ran under. It decides nothing about order.
package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/go-sql-driver/mysql"

	"lifeboat/internal/binlog"
)

// Errors that callers tell apart.
var (
	ErrAccess    = errors.New("the server refused the login or a privilege")
	ErrUnreached = errors.New("the server cannot be reached")
	ErrDiskFull  = errors.New("the server's disk is full")
	ErrWarnings  = errors.New("the server changed or doubted a value")
	ErrShape     = errors.New("the table is not what the log says")
	ErrCollision = errors.New("a unique key is taken by another row")
	ErrPacket    = errors.New("a statement is larger than the server's max_allowed_packet")
)

// Server is a target server. It is safe for concurrent use.
type Server struct {
	db        *sql.DB // for what any session can answer
	sessions  *sql.DB // for sessions with settings of their own; none is used twice
	many      *sql.DB // for such that are given several statements at once
	watch     *sql.DB // one session that asks after the others
	config    *mysql.Config
	o         Options
	Version   string
	MariaDB   bool
	Number    int // 80404, 101119
	UUID      string
	MaxPacket int64 // max_allowed_packet in bytes
	LogBin    bool  // the server writes a binlog of its own
	// LocalInfile says that the server takes LOAD DATA LOCAL.
	LocalInfile bool
	CanUnlog    bool // sessions may switch it off for themselves
	LowerNames  bool // lower_case_table_names is not 0: names of databases and tables are what they are in lower case

	mu     sync.Mutex
	opened []session // on the server's side they may outlive ours
}

// Open connects to a server named as go-sql-driver/mysql writes it, such as root@unix(/run/x.sock)/.
// A database in the name is ignored: statements name theirs. nil options are the defaults.
func Open(ctx context.Context, dsn string, options *Options) (*Server, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		// The driver's message may quote the name, password and all.
		return nil, errors.New("the target's name is not understood: write user:password@tcp(host:3306)/ or root@unix(/path/mysqld.sock)/")
	}
	cfg.DBName = ""
	cfg.Collation = ""
	cfg.MultiStatements, cfg.InterpolateParams, cfg.ParseTime = false, false, false
	cfg.ClientFoundRows = true // an UPDATE that finds its row unchanged has found it
	cfg.MaxAllowedPacket = 0
	cfg.Logger = &mysql.NopLogger{}
	s := &Server{config: cfg, o: options.orDefaults()}
	if cfg.Timeout > 0 {
		s.o.Connect = cfg.Timeout
	}
	if cfg.ReadTimeout > 0 {
		s.o.Silence = cfg.ReadTimeout
	}
	// The link sets the deadlines: the driver's would cut a long DDL statement.
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = 0, 0, 0
	cfg.DialFunc = s.dial
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	for _, v := range plainSettings {
		cfg.Params[v.name] = v.value
	}
	if s.o.CA != "" {
		if cfg.TLS, err = trusting(s.o.CA); err != nil {
			return nil, err
		}
	}
	inner, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("the target's name is not understood: %w", err)
	}
	c := &connector{inner: inner, s: s}
	several := cfg.Clone()
	several.MultiStatements = true
	if inner, err = mysql.NewConnector(several); err != nil {
		return nil, fmt.Errorf("the target's name is not understood: %w", err)
	}
	s.db, s.sessions, s.many, s.watch = sql.OpenDB(c), sql.OpenDB(c), sql.OpenDB(&connector{inner: inner, s: s}), sql.OpenDB(c)
	s.db.SetMaxIdleConns(64)
	s.sessions.SetMaxIdleConns(-1)
	s.many.SetMaxIdleConns(-1)
	s.watch.SetMaxOpenConns(1)
	if err := s.describe(ctx); err != nil {
		return nil, errors.Join(s.explain(ctx, err), s.Close())
	}
	return s, nil
}

// plainSettings are what every session needs, whatever the server's own settings are. They are among the variables that all servers know.
var plainSettings = []struct{ name, value string }{
	{"sql_mode", "''"}, {"time_zone", "'+00:00'"}, {"autocommit", "1"}, {"completion_type", "0"},
	{"sql_select_limit", "18446744073709551615"}, {"sql_safe_updates", "0"}, {"sql_auto_is_null", "0"},
}

// trusting is a TLS configuration that verifies the server's name against the certificates of a file.
func trusting(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the certificates of the target's authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// Close ends every connection.
func (s *Server) Close() error {
	return errors.Join(s.db.Close(), s.sessions.Close(), s.many.Close(), s.watch.Close())
}

// Address names the server without credentials.
func (s *Server) Address() string { return s.config.Addr }

func (s *Server) describe(ctx context.Context) error {
	var logBin, infile string
	err := s.db.QueryRowContext(ctx, "SELECT VERSION(), @@max_allowed_packet, @@log_bin, @@local_infile, @@lower_case_table_names <> 0").Scan(&s.Version, &s.MaxPacket, &logBin, &infile, &s.LowerNames)
	if err != nil {
		return err
	}
	s.MariaDB = strings.Contains(s.Version, "MariaDB")
	s.Number = binlog.VersionNumber(s.Version)
	s.LogBin, s.LocalInfile = isOn(logBin), isOn(infile)
	if s.MariaDB {
		var port, datadir string
		if err := s.db.QueryRowContext(ctx, "SELECT @@port, @@datadir").Scan(&port, &datadir); err != nil {
			return err
		}
		s.UUID = port + datadir // MariaDB has no server UUID
	} else if err := s.db.QueryRowContext(ctx, "SELECT @@server_uuid").Scan(&s.UUID); err != nil {
		return err
	}
	c, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.ExecContext(ctx, "SET SESSION sql_log_bin=0")
	s.CanUnlog = err == nil
	if err != nil && !isAccess(err) {
		return err
	}
	// The connection goes back to the pool: leave it as it was.
	_, err = c.ExecContext(ctx, "SET SESSION sql_log_bin=1")
	if err != nil && s.CanUnlog {
		return err
	}
	return nil
}

// isOn reads a switch as servers print it.
func isOn(v string) bool { return v == "1" || strings.EqualFold(v, "ON") }

// Databases lists the databases of the server.
func (s *Server) Databases(ctx context.Context) ([]string, error) {
	return s.column(ctx, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")
}

// Tables lists the base tables of a database, sorted. The error is ErrAccess where some may be hidden from the user.
func (s *Server) Tables(ctx context.Context, db string) ([]string, error) {
	if _, err := s.sees(ctx, db); err != nil {
		return nil, err
	}
	return s.column(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+Quote(db)+
		" AND TABLE_TYPE IN ('BASE TABLE','SYSTEM VERSIONED') ORDER BY TABLE_NAME")
}

// Exists reports whether the target has a database, at a cost that does not depend on what is in it.
func (s *Server) Exists(ctx context.Context, db string) (bool, error) { return s.sees(ctx, db) }

// HasDatabase reports whether the database exists, and how many tables and views it holds. The error is ErrAccess where that may be
// hidden from the user.
func (s *Server) HasDatabase(ctx context.Context, db string) (exists bool, objects int, err error) {
	if exists, err = s.sees(ctx, db); err != nil || !exists {
		return false, 0, err
	}
	tables, err := s.column(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+Quote(db))
	return true, len(tables), err
}

func (s *Server) column(ctx context.Context, query string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, s.explain(ctx, err)
		}
		out = append(out, v)
	}
	return out, s.explain(ctx, rows.Err())
}

// Quote writes a string literal that no sql_mode and no character set reads otherwise.
func Quote(s string) string {
	if s == "" {
		return "''"
	}
	return fmt.Sprintf("_utf8mb4 x'%x'", s) // not CONVERT(… USING …): what that gives has a collation to insist on, which is not that of names everywhere
}

// explain wraps a driver's error so that callers can tell what kind it is and users what to do. It never
// quotes the data source name. A connection that is lost when ctx has ended was closed for that reason, by the driver:
// what it says of it afterwards depends on the moment.
func (s *Server) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var me *mysql.MySQLError
	if !errors.As(err, &me) {
		switch {
		case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, mysql.ErrPktTooLarge):
			return fmt.Errorf("%w; raise it on the target: it is %d bytes (a session keeps the value that it began with)", ErrPacket, s.MaxPacket)
		case errors.Is(err, ErrUnreached):
			return err
		}
		return fmt.Errorf("%w at %s: %w", ErrUnreached, s.config.Addr, err)
	}
	switch {
	case isAccess(err):
		return fmt.Errorf("%w: %w", ErrAccess, err)
	case me.Number == 1021 || me.Number == 1114 || me.Number == 3 || strings.Contains(me.Message, "No space left"):
		return fmt.Errorf("%w; free some space and run the same command again: %w", ErrDiskFull, err)
	case me.Number == 1153:
		return fmt.Errorf("%w (%d bytes); raise it on the target: %w", ErrPacket, s.MaxPacket, err)
	case me.Number == 1062 || me.Number == 1586:
		return fmt.Errorf("%w: %w", ErrCollision, err)
	}
	return err
}

func isAccess(err error) bool {
	var me *mysql.MySQLError
	if !errors.As(err, &me) {
		return false
	}
	switch me.Number {
	case 1044, 1045, 1142, 1143, 1227, 1410, 1698, 1370, 1419:
		return true
	}
	return false
}

// Retryable reports errors after which the same transaction may be tried again: deadlock, lock wait
// timeout. The server has rolled the transaction back, or the caller must.
func Retryable(err error) bool {
	var me *mysql.MySQLError
	return errors.As(err, &me) && (me.Number == 1213 || me.Number == 1205)
}

// Code is the server's number of an error, or 0.
func Code(err error) uint16 {
	var me *mysql.MySQLError
	if errors.As(err, &me) {
		return me.Number
	}
	return 0
}
