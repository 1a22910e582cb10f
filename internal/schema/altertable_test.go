package schema

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Each ALTER of one table, and what its columns are made of afterwards: name=place before, or name:literal; the row key behind "|".
func TestAlterRows(t *testing.T) {
	const table = "CREATE TABLE t (id int unsigned NOT NULL, a varchar(10) COLLATE latin1_bin, b int, e enum('x','y'), g int GENERATED ALWAYS AS (b+1) STORED, " +
		"PRIMARY KEY (id), UNIQUE KEY u (a), KEY (b)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
	for _, c := range []struct{ alter, want string }{
		{"ADD COLUMN n int", "id=0 a=1 b=2 e=3 g=4 n:NULL|id"},
		{"ADD n int NOT NULL DEFAULT -5 AFTER id, ADD COLUMN m char(3) NOT NULL FIRST", "m:'' id=0 n:-5 a=1 b=2 e=3 g=4|id"},
		{"ADD (x date NOT NULL, y decimal(5,2) DEFAULT '1.50', KEY k (x))", "id=0 a=1 b=2 e=3 g=4 x:'0000-00-00' y:'1.50'|id"},
		{"ADD COLUMN v int AS (b*2) VIRTUAL", "id=0 a=1 b=2 e=3 g=4 v:|id"},
		{"ADD COLUMN IF NOT EXISTS a int, ADD q enum('m','n') NOT NULL", "id=0 a=1 b=2 e=3 g=4 q:1|id"},
		{"DROP COLUMN b, DROP g, ALGORITHM=INPLACE, LOCK=NONE", "id=0 a=1 e=3|id"},
		{"MODIFY b bigint FIRST", "b=2 id=0 a=1 e=3 g=4|id"},
		{"CHANGE id key_id int unsigned NOT NULL COMMENT 'a, b', RENAME COLUMN b TO c", "key_id=0 a=1 c=2 e=3 g=4|key_id"},
		{"MODIFY a varchar(300) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT 'z', MODIFY e enum('x','y','z')", "id=0 a=1 b=2 e=3 g=4|id"},
		{"DROP PRIMARY KEY, ADD PRIMARY KEY (b, id)", "id=0 a=1 b=2 e=3 g=4|b,id"},
		{"DROP INDEX u, DROP KEY b, ADD UNIQUE (e), ADD INDEX (a(3)), ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES p (id) ON DELETE CASCADE", "id=0 a=1 b=2 e=3 g=4|id"},
		{"ENGINE=InnoDB ROW_FORMAT=DYNAMIC COMMENT='x, y' AUTO_INCREMENT 7", "id=0 a=1 b=2 e=3 g=4|id"},
		{"ALTER COLUMN b SET DEFAULT 3, ALTER INDEX u INVISIBLE, RENAME INDEX u TO uu, FORCE", "id=0 a=1 b=2 e=3 g=4|id"},
		{"PARTITION BY HASH (id) PARTITIONS 3", "id=0 a=1 b=2 e=3 g=4|id"},
		{"REORGANIZE PARTITION p0, p1 INTO (PARTITION p VALUES LESS THAN (9), PARTITION q VALUES LESS THAN MAXVALUE)", "id=0 a=1 b=2 e=3 g=4|id"},
		{"DEFAULT CHARSET=latin1, ADD z char(1)", "id=0 a=1 b=2 e=3 g=4 z:NULL|id"},
		{"RENAME TO u", "id=0 a=1 b=2 e=3 g=4|id"},
		{"ORDER BY b, a DESC", "id=0 a=1 b=2 e=3 g=4|id"},
	} {
		got, err := alterRows(t, table, c.alter)
		if err != nil {
			t.Errorf("%s: %v", c.alter, err)
		} else if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.alter, got, c.want)
		}
	}
	for _, alter := range []string{
		"MODIFY b smallint", "MODIFY b int unsigned", "MODIFY a varchar(9) COLLATE latin1_bin", "MODIFY a varchar(10)", "MODIFY b varchar(20)",
		"MODIFY e enum('y','x')", "CONVERT TO CHARACTER SET utf8mb4", "ADD t timestamp", "ADD d datetime DEFAULT CURRENT_TIMESTAMP", "ADD n int DEFAULT (1+1)",
		"ADD n int AUTO_INCREMENT", "ADD s text DEFAULT _utf8mb4'x'", "ADD s varchar(9) DEFAULT 'é'", "DROP PARTITION p0", "TRUNCATE PARTITION p0",
		"EXCHANGE PARTITION p0 WITH TABLE u", "DISCARD TABLESPACE", "ADD SYSTEM VERSIONING", "MODIFY g int", "ADD j json NOT NULL", "ADD FOREIGN KEY (b) REFERENCES p (id), DROP FOREIGN KEY t_ibfk_1",
	} {
		if got, err := alterRows(t, table, alter); !errors.Is(err, ErrNeedsServer) {
			t.Errorf("%s: %s, %v", alter, got, err)
		}
	}
}

func alterRows(t *testing.T, table, alter string) (string, error) {
	t.Helper()
	def, err := ParseCreateTable([]byte(table), Mode{})
	if err != nil {
		t.Fatal(err)
	}
	sql := []byte("ALTER TABLE `t` " + alter)
	st, err := Classify(sql, Mode{})
	if err != nil {
		t.Fatalf("%s: %v", alter, err)
	}
	a, err := AlterRows(def, sql, &st, Mode{}, true)
	if err != nil {
		return "", err
	}
	var cols, key []string
	for i, c := range a.Table.Columns {
		if a.From[i] >= 0 {
			cols = append(cols, fmt.Sprintf("%s=%d", c.Name, a.From[i]))
		} else {
			cols = append(cols, c.Name+":"+a.Fill[i])
		}
	}
	if k, ok := a.Table.RowKey(); ok {
		for _, p := range k.Columns {
			key = append(key, p.Name)
		}
	}
	return strings.Join(cols, " ") + "|" + strings.Join(key, ","), nil
}
