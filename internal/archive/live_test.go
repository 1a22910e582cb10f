package archive

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/testserver"
)

// A server that is killed leaves a file without Rotate or Stop. With GTIDs the file it begins after its
// restart proves that nothing is lost; without them nothing can, and the archive says so.
func TestKilledServer(t *testing.T) {
	cases := []struct {
		kind  string
		args  []string
		codes []string // of findings above notes, and of crash-end
	}{
		{testserver.MySQL97, testserver.GTID(testserver.MySQL97), []string{CodeCrash}},
		{testserver.MySQL97, []string{"--gtid-mode=OFF"}, []string{CodeUnproven}},
		{testserver.MariaDB1011, nil, []string{CodeCrash}},
		{testserver.MySQL56, nil, []string{CodeUnproven}},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.kind, c.args), func(t *testing.T) {
			s := testserver.Source(t, c.kind, c.args...)
			db := testserver.Open(t, s)
			run := func(list ...string) {
				t.Helper()
				for _, q := range list {
					if _, err := db.ExecContext(t.Context(), q); err != nil {
						t.Fatalf("%s: %v", q, err)
					}
				}
			}
			run("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY) ENGINE=InnoDB", "INSERT INTO shop.t VALUES (1)", "FLUSH BINARY LOGS", "INSERT INTO shop.t VALUES (2)")
			if err := s.Kill(); err != nil {
				t.Fatal(err)
			}
			<-s.Done()
			if err := s.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			db = testserver.Open(t, s)
			run("INSERT INTO shop.t VALUES (3)", "FLUSH BINARY LOGS", "INSERT INTO shop.t VALUES (4)")

			// a copy, as a backup job would take it: the data folder itself is the server's
			files := map[string][]byte{}
			paths, err := filepath.Glob(filepath.Join(s.DataDir(), "binlog.[0-9]*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range paths {
				if files[filepath.Base(p)], err = os.ReadFile(p); err != nil {
					t.Fatal(err)
				}
			}
			a, err := open(t, write(t, files))
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, f := range a.Findings {
				if f.Severity > Note || f.Code == CodeCrash {
					codes = append(codes, f.Code)
				}
			}
			last := a.Files[len(a.Files)-1]
			if !slices.Equal(codes, c.codes) || len(a.Files) != len(files) || !last.Format.InUse || last.Damage != nil {
				t.Errorf("findings %q, want %q:\n%s", codes, c.codes, outline(a))
			}
			for i, f := range a.Files[1:] { // what link concludes from, as this server writes it
				if rotated := a.Files[i].Ending.Next.File != ""; rotated != (f.Format.Created == 0) {
					t.Errorf("%s: begun by Rotate: %v; created: %d", f.Name(), rotated, f.Format.Created)
				}
			}
			if c.codes[0] == CodeCrash {
				whole, err := after(last)
				if err != nil || whole.IsEmpty() || !whole.ContainsSet(a.Files[0].GTIDs) {
					t.Errorf("GTIDs at the end: %s (%v)", whole.String(), err)
				}
			}
			if got := a.Problems(a.Files[0].End(), binlog.Position{}); len(got) != len(a.Findings) {
				t.Errorf("%d problems from the end of the first file on, want all %d findings", len(got), len(a.Findings))
			}
		})
	}
}

// The folder of a running server holds much besides binlogs.
func TestDataFolder(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		s := testserver.Source(t, kind)
		db := testserver.Open(t, s)
		if _, err := db.ExecContext(t.Context(), "CREATE DATABASE shop; FLUSH BINARY LOGS"); err != nil {
			t.Fatal(err)
		}
		a, err := Open(t.Context(), []string{s.DataDir()}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Findings {
			if f.Severity > Note {
				t.Errorf("%s: %+v", kind, f)
			}
		}
		if len(a.Files) < 2 {
			t.Errorf("%s: %d files", kind, len(a.Files))
		}
	}
}
