package replay

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/value"
)

// twoColumns is a table of an INT key and a VARCHAR, and its place in a fold.
func twoColumns(t *testing.T, unique bool) (*fold, *tableFold) {
	t.Helper()
	tm := &binlog.TableMap{Database: "d", Table: "t", Types: []byte{3, 15}, Meta: []uint16{0, 60},
		Columns: []value.Column{{Type: 3}, {Type: 15, Meta: 60}}}
	def := &schema.Table{DB: "d", Name: "t", Columns: []schema.Column{{Name: "id", DataType: "int"}, {Name: "v", DataType: "varchar"}},
		Keys: []schema.Key{{Name: "PRIMARY", Primary: true, Unique: true, Columns: []schema.KeyPart{{Name: "id"}}}}}
	if unique {
		def.Keys = append(def.Keys, schema.Key{Name: "v", Unique: true, Columns: []schema.KeyPart{{Name: "v"}}})
	}
	shape, err := target.NewShape(def, tm)
	if err != nil {
		t.Fatal(err)
	}
	f := newFold()
	return f, f.table("t", shape, tm)
}

func image(id int32, v string) binlog.Image {
	raw := []byte{0}
	raw = binary.LittleEndian.AppendUint32(raw, uint32(id))
	raw = append(append(raw, byte(len(v))), v...)
	return binlog.Image{Raw: raw, Cols: [][]byte{raw[1:5], raw[5:]}, State: []binlog.ColumnState{binlog.Present, binlog.Present}}
}

// TestFoldAgainstHistory applies random histories row by row to a map, and folded to another, in windows
// of random length, the deletions of a window before its upserts.
func TestFoldAgainstHistory(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		truth, folded := map[int32]string{}, map[int32]string{}
		f, tf := twoColumns(t, false)
		for step := range 400 {
			kind := binlog.Change(rng.IntN(3))
			id, v := rng.Int32N(12)-6, fmt.Sprintf("%0*d", rng.IntN(50), step)
			r := &binlog.RowReader{}
			_, there := truth[id]
			switch {
			case kind == binlog.Insert && !there:
				r.New = image(id, v)
				truth[id] = v
			case kind == binlog.Delete && there:
				r.Old = image(id, truth[id])
				delete(truth, id)
			case kind == binlog.Update && there:
				to := id
				if _, taken := truth[id+1]; !taken && rng.IntN(2) == 0 {
					to = id + 1
				}
				r.Old, r.New = image(id, truth[id]), image(to, v)
				delete(truth, id)
				truth[to] = v
			default:
				continue
			}
			f.add(tf, kind, r, 1)
			if rng.IntN(60) == 0 || step == 399 {
				writeTo(t, folded, tf, true)
				writeTo(t, folded, tf, false) // a window is safe to write again
				f, tf = twoColumns(t, false)
			}
		}
		writeTo(t, folded, tf, true)
		if fmt.Sprint(truth) != fmt.Sprint(folded) {
			t.Fatalf("seed %d:\nwant %v\ngot  %v", seed, truth, folded)
		}
	}
}

// writeTo does what a window's writer does on the target. With first it holds the fold to what it says of the rows that are there.
func writeTo(t *testing.T, rows map[int32]string, tf *tableFold, first bool) {
	t.Helper()
	for _, phase := range []int{phaseDelete, phaseAbsent, phaseUpsert} {
		for _, present := range []bool{true, false} {
			for _, i := range tf.order(phase, present, false) {
				id := int32(le([]byte(tf.entries[i].key)))
				if _, there := rows[id]; first && there != present {
					t.Fatalf("phase %d: row %d is there: %t; the fold says %t", phase, id, there, present)
				}
				delete(rows, id)
				if phase != phaseUpsert {
					continue
				}
				var im binlog.Image
				if err := im.Cut(tf.tm, tf.present, tf.entries[i].img); err != nil {
					t.Fatal(err)
				}
				rows[id] = string(im.Cols[1][1:])
			}
		}
	}
}

// TestFoldOrder holds batches to key order, signed numbers included, and to the same cut each time.
func TestFoldOrder(t *testing.T) {
	f, tf := twoColumns(t, true)
	for _, id := range rand.New(rand.NewPCG(7, 7)).Perm(5000) {
		r := &binlog.RowReader{New: image(int32(id)-2500, "x")}
		f.add(tf, binlog.Insert, r, 1)
	}
	var got []int32
	for _, b := range f.batches(phaseUpsert, true) {
		if len(b.order) > batchRows {
			t.Errorf("a batch of %d rows", len(b.order))
		}
		for _, i := range b.order {
			got = append(got, int32(le([]byte(tf.entries[i].key))))
		}
	}
	if len(got) != 5000 || !slices.IsSorted(got) {
		t.Errorf("%d rows, sorted %v", len(got), slices.IsSorted(got))
	}
	if exact, unknown := len(f.batches(phaseAbsent, true)), len(f.batches(phaseAbsent, false)); exact != 0 || unknown != 5 {
		t.Errorf("with another unique key and a base of unknown date every row is taken out first: %d batches of deletions, want 5; %d on an exact base, want none", unknown, exact)
	}
}

// TestFoldMemory holds the fold's own account to what it stores.
func TestFoldMemory(t *testing.T) {
	f, tf := twoColumns(t, false)
	for i := range 20_000 {
		f.add(tf, binlog.Insert, &binlog.RowReader{New: image(int32(i), "0123456789")}, 1)
	}
	least := int64(20_000 * (4 + 16 + entryCost))
	if f.bytes < least || f.bytes > least+4*arenaBlock {
		t.Errorf("the fold says %d bytes for %d", f.bytes, least)
	}
	was := f.bytes
	for range 10 {
		for i := range 20_000 {
			f.add(tf, binlog.Update, &binlog.RowReader{Old: image(int32(i), "0123456789"), New: image(int32(i), "9876543210")}, 1)
		}
	}
	if f.bytes != was {
		t.Errorf("updates of the same size grew the fold from %d to %d bytes", was, f.bytes)
	}
}

func TestCursor(t *testing.T) {
	for _, text := range []string{"", "binlog.000009:4", "binlog.000009:4+17"} {
		var c Cursor
		if err := c.UnmarshalText([]byte(text)); err != nil || c.String() != text {
			t.Errorf("%q reads as %q, %v", text, c.String(), err)
		}
	}
	order := []Cursor{{}, {Position: binlog.Position{File: "b.999999", Offset: 9}}, {Position: binlog.Position{File: "b.1000000", Offset: 4}},
		{Position: binlog.Position{File: "b.1000000", Offset: 4}, Events: 1}, {Position: binlog.Position{File: "b.1000000", Offset: 5}}}
	for i := range order {
		for j := range order {
			if order[i].Before(order[j]) != (i < j) {
				t.Errorf("%q before %q: %v", order[i], order[j], i >= j)
			}
		}
	}
}

// TestDumpIndex finds every key that was added, under its number, and none that was not; it refuses one that is there.
func TestDumpIndex(t *testing.T) {
	const n = 5000
	x := newDumpIndex(3, 1) // grows
	for i := range n {
		if !x.add(fmt.Append(nil, i)) {
			t.Fatalf("key %d is said to be there", i)
		}
	}
	for i := range n {
		if e, ok := x.find(fmt.Append(nil, i)); !ok || int(e) != i {
			t.Fatalf("key %d: entry %d, %v", i, e, ok)
		}
		if e, ok := x.find(fmt.Append(nil, i+n)); ok {
			t.Fatalf("key %d, which was not added, is entry %d", i+n, e)
		}
	}
	if x.add([]byte("17")) || x.len() != n {
		t.Errorf("a key was added twice: %d keys", x.len())
	}
	if _, ok := x.find(nil); ok || !x.add(nil) {
		t.Error("the empty key")
	}
}
