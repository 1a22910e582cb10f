package replay

import (
	"strings"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/value"
	"lifeboat/replay/plan"
)

// TestTakes tells events that fold in part from those that are made by themselves, by the columns that their images have. Servers show what a
// function or an expression gave; a log that does not is not taken for one that does.
func TestTakes(t *testing.T) {
	def := &schema.Table{DB: "shop", Name: "t", Engine: "InnoDB", Columns: []schema.Column{
		{Name: "id", DataType: "int", Type: "int"},
		{Name: "u", DataType: "int", Type: "int", Nullable: true},
		{Name: "v", DataType: "int", Type: "int", Nullable: true},
		{Name: "made", DataType: "datetime", Type: "datetime", Computes: true},
		{Name: "seen", DataType: "datetime", Type: "datetime", Nullable: true, OnUpdate: true},
		{Name: "g", DataType: "int", Type: "int", Generated: schema.GeneratedStored},
	}, Keys: []schema.Key{
		{Name: "PRIMARY", Primary: true, Unique: true, Columns: []schema.KeyPart{{Name: "id"}}},
		{Name: "u", Unique: true, Columns: []schema.KeyPart{{Name: "u", Nullable: true}}},
	}}
	tm := &binlog.TableMap{Database: "shop", Table: "t", Types: []byte{value.TypeLong, value.TypeLong, value.TypeLong, 18, 18, value.TypeLong}, Meta: make([]uint16, 6)}
	for i := range tm.Types {
		tm.Columns = append(tm.Columns, value.Column{Type: tm.Types[i], Meta: tm.Meta[i]})
	}
	shape, err := target.NewShape(def, tm)
	if err != nil {
		t.Fatal(err)
	}
	const id, u, v, made, seen, all = 1, 2, 4, 8, 16, 63
	number := func(n byte) []byte { return []byte{n, 0, 0, 0} }
	for name, c := range map[string]struct {
		kind          binlog.Change
		before, after byte
		data          [][]byte // images: null bitmaps and values
		partial, want bool
	}{
		"a deletion by key":              {kind: binlog.Delete, before: id, want: true},
		"a deletion by something else":   {kind: binlog.Delete, before: v},
		"an insertion with all":          {kind: binlog.Insert, after: all, want: true},
		"one that leaves constants out":  {kind: binlog.Insert, after: id | made, want: true},
		"one that leaves out the time":   {kind: binlog.Insert, after: id | u | v | seen},
		"one that leaves out the key":    {kind: binlog.Insert, after: u | v | made | seen},
		"an update":                      {kind: binlog.Update, before: id, after: v | seen, want: true},
		"one that leaves out ON UPDATE":  {kind: binlog.Update, before: id, after: v},
		"one of a row not known":         {kind: binlog.Update, before: u, after: v | seen},
		"one of differences":             {kind: binlog.Update, before: id, after: v | seen, partial: true},
		"one of all columns":             {kind: binlog.Update, before: id, after: all, want: true},
		"a unique value that may change": {kind: binlog.Update, before: id, after: u | seen, data: [][]byte{{0}, number(9), {2}, number(5)}},
		"one of a row that came":         {kind: binlog.Update, before: id, after: u | seen, data: [][]byte{{0}, number(7), {2}, number(5)}, want: true},
		"one that stays":                 {kind: binlog.Update, before: id | u, after: u | seen, data: [][]byte{{0}, number(9), number(5), {2}, number(5)}, want: true},
		"one that goes from NULL":        {kind: binlog.Update, before: id | u, after: u | seen, data: [][]byte{{2}, number(9), {2}, number(5)}},
		"another key":                    {kind: binlog.Update, before: id, after: id | seen, data: [][]byte{{0}, number(9), {2}, number(5)}},
		"the same key":                   {kind: binlog.Update, before: id, after: id | seen, data: [][]byte{{0}, number(9), {2}, number(9)}, want: true},
	} {
		f := newFold()
		fold := f.table("t", shape, tm)
		fold.part = newInPart(shape, def.UniqueKeys())
		fold.put(fold.entry(number(7), false, nowhere), []byte{id, 0, 7, 0, 0, 0})
		rows := &binlog.Rows{Table: tm, Kind: c.kind, Partial: c.partial}
		if c.kind != binlog.Insert {
			rows.Before = []byte{c.before}
		}
		if c.kind != binlog.Delete {
			rows.After = []byte{c.after}
		}
		for _, d := range c.data {
			rows.Data = append(rows.Data, d...)
		}
		if got, err := fold.takes(rows, &binlog.RowReader{}); got != c.want || err != nil {
			t.Errorf("%s: %t, %v; want %t", name, got, err, c.want)
		}
	}
}

// TestInPartReason names the tables that do not fold in part.
func TestInPartReason(t *testing.T) {
	for create, want := range map[string]bool{
		"CREATE TABLE t (id INT PRIMARY KEY, v INT, UNIQUE KEY (v)) ENGINE=InnoDB":                               true,
		"CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE=MyISAM":                                               false,
		"CREATE TABLE t (id INT NOT NULL, v INT, UNIQUE KEY (id)) ENGINE=InnoDB":                                 false,
		"CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), UNIQUE KEY ((LOWER(v)))) ENGINE=InnoDB":               false,
		"CREATE TABLE t (id INT PRIMARY KEY, v INT, g INT AS (v + 1) STORED, UNIQUE KEY (g)) ENGINE=InnoDB":      false,
		"CREATE TABLE t (id TEXT, v INT, PRIMARY KEY (id(5))) ENGINE=InnoDB":                                     false,
		"CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), UNIQUE KEY (v(3))) ENGINE=InnoDB":                     true,
		"CREATE TABLE t (id INT, v INT, g INT AS (id) STORED, w INT, PRIMARY KEY (id), KEY (g)) ENGINE=InnoDB":   true,
		"CREATE TABLE t (id INT, v INT, g INT AS (v) STORED NOT NULL, w INT, PRIMARY KEY (id, g)) ENGINE=InnoDB": false,
	} {
		def, err := schema.ParseCreateTable([]byte(create), schema.Mode{})
		if err != nil {
			t.Fatalf("%s: %v", create, err)
		}
		_, def.Engine, _ = strings.Cut(create, "ENGINE=")
		if got := plan.InPartReason(def, true); (got == "") != want {
			t.Errorf("%s: %q", create, got)
		}
		if plan.InPartReason(def, false) == "" {
			t.Errorf("%s: over a base of unknown date", create)
		}
	}
}
