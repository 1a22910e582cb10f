package schema

import (
	"strings"
	"testing"
)

func TestQualifiedColumns(t *testing.T) {
	for _, c := range []struct {
		sql, want string
		plain     bool
	}{
		{"CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `v` AS select `t`.`id` AS `id`,`u`.`a``b` AS `x` from (`t` join `shop`.`u` on((`t`.`id` = `u`.`id`)))", "id a`b id id", true},
		{"CREATE VIEW shop.v AS SELECT shop.t.id, shop.f(t.x), t.* FROM shop.t", "id x", true},
		{"CREATE VIEW v AS SELECT id FROM t WHERE s = 't.id'", "", true},
		{"CREATE VIEW v AS SELECT d.n FROM (SELECT COUNT(*) AS n FROM t) d", "", false},
		{"CREATE VIEW v AS SELECT t.id FROM t UNION SELECT u.id FROM u", "", false},
		{"CREATE VIEW v AS WITH c AS (SELECT 1 AS n) SELECT c.n FROM c", "", false},
	} {
		st, err := Classify([]byte(c.sql), Mode{})
		if err != nil {
			t.Fatal(err)
		}
		names, plain := QualifiedColumns([]byte(c.sql), &st, Mode{})
		if plain != c.plain || plain && strings.Join(names, " ") != c.want {
			t.Errorf("%s: %q, %v", c.sql, names, plain)
		}
	}
}
