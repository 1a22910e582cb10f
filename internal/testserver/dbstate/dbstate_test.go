package dbstate

import (
	"testing"

	"lifeboat/internal/testserver"
)

// TestComparisonSeesOneValue makes sure that the comparison can fail: one bit of one value, and one word of one definition.
func TestComparisonSeesOneValue(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			db := testserver.Open(t, testserver.Start(t, kind))
			for _, name := range []string{"a", "b"} {
				for _, q := range []string{
					"CREATE DATABASE " + name + " DEFAULT CHARACTER SET utf8mb4",
					"CREATE TABLE " + name + ".t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, f FLOAT, d DOUBLE, n DECIMAL(20,6), s VARCHAR(20), b VARBINARY(9), x BIT(64), at DATETIME(6), e ENUM('a','B'))",
					"INSERT INTO " + name + ".t VALUES (1, 0.1, 0.1, 0.1, 'a', X'0100', b'1', '2020-01-01 00:00:00.000001', 'a'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
				} {
					if _, err := db.Exec(q); err != nil {
						t.Fatal(err)
					}
				}
			}
			want := Capture(t, db, "a", t.TempDir())
			Same(t, db, "b", want)
			for _, set := range []string{"f = 0.10000001", "d = 0.10000000000000002", "n = 0.100001", "s = 'A'", "s = 'a '", "b = X'01'", "x = x + 1",
				"at = '2020-01-01 00:00:00.000002'", "e = 'B'", "f = NULL"} {
				if _, err := db.Exec("UPDATE b.t SET " + set + " WHERE id = 1"); err != nil {
					t.Fatal(err)
				}
				sum := Differences(want, Capture(t, db, "b", ""))
				if all := Differences(want, Capture(t, db, "b", t.TempDir())); len(sum) != 1 || len(all) != 2 {
					t.Errorf("after %s: by checksum %q, with rows %q", set, sum, all)
				}
				if _, err := db.Exec("REPLACE INTO b.t SELECT * FROM a.t"); err != nil {
					t.Fatal(err)
				}
			}
			Same(t, db, "b", want)
			for _, q := range []string{"ALTER TABLE b.t AUTO_INCREMENT = 9", "ALTER TABLE b.t ADD KEY s (s)", "CREATE VIEW b.v AS SELECT 1", "DROP TABLE b.t"} {
				if _, err := db.Exec(q); err != nil {
					t.Fatal(err)
				}
				if list := Differences(want, Capture(t, db, "b", "")); len(list) == 0 {
					t.Errorf("%s was not seen", q)
				}
			}
		})
	}
}
