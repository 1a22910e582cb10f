package filter

import (
	"strconv"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// TestSessionsThatOutliveADefault follows sessions, written as "number@database: statement", and holds what is made in doubt to its list.
func TestSessionsThatOutliveADefault(t *testing.T) {
	latin1 := map[string]schema.TextDefault{"d": {Charset: "latin1", Collation: "latin1_swedish_ci"}}
	const remade = "7@d: DROP DATABASE d\n7@d: CREATE DATABASE d CHARACTER SET gbk\n"
	for _, c := range []struct {
		name, script, want string
		base               map[string]schema.TextDefault
	}{
		{"an older session", remade + "5@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"one that may be older", remade + "9@d: CREATE TABLE t (v CHAR(9))", "t newer", latin1},
		{"one that may be older, but not than both changes", remade + "9@d: CREATE TABLE s (v CHAR(9)) CHARSET=gbk\n7@d: ALTER DATABASE d COLLATE gbk_bin\n9@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"one that was seen before", "5@d: CREATE TABLE s (v INT)\n" + remade + "5@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"of a lower number", "6@x: CREATE TABLE x.s (v INT)\n" + remade + "5@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"over a base that does not say", remade + "5@d: CREATE TABLE t (v CHAR(9))", "t older", nil},
		{"its own doing", remade + "7@d: CREATE TABLE t (v CHAR(9))", "", latin1},
		{"it dropped, another made", "5@d: DROP DATABASE d\n7@d: CREATE DATABASE d CHARACTER SET gbk\n5@d: CREATE TABLE t (v CHAR(9))", "", latin1},
		{"it made, another dropped", "7@d: DROP DATABASE d\n5@d: CREATE DATABASE d CHARACTER SET gbk\n5@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"it was elsewhere since", remade + "5@x: CREATE TABLE x.y (v INT)\n5@d: CREATE TABLE t (v CHAR(9))", "", latin1},
		{"it was elsewhere before", "5@x: CREATE TABLE x.y (v INT)\n" + remade + "5@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"it went on from elsewhere", remade + "5@x: CREATE TABLE x.y (v INT)\n5@d: CREATE TABLE s (v CHAR(9))\n7@d: ALTER DATABASE d COLLATE gbk_bin\n5@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"the name of another database", remade + "5@x: CREATE TABLE d.t (v CHAR(9))", "", latin1},
		{"the same default", "7@d: DROP DATABASE d\n7@d: CREATE DATABASE d CHARSET latin1\n5@d: CREATE TABLE t (v CHAR(9))", "", latin1},
		{"there and back", remade + "7@d: ALTER DATABASE d CHARACTER SET latin1\n5@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"altered by another", "7@d: ALTER DATABASE d CHARACTER SET gbk\n5@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"altered by itself", "5@d: ALTER DATABASE CHARACTER SET gbk\n5@d: CREATE TABLE t (v CHAR(9))", "", latin1},
		{"altered otherwise", "7@d: ALTER DATABASE d COMMENT 'x'\n5@d: CREATE TABLE t (v CHAR(9))", "", latin1},
		{"OR REPLACE", "7@d: CREATE OR REPLACE DATABASE d CHARACTER SET gbk\n5@d: CREATE TABLE t (v CHAR(9))", "t older", latin1},
		{"a database that the log makes first", "7@d: CREATE DATABASE d CHARACTER SET gbk\n5@d: CREATE TABLE t (v CHAR(9))", "", nil},
		{"a server that was started since", remade + "restart\n5@d: CREATE TABLE t (v CHAR(9))", "", latin1},
		{"a character set of its own", remade + "5@d: CREATE TABLE t (v CHAR(9)) CHARSET=latin1", "", latin1},
		{"programs", remade + "5@d: CREATE FUNCTION f () RETURNS INT RETURN 1\n5@d: CREATE VIEW v AS SELECT 1", "f older", latin1},
		{"dropped again", remade + "5@d: CREATE TABLE t (v CHAR(9))\n5@d: DROP TABLE t", "t older gone", latin1},
		{"dropped with all", remade + "5@d: CREATE TABLE t (v CHAR(9))\n7@d: DROP DATABASE d", "t older gone", latin1},
	} {
		d := newDefaults(c.base)
		d.began = true
		var made []*Outlived
		for n, line := range strings.Split(c.script, "\n") {
			if line == "restart" {
				d.restarted()
				continue
			}
			session, text, _ := strings.Cut(line, ": ")
			thread, db, _ := strings.Cut(session, "@")
			number, err := strconv.Atoi(thread)
			if err != nil {
				t.Fatal(err)
			}
			q := &binlog.Query{ThreadID: uint32(number), Database: db, SQL: []byte(text)}
			st, err := schema.Classify(q.SQL, schema.Mode{MariaDB: true})
			if err != nil {
				t.Fatal(err)
			}
			one := &statement{st: st, objects: Touched(&st, q), effect: true, mode: schema.Mode{MariaDB: true}}
			one.ref.Thread = q.ThreadID
			one.ref.Pos = binlog.Position{File: "b.000001", Offset: uint64(n + 4)}
			if o := d.statement(one, q, &binlog.Format{MariaDB: true}); o != nil {
				made = append(made, o)
			}
		}
		var got []string
		for _, o := range made {
			line := o.Name.Name + " newer"
			if o.Older {
				line = o.Name.Name + " older"
			}
			if !o.Gone.IsZero() {
				line += " gone"
			}
			got = append(got, line)
		}
		if list := strings.Join(got, ", "); list != c.want {
			t.Errorf("%s: made in doubt: %q, want %q", c.name, list, c.want)
		}
	}
}
