package replay_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/target"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// source is a server whose log and dump a test restores from.
type source struct {
	t    *testing.T
	kind string
	srv  *scratch.Server
	db   *sql.DB
	dir  string
	to   *scratch.Server // where restore goes; nil: to a new server each time
}

func newSource(t *testing.T, kind string, args ...string) *source {
	t.Helper()
	s := testserver.Source(t, kind, args...)
	return &source{t: t, kind: kind, srv: s, db: testserver.Open(t, s), dir: t.TempDir()}
}

// run executes statements, one a line or separated by a line with only a semicolon.
func (s *source) run(script string) {
	s.t.Helper()
	c, err := s.db.Conn(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	for line := range strings.SplitSeq(script, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if _, err := c.ExecContext(context.Background(), line); err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
	}
}

// dump makes a backup with the server's own tool.
func (s *source) dump(args ...string) string {
	s.t.Helper()
	if s.kind == "mysql56" {
		return s.ownDump()
	}
	return s.toolDump(args...)
}

// toolDump makes it with a tool of today, which loses names beyond ASCII of MySQL 5.6.
func (s *source) toolDump(args ...string) string {
	s.t.Helper()
	tool, client := "mysqldump", s.kind
	if s.kind == "mariadb1011" {
		tool, client = "mariadb-dump", "mariadb1011"
	}
	path := filepath.Join(s.dir, "base.sql")
	out, err := os.Create(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(testserver.Bin(s.t, client, tool), append([]string{"--no-defaults", "-uroot", "-S" + s.srv.Socket(), "--single-transaction", "--routines", "--triggers", "--events", testserver.Coordinates(s.kind)}, args...)...)
	cmd.Stdout = out
	var msg strings.Builder
	cmd.Stderr = &msg
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("%s: %v: %s", tool, err, msg.String())
	}
	return path
}

// ownDump writes what mysqldump of 5.6 would: no client of today talks to that server.
func (s *source) ownDump() string {
	s.t.Helper()
	var b strings.Builder
	var file, offset string
	var rest [3]sql.NullString
	if err := s.db.QueryRow("SHOW MASTER STATUS").Scan(&file, &offset, &rest[0], &rest[1], &rest[2]); err != nil {
		s.t.Fatal(err)
	}
	b.WriteString("-- MySQL dump 10.13  Distrib 5.6.24, for linux (x86_64)\n--\n-- Host: localhost    Database: shop\n-- ------------------------------------------------------\n-- Server version\t5.6.24-log\n\n")
	b.WriteString("/*!40101 SET NAMES utf8mb4 */;\n/*!40103 SET TIME_ZONE='+00:00' */;\n/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n")
	b.WriteString("--\n-- Position to start replication or point-in-time recovery from\n--\n\n-- CHANGE MASTER TO MASTER_LOG_FILE='" + file + "', MASTER_LOG_POS=" + offset + ";\n\n")
	if _, err := s.db.Exec("SET GLOBAL time_zone='+00:00'"); err != nil {
		s.t.Fatal(err)
	}
	for _, table := range column(s.t, s.db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA='shop' AND TABLE_TYPE='BASE TABLE'") {
		var n, create string
		if err := s.db.QueryRow("SHOW CREATE TABLE shop."+table).Scan(&n, &create); err != nil {
			s.t.Fatal(err)
		}
		b.WriteString("DROP TABLE IF EXISTS `" + table + "`;\n" + create + ";\n")
		var cols []string
		for _, c := range column(s.t, s.db, "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='shop' AND CAST(TABLE_NAME AS BINARY)='"+table+"' ORDER BY ORDINAL_POSITION") {
			cols = append(cols, "QUOTE(`"+c+"`)")
		}
		for _, row := range column(s.t, s.db, "SELECT CONCAT_WS(',',"+strings.Join(cols, ",")+") FROM shop.`"+table+"`") {
			b.WriteString("INSERT INTO `" + table + "` VALUES (" + row + ");\n")
		}
	}
	b.WriteString("/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */\n/*!50001 VIEW `open_orders` AS select `orders`.`id` AS `id` from `orders` where (`orders`.`state` = 'new') */;\n")
	b.WriteString("DELIMITER ;;\n/*!50003 CREATE TRIGGER mark BEFORE INSERT ON note FOR EACH ROW SET NEW.k = NEW.k + 1 */;;\nDELIMITER ;\n-- Dump completed on 2026-11-24 12:00:00\n")
	path := filepath.Join(s.dir, "base.sql")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// archive copies the binlogs as operations would.
func (s *source) archive() string {
	s.t.Helper()
	s.run("FLUSH LOGS")
	dir := filepath.Join(s.dir, "archive")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(s.srv.DataDir(), "binlog.[0-9]*"))
	if err != nil || len(files) == 0 {
		s.t.Fatalf("no binlogs in %s: %v", s.srv.DataDir(), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), b, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	return dir
}

// state is every row of every table, as hexadecimal, and every CREATE.
func state(t *testing.T, db *sql.DB, name string) string {
	t.Helper()
	var out strings.Builder
	for _, table := range column(t, db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA='"+name+"' AND TABLE_TYPE='BASE TABLE' ORDER BY CAST(TABLE_NAME AS BINARY)") {
		var n, create string
		if err := db.QueryRow("SHOW CREATE TABLE `"+name+"`.`"+table+"`").Scan(&n, &create); err != nil {
			t.Fatal(err)
		}
		out.WriteString(create + "\n")
		var cols []string
		for _, c := range column(t, db, "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='"+name+"' AND CAST(TABLE_NAME AS BINARY)='"+table+"' ORDER BY ORDINAL_POSITION") {
			cols = append(cols, "IFNULL(HEX(CAST(`"+c+"` AS BINARY)),'NULL')")
		}
		for _, row := range column(t, db, "SELECT CONCAT_WS(',',"+strings.Join(cols, ",")+") FROM `"+name+"`.`"+table+"` ORDER BY 1") {
			out.WriteString(row + "\n")
		}
	}
	return out.String()
}

func column(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// plan is what restores the database shop; change adjusts the request.
func (s *source) plan(dump, dir string, change func(*plan.Request)) (*plan.Plan, replay.Source, error) {
	s.t.Helper()
	ctx := s.t.Context()
	a, err := archive.Open(ctx, []string{dir}, archive.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	q := plan.Request{Archive: a, Scope: filter.Scope{Database: "shop"}}
	if dump != "" {
		if q.Snapshot, err = snapshot.Open(ctx, dump, "shop", nil); err != nil {
			s.t.Fatal(err)
		}
	}
	change(&q)
	p, _, err := plan.Make(ctx, q)
	return p, replay.NewSource(a, q.Snapshot), err
}

// target is the server to restore onto.
func (s *source) target() *scratch.Server {
	if s.to != nil {
		return s.to
	}
	return testserver.Start(s.t, s.kind)
}

// restore plans and runs on a server of the same kind; change adjusts the request.
func (s *source) restore(dump, dir string, change func(*plan.Request), o replay.Options) (*sql.DB, *plan.Plan, *replay.Result, error) {
	s.t.Helper()
	ctx := context.Background()
	p, src, err := s.plan(dump, dir, change)
	if err != nil {
		return nil, p, nil, err
	}
	dst := s.target()
	srv, err := target.Open(ctx, dst.DSN(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer srv.Close()
	if o.Workers == 0 {
		o.Workers = 3
	}
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	res, err := replay.Restore(ctx, p, src, srv, o)
	return testserver.Open(s.t, dst), p, res, err
}

func stopBefore(spec string) func(*plan.Request) {
	return func(q *plan.Request) {
		p, err := filter.ParsePoint(spec)
		if err != nil {
			panic(err)
		}
		q.Stop = filter.Stop{Point: p, Given: true}
	}
}

func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			have := "(nothing)"
			if i < len(g) {
				have = g[i]
			}
			return fmt.Sprintf("line %d:\nwant %.600s\ngot  %.600s", i+1, w[i], have)
		}
	}
	return fmt.Sprintf("%d lines too many", len(g)-len(w))
}

const shopBase = `
	CREATE DATABASE shop CHARACTER SET utf8mb4
	USE shop
	CREATE TABLE customer (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, email VARCHAR(80) NOT NULL, name VARCHAR(60), UNIQUE KEY (email))
	CREATE TABLE orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, customer INT UNSIGNED NOT NULL, total DECIMAL(12,2), at TIMESTAMP NULL, state ENUM('new','paid','sent'), FOREIGN KEY (customer) REFERENCES customer (id))
	CREATE TABLE item (orders BIGINT, n INT, what VARCHAR(40), PRIMARY KEY (orders, n), FOREIGN KEY (orders) REFERENCES orders (id) ON DELETE CASCADE)
	CREATE TABLE note (t TEXT, k INT)
	CREATE TABLE 表 (编号 INT PRIMARY KEY, 值 VARCHAR(20))
	INSERT INTO 表 VALUES (1,'一'),(2,'二')
	CREATE VIEW open_orders AS SELECT id FROM orders WHERE state='new'
	CREATE TRIGGER mark BEFORE INSERT ON note FOR EACH ROW SET NEW.k = NEW.k + 1
	INSERT INTO customer (email,name) VALUES ('a@x','Ann'),('b@x','Bob'),('c@x','李雷')
	INSERT INTO orders (customer,total,at,state) VALUES (1,10.50,'2026-01-02 03:04:05','new'),(2,99.99,NULL,'paid'),(3,1,'2026-01-02 03:04:05','sent')
	SET sql_mode=''
	INSERT INTO orders (customer,total,state) VALUES (1,7,'nonsense')
	SET sql_mode=DEFAULT
	INSERT INTO item VALUES (1,1,'pen'),(1,2,'ink'),(2,1,'book')
	INSERT INTO note VALUES ('same',1),('same',1),('Same',1)
`

const shopTraffic = `
	USE shop
	UPDATE customer SET name='Anne' WHERE id=1
	START TRANSACTION
	UPDATE customer SET email='tmp' WHERE id=1
	UPDATE customer SET email='a@x' WHERE id=2
	UPDATE customer SET email='b@x' WHERE id=1
	COMMIT
	INSERT INTO customer (email,name) VALUES ('d@x','Dora'),('e@x',NULL)
	DELETE FROM customer WHERE email='e@x'
	DELETE FROM note WHERE BINARY t='same' LIMIT 1
	INSERT INTO note VALUES ('new',5)
	DELETE FROM orders WHERE id=1
	ALTER TABLE orders ADD COLUMN memo VARCHAR(20) DEFAULT 'x' AFTER total
	INSERT INTO orders (customer,total,memo,state) VALUES (4,5.25,'hello','new')
	UPDATE item SET n=7 WHERE orders=2
	CREATE TABLE extra (a INT PRIMARY KEY, b VARBINARY(10))
	INSERT INTO extra VALUES (1, x'00ff00'), (2, ''), (3, NULL)
	RENAME TABLE extra TO extra2
	UPDATE 表 SET 值='三', 编号=3 WHERE 编号=2
	ALTER TABLE 表 ADD COLUMN 备注 VARCHAR(9)
	INSERT INTO 表 VALUES (4,'四','新')
	CREATE TABLE 空 (a INT PRIMARY KEY)
	DROP TABLE IF EXISTS 空, 无
	START TRANSACTION
	INSERT INTO extra2 VALUES (9,'z')
	ROLLBACK
	SET sql_mode=''
	INSERT INTO orders (customer,total,state) VALUES (4,1,'nonsense'),(4,2,'paid'),(4,3,'')
	SET sql_mode=DEFAULT
	UPDATE extra2 SET a=a+10 ORDER BY a DESC
`

func TestRestore(t *testing.T) {
	for _, v := range []struct {
		name, kind string
		args       []string
	}{
		{"mysql97", "mysql97", nil},
		{"mysql97 with GTIDs, compressed", "mysql97", append(testserver.GTID("mysql97"), "--binlog-transaction-compression=ON")},
		{"mysql97 with minimal images, full metadata", "mysql97", []string{"--binlog-row-image=MINIMAL", "--binlog-row-metadata=FULL"}},
		{"mariadb1011", "mariadb1011", nil},
		{"mariadb1011 compressed", "mariadb1011", []string{"--log-bin-compress=1", "--log-bin-compress-min-len=10"}},
		{"mariadb1011 with minimal images", "mariadb1011", []string{"--binlog-row-image=MINIMAL"}},
		{"mysql56", "mysql56", nil},
		{"mysql56 with NOBLOB images, no checksums", "mysql56", []string{"--binlog-row-image=NOBLOB", "--binlog-checksum=NONE"}},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := newSource(t, v.kind, v.args...)
			s.run(shopBase)
			dump := s.dump("shop")
			s.run("FLUSH LOGS")
			s.run(shopTraffic)
			want := state(t, s.db, "shop")
			s.run("DROP DATABASE shop")
			dir := s.archive()
			for _, c := range []struct {
				name   string
				memory int64
			}{{"one window", 0}, {"a window for each event", 1}} {
				t.Run(c.name, func(t *testing.T) {
					db, p, res, err := s.restore(dump, dir, stopBefore("incident:1"), replay.Options{Memory: c.memory})
					if err != nil {
						t.Fatalf("%v (plan %+v)", err, p)
					}
					if len(res.Incomplete) > 0 {
						t.Errorf("incomplete: %q", res.Incomplete)
					}
					if got := state(t, db, "shop"); got != want {
						t.Errorf("the restored database differs, %s", diff(want, got))
					}
					if views := column(t, db, "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA='shop'"); len(views) != 1 {
						t.Errorf("views: %v", views)
					}
					if n := column(t, db, "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='shop'"); len(n) != 1 {
						t.Errorf("triggers: %v", n)
					}
					if left := column(t, db, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='_lifeboat'"); len(left) > 0 {
						t.Error("the checkpoint is still there")
					}
				})
			}
		})
	}
}
