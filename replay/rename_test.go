package replay

import (
	"context"
	"fmt"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay/plan"
)

// TestStopAfterRename takes a restore back to the state that was saved before a RENAME TABLE ran. The tables that it swapped
// have one definition, so they show nothing; and still it must not run again.
func TestStopAfterRename(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			ctx := context.Background()
			dst := testserver.Start(t, kind)
			db := testserver.Open(t, dst)
			if _, err := db.Exec("CREATE DATABASE d; CREATE TABLE d.a (x INT PRIMARY KEY); CREATE TABLE d.b LIKE d.a; INSERT INTO d.a VALUES (1); INSERT INTO d.b VALUES (2)"); err != nil {
				t.Fatal(err)
			}
			srv, err := target.Open(ctx, dst.DSN(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			cp, _, err := openCheckpoint(ctx, srv, "d")
			if err != nil {
				t.Fatal(err)
			}
			defer cp.close()
			r := &runner{p: &plan.Plan{Database: "d", Into: "d"}, srv: srv, cp: cp, fold: newFold(), st: &State{}}
			if err := cp.create(ctx, r.st, nil); err != nil {
				t.Fatal(err)
			}
			if r.ddl, err = srv.Conn(ctx, ""); err != nil {
				t.Fatal(err)
			}
			defer r.ddl.Close()
			if r.serial, err = openSerial(ctx, srv, "d"); err != nil {
				t.Fatal(err)
			}
			defer r.serial.close()

			text := []byte("RENAME TABLE a TO c, b TO a, c TO b -- rotate")
			st, err := schema.Classify(text, schema.Mode{})
			if err != nil {
				t.Fatal(err)
			}
			q := &binlog.Query{Database: "d", SQL: text}
			at := func(offset uint64) Cursor {
				return Cursor{Position: binlog.Position{File: "binlog.000001", Offset: offset}}
			}
			want := 1
			for n := range uint64(3) {
				before, w := at(100*n+4), &walk{pass: pass{cursor: at(100*n + 90)}, r: r}
				rename := func() {
					t.Helper()
					if err := r.runDDL(ctx, w, &st, q, text, nil, before); err != nil {
						t.Fatal(err)
					}
				}
				rename()
				want = 3 - want
				for range 2 { // stopped right after it ran, twice
					saved := &DDLState{At: before, Before: armed(t, r, &st, q)}
					r.st.From, r.st.DDL = before, saved
					rename()
				}
				var got int
				if err := db.QueryRow("SELECT x FROM d.a").Scan(&got); err != nil || got != want {
					t.Fatalf("after swap %d table a holds %d, want %d: %v", n+1, got, want, err)
				}
			}
			if err := cp.done(ctx, &plan.Plan{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// armed is the fingerprint as it was before the statement ran.
func armed(t *testing.T, r *runner, st *schema.Statement, q *binlog.Query) string {
	t.Helper()
	before, after := r.cp.renameMark()
	rename := func(from, to string) {
		if err := r.ddl.Exec(context.Background(), fmt.Sprintf("RENAME TABLE _lifeboat.%s TO _lifeboat.%s", from, to)); err != nil {
			t.Fatal(err)
		}
	}
	rename(after, before)
	print, err := r.fingerprint(context.Background(), st, q)
	if err != nil {
		t.Fatal(err)
	}
	rename(before, after)
	return print
}
