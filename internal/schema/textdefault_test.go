package schema

import "testing"

func TestDatabaseDefault(t *testing.T) {
	for sql, want := range map[string]TextDefault{
		"CREATE DATABASE d": {},
		"CREATE DATABASE `charset` DEFAULT CHARACTER SET = latin1":                     {Charset: "latin1"},
		"create database d charset 'UTF8MB4' collate utf8mb4_bin":                      {Charset: "utf8mb4", Collation: "utf8mb4_bin"},
		"ALTER DATABASE d COLLATE=gbk_bin":                                             {Collation: "gbk_bin"},
		"ALTER DATABASE d CHARACTER SET DEFAULT":                                       {},
		"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `d` /*!40100 DEFAULT CHARSET gbk */": {Charset: "gbk"},
	} {
		if got, said := DatabaseDefault([]byte(sql), Mode{}); got != want || said == (sql == "CREATE DATABASE d") {
			t.Errorf("%s: %+v (%v), want %+v", sql, got, said, want)
		}
	}
	for _, c := range []struct {
		a, b TextDefault
		same bool
	}{
		{TextDefault{Charset: "latin1"}, TextDefault{Charset: "latin1", Collation: "latin1_swedish_ci"}, true},
		{TextDefault{Charset: "utf8mb4"}, TextDefault{Collation: "utf8mb4_general_ci"}, true},
		{TextDefault{Charset: "utf8mb4"}, TextDefault{Charset: "utf8mb4", Collation: "utf8mb4_bin"}, false},
		{TextDefault{Charset: "gbk"}, TextDefault{}, false},
	} {
		if c.a.Same(c.b) != c.same || c.b.Same(c.a) != c.same {
			t.Errorf("%+v and %+v: want %v", c.a, c.b, c.same)
		}
	}
	if got := (TextDefault{Collation: "utf8mb4_bin"}).Set(); got != "utf8mb4" {
		t.Errorf("the set of utf8mb4_bin is %q", got)
	}
}

// TestWithTextDefault gives statements a default where they have none, and leaves the others as they are.
func TestWithTextDefault(t *testing.T) {
	d := TextDefault{Charset: "latin1", Collation: "latin1_bin"}
	const clause = " DEFAULT CHARACTER SET latin1 COLLATE latin1_bin"
	for sql, want := range map[string]string{
		"CREATE TABLE t (a VARCHAR(3) CHARACTER SET gbk, b INT DEFAULT (1)) ENGINE=InnoDB": "CREATE TABLE t (a VARCHAR(3) CHARACTER SET gbk, b INT DEFAULT (1))" + clause + " ENGINE=InnoDB",
		"CREATE TABLE `d`.`t` (a INT) COMMENT='CHARSET=gbk' PARTITION BY KEY (a)":          "CREATE TABLE `d`.`t` (a INT)" + clause + " COMMENT='CHARSET=gbk' PARTITION BY KEY (a)",
		"CREATE TABLE IF NOT EXISTS t AS SELECT 'x' COLLATE gbk_bin AS v":                  "CREATE TABLE IF NOT EXISTS t" + clause + " AS SELECT 'x' COLLATE gbk_bin AS v",
		"CREATE TABLE t (SELECT 1 AS a)":                                                   "CREATE TABLE t" + clause + " (SELECT 1 AS a)",
		"CREATE TABLE t (a INT) SELECT 1 AS a":                                             "CREATE TABLE t (a INT)" + clause + " SELECT 1 AS a",
		"CREATE TABLE t (a INT) UNION=(x,y) COLLATE gbk_bin ENGINE=MERGE":                  "",
		"CREATE TABLE t (a INT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4":                     "",
		"CREATE TABLE t (a INT) /*!40100 COLLATE utf8mb4_bin */":                           "",
		"CREATE TABLE t LIKE u":                                                            "",
		"ALTER TABLE t ADD b VARCHAR(3)":                                                   "",
	} {
		got, done := WithTextDefault([]byte(sql), Mode{}, d)
		if want == "" && (done || string(got) != sql) || want != "" && string(got) != want {
			t.Errorf("%s:\n got %s (%v)\nwant %s", sql, got, done, want)
		}
	}
}
