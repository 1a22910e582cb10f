package main

import (
	"fmt"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// The base is old, and of an unknown date, and the log begins after it: audit --orphans counts the changes of rows that were inserted in between. What comes
// behind a wipe does not count, since no restore gets there without being told.
func TestAuditCountsOrphans(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			m := &archiveMaker{t: t, dir: t.TempDir()}
			m.start(kind)
			m.shop()
			m.trade(1, 8)
			m.dump()
			m.trade(20, 24)
			m.flush()
			m.run("UPDATE shop.orders SET total = 9 WHERE id IN (2, 41, 42, 43)", "UPDATE shop.orders SET total = 10 WHERE id = 43", "DELETE FROM shop.customers WHERE id = 23", "INSERT INTO shop.customers VALUES (23, 'again')",
				"DROP TABLE shop.products", "DELETE FROM shop.orders", "FLUSH BINARY LOGS")
			m.collect("binlogs", 1)
			t.Chdir(m.dir)
			args := []string{"--binlogs", "binlogs", "--database", "shop", "--snapshot", "dump.sql", "--snapshot-position", "unknown", "--orphans"}
			var got []string
			for _, r := range auditJSON(t, args...).Tables {
				if r.Orphans == nil {
					t.Fatalf("table %s: not counted\n%s", r.Name, audited(t, args...).out)
				}
				got = append(got, fmt.Sprintf("%s %d", r.Name, *r.Orphans))
			}
			if s := strings.Join(got, ", "); s != "customers 1, orders 3, products 0" {
				t.Error(s)
			}
			said := strings.Join(strings.Fields(audited(t, args...).want(t, exitIncomplete).out), " ")
			if !strings.Contains(said, "table orders: the log changes or deletes 3 rows that the snapshot does not hold, the first at binlog.000002:") {
				t.Error(said)
			}
			audited(t, "--binlogs", "binlogs", "--database", "shop", "--orphans").want(t, exitUsage, "--snapshot")
		})
	}
}
