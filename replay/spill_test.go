package replay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/spill"
	"lifeboat/internal/value"
)

// randomChange is any change of one of a few keys, also one that an honest log would not hold.
func randomChange(rng *rand.Rand) (binlog.Change, *binlog.RowReader) {
	kind := binlog.Change(rng.IntN(3))
	r := &binlog.RowReader{New: image(rng.Int32N(9)-4, fmt.Sprint(rng.IntN(1000))), Old: image(rng.Int32N(9)-4, "old")}
	if kind == binlog.Update && rng.IntN(2) == 0 {
		r.Old = image(int32(le(r.New.Cols[0])), "old")
	}
	return kind, r
}

// told is all that a fold says of each key.
func told(entries []entry) string {
	out := map[string]string{}
	for _, e := range entries {
		img := e.img
		if e.gone {
			img = nil // what it was does not matter
		}
		out[e.key] = fmt.Sprintf("was %t, left %t, gone %t, first %d, %x", e.was, e.left, e.gone, e.first, img)
	}
	return fmt.Sprint(out)
}

// TestSpilledIsComposed holds what comes back from disk, cut anywhere into runs, to the fold of the whole, whatever the log says.
func TestSpilledIsComposed(t *testing.T) {
	for _, byText := range []bool{false, true} {
		for seed := range uint64(80) {
			rng := rand.New(rand.NewPCG(seed, 3))
			whole, wholeTable := twoColumns(t, false)
			cut, cutTable := twoColumns(t, false)
			cut.byText = byText
			storage := spill.Folder(t.TempDir())
			for step := range 200 {
				kind, r := randomChange(rng)
				whole.add(wholeTable, kind, r, place(step))
				cut.add(cutTable, kind, r, place(step))
				if rng.IntN(1+int(seed%40)) == 0 || step == 199 {
					if err := cut.spillTo(storage); err != nil {
						t.Fatal(err)
					}
				}
			}
			var back []entry
			last := uint64(0)
			err := cut.eachSpilled(cutTable, func(e *spilled) error {
				if e.sort < last || byText != (e.text != nil) {
					t.Fatalf("key %x, text %q: order %d behind %d", e.key, e.text, e.sort, last)
				}
				last = e.sort
				own := e.entry
				own.key, own.img = string(append([]byte(nil), e.key...)), bytes.Clone(e.img)
				back = append(back, own)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if want, got := told(wholeTable.entries), told(back); got != want {
				t.Fatalf("seed %d:\nwant %s\ngot  %s", seed, want, got)
			}
			if cutTable.maxAuto != wholeTable.maxAuto || cutTable.changes != wholeTable.changes {
				t.Errorf("seed %d: %d changes, counter %d; want %d, %d", seed, cutTable.changes, cutTable.maxAuto, wholeTable.changes, wholeTable.maxAuto)
			}
			if err := cut.close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSpilledBatches cuts the same batches however often the fold went to disk.
func TestSpilledBatches(t *testing.T) {
	var want string
	for n, every := range []int{6000, 1000, 77} {
		f, tf := twoColumns(t, true)
		rng := rand.New(rand.NewPCG(9, 9))
		for i := range 12_000 {
			kind, id := binlog.Change(rng.IntN(3)), rng.Int32N(9000)-4500
			f.add(tf, kind, &binlog.RowReader{Old: image(id, "a"), New: image(id, fmt.Sprint(i))}, place(i))
			if (i+1)%every == 0 {
				if err := f.spillTo(spill.Folder(t.TempDir())); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := f.spillTo(spill.Folder(t.TempDir())); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, phase := range []int{phaseDelete, phaseAbsent, phaseUpsert} {
			err := f.spilledBatches(phase, true, func(b batch) error {
				got += fmt.Sprintf("phase %d, present %t:", phase, b.present)
				for _, i := range b.order {
					got += fmt.Sprintf(" %x=%x", b.entry(i).key, b.entry(i).img)
				}
				got += "\n"
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n == 0 {
			want = got
		}
		if got != want || len(got) < 10_000 {
			t.Errorf("a run each %d changes gives other batches (%d bytes, %d)", every, len(got), len(want))
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTextOrder orders whole numbers by their value, and what is none by its first bytes.
func TestTextOrder(t *testing.T) {
	order := func(c value.Column, text string) uint64 {
		return textOrder(&c, append(binary.AppendUvarint(nil, uint64(len(text))), text...))
	}
	for _, c := range []struct {
		column value.Column
		texts  []string
	}{
		{value.Column{Type: value.TypeLongLong}, []string{"-9223372036854775808", "-12", "-3", "", "5", "10", "9223372036854775807"}},
		{value.Column{Type: value.TypeLongLong, Unsigned: true}, []string{"", "5", "10", "9223372036854775807", "18446744073709551615"}},
		{value.Column{Type: value.TypeVarchar}, []string{"", "a", "aa", "ab", "b"}},
	} {
		for i := 1; i < len(c.texts); i++ {
			if order(c.column, c.texts[i-1]) >= order(c.column, c.texts[i]) {
				t.Errorf("%q does not come before %q", c.texts[i-1], c.texts[i])
			}
		}
	}
}
