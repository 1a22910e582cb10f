package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// TestRestoreSamples restores scripts that no dump tool made, with a small log after them: sakila and Chinook.
func TestRestoreSamples(t *testing.T) {
	corpus := filepath.Join(testserver.Root(t), "..", "shared", "corpus", "dumps")
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("the corpus is not at hand")
	}
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		for _, c := range []struct {
			db, change string
			scripts    []string
			byTrigger  string // a table that the script leaves to triggers, which a restore makes last
		}{
			{"sakila", "UPDATE actor SET first_name='X' WHERE actor_id=1; DELETE FROM film_text WHERE film_id=2", []string{"sakila-schema.sql", "sakila-data.sql"}, "film_text"},
			{"Chinook", "UPDATE Artist SET Name='X' WHERE ArtistId=1; INSERT INTO Genre VALUES (99,'new')", []string{"Chinook_MySql.sql"}, ""},
		} {
			t.Run(kind+"-"+c.db, func(t *testing.T) {
				dir := t.TempDir()
				base, binlogs := filepath.Join(dir, "base.sql"), filepath.Join(dir, "binlogs")
				var text []byte
				for _, name := range c.scripts {
					part, err := os.ReadFile(filepath.Join(corpus, name))
					if err != nil {
						t.Fatal(err)
					}
					text = append(append(text, part...), '\n')
				}
				if err := os.WriteFile(base, text, 0o644); err != nil {
					t.Fatal(err)
				}
				s := testserver.Source(t, kind)
				client := func(script string) {
					t.Helper()
					cmd := exec.Command(testserver.Bin(t, kind, "mysql"), "--no-defaults", "-uroot", "-S", s.Socket(), "--default-character-set=utf8mb4")
					cmd.Stdin = strings.NewReader(script)
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("%v: %s", err, out)
					}
				}
				client("SET sql_log_bin=0;\n" + string(text))
				at := (&scene{kind: kind, server: s}).at(t)
				client("USE " + c.db + "; " + c.change + "; FLUSH LOGS;")
				if err := os.Mkdir(binlogs, 0o755); err != nil {
					t.Fatal(err)
				}
				files, err := filepath.Glob(filepath.Join(s.DataDir(), "binlog.0*"))
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range files {
					content, err := os.ReadFile(f)
					if err == nil {
						err = os.WriteFile(filepath.Join(binlogs, filepath.Base(f)), content, 0o644)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				to := testserver.Start(t, kind)
				restore := []string{"restore", "--binlogs", binlogs, "--snapshot", base, "--snapshot-position", at, "--database", c.db, "--target", to.DSN(), "--progress", "none", "--stop-after", "end"}
				verify := []string{"verify", "--database", c.db, "--target", to.DSN(), "--against", s.DSN(), "--progress", "none"}
				if c.byTrigger != "" {
					lifeboat(t, restore...).want(t, 3, "table "+c.byTrigger+": the snapshot holds its definition, but not its rows")
					lifeboat(t, verify...).want(t, 12, "1 difference.", c.byTrigger)
					return
				}
				lifeboat(t, restore...).want(t, 0, "DONE")
				lifeboat(t, verify...).want(t, 0, "THE SAME")
			})
		}
	}
}
