package workload

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"lifeboat/internal/testserver"
)

func checksums(t *testing.T, db *sql.DB, name string) map[string]string {
	t.Helper()
	rows, err := db.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '" + name + "' AND TABLE_TYPE = 'BASE TABLE'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var table, full string
		var sum sql.NullInt64
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRow("CHECKSUM TABLE "+name+"."+table).Scan(&full, &sum); err != nil || !sum.Valid {
			t.Fatal(table, err)
		}
		out[table] = fmt.Sprint(sum.Int64)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRun(t *testing.T) {
	ctx := context.Background()
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			db := testserver.Open(t, testserver.Source(t, kind))
			o := Options{Seed: 1, Transactions: 3000, DDL: 30, Rows: 2000}
			if err := Create(ctx, db, "w", o); err != nil {
				t.Fatal(err)
			}
			before := checksums(t, db, "w")
			if len(before) < 10 {
				t.Errorf("only %d tables", len(before))
			}
			for table, sum := range before {
				if sum == "0" && table != "queue_next" {
					t.Errorf("table %s is empty", table)
				}
			}
			for round := range 2 {
				o.Seed, o.Lossy, o.Destructive = uint64(round), round > 0, round > 0
				start := time.Now()
				n, err := Run(ctx, db, "w", o)
				t.Logf("%+v in %v", n, time.Since(start).Round(time.Millisecond))
				if err != nil {
					t.Fatal(err)
				}
				if n.Committed != 3000 || n.DDL != 30 || n.RolledBack < 30 || n.Refused > 300 {
					t.Errorf("%+v", n)
				}
			}
			for table, sum := range checksums(t, db, "w") {
				if sum == before[table] {
					t.Errorf("table %s did not change", table)
				}
			}
		})
	}
}

// TestSeed runs one session twice: the same seed makes the same rows, another one others.
func TestSeed(t *testing.T) {
	ctx := context.Background()
	db := testserver.Open(t, testserver.Source(t, testserver.MySQL97))
	for i, seed := range []uint64{5, 5, 6} {
		name := fmt.Sprint("w", i)
		o := Options{Seed: seed, Transactions: 300, Sessions: 1, Rows: 400, DDL: 5}
		if err := Create(ctx, db, name, o); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(ctx, db, name, o); err != nil {
			t.Fatal(err)
		}
	}
	first, same, other := checksums(t, db, "w0"), checksums(t, db, "w1"), checksums(t, db, "w2")
	for table, sum := range first {
		if same[table] != sum {
			t.Errorf("table %s differs for the same seed", table)
		}
	}
	if fmt.Sprint(first) == fmt.Sprint(other) {
		t.Error("another seed made the same rows")
	}
}
