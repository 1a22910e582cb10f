package replay_test

import (
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// TestLooseTables loses the connection before each COMMIT of a restore of tables without transactions: rows that were loaded stay on the server, and
// their mark does not. The restore goes on over them.
func TestLooseTables(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run(`CREATE DATABASE shop
				USE shop
				CREATE TABLE m (id INT PRIMARY KEY, v VARCHAR(9), UNIQUE KEY (v)) ENGINE=MyISAM
				CREATE TABLE n (a INT NOT NULL, b INT NOT NULL, UNIQUE KEY (b)) ENGINE=MyISAM
				INSERT INTO m VALUES (1,'a'),(2,'b'),(3,'c')
				INSERT INTO n VALUES (1,1),(2,2)`)
			dump := s.dump("shop")
			s.run("USE shop\nUPDATE m SET v='x' WHERE id=2\nDELETE FROM n WHERE a=1\nINSERT INTO m VALUES (4,'b')")
			want := state(t, s.db, "shop")
			a, err := archive.Open(t.Context(), []string{s.archive()}, archive.Options{})
			if err != nil {
				t.Fatal(err)
			}
			snap, err := snapshot.Open(t.Context(), dump, "shop", nil)
			if err != nil {
				t.Fatal(err)
			}
			p, _, err := plan.Make(t.Context(), plan.Request{Archive: a, Snapshot: snap, Scope: filter.Scope{Database: "shop"}})
			if err != nil {
				t.Fatal(err)
			}
			dst := testserver.Start(t, kind)
			proxy := testserver.NewProxy(t, dst.Socket())
			db := testserver.Open(t, dst)
			restore := func() error {
				srv, err := target.Open(t.Context(), proxy.DSN(), nil)
				if err != nil {
					return err
				}
				defer srv.Close()
				_, err = replay.Restore(t.Context(), p, replay.NewSource(a, snap), srv, replay.Options{Workers: 2, Memory: 64 << 20})
				return err
			}
			cut := 0
			for done := true; done; cut++ {
				if _, err := db.Exec("DROP DATABASE IF EXISTS shop"); err != nil {
					t.Fatal(err)
				}
				proxy.Arm(testserver.CutBefore, cut, true)
				err := restore()
				if _, done = proxy.Done(); done {
					if err == nil {
						t.Fatalf("the connection was cut before COMMIT %d, and nobody noticed", cut)
					}
					err = restore()
				}
				if err != nil {
					t.Fatalf("COMMIT %d: %v", cut, err)
				}
				if got := state(t, db, "shop"); got != want {
					t.Errorf("COMMIT %d: %s", cut, diff(want, got))
				}
			}
			if cut < 4 {
				t.Errorf("there were only %d commits", cut)
			}
		})
	}
}
