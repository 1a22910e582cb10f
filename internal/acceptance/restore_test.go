package acceptance

import (
	"testing"
	"time"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// TestWipedDatabaseComesBack is the main job: a hundred thousand transactions over the tables of a dump, a wipe, and everything
// as it was just before. Under -short it is a tenth of them.
func TestWipedDatabaseComesBack(t *testing.T) {
	transactions, size := 100_000, "--max-binlog-size=16M"
	if testing.Short() {
		transactions, size = 10_000, "--max-binlog-size=1M"
	}
	for _, c := range []struct {
		kind string
		x    traffic
	}{
		{testserver.MySQL97, traffic{transactions: transactions, ddl: 40, rows: 5000, args: append(testserver.GTID(testserver.MySQL97), size)}},
		{testserver.MariaDB1011, traffic{transactions: transactions, ddl: 40, rows: 5000, dumpAll: true, args: []string{size}}},
		{testserver.MySQL56, traffic{transactions: transactions, ddl: 40, rows: 5000, args: []string{size}}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			s := disaster(t, c.kind, c.x)
			to, db := s.fresh(t)
			o := lifeboat(t, s.restore(to)...).want(t, 0)
			t.Logf("restored in %v, %d MiB of memory at most\n%s", o.took.Round(10*time.Millisecond), o.peak>>20, o.out+o.errOut)
			dbstate.Same(t, db, shop, s.want)

			// Beside it, under another name.
			lifeboat(t, s.restore(to, "--into", "rescued")...).want(t, 0)
			dbstate.Same(t, db, "rescued", s.want)
			dbstate.Same(t, db, shop, s.want)
			if got := databases(t, db); got != "rescued shop" {
				t.Errorf("the target holds the databases %q", got)
			}

			// Where it exists already: refused, or dropped first if so told.
			if _, err := db.Exec("DELETE FROM rescued.account"); err != nil {
				t.Fatal(err)
			}
			damaged := dbstate.Capture(t, db, "rescued", "")
			lifeboat(t, s.restore(to, "--into", "rescued")...).want(t, 1).says(t, "rescued", "--drop-existing")
			dbstate.Same(t, db, "rescued", damaged)
			lifeboat(t, s.restore(to, "--into", "rescued", "--drop-existing")...).want(t, 0)
			dbstate.Same(t, db, "rescued", s.want)
		})
	}
}
