package replay_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/spill"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/verify"
)

var inPartSeeds = flag.Int("in-part-seeds", 2, "how many random logs with incomplete row images TestInPartAtRandom restores on each server")

// TestInPart restores a log with incomplete row images: what shows all that it needs folds into one window, what does not is made by itself, and of a table
// that has much of that, everything.
func TestInPart(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, kind)
			s.to = testserver.Start(t, kind)
			s.run(`CREATE DATABASE shop
				USE shop
				CREATE TABLE seen (id INT PRIMARY KEY, v INT, made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, u TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP, t TEXT)
				CREATE TABLE whole (id INT PRIMARY KEY, v INT, t TEXT)
				CREATE TABLE moves (id INT PRIMARY KEY, v INT, w INT, KEY (w))
				INSERT INTO seen (id, v) VALUES (1,1),(2,2)
				INSERT INTO whole VALUES (1,1,'a'),(2,2,'b')
				INSERT INTO moves VALUES (1,1,1),(2,2,2)`)
			dump := s.toolDump("shop")
			script := "USE shop\nSET SESSION binlog_row_image=FULL\n"
			for i := range 40 {
				script += fmt.Sprintf("INSERT INTO whole VALUES (%d,1,REPEAT('x',50))\nUPDATE whole SET v=v+1 WHERE id<3\n", 10+i)
			}
			script += "SET SESSION binlog_row_image=MINIMAL\n"
			for i := range 100 {
				script += fmt.Sprintf("SET timestamp=%d\nUPDATE seen SET v=v+1\nINSERT INTO seen (id) VALUES (%d)\nUPDATE seen SET t='later' WHERE id>%d\n", 1600000000+i*100, 10+i, 5+i)
			}
			s.run(script + "SET timestamp=DEFAULT")
			s.inPart(dump, "", 1)
			s.run("USE shop\nSET SESSION binlog_row_image=MINIMAL\nUPDATE moves SET id=3 WHERE id=1\nUPDATE moves SET v=5 WHERE id=3\nUPDATE moves SET id=1 WHERE id=3\nDELETE FROM whole WHERE id>2")
			s.inPart(dump, "", 3)
			script = "USE shop\nSET SESSION binlog_row_image=MINIMAL\n"
			for i := range 70 {
				script += fmt.Sprintf("UPDATE moves SET id=id+10 WHERE v=5\nUPDATE moves SET w=%d WHERE v=5\nUPDATE seen SET v=v+1\n", i)
			}
			s.run(script)
			s.inPart(dump, "moves", 0)
		})
	}
}

// TestWideParts changes many columns of long names in many rows: the statements for it are sent in pieces that the target takes.
func TestWideParts(t *testing.T) {
	s := newSource(t, testserver.MySQL97, "--binlog-row-image=MINIMAL")
	s.to = testserver.Start(t, testserver.MySQL97, "--max-allowed-packet=1M")
	var columns, sets []string
	for i := range 40 {
		name := fmt.Sprintf("%s%d", strings.Repeat("c", 58), i)
		columns, sets = append(columns, name+" INT"), append(sets, name+"=id+1")
	}
	s.run("CREATE DATABASE shop\nUSE shop\nCREATE TABLE wide (id INT PRIMARY KEY, " + strings.Join(columns, ",") + ")\nINSERT INTO wide (id) WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i+1 FROM n WHERE i<990) SELECT i FROM n")
	dump := s.toolDump("shop")
	s.run("USE shop\nUPDATE wide SET " + strings.Join(sets, ",") + " WHERE id % 2 = 0")
	want := state(t, s.db, "shop")
	db, _, res, err := s.restore(dump, s.archive(), func(*plan.Request) {}, replay.Options{})
	if err != nil || len(res.Lanes) > 0 {
		t.Fatalf("%v, %+v", err, res)
	}
	if got := state(t, db, "shop"); got != want {
		t.Error(diff(want, got))
	}
}

// inPart restores what the source has in every way, and expects tables in the serial lane, and so many windows where there is memory enough; 0: any.
func (s *source) inPart(dump, lanes string, windows int) {
	s.t.Helper()
	want, dir := state(s.t, s.db, "shop"), s.archive()
	again := func(q *plan.Request) { q.DropExisting = true }
	for _, o := range []replay.Options{{}, {BaseFirst: true}, {Memory: 1}, {Memory: 1 << 10, Spill: spill.Folder(s.t.TempDir())}, {Memory: 32 << 10, Spill: spill.Folder(s.t.TempDir())}} {
		db, _, res, err := s.restore(dump, dir, again, o)
		if err != nil {
			s.t.Fatal(err)
		}
		if got := state(s.t, db, "shop"); got != want {
			s.t.Errorf("memory %d, base first %t, spill %t: %s", o.Memory, o.BaseFirst, o.Spill != nil, diff(want, got))
		}
		if got := strings.Join(slices.Sorted(maps.Keys(res.Lanes)), " "); got != lanes || len(res.Doubts) > 0 || len(res.Incomplete) > 0 || o.Memory == 0 && windows > 0 && res.Windows != windows {
			s.t.Errorf("memory %d, base first %t: lanes %v, %d windows, doubts %v, incomplete %q", o.Memory, o.BaseFirst, res.Lanes, res.Windows, res.Doubts, res.Incomplete)
		}
	}
	s.goesOn("in part", dump, dir, want)
}

// parts is a schema whose rows change their keys, their unique values, and columns that an image may leave out for many a reason.
const parts = `CREATE DATABASE shop
	USE shop
	CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, u INT, v INT NOT NULL DEFAULT 7, t TEXT, ts TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, UNIQUE KEY u (u))
	CREATE TABLE b (k VARCHAR(5), n SMALLINT, v VARCHAR(20), w BLOB, e ENUM('x','y') NOT NULL, PRIMARY KEY (k, n), UNIQUE KEY (v(3), n)) DEFAULT CHARSET=utf8mb4
	CREATE TABLE d (id INT PRIMARY KEY, u INT, v INT DEFAULT 3, s VARCHAR(9) DEFAULT 'abc', t TEXT, n INT NOT NULL, UNIQUE KEY (u))
	CREATE TABLE c (k CHAR(4) PRIMARY KEY, made DATETIME DEFAULT CURRENT_TIMESTAMP, v INT, t TEXT) DEFAULT CHARSET=latin1`

// partly is a random statement on it.
func partly(r *rand.Rand, base bool) string {
	n := func(most int) int { return 1 + r.IntN(most) }
	key := func() string {
		return [...]string{"'a'", "'A'", "'b'", "'bb'", "'ü'", "'u'", "'ss'", "'ß'"}[r.IntN(8)]
	}
	or := func(s string) string {
		if r.IntN(6) == 0 {
			return "NULL"
		}
		return s
	}
	k := r.IntN(120)
	if base {
		k %= 28
	}
	switch {
	case k >= 100:
		return ofD(r, k-100)
	case k >= 24 && k < 28 && base:
		return ofD(r, 0)
	case k < 4:
		return fmt.Sprintf("INSERT INTO a (id, u) VALUES (%d,%s)", n(15), or(fmt.Sprint(n(15))))
	case k < 8:
		return fmt.Sprintf("INSERT INTO a (id, u, v, t) VALUES (%d,%s,%d,%s)", n(15), or(fmt.Sprint(n(15))), n(99), or("'text'"))
	case k < 16:
		return fmt.Sprintf("INSERT INTO b (k, n, v) VALUES (%s,%d,%s)", key(), n(4), or(fmt.Sprintf("'v%d'", n(30))))
	case k < 24:
		return fmt.Sprintf("INSERT INTO c (k, t) VALUES (%s,%s)", key(), or("'t'"))
	case k < 30:
		return fmt.Sprintf("UPDATE a SET v=v+1 WHERE id<=%d", n(15))
	case k < 34:
		return fmt.Sprintf("UPDATE a SET t=%s WHERE id=%d", or(fmt.Sprintf("'t%d'", n(99))), n(15))
	case k < 36:
		return fmt.Sprintf("UPDATE a SET u=%s WHERE id=%d", or(fmt.Sprint(n(15))), n(15))
	case k < 38:
		return fmt.Sprintf("UPDATE a SET id=%d, v=%d WHERE id=%d", n(15), n(9), n(15))
	case k < 40:
		return fmt.Sprintf("UPDATE a SET ts=ts, v=0 WHERE id=%d", n(15))
	case k < 46:
		return fmt.Sprintf("UPDATE b SET w=%s WHERE k=%s", or(fmt.Sprintf("'w%d'", n(99))), key())
	case k < 52:
		return fmt.Sprintf("UPDATE b SET e='y' WHERE n=%d", n(4))
	case k < 54:
		return fmt.Sprintf("UPDATE b SET v=%s WHERE k=%s AND n=%d", or(fmt.Sprintf("'v%d'", n(30))), key(), n(4))
	case k < 56:
		return fmt.Sprintf("UPDATE b SET k=%s WHERE k=%s AND n=%d", key(), key(), n(4))
	case k < 62:
		return fmt.Sprintf("UPDATE c SET v=%d WHERE k=%s", n(99), key())
	case k < 64:
		return fmt.Sprintf("UPDATE c SET k=%s, t='moved' WHERE k=%s", key(), key())
	case k < 66:
		return fmt.Sprintf("UPDATE c SET made='2020-01-01' WHERE k=%s", key())
	case k < 71:
		return fmt.Sprintf("DELETE FROM a WHERE id=%d", n(15))
	case k < 75:
		return fmt.Sprintf("DELETE FROM b WHERE k=%s", key())
	case k < 80:
		return fmt.Sprintf("DELETE FROM c WHERE k=%s", key())
	case k < 83:
		return fmt.Sprintf("REPLACE INTO a (id, u) VALUES (%d,%s)", n(15), or(fmt.Sprint(n(15))))
	case k < 86:
		return fmt.Sprintf("INSERT INTO b (k, n, e) VALUES (%s,%d,'y') ON DUPLICATE KEY UPDATE v='dup', e='x'", key(), n(4))
	case k < 87:
		return "ALTER TABLE a ALTER v SET DEFAULT " + fmt.Sprint(n(9))
	case k < 92:
		return fmt.Sprintf("SET timestamp=%d", 1600000000+n(1000)*100)
	case k < 94:
		return "SET SESSION binlog_row_image=" + [...]string{"FULL", "NOBLOB", "MINIMAL", "MINIMAL"}[r.IntN(4)]
	case k < 96:
		return "BEGIN"
	case k < 98:
		return "COMMIT"
	}
	return "ROLLBACK"
}

// ofD is one of what needs no server.
func ofD(r *rand.Rand, k int) string {
	id, n := r.IntN(20), r.IntN(99)
	switch {
	case k < 4:
		return fmt.Sprintf("INSERT INTO d (id, n) VALUES (%d,%d)", id, n)
	case k < 6:
		return fmt.Sprintf("INSERT INTO d (id, u, s, n) VALUES (%d,%d,NULL,%d)", id, n, n)
	case k < 9:
		return fmt.Sprintf("UPDATE d SET v=v+%d WHERE id=%d", n, id)
	case k < 11:
		return fmt.Sprintf("UPDATE d SET u=%d, t=NULL WHERE id=%d", n, id)
	case k < 13:
		return fmt.Sprintf("UPDATE d SET t='t%d' WHERE id>%d", n, id)
	case k < 15:
		return fmt.Sprintf("UPDATE d SET s=CONCAT('s', %d) WHERE id=%d", n, id)
	case k < 18:
		return fmt.Sprintf("DELETE FROM d WHERE id=%d", id)
	case k < 19:
		return fmt.Sprintf("ALTER TABLE d ALTER v SET DEFAULT %d", n)
	}
	return "ALTER TABLE d ADD COLUMN w INT DEFAULT 8"
}

// TestInPartAtRandom restores random logs with incomplete row images, in windows of every size.
func TestInPartAtRandom(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, kind, "--binlog-row-image=MINIMAL")
			s.to = testserver.Start(t, kind)
			for seed := range *inPartSeeds {
				r := rand.New(rand.NewPCG(uint64(seed), 9))
				s.run(parts)
				s.some(150, func() string { return partly(r, true) })
				dump := s.toolDump("shop")
				s.some(100+r.IntN(400), func() string { return partly(r, false) })
				want := state(t, s.db, "shop")
				dir := s.archive()
				s.run("DROP DATABASE shop")
				s.restores(fmt.Sprintf("seed %d", seed), dump, dir, want, 10<<10, func(o replay.Options, _ *replay.Result) bool {
					if o.Memory > 1 {
						s.expected(dump, dir)
					}
					return true
				})
				if seed%3 == 1 { // it takes longer than all the others
					s.goesOn(fmt.Sprintf("seed %d", seed), dump, dir, want)
				}
			}
		})
	}
}

// expected holds the target against what base and log come to without a server, of table d at least.
func (s *source) expected(dump, dir string) {
	s.t.Helper()
	p, src, err := s.plan(dump, dir, func(*plan.Request) {})
	if err != nil {
		s.t.Fatal(err)
	}
	e, err := replay.Expect(s.t.Context(), p, src, replay.Options{Memory: 64 << 20})
	if err != nil {
		s.t.Fatal(err)
	}
	defer e.Close()
	srv, err := target.Open(s.t.Context(), s.to.DSN(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer srv.Close()
	v, err := verify.Expected(s.t.Context(), e, verify.Side{Server: srv, Database: "shop"}, verify.Options{Workers: 2})
	if err != nil {
		s.t.Fatal(err)
	}
	var text strings.Builder
	if err := v.Write(&text, "text", false); err != nil {
		s.t.Fatal(err)
	}
	if !v.Same || v.Unchecked > 3 {
		s.t.Fatalf("without a server: %s", text.String())
	}
}
