package target_test

import (
	"errors"
	"strings"
	"testing"

	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
)

// TestHidden asks as users from whom a server hides things, without a word: nothing of that may pass for not there.
func TestHidden(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011, testserver.MySQL56} {
		t.Run(kind, func(t *testing.T) {
			to := testserver.Start(t, kind)
			db := testserver.Open(t, to)
			run := func(q string) {
				t.Helper()
				if _, err := db.Exec(q); err != nil {
					t.Fatalf("%s: %v", q, err)
				}
			}
			for _, q := range []string{"CREATE DATABASE s_p", "CREATE TABLE s_p.p (id INT PRIMARY KEY)",
				"CREATE TABLE s_p.c (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES s_p.p (id) ON DELETE CASCADE)",
				"CREATE TRIGGER s_p.tr BEFORE INSERT ON s_p.p FOR EACH ROW SET @a = 1", "CREATE EVENT s_p.ev ON SCHEDULE EVERY 1 DAY DO SET @a = 1"} {
				run(q)
			}
			all := "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES"
			for i, c := range []struct {
				grant            string
				tables, programs bool // may be told
			}{
				{"", false, false},
				{"ALL ON other.*", false, false},
				{"SELECT ON s_p.p", false, false},
				{"INSERT ON s_p.*", false, false},
				{all + " ON s_p.*", true, false},
				{all + ", TRIGGER ON s_p.*", true, false},
				{all + ", EVENT ON s_p.*", true, false},
				{all + ", EVENT, TRIGGER ON s_p.*", true, true},
				{all + ", EVENT, TRIGGER ON `s\\_p`.*", true, true},
				{all + ", EVENT, TRIGGER ON `s%`.*", true, true},
				{"ALL ON s_p.*", true, true},
				{"ALL ON *.*", true, true},
			} {
				user := "u" + string(rune('a'+i))
				run("CREATE USER " + user + "@localhost")
				if c.grant != "" {
					run("GRANT " + c.grant + " TO " + user + "@localhost")
				}
				srv, err := target.Open(t.Context(), strings.Replace(to.DSN(), "root", user, 1), nil)
				if err != nil {
					t.Fatal(err)
				}
				told := func(what string, may, right bool, err error) {
					t.Helper()
					if may && (err != nil || !right) || !may && !errors.Is(err, target.ErrAccess) {
						t.Errorf("%q, %s: right %v, %v", c.grant, what, right, err)
					}
				}
				exists, objects, err := srv.HasDatabase(t.Context(), "s_p")
				told("database", c.tables, exists && objects == 2, err)
				fks, err := srv.ForeignKeys(t.Context(), "s_p")
				told("foreign keys", c.tables, len(fks) == 1, err)
				tables, err := srv.Tables(t.Context(), "s_p")
				told("tables", c.tables, len(tables) == 2, err)
				programs, err := srv.ProgramTexts(t.Context(), "s_p")
				if c.programs {
					told("programs", true, len(programs) == 2, err)
				} else if err == nil {
					t.Errorf("%q: %d programs, and no refusal", c.grant, len(programs))
				}
				if err := srv.Close(); err != nil {
					t.Error(err)
				}
			}
			none, _, err := open(t, to.DSN()).HasDatabase(t.Context(), "not there")
			if err != nil || none {
				t.Errorf("a database that is not there: %v, %v", none, err)
			}
		})
	}
}

func open(t *testing.T, dsn string) *target.Server {
	t.Helper()
	srv, err := target.Open(t.Context(), dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}
