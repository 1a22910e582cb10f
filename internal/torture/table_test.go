package torture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testserver"
)

// row is a line of the table.
type row struct {
	fault, route, server string
	tried, right         int
}

// TestTable tries every fault and fills the table. Without -points it tries each at two moments on one route and each server.
func TestTable(t *testing.T) {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", s)
	kinds := []string{testserver.MySQL97, testserver.MariaDB1011}
	tables := make([][]row, len(kinds))
	t.Run("on", func(t *testing.T) {
		for i, kind := range kinds {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				tables[i] = fill(t, kind, rand.New(rand.NewPCG(s, uint64(i))))
			})
		}
	})
	if *write {
		must(t, writeTable(filepath.Join(testserver.Root(t), "docs", "reliability.md"), slices.Concat(tables...), s))
	}
}

// fill tries every fault on one kind of server.
func fill(t *testing.T, kind string, random *rand.Rand) (rows []row) {
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
						line.tried++
						if wrong == "" {
							line.right++
						}
					}
				}
			})
			rows = append(rows, line)
		}
	}
	return rows
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

// Marks around the table in docs/reliability.md.
const (
	tableBegins = "<!-- make torture writes from here -->\n"
	tableEnds   = "<!-- to here -->\n"
)

func writeTable(path string, rows []row, seed uint64) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), tableBegins)
	_, after, ok2 := strings.Cut(rest, tableEnds)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the marks of the table", path)
	}
	var b strings.Builder
	tried, right := 0, 0
	b.WriteString("| fault | route | server | tried | right |\n|---|---|---|---:|---:|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d |\n", r.fault, r.route, r.server, r.tried, r.right)
		tried, right = tried+r.tried, right+r.right
	}
	fmt.Fprintf(&b, "| all | | | %d | %d |\n", tried, right)
	fmt.Fprintf(&b, "\nSeed %d.\n", seed)
	return os.WriteFile(path, []byte(before+tableBegins+b.String()+tableEnds+after), 0o644)
}
