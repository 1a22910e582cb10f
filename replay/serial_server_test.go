package replay_test

import (
	"fmt"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/replay"
)

// TestSerialGathers holds that insertions of the serial lane go to the target together, that what comes after them finds their rows, and that
// none is written twice or lost where windows are as small as they get.
func TestSerialGathers(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run("CREATE DATABASE shop CHARACTER SET utf8mb4\nUSE shop\nCREATE TABLE event (at INT, what VARCHAR(40), state ENUM('a','b'))\n" +
				"CREATE TABLE other (at INT, what VARCHAR(40))\nCREATE TABLE keyed (id INT PRIMARY KEY, n INT)\nINSERT INTO event VALUES (0,'first','a'),(0,'first','a')")
			dump := s.dump("shop")
			var script strings.Builder
			script.WriteString("USE shop\nSET sql_mode=''\n")
			for i := range 12 {
				var rows []string
				for j := range 250 {
					rows = append(rows, fmt.Sprintf("(%d,'it\\'s %d','b')", j%7, i))
				}
				fmt.Fprintf(&script, "INSERT INTO event VALUES %s\nINSERT INTO keyed VALUES (%d,1)\n", strings.Join(rows, ","), i)
				if i%4 == 3 {
					fmt.Fprintf(&script, "UPDATE event SET what='changed' WHERE what LIKE '%%%d' AND at=1 LIMIT 3\nDELETE FROM event WHERE at=2 LIMIT 2\n"+
						"INSERT INTO event VALUES (99,'no such state','c')\nINSERT INTO other SELECT at,what FROM event WHERE at=3 LIMIT 9\n", i)
				}
			}
			s.run(script.String())
			want := state(t, s.db, "shop")
			s.run("DROP TABLE shop.keyed")
			dir := s.archive()
			for _, memory := range []int64{1, 64 << 20} {
				db, _, res, err := s.restore(dump, dir, stopBefore("incident:1"), replay.Options{Memory: memory, Serial: true})
				if err != nil {
					t.Fatal(err)
				}
				if got := state(t, db, "shop"); got != want {
					t.Errorf("memory %d: the restored database differs, %s", memory, diff(want, got))
				}
				if len(res.Lanes) != 3 || len(res.Doubts) > 0 || len(res.Incomplete) > 0 {
					t.Errorf("memory %d: lanes %v, doubts %v, incomplete %q", memory, res.Lanes, res.Doubts, res.Incomplete)
				}
				var name string
				var inserts int
				if err := db.QueryRow("SHOW GLOBAL STATUS LIKE 'Com_insert'").Scan(&name, &inserts); err != nil || inserts > 200 {
					t.Errorf("memory %d: %d times INSERT for 3,000 rows (%v)", memory, inserts, err)
				}
			}
		})
	}
}
