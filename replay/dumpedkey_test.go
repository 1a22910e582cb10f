package replay

import (
	"errors"
	"testing"

	"lifeboat/internal/schema"
	"lifeboat/internal/value"
	"lifeboat/snapshot"
)

// A literal names a key only where the server cannot make another value of it.
func TestDumpedKey(t *testing.T) {
	for _, c := range []struct {
		name string
		col  value.Column
		sql  string
		ok   bool
	}{
		{"an integer", value.Column{Type: value.TypeLong}, "5", true},
		{"an integer in quotes", value.Column{Type: value.TypeLong}, "'5'", true},
		{"a number for text", value.Column{Type: value.TypeVarchar, Meta: 40, Charset: "utf8mb4"}, "007", false},
		{"text", value.Column{Type: value.TypeVarchar, Meta: 40, Charset: "utf8mb4"}, "'007'", true},
		{"a number for bits", value.Column{Type: value.TypeBit, Meta: 1 << 8}, "5", false},
		{"a year", value.Column{Type: value.TypeYear}, "2024", true},
		{"a year in quotes", value.Column{Type: value.TypeYear}, "'2024'", true},
		{"a short year", value.Column{Type: value.TypeYear}, "24", false},
		{"year '0', which is 2000", value.Column{Type: value.TypeYear}, "'0'", false},
		{"NULL", value.Column{Type: value.TypeLong}, "NULL", false},
	} {
		tuples, err := snapshot.NewTuples([]byte("INSERT INTO t VALUES ("+c.sql+")"), schema.Mode{})
		if err != nil {
			t.Fatal(err)
		}
		row, err := tuples.Next()
		if err != nil {
			t.Fatal(err)
		}
		var spare []byte
		key, err := appendDumpedKey(nil, tuples, &row[0], &c.col, "utf8mb4", &spare)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, value.ErrUnsupported) || c.ok && len(key) == 0 {
			t.Errorf("%s: %q, %v", c.name, key, err)
		}
	}
}
