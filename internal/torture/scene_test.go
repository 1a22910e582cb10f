package torture

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/spill"
	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
	"lifeboat/internal/workload"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

const shop = "shop"

// scene is what there is to restore from, and what must come out.
type scene struct {
	kind     string
	binlogs  string // folder
	dump     string
	position string // of the dump
	want     *dbstate.State
	archive  *archive.Archive
	snapshot *snapshot.Snapshot
}

// newScene runs a little of everything on a server of the kind: a small scene makes each of its steps a large part of it.
func newScene(t *testing.T, kind, image string) *scene {
	o := workload.Options{Seed: 1, Rows: 40, Transactions: 40, Sessions: 1}
	return playScene(t, kind, image, func(db *sql.DB) {
		must(t, workload.Create(t.Context(), db, shop, o))
		_, err := workload.Run(t.Context(), db, shop, o)
		must(t, err)
	}, func(db *sql.DB) {
		o.Seed, o.Transactions, o.DDL, o.Lossy = 2, 120, 5, true
		_, err := workload.Run(t.Context(), db, shop, o)
		must(t, err)
	})
}

// tinyScene is so small that a fault can be tried at each message of its restore.
func tinyScene(t *testing.T, kind string, own ...string) *scene {
	run := func(queries ...string) func(*sql.DB) {
		return func(db *sql.DB) {
			for _, q := range queries {
				exec1(t, db, q)
			}
		}
	}
	return playScene(t, kind, "FULL", run(
		"CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4",
		"CREATE TABLE shop.item (id INT PRIMARY KEY AUTO_INCREMENT, code VARCHAR(20) UNIQUE, n INT)",
		"CREATE TABLE shop.note (t TEXT, k INT)",
		"INSERT INTO shop.item (code, n) VALUES ('a', 1), ('b', 2), ('c', 3)",
		"INSERT INTO shop.note VALUES ('same', 1), ('same', 1), ('other', 2)",
	), run(append(own,
		"UPDATE shop.item SET code = CONCAT(code, 'x'), n = n + 1",
		"INSERT INTO shop.note VALUES ('same', 1), ('new', 3)",
		"DELETE FROM shop.note WHERE t = 'same' LIMIT 1",
		"ALTER TABLE shop.item ADD COLUMN more INT DEFAULT 7",
		"UPDATE shop.item SET code = IF(id = 1, 'bx', CONCAT('z', id)) WHERE id IN (1, 2) ORDER BY id DESC",
		"INSERT INTO shop.item (code, n, more) VALUES ('d', 4, 8)",
		"DELETE FROM shop.item WHERE id = 3")...))
}

// apartTrigger is the one of apartScene.
const apartTrigger = "CREATE TRIGGER shop.tr BEFORE INSERT ON shop.stage FOR EACH ROW SET NEW.w = 1"

// apartScene is as small, and full of statements about tables that nothing hangs on.
func apartScene(t *testing.T, kind string) *scene {
	return tinyScene(t, kind,
		"CREATE TABLE shop.stage (id INT PRIMARY KEY AUTO_INCREMENT, v INT)",
		"INSERT INTO shop.stage (v) VALUES (1), (2)",
		"UPDATE shop.item SET n = n + 1",
		"TRUNCATE TABLE shop.stage",
		"INSERT INTO shop.stage (v) VALUES (3), (4)",
		"UPDATE shop.stage SET v = v + 1",
		"ALTER TABLE shop.stage ADD COLUMN w INT DEFAULT 5",
		"INSERT INTO shop.stage (v, w) VALUES (4, 4)",
		"CREATE TABLE shop.next LIKE shop.stage",
		"INSERT INTO shop.next VALUES (1, 1, 1)",
		"RENAME TABLE shop.stage TO shop.old, shop.next TO shop.stage",
		"DELETE FROM shop.old WHERE v = 4 LIMIT 1",
		"UPDATE shop.stage SET v = 9",
		apartTrigger,
		"ALTER TABLE shop.old MODIFY v BIGINT",
		"DROP TABLE shop.old",
		"CREATE TABLE shop.old (k INT PRIMARY KEY)",
		"INSERT INTO shop.old VALUES (1)",
		"UPDATE shop.item SET n = n + 1")
}

// playScene makes a scene: the base is dumped, and then comes what the log is to bring back.
func playScene(t *testing.T, kind, image string, base, more func(*sql.DB)) *scene {
	t.Helper()
	dir := t.TempDir()
	s := &scene{kind: kind, binlogs: filepath.Join(dir, "binlogs"), dump: filepath.Join(dir, "dump.sql")}
	src := testserver.Source(t, kind, "--max-binlog-size=64K", "--binlog-row-image="+image)
	db := testserver.Open(t, src)
	base(db)
	status := "SHOW MASTER STATUS"
	if kind == testserver.MySQL97 {
		status = "SHOW BINARY LOG STATUS"
	}
	at := dbstate.Texts(t, db, status)[0]
	s.position = at[0] + ":" + at[1]
	args := []string{"--no-defaults", "-uroot", "-S", src.Socket(), "--single-transaction", "--routines", "--triggers", testserver.Coordinates(kind), "--result-file=" + s.dump}
	if kind == testserver.MySQL97 {
		args = append(args, "--set-gtid-purged=OFF") // one target loads it again and again
	}
	out, err := exec.Command(testserver.Bin(t, kind, "mysqldump"), append(args, shop)...).CombinedOutput()
	if err != nil {
		t.Fatalf("mysqldump: %v\n%s", err, out)
	}
	more(db)
	rows := filepath.Join(dir, "rows")
	must(t, os.Mkdir(rows, 0o755))
	s.want = dbstate.Capture(t, db, shop, rows)
	exec1(t, db, "FLUSH LOGS")
	must(t, os.Mkdir(s.binlogs, 0o755))
	files, err := filepath.Glob(filepath.Join(src.DataDir(), "binlog.0*"))
	must(t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(s.binlogs, filepath.Base(f)), text, 0o644))
	}
	s.archive, err = archive.Open(t.Context(), []string{s.binlogs}, archive.Options{})
	must(t, err)
	s.snapshot, err = snapshot.Open(t.Context(), s.dump, shop, nil)
	must(t, err)
	must(t, src.Close())
	return s
}

func exec1(t testing.TB, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// route is one of the ways on which rows get to the target.
type route struct {
	name       string
	image      string // binlog_row_image: with MINIMAL tables with a primary key fold in part, and the others take the serial lane
	memory     int64
	baseLoaded bool
	args       []string // more of them for the program
	spills     bool     // what does not fit into memory goes to disk
	baseFirst  bool     // the snapshot is loaded before the log is read, as it is where they cannot merge; else they do
}

func routes() []route {
	const plenty = 64 << 20
	return []route{
		{name: "merge", image: "FULL", memory: plenty},
		{name: "base first", image: "FULL", memory: plenty, baseFirst: true},
		{name: "base loaded", image: "FULL", memory: plenty, baseLoaded: true},
		{name: "serial lane, rows in part", image: "MINIMAL", memory: plenty},
		{name: "small memory", image: "FULL", memory: 1},
		{name: "spill", image: "FULL", memory: 1, spills: true},
	}
}

// plan is what a restore of the scene on the route does.
func (s *scene) plan(t *testing.T, r *route) *plan.Plan {
	t.Helper()
	q := plan.Request{Archive: s.archive, Snapshot: s.snapshot, Scope: filter.Scope{Database: shop}, SnapshotPosition: "auto"}
	if r.baseLoaded {
		q.Snapshot, q.BaseLoaded, q.SnapshotPosition = nil, true, s.position
	}
	p, _, err := plan.Make(t.Context(), q)
	must(t, err)
	return p
}

// load puts the dump onto a server as an operator would.
func (s *scene) load(t *testing.T, db *sql.DB, socket string) {
	t.Helper()
	exec1(t, db, "CREATE DATABASE "+shop+" DEFAULT CHARACTER SET utf8mb4")
	text, err := os.ReadFile(s.dump)
	must(t, err)
	// Without this mode a server makes 0000-00-00 of invalid dates, and the base is not what the source had.
	text = bytes.ReplaceAll(text, []byte("SQL_MODE='NO_AUTO_VALUE_ON_ZERO'"), []byte("SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"))
	cmd := exec.Command(testserver.Bin(t, s.kind, "mysql"), "--no-defaults", "-uroot", "-S", socket, shop)
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("loading the dump: %v\n%s", err, out)
	}
}

// args are the same restore as a command line.
func (s *scene) args(r *route, dsn string) []string {
	out := append([]string{"restore", "--binlogs", s.binlogs, "--database", shop, "--target", dsn, "--workers", "2", "--progress", "none",
		"--connect-timeout", "5s", "--network-timeout", "500ms", "--retry-for", "60s"}, r.args...)
	if r.baseLoaded {
		return append(out, "--base-loaded", "--snapshot-position", s.position)
	}
	return append(out, "--snapshot", s.dump)
}

// onlyInProcess reports a route that no flag of the program leads to: it takes no less than 16 MiB, and merges where it can.
func (r *route) onlyInProcess() bool { return r.memory == 1 || r.baseFirst }

// spill is where the route's folds go that do not fit; nil for nowhere.
func (r *route) spill(t testing.TB) spill.Storage {
	if !r.spills {
		return nil
	}
	return spill.Folder(t.TempDir())
}

func baseLoadedRoute() route {
	rs := routes()
	return rs[slices.IndexFunc(rs, func(r route) bool { return r.baseLoaded })]
}

func (r *route) String() string { return fmt.Sprintf("%s (%s)", r.name, r.image) }
