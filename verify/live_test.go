package verify_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lifeboat/internal/target/folder"
	"lifeboat/internal/target/live"
	"lifeboat/internal/testserver"
	"lifeboat/verify"
)

// What is read from a live server is, when the stock client has loaded it, the same as there, whatever the types.
func TestLiveDump(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			source := testserver.Source(t, kind, "--sql-mode=ALLOW_INVALID_DATES", "--max-allowed-packet=64M")
			db := testserver.Open(t, source)
			db.SetMaxOpenConns(1)
			script, later := everything(kind)
			more := []string{"CREATE VIEW a.aa AS SELECT * FROM a.vi", "CREATE TRIGGER a.aaa BEFORE INSERT ON a.dup FOR EACH ROW SET NEW.v = 'é;'",
				"CREATE EVENT a.ev ON SCHEDULE EVERY 1 YEAR STARTS '2036-01-01 00:00:00' DO DELETE FROM a.dup", "INSERT INTO a.t (id, g, f, v, tx, bl) VALUES (99, -0e0, 1e-30, '\\\\\\'', '\"\\n', '\\0')"}
			for _, list := range [][]string{{"SET NAMES utf8mb4"}, script, later, more} {
				for _, q := range list {
					if _, err := db.Exec(q); err != nil {
						t.Fatalf("%.200s: %v", q, err)
					}
				}
			}
			srv := open(t, source.DSN())
			from, err := live.Open(t.Context(), srv, "a")
			if err != nil {
				t.Fatal(err)
			}
			defer from.Close()
			if from.Position.IsZero() {
				t.Error("no position")
			}
			if _, err := db.Exec("DELETE FROM a.t"); err != nil { // behind the snapshot
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "dump")
			out, err := folder.Create(dir, folder.Options{Format: folder.SQL, Database: "a", Version: srv.Version, MariaDB: srv.MariaDB, Number: srv.Number, Position: from.Position, GTIDs: from.GTIDs})
			if err != nil {
				t.Fatal(err)
			}
			defer out.Discard()
			if err := from.Write(t.Context(), out, nil); err != nil {
				t.Fatal(err)
			}
			from.Close() // it holds the tables
			if _, err := out.Publish(); err != nil {
				t.Fatal(err)
			}
			text1, err := os.ReadFile(filepath.Join(dir, "a.sql"))
			if err != nil {
				t.Fatal(err)
			}
			to := testserver.Start(t, kind, "--sql-mode=ALLOW_INVALID_DATES", "--max-allowed-packet=64M")
			cmd := exec.Command(testserver.Bin(t, kind, "mysql"), "--no-defaults", "-uroot", "-S", to.Socket(), "--binary-mode")
			cmd.Stdin = bytes.NewReader(text1)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			// The rows that were deleted behind it come back from the same statements.
			for _, list := range [][]string{{"DROP DATABASE a"}, script, later, more} {
				for _, q := range list {
					if _, err := db.Exec(q); err != nil {
						t.Fatalf("%.200s: %v", q, err)
					}
				}
			}
			r, err := verify.Compare(t.Context(), verify.Side{Server: open(t, to.DSN()), Database: "a"}, verify.Side{Server: srv, Database: "a"}, verify.Options{Workers: 2})
			if err != nil || r.Err() != nil || len(r.Objects) > 0 {
				t.Errorf("%v\n%s", err, text(t, r))
			}
		})
	}
}
