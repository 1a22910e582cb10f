package replay_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/internal/testserver"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// planned is a server's archive and dump, from which many plans are made.
type planned struct {
	t         *testing.T
	dir, dump string
}

// plan makes a plan of dir and dump for database shop; change adjusts the request.
func (p planned) plan(change func(*plan.Request)) (*plan.Plan, *filter.Survey, error) {
	p.t.Helper()
	ctx := context.Background()
	a, err := archive.Open(ctx, []string{p.dir}, archive.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	q := plan.Request{Archive: a, Scope: filter.Scope{Database: "shop"}}
	if p.dump != "" {
		if q.Snapshot, err = snapshot.Open(ctx, p.dump, "shop", nil); err != nil {
			p.t.Fatal(err)
		}
	}
	if change != nil {
		change(&q)
	}
	return plan.Make(ctx, q)
}

// elsewhere is the same archive in another folder, after edit.
func (p planned) elsewhere(t *testing.T, edit func(dir string)) planned {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(dir)
	}
	return planned{t: t, dir: dir, dump: p.dump}
}

func (p planned) names() []string {
	p.t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o644); err != nil {
		t.Fatal(err)
	}
}

func stop(spec string, after bool) func(*plan.Request) {
	return func(q *plan.Request) {
		stopBefore(spec)(q)
		q.Stop.After = after
	}
}

func all(changes ...func(*plan.Request)) func(*plan.Request) {
	return func(q *plan.Request) {
		for _, c := range changes {
			c(q)
		}
	}
}

func refuses(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

const planBase = `
	CREATE DATABASE shop
	CREATE DATABASE other
	USE shop
	CREATE TABLE t (a INT PRIMARY KEY, b INT)
	CREATE TABLE k (a INT PRIMARY KEY, b INT)
	CREATE TABLE other.x (a INT PRIMARY KEY)
	INSERT INTO t VALUES (1,1),(2,2)
	INSERT INTO k VALUES (1,1)
`

const planTraffic = `
	USE shop
	INSERT INTO t VALUES (3,3)
	RENAME TABLE k TO k2
	INSERT INTO k2 VALUES (2,2)
	INSERT INTO other.x VALUES (1)
	FLUSH LOGS
	CREATE TABLE made (a INT PRIMARY KEY)
	INSERT INTO made VALUES (1)
	UPDATE t SET b=9 WHERE a=1
	FLUSH LOGS
	DROP TABLE t
	CREATE TABLE t (a INT PRIMARY KEY, b INT)
	INSERT INTO t VALUES (1,1)
`

func routes(p *plan.Plan) string {
	var out []string
	for _, r := range p.Routes {
		out = append(out, fmt.Sprintf("%s %s +%d ~%d -%d", r.Name, r.Base, r.Inserted, r.Updated, r.Deleted))
	}
	return strings.Join(out, "; ")
}

func TestPlan(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind, testserver.GTID(kind)...)
			s.run("FLUSH LOGS") // the base's file is not the first one
			s.run(planBase)
			dump := s.dump("shop")
			s.run("FLUSH LOGS")
			s.run(planTraffic)
			base := planned{t: t, dir: s.archive(), dump: dump}
			t.Run("routes", func(t *testing.T) { planRoutes(t, base) })
			t.Run("bases", func(t *testing.T) { planBases(t, base) })
			t.Run("digest", func(t *testing.T) { planDigest(t, base) })
			t.Run("incidents", func(t *testing.T) { planIncidents(t, base) })
			t.Run("new base", func(t *testing.T) { planNewBase(t, base) })
			t.Run("damage", func(t *testing.T) { planDamage(t, base) })
			t.Run("no base", func(t *testing.T) { planNoBase(t, base) })
		})
	}
}

func planRoutes(t *testing.T, base planned) {
	p, survey, err := base.plan(stop("incident:1", false))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := routes(p), "k snapshot +0 ~0 -0; k2 snapshot +1 ~0 -0; made log +1 ~0 -0; t snapshot +1 ~1 -0"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if !p.Exact || len(p.Incomplete) > 0 || p.Changes != survey.ChangesRead || p.Changes == 0 {
		t.Errorf("%+v", p)
	}
	if i := survey.Incidents[0]; i.RowsLost != 3 || !i.Exact {
		t.Errorf("%d rows lost, exact %v", i.RowsLost, i.Exact)
	}
	p, _, err = base.plan(all(stop("incident:1", false), func(q *plan.Request) { q.Scope.Exclude = []string{"k2", "k"} }))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := routes(p), "made log +1 ~0 -0; t snapshot +1 ~1 -0"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// A base is the same one whether a position or a set of GTIDs tells its place.
func planBases(t *testing.T, base planned) {
	want, _, err := base.plan(stop("incident:1", false))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	snap, err := snapshot.Open(ctx, base.dump, "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := snap.Index().Coordinates
	a, err := archive.Open(ctx, []string{base.dir}, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := c.Position
	if at.IsZero() {
		t.Fatal("the dump has no position")
	}
	p, _, err := base.plan(all(stop("incident:1", false), func(q *plan.Request) { q.SnapshotPosition = at.String() }))
	if err != nil || p.Start != at || routes(p) != routes(want) || len(p.Incomplete) > 0 {
		t.Errorf("at %s: from %s, %s, %v", at, p.Start, routes(p), err)
	}
	// What was committed up to there, by the log.
	var set gtid.Set
	r, err := binlog.NewReader(plan.Files(a), binlog.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		it, err := r.Next(ctx)
		if err != nil || it.Pos.Compare(at) >= 0 {
			break
		}
		if it.Kind == binlog.Begin {
			if err := set.Add(it.Tx.GTID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if set.IsEmpty() {
		return
	}
	if err := set.Union(a.Files[0].Previous); err != nil {
		t.Fatal(err)
	}
	p, survey, err := base.plan(all(stop("incident:1", false), func(q *plan.Request) { q.SnapshotPosition = set.String() }))
	if err != nil {
		t.Fatal(err)
	}
	file := a.Files[0].Name()
	for _, f := range a.Files {
		if f.HasPrevious && set.ContainsSet(f.Previous) {
			file = f.Name()
		}
	}
	if p.Start != (binlog.Position{File: file, Offset: 4}) || routes(p) != routes(want) || p.Stop != want.Stop {
		t.Errorf("%s: from %s to %s, %s", set.String(), p.Start, p.Stop, routes(p))
	}
	if binlog.CompareNames(file, at.File) == 0 && survey.Totals.InBase == 0 {
		t.Error("no transaction is in the base")
	}
}

func planDigest(t *testing.T, base planned) {
	digest := func(p planned, change func(*plan.Request)) string {
		t.Helper()
		plan, _, err := p.plan(change)
		if err != nil {
			t.Fatal(err)
		}
		return plan.Digest
	}
	want := digest(base, stop("incident:1", false))
	if got := digest(base, stop("incident:1", false)); got != want || want == "" {
		t.Errorf("a second plan has digest %s, not %s", got, want)
	}
	other := base.elsewhere(t, nil)
	other.dump = filepath.Join(t.TempDir(), "moved.sql")
	b, err := os.ReadFile(base.dump)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other.dump, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := digest(other, stop("incident:1", false)); got != want {
		t.Errorf("the same files elsewhere have digest %s, not %s", got, want)
	}
	if err := os.WriteFile(other.dump, append(b, "\n-- another one\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{want: "the first"}
	for name, got := range map[string]string{
		"another stop": digest(base, stop("incident:1", true)),
		"the end":      digest(base, stop("end", false)),
		"another name": digest(base, all(stop("incident:1", false), func(q *plan.Request) { q.Into = "shop2" })),
		"less of it":   digest(base, all(stop("incident:1", false), func(q *plan.Request) { q.Scope.Exclude = []string{"made"} })),
		"a skip":       digest(base, all(stop("incident:1", false), func(q *plan.Request) { q.Skip = []string{"9-9-9"} })),
		"another dump": digest(other, stop("incident:1", false)),
		"fewer files":  digest(base.elsewhere(t, func(dir string) { remove(t, dir, base.names()[0]) }), stop("incident:1", false)),
	} {
		if seen[got] != "" {
			t.Errorf("%s has the digest of %s", name, seen[got])
		}
		seen[got] = name
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func planIncidents(t *testing.T, base planned) {
	p, survey, err := base.plan(nil)
	refuses(t, err, plan.ErrIncidents, ": 1")
	if len(survey.Incidents) != 1 || !slices.Equal(p.Incidents, []string{"1"}) {
		t.Errorf("%v, %v", survey.Incidents, p.Incidents)
	}
	_, _, err = base.plan(stop("incident:4", false))
	refuses(t, err, filter.ErrNoSuchPoint, "the incidents found are 1")
	if _, _, err = base.plan(stop("end", false)); err != nil {
		t.Error(err)
	}
	p, survey, err = base.plan(func(q *plan.Request) { q.Skip = []string{"incident:1"} })
	if survey.Format.MariaDB {
		refuses(t, err, plan.ErrInexact, "--skip GTIDSET")
	} else if err != nil || !slices.Equal(p.SkipStart, survey.Incidents[0].Session) || len(p.SkipStart) != 3 {
		t.Errorf("%v, %v", p.SkipStart, err)
	}
}

func planNewBase(t *testing.T, base planned) {
	p, _, err := base.plan(stop("end", false))
	if err != nil {
		t.Fatal(err)
	}
	first := base.names()[0]
	_, _, err = base.plan(stop(first+":4", false))
	refuses(t, err, plan.ErrNewBase, first+":4", "older backup")
	_, _, err = base.plan(stop("2001-01-01", false))
	refuses(t, err, plan.ErrNewBase, "2001-01-01", "older backup")
	_, _, err = base.plan(stop("2001-01-01", true))
	refuses(t, err, plan.ErrNewBase)
	a, err := archive.Open(context.Background(), []string{base.dir}, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// A transaction of the base's own time.
	r, err := binlog.NewReader(plan.Files(a), binlog.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		it, err := r.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if it.Kind == binlog.Begin && !it.Tx.GTID.IsZero() {
			_, _, err = base.plan(stop(it.Tx.GTID.String(), false))
			refuses(t, err, plan.ErrNewBase, "older backup")
		}
		if it.Kind == binlog.Statement || it.Pos.Compare(p.Start) >= 0 {
			break
		}
	}
	_, _, err = base.plan(stop("mysql-bin.000001:4", false))
	refuses(t, err, filter.ErrNoSuchPoint, "there is no file mysql-bin.000001")
}

func planDamage(t *testing.T, base planned) {
	names := base.names()
	last, middle := names[len(names)-2], names[len(names)-3] // the last one is empty
	_, _, err := base.elsewhere(t, func(dir string) { remove(t, dir, middle) }).plan(stop("end", false))
	refuses(t, err, plan.ErrGap, middle)
	flipped := base.elsewhere(t, func(dir string) {
		edit(t, filepath.Join(dir, last), func(b []byte) []byte { b[len(b)*3/4] ^= 1; return b })
	})
	for _, spec := range []string{"end", "2099-01-01"} {
		_, _, err = flipped.plan(stop(spec, false))
		refuses(t, err, plan.ErrCorrupt, last, "intact copy")
	}
	if _, _, err = flipped.plan(stop(last+":4", false)); err != nil {
		t.Errorf("damage behind the stop: %v", err)
	}
	cut := base.elsewhere(t, func(dir string) {
		remove(t, dir, names[len(names)-1])
		edit(t, filepath.Join(dir, last), func(b []byte) []byte { return b[:len(b)-60] })
	})
	for _, spec := range []string{"end", "2099-01-01"} {
		_, _, err = cut.plan(stop(spec, false))
		refuses(t, err, plan.ErrGap, last, "complete copy")
	}
	if _, _, err = cut.plan(stop(last+":4", false)); err != nil {
		t.Errorf("cut behind the stop: %v", err)
	}
	p, _, err := base.plan(stop("end", false))
	if err != nil {
		t.Fatal(err)
	}
	beyond := fmt.Sprintf("%s:%d", names[1], 1<<30)
	_, _, err = base.plan(all(stop("end", false), func(q *plan.Request) { q.SnapshotPosition = beyond }))
	refuses(t, err, plan.ErrGap, beyond, "complete copy")
	_, _, err = base.plan(all(stop("end", false), func(q *plan.Request) { q.SnapshotPosition = "binlog.000999:4" }))
	refuses(t, err, plan.ErrGap, "binlog.000999", names[0])
	inside := fmt.Sprintf("%s:%d", names[2], 5)
	if _, _, err = base.plan(all(stop("end", false), func(q *plan.Request) { q.SnapshotPosition = inside })); err == nil {
		t.Errorf("a base at %s, from %s", inside, p.Start)
	}
}

func planNoBase(t *testing.T, base planned) {
	names := base.names()
	late := base.elsewhere(t, func(dir string) {
		for _, n := range names[:3] {
			remove(t, dir, n)
		}
	})
	late.dump = ""
	p, _, err := late.plan(stop("incident:1", false))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := routes(p), "made log +1 ~0 -0; t none +0 ~1 -0"; got != want || len(p.Incomplete) != 1 || !strings.Contains(p.Incomplete[0], "table t") {
		t.Errorf("%s; incomplete %q", got, p.Incomplete)
	}
	_, _, err = late.plan(all(stop("incident:1", false), func(q *plan.Request) { q.Scope.Exclude = []string{"made"} }))
	refuses(t, err, plan.ErrNoBase, "--snapshot")
	_, _, err = late.plan(all(stop("end", false), func(q *plan.Request) { q.Scope.Database = "shpo" }))
	refuses(t, err, plan.ErrUnknownDB, "shpo", "shop")
	_, _, err = base.plan(func(q *plan.Request) { q.Scope.Database, q.Snapshot = "shpo", nil })
	refuses(t, err, plan.ErrUnknownDB, "other, shop")
	// A base of unknown date: where the log makes its tables, it does not matter.
	unknown := func(q *plan.Request) { q.SnapshotPosition = "unknown" }
	if _, _, err = base.plan(all(stop("end", false), unknown)); err != nil {
		t.Error(err)
	}
	base = base.elsewhere(t, func(dir string) {
		for _, n := range names[:2] {
			remove(t, dir, n)
		}
	})
	_, _, err = base.plan(all(stop("end", false), unknown))
	refuses(t, err, plan.ErrInexact, "RENAME", "--snapshot-position")
	p, survey, err := base.plan(all(stop("incident:1", false), unknown, func(q *plan.Request) { q.Scope.Exclude = []string{"k", "k2"} }))
	if err != nil || p.Exact || len(p.Incomplete) > 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if i := survey.Incidents[0]; i.RowsLost != 1 || i.Exact {
		t.Errorf("%d rows lost, exact %v: how many the base had is not known", i.RowsLost, i.Exact)
	}
}

func TestPlanRefusesWhatItCannotReplay(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run(planBase)
			dump := s.dump("shop")
			s.run("FLUSH LOGS\nUSE shop\nALTER TABLE t ADD COLUMN c INT\nCREATE INDEX i ON k (b)")
			s.run("FLUSH LOGS\nUSE shop\nSET binlog_format=STATEMENT\nUPDATE t SET b=5\nSET binlog_format=ROW")
			if kind == testserver.MySQL97 {
				s.run("USE shop\nCREATE TABLE j (a INT PRIMARY KEY, d JSON)\nINSERT INTO j VALUES (1,JSON_OBJECT('k',REPEAT('x',100),'n',1))\nSET binlog_row_value_options=PARTIAL_JSON\nUPDATE j SET d=JSON_SET(d,'$.n',2)\nSET binlog_row_value_options=DEFAULT")
			}
			base := planned{t: t, dir: s.archive(), dump: dump}
			_, _, err := base.plan(func(q *plan.Request) { q.Scope.Exclude = []string{"j"} })
			refuses(t, err, plan.ErrInexact, "UPDATE t SET b=5", "binlog.00000", "stop before it", "--allow-incomplete")
			p, _, err := base.plan(func(q *plan.Request) { q.AllowIncomplete, q.Scope.Exclude = true, []string{"j"} })
			if err != nil || len(p.Incomplete) != 1 {
				t.Errorf("%q, %v", p.Incomplete, err)
			}
			if kind == testserver.MySQL97 { // changes of JSON that leave out what stays are made one by one
				if _, _, err = base.plan(func(q *plan.Request) { q.Scope.Exclude = []string{"t"} }); err != nil {
					t.Error(err)
				}
			}
			unknown := func(q *plan.Request) { q.SnapshotPosition = "unknown" }
			base = base.elsewhere(t, func(dir string) { remove(t, dir, base.names()[0]) })
			_, _, err = base.plan(all(unknown, func(q *plan.Request) { q.Scope.Tables = []string{"k"} }))
			refuses(t, err, plan.ErrInexact, "CREATE INDEX", "table k")
			_, _, err = base.plan(all(unknown, func(q *plan.Request) { q.Scope.Tables, q.AllowIncomplete = []string{"t"}, true }))
			refuses(t, err, plan.ErrInexact, "ALTER TABLE", "table t")
		})
	}
}

// A stop between XA PREPARE and XA COMMIT leaves the rows out, and says so.
func TestPlanBetweenPrepareAndCommit(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run(planBase)
			dump := s.dump("shop")
			s.run("USE shop\nXA START 'x'\nINSERT INTO t VALUES (50,50)\nXA END 'x'\nXA PREPARE 'x'\nXA COMMIT 'x'\nINSERT INTO t VALUES (60,60)")
			base := planned{t: t, dir: s.archive(), dump: dump}
			p, survey, err := base.plan(nil)
			if err != nil || len(p.Void) != 0 || routes(p) != "k snapshot +0 ~0 -0; t snapshot +2 ~0 -0" {
				t.Fatalf("%s, void %v, %v", routes(p), p.Void, err)
			}
			for at, x := range survey.XA {
				p, _, err := base.plan(stop(x.Decided.String(), false))
				if err != nil || !strings.Contains(p.Void[at.String()], "after the stop point") || routes(p) != "k snapshot +0 ~0 -0; t snapshot +0 ~0 -0" {
					t.Errorf("%s, void %v, %v", routes(p), p.Void, err)
				}
			}
			if len(survey.XA) != 1 {
				t.Errorf("%v", survey.XA)
			}
		})
	}
}

// With GTIDs turned off, a set of them says nothing of what came later.
func TestPlanWithoutSomeGTIDs(t *testing.T) {
	s := newSource(t, testserver.MySQL97, testserver.GTID(testserver.MySQL97)...)
	s.run(planBase)
	dump := s.dump("shop")
	set := strings.ReplaceAll(column(t, s.db, "SELECT @@GLOBAL.gtid_executed")[0], "\n", "")
	s.run("FLUSH LOGS\nSET GLOBAL gtid_mode=ON_PERMISSIVE\nSET GLOBAL gtid_mode=OFF_PERMISSIVE\nSET GLOBAL gtid_mode=OFF\nUSE shop\nINSERT INTO t VALUES (3,3)\nFLUSH LOGS\nINSERT INTO t VALUES (4,4)")
	base := planned{t: t, dir: s.archive(), dump: dump}
	p, _, err := base.plan(nil) // the dump has a position, too
	if err != nil || routes(p) != "k snapshot +0 ~0 -0; t snapshot +2 ~0 -0" {
		t.Errorf("%s, %v", routes(p), err)
	}
	_, _, err = base.plan(func(q *plan.Request) { q.SnapshotPosition = set })
	refuses(t, err, plan.ErrInexact, "without a GTID", "--snapshot-position FILE:OFFSET")
	// Turned on again, they tell once the base has some of the new ones.
	s.run("SET GLOBAL gtid_mode=OFF_PERMISSIVE\nSET GLOBAL gtid_mode=ON_PERMISSIVE\nSET GLOBAL gtid_mode=ON\nFLUSH LOGS\nUSE shop\nINSERT INTO t VALUES (5,5)")
	dump = s.dump("shop")
	s.run("FLUSH LOGS\nUSE shop\nINSERT INTO t VALUES (6,6)")
	p, _, err = planned{t: t, dir: s.archive(), dump: dump}.plan(nil)
	if err != nil || p.StartGTIDs.IsEmpty() || routes(p) != "k snapshot +0 ~0 -0; t snapshot +1 ~0 -0" {
		t.Errorf("%s, from %s, %v", routes(p), p.Start, err)
	}
}
