package replay

import (
	"testing"

	"lifeboat/internal/binlog"
)

// TestReplacesByBeginning: what is remembered of a statement's beginning is what reading all of it tells, whichever statement of that beginning came first.
func TestReplacesByBeginning(t *testing.T) {
	texts := []struct{ text, begins string }{
		{"UPDATE t SET a=1", "UPDATE t SET "},
		{"update  `t`\n set a='x' WHERE id=5", "update  `t`\n set "},
		{"UPDATE IGNORE shop.t SET a=(SELECT b FROM u)", "UPDATE IGNORE shop.t SET "},
		{"UPDATE t x SET x.a=1", "UPDATE t x SET "},
		{"REPLACE INTO t SET id=1", "REPLACE INTO t SET "},
		{"REPLACE t SET id=1, a=2", "REPLACE t SET "},
		{"INSERT INTO t SET id=1 ON DUPLICATE KEY UPDATE a=1", "INSERT INTO t SET "},
		{"INSERT INTO t SET id=2, b=(SELECT 1)", "INSERT INTO t SET "},
		{"UPDATE `t set x` SET a=1", "UPDATE `t set x` SET "},
		{"UPDATE u SET a=1", "UPDATE u SET "},
		{"UPDATE t,u SET t.a=1", ""},
		{"UPDATE t JOIN u SET t.a=1", ""},
		{"UPDATE `t` JOIN `u` SET u.a=1", ""},
		{"UPDATE t JOIN u USING (id) SET u.a=1", ""},
		{"/* SET t */ REPLACE INTO t SET id=1", ""},
		{"REPLACE LOW_PRIORITY INTO t SET id=1", ""},
		{"REPLACE INTO t VALUES (1)", ""},
		{"REPLACE INTO t (id) VALUES (1)", ""},
		{"UPDATE t# SET u\nSET a=1", ""},
		{"UPDATE \"t\" SET a=1", ""},
		{"UPDATE t\xff SET a=1", ""},
		{"CALL p()", ""},
		{"UPDATE t SE", ""},
		{"", ""},
	}
	for _, x := range texts {
		if got := string(beginning([]byte(x.text))); got != x.begins {
			t.Errorf("%q begins with %q, expected %q", x.text, got, x.begins)
		}
	}
	for _, table := range []string{"t", "u", "T", "t set x"} {
		for i := range texts { // each comes first once
			m := replaces{}
			for k := range texts {
				rows := &binlog.Rows{Statement: []byte(texts[(i+k)%len(texts)].text)}
				was, told := m.of(rows, table)
				wantWas, wantTold := wasReplace(rows, table)
				if was != wantWas || told != wantTold {
					t.Errorf("%q, table %s: %v, %v; read whole %v, %v", rows.Statement, table, was, told, wantWas, wantTold)
				}
			}
		}
	}
}
