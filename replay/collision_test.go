package replay_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// TestCollisionsAreCounted restores over a base of unknown date that holds rows which were gone when the log began, with unique values that the log
// gives to others, by INSERT, REPLACE and ON DUPLICATE KEY UPDATE: they give way, each is counted, and nothing is left that the source
// does not have. On the exact base there is no collision.
func TestCollisionsAreCounted(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run(`CREATE DATABASE shop
				USE shop
				CREATE TABLE t (a INT PRIMARY KEY, u INT, v INT, UNIQUE KEY (u))
				INSERT INTO t VALUES (1,10,0),(2,20,0),(3,30,0),(4,40,0),(5,50,0),(6,60,0)`)
			old := filepath.Join(t.TempDir(), "old.sql")
			if err := os.Rename(s.dump("shop"), old); err != nil {
				t.Fatal(err)
			}
			s.run("USE shop\nDELETE FROM t WHERE a IN (1,2,3)")
			exact := s.dump("shop")
			s.run(`FLUSH LOGS
				USE shop
				INSERT INTO t VALUES (100,10,1)
				INSERT INTO t VALUES (4,20,1) ON DUPLICATE KEY UPDATE u=20, v=2
				REPLACE INTO t VALUES (200,50,3)
				UPDATE t SET u=30 WHERE a=6`)
			want := state(t, s.db, "shop")
			dir := s.archive()
			_, _, res, err := s.restore(exact, dir, func(*plan.Request) {}, replay.Options{})
			if err != nil || len(res.Doubts) > 0 || res.Counts.Repairs > 0 {
				t.Fatalf("exact base: %v, doubts %v", err, res.Doubts)
			}
			if err := os.Remove(filepath.Join(dir, "binlog.000001")); err != nil { // with it, the log itself would delete the rows
				t.Fatal(err)
			}
			for _, memory := range []int64{1, 1 << 20} {
				db, _, res, err := s.restore(old, dir, func(q *plan.Request) { q.SnapshotPosition = "unknown" }, replay.Options{Memory: memory})
				if err != nil {
					t.Fatal(err)
				}
				if got := state(t, db, "shop"); got != want {
					t.Errorf("memory %d: %s", memory, diff(want, got))
				}
				if res.Counts.Repairs != 3 || !strings.Contains(fmt.Sprint(res.Doubts), "table t: 3 rows were in the way of a unique value of another row, and removed, the first at binlog.") {
					t.Errorf("memory %d: %d repairs, doubts %v; want the three", memory, res.Counts.Repairs, res.Doubts)
				}
			}
		})
	}
}
