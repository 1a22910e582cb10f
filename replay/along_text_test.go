package replay_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// wordFamily is family with rows that are known by text, bytes, DECIMAL, times, ENUM, SET and BIT, and refer to one another by them: with and without regard to case, of one and two length bytes, padded and not.
const wordFamily = `CREATE DATABASE shop
	USE shop
	CREATE TABLE p (id CHAR(6) CHARACTER SET latin1 PRIMARY KEY, code VARCHAR(8) CHARACTER SET utf8 COLLATE utf8_bin, v INT, UNIQUE KEY code (code))
	CREATE TABLE c (id VARBINARY(8) PRIMARY KEY, p CHAR(6) CHARACTER SET latin1, code VARCHAR(12) CHARACTER SET utf8 COLLATE utf8_bin, v INT, KEY (p), KEY (code), CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE, CONSTRAINT cc FOREIGN KEY (code) REFERENCES p (code) ON DELETE SET NULL)
	CREATE TABLE g (a SMALLINT, b VARCHAR(90) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, c VARBINARY(8), v VARCHAR(20), PRIMARY KEY (a, b), KEY (c), CONSTRAINT gc FOREIGN KEY (c) REFERENCES c (id) ON DELETE CASCADE)
	CREATE TABLE h (id CHAR(4) CHARACTER SET utf8 PRIMARY KEY, a SMALLINT, b VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, t TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY (a, b), CONSTRAINT hg FOREIGN KEY (a, b) REFERENCES g (a, b) ON DELETE SET NULL)
	CREATE TABLE day (id DATE, n DECIMAL(12,3), v INT, PRIMARY KEY (id, n))
	CREATE TABLE entry (id DECIMAL(10,0) PRIMARY KEY, day DATE, n DECIMAL(12,3), v INT, KEY (day, n), CONSTRAINT ed FOREIGN KEY (day, n) REFERENCES day (id, n) ON DELETE CASCADE)
	CREATE TABLE remark (id INT PRIMARY KEY, entry DECIMAL(10,0), KEY (entry), CONSTRAINT re FOREIGN KEY (entry) REFERENCES entry (id) ON DELETE SET NULL)
	CREATE TABLE slot (at DATETIME(3), t TIME, s SET('a','b','c'), v INT, PRIMARY KEY (at, t, s))
	CREATE TABLE booking (id INT, kind ENUM('x','y','z'), b BIT(9), at DATETIME(3), t TIME, s SET('a','b','c'), v INT, PRIMARY KEY (id, kind, b), KEY (at, t, s), CONSTRAINT bs FOREIGN KEY (at, t, s) REFERENCES slot (at, t, s) ON DELETE CASCADE)
	CREATE TABLE note (id TIMESTAMP(1) DEFAULT CURRENT_TIMESTAMP(1), y YEAR, booking INT, kind ENUM('x','y','z'), b BIT(9), PRIMARY KEY (id, y), KEY (booking, kind, b), CONSTRAINT nb FOREIGN KEY (booking, kind, b) REFERENCES booking (id, kind, b) ON DELETE SET NULL)
	CREATE TABLE tree (id BINARY(4) PRIMARY KEY, up BINARY(4), v INT, KEY (up), CONSTRAINT tu FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE)`

// words makes the statements of wordFamily. In a template <x> is a value of the kind x, and <x?> one or NULL.
type words struct {
	r   *rand.Rand
	odd bool // some values have no form, and are the same as others that have one
	id  bool // the tree is of UUIDs
}

func (w *words) statement(base bool) string {
	templates := []string{
		"INSERT INTO p VALUES (<p>,<code?>,<n>)", "INSERT INTO c VALUES (<c>,<p?>,<code?>,<n>)", "INSERT INTO c VALUES (<c>,<p?>,<code?>,<n>)", "INSERT INTO g VALUES (<a>,<b>,<c?>,'v')",
		"INSERT INTO g VALUES (<a>,<b>,<c?>,'w')", "INSERT INTO h (id,a,b) VALUES (<h>,<a?>,<b?>)", "INSERT INTO h (id,a,b) VALUES (<h>,<a?>,<b?>)", "INSERT INTO tree VALUES (<t>,<t?>,<n>)", "INSERT INTO tree VALUES (<t>,<t?>,<n>)",
		"INSERT INTO day VALUES (<day>,<amount>,<n>)", "INSERT INTO entry VALUES (<n>,<day?>,<amount?>,<n>)", "INSERT INTO entry VALUES (<n>,<day?>,<amount?>,<n>)", "INSERT INTO remark VALUES (<n>,<n?>)",
		"INSERT INTO slot VALUES (<moment>,<time>,<set>,<n>)", "INSERT INTO booking VALUES (<a>,<kind>,<bit>,<moment?>,<time>,<set>,<n>)", "INSERT INTO booking VALUES (<a>,<kind>,<bit>,<moment>,<time>,<set>,<n>)",
		"INSERT INTO note VALUES (<stamp>,<year>,<a>,<kind>,<bit>)", "INSERT INTO note VALUES (<stamp>,<year>,<a?>,<kind>,<bit>)",
		// From here on the log's alone.
		"DELETE FROM slot WHERE t=<time>", "DELETE FROM slot WHERE at=<moment> AND s=<set>", "DELETE FROM booking WHERE kind=<kind>", "DELETE FROM note WHERE y=<year>", "UPDATE booking SET at=<moment?>, v=<n> WHERE b=<bit> AND kind=<kind>",
		"UPDATE note SET b=<bit> WHERE id=<stamp>", "UPDATE slot SET v=<n>", "REPLACE INTO booking VALUES (<a>,<kind>,<bit>,<moment?>,<time>,<set>,<n>)", "UPDATE booking SET kind=<kind> WHERE b=<bit> AND kind=<kind>",
		"DELETE FROM p WHERE id=<p>", "DELETE FROM p WHERE id IN (<p>,<p>)", "DELETE FROM c WHERE id=<c>", "DELETE FROM g WHERE b=<b>", "DELETE FROM tree WHERE id=<t>", "DELETE FROM h WHERE id=<h>",
		"DELETE FROM day WHERE id=<day>", "DELETE FROM day WHERE n=<amount>", "DELETE FROM entry WHERE id=<n>", "UPDATE entry SET day=<day?>, v=<n> WHERE id=<n>", "UPDATE day SET v=<n>", "REPLACE INTO entry VALUES (-<n>,<day?>,<amount?>,<n>)",
		"UPDATE c SET p=<p?> WHERE id=<c>", "UPDATE c SET p=UPPER(p) WHERE p=<p>", "UPDATE c SET code=<code?>, v=<n> WHERE id=<c>", "UPDATE g SET c=<c?> WHERE a=<a>", "UPDATE g SET b=<b> WHERE b=<b>", "UPDATE h SET a=<a?> WHERE id=<h>",
		"UPDATE h SET id=UPPER(id) WHERE id=<h>", "UPDATE tree SET up=<t?> WHERE id=<t>", "UPDATE c SET id=<c> WHERE id=<c>", "REPLACE INTO p VALUES (<p>,<code?>,<n>)", "REPLACE INTO c VALUES (<c>,<p?>,<code?>,<n>)",
		"BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK", "SET foreign_key_checks=0", "SET foreign_key_checks=1", "SET foreign_key_checks=1",
	}
	if base {
		templates = templates[:18]
	}
	return regexp.MustCompile(`<\w+\??>`).ReplaceAllStringFunc(templates[w.r.IntN(len(templates))], func(x string) string {
		kind, null := strings.CutSuffix(strings.Trim(x, "<>"), "?")
		if null && w.r.IntN(8) == 0 {
			return "NULL"
		}
		return w.value(kind)
	})
}

func (w *words) value(kind string) string {
	text := func(most int, form string) string {
		s := fmt.Sprintf(form, w.r.IntN(most))
		if w.r.IntN(3) == 0 {
			s = strings.ToUpper(s)
		}
		if w.odd && w.r.IntN(15) == 0 { // to the server what it was
			s = strings.ReplaceAll(s, "a", "\u00e1")
			if w.r.IntN(2) == 0 {
				s += " "
			}
		}
		return "'" + s + "'"
	}
	switch kind {
	case "p":
		return text(12, "pa%d")
	case "code":
		return text(9, "co-%d")
	case "c":
		return fmt.Sprintf("x'ff00%02x'", w.r.IntN(30))
	case "b":
		return text(8, "ba%d x")
	case "h":
		return text(40, "h%d")
	case "t":
		if w.id {
			return fmt.Sprintf([]string{"'%02x000000-0000-0000-0000-000000000000'", "'00000000-0000-4000-8000-0000000000%02x'"}[w.r.IntN(2)], w.r.IntN(12))
		}
		return []string{"x'%02x'", "x'00%02x'", "x'%02x000000'"}[w.r.IntN(3)][:2] + fmt.Sprintf("%02x%s", w.r.IntN(12), []string{"'", "00'", "01'"}[w.r.IntN(3)])
	case "day":
		return []string{"'0000-00-00'", "'2024-02-29'", "'9999-12-31'"}[w.r.IntN(3)]
	case "amount":
		return []string{"0", "-0.5", "-123456789.001", "999999999.999"}[w.r.IntN(4)]
	case "moment":
		return []string{"'0000-00-00'", "'2024-02-29 23:59:59.999'", "'9999-12-31 00:00:00.001'"}[w.r.IntN(3)]
	case "stamp":
		return []string{"'0000-00-00'", "'2024-02-29 23:59:59.9'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.9'"}[w.r.IntN(4)]
	case "time":
		return []string{"'-838:59:59'", "'00:00:00'", "'112:34:56'"}[w.r.IntN(3)]
	case "set":
		return fmt.Sprint(w.r.IntN(3))
	case "kind":
		return []string{"'x'", "'y'", "'z'"}[w.r.IntN(3)]
	case "bit":
		return []string{"0", "b'100000001'", "255"}[w.r.IntN(3)]
	case "year":
		return []string{"0", "1901", "2155"}[w.r.IntN(3)]
	case "a":
		return fmt.Sprint(1 + w.r.IntN(4))
	}
	return fmt.Sprint(w.r.IntN(99))
}

// TestAlongByTextAtRandom is TestAlongAtRandom where rows are known, and refer to others, by what is no whole number. All of it folds, unless a value came by without a form.
func TestAlongByTextAtRandom(t *testing.T) {
	for _, kind := range []string{testserver.MariaDB1011, testserver.MySQL56} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, kind)
			s.to = testserver.Start(t, kind)
			folded, serial := 0, 0
			for seed := range *alongSeeds {
				w := &words{r: rand.New(rand.NewPCG(uint64(seed), 9)), odd: seed%2 == 1, id: kind == testserver.MariaDB1011}
				schema := wordFamily
				if w.id {
					schema = strings.ReplaceAll(schema, "BINARY(4)", "UUID")
				}
				s.run(schema)
				s.atRandom(fmt.Sprintf("seed %d", seed), 300, 200+w.r.IntN(600)+seed%3*1500, seed%3 == 1, w.statement, func(_ replay.Options, res *replay.Result) bool {
					if len(res.Lanes) == 0 {
						folded++
						return true
					}
					serial++
					return w.odd && !res.Resumed && res.Retries == 0 // the window began anew, and no fault or earlier run was in it
				})
			}
			if folded == 0 || serial == 0 && *alongSeeds > 1 {
				t.Errorf("%d restores folded, %d did not", folded, serial)
			}
		})
	}
}

// TestAlongByOldTimes restores a log that has times as they were before MySQL 5.6.4: what the target answers is not compared with it.
func TestAlongByOldTimes(t *testing.T) {
	s := newSource(t, testserver.MariaDB1011, "--mysql56-temporal-format=OFF")
	s.to = testserver.Start(t, testserver.MariaDB1011)
	s.run(`CREATE DATABASE shop
		USE shop
		CREATE TABLE p (id DATETIME PRIMARY KEY, v INT)
		CREATE TABLE c (id INT PRIMARY KEY, p DATETIME, KEY (p), CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)
		CREATE TABLE q (id INT PRIMARY KEY)
		CREATE TABLE d (q INT, at DATETIME, v INT, PRIMARY KEY (q, at), CONSTRAINT dq FOREIGN KEY (q) REFERENCES q (id) ON DELETE CASCADE)
		INSERT INTO p VALUES ('2024-01-01',1),('2024-01-02 10:11:12',2)
		INSERT INTO c VALUES (1,'2024-01-01'),(2,'2024-01-02 10:11:12'),(3,NULL)
		INSERT INTO q VALUES (1),(2),(3)
		INSERT INTO d VALUES (1,'2024-01-01',1),(2,'2024-01-02',2),(3,'2024-01-03',3)`)
	dump := s.toolDump("shop")
	s.run("USE shop\nDELETE FROM q WHERE id=1\nUPDATE d SET v=5 WHERE q=2\nINSERT INTO q VALUES (1)\nINSERT INTO d VALUES (1,'2024-01-01',9)\nDELETE FROM q WHERE id=2\nDELETE FROM p WHERE v=1")
	want := strings.ReplaceAll(state(t, s.db, "shop"), " /* mariadb-5.3 */", "")
	db, _, res, err := s.restore(dump, s.archive(), func(*plan.Request) {}, replay.Options{})
	if err != nil || len(res.Doubts) > 0 || len(res.Incomplete) > 0 {
		t.Fatalf("%v, %+v", err, res)
	}
	if got := state(t, db, "shop"); got != want {
		t.Error(diff(want, got))
	}
	if why := res.Lanes["p"]; !strings.Contains(why, "in an old form") {
		t.Errorf("table p: %q", why)
	}
}
