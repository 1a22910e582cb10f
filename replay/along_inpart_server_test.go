package replay_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/replay"
)

// alongInPart is a random statement on partFamily: often it shows no more of a row than it sets.
func alongInPart(r *rand.Rand, base bool) string {
	n := func(most int) int { return 1 + r.IntN(most) }
	or := func(most int) string {
		if r.IntN(8) == 0 {
			return "NULL"
		}
		return fmt.Sprint(n(most))
	}
	k := r.IntN(100)
	switch {
	case base && k < 20:
		return fmt.Sprintf("INSERT INTO d VALUES (%d,%d,%d,'w')", n(30), n(12), n(99))
	case base || k < 50:
		return change(r, base)
	case k < 54:
		return fmt.Sprintf("INSERT INTO c (id, p) VALUES (%d,%s)", n(30), or(12))
	case k < 58:
		return fmt.Sprintf("INSERT INTO c (id, code) VALUES (%d,%s)", n(30), or(12))
	case k < 61:
		return fmt.Sprintf("INSERT INTO d (id) VALUES (%d)", n(30))
	case k < 64:
		return fmt.Sprintf("INSERT INTO d (id, p) VALUES (%d,%d)", n(30), n(12))
	case k < 68:
		return fmt.Sprintf("UPDATE d SET v=v+1 WHERE id%%4=%d", n(4)-1)
	case k < 69:
		return fmt.Sprintf("UPDATE d SET p=%d WHERE id=%d", n(12), n(30))
	case k < 75:
		return fmt.Sprintf("UPDATE c SET v=v+1 WHERE id%%4=%d", n(4)-1)
	case k < 79:
		return fmt.Sprintf("UPDATE g SET v='w%d' WHERE b=%d", n(99), n(10))
	case k < 84:
		return fmt.Sprintf("UPDATE tree SET v=%d WHERE id=%d", n(99), n(30))
	case k < 88:
		return fmt.Sprintf("UPDATE h SET a=%s, b=%d WHERE id=%d", or(4), n(10), n(40))
	case k < 91:
		return fmt.Sprintf("UPDATE p SET v=%d WHERE id%%3=%d", n(99), n(3)-1)
	case k < 93:
		return fmt.Sprintf("UPDATE p SET id=%d WHERE id=%d", n(12), n(12))
	case k < 96:
		return "SET SESSION binlog_row_image=" + [...]string{"FULL", "NOBLOB", "MINIMAL", "MINIMAL"}[r.IntN(4)]
	}
	return fmt.Sprintf("UPDATE h SET t='2020-02-%02d 00:00:00' WHERE id=%d", n(28), n(40))
}

// partFamily is family where what rows go along by is in every image, and a child that need not say what it refers to.
var partFamily = strings.Replace(family, "REFERENCES p (code)", "REFERENCES p (id)", 1) + `
	CREATE TABLE d (id INT PRIMARY KEY, p INT NOT NULL DEFAULT 3, v INT, w TEXT, KEY (p), CONSTRAINT dp FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)`

// TestAlongInPartAtRandom is TestAlongAtRandom where the log shows parts of rows.
func TestAlongInPartAtRandom(t *testing.T) {
	for _, kind := range []string{testserver.MariaDB1011, testserver.MySQL56} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, kind, "--binlog-row-image=MINIMAL")
			s.to = testserver.Start(t, kind)
			restores, folded := 0, 0
			for seed := range *alongSeeds {
				r := rand.New(rand.NewPCG(uint64(seed), 12))
				s.run(partFamily)
				s.atRandom(fmt.Sprintf("seed %d", seed), 400, 200+r.IntN(600)+seed%3*1000, seed%3 == 1, func(base bool) string { return alongInPart(r, base) }, func(_ replay.Options, res *replay.Result) bool {
					for table, why := range res.Lanes {
						if !strings.Contains(why, "too many changes of keys") && !strings.Contains(why, "changes in p") {
							t.Errorf("table %s: %s", table, why)
						}
					}
					if restores++; len(res.Lanes) == 0 {
						folded++
					} else {
						t.Logf("seed %d: %v", seed, slices.Sorted(maps.Keys(res.Lanes)))
					}
					return true
				})
			}
			if folded*2 < restores {
				t.Errorf("%d of %d restores folded", folded, restores)
			}
		})
	}
}
