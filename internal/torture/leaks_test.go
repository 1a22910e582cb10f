package torture

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/snapshot"
	"lifeboat/verify"
)

// working matches the stack of a goroutine that does lifeboat's work, or a library's for it: all but the tests' own and the proxy's.
var working = regexp.MustCompile(`lifeboat/(internal/(archive|binlog|disk|spill|target)|replay|filter|snapshot|verify)[./]|go-sql-driver|klauspost|errgroup`)

// workers are the goroutines that do lifeboat's work, by their numbers, with their stacks.
func workers() map[string]string {
	buf := make([]byte, 1<<20)
	out := map[string]string{}
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if working.MatchString(stack) {
			name, _, _ := strings.Cut(stack, " [")
			out[name] = stack
		}
	}
	return out
}

// leftover waits for the goroutines to end that were not there before, and gives the stacks of those that do not.
func leftover(before map[string]string) string {
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		now := workers()
		maps.DeleteFunc(now, func(name, _ string) bool { return before[name] != "" })
		if len(now) == 0 {
			return ""
		}
		if time.Now().After(end) {
			return strings.Join(slices.Collect(maps.Values(now)), "\n\n")
		}
	}
}

// TestNoGoroutineStays opens archives and backups and surveys, as an audit does, restores onto a server and into a dump, and compares with base and log and
// with another server: to the end, to a disk that fails, and to a context that ends, at many places each. Nothing goes on working behind the return.
func TestNoGoroutineStays(t *testing.T) {
	kind := testserver.MariaDB1011
	s := tinyScene(t, kind)
	l := bareLab(t, kind)
	rt := route{name: "merge", image: "FULL", memory: 1 << 20}
	plan := s.plan(t, &rt)
	held := testserver.Start(t, kind)
	lifeboat(t, t.TempDir(), nil, s.args(&rt, held.DSN())...).want(t, 0)
	opened := func() (*target.Server, error) { return target.Open(context.Background(), held.DSN(), nil) }
	before := workers() // the tests' own servers and sessions
	// Each way is taken with a context that ends at the n-th place where it can tell, and a disk whose n-th read fails; 0: never.
	for _, way := range []struct {
		name string
		run  func(ctx context.Context, here func(), files int) error
	}{
		{"open the archive", func(ctx context.Context, here func(), _ int) error {
			_, err := archive.Open(ctx, []string{s.binlogs}, archive.Options{Progress: func(int64, int64) { here() }})
			return err
		}},
		{"open the backup", func(ctx context.Context, here func(), _ int) error {
			_, err := snapshot.Open(ctx, s.dump, shop, func(int64, int64) { here() })
			return err
		}},
		{"survey", func(ctx context.Context, here func(), bad int) error {
			src, _ := s.reading(bad)
			_, err := filter.Scan(ctx, src.Files, filter.Scope{Database: shop}, filter.Options{Progress: func(binlog.Position) { here() }})
			return err
		}},
		{"restore", func(ctx context.Context, here func(), bad int) error {
			exec1(t, l.db, "DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS _lifeboat") // a session of its own, as the lab keeps none
			srv, err := target.Open(context.Background(), l.server.DSN(), nil)
			if err != nil {
				return err
			}
			defer srv.Close()
			src, _ := s.reading(bad)
			_, err = replay.Restore(ctx, plan, src, srv, replay.Options{Workers: 3, Memory: 1 << 20, Report: func(replay.Progress) { here() }})
			return err
		}},
		{"dump", func(ctx context.Context, here func(), bad int) error {
			src, _ := s.reading(bad)
			return s.rebuildWith(ctx, t, src, filepath.Join(t.TempDir(), "out"), here)
		}},
		{"verify", func(ctx context.Context, here func(), bad int) error {
			src, _ := s.reading(bad)
			expected, err := replay.Expect(ctx, plan, src, replay.Options{Memory: 1 << 20, Report: func(replay.Progress) { here() }})
			if err != nil {
				return err
			}
			srv, err := opened()
			if err != nil {
				return err
			}
			defer srv.Close()
			res, err := verify.Expected(ctx, expected, verify.Side{Server: srv, Database: shop}, verify.Options{Workers: 2, Progress: func(verify.Progress) { here() }})
			if err != nil {
				return err
			}
			return res.Err()
		}},
		{"compare servers", func(ctx context.Context, here func(), _ int) error {
			srv, err := opened()
			if err != nil {
				return err
			}
			defer srv.Close()
			side := verify.Side{Server: srv, Database: shop}
			res, err := verify.Compare(ctx, side, side, verify.Options{Workers: 2, Progress: func(verify.Progress) { here() }})
			if err != nil {
				return err
			}
			return res.Err()
		}},
	} {
		ended, failed := 0, 0
		for n := range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			var at atomic.Int32 // both sides of a comparison report
			err := way.run(ctx, func() {
				if int(at.Add(1)) == n {
					cancel()
				}
			}, enough)
			switch {
			case errors.Is(err, context.Canceled):
				ended++
			case err != nil:
				t.Fatalf("%s, a context that ends at %d: %v", way.name, n, err)
			}
			cancel()
			if left := leftover(before); left != "" {
				t.Fatalf("%s, a context that ended at %d (%v):\n%s", way.name, n, err, left)
			}
			err = way.run(t.Context(), func() {}, n*7)
			if errors.Is(err, errDisk) {
				failed++
			} else if err != nil {
				t.Fatalf("%s, a disk that fails at read %d: %v", way.name, n*7, err)
			}
			if left := leftover(before); left != "" {
				t.Fatalf("%s, a disk that failed at read %d (%v):\n%s", way.name, n*7, err, left)
			}
		}
		t.Logf("%s: ended by its context %d times, by a failing disk %d times", way.name, ended, failed)
		if ended == 0 || failed == 0 && !slices.Contains([]string{"open the archive", "open the backup", "compare servers"}, way.name) {
			t.Errorf("%s: ended by its context %d times, by a failing disk %d times", way.name, ended, failed)
		}
	}
}

// enough reads for any of the tests' scenes.
const enough = 1 << 30
