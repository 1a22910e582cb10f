package torture

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

var tables = flag.Int("tables", 200, "tables that TestShapes makes")

// TestShapes restores what is large in one direction: many tables, a thousand columns, a row of 16 MB, many small files.
func TestShapes(t *testing.T) {
	kind := testserver.MySQL97
	dir := t.TempDir()
	src := testserver.Source(t, kind, "--max-binlog-size=4096")
	db := testserver.Open(t, src)
	exec1(t, db, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4")
	var wide strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&wide, ", c%d TINYINT", i)
	}
	exec1(t, db, "CREATE TABLE shop.wide (id INT PRIMARY KEY"+wide.String()+"); CREATE TABLE shop.large (id INT PRIMARY KEY, v LONGBLOB)")
	dump := filepath.Join(dir, "dump.sql")
	out, err := exec.Command(testserver.Bin(t, kind, "mysqldump"), "--no-defaults", "-uroot", "-S", src.Socket(), "--single-transaction", "--source-data=2", "--set-gtid-purged=OFF", "--result-file="+dump, shop).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	exec1(t, db, "INSERT INTO shop.wide (id, c0, c999) VALUES (1, 1, -1), (2, 2, -2); UPDATE shop.wide SET c500 = 5 WHERE id = 2")
	exec1(t, db, "INSERT INTO shop.large VALUES (1, REPEAT(X'00FF27', 5592405)), (2, 'small'); UPDATE shop.large SET v = CONCAT(v, 'x') WHERE id = 1")
	for i := range *tables {
		exec1(t, db, fmt.Sprintf("CREATE TABLE shop.t%d (id INT PRIMARY KEY, v INT); INSERT INTO shop.t%d VALUES (1, %d)", i, i, i))
	}
	rows := filepath.Join(dir, "rows")
	must(t, os.Mkdir(rows, 0o755))
	want := dbstate.Capture(t, db, shop, rows)
	exec1(t, db, "FLUSH LOGS")
	binlogs := filepath.Join(dir, "binlogs")
	must(t, os.Mkdir(binlogs, 0o755))
	files, err := filepath.Glob(filepath.Join(src.DataDir(), "binlog.0*"))
	must(t, err)
	for _, f := range files {
		must(t, os.Link(f, filepath.Join(binlogs, filepath.Base(f))))
	}
	to := testserver.Start(t, kind)
	start := time.Now()
	e := lifeboat(t, dir, nil, "audit", "--binlogs", binlogs, "--snapshot", dump, "--database", shop, "--progress", "none").want(t, 0)
	audited := time.Since(start)
	r := lifeboat(t, dir, nil, "restore", "--binlogs", binlogs, "--snapshot", dump, "--database", shop, "--target", to.DSN(), "--progress", "none").want(t, 0)
	t.Logf("%d tables made by the log, %d files: audit %v and %d MiB, restore %v and %d MiB", *tables, len(files), audited.Round(time.Millisecond), e.peak>>20, (time.Since(start) - audited).Round(time.Millisecond), r.peak>>20)
	if d := dbstate.Differences(want, dbstate.Capture(t, testserver.Open(t, to), shop, t.TempDir())); len(d) > 0 {
		t.Error(strings.Join(d, "\n")[:min(2000, len(strings.Join(d, "\n")))])
	}
}
