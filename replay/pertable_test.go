package replay

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
)

// TestCheckpointRows saves a state whose tables come, change and go, and reads it back after each step; a save writes no more than what changed.
func TestCheckpointRows(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011, testserver.MySQL56} {
		t.Run(kind, func(t *testing.T) {
			srv, err := target.Open(t.Context(), testserver.Start(t, kind).DSN(), nil)
			must(t, err)
			defer srv.Close()
			cp, none, err := openCheckpoint(t.Context(), srv, "d")
			must(t, err)
			defer func() { cp.close() }()
			if none != nil {
				t.Fatalf("a fresh server has the state %+v", none)
			}
			st := &State{Digest: "x", Phase: phaseLog}
			must(t, cp.create(t.Context(), st, nil))
			const odd = "x'y`\\\"\n\u00e4\xff" // names are bytes
			for i, step := range []struct {
				do     func()
				change int // rows written
			}{
				{func() { st.Auto.set("a", 7); st.Auto.set(odd, 1<<63); st.Created.set("a", true) }, 3},
				{func() {}, 0},
				{func() { st.Auto.set("a", 8) }, 1},
				{func() { st.Auto.remove("a"); st.Auto.remove("not there") }, 1},
				{func() {
					st.Auto.set("b", 1)
					st.Auto.remove("b")
					st.count(&Counts{Read: 3, Rows: map[string]*RowCounts{"a": {Inserted: 2}, "b": {Deleted: 1}}})
				}, 3},
				{func() { st.count(&Counts{Read: 1, Rows: map[string]*RowCounts{"a": {Inserted: 1, Upserts: 5}}}) }, 1},
				{func() {
					st.keepPrograms([]Program{{Kind: "VIEW", Name: "v", Texts: []ProgramText{{SQL: []byte("x")}}}})
				}, 1},
				{func() {
					st.keepPrograms([]Program{{Kind: "VIEW", Name: "v", Texts: []ProgramText{{SQL: []byte("x")}}}})
				}, 0},
				{func() { st.Altered.set("s", binlog.Position{File: "b.000001", Offset: 4}); st.Lanes.set("a", "why") }, 2},
				{func() { st.Auto.clear(); st.SerialBase.set("a", true); st.SerialLoaded = true }, 2},
			} {
				step.do()
				changed := 0
				for _, p := range st.parts() {
					changed += len(p.names())
				}
				if changed != step.change {
					t.Errorf("step %d: %d rows are to be written, want %d", i, changed, step.change)
				}
				must(t, cp.save(t.Context(), st))
				got, err := cp.load(t.Context())
				must(t, err)
				if !alike(got, st) {
					t.Errorf("step %d:\n%+v, want\n%+v", i, got, st)
				}
			}
			if n := st.counts().Rows["a"]; *n != (RowCounts{Inserted: 3, Upserts: 5}) || st.Counts.Read != 4 {
				t.Errorf("the account of a is %+v, of %d read", n, st.Counts.Read)
			}
			for i := range 5000 { // more than one statement holds
				st.Lanes.set(string(rune('0'+i%10))+"many tables with a name of some length, as they have it in practice"[:60-i%50]+string(rune('a'+i/10)), "for a reason")
			}
			must(t, cp.save(t.Context(), st))
			got, err := cp.load(t.Context())
			must(t, err)
			if !alike(got, st) {
				t.Error("of many tables not all are there again")
			}
			st.Lanes.clear()
			must(t, cp.save(t.Context(), st))
			if got, err = cp.load(t.Context()); err != nil || got.Lanes.len() != 0 {
				t.Errorf("%d lanes are left, %v", got.Lanes.len(), err)
			}
			must(t, cp.c.Exec(t.Context(), "UPDATE _lifeboat.job SET state = REPLACE(state, '\"Form\":', '\"Form\":9')"))
			if _, err = cp.load(t.Context()); err == nil {
				t.Error("the checkpoint of another version is taken for one of this")
			}
		})
	}
}

// alike compares what two states say, whatever is still to be written.
func alike(a, b *State) bool {
	same := func(x, y part) bool { return content(x) == content(y) }
	p, q := a.parts(), b.parts()
	kinds := slices.Sorted(maps.Keys(p))
	return a.Digest == b.Digest && a.Saves == b.Saves && a.Phase == b.Phase && a.SerialLoaded == b.SerialLoaded && reflect.DeepEqual(a.Counts, b.Counts) &&
		!slices.ContainsFunc(kinds, func(k string) bool { return !same(p[k], q[k]) })
}

// content is a part's as text, in order.
func content(p part) string { return fmt.Sprint(reflect.ValueOf(p).Elem().FieldByName("of")) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
