package replay_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeboat/replay"
	"lifeboat/replay/plan"
)

// TestGapAcceptedByFlag restores over a missing file and up to a damaged one, only when told to, and says
// what is lost.
func TestGapAcceptedByFlag(t *testing.T) {
	s := newSource(t, "mysql97")
	s.run("CREATE DATABASE shop\nUSE shop\nCREATE TABLE t (id INT PRIMARY KEY, v INT)\nINSERT INTO t VALUES (1,1),(2,2)")
	dump := s.dump("shop")
	for i := range 4 {
		s.run(fmt.Sprintf("FLUSH LOGS\nUSE shop\nUPDATE t SET v=v+10 WHERE id=1\nINSERT INTO t VALUES (%d,0)", 10+i))
	}
	dir := s.archive()
	files, err := filepath.Glob(filepath.Join(dir, "binlog.*"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	slices.Sort(files)
	whole := map[string][]byte{}
	for _, f := range files {
		if whole[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	flipped := slices.Clone(whole[files[3]])
	flipped[len(flipped)/2] ^= 0x40
	for _, c := range []struct {
		name  string
		third []byte // what the file of the third FLUSH holds; nil: it is missing
		kind  error
		rows  string
		text  string
	}{
		{"a missing file", nil, plan.ErrGap, "1:41 2:2 10:0 11:0 13:0", "binlog.000004"},
		{"a flipped bit", flipped, plan.ErrCorrupt, "1:21 2:2 10:0 11:0", "replayed up to binlog.000004:"},
		{"a file cut short", whole[files[3]][:len(whole[files[3]])-60], plan.ErrGap, "", "binlog.000004"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.Remove(files[3]); err != nil {
				t.Fatal(err)
			}
			if c.third != nil {
				if err := os.WriteFile(files[3], c.third, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			defer os.WriteFile(files[3], whole[files[3]], 0o644)
			if _, _, _, err := s.restore(dump, dir, func(*plan.Request) {}, replay.Options{}); !errors.Is(err, c.kind) {
				t.Errorf("without the flag: %v; want %v", err, c.kind)
			}
			db, _, res, err := s.restore(dump, dir, func(q *plan.Request) { q.AllowIncomplete = true }, replay.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(res.Incomplete, "\n"); !strings.Contains(text, c.text) {
				t.Errorf("incomplete: %q; want it to name %q", text, c.text)
			}
			got := strings.Join(column(t, db, "SELECT CONCAT(id,':',v) FROM shop.t ORDER BY id"), " ")
			if c.rows != "" && got != c.rows {
				t.Errorf("rows %s; want %s", got, c.rows)
			}
		})
	}
}
