package replay

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/replay/plan"
)

// changed is a fold of t(id INT, v VARCHAR) in which row 1 was changed to 'one', 2 deleted, 9 inserted, and -3 has come and gone.
func changed(t *testing.T) *merged {
	t.Helper()
	f, tf := twoColumns(t, false)
	tf.shape.Def.Engine = "InnoDB"
	tf.shape.Columns[1].Charset = "utf8mb4"
	f.add(tf, binlog.Update, &binlog.RowReader{Old: image(1, "a"), New: image(1, "it's")}, 5)
	f.add(tf, binlog.Delete, &binlog.RowReader{Old: image(2, "b")}, 6)
	f.add(tf, binlog.Insert, &binlog.RowReader{New: image(9, "i")}, 7)
	f.add(tf, binlog.Insert, &binlog.RowReader{New: image(-3, "x")}, 8)
	f.add(tf, binlog.Delete, &binlog.RowReader{Old: image(-3, "x")}, 9)
	if !mergeTable(tf) {
		t.Fatal("the table does not merge")
	}
	return tf.merged
}

// rewritten is what is run in place of a statement.
func rewritten(x *matcher, m *merged, s *insert) ([][]byte, error) {
	f, err := x.statement(m, m.t.shape.Def, s, false)
	if err != nil || f == nil {
		return [][]byte{s.sql}, err
	}
	return x.inserts(f)
}

// TestMatch takes one statement past the fold: what is run in its place, and what became of the entries of 1, 2, 9 and -3.
func TestMatch(t *testing.T) {
	const head = "INSERT INTO `t` VALUES "
	for _, c := range []struct {
		name, sql, want string
		met             []uint32
		plain           bool
	}{
		{"untouched", head + "(3,'c'),(4,NULL)", head + "(3,'c'),(4,NULL)", []uint32{unmet, unmet, unmet, unmet}, false},
		{"all kinds", head + "(0,'z'),(1,'a'),(2,'b'),(3,'c')", head + `(0,'z'),(1,_utf8mb4'it\'s'),(3,'c')`, []uint32{settled, settled, unmet, unmet}, false},
		{"at the ends", head + "(2,'b'),(3,'),(2,'),(1,'a')", head + `(3,'),(2,'),(1,_utf8mb4'it\'s')`, []uint32{settled, settled, unmet, unmet}, false},
		{"nothing left", head + "(2,'b');", "", []uint32{unmet, settled, unmet, unmet}, false},
		{"over lines", head + "\n(1,'a'),\n(7,'b')\n", head + "\n" + `(1,_utf8mb4'it\'s'),(7,'b')`, []uint32{settled, unmet, unmet, unmet}, false},
		{"columns in another order", "INSERT INTO t (v, id) VALUES ('a',1),('b','2')", `INSERT INTO t (v, id) VALUES (_utf8mb4'it\'s',1)`, []uint32{settled, settled, unmet, unmet}, false},
		{"a column left out", "INSERT INTO t (id) VALUES (1),(2),(3)", "INSERT INTO t (id) VALUES (3)", []uint32{pending, settled, unmet, unmet}, false},
		{"another way to write a number", head + "(+01,'a'),(-3,'x')", head + `(1,_utf8mb4'it\'s')`, []uint32{settled, unmet, unmet, settled}, false},
		{"a number that is none", head + "(1.0,'a'),(2,'b')", "", []uint32{unmet, unmet, unmet, unmet}, true},
		{"an expression", head + "(1+0,'a'),(2,'b')", "", []uint32{unmet, unmet, unmet, unmet}, true},
		{"a comment between rows", head + "(5,'a') -- five\n,(2,'b')", "", []uint32{unmet, unmet, unmet, unmet}, true},
		{"something behind", head + "(2,'b') ON DUPLICATE KEY UPDATE v='c'", "", []uint32{unmet, unmet, unmet, unmet}, true},
		{"too few values", head + "(2)", "", []uint32{unmet, unmet, unmet, unmet}, true},
		{"an unknown column", "INSERT INTO t (id, w) VALUES (2,'b')", "", []uint32{unmet, unmet, unmet, unmet}, true},
		{"no key", "INSERT INTO t (v) VALUES ('b')", "", []uint32{unmet, unmet, unmet, unmet}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, x := changed(t), matcher{charset: "utf8mb4"}
			if c.plain {
				c.want = c.sql
			}
			out, err := rewritten(&x, m, &insert{sql: []byte(c.sql), mode: schema.Mode{}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, text := range out {
				got = append(got, string(text))
			}
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("it became\n%s\nwant\n%s", s, c.want)
			}
			var met []uint32
			for i := range m.met {
				met = append(met, m.met[i].Load())
			}
			if !slices.Equal(met, c.met) || m.plain.Load() != c.plain {
				t.Errorf("met %v, plain %v", met, m.plain.Load())
			}
		})
	}
}

// Two rows of one key cannot both be met.
func TestMatchTwice(t *testing.T) {
	m, x := changed(t), matcher{charset: "utf8mb4"}
	for i, sql := range []string{"INSERT INTO t VALUES (1,'a')", "INSERT INTO t VALUES (1,'b')"} {
		if _, err := x.statement(m, m.t.shape.Def, &insert{sql: []byte(sql)}, false); (err != nil) != (i == 1) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// Values in a character set whose characters hold quotes, in a mode without escapes, or keys of another zone, pass.
func TestMatchUnreadable(t *testing.T) {
	for name, c := range map[string]struct {
		x    matcher
		mode schema.Mode
	}{
		"charset": {matcher{charset: "gbk"}, schema.Mode{Charset: "gbk"}},
		"escapes": {matcher{charset: "utf8mb4"}, schema.Mode{NoBackslashEscapes: true}},
	} {
		m := changed(t)
		sql := "INSERT INTO t VALUES (2,'b')"
		out, err := rewritten(&c.x, m, &insert{sql: []byte(sql), mode: c.mode})
		if err != nil || len(out) != 1 || string(out[0]) != sql || !m.plain.Load() {
			t.Errorf("%s: %q, %v, plain %v", name, out, err, m.plain.Load())
		}
	}
}

// A statement that grows too long is cut between rows.
func TestMatchLong(t *testing.T) {
	f, tf := twoColumns(t, false)
	tf.shape.Def.Engine = "InnoDB"
	var sql strings.Builder
	sql.WriteString("INSERT INTO t VALUES (0,'')")
	const n = 60000
	for id := range int32(n) {
		f.add(tf, binlog.Update, &binlog.RowReader{Old: image(id+1, ""), New: image(id+1, strings.Repeat("x", 59))}, 1)
		fmt.Fprintf(&sql, ",(%d,'')", id+1)
	}
	if !mergeTable(tf) {
		t.Fatal("the table does not merge")
	}
	x := matcher{charset: "utf8mb4"}
	out, err := rewritten(&x, tf.merged, &insert{sql: []byte(sql.String())})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, text := range out {
		rows += strings.Count(string(text), "),(") + 1
		if len(text) > unitBytes+1<<10 || !strings.HasPrefix(string(text), "INSERT INTO t VALUES (") {
			t.Errorf("a statement of %d bytes: %.40s", len(text), text)
		}
	}
	if rows != n+1 || len(out) < 4 {
		t.Errorf("%d rows in %d statements", rows, len(out))
	}
}

// TestMergeDoubts holds what the merge counts against what went by, and what is left to write.
func TestMergeDoubts(t *testing.T) {
	m, x := changed(t), matcher{charset: "utf8mb4"}
	if _, err := x.statement(m, m.t.shape.Def, &insert{sql: []byte("INSERT INTO t VALUES (2,'b'),(9,'?'),(-3,'?')")}, false); err != nil {
		t.Fatal(err)
	}
	// 1 should have been there; 9 and -3 should not.
	got := m.doubts()
	if got[0].n != 1 || got[0].first != 5 || got[1].n != 2 || got[1].first != 7 {
		t.Errorf("%+v", got)
	}
	for _, phase := range []int{phaseDelete, phaseAbsent, phaseUpsert} {
		if left := m.t.order(phase, true, true); len(left) > 0 {
			t.Errorf("phase %d still has %v to write where rows were", phase, left)
		}
	}
	if left := m.t.order(phaseUpsert, false, true); !slices.Equal(left, []uint32{0}) {
		t.Errorf("left to write: %v", left)
	}
	m.plain.Store(true) // then 1 may be there after all
	if left := m.t.order(phaseUpsert, true, true); !slices.Equal(left, []uint32{0}) {
		t.Errorf("left to write where rows may be: %v", left)
	}
}

// TestUnmergeable holds which tables' rows wait for the log.
func TestUnmergeable(t *testing.T) {
	for text, want := range map[string]string{
		"id INT PRIMARY KEY":                            "",
		"a VARCHAR(9), b DATE, PRIMARY KEY (a, b)":      "",
		"id FLOAT PRIMARY KEY":                          "float",
		"e ENUM('a') PRIMARY KEY":                       "enum",
		"id INT NOT NULL UNIQUE":                        "primary key",
		"id INT":                                        "",
		"id INT, f FLOAT":                               "float",
		"a INT, g INT AS (a+1) STORED, PRIMARY KEY (g)": "computed",
	} {
		def, err := schema.ParseCreateTable([]byte("CREATE TABLE t ("+text+")"), schema.Mode{})
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Unmergeable(def); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if got := plan.Unmergeable(&schema.Table{Engine: "MyISAM", Columns: []schema.Column{{Name: "id"}}, Keys: []schema.Key{{Primary: true, Columns: []schema.KeyPart{{Name: "id"}}}}}); !strings.Contains(got, "MyISAM") {
		t.Errorf("MyISAM: %q", got)
	}
}

// TestFields holds which values LOAD DATA is given, and how.
func TestFields(t *testing.T) {
	def, err := schema.ParseCreateTable([]byte("CREATE TABLE t (i INT, v VARCHAR(20) CHARACTER SET utf8mb4, l TEXT CHARACTER SET latin1, b BLOB, at TIMESTAMP NOT NULL, d DECIMAL(9,2))"), schema.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	const at = ",'2026-01-02 03:04:05',"
	for _, c := range []struct{ row, want string }{
		{`(1,'a','b','c'` + at + `1.50)`, "1\ta\tb\tc\t2026-01-02 03:04:05\t1.50\n"},
		{`(-1,'t\tn\nb\\z\0','',_binary'\0é'` + at + `'-2.00')`, "-1\tt\\tn\\nb\\\\z\\0\t\t\\0é\t2026-01-02 03:04:05\t-2.00\n"},
		{`(NULL,'it''s',NULL,0x0009` + at + `0)`, "\\N\tit's\t\\N\t\\0\\t\t2026-01-02 03:04:05\t0\n"},
		{`(1,'\\N','x','\Z'` + at + `1)`, "1\t\\\\N\tx\t\x1a\t2026-01-02 03:04:05\t1\n"},
		{`(1,'a','é','c'` + at + `1)`, ""},              // to be converted
		{`(1,_latin1'a','b','c'` + at + `1)`, ""},       // too
		{`(1,'` + "\xff" + `','b','c'` + at + `1)`, ""}, // for the server to refuse
		{`(1,7,'b','c'` + at + `1)`, ""},
		{`(1e0,'a','b','c'` + at + `1)`, ""},
		{`(1,'a','b','c'` + at + `-0.00)`, ""},
		{`('','a','b','c'` + at + `1)`, ""},
		{`(0x31,'a','b','c'` + at + `1)`, ""},
		{`(1,'a','b','c',NULL,1)`, ""},
		{`(1,'a','b','c',20260102030405,1)`, ""},
		{`(1,'a','b','c',NOW(),1)`, ""},
		{`(DEFAULT,'a','b','c'` + at + `1)`, ""},
	} {
		x := matcher{charset: "utf8mb4"}
		f, err := x.statement(nil, def, &insert{sql: []byte("INSERT INTO t VALUES " + c.row + "," + c.row)}, true)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if f != nil && x.fields.loadable() {
			got = string(x.fields.data)
		}
		if got != c.want+c.want {
			t.Errorf("%s: %q, want %q twice", c.row, got, c.want)
		}
	}
}
