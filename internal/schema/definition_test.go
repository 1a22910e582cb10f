package schema

import (
	"fmt"
	"testing"
)

func TestParseCreateTable(t *testing.T) {
	for _, c := range []struct{ sql, row, fks string }{
		{"CREATE TABLE `t` (\n  `id` int unsigned NOT NULL AUTO_INCREMENT,\n  `a` varchar(10) DEFAULT ',)x',\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`a`)\n) ENGINE=InnoDB", "PRIMARY[id]", "[]"},
		{"create table if not exists db.t (id int primary key, b enum('a','b') not null unique)", "PRIMARY[id]", "[]"},
		{"CREATE TABLE t (a int NOT NULL, b int, UNIQUE KEY n (b), UNIQUE KEY `k` (`a`))", "k[a]", "[]"},
		{"CREATE TABLE t (a int, UNIQUE KEY n (a), KEY x (a))", "none", "[]"},
		{"CREATE TABLE t (a varchar(9) not null, UNIQUE KEY n (a(3)))", "none", "[]"},
		{"CREATE TABLE t (a int, b decimal(10,2) GENERATED ALWAYS AS ((`a` + 1)) STORED, c int, PRIMARY KEY (a,c) USING BTREE, CONSTRAINT `f` FOREIGN KEY (`a`,`c`) REFERENCES `p` (`x`,`y`) ON DELETE CASCADE ON UPDATE SET NULL, CONSTRAINT ck CHECK ((a > 0)))",
			"PRIMARY[a c]", "[f:p[x y]:CASCADE:SET NULL]"},
		{"CREATE TABLE t (a int, FOREIGN KEY (a) REFERENCES o.p (x) ON UPDATE NO ACTION)", "none", "[:p[x]:NO ACTION:NO ACTION]"},
	} {
		def, err := ParseCreateTable([]byte(c.sql), Mode{})
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		row := "none"
		if k, ok := def.RowKey(); ok {
			var cols []string
			for _, p := range k.Columns {
				cols = append(cols, p.Name)
			}
			row = k.Name + fmt.Sprint(cols)
		}
		fks := []string{}
		for _, f := range def.ForeignKeys {
			fks = append(fks, fmt.Sprintf("%s:%s%v:%s:%s", f.Name, f.RefTable, f.RefColumns, f.OnDelete, f.OnUpdate))
		}
		if row != c.row || fmt.Sprint(fks) != c.fks {
			t.Errorf("%s:\n got %s %v\nwant %s %s", c.sql, row, fks, c.row, c.fks)
		}
	}
	for _, sql := range []string{"", "CREATE TABLE t LIKE u", "CREATE TABLE t (a int", "CREATE TABLE t (a int,", "CREATE TABLE t (PRIMARY KEY", "CREATE TABLE t (FOREIGN KEY (a"} {
		if def, err := ParseCreateTable([]byte(sql), Mode{}); err == nil {
			t.Errorf("%q reads as %+v", sql, def)
		}
	}
}

// The kinds of keys that have a word in front are no columns, and a column may be named like that word.
func TestKeysOfEveryKind(t *testing.T) {
	def, err := ParseCreateTable([]byte("CREATE TABLE t (id int PRIMARY KEY, vector vector(3) NOT NULL, clustering text, g point NOT NULL, VECTOR KEY `v` (`vector`) `M`=8 `DISTANCE`=cosine, VECTOR INDEX (vector), CLUSTERING KEY c (id), FULLTEXT KEY f (clustering), SPATIAL INDEX (g))"), Mode{MariaDB: true})
	if err != nil {
		t.Fatal(err)
	}
	var columns, keys []string
	for _, c := range def.Columns {
		columns = append(columns, c.Name)
	}
	for _, k := range def.Keys {
		keys = append(keys, k.Name)
	}
	if got := fmt.Sprint(columns, keys); got != "[id vector clustering g] [PRIMARY v vector c f g]" {
		t.Error(got)
	}
}
