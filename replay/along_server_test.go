package replay_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"lifeboat/internal/spill"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

var alongSeeds = flag.Int("along-seeds", 2, "how many random logs of rows that go along with others TestAlongAtRandom restores on each server")

// family is a schema in which rows go along with others by every way there is: over several tables, to themselves, forgetting, by several columns.
const family = `CREATE DATABASE shop
	USE shop
	CREATE TABLE p (id INT PRIMARY KEY, code INT, v INT, UNIQUE KEY code (code))
	CREATE TABLE c (id BIGINT UNSIGNED PRIMARY KEY, p INT, code INT, v INT, u INT, UNIQUE KEY u (u), KEY (p), KEY (code), CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE, CONSTRAINT cc FOREIGN KEY (code) REFERENCES p (code) ON DELETE SET NULL)
	CREATE TABLE g (a SMALLINT, b INT, c BIGINT UNSIGNED, v VARCHAR(20), PRIMARY KEY (a, b), KEY (c), CONSTRAINT gc FOREIGN KEY (c) REFERENCES c (id) ON DELETE CASCADE)
	CREATE TABLE h (id INT PRIMARY KEY, a SMALLINT, b INT, t TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY (a, b), CONSTRAINT hg FOREIGN KEY (a, b) REFERENCES g (a, b) ON DELETE SET NULL)
	CREATE TABLE tree (id INT PRIMARY KEY, up INT, v INT, KEY (up), CONSTRAINT tu FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE)
	CREATE TABLE still (id INT PRIMARY KEY, c BIGINT UNSIGNED, KEY (c), CONSTRAINT sc FOREIGN KEY (c) REFERENCES c (id) ON DELETE CASCADE)`

// change is a random statement. Few values, so that rows go and come again; what the source refuses is not in its log.
func change(r *rand.Rand, base bool) string {
	n := func(most int) int { return 1 + r.IntN(most) }
	or := func(s string) string {
		if r.IntN(8) == 0 {
			return "NULL"
		}
		return s
	}
	of := func(most int) string { return or(fmt.Sprint(n(most))) }
	k := r.IntN(100)
	if base {
		k %= 40
	}
	switch {
	case k < 6:
		return fmt.Sprintf("INSERT INTO p VALUES (%d,%s,%d)", n(12), of(12), n(99))
	case k < 14:
		return fmt.Sprintf("INSERT INTO c VALUES (%d,%s,%s,%d,%s)", n(30), of(12), of(12), n(99), of(30))
	case k < 22:
		return fmt.Sprintf("INSERT INTO g VALUES (%d,%d,%s,'v%d')", n(4), n(10), of(30), n(99))
	case k < 29:
		return fmt.Sprintf("INSERT INTO h (id,a,b) VALUES (%d,%s,%s)", n(40), of(4), of(10))
	case k < 36:
		return fmt.Sprintf("INSERT INTO tree VALUES (%d,%s,%d)", n(30), of(30), n(99))
	case k < 40 && base:
		return fmt.Sprintf("INSERT INTO still VALUES (%d,%s)", n(40), of(30))
	case k < 44:
		return fmt.Sprintf("DELETE FROM p WHERE id=%d", n(12))
	case k < 46:
		return fmt.Sprintf("DELETE FROM p WHERE id IN (%d,%d)", n(12), n(12))
	case k < 49:
		return fmt.Sprintf("DELETE FROM c WHERE id=%d", n(30))
	case k < 52:
		return fmt.Sprintf("DELETE FROM g WHERE b=%d", n(10))
	case k < 55:
		return fmt.Sprintf("DELETE FROM tree WHERE id=%d", n(30))
	case k < 57:
		return fmt.Sprintf("DELETE FROM h WHERE id=%d", n(40))
	case k < 62:
		return fmt.Sprintf("UPDATE c SET p=%s WHERE id=%d", of(12), n(30))
	case k < 66:
		return fmt.Sprintf("UPDATE c SET code=%s, v=%d WHERE id=%d", of(12), n(99), n(30))
	case k < 70:
		return fmt.Sprintf("UPDATE g SET c=%s WHERE a=%d", of(30), n(4))
	case k < 73:
		return fmt.Sprintf("UPDATE g SET b=%d WHERE b=%d", n(10), n(10))
	case k < 77:
		return fmt.Sprintf("UPDATE h SET a=%s WHERE id=%d", of(4), n(40))
	case k < 81:
		return fmt.Sprintf("UPDATE tree SET up=%s WHERE id=%d", of(30), n(30))
	case k < 83:
		return fmt.Sprintf("UPDATE c SET id=%d WHERE id=%d", n(30), n(30))
	case k < 86:
		return fmt.Sprintf("REPLACE INTO p VALUES (%d,%s,%d)", n(12), of(12), n(99))
	case k < 88:
		return fmt.Sprintf("REPLACE INTO c VALUES (%d,%s,%s,%d,%s)", n(30), of(12), of(12), n(99), of(30))
	case k < 91:
		return "BEGIN"
	case k < 94:
		return "COMMIT"
	case k < 95:
		return "ROLLBACK"
	case k < 97:
		return "SET foreign_key_checks=0"
	default:
		return "SET foreign_key_checks=1"
	}
}

// TestAlongAtRandom restores random logs of rows that go along with others, on servers whose logs leave those out, in windows of every size: what comes
// out is what the source has.
func TestAlongAtRandom(t *testing.T) {
	for _, kind := range []string{testserver.MariaDB1011, testserver.MySQL56} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, kind)
			s.to = testserver.Start(t, kind)
			for seed := range *alongSeeds {
				r := rand.New(rand.NewPCG(uint64(seed), 8))
				what := fmt.Sprintf("seed %d", seed)
				s.run(family)
				s.atRandom(what, 500, 200+r.IntN(600)+seed%3*1500, seed%3 == 1, func(base bool) string { return change(r, base) }, func(_ replay.Options, res *replay.Result) bool { return len(res.Lanes) == 0 })
			}
		})
	}
}

// atRandom fills the database at hand, changes it, and restores it; some logs are long enough for tables to be read whole. Stopping again and again takes longer than all the others.
func (s *source) atRandom(what string, base, log int, stops bool, statement func(base bool) string, also func(replay.Options, *replay.Result) bool) {
	s.t.Helper()
	s.some(base, func() string { return statement(true) })
	dump := s.toolDump("shop")
	s.some(log, func() string { return statement(false) })
	want := state(s.t, s.db, "shop")
	dir := s.archive()
	s.run("DROP DATABASE shop")
	s.restores(what, dump, dir, want, 40<<10, also)
	if stops {
		s.goesOn(what, dump, dir, want)
	}
}

// restores goes every way there is to a state, some is memory for some windows, and asks also what each came to.
func (s *source) restores(what, dump, dir, want string, some int64, also func(replay.Options, *replay.Result) bool) {
	s.t.Helper()
	again := func(q *plan.Request) { q.DropExisting = true }
	for _, o := range []replay.Options{{Memory: 64 << 20}, {Memory: some}, {Memory: 1}, {Memory: 64 << 20, BaseFirst: true}, {Memory: 1, Spill: spill.Folder(s.t.TempDir())}} {
		db, _, res, err := s.restore(dump, dir, again, o)
		if err != nil || len(res.Doubts) > 0 || len(res.Incomplete) > 0 {
			s.t.Fatalf("%s, memory %d: %v, %+v", what, o.Memory, err, res)
		}
		if got := state(s.t, db, "shop"); got != want {
			s.t.Fatalf("%s, memory %d, base first %t: %s", what, o.Memory, o.BaseFirst, diff(want, got))
		}
		if !also(o, res) {
			s.t.Fatalf("%s, memory %d: %+v", what, o.Memory, res)
		}
		db.Close()
	}
}

// goesOn comes to a state although it is stopped again and again.
func (s *source) goesOn(what, dump, dir, want string) {
	s.t.Helper()
	db := s.stopped(dump, dir, 64<<20)
	defer db.Close()
	if got := state(s.t, db, "shop"); got != want {
		s.t.Fatalf("%s, stopped again and again: %s", what, diff(want, got))
	}
}

// some runs random statements, whatever the server says to them.
func (s *source) some(n int, change func() string) {
	s.t.Helper()
	c, err := s.db.Conn(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	ok := 0
	for _, q := range append([]string{"USE shop"}, make([]string, n)...) {
		if q == "" {
			q = change()
		}
		if _, err := c.ExecContext(context.Background(), q); err == nil {
			ok++
		}
	}
	if _, err := c.ExecContext(context.Background(), "COMMIT"); err != nil || ok < n/8 {
		s.t.Fatalf("%d of %d statements ran; %v", ok, n, err)
	}
	for _, q := range []string{"SET foreign_key_checks=1", "SET timestamp=DEFAULT"} {
		if _, err := c.ExecContext(context.Background(), q); err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestManyGoAlong lets more rows go along with one deletion than there is memory for: they are held all the same, and the window ends behind them.
func TestManyGoAlong(t *testing.T) {
	const most = 30_000
	s := newSource(t, testserver.MariaDB1011)
	s.run(fmt.Sprintf(`CREATE DATABASE shop
		USE shop
		CREATE TABLE p (id INT PRIMARY KEY)
		CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)
		CREATE TABLE g (id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES c (id) ON DELETE SET NULL)
		INSERT INTO p VALUES (1),(2),(3)
		INSERT INTO c SELECT seq, 1 + (seq %% 100 = 0) FROM seq_1_to_%d
		INSERT INTO g SELECT seq, seq FROM seq_1_to_%d`, most, most))
	dump := s.dump("shop")
	s.run("USE shop\nUPDATE c SET p=3 WHERE id=7\nDELETE FROM p WHERE id=1\nINSERT INTO c VALUES (1,2)\nUPDATE g SET c=1 WHERE id=5\nDELETE FROM p WHERE id=3")
	want := state(t, s.db, "shop")
	db, _, res, err := s.restore(dump, s.archive(), func(*plan.Request) {}, replay.Options{Memory: 64 << 10})
	if err != nil || len(res.Doubts) > 0 || len(res.Incomplete) > 0 || len(res.Lanes) > 0 || res.Windows != 2 {
		t.Fatalf("%v, %+v", err, res)
	}
	if got := state(t, db, "shop"); got != want {
		t.Error(diff(want, got))
	}
}
