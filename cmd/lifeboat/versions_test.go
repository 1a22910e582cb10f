package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

// A log is restored onto a later server than the one that wrote it: what its DDL leaves to the server's defaults is read as it was there.
func TestOntoALaterServer(t *testing.T) {
	for _, way := range []struct{ from, to string }{
		{testserver.MySQL56, testserver.MySQL97},
		{testserver.MySQL56, testserver.MariaDB1011},
		{testserver.MariaDB1011, testserver.MariaDB118},
		{testserver.MariaDB118, testserver.MariaDB118},
	} {
		t.Run(way.from+" to "+way.to, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, way.from)
			ignored := ""
			if way.from == testserver.MySQL56 { // whose InnoDB is not strict
				ignored = " ROW_FORMAT=DYNAMIC KEY_BLOCK_SIZE=8"
			}
			s.exec(t, fmt.Sprintf("CREATE DATABASE shop DEFAULT CHARACTER SET latin1;\nUSE shop;\nCREATE TABLE a (id INT PRIMARY KEY, ts TIMESTAMP, v VARCHAR(9));\nINSERT INTO a (id, v) VALUES (1, 'é'), (2, 'è');\nCREATE TABLE b (v VARCHAR(9)) CHARSET=utf8mb4;\nCREATE TABLE p (id INT PRIMARY KEY, k INT, KEY (k))%s;\nCREATE TABLE q (k INT, FOREIGN KEY (k) REFERENCES p (k))", ignored))
			s.old = s.dump(t, "old.sql")
			if way.from == testserver.MariaDB118 {
				s.exec(t, "SET SESSION character_set_collations='utf8mb4=utf8mb4_bin,utf8mb3=utf8mb3_polish_ci'")
			}
			s.exec(t, `CREATE TABLE late (id INT PRIMARY KEY, ts TIMESTAMP, u TIMESTAMP, n TIMESTAMP NULL, d DATETIME(3), y YEAR, f FLOAT(7,2), z INT(5) ZEROFILL, e ENUM('a','ß'), b BIT(3), v VARCHAR(20) CHARACTER SET utf8, KEY (v(3))) CHARSET=latin1;
				INSERT INTO late (id) VALUES (1);
				INSERT INTO late VALUES (2, '2024-03-04 05:06:07', '1999-12-31 23:59:59', NULL, '2024-01-02 03:04:05.678', 1999, 1.25, 42, 'ß', b'101', '日本');
				ALTER TABLE a ADD m TIMESTAMP, ADD w TEXT;
				INSERT INTO a (id, v) VALUES (3, 'ü');
				ALTER TABLE late CHANGE y y2 YEAR, ADD UNIQUE (z);
				CREATE TABLE late4 (id INT PRIMARY KEY, v VARCHAR(20), c CHAR(5) CHARACTER SET latin1, UNIQUE (v)) CHARSET=utf8mb4;
				INSERT INTO late4 VALUES (1, 'ß', 'ä'), (2, 'u', 'ü');
				CREATE TABLE r (id INT PRIMARY KEY, k INT, FOREIGN KEY (k) REFERENCES p (k))`+ignored+`;
				INSERT INTO p VALUES (1, 7), (2, 7);
				INSERT INTO r VALUES (1, 7);
				CREATE VIEW seen AS SELECT id, v FROM late`)
			s.exec(t, "FLUSH LOGS;\nFLUSH LOGS")
			s.collect(t)
			to := testserver.Start(t, way.to)
			want := columns(t, s.server, "shop")
			args := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", s.old, "--database", "shop", "--progress", "none"}
			lifeboat(t, append(args, "--target", to.DSN())...).want(t, 0, "DONE")
			lifeboat(t, "verify", "--database", "shop", "--target", to.DSN(), "--against", s.server.DSN(), "--progress", "none").want(t, 0, "THE SAME", "7 tables")
			if got := columns(t, to, "shop"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			// What an ALTER adds takes a server to tell.
			args = append(args, "--exclude-table", "a")
			lifeboat(t, append(args, "--target", to.DSN(), "--into", "part", "--verify")...).want(t, 0, "DONE", "THE SAME")
			out := filepath.Join(s.dir, "out")
			lifeboat(t, append(args, "--output", out)...).want(t, 0, "DONE")
			lifeboat(t, "restore", "--binlogs", s.binlogs(), "--snapshot", out, "--database", "shop", "--progress", "none", "--target", to.DSN(), "--into", "again").want(t, 0, "DONE")
			for _, into := range []string{"part", "again"} {
				if got := columns(t, to, into); !strings.HasSuffix(want, "\n"+got) || got == "" {
					t.Errorf("%s: got\n%s\nwant\n%s", into, got, want)
				}
			}
		})
	}
}

// columns are those of a database's tables whose definition a server completes: whether a TIMESTAMP may be NULL, has a default, and takes the time of an
// update; and the collation of text.
func columns(t *testing.T, on *scratch.Server, name string) string {
	t.Helper()
	rows, err := testserver.Open(t, on).Query(`SELECT CONCAT_WS(' ', TABLE_NAME, COLUMN_NAME, IF(DATA_TYPE='timestamp', CONCAT_WS(' ', IS_NULLABLE, IFNULL(COLUMN_DEFAULT,'NULL')<>'NULL', LOWER(EXTRA) LIKE '%on update%'), REPLACE(COLLATION_NAME, 'utf8_', 'utf8mb3_')))
		FROM information_schema.COLUMNS JOIN information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME) WHERE TABLE_SCHEMA=? AND TABLE_TYPE='BASE TABLE' AND (DATA_TYPE='timestamp' OR COLLATION_NAME IS NOT NULL) ORDER BY TABLE_NAME, ORDINAL_POSITION`, name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := ""
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		out += line + "\n"
	}
	return out
}

// MySQL's default for utf8mb4 is none of MariaDB's: what the log leaves to it is told.
func TestOntoMariaDBWithAnotherDefault(t *testing.T) {
	t.Parallel()
	s := newSource(t, testserver.MySQL97, "--character-set-server=latin1")
	s.exec(t, "CREATE DATABASE shop CHARACTER SET latin1;\nUSE shop;\nCREATE TABLE t (v VARCHAR(9) CHARACTER SET utf8mb4);\nCREATE TABLE u (v VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin);\nFLUSH LOGS;\nFLUSH LOGS")
	s.collect(t)
	for _, kind := range []string{testserver.MariaDB1011, testserver.MariaDB118} {
		to := testserver.Start(t, kind)
		args := []string{"restore", "--binlogs", s.binlogs(), "--database", "shop", "--progress", "none", "--target", to.DSN()}
		lifeboat(t, append(args, "--exclude-table", "u")...).want(t, 3, "utf8mb4 without a collation is utf8mb4_0900_ai_ci in the log")
		if got := columns(t, to, "shop"); got != "t v utf8mb4_general_ci\n" {
			t.Errorf("got %s", got)
		}
		lifeboat(t, append(args, "--exclude-table", "t", "--into", "other")...).want(t, 0, "DONE")
	}
}

// A base that another client loaded onto a later server may have that one's collations: it is told.
func TestBaseLoadedByALaterDefault(t *testing.T) {
	t.Parallel()
	s := newSource(t, testserver.MySQL56)
	s.exec(t, "CREATE DATABASE shop;\nFLUSH LOGS;\nUSE shop;\nCREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET utf8mb4, w CHAR(2) CHARACTER SET latin1);\nFLUSH LOGS;\nINSERT INTO t VALUES (1, 'ß', 'a');\nFLUSH LOGS")
	s.collect(t)
	for kind, collation := range map[string]string{testserver.MySQL97: "utf8mb4_0900_ai_ci", testserver.MariaDB118: "utf8mb4_uca1400_ai_ci", testserver.MariaDB1011: ""} {
		to := testserver.Start(t, kind)
		db := testserver.Open(t, to)
		for _, q := range []string{"CREATE DATABASE shop CHARACTER SET utf8mb4", "CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET utf8mb4, w CHAR(2) CHARACTER SET latin1)", "CREATE VIEW shop.seen AS SELECT v FROM shop.t"} {
			if _, err := db.Exec(q); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"restore", "--binlogs", s.binlogs(), "--database", "shop", "--progress", "none", "--target", to.DSN(), "--base-loaded", "--snapshot-position", "binlog.000003:4"}
		if collation == "" {
			lifeboat(t, args...).want(t, 0, "DONE")
			continue
		}
		lifeboat(t, args...).want(t, 3, "table t of the base that was loaded", "("+collation+")", "--snapshot")
	}
}

// A server that had the setting ON is noticed by its rows, which are not what DDL under OFF makes them.
func TestTimestampsThatTheLogDoesNotExplain(t *testing.T) {
	t.Parallel()
	s := newSource(t, testserver.MySQL56, "--explicit-defaults-for-timestamp=1")
	s.exec(t, "CREATE DATABASE shop;\nUSE shop;\nCREATE TABLE t (id INT PRIMARY KEY, ts TIMESTAMP);\nINSERT INTO t (id) VALUES (1);\nFLUSH LOGS;\nFLUSH LOGS")
	s.collect(t)
	to := testserver.Start(t, testserver.MySQL97)
	args := []string{"--binlogs", s.binlogs(), "--database", "shop", "--progress", "none"}
	lifeboat(t, append([]string{"plan"}, args...)...).want(t, 0, "does not say explicit_defaults_for_timestamp", "taken to be made with it OFF")
	lifeboat(t, append(append([]string{"restore"}, args...), "--target", to.DSN())...).want(t, 1, "column ts of t may be NULL in the log, and may not on the target", "--exclude-table t")
}

// What to do about stored columns that the source's sessions computed in another time zone is said, and does it.
func TestStoredColumnsOfAnotherZone(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, kind)
			s.exec(t, "SET SESSION time_zone='+05:00';\nCREATE DATABASE shop;\nUSE shop;\nCREATE TABLE n (id INT PRIMARY KEY, ts TIMESTAMP NOT NULL, d DATE AS (DATE(ts)) STORED)")
			s.exec(t, "INSERT INTO n (id, ts) VALUES (1, '2024-01-02 03:00:00'), (2, '2024-01-02 03:00:00')")
			s.old = s.dump(t, "old.sql")
			s.exec(t, "UPDATE n SET ts='2024-01-03 03:00:00' WHERE id=2;\nFLUSH LOGS;\nFLUSH LOGS")
			s.collect(t)
			to := testserver.Start(t, kind)
			args := []string{"--binlogs", s.binlogs(), "--snapshot", s.old, "--database", "shop", "--progress", "none"}
			lifeboat(t, append([]string{"plan"}, args...)...).want(t, 0, "depend on TIMESTAMP columns: n.")
			lifeboat(t, append(append([]string{"restore"}, args...), "--target", to.DSN())...).want(t, 3, "table n: 1 of 1 rows looked at have other values", "by ALTER TABLE `n` FORCE")
			db := testserver.Open(t, to)
			db.SetMaxOpenConns(1)
			for _, q := range []string{"USE shop", "SET SESSION time_zone='+05:00'", "ALTER TABLE n FORCE, ALGORITHM=COPY"} {
				if _, err := db.Exec(q); err != nil {
					t.Fatal(err)
				}
			}
			var days string
			if err := db.QueryRow("SELECT GROUP_CONCAT(d ORDER BY id) FROM n").Scan(&days); err != nil || days != "2024-01-02,2024-01-03" {
				t.Errorf("%s, %v", days, err)
			}
		})
	}
}

// What went by the source's own time zone goes by the target's, and that is said.
func TestSystemZone(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Setenv("TZ", "ABC-5") // of the servers that begin now
			s, to := newSource(t, kind), testserver.Start(t, kind)
			t.Setenv("TZ", "UTC")
			s.exec(t, "CREATE DATABASE shop;\nUSE shop;\nCREATE TABLE n (id INT PRIMARY KEY, ts TIMESTAMP NULL);\nINSERT INTO n VALUES (1, '2024-01-02 03:00:00');\nALTER TABLE n MODIFY ts DATETIME")
			s.exec(t, "CREATE DATABASE plain;\nUSE plain;\nCREATE TABLE n (id INT PRIMARY KEY, ts TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP);\nINSERT INTO n (id) VALUES (1);\nALTER TABLE n ADD x INT;\nFLUSH LOGS;\nFLUSH LOGS")
			s.collect(t)
			lifeboat(t, "restore", "--binlogs", s.binlogs(), "--database", "shop", "--progress", "none", "--target", to.DSN()).want(t, 0, "DONE", "(time_zone=SYSTEM)")
			var at string
			if err := testserver.Open(t, to).QueryRow("SELECT CAST(ts AS CHAR) FROM shop.n").Scan(&at); err != nil || at != "2024-01-02 03:00:00" {
				t.Errorf("%s, %v", at, err)
			}
			if r := lifeboat(t, "plan", "--binlogs", s.binlogs(), "--database", "plain", "--progress", "none").want(t, 0); strings.Contains(r.out, "SYSTEM") {
				t.Errorf("without need it says\n%s", r.out)
			}
		})
	}
}

// A later server holds foreign keys against all rows where it copies a table that an older one changed without. The rows that refer to nothing come along, as the source has them.
func TestAlterOverOrphans(t *testing.T) {
	s := newSource(t, testserver.MySQL56)
	s.exec(t, "CREATE DATABASE shop;\nUSE shop;\nCREATE TABLE t (id INT NOT NULL, u INT NOT NULL, p INT, PRIMARY KEY (id), UNIQUE KEY (u), CONSTRAINT tp FOREIGN KEY (p) REFERENCES t (u) ON DELETE CASCADE);\n"+
		"SET SESSION foreign_key_checks=0;\nINSERT INTO t VALUES (1, 1, NULL), (2, 2, 9), (3, 3, 1)")
	s.old = s.dump(t, "old.sql")
	s.exec(t, "USE shop;\nSET SESSION foreign_key_checks=1;\nINSERT INTO t VALUES (4, 4, 1);\nALTER TABLE t DROP PRIMARY KEY;\nINSERT INTO t VALUES (5, 5, 4);\nFLUSH LOGS;\nFLUSH LOGS")
	s.collect(t)
	to := testserver.Start(t, testserver.MySQL97)
	lifeboat(t, "restore", "--binlogs", s.binlogs(), "--snapshot", s.old, "--database", "shop", "--progress", "none", "--target", to.DSN()).want(t, 0, "DONE")
	lifeboat(t, "verify", "--database", "shop", "--target", to.DSN(), "--against", s.server.DSN(), "--progress", "none").want(t, 0, "THE SAME")
}
