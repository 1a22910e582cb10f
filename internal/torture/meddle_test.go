package torture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lifeboat/internal/testserver"
)

// meddling is what another client does to the tables of a tiny scene: to rows that the log changes, and to such as it does not know.
func meddling() []string {
	return []string{
		"INSERT INTO shop.item (id, code, n) VALUES (9, 'theirs', 9)",
		"INSERT INTO shop.item (id, code, n) VALUES (4, 'early', 9)",
		"UPDATE shop.item SET n = 77 WHERE id = 2",
		"DELETE FROM shop.item WHERE id = 1",
		"INSERT INTO shop.note VALUES ('theirs', 1)",
		"DELETE FROM shop.note WHERE t = 'same' LIMIT 1",
	}
}

// TestAnotherClientIsNoticed has another client write to the tables at moments spread over a restore. What comes out is right, or the restore does not say that
// it is done, or verify finds what differs.
func TestAnotherClientIsNoticed(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := bareLab(t, kind)
			s := tinyScene(t, kind)
			for _, rt := range []route{routes()[0], baseLoadedRoute()} {
				rt.args = []string{"--connect-timeout", "1m", "--network-timeout", "1m"} // on a slow machine questions in between would count as messages
				line := row{"another client writes to the tables", rt.name, kind, 0, 0}
				r := &run{t: t, l: l, s: s, r: &rt}
				r.clear()
				l.proxy.Arm(testserver.NoFault, 0, false)
				if code, said, err := r.lifeboat(nil); err != nil || code != 0 {
					t.Fatalf("undisturbed: exit %d, %v\n%s", code, err, said)
				}
				total, _ := l.proxy.Done()
				differed := 0
				for _, query := range meddling() {
					for _, k := range moments(rand.New(rand.NewPCG(luck(), uint64(line.tried))), total, max(3, *points)) {
						happened, wrong, verified := l.meddled(t, s, &rt, query, k)
						if wrong != "" {
							t.Errorf("%s, at %d of %d: %s", query, k, total, wrong)
						}
						if happened {
							line.count(wrong)
						}
						if verified {
							differed++
						}
					}
				}
				if tried.add(t, line); line.tried == 0 || differed == 0 {
					t.Errorf("%s: %d tried, and what was wrong was found %d times", rt.name, line.tried, differed)
				}
			}
		})
	}
}

// meddled restores with another client's statement at message k. verified tells that verify found what it did.
func (l *lab) meddled(t *testing.T, s *scene, rt *route, query string, k int) (happened bool, wrong string, verified bool) {
	t.Helper()
	r := &run{t: t, l: l, s: s, r: rt}
	r.clear()
	l.proxy.Arm(testserver.Hook, k, false)
	var did atomic.Bool
	code, said, err := r.program(func(*os.Process) { did.Store(l.meddle(t, query)) })
	must(t, err)
	happened = did.Load()
	l.proxy.Arm(testserver.NoFault, 0, false)
	if code != 0 {
		if code != 1 && code != 3 || strings.Contains(said, "goroutine ") {
			wrong = fmt.Sprintf("exit %d\n%s", code, said)
		}
		if !happened {
			wrong = fmt.Sprintf("exit %d, though nothing happened\n%s", code, said)
		}
		t.Logf("%s, %s, at %d: exit %d: %s", rt.name, query, k, code, lastLine(said))
		return happened, wrong, false
	}
	differs := r.right()
	want := 0
	if differs != "" {
		want = 12
	}
	found := lifeboat(t, t.TempDir(), nil, "verify", "--binlogs", s.binlogs, "--snapshot", s.dump, "--database", shop, "--target", l.proxy.As("lb"), "--progress", "none")
	if found.code != want {
		wrong = fmt.Sprintf("verify ends with %d, want %d: %s\n%s", found.code, want, differs, found.said)
	}
	return happened, wrong, found.code == 12
}

// meddle is the other client. It reports whether it changed something: the table may not be there yet, or be held.
func (l *lab) meddle(t *testing.T, query string) bool {
	c, err := l.db.Conn(t.Context())
	if err != nil {
		t.Error(err)
		return false
	}
	defer c.Close()
	for _, q := range []string{"SET SESSION innodb_lock_wait_timeout=1", "SET SESSION lock_wait_timeout=1"} {
		if _, err := c.ExecContext(t.Context(), q); err != nil {
			t.Error(err)
			return false
		}
	}
	start := time.Now()
	res, err := c.ExecContext(t.Context(), query)
	if err != nil {
		t.Logf("%s: %v after %v", query, err, time.Since(start).Round(time.Millisecond))
		return false
	}
	n, err := res.RowsAffected()
	return err == nil && n > 0
}
