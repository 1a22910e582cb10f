package snapshot_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
	"lifeboat/snapshot"
)

// shop is a schema of what dumps have trouble with. %s stands for the kind's own statements.
const shop = `
CREATE TABLE plain (id INT PRIMARY KEY AUTO_INCREMENT, t TEXT, n DECIMAL(10,2), at TIMESTAMP NULL, KEY (n)) AUTO_INCREMENT=1000 DEFAULT CHARSET=utf8mb4;
CREATE TABLE bin (id INT PRIMARY KEY, b LONGBLOB, v VARBINARY(300));
CREATE TABLE void (id INT PRIMARY KEY);
CREATE TABLE odd (` + "`a``b;` INT PRIMARY KEY, `select` VARCHAR(50), `),(` INT" + `) COMMENT 'it''s; -- no comment /* nor this';
CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB;
CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE) ENGINE=InnoDB;
CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(200));
CREATE TABLE nokey (x INT, y DOUBLE, z VARCHAR(20));
CREATE VIEW v1 AS SELECT id, t FROM plain WHERE n > 1;
CREATE VIEW v2 AS SELECT v1.id, odd.` + "`select`" + ` FROM v1 JOIN odd ON odd.` + "`a``b;`" + ` = v1.id;
CREATE VIEW a_view_over AS SELECT COUNT(*) c FROM v2;
`

// programs are run one by one: in a row of statements the server keeps the ';' as part of them.
var programs = []string{
	`CREATE PROCEDURE p1(IN a INT) BEGIN
  -- don't stop at this; nor at ;; 
  # nor here: it's
  /* nor ' here */
  SELECT 'x;;y', "a\"b;", ` + "`c;`" + ` FROM (SELECT 1 ` + "`c;`" + `) d;
END`,
	`CREATE FUNCTION f1(a INT) RETURNS INT DETERMINISTIC RETURN a + 1`,
	`CREATE EVENT e1 ON SCHEDULE EVERY 1 YEAR DISABLE DO BEGIN INSERT INTO log (what) VALUES ('e;'); END`,
	`SET sql_mode=''`,
	`CREATE TRIGGER tr1 BEFORE INSERT ON nokey FOR EACH ROW BEGIN
  IF NEW.x IS NULL THEN SET NEW.x = 0; END IF; -- it's; ;;
  INSERT INTO log (what) VALUES (CONCAT('DELIMITER ;;', NEW.x, 'END */;;'));
END`,
	`SET sql_mode='ANSI_QUOTES,NO_ENGINE_SUBSTITUTION'`,
	`CREATE TRIGGER tr2 AFTER DELETE ON "plain" FOR EACH ROW INSERT INTO "log" (what) VALUES ('gone;')`,
	`SET sql_mode=DEFAULT`,
}

// generated columns, JSON and the like, where the server has them.
var shopOf = map[string]string{
	testserver.MySQL97: `CREATE TABLE gen (id INT PRIMARY KEY, a INT, b INT GENERATED ALWAYS AS (a * 2) STORED, j JSON, v INT AS (a + 1) VIRTUAL);
INSERT INTO gen (id, a, j) VALUES (1, 5, '{"k": "it''s; ), ("}'), (2, NULL, '[1]');`,
	testserver.MariaDB1011: `CREATE TABLE gen (id INT PRIMARY KEY, a INT, b INT GENERATED ALWAYS AS (a * 2) STORED, u UUID, i INET6);
INSERT INTO gen (id, a, u, i) VALUES (1, 5, UUID(), '::1'), (2, NULL, NULL, NULL);
CREATE SEQUENCE seq START WITH 5 CACHE 10;
DO NEXTVAL(seq);
CREATE TABLE ver (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING;
INSERT INTO ver VALUES (1,1),(2,2);`,
	testserver.MariaDB118: `CREATE TABLE gen (id INT PRIMARY KEY, a INT, b INT GENERATED ALWAYS AS (a * 2) STORED, u UUID, i INET6, e VECTOR(2) NOT NULL, far TIMESTAMP NULL, VECTOR INDEX (e));
INSERT INTO gen (id, a, u, i, e, far) VALUES (1, 5, UUID(), '::1', VEC_FromText('[1,-2.5]'), '2106-02-07 06:28:15'), (2, NULL, NULL, NULL, x'00275c0d0a1a0022', NULL);
CREATE SEQUENCE seq START WITH 5 CACHE 10;
DO NEXTVAL(seq);
CREATE TABLE ver (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING;
INSERT INTO ver VALUES (1,1),(2,2);`,
	testserver.MySQL56: `SELECT 1;`,
}

// hostile are values that look like something else to a careless reader.
var hostile = []string{
	"", "'", "''", `\`, `\\`, `\'`, `"`, "`", ";", ";;", "),(", "(1,'x'),(2,'y')", "a\nb\rc\td", "\x00", "x\x00y", "\x1a",
	"-- Dump completed on 2020-01-01 00:00:00", "\n-- Dump completed on 2020-01-01 00:00:00\n", "\nDELIMITER ;;\n", "/* open", "*/", "/*!50000 x */", "# hash", "--",
	"\n-- CHANGE MASTER TO MASTER_LOG_FILE='evil.000666', MASTER_LOG_POS=666;\n",
	"CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='evil.000666', SOURCE_LOG_POS=666;", "SET @@GLOBAL.GTID_PURGED='00000000-0000-0000-0000-000000000666:1-6';",
	"INSERT INTO `plain` VALUES (1);", "USE `other`;", "中文；“引号”", "誠", "誠'；誠", "end\\", "$$", "\\N",
}

type source struct {
	kind   string
	server *scratch.Server
	db     *sql.DB
	// programs leaves out of a description of triggers, routines or events what a tool is known to lose; nil for none.
	programs func(string) string
}

func newSource(t *testing.T, kind string, more ...string) *source {
	t.Helper()
	s := testserver.Source(t, kind, append(testserver.GTID(kind), more...)...)
	src := &source{kind: kind, server: s, db: testserver.Open(t, s)}
	conn := src.conn(t)
	run(t, conn, "SET NAMES utf8mb4")
	for _, db := range []string{"other", "shop"} {
		run(t, conn, "CREATE DATABASE "+db+" DEFAULT CHARACTER SET utf8mb4")
	}
	run(t, conn, "USE other; CREATE TABLE plain (id INT PRIMARY KEY, s VARCHAR(20)); INSERT INTO plain VALUES (1,'o'),(2,'p')")
	run(t, conn, "USE shop")
	run(t, conn, shop)
	for _, p := range programs {
		run(t, conn, p)
	}
	run(t, conn, shopOf[kind])
	for i, v := range hostile {
		exec1(t, conn, "INSERT INTO plain (t, n, at) VALUES (?, ?, '2024-03-04 05:06:07')", v, float64(i)/4)
		exec1(t, conn, "INSERT INTO bin VALUES (?, ?, ?)", i, []byte(v+"\xff\xfe\x95\\"+v), []byte(v))
		exec1(t, conn, "INSERT INTO odd VALUES (?, ?, ?)", i, v[:min(len(v), 40)], -i)
		exec1(t, conn, "INSERT INTO nokey VALUES (?, ?, ?)", -i, 1e-3*float64(i), nil)
	}
	exec1(t, conn, "INSERT INTO bin VALUES (?, ?, NULL)", 1000, allBytes(300<<10))
	run(t, conn, "INSERT INTO parent VALUES (1),(2); INSERT INTO child VALUES (1,1),(2,2),(3,NULL)")
	return src
}

func allBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + i>>8)
	}
	return b
}

func (s *source) conn(t *testing.T) *sql.Conn {
	t.Helper()
	c, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func run(t *testing.T, c *sql.Conn, q string) {
	t.Helper()
	if _, err := c.ExecContext(t.Context(), q); err != nil {
		t.Fatalf("%v: %.200q", err, q)
	}
}

func exec1(t *testing.T, c *sql.Conn, q string, args ...any) {
	t.Helper()
	if _, err := c.ExecContext(t.Context(), q, args...); err != nil {
		t.Fatalf("%v: %s", err, q)
	}
}

func (s *source) text(t *testing.T, q string) string {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), q)
	if err != nil {
		t.Fatalf("%v: %s", err, q)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for rows.Next() {
		vals := make([]any, len(cols))
		for i := range vals {
			vals[i] = new(sql.RawBytes)
		}
		if err := rows.Scan(vals...); err != nil {
			t.Fatal(err)
		}
		for i := range vals {
			fmt.Fprintf(&out, "%s\t", *vals[i].(*sql.RawBytes))
		}
		out.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// dump makes a dump file with the kind's own tool.
func (s *source) dump(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	args = append([]string{"--no-defaults", "-uroot", "--socket=" + s.server.Socket(), "--result-file=" + path}, args...)
	tool := s.kind
	if tool == testserver.MySQL56 {
		tool = testserver.MySQL97 // mariadb-dump asks for columns of information_schema that 5.6 has not
	}
	out, err := exec.CommandContext(t.Context(), testserver.Bin(t, tool, "mysqldump"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func open(t *testing.T, path, db string) *snapshot.Snapshot {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Open(t.Context(), path, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("reading changed the file")
	}
	return snapshot.Reopened(t, s, db)
}

// checkTables compares the index with what the server has of the database.
func (s *source) checkTables(t *testing.T, idx *snapshot.Index, db string, data bool) {
	t.Helper()
	want := s.text(t, "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema='"+db+"'")
	seen := 0
	for line := range strings.Lines(want) {
		f := strings.Split(line, "\t")
		name, view := f[0], f[1] == "VIEW"
		if f[1] == "SEQUENCE" {
			continue
		}
		i := slices.IndexFunc(idx.Tables, func(x snapshot.Table) bool { return x.Name == name && (x.DB == db || idx.Nameless) })
		if i < 0 {
			if !strings.HasSuffix(t.Name(), "no-create-info") {
				t.Errorf("table %s is not in the index", name)
			}
			continue
		}
		seen++
		x := idx.Tables[i]
		if x.View != view {
			t.Errorf("%s: View is %v", name, x.View)
		}
		if view || !data {
			continue
		}
		if n := strings.TrimSpace(s.text(t, "SELECT COUNT(*) FROM "+db+".`"+name+"`")); n != fmt.Sprint(x.Rows) {
			t.Errorf("%s: %d rows counted, the server has %s", name, x.Rows, n)
		}
		if !x.HasData && x.Rows > 0 {
			t.Errorf("%s: HasData is %v", name, x.HasData)
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(idx.Tables), func(x snapshot.Table) bool { return x.DB != db && !idx.Nameless })); n != seen {
		t.Errorf("the index has %d tables of %s, the server %d", n, db, seen)
	}
}

// reload runs the statements of shop in a fresh database and compares it.
// With views late, placeholders are left out, and views come last and as often as they need.
func (s *source) reload(t *testing.T, snap *snapshot.Snapshot, viewsLate bool) {
	t.Helper()
	conn := s.conn(t)
	run(t, conn, "DROP DATABASE IF EXISTS copy; CREATE DATABASE copy DEFAULT CHARACTER SET utf8mb4; USE copy; SET foreign_key_checks=0, time_zone='+00:00', sql_mode='NO_AUTO_VALUE_ON_ZERO'")
	var rows int
	var views []string
	var triggers []snapshot.Statement
	err := snap.Statements(t.Context(), "shop", func(st snapshot.Statement) error {
		switch {
		case st.DB != "shop":
			t.Errorf("a statement of %q", st.DB)
		case viewsLate && st.Part == snapshot.PartView:
			if !st.Drop {
				views = append(views, string(st.SQL))
			}
			return nil
		case viewsLate && st.Placeholder, st.Part == snapshot.PartDatabase, st.Part == snapshot.PartServer, st.Part == snapshot.PartKeys:
			return nil
		}
		if s.programs != nil { // as a loader does that trusts the statement rather than the file
			if st.Part == snapshot.PartSession {
				return nil
			}
			if st.Part == snapshot.PartTrigger { // so that it does not fire
				st.SQL = bytes.Clone(st.SQL)
				triggers = append(triggers, st)
				return nil
			}
			s.settings(t, conn, st)
		}
		rows += st.Rows
		if _, err := conn.ExecContext(t.Context(), string(st.SQL)); err != nil {
			return fmt.Errorf("byte %d, %s %s: %w: %.300q", st.Offset, st.Part, st.Object, err, st.SQL)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range triggers {
		s.settings(t, conn, st)
		run(t, conn, string(st.SQL))
	}
	for round := 0; len(views) > 0; round++ {
		if round == 10 {
			t.Fatalf("views that cannot be made: %q", views)
		}
		views = slices.DeleteFunc(views, func(v string) bool {
			_, err := conn.ExecContext(t.Context(), v)
			return err == nil
		})
	}
	s.compare(t, "tables", `SELECT table_name, table_type, engine, auto_increment, table_collation, table_comment FROM information_schema.tables WHERE table_schema='%s' ORDER BY 1`)
	s.compare(t, "columns", `SELECT table_name, column_name, column_type, column_default, extra, is_nullable FROM information_schema.columns WHERE table_schema='%s' ORDER BY table_name, ordinal_position`)
	s.compare(t, "triggers", `SELECT trigger_name, event_object_table, action_statement, sql_mode, definer, character_set_client, collation_connection FROM information_schema.triggers WHERE trigger_schema='%s' ORDER BY 1`)
	s.compare(t, "routines", `SELECT routine_name, routine_definition, sql_mode, definer, character_set_client, collation_connection FROM information_schema.routines WHERE routine_schema='%s' ORDER BY 1`)
	s.compare(t, "events", `SELECT event_name, event_definition, sql_mode, time_zone, status FROM information_schema.events WHERE event_schema='%s' ORDER BY 1`)
	for line := range strings.Lines(s.text(t, "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema='shop'")) {
		f := strings.Split(line, "\t")
		switch f[1] {
		case "VIEW":
			s.compare(t, f[0], "SELECT * FROM %s.`"+f[0]+"`")
		case "SEQUENCE":
			s.compare(t, f[0], "SELECT next_not_cached_value, increment, cache_size FROM %s.`"+f[0]+"`")
		default:
			if f[1] == "SYSTEM VERSIONED" { // when a row began is not in the dump
				s.compare(t, f[0], "SELECT * FROM %s.`"+f[0]+"` ORDER BY 1")
				continue
			}
			a, b := s.text(t, "CHECKSUM TABLE shop.`"+f[0]+"`"), s.text(t, "CHECKSUM TABLE copy.`"+f[0]+"`")
			if strings.TrimPrefix(a, "shop") != strings.TrimPrefix(b, "copy") {
				t.Errorf("%s: checksums differ: %s%s", f[0], a, b)
				if f[0] == "latin" {
					s.compare(t, f[0], "SELECT id, HEX(t), e+0, HEX(b), HEX(g), f, HEX(u) FROM %s.latin ORDER BY 1")
				}
			}
		}
	}
	if rows == 0 {
		t.Error("no rows")
	}
}

// settings sets what the statement says of its session.
func (s *source) settings(t *testing.T, conn *sql.Conn, st snapshot.Statement) {
	t.Helper()
	set := "SET foreign_key_checks=0, time_zone='" + cmp.Or(st.TimeZone, "+00:00") + "', sql_mode='"
	if st.SQLModeSet {
		set += st.SQLMode + "'"
	} else {
		set += "NO_AUTO_VALUE_ON_ZERO'"
	}
	if st.ClientCharset != "" {
		set = "SET NAMES " + st.ClientCharset + ";" + set
	}
	if st.CollationConnection != "" {
		set += ", collation_connection=" + st.CollationConnection
	}
	run(t, conn, set)
}

func (s *source) compare(t *testing.T, what, q string) {
	t.Helper()
	a, b := s.text(t, fmt.Sprintf(q, "shop")), s.text(t, fmt.Sprintf(q, "copy"))
	if s.programs != nil && (what == "triggers" || what == "routines" || what == "events") {
		a, b = s.programs(a), s.programs(b)
	}
	if a != b {
		t.Errorf("%s differ:\nsource:\n%s\ncopy:\n%s", what, a, b)
	}
}

func (s *source) position(t *testing.T) binlog.Position {
	t.Helper()
	q := "SHOW MASTER STATUS"
	if s.kind == testserver.MySQL97 {
		q = "SHOW BINARY LOG STATUS"
	}
	f := strings.Split(s.text(t, q), "\t")
	p, err := binlog.ParsePosition(f[0] + ":" + f[1])
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *source) gtids(t *testing.T) string {
	t.Helper()
	if testserver.IsMariaDB(s.kind) {
		return strings.TrimSpace(s.text(t, "SELECT @@gtid_binlog_pos"))
	}
	return strings.TrimSpace(s.text(t, "SELECT @@global.gtid_executed"))
}

// full are the options of a dump that can be reloaded and compared.
var full = []string{"--single-transaction", "--routines", "--events", "--triggers"}

func TestRealDumps(t *testing.T) {
	for _, kind := range testserver.AllKinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			src := newSource(t, kind)
			master := "--master-data"
			if kind == testserver.MySQL97 {
				master = "--source-data"
			}
			type dumpCase struct {
				name            string
				args            []string
				nodata, partial bool // partial: do not reload, as it cannot be compared or differs from another only in its header
				unknown         bool // no end mark
				nameless        bool
				position, gtids bool
			}
			cases := []dumpCase{
				{name: "default", args: []string{"shop"}},
				{name: "coordinates-1", args: []string{master + "=1", "shop"}, position: true},
				{name: "coordinates-2", args: []string{master + "=2", "shop"}, partial: true, position: true},
				{name: "databases", args: []string{"--databases", "shop", "other"}},
				{name: "databases-drop", args: []string{"--add-drop-database", "--databases", "other", "shop"}, partial: true},
				{name: "all-databases", args: []string{master + "=2", "--all-databases"}, position: true},
				{name: "hex-blob", args: []string{"--hex-blob", "shop"}},
				{name: "complete-insert", args: []string{"--complete-insert", "shop"}},
				{name: "skip-extended-insert", args: []string{"--skip-extended-insert", "shop"}},
				{name: "replace", args: []string{"--replace", "shop"}},
				{name: "insert-ignore", args: []string{"--insert-ignore", "shop"}},
				{name: "no-create-info", args: []string{"--no-create-info", "--skip-triggers", "shop"}, partial: true},
				{name: "no-data", args: []string{"--no-data", "shop"}, nodata: true, partial: true},
				{name: "compact", args: []string{"--compact", "shop"}, unknown: true, nameless: true},
				{name: "skip-comments", args: []string{"--skip-comments", "shop"}, nameless: true},
				{name: "skip-comments-databases", args: []string{"--skip-comments", "--databases", "shop"}, partial: true},
				{name: "skip-dump-date", args: []string{"--skip-dump-date", "shop"}, partial: true},
				{name: "no-autocommit", args: []string{"--no-autocommit", "--skip-add-locks", "shop"}},
				{name: "skip-opt", args: []string{"--skip-opt", "--create-options", "shop"}},
				{name: "tables", args: []string{"shop", "plain", "v1"}, partial: true},
				{name: "gbk", args: []string{"--default-character-set=gbk", "shop"}},
				{name: "gbk-hex", args: []string{"--default-character-set=gbk", "--hex-blob", "shop"}},
				{name: "skip-quote-names", args: []string{"--skip-quote-names", "other"}, partial: true},
			}
			if testserver.IsMariaDB(kind) {
				cases = append(cases, dumpCase{name: "gtid-1", args: []string{master + "=1", "--gtid", "shop"}, gtids: true},
					dumpCase{name: "gtid-2", args: []string{master + "=2", "--gtid", "--databases", "shop"}, partial: true, gtids: true})
			}
			if !testserver.IsMariaDB(kind) {
				cases = append(cases, dumpCase{name: "gtid-on", args: []string{"--set-gtid-purged=ON", master + "=2", "shop"}, gtids: true, position: true},
					dumpCase{name: "gtid-commented", args: []string{"--set-gtid-purged=COMMENTED", "shop"}, partial: true, gtids: true},
					dumpCase{name: "gtid-off", args: []string{"--set-gtid-purged=OFF", "shop"}, partial: true})
			}
			for i, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					wantPos, wantGTIDs := src.position(t), src.gtids(t)
					path := src.dump(t, "dump.sql", append(slices.Clone(full), c.args...)...)
					db := "shop"
					if c.name == "skip-quote-names" {
						db = "other"
					}
					path = compress(t, path, i%3)
					snap := open(t, path, db)
					idx := snap.Index()
					if c.name != "tables" {
						src.checkTables(t, idx, db, !c.nodata)
					}
					if idx.Complete == c.unknown || idx.CompleteUnknown != c.unknown {
						t.Errorf("Complete %v, CompleteUnknown %v", idx.Complete, idx.CompleteUnknown)
					}
					if idx.Nameless != c.nameless {
						t.Errorf("Nameless %v", idx.Nameless)
					}
					if named := !strings.HasPrefix(c.name, "skip-comments") && !c.unknown; named {
						if idx.MariaDB != testserver.IsMariaDB(kind) || idx.ServerVersion == "" || idx.Host == "" {
							t.Errorf("MariaDB %v, version %q, host %q", idx.MariaDB, idx.ServerVersion, idx.Host)
						}
						if idx.Taken.IsZero() != (c.name == "skip-dump-date") {
							t.Errorf("taken %v", idx.Taken)
						}
					}
					co := idx.Coordinates
					if c.position && co.Position != wantPos || !c.position && !c.gtids && !co.Position.IsZero() {
						t.Errorf("position %v, the server was at %v", co.Position, wantPos)
					}
					if c.gtids && strings.ReplaceAll(wantGTIDs, "\n", "") != co.GTIDs.String() {
						t.Errorf("GTIDs %v, the server had %v", co.GTIDs.String(), wantGTIDs)
					}
					if co.Upstream || strings.Contains(co.Source, "evil") {
						t.Errorf("coordinates %+v", co)
					}
					if !c.partial {
						src.reload(t, snap, i%2 == 1)
					}
					if i == 0 {
						src.unlike(t, path)
					}
					if c.name == "all-databases" {
						all := open(t, path, "").Index()
						if !slices.Contains(all.Databases, "mysql") || !slices.Contains(all.Databases, "other") {
							t.Errorf("databases %q", all.Databases)
						}
						src.checkTables(t, all, "shop", true)
						src.checkTables(t, all, "other", true)
					}
				})
			}
		})
	}
}

// TestUpstreamCoordinates: a replica that never reached its source still tells the coordinates it would begin at.
func TestUpstreamCoordinates(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			src := newSource(t, kind)
			change, option := "CHANGE MASTER TO MASTER_HOST='h', MASTER_LOG_FILE='up.000007', MASTER_LOG_POS=1234", "--dump-slave"
			if kind == testserver.MySQL97 {
				change, option = strings.ReplaceAll(strings.ReplaceAll(change, "MASTER TO", "REPLICATION SOURCE TO"), "MASTER_", "SOURCE_"), "--dump-replica"
			}
			run(t, src.conn(t), change)
			for _, how := range []string{"=1", "=2"} {
				c := open(t, src.dump(t, "dump.sql", option+how, "other"), "other").Index().Coordinates
				if !c.Upstream || c.Position.String() != "up.000007:1234" {
					t.Errorf("%s%s: %+v", option, how, c)
				}
			}
		})
	}
}

// unlike asks for databases that the dump does not hold.
func (s *source) unlike(t *testing.T, path string) {
	_, err := snapshot.Open(t.Context(), path, "shops", nil)
	if err == nil || !strings.Contains(err.Error(), `"shop"`) {
		t.Errorf("a database that is not there: %v", err)
	}
}

// compress leaves the file as it is, or makes it .gz or .zst under a name that does not say so.
func compress(t *testing.T, path string, how int) string {
	t.Helper()
	if how == 0 {
		return path
	}
	in, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&buf)
	if how == 2 {
		if w, err = zstd.NewWriter(&buf); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(in); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path += ".backup"
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDatabaseCollation: dumps change the database's collation around a routine that was made under another.
func TestDatabaseCollation(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := testserver.Source(t, kind)
			src := &source{kind: kind, server: s, db: testserver.Open(t, s)}
			conn := src.conn(t)
			run(t, conn, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; USE shop")
			run(t, conn, "CREATE PROCEDURE p() SELECT 'x'")
			run(t, conn, "CREATE TABLE t (id INT)")
			run(t, conn, "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 'x'")
			run(t, conn, "ALTER DATABASE shop COLLATE utf8mb4_general_ci")
			run(t, conn, "CREATE PROCEDURE q() SELECT 'x'")
			got := map[string]string{}
			err := open(t, src.dump(t, "dump.sql", "--routines", "shop"), "shop").Statements(t.Context(), "shop", func(st snapshot.Statement) error {
				if !st.Drop && (st.Part == snapshot.PartRoutine || st.Part == snapshot.PartTrigger) {
					got[st.Object] = st.DatabaseCollation
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if got["p"] != "utf8mb4_bin" || got["tr"] != "utf8mb4_bin" || got["q"] == "utf8mb4_bin" {
				t.Errorf("collations %v", got)
			}
		})
	}
}
