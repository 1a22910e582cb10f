package schema

import "testing"

// FuzzDefinition reads definitions, changes them by an ALTER, and looks at all that is asked of one: nothing may panic, and what is said of columns
// and keys must be of columns that are there.
func FuzzDefinition(f *testing.F) {
	seeds(f, func(sql string) {
		f.Add([]byte(sql), []byte("ALTER TABLE t ADD c INT NOT NULL DEFAULT 1 FIRST, DROP a"), uint8(0))
	})
	for _, text := range []string{"(id int, v varchar(3) CHARACTER SET sjis DEFAULT 'é', PRIMARY KEY (id), UNIQUE (v(2))) DEFAULT CHARSET=latin1", "(e enum('a','b''c'), s set('x') NOT NULL, g int AS (1) STORED, KEY ((e+1)))"} {
		f.Add([]byte("CREATE TABLE t "+text), []byte("ALTER TABLE t CHANGE id k BIGINT AFTER v, DROP PRIMARY KEY, ADD UNIQUE (k), MODIFY e enum('a','b''c','d')"), uint8(4))
	}
	f.Fuzz(func(t *testing.T, create, alter []byte, bits uint8) {
		m := fuzzMode(bits)
		def, err := ParseCreateTable(create, m)
		if err != nil {
			return
		}
		sound(t, create, def)
		_, _ = WithTextDefault(create, m, TextDefault{})
		st, err := Classify(alter, m)
		if err != nil {
			return
		}
		for _, strict := range []bool{true, false} {
			a, err := AlterRows(def, alter, &st, m, strict)
			if err != nil {
				continue
			}
			sound(t, alter, a.Table)
			if len(a.From) != len(a.Table.Columns) {
				t.Fatalf("%q, %q: %d columns come from %v", create, alter, len(a.Table.Columns), a.From)
			}
			for i, from := range a.From {
				if from >= len(def.Columns) || from < 0 && i >= len(a.Fill) {
					t.Fatalf("%q, %q: column %d comes from %d of %d", create, alter, i, from, len(def.Columns))
				}
			}
		}
	})
}

// sound fails if a key is of a column that the table lacks.
func sound(t *testing.T, sql []byte, def *Table) {
	t.Helper()
	keys := def.UniqueKeys()
	if k, ok := def.RowKey(); ok {
		keys = append(keys, k)
		for _, p := range k.Columns {
			if _, ok := def.Column(p.Name); !ok {
				t.Fatalf("%q: the key of rows has %q, which the table lacks", sql, p.Name)
			}
		}
	}
	for _, k := range keys {
		if len(k.Columns) == 0 {
			t.Fatalf("%q: a key without a column: %+v", sql, k)
		}
	}
}
