package replay_test

import (
	"context"
	"errors"
	"testing"

	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
)

// TestResume stops a restore after its first report, the next run after its second, and so on, until one
// comes through. The state must be that of an undisturbed restore.
func TestResume(t *testing.T) {
	for _, kind := range []string{"mysql97", "mariadb1011"} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run(shopBase)
			dump := s.dump("shop")
			s.run(shopTraffic)
			s.run("USE shop\nINSERT INTO note SELECT t, k FROM note\nUPDATE note SET k=k+1 WHERE k>2\nDELETE FROM note WHERE t='Same' LIMIT 1")
			want := state(t, s.db, "shop")
			s.run("DROP TABLE shop.item, shop.orders")
			p, src, err := s.plan(dump, s.archive(), stopBefore("incident:1"))
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			dst := testserver.Start(t, kind)
			srv, err := target.Open(ctx, dst.DSN(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			runs := 0
			for limit := 1; ; limit++ {
				runs++
				if runs > 400 {
					t.Fatal("no run came through")
				}
				run, cancel := context.WithCancel(ctx)
				n := 0
				_, err := replay.Restore(run, p, src, srv, replay.Options{Workers: 1, Memory: 1, Report: func(replay.Progress) {
					if n++; n == limit {
						cancel()
					}
				}})
				cancel()
				if err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) && !errors.Is(run.Err(), context.Canceled) {
					t.Fatalf("run %d: %v", runs, err)
				}
			}
			t.Logf("%d runs", runs)
			if got := state(t, testserver.Open(t, dst), "shop"); got != want {
				t.Errorf("the restored database differs, %s", diff(want, got))
			}
			if runs < 5 {
				t.Errorf("only %d runs: too few stops to prove anything", runs)
			}
		})
	}
}
