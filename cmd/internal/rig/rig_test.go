package rig

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// TestFingerprintSeesEveryChange changes one thing at a time and takes it back: the proof of the demo is worth
// what this finds.
func TestFingerprintSeesEveryChange(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			ctx := context.Background()
			db, err := Open(testserver.Start(t, kind).DSN(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			exec := func(statements string) {
				t.Helper()
				if _, err := db.ExecContext(ctx, statements); err != nil {
					t.Fatalf("%s: %v", statements, err)
				}
			}
			take := func() Fingerprint {
				t.Helper()
				f, err := Take(ctx, db, "d")
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
			exec(`CREATE DATABASE d CHARACTER SET utf8mb4;
				CREATE TABLE d.t (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(20), b VARCHAR(20), at TIMESTAMP(6) NULL, n DECIMAL(10,4), e ENUM('','x'));
				INSERT INTO d.t VALUES (1, 'x', NULL, '2024-03-31 01:30:00.000001', 1.5, 'x'), (2, '', 'é', NULL, NULL, ''), (3, 'ab', 'c', NULL, 0, 'x');
				CREATE TABLE d.loose (a INT, b TEXT);
				INSERT INTO d.loose VALUES (1, 'one'), (2, 'two');
				CREATE TABLE d.aside (a INT);
				CREATE VIEW d.v AS SELECT a FROM d.t;
				CREATE TRIGGER d.g BEFORE INSERT ON d.loose FOR EACH ROW SET NEW.a = NEW.a + 1`)
			want := take()
			if got := strings.Join(want.Names(), ", "); got != "table aside, table loose, table t, trigger g, view v" {
				t.Errorf("the database holds %s", got)
			}
			if want.Rows() != 5 {
				t.Errorf("%d rows instead of 5", want.Rows())
			}
			for _, c := range []struct{ change, back, want string }{
				{"UPDATE d.t SET b = '' WHERE id = 1", "UPDATE d.t SET b = NULL WHERE id = 1", "table t has other contents"},
				{"UPDATE d.t SET a = 'X' WHERE id = 1", "UPDATE d.t SET a = 'x' WHERE id = 1", "table t has other contents"},
				{"UPDATE d.t SET a = 'a', b = 'bc' WHERE id = 3", "UPDATE d.t SET a = 'ab', b = 'c' WHERE id = 3", "table t has other contents"},
				{"UPDATE d.t SET b = x'65CC81' WHERE id = 2", "UPDATE d.t SET b = x'C3A9' WHERE id = 2", "table t has other contents"},
				{"UPDATE d.t SET at = '2024-03-31 01:30:00.000002' WHERE id = 1", "UPDATE d.t SET at = '2024-03-31 01:30:00.000001' WHERE id = 1", "table t has other contents"},
				{"UPDATE d.t SET id = 4 WHERE id = 3", "UPDATE d.t SET id = 3 WHERE id = 4", "table t has other contents"},
				{"DELETE FROM d.loose WHERE a = 2", "INSERT INTO d.loose VALUES (1, 'two')", "table loose has 1 rows instead of 2"},
				{"CREATE TABLE d.more (a INT)", "DROP TABLE d.more", "table more should not be there"},
				{"RENAME TABLE d.aside TO d.lost", "RENAME TABLE d.lost TO d.aside", "table aside is missing; table lost should not be there"},
				{"ALTER TABLE d.t ADD INDEX (a)", "ALTER TABLE d.t DROP INDEX a", "table t has other contents"},
				{"ALTER VIEW d.v AS SELECT b FROM d.t", "ALTER VIEW d.v AS SELECT a FROM d.t", "view v has other contents"},
				{"DROP TRIGGER d.g", "CREATE TRIGGER d.g BEFORE INSERT ON d.loose FOR EACH ROW SET NEW.a = NEW.a + 1", "trigger g is missing"},
				// These change nothing that a log could bring back.
				{"ALTER TABLE d.t AUTO_INCREMENT = 1000", "DO 0", ""},
				{"DELETE FROM d.loose WHERE a = 1; INSERT INTO d.loose VALUES (0, 'one')", "DO 0", ""},
			} {
				exec(c.change)
				got := strings.Join(want.Differences(take()), "; ")
				if c.want == "" && got != "" || !strings.Contains(got, c.want) {
					t.Errorf("after %s the difference is %q, want %q", c.change, got, c.want)
				}
				exec(c.back)
				if d := want.Differences(take()); len(d) > 0 {
					t.Errorf("after %s: %q", c.back, d)
				}
			}
		})
	}
}

// TestLineIsWhatAShellReads hands lines to a shell and looks at the words that come out.
func TestLineIsWhatAShellReads(t *testing.T) {
	words := []string{"root@unix(/tmp/a b/s)/", "it's", "", "$HOME", "--x=1", "a\nb", "微", `\`, "*"}
	for name, line := range map[string]string{"Line": Line(words...), "Wrap": Wrap(append(words, strings.Repeat("-long", 30), strings.Repeat("-longer", 20))...)} {
		out, err := exec.Command("sh", "-c", `printf '%s\0' `+line).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(string(out), "\x00"); len(got) < len(words) || strings.Join(got[:len(words)], "|") != strings.Join(words, "|") {
			t.Errorf("%s: a shell reads %q from %s", name, got, line)
		}
	}
}

func TestSealSeesEveryChange(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seal := func() string {
		t.Helper()
		s, err := Seal(dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write("abc")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	first := seal()
	if seal() != first {
		t.Error("it differs without a change")
	}
	write("abd")
	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if seal() == first {
		t.Error("a changed byte in a file of the same time was not seen")
	}
	write("abc")
	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if seal() != first {
		t.Error("it differs though all is as before; directory times are not of interest")
	}
}
