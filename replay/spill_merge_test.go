package replay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/spill"
)

// mergeFar takes INSERTs past a fold on disk, and lists the statements that are run, the strays' among them, and the entries that the window then writes.
func mergeFar(t *testing.T, f *fold, tf *tableFold, filter *keyFilter, sqls []string) (run []string, written map[string]bool) {
	t.Helper()
	storage := spill.Folder(t.TempDir())
	rows := newFarRows(storage, 0)
	defer rows.runs.Close()
	if ok, err := f.farTable(tf, filter, rows); !ok || err != nil {
		t.Fatalf("the table does not merge: %v", err)
	}
	x := matcher{charset: "utf8mb4"}
	for _, sql := range sqls {
		texts, err := rewritten(&x, tf.merged, &insert{sql: []byte(sql)})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			run = append(run, string(text))
		}
	}
	if err := rows.flush(); err != nil {
		t.Fatal(err)
	}
	err := f.eachMet(tf, func(e *spilled, met int64) error {
		tf.merged.far.note(e, met, tf.merged.plain.Load())
		return nil
	}, func(head string, row []byte) error {
		run = append(run, head+string(row))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	written = map[string]bool{}
	for _, phase := range []int{phaseDelete, phaseAbsent, phaseUpsert} {
		err := f.spilledBatches(phase, true, func(b batch) error {
			for _, i := range b.order {
				written[fmt.Sprintf("phase %d, there %t, %x", phase, b.present, b.entry(i).key)] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return run, written
}

// TestFarMerge takes a snapshot past random folds on disk and in memory: no row passes that has an entry, every other does once, whatever the filter
// takes it for; the same rows are written, and the same counted as not as the log says.
func TestFarMerge(t *testing.T) {
	const head = "INSERT INTO `t` VALUES "
	strays := 0
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 8))
		near, nearTable := twoColumns(t, seed%3 == 0)
		off, offTable := twoColumns(t, seed%3 == 0)
		nearTable.shape.Def.Engine, offTable.shape.Def.Engine = "InnoDB", "InnoDB"
		off.byText = true
		for step := range 60 {
			id, kind := rng.Int32N(40)-20, binlog.Change(rng.IntN(3))
			r := &binlog.RowReader{Old: image(id, "a"), New: image(id, "b")}
			near.add(nearTable, kind, r, place(step))
			off.add(offTable, kind, r, place(step))
			if rng.IntN(20) == 0 || step == 59 {
				if err := off.spillTo(spill.Folder(t.TempDir())); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !mergeTable(nearTable) {
			t.Fatal("it does not merge")
		}
		var sqls []string
		want := map[string]bool{}
		plain := seed%4 == 1 // one statement cannot be matched
		for id := int32(-30); id < 30; id += 3 {
			var texts []string
			for k := id; k < id+3; k++ {
				if rng.IntN(3) > 0 {
					texts = append(texts, fmt.Sprintf("(%d,'row')", k))
				}
			}
			if texts == nil {
				continue
			}
			sql := head + strings.Join(texts, ",")
			if plain && id == 0 {
				sql += " /* of which nobody can tell */, (1+1,'x')"
			}
			sqls = append(sqls, sql)
		}
		x := matcher{charset: "utf8mb4"}
		for _, sql := range sqls {
			texts, err := rewritten(&x, nearTable.merged, &insert{sql: []byte(sql)})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range texts {
				for _, row := range rowsOf(string(text)) {
					if strings.Contains(row, "row") || strings.Contains(row, "x") { // no last image
						want[row] = true
					}
				}
			}
		}
		bits := int64(64) // so few that most keys are taken for one that was added
		if seed%2 == 0 {
			bits = leastFilterBits
		}
		run, written := mergeFar(t, off, offTable, newKeyFilter(bits), sqls)
		got := map[string]bool{}
		for _, text := range run {
			for _, row := range rowsOf(text) {
				if got[row] {
					t.Fatalf("seed %d: %s is loaded twice", seed, row)
				}
				got[row] = true
			}
		}
		strays += len(run)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("seed %d: loaded\n%v\nwant\n%v", seed, got, want)
		}
		for i := range nearTable.entries {
			e := &nearTable.entries[i]
			state, known := nearTable.merged.state(i)
			if state != unmet {
				state = pending // here no image takes its row's place
			}
			for _, phase := range []int{phaseDelete, phaseAbsent, phaseUpsert} {
				for _, present := range []bool{true, false} {
					due, has := nearTable.due(e, state, known, phase, present, true), written[fmt.Sprintf("phase %d, there %t, %x", phase, present, e.key)]
					if due != has {
						t.Fatalf("seed %d, key %x, phase %d, there %t: written %t, want %t", seed, e.key, phase, present, has, due)
					}
				}
			}
		}
		if want, got := nearTable.merged.doubts(), offTable.merged.doubts(); !slices.Equal(want, got) {
			t.Fatalf("seed %d: doubts %v, want %v", seed, got, want)
		}
		if err := off.close(); err != nil {
			t.Fatal(err)
		}
	}
	if strays < 1000 {
		t.Errorf("only %d statements", strays)
	}
}

// rowsOf cuts a statement into its rows.
func rowsOf(sql string) []string {
	_, rows, _ := strings.Cut(sql, " VALUES ")
	if rows == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(rows, "),(", ");("), ";")
}

// TestFarTwice refuses a snapshot with two rows of a key that the log changed, and takes a REPLACE's.
func TestFarTwice(t *testing.T) {
	for _, verb := range []string{"INSERT", "REPLACE"} {
		f, tf := twoColumns(t, false)
		tf.shape.Def.Engine, f.byText = "InnoDB", true
		f.add(tf, binlog.Delete, &binlog.RowReader{Old: image(1, "a")}, 1)
		if err := f.spillTo(spill.Folder(t.TempDir())); err != nil {
			t.Fatal(err)
		}
		rows := newFarRows(spill.Folder(t.TempDir()), 0)
		if ok, err := f.farTable(tf, newKeyFilter(leastFilterBits), rows); !ok || err != nil {
			t.Fatal(err)
		}
		x := matcher{charset: "utf8mb4"}
		for range 2 {
			if _, err := rewritten(&x, tf.merged, &insert{sql: []byte(verb + " INTO t VALUES (1,'a')")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := rows.flush(); err != nil {
			t.Fatal(err)
		}
		err := f.eachMet(tf, func(*spilled, int64) error { return nil }, func(string, []byte) error { return nil })
		if (err != nil) != (verb == "INSERT") {
			t.Errorf("%s: %v", verb, err)
		}
		if err := rows.runs.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKeyFilter never denies a key that was added, and takes few others for one; what it says is the same for ever.
func TestKeyFilter(t *testing.T) {
	const keys = 20_000
	f := newKeyFilter(filterBits(keys, 1<<30))
	for i := range keys {
		f.add(fmt.Sprint(i%3), fmt.Append(nil, i))
	}
	wrong := 0
	for i := range keys {
		if !f.has(fmt.Sprint(i%3), fmt.Append(nil, i)) {
			t.Fatalf("key %d is denied", i)
		}
		if f.has(fmt.Sprint(i%3+1), fmt.Append(nil, i)) {
			wrong++
		}
	}
	if wrong > keys/50 {
		t.Errorf("%d of %d other keys are taken for one", wrong, keys)
	}
	at, step := f.probe("t", []byte("a key"))
	if got := fmt.Sprintf("%x %x", at, step); got != "232dd 6a955721" {
		t.Errorf("a restore that goes on asks another filter: %s", got)
	}
	for _, c := range []struct{ keys, most, want int64 }{{0, 0, leastFilterBits}, {1000, 1 << 20, 1 << 14}, {1 << 30, 1 << 20, 1 << 23}, {1 << 30, 1<<20 + 1, 1 << 23}} {
		if got := filterBits(c.keys, c.most); got != c.want {
			t.Errorf("%d keys in at most %d bytes: %d bits, want %d", c.keys, c.most, got, c.want)
		}
	}
}
