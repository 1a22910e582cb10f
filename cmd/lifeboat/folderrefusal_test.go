package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// guess is a change that a restore without a server would have to guess at.
type guess struct {
	name   string
	only   string   // a kind of server; "": each
	base   string   // what is there before the backup
	log    string   // what comes after it
	dump   []string // further options of the dump tool
	memory string   // of the restore; "": the default
	says   string   // of the refusal
	placed bool     // it names the statement's place in the log
}

func guesses() []guess {
	const t = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), n INT); INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)"
	return []guess{
		{name: "narrower", base: t, log: "ALTER TABLE t MODIFY v VARCHAR(3)", says: "MODIFY", placed: true},
		{name: "to a number", base: t, log: "ALTER TABLE t MODIFY n DECIMAL(5,2)", says: "MODIFY", placed: true},
		{name: "another character set", base: t, log: "ALTER TABLE t CONVERT TO CHARACTER SET latin1", says: "CHARACTER SET", placed: true},
		{name: "the time as a default", base: t, log: "ALTER TABLE t ADD c DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", says: "ADD", placed: true},
		{name: "a moment as a default", base: t, log: "ALTER TABLE t ADD c TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00'", says: "ADD", placed: true},
		{name: "numbers to give", base: t, log: "ALTER TABLE t ADD c INT NOT NULL AUTO_INCREMENT, ADD KEY (c)", says: "ADD", placed: true},
		{name: "a partition dropped", base: "CREATE TABLE t (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (2), PARTITION b VALUES LESS THAN (9)); INSERT INTO t VALUES (1), (3)",
			log: "ALTER TABLE t DROP PARTITION a", says: "PARTITION", placed: true},
		{name: "a parent's name", base: "CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES p (id)); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)",
			log: "RENAME TABLE c TO d; INSERT INTO p VALUES (2)", says: "foreign key", placed: true},
		{name: "children that are not logged", only: testserver.MariaDB1011,
			base: "CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES p (id) ON DELETE CASCADE); INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1)",
			log:  "DELETE FROM p WHERE id = 1", says: "cascades"},
		{name: "incomplete images of a row that moves", base: t, log: "SET SESSION binlog_row_image = MINIMAL; UPDATE t SET n = 5 WHERE id = 1; UPDATE t SET id = 9 WHERE id = 1", says: "incomplete"},
		{name: "differences of JSON", only: testserver.MySQL97, base: "CREATE TABLE t (id INT PRIMARY KEY, j JSON); INSERT INTO t VALUES (1, JSON_OBJECT('a', REPEAT('x', 200), 'b', 1))",
			log: "SET SESSION binlog_row_value_options = PARTIAL_JSON, binlog_row_image = MINIMAL; UPDATE t SET j = JSON_SET(j, '$.b', 2)", says: "t"},
		{name: "a sequence", only: testserver.MariaDB1011, base: t + "; CREATE SEQUENCE s", log: "DO NEXTVAL(s)", says: "sequence"},
		{name: "a key of a FLOAT", base: "CREATE TABLE t (f FLOAT PRIMARY KEY, v INT); INSERT INTO t VALUES (0.1, 1)", log: "UPDATE t SET v = 2", says: "table t"},
		{name: "a key of an ENUM", base: "CREATE TABLE t (e ENUM('a','b') PRIMARY KEY, v INT); INSERT INTO t VALUES ('a', 1)", log: "UPDATE t SET v = 2", says: "table t"},
		{name: "more than the memory", base: "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(4000))", memory: "16MiB",
			log: "INSERT INTO t (v) VALUES (REPEAT('x', 4000))" + strings.Repeat("; INSERT INTO t (v) SELECT v FROM t", 12), says: "--memory"},
		{name: "a dump in gbk", base: t, log: "UPDATE t SET n = 3", dump: []string{"--default-character-set=gbk"}, says: "gbk"},
	}
}

// What a restore without a server would have to guess at, it refuses with the reason, before it writes anything; onto a server the same restore goes through.
func TestFolderRefusesToGuess(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			m := &archiveMaker{t: t, dir: t.TempDir()}
			m.start(kind)
			var list []guess
			for _, g := range guesses() {
				if g.only != "" && g.only != kind {
					continue
				}
				list = append(list, g)
				db := fmt.Sprintf("g%d", len(list))
				m.run(append([]string{"CREATE DATABASE " + db, "USE " + db}, strings.Split(g.base, "; ")...)...)
				m.dumpOf(db, db+".sql", append(g.dump, testserver.Coordinates(kind))...)
				m.run(append([]string{"USE " + db}, strings.Split(g.log, "; ")...)...)
			}
			m.run("FLUSH BINARY LOGS")
			m.collect("binlogs", 0)
			to := testserver.Start(t, kind)
			for i, g := range list {
				db := fmt.Sprintf("g%d", i+1)
				args := []string{"restore", "--binlogs", filepath.Join(m.dir, "binlogs"), "--snapshot", filepath.Join(m.dir, db+".sql"), "--database", db, "--stop-after", "end", "--progress", "none"}
				if g.memory != "" {
					args = append(args, "--memory", g.memory, "--spill-dir", noSpill)
				}
				parent := t.TempDir()
				o := lifeboat(t, append(args, "--output", filepath.Join(parent, "out"))...).want(t, exitFailed, g.says, "--target or --scratch")
				if g.placed && !strings.Contains(o.err, "binlog.0") {
					t.Errorf("%s: it does not say where: %s", g.name, o.err)
				}
				if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
					t.Errorf("%s: left behind: %v, %v", g.name, left, err)
				}
				lifeboat(t, append(args, "--target", to.DSN())...).want(t, exitDone)
			}
		})
	}
}
