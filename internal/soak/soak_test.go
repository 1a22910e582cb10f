package soak

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testserver"
)

var (
	seconds  = flag.Int("seconds", 0, "go on with further seeds for so many seconds")
	seeds    = flag.Int("seeds", 0, "this many seeds, instead of a time")
	kinds    = flag.String("kind", "", "only this kind of server")
	first    = flag.Uint64("seed", 0, "the first seed; alone, the only one")
	sessions = flag.Int("sessions", 1, "sessions at a time")
	spills   = flag.Bool("spill", false, "have every fold spill to disk")
	onto     = flag.String("onto", "", "restore onto this kind of server; programs and counters are not compared then")
	image    = flag.String("image", "", "binlog_row_image of all sessions at first")
	replayed = flag.String("script", "", "play this file's statements instead of the seed's")
)

// fixed is how many seeds `go test` runs of each kind, and with -short, as under the race detector; MySQL 5.6, and restores onto another version, get a few.
const fixed, fixedShort = 50, 10

func TestRandomWorkloads(t *testing.T) {
	all := testserver.Kinds()
	if *kinds != "" {
		all = []string{*kinds}
	}
	for _, kind := range all {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			soak(t, kind, cmp.Or(*onto, kind))
		})
	}
}

// TestOntoLaterVersions restores workloads onto a later version of their server. Random ones of any two kinds: -kind and -onto.
func TestOntoLaterVersions(t *testing.T) {
	for kind, to := range map[string]string{testserver.MySQL56: testserver.MySQL97, testserver.MariaDB1011: testserver.MariaDB118} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			soak(t, kind, to)
		})
	}
}

// TestOnceWrong plays the shortest parts of workloads that were once restored wrong.
func TestOnceWrong(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		paths, err := filepath.Glob(filepath.Join("testdata", kind+"-*.sql"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no scripts for %s: %v", kind, err)
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, kind)
			for _, path := range paths {
				for _, r := range []route{{Memory: 1, Workers: 2}, {Memory: 1 << 20, Workers: 1, Stops: 3, BaseLoaded: true, Databases: true}, {Memory: 1, Workers: 2, Spills: true}} {
					s := &script{kind: kind, route: r}
					if err := s.read(path); err != nil {
						t.Fatal(err)
					}
					o, sc, err := b.check(t.Context(), s)
					if err != nil {
						t.Fatalf("%s: %v", path, err)
					}
					if o.status != equal {
						t.Errorf("%s, route %+v: %s %s %s", path, r, o.status, o.reason, o.detail)
					}
					if sc.dump == "" {
						t.Errorf("%s: there is no dump", path)
					}
				}
			}
		})
	}
}

// more says whether seed number n is to be run, of those that are restored onto the same kind or another one.
func more(kind, to string, n int, start time.Time) bool {
	most := fixed
	if testing.Short() {
		most = fixedShort
	}
	switch {
	case *replayed != "":
		return n < 1
	case *seeds > 0:
		return n < *seeds
	case *seconds > 0:
		return time.Since(start) < time.Duration(*seconds)*time.Second
	case *first > 0:
		return n < 1
	case kind == testserver.MySQL56, kind != to:
		return n < most/5
	}
	return n < most
}

func soak(t *testing.T, kind, to string) {
	b := newBenchOnto(t, kind, to)
	tally := map[string]int{}
	failures := map[string]int{}
	statements, failed, ran := 0, 0, 0
	start := time.Now()
	from := max(1, *first)
	if *first == 0 && *seconds > 0 {
		from = uint64(start.Unix()) * 1000 // others than last time
	}
	for n := 0; more(kind, to, n, start); n++ {
		seed := from + uint64(n)
		many := *sessions
		if many == 1 && seed%10 == 0 {
			many = 3
		}
		s := generate(kind, seed, many)
		if b.to != b.kind { // what the stock client makes of a dump of another version is not for lifeboat to answer for
			s.route.BaseLoaded = false
		}
		if *replayed != "" {
			if err := s.read(*replayed); err != nil {
				t.Fatal(err)
			}
		}
		o, sc, err := b.check(t.Context(), s)
		if err != nil && b.restart(s) {
			tally["nothing the source crashed"]++
			t.Logf("seed %d: the source crashed", seed)
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		ran++
		statements += sc.statement
		for what, n := range sc.errors {
			failures[what], failed = failures[what]+n, failed+n
		}
		tally[string(o.status)+" "+o.reason]++
		if o.status == wrong {
			b.fail(t, s, o, sc)
		}
		if err := os.RemoveAll(filepath.Dir(sc.archive)); err != nil {
			t.Fatal(err)
		}
	}
	kind += " onto " + to
	t.Logf("%s: %d seeds from %d in %v, %d statements of which the source refused %d", kind, ran, from, time.Since(start).Round(time.Second), statements, failed)
	if testing.Verbose() {
		t.Logf("%s: what the source refused: %v", kind, failures)
	}
	for _, what := range slices.Sorted(maps.Keys(tally)) {
		t.Logf("%s: %5d %.300s", kind, tally[what], what)
	}
}

// fail reports a script that was restored wrong, and looks for the shortest part of it that still is.
func (b *bench) fail(t *testing.T, s *script, o outcome, sc *scene) {
	t.Helper()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("soak-%s-%d", s.kind, s.seed))
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.RemoveAll(dir))
	must(os.MkdirAll(dir, 0o755))
	must(os.CopyFS(filepath.Join(dir, "scene"), os.DirFS(filepath.Dir(sc.archive))))
	head := fmt.Sprintf("# seed %d, %s, route %+v, globals %v, gtid %t, stop before %s\n# %s\n", s.seed, s.kind, s.route, s.globals, s.gtid, sc.stop, strings.ReplaceAll(o.detail, "\n", "\n# "))
	must(os.WriteFile(filepath.Join(dir, "script.sql"), []byte(head+s.String()), 0o644))
	t.Errorf("seed %d: %s\nthe script and its log are in %s", s.seed, head, dir)
	limit := time.Minute
	if *seconds == 0 && *seeds == 0 && *first == 0 {
		limit = 15 * time.Second
	}
	short := b.shrink(t.Context(), s, o, limit)
	must(os.WriteFile(filepath.Join(dir, "shrunk.sql"), []byte(head+short.String()), 0o644))
	t.Logf("seed %d, shrunk to %d statements:\n%s", s.seed, len(short.statements), short)
}

// read takes the statements of a file that fail wrote, for the seed's route.
func (s *script) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	s.statements = nil
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#") || line == "":
		case line == "-- base --":
			s.statements = append(s.statements, statement{base: true})
		default:
			var q statement
			number, sql, ok := strings.Cut(line, ": ")
			if _, err := fmt.Sscanf(number, "s%d", &q.session); !ok || err != nil {
				return fmt.Errorf("%s: no session in %q", path, line)
			}
			q.sql = strings.TrimSuffix(sql, ";")
			s.statements = append(s.statements, q)
		}
	}
	return nil
}
