package verify_test

import (
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/verify"
)

// What docs/limits.md says a comparison with base and log passes over, it passes over, and nothing next to it.
func TestWhatIsPassedOver(t *testing.T) {
	t.Parallel()
	r := restore(t, testserver.MySQL97, []string{"CREATE DATABASE a", "CREATE TABLE a.t (id INT PRIMARY KEY, f FLOAT, d DOUBLE, j JSON, n INT, g INT AS (n + 1) STORED) COMMENT 'as it was'",
		"INSERT INTO a.t (id, f, d, j, n) VALUES (1, 0, 0, '{\"a\": 1.0, \"b\": 1}', 1), (2, 1, 1, '[1, 2]', 2)", "CREATE VIEW a.v AS SELECT id FROM a.t"},
		[]string{"INSERT INTO a.t (id, f, d, j, n) VALUES (3, 0, 0, '{\"a\": 1.0, \"b\": 1}', 3)", "ALTER TABLE a.t ADD COLUMN more INT DEFAULT 5"})
	for _, c := range []struct {
		change, back string
		differences  int
	}{
		{"UPDATE a.t SET f = -0e0, d = -0e0 WHERE d = 0", "UPDATE a.t SET f = 0, d = 0 WHERE d = 0", 0},
		{"UPDATE a.t SET d = 4.9e-324 WHERE id = 1", "UPDATE a.t SET d = 0 WHERE id = 1", 1},
		{"UPDATE a.t SET j = '{\"b\": 1, \"a\": 1e0}' WHERE id IN (1, 3)", "UPDATE a.t SET j = '{\"a\": 1.0, \"b\": 1}' WHERE id IN (1, 3)", 0},
		{"UPDATE a.t SET j = '{\"b\": 1, \"a\": 1}' WHERE id = 3", "UPDATE a.t SET j = '{\"a\": 1.0, \"b\": 1}' WHERE id = 3", 1},
		{"ALTER TABLE a.t COMMENT 'another'", "ALTER TABLE a.t COMMENT 'as it was'", 0},
		{"ALTER TABLE a.t ALTER COLUMN more SET DEFAULT 6", "ALTER TABLE a.t ALTER COLUMN more SET DEFAULT 5", 1},
		{"ALTER VIEW a.v AS SELECT id + 1 AS id FROM a.t", "ALTER VIEW a.v AS SELECT id FROM a.t", 0},
		{"ALTER TABLE a.t DROP COLUMN g, ADD COLUMN g INT AS (n + 2) STORED AFTER n", "ALTER TABLE a.t DROP COLUMN g, ADD COLUMN g INT AS (n + 1) STORED AFTER n", 1}, // its definition
	} {
		r.exec(t, c.change)
		v, err := verify.Expected(t.Context(), r.expected, verify.Side{Server: r.server, Database: "a"}, verify.Options{Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if v.Differences != c.differences || (v.Err() != nil) != (c.differences > 0) {
			t.Errorf("%s: %d differences, want %d\n%s", c.change, v.Differences, c.differences, text(t, v))
		}
		r.exec(t, c.back)
	}
}
