package acceptance

import (
	"context"
	"database/sql"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
	"lifeboat/internal/workload"
)

// The databases of a scene: one that gets wiped, and its neighbour in the same log.
const (
	shop  = "shop"
	other = "neighbour"
)

// scene is what a disaster leaves behind: a dump, an archive of binlogs, and the memory of what was there.
type scene struct {
	kind    string
	archive string // folder of binlogs
	dump    string
	want    *dbstate.State // of the shop, just before the wipe
}

// traffic says how large a scene is.
type traffic struct {
	transactions int
	ddl          int
	rows         int // keys in use of a table
	args         []string
	dumpAll      bool // a dump of both databases, with their CREATE DATABASE
}

// disaster runs traffic on a server of the kind, takes a dump, runs more, and wipes the shop.
func disaster(t *testing.T, kind string, x traffic) *scene {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	s := &scene{kind: kind, archive: filepath.Join(dir, "binlogs"), dump: filepath.Join(dir, "dump.sql")}
	src := testserver.Source(t, kind, append([]string{"--max-binlog-size=16M", "--binlog-cache-size=1M"}, x.args...)...)
	db := testserver.Open(t, src)
	db.SetMaxIdleConns(8)

	small := workload.Options{Seed: 2, Rows: 200, Transactions: x.transactions / 20, Sessions: 1, Lossy: true}
	o := workload.Options{Seed: 1, Rows: x.rows, Transactions: x.transactions / 20, DDL: 3}
	must(t, workload.Create(ctx, db, other, small))
	must(t, workload.Create(ctx, db, shop, o))
	run(t, db, shop, o)
	s.takeDump(t, src, x.dumpAll)

	o.Seed, o.Transactions, o.DDL, o.Lossy = 3, x.transactions, x.ddl, true
	var n workload.Stats
	start := time.Now()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { _, err := workload.Run(gctx, db, other, small); return err })
	g.Go(func() (err error) { n, err = workload.Run(gctx, db, shop, o); return err })
	must(t, g.Wait())
	took := time.Since(start)

	rows := filepath.Join(dir, "rows")
	must(t, os.Mkdir(rows, 0o755))
	s.want = dbstate.Capture(t, db, shop, rows)
	s.wipe(t, db)
	size := s.collect(t, src)
	t.Logf("%s: %+v in %v, %.0f transactions/s; dump %d KiB, binlogs %d MiB, %d tables", kind, n, took.Round(time.Millisecond),
		float64(n.Committed)/took.Seconds(), fileSize(t, s.dump)>>10, size>>20, len(s.want.Counts))
	if len(s.want.Counts) < 10 {
		t.Fatalf("the workload left only %d tables", len(s.want.Counts))
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, db *sql.DB, name string, o workload.Options) {
	t.Helper()
	if _, err := workload.Run(t.Context(), db, name, o); err != nil {
		t.Fatal(err)
	}
}

// takeDump takes the dump that an operator would, with the place in the log in it.
func (s *scene) takeDump(t *testing.T, src *scratch.Server, all bool) {
	t.Helper()
	args := []string{"--no-defaults", "-uroot", "-S", src.Socket(), "--single-transaction", "--routines", "--triggers", testserver.Coordinates(s.kind), "--result-file=" + s.dump}
	if all {
		args = append(args, "--databases", other, shop)
	} else {
		args = append(args, shop)
	}
	out, err := exec.Command(testserver.Bin(t, s.kind, "mysqldump"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("mysqldump: %v\n%s", err, out)
	}
}

// wipe is the accident: tests that think the database is theirs.
func (s *scene) wipe(t *testing.T, db *sql.DB) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	for _, q := range []string{
		"DROP DATABASE " + shop, "CREATE DATABASE " + shop, "USE " + shop,
		"CREATE TABLE account (id INT NOT NULL PRIMARY KEY, name VARCHAR(20))", "INSERT INTO account VALUES (1, 'test'), (2, 'test')",
		"DELETE FROM account WHERE id = 1", "INSERT INTO " + other + ".queue (id, payload) VALUES (-5, 'later')", "FLUSH LOGS",
	} {
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// collect copies the binlogs as an archive would have them.
func (s *scene) collect(t *testing.T, src *scratch.Server) (size int64) {
	t.Helper()
	must(t, os.Mkdir(s.archive, 0o755))
	files := binlogs(t, src.DataDir())
	if len(files) < 3 {
		t.Fatalf("only %d binlogs", len(files))
	}
	for _, f := range files {
		copyFile(t, f, filepath.Join(s.archive, filepath.Base(f)))
		size += fileSize(t, f)
	}
	return size
}

// binlogs lists the binlogs in a folder, in order.
func binlogs(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "binlog.0*"))
	must(t, err)
	return files
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	must(t, err)
	defer in.Close()
	out, err := os.Create(to)
	must(t, err)
	_, err = io.Copy(out, in)
	must(t, err)
	must(t, out.Close())
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Size()
}

// restore is the command line that brings the shop back to just before the wipe, onto the server.
func (s *scene) restore(to *scratch.Server, more ...string) []string {
	return append([]string{"restore", "--binlogs", s.archive, "--snapshot", s.dump, "--database", shop, "--stop-before", s.place(),
		"--target", to.DSN(), "--progress", "none"}, more...)
}

func (s *scene) place() string { return "incident:1" }

// fresh starts a server to restore onto.
func (s *scene) fresh(t *testing.T) (*scratch.Server, *sql.DB) {
	t.Helper()
	to := testserver.Start(t, s.kind)
	return to, testserver.Open(t, to)
}

// databases lists what there is on a server beside its own.
func databases(t *testing.T, db *sql.DB) string {
	t.Helper()
	var names []string
	for _, r := range dbstate.Texts(t, db, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ('mysql','sys','test','information_schema','performance_schema') ORDER BY 1") {
		names = append(names, r[0])
	}
	return strings.Join(names, " ")
}
