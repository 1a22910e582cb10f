package replay_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"lifeboat/replay"
)

// TestOrphansAreCounted restores over a base that lacks a row which the log deletes: nothing can be done
// about it, but the result says so, also after stops.
func TestOrphansAreCounted(t *testing.T) {
	s := newSource(t, "mysql97")
	s.run("CREATE DATABASE shop\nUSE shop\nCREATE TABLE t (a INT)\nINSERT INTO t VALUES (1),(2),(3)")
	dump := s.dump("shop")
	s.run("USE shop\nDELETE FROM t WHERE a=3\nUPDATE t SET a=5 WHERE a=2")
	dir := s.archive()
	text, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	short := bytes.Replace(text, []byte(",\n(3)"), nil, 1)
	if len(short) == len(text) {
		short = bytes.Replace(text, []byte(",(3)"), nil, 1)
	}
	if len(short) == len(text) {
		t.Fatalf("the dump does not hold the row: %s", text)
	}
	if err := os.WriteFile(dump, short, 0o644); err != nil {
		t.Fatal(err)
	}
	db, _, res, err := s.restore(dump, dir, func(*replay.Request) {}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(column(t, db, "SELECT a FROM shop.t ORDER BY a"), " "); got != "1 5" {
		t.Errorf("rows %s; want 1 5", got)
	}
	if res.Counts.Orphans != 1 || len(res.Orphans) != 1 || !strings.Contains(res.Orphans[0], "delete of table `shop`.`t` at binlog.") {
		t.Errorf("orphans: %d, %q; want the one deletion", res.Counts.Orphans, res.Orphans)
	}
	if !strings.Contains(strings.Join(res.Incomplete, "\n"), "1 changes of the serial lane found no row") {
		t.Errorf("incomplete: %q; want it to name the orphan", res.Incomplete)
	}
}
