package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// TestNewTables restores a log that makes tables all along: they end no window, also where the restore is stopped again and again. A table that
// somebody else made meanwhile is not taken for one that the restore made before a stop.
func TestNewTables(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			script := "CREATE DATABASE shop\nUSE shop\nCREATE TABLE t (id INT PRIMARY KEY, v INT)\n"
			for i := range 12 {
				script += fmt.Sprintf("INSERT INTO t VALUES (%d,0)\nCREATE TABLE n%d (id INT PRIMARY KEY, v VARCHAR(9), KEY (v))\nINSERT INTO n%d VALUES (1,'a'),(2,'b')\nUPDATE t SET v=v+1\n", i, i, i)
			}
			s.run(script + "CREATE TABLE IF NOT EXISTS n3 (a INT)\nINSERT INTO n3 VALUES (3,'c')\n")
			want := state(t, s.db, "shop")
			a, err := archive.Open(t.Context(), []string{s.archive()}, archive.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p, _, err := plan.Make(t.Context(), plan.Request{Archive: a, Scope: filter.Scope{Database: "shop"}})
			if err != nil {
				t.Fatal(err)
			}
			dst := testserver.Start(t, kind)
			db := testserver.Open(t, dst)
			run := func(q string) {
				if _, err := db.Exec(q); err != nil {
					t.Fatalf("%s: %v", q, err)
				}
			}
			restore := func(stop func(replay.Progress) bool) (*replay.Result, error) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				srv, err := target.Open(ctx, dst.DSN(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer srv.Close()
				return replay.Restore(ctx, p, replay.NewSource(a, nil), srv, replay.Options{Workers: 2, Memory: 64 << 20, Report: func(at replay.Progress) {
					if stop(at) {
						cancel()
					}
				}})
			}
			for limit := 1; ; limit++ {
				n := 0
				res, err := restore(func(replay.Progress) bool { n++; return n == limit })
				if errors.Is(err, context.Canceled) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := state(t, db, "shop"); got != want || res.Windows != 1 || !res.Counts.Closes() {
					t.Errorf("after %d stops: %d windows, %s", limit-1, res.Windows, diff(want, got))
				}
				break
			}
			run("DROP DATABASE shop")
			if _, err := restore(func(at replay.Progress) bool { return at.Phase == "replay log" }); !errors.Is(err, context.Canceled) {
				t.Fatalf("it was to be stopped: %v", err)
			}
			run("CREATE DATABASE IF NOT EXISTS shop")
			run("CREATE TABLE shop.n7 (id INT PRIMARY KEY, v VARCHAR(9), KEY (v))")
			for range 2 {
				if _, err := restore(func(replay.Progress) bool { return false }); err == nil || !strings.Contains(err.Error(), "1050") {
					t.Errorf("another's table was taken for its own: %v", err)
				}
			}
			run("DROP TABLE shop.n7")
			if _, err := restore(func(replay.Progress) bool { return false }); err != nil {
				t.Error(err)
			}
			if got := state(t, db, "shop"); got != want {
				t.Error(diff(want, got))
			}
		})
	}
}
