package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

// scene is a small disaster: a dump, binlogs in several files, a wipe, and the server it happened on, which
// holds what was there before the wipe as database kept.
type scene struct {
	kind   string
	dir    string // with a folder binlogs, and dump.sql
	server *scratch.Server
}

func (s *scene) binlogs() string { return filepath.Join(s.dir, "binlogs") }
func (s *scene) dump() string    { return filepath.Join(s.dir, "dump.sql") }

// disaster makes one. It is wiped by a session that drops two tables, makes them again and fills them.
func disaster(t *testing.T, kind string) *scene {
	t.Helper()
	return disasterOf(t, kind, func(s *scene) { s.takeDump(t) })
}

// disasterOf makes one whose backup is taken by dump.
func disasterOf(t *testing.T, kind string, dump func(*scene)) *scene {
	t.Helper()
	s := &scene{kind: kind, dir: t.TempDir()}
	s.server = testserver.Source(t, kind, append([]string{"--max-binlog-size=16384", "--secure-file-priv="}, testserver.GTID(kind)...)...)
	db := testserver.Open(t, s.server)
	exec1 := func(q string) {
		t.Helper()
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%.200s: %v", q, err)
		}
	}
	exec1("CREATE DATABASE shop; CREATE DATABASE crm; CREATE TABLE crm.notes (id INT PRIMARY KEY, t TEXT)")
	for _, q := range []string{
		"CREATE TABLE shop.customers (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) CHARACTER SET utf8mb4 NOT NULL, kind ENUM('a','b') DEFAULT 'b', since DATETIME)",
		"CREATE TABLE shop.orders (id BIGINT PRIMARY KEY, customer INT, total DECIMAL(10,2), note BLOB, KEY (customer))",
	} {
		exec1(q)
	}
	rows := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			exec1(fmt.Sprintf("INSERT INTO shop.customers (id, name, since) VALUES (%d, '客户 %d', '2024-01-02 03:04:05')", i, i))
			exec1(fmt.Sprintf("INSERT INTO shop.orders VALUES (%d, %d, %d.25, x'00ff%06x')", i, i, i, i))
			exec1(fmt.Sprintf("REPLACE INTO crm.notes VALUES (%d, 'not ours')", i%5))
		}
	}
	rows(1, 40)
	dump(s)
	rows(40, 80)
	exec1("UPDATE shop.orders SET total = total + 1 WHERE id % 3 = 0; DELETE FROM shop.customers WHERE id % 7 = 0")
	exec1("CREATE TABLE shop.invoices (id INT PRIMARY KEY, amount DOUBLE); INSERT INTO shop.invoices VALUES (1, 0.1), (2, -0e0)")
	exec1("SET SESSION sql_log_bin=0; CREATE DATABASE kept")
	for _, table := range []string{"customers", "orders", "invoices"} {
		exec1(fmt.Sprintf("SET SESSION sql_log_bin=0; CREATE TABLE kept.%s LIKE shop.%s; INSERT INTO kept.%s SELECT * FROM shop.%s; SET SESSION sql_log_bin=1", table, table, table, table))
	}
	s.wipe(t, testserver.Open(t, s.server)) // by a session that made none of the tables
	exec1("INSERT INTO crm.notes VALUES (99, 'later'); FLUSH LOGS")
	s.collect(t)
	return s
}

func (s *scene) wipe(t *testing.T, db *sql.DB) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, q := range []string{
		"USE shop", "SET SESSION sql_log_bin=1", "DROP TABLE orders", "DROP TABLE customers", "CREATE TABLE customers (id INT PRIMARY KEY)", "CREATE TABLE orders (id INT PRIMARY KEY)",
		"INSERT INTO customers VALUES (1),(2)", "INSERT INTO orders VALUES (7)",
	} {
		if _, err := conn.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

func (s *scene) takeDump(t *testing.T, more ...string) {
	t.Helper()
	args := append([]string{"--no-defaults", "-uroot", "-S", s.server.Socket(), "--single-transaction", testserver.Coordinates(s.kind), "--result-file=" + s.dump()}, more...)
	if out, err := exec.Command(testserver.Bin(t, s.kind, "mysqldump"), append(args, "shop")...).CombinedOutput(); err != nil {
		t.Fatalf("mysqldump: %v\n%s", err, out)
	}
}

func (s *scene) collect(t *testing.T) {
	t.Helper()
	if err := os.Mkdir(s.binlogs(), 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(s.server.DataDir(), "binlog.0*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("binlogs: %q, %v", files, err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(filepath.Join(s.binlogs(), filepath.Base(f)), content, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// files lists the binlogs' names in order.
func (s *scene) files(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(s.binlogs())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// ran is what one command did.
type ran struct {
	args     []string
	code     int
	out, err string
}

func (o *ran) String() string {
	return fmt.Sprintf("lifeboat %s\nexit %d\nstdout:\n%s\nstderr:\n%s", strings.Join(o.args, " "), o.code, o.out, o.err)
}

// lifeboat runs a command line as main would, free of the environment's own settings.
func lifeboat(t *testing.T, args ...string) *ran {
	t.Helper()
	return lifeboatWith(t.Context(), args...)
}

func lifeboatWith(ctx context.Context, args ...string) *ran {
	var out, errOut bytes.Buffer
	code := run(ctx, &env{stdout: &out, stderr: &errOut, version: "v0-test"}, append([]string{"lifeboat"}, args...))
	return &ran{args, code, out.String(), errOut.String()}
}

func TestMain(m *testing.M) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "LIFEBOAT_") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

func (o *ran) want(t *testing.T, code int, words ...string) *ran {
	t.Helper()
	if o.code != code {
		t.Errorf("exit %d, want %d:\n%s", o.code, code, o)
	}
	for _, w := range words {
		if !strings.Contains(o.out+o.err, w) {
			t.Errorf("it does not say %q:\n%s", w, o)
		}
	}
	return o
}

// oneLine fails the test unless the error is one line on stderr, and nothing is on stdout.
func (o *ran) oneLine(t *testing.T) *ran {
	t.Helper()
	if o.out != "" || strings.Count(o.err, "\n") != 1 || !strings.HasPrefix(o.err, "lifeboat: ") {
		t.Errorf("not one clear line:\n%s", o)
	}
	return o
}

// inputs fingerprints everything below a folder: names, modes, times of change, content.
func inputs(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum := [32]byte{}
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum = sha256.Sum256(content)
		}
		lines = append(lines, fmt.Sprintf("%s %v %s %x", path, info.Mode(), info.ModTime().Format(time.RFC3339Nano), sum))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// databases lists what a server holds, with the number of tables in each.
func databases(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.Query("SELECT s.SCHEMA_NAME, COUNT(t.TABLE_NAME) FROM information_schema.SCHEMATA s LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME GROUP BY s.SCHEMA_NAME")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
