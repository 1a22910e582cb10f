package replay_test

import (
	"context"
	"strings"
	"testing"

	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// A run that goes on has not seen the rows that the one before it wrote: it says of which tables it cannot tell whether their generated columns
// came out as on the source, and of no others.
func TestStoredAfterAStop(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := newSource(t, kind)
			s.run("CREATE DATABASE shop\nUSE shop\nCREATE TABLE n (id INT PRIMARY KEY, ts TIMESTAMP NOT NULL, d DATE AS (DATE(ts)) STORED)\n" +
				"CREATE TABLE gone (id INT PRIMARY KEY, ts TIMESTAMP NOT NULL, d DATE AS (DATE(ts)) STORED)\nCREATE TABLE still (id INT PRIMARY KEY, ts TIMESTAMP NOT NULL, d DATE AS (DATE(ts)) STORED)\n" +
				"CREATE TABLE plain (id INT PRIMARY KEY, v INT, ts TIMESTAMP NOT NULL, w INT AS (v+1) STORED, d DATE AS (DATE(ts)) VIRTUAL)\n" +
				"INSERT INTO n (id, ts) VALUES (1, '2024-01-02 03:00:00')\nINSERT INTO still (id, ts) VALUES (1, '2024-01-02 03:00:00')")
			dump := s.dump("shop")
			s.run("USE shop\nUPDATE n SET ts='2024-01-03 03:00:00'\nINSERT INTO gone (id, ts) VALUES (1, '2024-01-02 03:00:00')\nDELETE FROM gone\nINSERT INTO plain (id, v, ts) VALUES (1, 1, '2024-01-02 03:00:00')")
			p, src, err := s.plan(dump, s.archive(), func(*plan.Request) {})
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			srv, err := target.Open(ctx, s.target().DSN(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			run, cancel := context.WithCancel(ctx)
			defer cancel()
			_, err = replay.Restore(run, p, src, srv, replay.Options{Workers: 2, Memory: 64 << 20, Report: func(p replay.Progress) {
				if p.Phase == "finish" {
					cancel()
				}
			}})
			if err == nil {
				t.Fatal("it was not stopped")
			}
			res, err := replay.Restore(ctx, p, src, srv, replay.Options{Workers: 2, Memory: 64 << 20})
			if err != nil {
				t.Fatal(err)
			}
			if !res.Resumed || len(res.Incomplete) != 1 || !strings.HasPrefix(res.Incomplete[0], "table n: its generated columns depend on the time zone") {
				t.Errorf("resumed: %t, incomplete: %q", res.Resumed, res.Incomplete)
			}
		})
	}
}
