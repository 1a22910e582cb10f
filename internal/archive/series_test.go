package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/testserver"
)

// Where it is for the user to say which files are meant, the refusal says how the two belong together.
func TestRefusalSaysHowSeriesBelongTogether(t *testing.T) {
	cases := []struct {
		name  string
		files func() (a, b map[string][]byte)
		says  string
	}{
		{"the log begun anew", func() (a, b map[string][]byte) {
			s := newServer(1, 0xaa)
			a = s.rotated(2, 1)
			s.done, s.clock = 0, s.clock+100
			return a, s.rotated(2, 1)
		}, "began its log anew (RESET) after binlog.000002:449"},
		{"a failover to a server whose numbers are the same", func() (a, b map[string][]byte) {
			s := newServer(1, 0xaa)
			a = s.rotated(2, 1)
			s.id, s.running = 2, false
			return a, s.rotated(2, 1)
		}, "by GTID binlog.000001 (server id 2) goes on exactly where binlog.000002:449 ends"},
		{"a failover that lost transactions", func() (a, b map[string][]byte) {
			s := newServer(1, 0xaa)
			a = s.rotated(2, 3)
			s.id, s.running, s.done = 2, false, s.done-4
			return a, s.rotated(2, 1)
		}, ":5-6 was committed on server id 1 and never reached server id 2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, b := c.files()
			_, err := open(t, write(t, a), write(t, b))
			if !errors.Is(err, ErrAmbiguous) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v: does not say %q", err, c.says)
			}
		})
	}
}

// RESET on real servers: numbers begin again, and neither log is taken for the other's continuation.
func TestReset(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := testserver.Source(t, kind, testserver.GTID(kind)...)
			db := testserver.Open(t, s)
			run := func(list ...string) {
				t.Helper()
				for _, q := range list {
					if _, err := db.ExecContext(t.Context(), q); err != nil {
						t.Fatalf("%s: %v", q, err)
					}
				}
			}
			collect := func() map[string][]byte {
				paths, err := filepath.Glob(filepath.Join(s.DataDir(), "binlog.[0-9]*"))
				if err != nil {
					t.Fatal(err)
				}
				out := map[string][]byte{}
				for _, p := range paths {
					if out[filepath.Base(p)], err = os.ReadFile(p); err != nil {
						t.Fatal(err)
					}
				}
				return out
			}
			reset := "RESET MASTER"
			if kind == testserver.MySQL97 {
				reset = "RESET BINARY LOGS AND GTIDS"
			}
			run("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)", "INSERT INTO shop.t VALUES (1)", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS", "INSERT INTO shop.t VALUES (2)")
			before := collect()
			time.Sleep(1100 * time.Millisecond) // the log's clock has seconds, and a server is not reset within one of its start
			run(reset, "INSERT INTO shop.t VALUES (3)")
			a, err := open(t, write(t, before), write(t, collect()))
			if err != nil {
				t.Fatal(err)
			}
			last := a.Files[len(a.Files)-1]
			if len(a.Files) != len(before) || worst(a) != Gap {
				t.Fatalf("%s%v", outline(a), a.Findings)
			}
			for _, f := range a.Findings {
				if f.Severity == Gap && (f.Code != CodeReset || f.Pos != last.End()) {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// All files of the corpus together are many servers' logs: a refusal that says so. One by one, each opens or is refused by name.
func TestCorpusOneByOneAndTogether(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "corpus", "binlogs")
	folders, err := os.ReadDir(root)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no corpus beside the repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	opened, refused := 0, 0
	for _, d := range folders {
		files, err := filepath.Glob(filepath.Join(root, d.Name(), "*"))
		if err != nil {
			t.Fatal(err)
		}
		if a, err := Open(context.Background(), []string{filepath.Join(root, d.Name())}, Options{}); err == nil {
			whole(t, a)
		} else if !errors.Is(err, ErrAmbiguous) && !errors.Is(err, ErrNoBinlogs) {
			t.Errorf("%s: %v", d.Name(), err)
		}
		for _, path := range files {
			a, err := Open(context.Background(), []string{path}, Options{})
			switch {
			case err == nil:
				opened++
				whole(t, a)
			case errors.Is(err, ErrNoBinlogs):
				refused++
				if !strings.Contains(err.Error(), filepath.Base(path)) {
					t.Errorf("%v: does not name %s", err, path)
				}
			default:
				t.Errorf("%s: %v", path, err)
			}
		}
		all = append(all, files...)
	}
	if opened < 50 {
		t.Errorf("only %d files open, and %d do not", opened, refused)
	}
	if _, err := Open(context.Background(), all, Options{}); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("all of them together: %v", err)
	}
	t.Logf("%d opened, %d refused, %d together", opened, refused, len(all))
}

// whole holds that every file of a chain reads up to where it is said to be good, and that an end which is not proven is a finding.
func whole(t *testing.T, a *Archive) {
	t.Helper()
	for _, f := range a.Files {
		if f.Good > uint64(f.Size) || f.Good < 4 {
			t.Errorf("%s: good up to %d of %d", f.Path, f.Good, f.Size)
		}
		r, err := f.Open(context.Background())
		if err != nil {
			t.Errorf("%s: %v", f.Path, err)
			continue
		}
		k, err := binlog.SkimFile(r, f.Name())
		if k.Good != f.Good {
			t.Errorf("%s: reads up to %d (%v), and is said to be good up to %d", f.Path, k.Good, err, f.Good)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if f.Damage != nil && worst(a) < Gap {
			t.Errorf("%s: %v is no finding", f.Path, f.Damage)
		}
	}
}
