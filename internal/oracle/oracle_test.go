package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/spill"
	"lifeboat/internal/target"
	"lifeboat/internal/target/folder"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
	"lifeboat/verify"
)

// route is one way to the same result.
type route struct {
	name       string
	memory     int64
	workers    int
	baseLoaded bool
	serial     bool // no table folds
	baseFirst  bool // the whole backup before the log, instead of past it
	later      bool // indexes are built behind the rows, however few those are
	spills     bool // to disk, what does not fit into memory
	stops      bool // the restore is stopped again and again
	verified   bool // the result is compared with what base and log say
	folder     bool // into a dump, without a server; the server's own client loads it
}

var (
	oneRoute  = flag.String("route", "", "go this route alone, and do not ask the server's own tool")
	allRoutes = flag.Bool("routes", false, "go all routes on MariaDB 11.8 too")
)

func routes(kind string) []route {
	all := []route{
		{name: "fresh", memory: 64 << 20, workers: 4, verified: true},
		{name: "loaded", memory: 64 << 20, workers: 2, baseLoaded: true},
		{name: "tiny", memory: 1, workers: 2, baseLoaded: true},
		{name: "resumed", memory: 1, workers: 1, stops: true, later: true},
		{name: "serial", memory: 64 << 20, workers: 2, serial: true},
		{name: "serial-resumed", memory: 64 << 20, workers: 2, serial: true, stops: true},
		{name: "merged", memory: 64 << 20, workers: 2, stops: true, later: true},
		{name: "first", memory: 64 << 20, workers: 4, baseFirst: true},
		{name: "spilled", memory: 1, workers: 3, spills: true, verified: true},
		{name: "spilled-resumed", memory: 1, workers: 2, spills: true, stops: true, later: true},
		{name: "folder", memory: 64 << 20, folder: true},
		{name: "folder-spilled", memory: 1, folder: true, spills: true},
	}
	only := *oneRoute
	if only == "" && kind == testserver.MariaDB118 && !*allRoutes {
		only = "fresh" // what it has that 10.11 has not, shows there; the whole would take as long as 10.11's
	}
	return slices.DeleteFunc(all, func(r route) bool { return only != "" && r.name != only })
}

// fewCases is the part of the cases that -short runs, as under the race detector: one of so many.
const fewCases = 4

// TestCases runs every case on every kind of server that has what it needs.
func TestCases(t *testing.T) {
	cases := allCases(t)
	for _, kind := range testserver.AllKinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			parent := t
			pairs := map[string]*pair{}
			for i, c := range cases {
				if testing.Short() && i%fewCases != 0 {
					continue
				}
				for _, c := range c.runs(kind) {
					key := strings.Join(c.args, " ")
					t.Run(c.name, func(t *testing.T) {
						if pairs[key] == nil {
							pairs[key] = newPair(parent, kind, c.args)
						}
						prove(t, pairs[key], c)
					})
				}
			}
			rebuilt := 0
			for _, p := range pairs {
				rebuilt += p.rebuilt
			}
			// Cases that need a server are passed over: so that this does not hide that all do.
			if t.Logf("%d cases were restored into a dump without a server", rebuilt); rebuilt < 10 && len(pairs) > 2 && !testing.Short() && len(routes(kind)) > 1 {
				t.Error("too few of the cases can do without a server")
			}
		})
	}
}

func allCases(t *testing.T) (cases []*oracleCase) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(testserver.Root(t), "testdata", "cases", "*.case"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no cases: %v", err)
	}
	for _, path := range paths {
		c, err := readCase(path)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

// runs are the case and its variants, as far as the kind runs them.
func (c *oracleCase) runs(kind string) (out []*oracleCase) {
	if !meant(c.kinds, kind) {
		return nil
	}
	out = append(out, c)
	for _, v := range c.variants {
		if meant(v.kinds, kind) {
			out = append(out, c.under(v))
		}
	}
	return out
}

// prove runs one case on one pair of servers.
func prove(t *testing.T, p *pair, c *oracleCase) {
	must(t, p.from, "DROP DATABASE IF EXISTS "+database, "DROP DATABASE IF EXISTS "+neighbour)
	if c.first != "" {
		p.renumber(t, c.first)
		defer p.renumber(t, "1")
	}
	s := p.disaster(t, c)
	wrong, knownWrong := c.expect("wrong", p.kind)
	var differing []string
	gone := 0
	for _, r := range routes(p.kind) {
		if len(c.routes) > 0 && !slices.Contains(c.routes, r.name) || r.baseLoaded && s.dump == "" {
			continue
		}
		gone++
		s.clear(t)
		if d := s.restore(t, r); d != "" {
			differing = append(differing, "by route "+r.name+": "+d)
		}
	}
	s.clear(t)
	switch {
	case knownWrong && gone > 0 && len(differing) == 0:
		t.Errorf("it is right now, so it is no longer to be marked as wrong (%s)", wrong)
	case !knownWrong && len(differing) > 0:
		t.Error(strings.Join(differing, "\n"))
	}
	if _, refused := c.expect("refused", p.kind); !refused && len(routes(p.kind)) > 1 {
		s.ask(t)
		s.clear(t)
	}
}

// restore goes one route, and says what is not as it should be.
func (s *scene) restore(t *testing.T, r route) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a, err := archive.Open(ctx, s.copies(), archive.Options{})
	if err != nil {
		return s.judge(t, nil, nil, err)
	}
	s.findings = nil
	for _, f := range a.Findings {
		s.findings = append(s.findings, f.Text)
	}
	point, err := filter.ParsePoint(s.stop)
	if err != nil {
		t.Fatal(err)
	}
	q := plan.Request{Archive: a, Scope: filter.Scope{Database: database, Tables: s.c.tables, Exclude: s.c.exclude}, Into: s.c.into, AllowIncomplete: s.c.allowIncompletion,
		Stop: filter.Stop{Point: point, Given: true}}
	switch {
	case r.baseLoaded:
		s.loadBase(t)
		q.BaseLoaded, q.SnapshotPosition = true, s.start
	case s.dump != "":
		if q.Snapshot, err = snapshot.Open(ctx, s.dump, database, nil); err != nil {
			return err.Error()
		}
	}
	p, _, err := plan.Make(ctx, q)
	if err == nil {
		p, err = brought(p) // every restore here goes by a plan as it comes back from the checkpoint of one that was stopped
	}
	var res *replay.Result
	switch {
	case err != nil:
	case r.folder:
		res, err = s.rebuild(ctx, t, p, replay.NewSource(a, q.Snapshot), r)
		if errors.Is(err, replay.ErrNeedsServer) && !(s.c.dumped && !r.spills) {
			t.Logf("not without a server: %v", err)
			return ""
		}
		s.p.rebuilt++
	default:
		res, err = s.attempt(ctx, t, p, replay.NewSource(a, q.Snapshot), r)
	}
	d := s.judge(t, p, res, err)
	if d == "" && err == nil && !r.serial {
		for _, name := range s.c.folded {
			if why := res.Lanes[name]; why != "" {
				return fmt.Sprintf("table %s did not fold: %s", name, why)
			}
		}
	}
	if d == "" && err == nil && r.verified {
		return s.verify(ctx, t, p, replay.NewSource(a, q.Snapshot), r.offline(t))
	}
	return d
}

// offline are the options of what is worked out without a server.
func (r *route) offline(t *testing.T) replay.Options {
	o := replay.Options{Memory: r.memory}
	if r.spills {
		o.Spill = spill.Folder(t.TempDir())
	}
	return o
}

// verify compares the result with what lifeboat works out without a server: neither may say what the other does not.
func (s *scene) verify(ctx context.Context, t *testing.T, p *plan.Plan, src replay.Source, o replay.Options) string {
	t.Helper()
	srv, err := target.Open(t.Context(), s.p.dsn(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	e, err := replay.Expect(ctx, p, src, o)
	if err != nil {
		return "to be verified: " + err.Error()
	}
	defer e.Close()
	v, err := verify.Expected(ctx, e, verify.Side{Server: srv, Database: p.Into}, verify.Options{Workers: 2})
	if err != nil {
		return "verified: " + err.Error()
	}
	var text strings.Builder
	if err := v.Write(&text, "text", false); err != nil {
		t.Fatal(err)
	}
	if v.Unchecked > 0 {
		t.Logf("not compared: %s", text.String())
	}
	if !v.Same {
		return "verified:\n" + text.String()
	}
	return ""
}

func (s *scene) copies() []string {
	if s.second == "" {
		return []string{s.archive}
	}
	return []string{s.archive, s.second}
}

// attempt runs the plan, and again after each stop.
func (s *scene) attempt(ctx context.Context, t *testing.T, p *plan.Plan, src replay.Source, r route) (*replay.Result, error) {
	t.Helper()
	srv, err := target.Open(t.Context(), s.p.dsn(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if r.stops {
		srv.LocalInfile = false // as most servers have it; the other routes load so
	}
	o := replay.Options{Workers: r.workers, Memory: r.memory, Serial: r.serial, BaseFirst: r.baseFirst}
	if r.later {
		o.IndexesLaterFrom = 1
	}
	if r.spills {
		o.Spill = spill.Folder(t.TempDir())
	}
	if !r.stops {
		return replay.Restore(ctx, p, src, srv, o)
	}
	for limit := 1; ; limit += 1 + limit/2 {
		run, cancel := context.WithCancel(ctx)
		n := 0
		o.Report = func(replay.Progress) {
			if n++; n == limit {
				cancel()
			}
		}
		res, err := replay.Restore(run, p, src, srv, o)
		stopped := run.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !stopped && !errors.Is(err, context.Canceled) || limit > 1<<20 {
			return res, err
		}
	}
}

// rebuild writes the dump, and loads it.
func (s *scene) rebuild(ctx context.Context, t *testing.T, p *plan.Plan, src replay.Source, r route) (*replay.Result, error) {
	t.Helper()
	version := src.Files[0].(*archive.File).Format
	dir := filepath.Join(t.TempDir(), "dump")
	out, err := folder.Create(dir, folder.Options{Format: folder.SQL, Database: p.Into, Charset: p.Charset, Version: version.ServerVersion, MariaDB: version.MariaDB,
		Number: version.VersionNumber(), Position: p.Stop})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Discard()
	res, err := replay.Rebuild(ctx, p, src, out, r.offline(t))
	if err != nil {
		return nil, err
	}
	m, err := out.Publish()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, m.Files[0].Name))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := s.load(ctx, t, text); err != nil {
		return nil, fmt.Errorf("loading the dump: %w\n%s", err, out)
	}
	return res, nil
}

// judge compares an outcome with what the case expects.
func (s *scene) judge(t *testing.T, p *plan.Plan, res *replay.Result, err error) string {
	t.Helper()
	if text, refused := s.c.expect("refused", s.p.kind); refused {
		if err == nil {
			return "it was not refused"
		}
		if !strings.Contains(err.Error(), text) {
			return fmt.Sprintf("the refusal does not say %q: %v", text, err)
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	if text, ok := s.c.expect("says", s.p.kind); ok {
		if all := slices.Concat(s.findings, p.Findings, p.Incomplete); !strings.Contains(strings.Join(all, "\n"), text) {
			t.Errorf("neither archive nor plan says %q, only %q", text, all)
		}
	}
	left := ask(t, s.p.to, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='_lifeboat'")
	if p.BaseLoaded && len(left) > 0 { // what remembers the end stays
		left = ask(t, s.p.to, "SELECT db FROM _lifeboat.job")
	}
	if len(left) > 0 {
		return "the checkpoint is still there"
	}
	said := strings.Join(append(res.Incomplete, p.Incomplete...), "; ")
	if text, ok := s.c.expect("incomplete", s.p.kind); ok && !strings.Contains(said, text) {
		t.Errorf("it says that it is incomplete in %q, want %q", said, text) // also where it is known to be wrong
	}
	into := p.Into
	if d := difference(s.want, capture(t, s.p.to, into, s.c.lost)); d != "" {
		return fmt.Sprintf("%s\n(lanes %v, findings %q, incomplete %q)", d, res.Lanes, p.Findings, res.Incomplete)
	}
	if text, ok := s.c.expect("incomplete", s.p.kind); ok != (said != "") || !strings.Contains(said, text) {
		return fmt.Sprintf("it says that it is incomplete in %q, want %q", said, text)
	}
	orphans := "0"
	if text, ok := s.c.expect("orphans", s.p.kind); ok {
		orphans = text
	}
	if got := strconv.FormatInt(res.Counts.Orphans, 10); got != orphans {
		return fmt.Sprintf("%s orphans (%q), want %s", got, res.Orphans, orphans)
	}
	if !res.Counts.Closes() {
		return fmt.Sprintf("the account does not close: %+v", res.Counts)
	}
	return ""
}

// ask lets the server's own tool restore the same, as a second opinion.
func (s *scene) ask(t *testing.T) {
	t.Helper()
	c, kind := s.c, s.p.kind
	if _, not := c.expect("no tool", kind); not || c.noTool || s.dump == "" || c.into != "" || len(c.tables)+len(c.exclude) > 0 {
		return
	}
	s.loadBase(t)
	d := s.byTool(t)
	reason, differs := c.expect("tool differs", kind)
	switch {
	case differs && d == "":
		t.Errorf("the server's own tool restores it right, so it does not differ (%s)", reason)
	case !differs && d != "":
		t.Errorf("the server's own tool disagrees with the source: %s", d)
	}
}

func (s *scene) byTool(t *testing.T) string {
	t.Helper()
	startFile, start, _ := strings.Cut(s.start, ":")
	stopFile, stop, _ := strings.Cut(s.stop, ":")
	args := []string{"--no-defaults", "--start-position=" + start, "--stop-position=" + stop}
	if !testserver.IsMariaDB(s.p.kind) {
		args = append(args, "--skip-gtids")
	}
	for _, f := range s.files(t, s.archive) {
		if n := number(f); n >= number(startFile) && n <= number(stopFile) {
			args = append(args, f)
		}
	}
	text, err := exec.Command(testserver.Bin(t, s.p.kind, "mysqlbinlog"), args...).Output()
	if err != nil {
		return fmt.Sprintf("mysqlbinlog: %v", err)
	}
	if out, err := s.load(t.Context(), t, text); err != nil {
		return fmt.Sprintf("%v: %s", err, out)
	}
	return difference(s.want, capture(t, s.p.to, database, s.c.lost))
}

// brought is a plan that was kept and came back.
func brought(p *plan.Plan) (*plan.Plan, error) {
	text, err := json.Marshal(p.Keep())
	if err != nil {
		return nil, err
	}
	k := &plan.Kept{}
	if err := json.Unmarshal(text, k); err != nil {
		return nil, err
	}
	return k.Reopen()
}
