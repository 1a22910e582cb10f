package torture

import (
	"math/rand/v2"
	"slices"
	"testing"

	"lifeboat/internal/testserver"
)

// TestTable tries every fault and fills the table. Without -points it tries each at two moments on one route and each server.
func TestTable(t *testing.T) {
	s := luck()
	t.Logf("seed %d", s)
	for i, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			fill(t, kind, rand.New(rand.NewPCG(s, uint64(i))))
		})
	}
}

// fill tries every fault on one kind of server.
func fill(t *testing.T, kind string, random *rand.Rand) {
	l := newLab(t, kind)
	messages, commits := l.lengths(t)
	for i, f := range faults() {
		if f.starve && l.starve == nil {
			t.Logf("left out, as no memory can be kept apart here: %s", f.name)
			continue
		}
		on := routes()
		if f.signal != nil { // acceptance kills the program in small windows
			on = slices.DeleteFunc(on, func(rt route) bool { return rt.onlyInProcess() })
		}
		if *points == 0 {
			on = on[i%len(on):][:1]
		}
		for _, rt := range on {
			n := max(*points, 2)
			if testing.Short() {
				n = max(*points, 1)
			}
			switch {
			case f.whole != nil:
				n = 1
			case f.stop():
				n = max(n, *stops)
			case f.name == "a second lifeboat on the target": // each waits 20 s for the lock
				n = 1
			}
			total := messages[rt.name]
			if f.commits {
				total = commits[rt.name]
			}
			line := row{f.name, rt.name, kind, 0, 0}
			t.Run(f.name+", "+rt.name, func(t *testing.T) {
				for _, k := range moments(random, total, n) {
					happened, wrong := l.try(t, &rt, &f, k)
					if wrong != "" {
						t.Errorf("at %d of %d: %s", k, total, wrong)
					}
					if happened {
						line.count(wrong)
					}
				}
			})
			tried.add(t, line)
		}
	}
}

// lengths counts, for each route, the messages and commits of an undisturbed restore, which must be right.
func (l *lab) lengths(t *testing.T) (messages, commits map[string]int) {
	t.Helper()
	messages, commits = map[string]int{}, map[string]int{}
	for _, rt := range routes() {
		for _, of := range []struct {
			into    map[string]int
			commits bool
		}{{messages, false}, {commits, true}} {
			r := &run{t: t, l: l, s: l.scenes[rt.image], r: &rt}
			r.plan = r.s.plan(t, &rt)
			r.clear()
			l.proxy.Arm(testserver.NoFault, 0, of.commits)
			must(t, r.inProcess())
			if wrong := r.right(); wrong != "" {
				t.Fatalf("undisturbed, %s: %s", rt.name, wrong)
			}
			if len(r.stops) > 0 || r.retries > 0 {
				t.Fatalf("undisturbed, %s: %q", rt.name, r.stops)
			}
			of.into[rt.name], _ = l.proxy.Done()
		}
	}
	t.Logf("messages %v, commits %v", messages, commits)
	return messages, commits
}
