package schema

import "testing"

// TestFill holds what a row takes that is given no value, by the text that made the column and what changed it since.
func TestFill(t *testing.T) {
	const create = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b INT NOT NULL, c VARCHAR(9) NOT NULL DEFAULT 'x', d INT DEFAULT -5, e JSON NOT NULL, " +
		"f DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, g INT DEFAULT (1 + 1), h TIMESTAMP NULL, i TIMESTAMP NULL DEFAULT NULL, j INT AS (a) STORED, k VARCHAR(9) DEFAULT 'ü', l CHAR(3) CHARACTER SET utf16 DEFAULT 0xD834DD1E, m BINARY(2) DEFAULT 0x4100)"
	for name, c := range map[string]struct {
		alter string
		want  map[string]string
	}{
		"as made": {want: map[string]string{"id": "", "a": "NULL", "b": "0", "c": "'x'", "d": "-5", "e": "", "f": "", "g": "", "h": "", "i": "NULL", "j": "", "k": "", "l": "", "m": "0x4100"}},
		"default set": {alter: "ALTER TABLE t ALTER a SET DEFAULT 7, ALTER COLUMN c SET DEFAULT 'y', ALTER g SET DEFAULT NULL, ALTER d SET DEFAULT (2 + 2)",
			want: map[string]string{"a": "7", "c": "'y'", "g": "NULL", "d": "", "b": "0"}},
		"default dropped": {alter: "ALTER TABLE t ALTER c DROP DEFAULT, ALTER d DROP DEFAULT", want: map[string]string{"c": "", "d": "", "a": "NULL"}},
		"column changed":  {alter: "ALTER TABLE t MODIFY d BIGINT DEFAULT 9, CHANGE c cc VARCHAR(20) NOT NULL, ADD COLUMN z INT DEFAULT 3", want: map[string]string{"d": "9", "cc": "''", "z": "3"}},
	} {
		def, err := ParseCreateTable([]byte(create), Mode{})
		if err != nil {
			t.Fatal(err)
		}
		if c.alter != "" {
			st, err := Classify([]byte(c.alter), Mode{})
			if err != nil {
				t.Fatal(err)
			}
			altered, err := AlterRows(def, []byte(c.alter), &st, Mode{}, true)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			def = altered.Table
		}
		for column, want := range c.want {
			if got, ok := def.Column(column); !ok || got.Fill != want || got.OnUpdate != (column == "f") {
				t.Errorf("%s: column %s: %+v; want %q", name, column, got, want)
			}
		}
	}
}
