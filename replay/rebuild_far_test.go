package replay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/spill"
	"lifeboat/snapshot"
)

// chained is a table of two stages with an ALTER TABLE between them, whose changes go to disk now and then, or never.
func chained(t *testing.T, seed uint64, keyless, toDisk bool) (*rebuild, *rebuilt) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 5))
	_, model := twoColumns(t, false)
	shape := *model.shape
	if keyless {
		shape.Key = nil
	}
	b := &rebuild{fold: newFold(), tables: map[string]*rebuilt{}, o: Options{Memory: 1 << 20, Spill: spill.Folder(t.TempDir())}}
	b.fold.byText = true
	b.filter = newKeyFilter([]int64{64, leastFilterBits}[seed%2]) // of which the small one takes most keys for one that was added
	table := &rebuilt{name: "t", def: model.shape.Def}
	b.tables["t"] = table
	for n := range 2 {
		s := table.open()
		s.rows = b.fold.begin("t", &shape, model.tm)
		for step := range 80 {
			one := func() binlog.Image { return image(rng.Int32N(16)-8, string(rune('a'+rng.IntN(2)))) }
			b.fold.add(s.rows, binlog.Change(rng.IntN(3)), &binlog.RowReader{Old: one(), New: one()}, place(100*n+step))
			if rng.IntN(20) == 0 && toDisk {
				if err := b.spill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n == 0 {
			s.alter = &schema.Altered{From: []int{0, 1}, Fill: []string{"", ""}}
			if seed%3 == 0 && !keyless { // a constant is no form of a whole row
				s.alter = &schema.Altered{From: []int{0, -1}, Fill: []string{"", "'b'"}}
			}
		}
	}
	if toDisk {
		if err := b.spill(); err != nil {
			t.Fatal(err)
		}
	}
	return b, table
}

// streamed sends INSERTs through a table's stages, and lists the rows at the end and what is said of them.
func streamed(t *testing.T, b *rebuild, table *rebuilt, sqls []string) (rows []string, said string) {
	t.Helper()
	table.dumped.all.Store(0)
	table.dumped.removed.Store(0)
	table.dumped.replaced.Store(0)
	lot := b.lot()
	f := newFlow(table, lot, func(f *flow) error {
		row := ""
		for i := range f.row {
			c := &f.row[i]
			text := []byte(c.text)
			switch c.kind {
			case dumped:
				text = c.literal.Text
			case ofImage:
				var err error
				if text, err = c.column.AppendLiteral(nil, c.raw); err != nil {
					return err
				}
			}
			row += fmt.Sprintf(" %s", text)
		}
		rows = append(rows, row)
		return nil
	})
	if err := f.begin(); err != nil {
		t.Fatal(err)
	}
	for _, sql := range sqls {
		if _, err := f.pour(&snapshot.Statement{SQL: []byte(sql)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.rest(); err != nil {
		t.Fatal(err)
	}
	if err := lot.close(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(rows)
	said = fmt.Sprint(table.dumped.all.Load(), table.dumped.removed.Load(), table.dumped.replaced.Load())
	for _, s := range table.stages {
		said += fmt.Sprintf(", %d %d %d", s.out.upserts, s.out.removed, s.out.missing)
		if s.rows.shape.Key != nil { // of equal rows it is about the place
			said += fmt.Sprintf(" from %d", s.out.first)
		}
	}
	return rows, said
}

// TestFarStages takes a snapshot's rows through the stages of a table, with a key and without, whose changes are in memory and on disk: the same rows come out,
// the same is said of them, and a second pass gives them again.
func TestFarStages(t *testing.T) {
	for seed := range uint64(200) {
		keyless := seed%5 < 2
		rng := rand.New(rand.NewPCG(seed, 6))
		var sqls []string
		for id := -10; id < 10; id++ {
			if rng.IntN(3) == 0 {
				continue
			}
			row := fmt.Sprintf("(%d,'%c')", id, 'a'+rng.IntN(3))
			if keyless {
				row = strings.Repeat(row+",", rng.IntN(3)) + row
			}
			sqls = append(sqls, "INSERT INTO `t` VALUES "+row)
		}
		b, table := chained(t, seed, keyless, false)
		want, wantSaid := streamed(t, b, table, sqls)
		b, table = chained(t, seed, keyless, true)
		for pass := range 2 {
			got, said := streamed(t, b, table, sqls)
			if !slices.Equal(want, got) || said != wantSaid {
				t.Fatalf("seed %d, pass %d, keyless %t:\nwant %v, said %s\ngot  %v, said %s", seed, pass, keyless, want, wantSaid, got, said)
			}
		}
		if err := b.fold.close(); err != nil {
			t.Fatal(err)
		}
	}
}
