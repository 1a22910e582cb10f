package filter_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

// logFile is a file of a server's data folder.
type logFile string

func (f logFile) Name() string                                { return filepath.Base(string(f)) }
func (f logFile) Open(context.Context) (io.ReadCloser, error) { return os.Open(string(f)) }

// source is a server shared by the cases of a test: each reads only the files that its script wrote.
type source struct {
	t        *testing.T
	kind     string
	dir      string
	db       *sql.DB
	sessions map[string]*sql.Conn
}

// servers are started once for all tests: starting them is most of the time that a test takes. Tests of
// one server follow one another.
var servers = struct {
	sync.Mutex
	running map[string]*scratch.Server
	dir     string
}{running: map[string]*scratch.Server{}}

func TestMain(m *testing.M) { os.Exit(withServers(m)) }

func withServers(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "lifeboat-filter-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	servers.dir = dir
	code = m.Run()
	for _, srv := range servers.running {
		if err := srv.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

func newSource(t *testing.T, kind string, args ...string) *source {
	t.Helper()
	servers.Lock()
	defer servers.Unlock()
	key := strings.Join(append([]string{kind}, args...), " ")
	srv := servers.running[key]
	if srv == nil {
		o := testserver.Options(t, kind, append([]string{"--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--secure-file-priv=", "--log-bin-trust-function-creators=1", "--lock-wait-timeout=60"}, args...)...)
		o.Dir = filepath.Join(servers.dir, strconv.Itoa(len(servers.running)))
		if err := os.Mkdir(o.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if srv, err = scratch.Start(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		servers.running[key] = srv
	}
	s := &source{t: t, kind: kind, dir: srv.DataDir(), db: testserver.Open(t, srv), sessions: map[string]*sql.Conn{}}
	t.Cleanup(func() {
		for _, c := range s.sessions {
			_ = c.Close()
		}
	})
	return s
}

func (s *source) session(name string) *sql.Conn {
	s.t.Helper()
	if c := s.sessions[name]; c != nil {
		return c
	}
	c, err := s.db.Conn(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	s.sessions[name] = c
	return c
}

// run executes statements, one a line, in session A or the one named in front, as in "B: SELECT 1".
// "ROWS t 1 500" inserts rows 1 to 500 into t; "END B" closes session B; a line that ends in "-- fails" must.
func (s *source) run(script string) {
	s.t.Helper()
	for line := range strings.SplitSeq(script, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name := "A"
		if len(line) > 3 && line[1] == ':' {
			name, line = line[:1], line[3:]
		}
		if end, ok := strings.CutPrefix(line, "END "); ok {
			s.end(end)
			continue
		}
		text, fails := strings.CutSuffix(line, "-- fails")
		if rest, ok := strings.CutPrefix(text, "ROWS "); ok {
			text = insertRows(rest)
		}
		_, err := s.session(name).ExecContext(context.Background(), text)
		if err != nil && !fails || err == nil && fails {
			s.t.Fatalf("%s: %v", line, err)
		}
	}
}

func insertRows(spec string) string {
	f := strings.Fields(spec)
	from, _ := strconv.Atoi(f[1])
	to, _ := strconv.Atoi(f[2])
	var values []string
	for i := from; i <= to; i++ {
		values = append(values, fmt.Sprintf("(%d)", i))
	}
	return "INSERT INTO " + f[0] + " (a) VALUES " + strings.Join(values, ",")
}

// end closes a session for good; its number is not used again.
func (s *source) end(name string) {
	s.t.Helper()
	c := s.session(name)
	var id int64
	if err := c.QueryRowContext(context.Background(), "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		s.t.Fatal(err)
	}
	delete(s.sessions, name)
	_ = c.Raw(func(any) error { return driver.ErrBadConn }) // so that the pool does not keep it
	_ = c.Close()
	// The server notices in its own time, and until then nobody else can decide what the session prepared.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		var left int
		if err := s.db.QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ?", id).Scan(&left); err != nil {
			s.t.Fatal(err)
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("session %s is still there a minute after it was closed", name)
		}
	}
}

// log runs given, and then the script, whose files it returns.
func (s *source) log(given, script string) []binlog.File {
	s.t.Helper()
	s.run("SET FOREIGN_KEY_CHECKS=0\nDROP DATABASE IF EXISTS shop\nDROP DATABASE IF EXISTS other\nSET FOREIGN_KEY_CHECKS=1")
	s.run(given)
	before := len(s.files())
	s.run("FLUSH LOGS")
	s.run(script)
	last := len(s.files())
	s.run("FLUSH LOGS")
	return s.files()[before:last]
}

func (s *source) files() (out []binlog.File) {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.dir, "binlog.[0-9]*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range paths {
		out = append(out, logFile(p))
	}
	return out
}

func scan(t *testing.T, files []binlog.File, scope filter.Scope, o filter.Options) *filter.Survey {
	t.Helper()
	s, err := filter.Scan(context.Background(), files, scope, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var shop = filter.Scope{Database: "shop"}

// transaction is one of a log, as an independent reading finds it.
type transaction struct {
	start, end binlog.Position
	gtid       gtid.GTID
	committed  string
	changes    int64 // row events and statements
	sql        string
}

func transactions(t *testing.T, files []binlog.File) (out []transaction) {
	t.Helper()
	r, err := binlog.NewReader(files, binlog.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var open transaction
	for {
		it, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch it.Kind {
		case binlog.Begin:
			open = transaction{start: it.Tx.Start, gtid: it.Tx.GTID, committed: it.Tx.Committed.Format("2006-01-02T15:04:05.999999Z07:00")}
		case binlog.Statement:
			open.changes++
			open.sql = string(it.Query.SQL)
		case binlog.RowChange:
			open.changes++
			open.sql = it.Rows.Kind.String() + " " + it.Rows.Table.Table
		case binlog.Commit, binlog.Rollback, binlog.Prepare:
			open.end = it.End
			out = append(out, open)
		}
	}
}

// changesBefore counts what starts before a position; all of it for none.
func changesBefore(all []transaction, at binlog.Position) (n int64) {
	for _, x := range all {
		if at.IsZero() || x.start.Compare(at) < 0 {
			n += x.changes
		}
	}
	return n
}

func kinds(t *testing.T, run func(t *testing.T, kind string), only ...string) {
	t.Helper()
	if len(only) == 0 {
		only = testserver.Kinds()
	}
	for _, kind := range only {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			run(t, kind)
		})
	}
}

// filepathIn writes a file and returns its path.
func filepathIn(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
