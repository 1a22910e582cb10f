package main

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// one asks for one value.
func one(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	var out string
	if err := db.QueryRow(query).Scan(&out); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

// A DEFINER that the target lacks is reported with the remedy, which works; and neither a dump of all databases nor the log brings accounts or
// grants along.
func TestDefinersAndAccounts(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := &scene{kind: kind, dir: t.TempDir(), server: testserver.Source(t, kind)}
			db := testserver.Open(t, s.server)
			db.SetMaxOpenConns(1)
			do := func(db *sql.DB, list ...string) {
				t.Helper()
				for _, q := range list {
					if _, err := db.Exec(q); err != nil {
						t.Fatalf("%s: %v", q, err)
					}
				}
			}
			do(db, "CREATE USER app@'%'", "CREATE USER here@localhost", "CREATE DATABASE shop", "USE shop", "CREATE TABLE t (id INT PRIMARY KEY, n INT)", "INSERT INTO t VALUES (1, 1)",
				"GRANT ALL ON shop.* TO app@'%'", "CREATE DEFINER=app@'%' VIEW v AS SELECT id FROM t", "CREATE DEFINER=here@localhost VIEW w AS SELECT id FROM t")
			args := []string{"--no-defaults", "-uroot", "-S", s.server.Socket(), "--single-transaction", "--all-databases", "--routines", "--events", testserver.Coordinates(kind), "--result-file=" + s.dump()}
			if out, err := exec.Command(testserver.Bin(t, kind, "mysqldump"), args...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			do(db, "CREATE USER later@'%'", "GRANT SELECT ON shop.* TO later@'%'", "CREATE DEFINER=app@'%' TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.n = 7", "INSERT INTO t VALUES (2, 2)",
				"DROP USER here@localhost", "FLUSH LOGS")
			if err := os.Mkdir(s.binlogs(), 0o755); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(s.server.DataDir(), "binlog.0*"))
			for _, f := range files {
				content, err := os.ReadFile(f)
				if err == nil {
					err = os.WriteFile(filepath.Join(s.binlogs(), filepath.Base(f)), content, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			to := testserver.Start(t, kind)
			there := testserver.Open(t, to)
			there.SetMaxOpenConns(1)
			do(there, "CREATE USER here@localhost")
			const accounts = "SELECT GROUP_CONCAT(User, '@', Host ORDER BY User, Host) FROM mysql.user"
			const owners = "SELECT CONCAT((SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA='%s' AND TABLE_NAME='v'), ' ', (SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA='%s' AND TABLE_NAME='w'), ' '," +
				" (SELECT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='%s'))"
			before := one(t, there, accounts)
			restore := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--target", to.DSN(), "--progress", "none"}
			lifeboat(t, restore...).want(t, 0, "the target has no account app@%, the DEFINER of", "view v", "trigger tr", "--definer USER@HOST")
			lifeboat(t, append(restore, "--into", "mine", "--definer", "CURRENT_USER")...).want(t, 0, "DONE")
			lifeboat(t, append(restore, "--into", "theirs", "--definer", "here@localhost", "--verify")...).want(t, 0, "DONE", "THE SAME")
			for db, want := range map[string]string{"shop": "app@% here@localhost app@%", "mine": "root@localhost here@localhost root@localhost", "theirs": "here@localhost here@localhost here@localhost"} {
				if got := one(t, there, strings.ReplaceAll(owners, "%s", db)); got != want {
					t.Errorf("%s: owners %s, want %s", db, got, want)
				}
			}
			if after := one(t, there, accounts); after != before {
				t.Errorf("accounts %s, before %s", after, before)
			}
			if _, err := there.Exec("INSERT INTO mine.t VALUES (3, 3)"); err != nil {
				t.Errorf("the trigger does not fire: %v", err)
			}
			lifeboat(t, append(restore, "--definer", "somebody")...).want(t, exitUsage, "USER@HOST")
		})
	}
}
