package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

var makeArchives = flag.Bool("make-archives", false, "write the archives below testdata/audit anew, with real servers; then run the golden test with -update")

// TestMakeAuditArchives writes the small archives that the golden reports are about. They are committed, so that reports can
// be compared to the byte.
func TestMakeAuditArchives(t *testing.T) {
	if !*makeArchives {
		t.Skip("-make-archives was not given")
	}
	for name, write := range map[string]func(*archiveMaker){
		"healthy": (*archiveMaker).healthy, "story": (*archiveMaker).story, "failover": (*archiveMaker).failover, "promoted": (*archiveMaker).promoted, "mixed": (*archiveMaker).mixed,
		"mariadb": (*archiveMaker).mariadb, "rename-swap": (*archiveMaker).renameSwap, "one-create": (*archiveMaker).oneCreate,
		"unsupported-values": (*archiveMaker).unsupportedValues,
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "audit", name)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			write(&archiveMaker{t: t, dir: dir})
		})
	}
}

type archiveMaker struct {
	t      *testing.T
	dir    string
	kind   string
	server *scratch.Server
	db     *sql.DB
}

func (m *archiveMaker) start(kind string, options ...string) {
	m.kind = kind
	m.server = testserver.Source(m.t, kind, append(testserver.GTID(kind), options...)...)
	m.db = testserver.Open(m.t, m.server)
	m.db.SetMaxIdleConns(-1)
}

func (m *archiveMaker) run(statements ...string) {
	m.t.Helper()
	conn := m.session()
	defer conn.Close()
	runIn(m.t, conn, statements...)
}

// session is one connection, which nobody else gets when it is closed.
func (m *archiveMaker) session() *sql.Conn {
	m.t.Helper()
	conn, err := m.db.Conn(context.Background())
	if err != nil {
		m.t.Fatal(err)
	}
	return conn
}

func runIn(t *testing.T, conn *sql.Conn, statements ...string) {
	t.Helper()
	for _, q := range statements {
		if _, err := conn.ExecContext(context.Background(), q); err != nil {
			t.Fatalf("%.200s: %v", q, err)
		}
	}
}

// wait lets time pass between the parts of a story, so that they are apart on its timeline.
func (m *archiveMaker) wait() { time.Sleep(2 * time.Second) }

// shop makes the tables.
func (m *archiveMaker) shop() {
	m.run("CREATE DATABASE shop", "CREATE DATABASE crm", "CREATE TABLE crm.notes (id INT PRIMARY KEY, t VARCHAR(40))",
		"CREATE TABLE shop.customers (id INT PRIMARY KEY, name VARCHAR(60) NOT NULL)",
		"CREATE TABLE shop.orders (id INT PRIMARY KEY, customer INT, total DECIMAL(10,2), KEY (customer))",
		"CREATE TABLE shop.products (id INT PRIMARY KEY, name VARCHAR(60))")
}

// trade is what the application writes.
func (m *archiveMaker) trade(from, to int) {
	conn := m.session()
	defer conn.Close()
	for i := from; i < to; i++ {
		runIn(m.t, conn, fmt.Sprintf("INSERT INTO shop.customers VALUES (%d, 'customer %d')", i, i),
			fmt.Sprintf("INSERT INTO shop.orders VALUES (%d, %d, %d.50), (%d, %d, 7)", 2*i, i, i, 2*i+1, i),
			fmt.Sprintf("UPDATE shop.orders SET total = total + 1 WHERE customer = %d", i))
	}
	runIn(m.t, conn, fmt.Sprintf("REPLACE INTO shop.products VALUES (%d, 'product')", from), fmt.Sprintf("DELETE FROM shop.orders WHERE id = %d", 2*from),
		fmt.Sprintf("REPLACE INTO crm.notes VALUES (%d, 'not the shop''s')", from))
}

func (m *archiveMaker) flush() { m.run("FLUSH BINARY LOGS"); m.wait() }

func (m *archiveMaker) dump(extra ...string) { m.t.Helper(); m.dumpOf("shop", "dump.sql", extra...) }

func (m *archiveMaker) dumpOf(database, file string, extra ...string) {
	m.t.Helper()
	args := append([]string{"--no-defaults", "-uroot", "-S", m.server.Socket(), "--single-transaction", "--skip-dump-date", "--result-file=" + filepath.Join(m.dir, file)}, extra...)
	if out, err := exec.Command(testserver.Bin(m.t, m.kind, "mysqldump"), append(args, database)...).CombinedOutput(); err != nil {
		m.t.Fatalf("mysqldump: %v\n%s", err, out)
	}
}

// collect copies the server's binlogs, but the first few, as operations would.
func (m *archiveMaker) collect(folder string, skip int) {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(m.server.DataDir(), "binlog.0*"))
	if err != nil || len(files) <= skip {
		m.t.Fatalf("%q, %v", files, err)
	}
	into := filepath.Join(m.dir, folder)
	if err := os.MkdirAll(into, 0o755); err != nil {
		m.t.Fatal(err)
	}
	for _, f := range files[skip:] {
		content, err := os.ReadFile(f)
		if err != nil {
			m.t.Fatal(err)
		}
		write(m.t, filepath.Join(into, filepath.Base(f)), content)
	}
}

func (m *archiveMaker) healthy() {
	m.start(testserver.MySQL97)
	m.shop()
	m.trade(1, 8)
	m.flush()
	m.dump("--source-data=2")
	m.trade(8, 16)
	m.flush()
	m.run("CREATE TABLE shop.invoices (id INT PRIMARY KEY, amount DOUBLE)", "INSERT INTO shop.invoices VALUES (1, 0.1), (2, 2)")
	m.trade(16, 24)
	m.flush()
	m.trade(24, 30)
	m.collect("binlogs", 0)
}

// wipe is what the tests of the design's story did: by a session that made none of the tables.
func (m *archiveMaker) wipe() {
	ci := m.session()
	defer ci.Close()
	runIn(m.t, ci, "USE shop", "DROP TABLE IF EXISTS orders, customers", "CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(60) NOT NULL)",
		"CREATE TABLE orders (id INT PRIMARY KEY, customer INT, total DECIMAL(10,2), KEY (customer))", "TRUNCATE TABLE products",
		"INSERT INTO customers VALUES (1, 'test'), (2, 'test')", "INSERT INTO orders VALUES (1, 1, 1)")
}

// story: the base is old and says nothing of its place, the log begins after it.
func (m *archiveMaker) story() {
	m.start(testserver.MySQL97)
	m.shop()
	m.trade(1, 8)
	m.dump("--set-gtid-purged=OFF")
	m.flush()
	m.trade(8, 16)
	m.flush()
	m.trade(16, 20)
	m.wait()
	m.wipe()
	m.wait()
	m.trade(100, 104)
	m.flush()
	m.collect("binlogs", 1)
}

func (m *archiveMaker) mariadb() {
	m.start(testserver.MariaDB1011)
	m.shop()
	m.trade(1, 8)
	m.dump("--master-data=2")
	m.flush()
	m.trade(8, 16)
	m.wait()
	m.wipe()
	m.wait()
	m.trade(100, 104)
	m.flush()
	m.collect("binlogs", 0)
}

// failover: what the first server wrote is replicated to a second one, which logged it too and goes on alone. Both count from 1.
func (m *archiveMaker) failover() {
	m.replica()
	m.flush()
	m.trade(12, 16)
	m.flush()
	m.collect("second", 0)
}

// promoted: the second server's files were made to go on where the first one's end, in number as by GTID, and only those since are kept.
// (gtid_purged does not do it: a server leaves what it holds by that out of what its files say was committed before them.)
func (m *archiveMaker) promoted() {
	m.replica("RESET BINARY LOGS AND GTIDS TO 2")
	m.flush()
	m.trade(12, 16)
	m.flush()
	m.trade(16, 20)
	m.collect("second", 1)
}

// replica starts a second server that has executed what the first one wrote, whose files it collects as a crash leaves them.
func (m *archiveMaker) replica(prepare ...string) {
	m.start(testserver.MySQL97)
	m.shop()
	m.trade(1, 8)
	m.dump("--source-data=2")
	m.flush()
	m.trade(8, 12)
	m.collect("first", 0)
	files, err := filepath.Glob(filepath.Join(m.server.DataDir(), "binlog.0*"))
	if err != nil {
		m.t.Fatal(err)
	}
	m.start(testserver.MySQL97, "--server-id=2")
	m.run(prepare...)
	decoded := exec.Command(testserver.Bin(m.t, m.kind, "mysqlbinlog"), files...)
	client := exec.Command(testserver.Bin(m.t, m.kind, "mysql"), "--no-defaults", "-uroot", "-S", m.server.Socket())
	if client.Stdin, err = decoded.StdoutPipe(); err != nil {
		m.t.Fatal(err)
	}
	if err := decoded.Start(); err != nil {
		m.t.Fatal(err)
	}
	if out, err := client.CombinedOutput(); err != nil {
		m.t.Fatalf("%v\n%s", err, out)
	}
	if err := decoded.Wait(); err != nil {
		m.t.Fatal(err)
	}
}

// mixed: some changes are logged as statements.
func (m *archiveMaker) mixed() {
	m.start(testserver.MySQL97)
	m.shop()
	m.trade(1, 8)
	m.dump("--source-data=2")
	m.flush()
	m.trade(8, 12)
	m.run("SET SESSION binlog_format = 'MIXED'", "UPDATE shop.orders SET total = total * 2 WHERE customer = 9", "INSERT INTO shop.products VALUES (700, 'as text')")
	m.trade(12, 16)
	m.collect("binlogs", 0)
}

// renameSwap is a migration as gh-ost makes one, and what else looks like a wipe and is none.
func (m *archiveMaker) renameSwap() {
	m.start(testserver.MySQL97)
	m.shop()
	m.trade(1, 8)
	m.dump("--source-data=2")
	m.flush()
	m.trade(8, 12)
	tool := m.session()
	defer tool.Close()
	runIn(m.t, tool, "USE shop", "CREATE TABLE _orders_ghc (id BIGINT PRIMARY KEY, value VARCHAR(80))", "CREATE TABLE _orders_gho LIKE orders", "ALTER TABLE _orders_gho ADD COLUMN note VARCHAR(20)",
		"INSERT INTO _orders_gho (id, customer, total) SELECT id, customer, total FROM orders", "RENAME TABLE orders TO _orders_del, _orders_gho TO orders",
		"DROP TABLE _orders_del", "DROP TABLE _orders_ghc",
		"DROP TABLE IF EXISTS never_was", "CREATE TEMPORARY TABLE work (id INT)", "DROP TEMPORARY TABLE work", "CREATE TABLE stage (id INT PRIMARY KEY)", "INSERT INTO stage VALUES (1)", "DROP TABLE stage")
	m.run("INSERT INTO shop.orders (id, customer, total, note) VALUES (900, 1, 1, 'after')")
	m.collect("binlogs", 0)
}

// oneCreate: no backup, and a log that begins after the tables were made, but for one.
func (m *archiveMaker) oneCreate() {
	m.start(testserver.MySQL97)
	m.shop()
	m.trade(1, 8)
	m.flush()
	m.trade(8, 12)
	m.run("CREATE TABLE shop.invoices (id INT PRIMARY KEY, amount DOUBLE)", "INSERT INTO shop.invoices VALUES (1, 0.1), (2, 2)", "ALTER TABLE shop.invoices ADD COLUMN paid BOOL")
	m.run("SET binlog_row_image = MINIMAL", "UPDATE shop.products SET name = 'renamed' WHERE id = 1")
	m.flush()
	m.run("UPDATE shop.invoices SET paid = 1")
	m.collect("binlogs", 1)
}

// auditScene is a copy of one of those archives in a folder of the test's own, which is the current one.
// unsupportedValues: one table's column is of MariaDB's form before 10.1, with fractions of a second.
func (m *archiveMaker) unsupportedValues() {
	m.start(testserver.MariaDB1011, "--mysql56-temporal-format=OFF")
	m.shop()
	m.run("CREATE TABLE shop.clocks (id INT PRIMARY KEY, at DATETIME(3))")
	m.trade(1, 4)
	m.dump("--master-data=2")
	m.flush()
	m.trade(4, 8)
	m.run("INSERT INTO shop.clocks VALUES (1, '2026-01-02 03:04:05.678'), (2, NULL)", "UPDATE shop.clocks SET at = '2027-01-02 03:04:05.999'")
	m.trade(8, 12)
	m.flush()
	m.collect("binlogs", 0)
}

type auditScene struct{ t *testing.T }

func openScene(t *testing.T, name string) *auditScene {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "audit", name))); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return &auditScene{t}
}

// copies makes further copies of the folder binlogs.
func (s *auditScene) copies(names ...string) *auditScene {
	s.t.Helper()
	for _, n := range names {
		if err := os.CopyFS(n, os.DirFS("binlogs")); err != nil {
			s.t.Fatal(err)
		}
	}
	return s
}

// flip changes a bit in the n-th part of a file, counted in hundredths.
func (s *auditScene) flip(path string, hundredth int) *auditScene {
	s.t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	content[len(content)*hundredth/100] ^= 4
	write(s.t, path, content)
	return s
}

func (s *auditScene) cut(path string, bytes int) *auditScene {
	s.t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()-int64(bytes))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return s
}

func (s *auditScene) remove(path string) *auditScene {
	s.t.Helper()
	if err := os.Remove(path); err != nil {
		s.t.Fatal(err)
	}
	return s
}
