package replay

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/spill"
)

// written makes of equal rows on a target what the batches of a window on disk make of them; missing counts the deletions that found none.
func (c counted) written(t *testing.T, f *fold) (missing int64) {
	t.Helper()
	var im binlog.Image
	for _, phase := range []int{phaseDelete, phaseAbsent, phaseUpsert} {
		err := f.spilledBatches(phase, true, func(b batch) error {
			for _, i := range b.order {
				if err := im.Cut(b.t.tm, b.t.present, b.entry(i).img); err != nil {
					return err
				}
				row := fmt.Sprintf("(%d,'%s')", int32(le(im.Cols[0])), im.Cols[1][1:])
				if phase != phaseDelete {
					c[row]++
					continue
				}
				n := min(b.takes(i), c[row])
				missing += b.takes(i) - n
				c[row] -= n
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return missing
}

// counted is how many rows of each text there are.
type counted map[string]int64

func (c counted) without() counted {
	maps.DeleteFunc(c, func(_ string, n int64) bool { return n == 0 })
	return c
}

// TestSpilledMultiset folds random changes of a table without a key to disk, over rows that are there and past those of a snapshot, also where one statement of it
// cannot be matched: what comes out is what the changes one after another come to, and each that found nothing is counted.
func TestSpilledMultiset(t *testing.T) {
	const head = "INSERT INTO `t` VALUES "
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 12))
		f, tf := twoColumns(t, false)
		tf.shape.Def.Engine, tf.shape.Key, tf.shape.Def.Keys = "InnoDB", nil, nil
		tf.plain = plainRows(tf.shape)
		merges := seed%4 > 0
		f.byText = merges
		row := func() (string, binlog.Image) {
			id, v := rng.Int32N(5), string(rune('a'+rng.IntN(2)))
			return fmt.Sprintf("(%d,'%s')", id, v), image(id, v)
		}
		truth, target := counted{}, counted{}
		var sqls []string
		for range 12 {
			text, _ := row()
			truth[text]++
			sqls = append(sqls, head+text+","+text)
			truth[text]++
			if !merges {
				target[text] += 2
			}
		}
		if seed%4 == 1 {
			sqls[5] += " /* of which nobody can tell */"
		}
		lost := int64(0)
		for step := range 60 {
			kind := binlog.Change(rng.IntN(3))
			old, was := row()
			now, is := row()
			if kind != binlog.Insert {
				if truth[old] == 0 {
					lost++
				} else {
					truth[old]--
				}
			}
			if kind != binlog.Delete {
				truth[now]++
			}
			f.add(tf, kind, &binlog.RowReader{Old: was, New: is}, place(step))
			if rng.IntN(15) == 0 || step == 59 {
				if err := f.spillTo(spill.Folder(t.TempDir())); err != nil {
					t.Fatal(err)
				}
			}
		}
		missing := int64(0)
		if merges {
			rows := newFarRows(spill.Folder(t.TempDir()), 0)
			if ok, err := f.farTable(tf, newKeyFilter([]int64{64, leastFilterBits}[seed%2]), rows); !ok || err != nil {
				t.Fatalf("the table does not merge: %v", err)
			}
			x := matcher{charset: "utf8mb4"}
			for _, sql := range sqls {
				texts, err := rewritten(&x, tf.merged, &insert{sql: []byte(sql)})
				if err != nil {
					t.Fatal(err)
				}
				for _, text := range texts {
					text, _, _ := strings.Cut(string(text), " /*")
					for _, one := range rowsOf(text) {
						target[one]++
					}
				}
			}
			if err := rows.flush(); err != nil {
				t.Fatal(err)
			}
			err := f.eachMet(tf, func(e *spilled, met int64) error {
				tf.merged.far.note(e, met, tf.merged.plain.Load())
				return nil
			}, func(_ string, row []byte) error { target[string(row)]++; return nil })
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range tf.merged.doubts() {
				missing += d.n
			}
			defer rows.runs.Close()
		}
		missing += target.written(t, f)
		if fmt.Sprint(target.without()) != fmt.Sprint(truth.without()) || missing != lost {
			t.Fatalf("seed %d: %d changes found no row, want %d; rows\n%v\nwant\n%v", seed, missing, lost, target, truth)
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
	}
}
