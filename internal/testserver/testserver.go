// Package testserver gives tests real servers: the ones that `make servers` unpacks into .servers at the root of the
// repository. A test that needs one fails where it is missing; it does not skip.
package testserver

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"lifeboat/internal/target/scratch"
)

// The kinds of servers there are.
const (
	MySQL97     = "mysql97"
	MariaDB1011 = "mariadb1011"
	MariaDB118  = "mariadb118"
	MySQL56     = "mysql56"
)

// Kinds lists the kinds that nearly all tests run on.
func Kinds() []string { return []string{MySQL97, MariaDB1011, MySQL56} }

// AllKinds adds the one that is there for what differs between versions: it would make every test longer that takes it.
func AllKinds() []string { return append(Kinds(), MariaDB118) }

// IsMariaDB tells the family.
func IsMariaDB(kind string) bool { return kind == MariaDB1011 || kind == MariaDB118 }

// bufferPool is small, as tests run several servers at once.
const bufferPool = 128 << 20

type place struct {
	folder, server string
	clients        string            // the folder of the client programs
	names          map[string]string // what this kind calls MySQL's client programs
}

var mariadbNames = map[string]string{
	"mysqld": "mariadbd", "mysql": "mariadb", "mysqldump": "mariadb-dump", "mysqladmin": "mariadb-admin",
	"mysqlbinlog": "mariadb-binlog", "mysqlimport": "mariadb-import", "mysqlslap": "mariadb-slap", "mysqlcheck": "mariadb-check",
}

func placeOf(kind string) (place, error) {
	switch kind {
	case MySQL97:
		return place{folder: "mysql-9.7", server: "mysqld", clients: "mysql-9.7"}, nil
	case MariaDB1011:
		return place{folder: "mariadb-10.11", server: "mariadbd", clients: "mariadb-10.11", names: mariadbNames}, nil
	case MariaDB118:
		return place{folder: "mariadb-11.8", server: "mariadbd", clients: "mariadb-11.8", names: mariadbNames}, nil
	case MySQL56:
		// It comes without clients. Those of 9.7 get along with it; MariaDB's read no MySQL GTIDs.
		return place{folder: "mysql-5.6", server: "mysqld", clients: "mysql-9.7"}, nil
	}
	return place{}, fmt.Errorf("there is no kind of server named %q, only %q", kind, AllKinds())
}

// Root is the root of the repository, the folder of go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod in the working folder or above it")
		}
		dir = parent
	}
}

func program(t testing.TB, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{Root(t), ".servers"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run `make servers` first", err)
	}
	return path
}

// Server is the path of the kind's server program.
func Server(t testing.TB, kind string) string {
	t.Helper()
	p, err := placeOf(kind)
	if err != nil {
		t.Fatal(err)
	}
	return program(t, p.folder, "bin", p.server)
}

// Bin is the path of a client program for the kind, by MySQL's name for it: mysql, mysqldump, mysqladmin, mysqlbinlog, and so
// on. For MariaDB that is the program that answers to it, such as mariadb-dump; MySQL 5.6, which has none of its own, gets those of 9.7.
func Bin(t testing.TB, kind, name string) string {
	t.Helper()
	p, err := placeOf(kind)
	if err != nil {
		t.Fatal(err)
	}
	if name == p.server {
		return program(t, p.folder, "bin", name)
	}
	if own, ok := p.names[name]; ok {
		name = own
	}
	return program(t, p.clients, "bin", name)
}

// Tool is the path of a tool that belongs to no server: sysbench.
func Tool(t testing.TB, name string) string {
	t.Helper()
	return program(t, "tools", "bin", name)
}

// Mydumper is the path of mydumper or myloader.
func Mydumper(t testing.TB, name string) string {
	t.Helper()
	return program(t, "mydumper", "bin", name)
}

// DumpFolder makes a backup with mydumper in dir. Version 0.10 now and then waits for one of its own threads for ever, its sessions on the
// server asleep, one time in ten and more often beside other work: it is stopped then, and begins anew.
func DumpFolder(t testing.TB, dir string, args ...string) {
	t.Helper()
	const patience, tries = 20 * time.Second, 8 // it takes one or two seconds
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		cmd := exec.CommandContext(ctx, Mydumper(t, "mydumper"), append(args, "--outputdir="+dir)...)
		cmd.WaitDelay = time.Second
		out, err := cmd.CombinedOutput()
		stuck := ctx.Err() != nil
		cancel()
		if err == nil {
			return
		}
		if !stuck || try == tries {
			t.Fatalf("mydumper, try %d: %v: %s", try, err, out)
		}
		t.Logf("mydumper did not come to its end within %v; again", patience)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// MariaBackup is the path of mariadb-backup, of the version of MariaDB1011.
func MariaBackup(t testing.TB) string {
	t.Helper()
	return program(t, "mariadb-backup", "bin", "mariadb-backup")
}

// Options are those that Start uses, for a test that calls scratch.Start itself. Pages are written safely, so that a test may kill
// the server and start it again.
func Options(t testing.TB, kind string, args ...string) scratch.Options {
	t.Helper()
	return scratch.Options{
		Binary:      Server(t, kind),
		Dir:         t.TempDir(),
		BufferPool:  bufferPool,
		Args:        append([]string{"--innodb-doublewrite=1"}, args...),
		TemplateDir: filepath.Join(Root(t), ".servers", "templates"),
	}
}

// Start starts a server of the kind, with further server options, and ends it when the test is over. A failed test shows what
// the server logged last.
func Start(t testing.TB, kind string, args ...string) *scratch.Server {
	t.Helper()
	s, err := scratch.Start(context.Background(), Options(t, kind, args...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", kind, logEnd(s.LogFile()))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func logEnd(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	const most = 4 << 10
	return string(text[max(0, len(text)-most):])
}

// Source starts a server that writes row binlogs, DataDir()/binlog.000001 and on, as a server that gets restored from would. The
// further options win: for small files give --max-binlog-size=4096; for GTIDs on MySQL see GTID; MariaDB always has them.
func Source(t testing.TB, kind string, extra ...string) *scratch.Server {
	t.Helper()
	return Start(t, kind, append([]string{"--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--max-binlog-size=64M"}, extra...)...)
}

// GTID are the options that turn on the kind's GTIDs, in words that the oldest server knows.
func GTID(kind string) []string {
	switch kind {
	case MySQL97:
		return []string{"--gtid-mode=ON", "--enforce-gtid-consistency=ON"}
	case MySQL56:
		return []string{"--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--log-slave-updates"}
	}
	return nil
}

// Coordinates is the dump tool's option that writes the backup's place in the log as a comment.
func Coordinates(kind string) string {
	if kind == MySQL97 {
		return "--source-data=2"
	}
	return "--master-data=2"
}

// Open opens the server without a default database, and closes the handle when the test is over. Several statements in one
// Exec are allowed.
func Open(t testing.TB, s *scratch.Server) *sql.DB {
	t.Helper()
	return OpenSocket(t, s.Socket())
}

// OpenSocket is Open for a server of which only the socket is known.
func OpenSocket(t testing.TB, socket string) *sql.DB {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.MultiStatements = "root", "unix", socket, true
	cfg.Logger = &mysql.NopLogger{} // a connection that a killed server broke is no news to a test that killed it
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() }) // its error only says that the server has gone first
	return db
}

// BuildArgs are the arguments with which the go command builds a program for tests, up to its package.
func BuildArgs(program string) []string {
	args := []string{"build", "-o", program}
	if Race {
		args = append(args, "-race")
	}
	return args
}
