package snapshot

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"lifeboat/internal/schema"
)

var kindNames = [...]string{"null", "num", "str", "hex", "bit", "expr"}

// show writes rows as the test's tables have them.
func show(sql string, m schema.Mode) (string, error) {
	t, err := NewTuples([]byte(sql), m)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	if c := t.Columns(); c != nil {
		fmt.Fprintf(&out, "%q ", c)
	}
	for {
		row, err := t.Next()
		if err == io.EOF {
			return out.String(), nil
		}
		if err != nil {
			return out.String(), err
		}
		out.WriteByte('(')
		for i, l := range row {
			if i > 0 {
				out.WriteByte(' ')
			}
			fmt.Fprintf(&out, "%s:%s%q", kindNames[l.Kind], l.Charset, t.AppendValue(nil, l))
		}
		out.WriteByte(')')
	}
}

// TestTuplesInOneForm reads values that lie close together, most of which have a short way, and the same with blanks behind them, which have none.
func TestTuplesInOneForm(t *testing.T) {
	values := []string{"1", "-2.50", "007", "1e3", "-", "-x", "1.2", "NULL", "NULLS", "null", "''", "'a'", "'a''b'", `'a\'b'`, `'\\'`, "'),('", "'\x95\\'", "'a' 'b'", "\"a\"", "N'a'", "_binary 'a'", "x'4c'", "0x4c", "DEFAULT", "(1)"}
	for _, mode := range []schema.Mode{{}, {NoBackslashEscapes: true}, {ANSIQuotes: true}, {Charset: "gbk"}} {
		for _, v := range values {
			for _, w := range values {
				close, closeErr := show("INSERT INTO t VALUES ("+v+","+w+"),("+w+")", mode)
				apart, apartErr := show("INSERT INTO t VALUES ("+v+" , "+w+" ),( "+w+" )", mode)
				bare := func(s string) string { return strings.ReplaceAll(s, " ", "") } // a quote may reach over what follows
				if bare(close) != bare(apart) || (closeErr == nil) != (apartErr == nil) {
					t.Errorf("%+v: %s, %s: %s, %v; with blanks %s, %v", mode, v, w, close, closeErr, apart, apartErr)
				}
			}
		}
	}
}

func TestTuples(t *testing.T) {
	noBackslash, gbk := schema.Mode{NoBackslashEscapes: true}, schema.Mode{Charset: "gbk"}
	ansi := schema.Mode{ANSIQuotes: true}
	tests := []struct {
		sql  string
		mode schema.Mode
		want string
	}{
		{"INSERT INTO `t` VALUES (1,-2.5,NULL,'a')", schema.Mode{}, `(num:"1" num:"-2.5" null:"NULL" str:"a")`},
		{"INSERT INTO `t` VALUES\n(1),\n(2) ;", schema.Mode{}, `(num:"1")(num:"2")`},
		{"INSERT IGNORE INTO `d`.`values` (`a``b`, c) VALUES (1e-3,.5),( +1E+9 , \\N )", schema.Mode{}, `["a` + "`" + `b" "c"] (num:"1e-3" num:".5")(num:"+1E+9" null:"\\N")`},
		{"REPLACE t VALUE ()", schema.Mode{}, `()`},
		{"insert value value (1)", schema.Mode{}, `(num:"1")`},
		{`INSERT INTO t VALUES ('it''s\n\0\Z\b\'\\\%\_\q"',"a""b'")`, schema.Mode{}, `(str:"it's\n\x00\x1a\b'\\\\%\\_q\"" str:"a\"b'")`},
		{`INSERT INTO t VALUES ('a\n','\')`, noBackslash, `(str:"a\\n" str:"\\")`},
		{"INSERT INTO t VALUES ('\x95\\','\x95\\''')", gbk, `(str:"\x95\\" str:"\x95\\'")`},
		{`INSERT INTO t VALUES (_binary 'x',N'y',_utf8mb4 0x4c,X'4c4D',0xabc,b'101',0b100000001,x'')`, schema.Mode{}, `(str:binary"x" str:utf8mb3"y" hex:utf8mb4"L" hex:"LM" hex:"\n\xbc" bit:"\x05" bit:"\x01\x01" hex:"")`},
		{`INSERT INTO t VALUES (DEFAULT,TRUE,'a' 'b','a' COLLATE utf8mb4_bin,FROM_BASE64('a,)'),(1),-x,1+1,0xzz)`, schema.Mode{}, `(expr:"DEFAULT" expr:"TRUE" expr:"'a' 'b'" expr:"'a' COLLATE utf8mb4_bin" expr:"FROM_BASE64('a,)')" expr:"(1)" expr:"-x" expr:"1+1" expr:"0xzz")`},
		{`INSERT INTO t VALUES (1 /* ) */, -- ,'
 2 # )
 ) /* , */`, schema.Mode{}, `(num:"1" num:"2")`},
		{`INSERT INTO "t" VALUES ("x")`, ansi, `(expr:"\"x\"")`},
		{"INSERT INTO t VALUES ('),(',';')", schema.Mode{}, `(str:"),(" str:";")`},
		{"INSERT INTO t VALUES ('2024-01-01 00:00:00','{\\\"a\\\": 1}')", schema.Mode{}, `(str:"2024-01-01 00:00:00" str:"{\"a\": 1}")`},
	}
	for _, tt := range tests {
		got, err := show(tt.sql, tt.mode)
		if err != nil || got != tt.want {
			t.Errorf("%s\n got %s, %v\nwant %s", tt.sql, got, err, tt.want)
		}
	}
	for _, sql := range []string{
		"INSERT INTO t SELECT 1", "INSERT INTO t SET a=1", "INSERT INTO t VALUES", "INSERT INTO t VALUES (1", "INSERT INTO t VALUES (1,", "INSERT INTO t VALUES ('a",
		"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a=1", "INSERT INTO t VALUES (1),", "INSERT INTO t VALUES (1) (2)", "INSERT INTO t (a VALUES (1)", "UPDATE t SET a=1", "INSERT INTO t VALUES (,)",
	} {
		if got, err := show(sql, schema.Mode{}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %s, %v", sql, got, err)
		}
	}
}

// FuzzTuples holds the scanner to the count of rows of the splitter, which knows nothing of values.
func FuzzTuples(f *testing.F) {
	for _, s := range []string{"INSERT INTO t VALUES (1,'a'),(NULL,_binary 'x')", "REPLACE INTO `t` (`a`) VALUES (0x41),(b'1')", "INSERT INTO t VALUES (FROM_BASE64('YQ=='),'a' 'b')"} {
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, sql []byte, noBackslash bool) {
		m := schema.Mode{NoBackslashEscapes: noBackslash}
		tuples, err := NewTuples(sql, m)
		if err != nil {
			return
		}
		rows := 0
		for {
			row, err := tuples.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			rows++
			for _, l := range row {
				if len(l.Text) == 0 {
					t.Fatalf("a value without text in %q", sql)
				}
				tuples.AppendValue(nil, l)
			}
		}
		s := newSplitter(strings.NewReader(string(sql)+";"), func([]byte, int64) (bool, error) { return false, nil })
		s.noBackslash = noBackslash
		p, err := s.next()
		if err == nil && !p.comment && len(p.text) == len(sql) && p.rows != rows {
			t.Fatalf("%d rows, the splitter counts %d: %q", rows, p.rows, sql)
		}
	})
}
