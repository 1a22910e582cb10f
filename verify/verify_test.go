package verify_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/verify"
)

// table has a column of every kind that is rendered in its own way.
const table = "CREATE TABLE %s.t (id INT NOT NULL PRIMARY KEY, i BIGINT UNSIGNED, d DECIMAL(30,10), f FLOAT, g DOUBLE, b BIT(64), y YEAR, da DATE, ti TIME(6), dt DATETIME(6), ts TIMESTAMP(6) NULL," +
	" e ENUM('x','y',''), s SET('p','q','r'), c CHAR(10), v VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, u VARCHAR(20) CHARACTER SET ucs2, vb VARBINARY(40), bn BINARY(8)," +
	" tt TINYTEXT, tx LONGTEXT CHARACTER SET utf8mb4, bl LONGBLOB, ge GEOMETRY%s)"

const row = "INSERT INTO %s.t VALUES (%d, 18446744073709551615, 12345678901234567890.0123456789, 1.17549435e-38, 0.1, b'1000000000000000000000000000000000000000000000000000000000000001', 1999," +
	" '2024-02-29', '-838:59:58.999999', '9999-12-31 23:59:59.999999', '2024-01-02 03:04:05.678901', 'y', 'p,r', 'abc', 'naïve 客户 ', 'ü', x'00ff00', x'0102', 'tiny', REPEAT('long ', 1000), REPEAT(x'00ff', 100000)," +
	" ST_GeomFromText('POINT(1 2)')%s)"

func shape(kind string) (column, value string) {
	if kind == testserver.MySQL97 {
		return ", j JSON, ve VECTOR(2)", `, '{"a": [1, 2.50, null]}', TO_VECTOR('[1.5,-2]')`
	}
	if kind == testserver.MariaDB1011 {
		return ", j JSON, uu UUID, ip INET6", `, '{"a": [1, 2.50, null]}', '123e4567-e89b-12d3-a456-426655440000', '::1'`
	}
	return "", ""
}

// Each change is to one value or row of database b, which else equals a.
var changes = []struct{ change, back string }{
	{"UPDATE b.t SET i=18446744073709551614 WHERE id=1", "UPDATE b.t SET i=18446744073709551615 WHERE id=1"},
	{"UPDATE b.t SET d=d+0.0000000001 WHERE id=1", "UPDATE b.t SET d=d-0.0000000001 WHERE id=1"},
	{"UPDATE b.t SET f=1.1754945e-38 WHERE id=1", "UPDATE b.t SET f=1.17549435e-38 WHERE id=1"},
	{"UPDATE b.t SET g=0.10000000000000002 WHERE id=1", "UPDATE b.t SET g=0.1 WHERE id=1"},
	{"UPDATE b.t SET b=b'1000000000000000000000000000000000000000000000000000000000000000' WHERE id=1", "UPDATE b.t SET b=b'1000000000000000000000000000000000000000000000000000000000000001' WHERE id=1"},
	{"UPDATE b.t SET y=0 WHERE id=1", "UPDATE b.t SET y=1999 WHERE id=1"},
	{"UPDATE b.t SET da='0000-00-00' WHERE id=1", "UPDATE b.t SET da='2024-02-29' WHERE id=1"},
	{"UPDATE b.t SET ti='-838:59:58.999998' WHERE id=1", "UPDATE b.t SET ti='-838:59:58.999999' WHERE id=1"},
	{"UPDATE b.t SET dt='9999-12-31 23:59:59.999998' WHERE id=1", "UPDATE b.t SET dt='9999-12-31 23:59:59.999999' WHERE id=1"},
	{"UPDATE b.t SET ts='2024-01-02 03:04:05.678902' WHERE id=1", "UPDATE b.t SET ts='2024-01-02 03:04:05.678901' WHERE id=1"},
	{"UPDATE b.t SET e='x' WHERE id=1", "UPDATE b.t SET e='y' WHERE id=1"},
	{"UPDATE b.t SET e=0 WHERE id=1", "UPDATE b.t SET e='y' WHERE id=1"}, // the error value, whose text is empty
	{"UPDATE b.t SET e=3 WHERE id=1", "UPDATE b.t SET e='y' WHERE id=1"},
	{"UPDATE b.t SET s='p' WHERE id=1", "UPDATE b.t SET s='p,r' WHERE id=1"},
	{"UPDATE b.t SET c='ABC' WHERE id=1", "UPDATE b.t SET c='abc' WHERE id=1"},
	{"UPDATE b.t SET v='naïve 客户' WHERE id=1", "UPDATE b.t SET v='naïve 客户 ' WHERE id=1"}, // a trailing space
	{"UPDATE b.t SET v='naive 客户 ' WHERE id=1", "UPDATE b.t SET v='naïve 客户 ' WHERE id=1"},
	{"UPDATE b.t SET v='' WHERE id=2", "UPDATE b.t SET v=NULL WHERE id=2"},
	{"UPDATE b.t SET v='N' WHERE id=2", "UPDATE b.t SET v=NULL WHERE id=2"},
	{"UPDATE b.t SET tx='N' WHERE id=2", "UPDATE b.t SET tx=NULL WHERE id=2"},
	{"UPDATE b.t SET u='Ü' WHERE id=1", "UPDATE b.t SET u='ü' WHERE id=1"},
	{"UPDATE b.t SET vb=x'00ff' WHERE id=1", "UPDATE b.t SET vb=x'00ff00' WHERE id=1"},
	{"UPDATE b.t SET bn=x'0103' WHERE id=1", "UPDATE b.t SET bn=x'0102' WHERE id=1"},
	{"UPDATE b.t SET tt='Tiny' WHERE id=1", "UPDATE b.t SET tt='tiny' WHERE id=1"},
	{"UPDATE b.t SET tx=CONCAT(tx,' ') WHERE id=1", "UPDATE b.t SET tx=REPEAT('long ', 1000) WHERE id=1"},
	{"UPDATE b.t SET bl=CONCAT(bl,x'00') WHERE id=1", "UPDATE b.t SET bl=REPEAT(x'00ff', 100000) WHERE id=1"},
	{"UPDATE b.t SET ge=ST_GeomFromText('POINT(1 3)') WHERE id=1", "UPDATE b.t SET ge=ST_GeomFromText('POINT(1 2)') WHERE id=1"},
	{"UPDATE b.t SET ge=ST_GeomFromText('POINT(1 2)',4326) WHERE id=1", "UPDATE b.t SET ge=ST_GeomFromText('POINT(1 2)') WHERE id=1"},
	{"UPDATE b.t SET id=4 WHERE id=3", "UPDATE b.t SET id=3 WHERE id=4"},
	{"DELETE FROM b.dup WHERE v='x' LIMIT 1", "INSERT INTO b.dup VALUES ('x')"},
	{"UPDATE b.dup SET v='y' WHERE v='x' LIMIT 2", "UPDATE b.dup SET v='x' WHERE v='y' LIMIT 2"}, // an exclusive or would not see it
	{"INSERT INTO b.dup VALUES ('z')", "DELETE FROM b.dup WHERE v='z'"},
	{"UPDATE b.pair SET a='1', b=',2'", "UPDATE b.pair SET a='1,', b='2'"}, // columns must not run together
	{"ALTER TABLE b.pair ADD KEY (a)", "ALTER TABLE b.pair DROP KEY a"},
	{"ALTER TABLE b.pair ADD c INT", "ALTER TABLE b.pair DROP c"},
	{"RENAME TABLE b.pair TO b.pear", "RENAME TABLE b.pear TO b.pair"},
	{"CREATE VIEW b.w AS SELECT 1", "DROP VIEW b.w"},
}

// signs are the two zeros, which MariaDB stores as one. By REPLACE, since a server may find that -0 equals 0 and
// leave the row alone.
var signs = []struct{ change, back string }{
	{"REPLACE INTO b.t (id, g, f, v, tx, bl) VALUES (3, -0e0, 0, '', '', '')", "REPLACE INTO b.t (id, g, f, v, tx, bl) VALUES (3, 0, 0, '', '', '')"},
	{"REPLACE INTO b.t (id, g, f, v, tx, bl) VALUES (3, 0, -0e0, '', '', '')", "REPLACE INTO b.t (id, g, f, v, tx, bl) VALUES (3, 0, 0, '', '', '')"},
}

func fill(t *testing.T, db *sql.DB, kind, name string) {
	t.Helper()
	column, value := shape(kind)
	for _, q := range []string{
		"SET SESSION sql_mode='ALLOW_INVALID_DATES'", "CREATE DATABASE " + name, fmt.Sprintf(table, name, column), fmt.Sprintf(row, name, 1, value),
		"INSERT INTO " + name + ".t (id) VALUES (2)", "INSERT INTO " + name + ".t (id, g, f, v, tx, bl) VALUES (3, 0, 0, '', '', '')",
		"CREATE TABLE " + name + ".dup (v VARCHAR(10))", "INSERT INTO " + name + ".dup VALUES ('x'),('x'),('x'),('x')",
		"CREATE TABLE " + name + ".pair (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(9), b VARCHAR(9)) COMMENT='no AUTO_INCREMENT=7 here'",
		"INSERT INTO " + name + ".pair (a, b) VALUES ('1,', '2')",
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%.300s: %v", q, err)
		}
	}
}

func compare(t *testing.T, left, right *target.Server, tables ...string) *verify.Result {
	t.Helper()
	r, err := verify.Compare(t.Context(), verify.Side{Server: left, Database: "a"}, verify.Side{Server: right, Database: "b"}, verify.Options{Workers: 2, Tables: tables})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func open(t testing.TB, dsn string) *target.Server {
	t.Helper()
	s, err := target.Open(t.Context(), dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func text(t *testing.T, r *verify.Result) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.Write(&out, "text", false); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Equal databases compare equal; any one change is found.
func TestEveryChangeIsFound(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := testserver.Start(t, kind, "--sql-mode=ALLOW_INVALID_DATES")
			db := testserver.Open(t, s)
			db.SetMaxOpenConns(1)
			if _, err := db.Exec("SET NAMES utf8mb4"); err != nil {
				t.Fatal(err)
			}
			fill(t, db, kind, "a")
			fill(t, db, kind, "b")
			srv := open(t, s.DSN())
			if r := compare(t, srv, srv); r.Err() != nil || len(r.Tables) != 3 {
				t.Fatalf("equal databases: %v\n%s", r.Err(), text(t, r))
			}
			list := slices.Clone(changes)
			if kind != testserver.MariaDB1011 {
				list = append(list, signs...)
			}
			if kind != testserver.MySQL56 {
				list = append(list, struct{ change, back string }{`UPDATE b.t SET j='{"a": [1, 2.51, null]}' WHERE id=1`, `UPDATE b.t SET j='{"a": [1, 2.50, null]}' WHERE id=1`})
			}
			for _, c := range list {
				if _, err := db.Exec(c.change); err != nil {
					t.Errorf("%s: %v", c.change, err)
					continue
				}
				if r := compare(t, srv, srv); !errors.Is(r.Err(), verify.ErrDifferent) || r.Differences == 0 {
					t.Errorf("%s was not found:\n%s", c.change, text(t, r))
				}
				if _, err := db.Exec(c.back); err != nil {
					t.Fatalf("%s: %v", c.back, err)
				}
			}
			if r := compare(t, srv, srv); r.Err() != nil {
				t.Errorf("not equal in the end:\n%s", text(t, r))
			}
		})
	}
}

// AUTO_INCREMENT is a note, and so is what the other family prints in another way; the rows compare exactly.
func TestAcrossFamilies(t *testing.T) {
	servers := map[string]*target.Server{}
	dbs := map[string]*sql.DB{}
	for i, kind := range testserver.Kinds() {
		s := testserver.Start(t, kind, "--sql-mode=ALLOW_INVALID_DATES")
		db := testserver.Open(t, s)
		db.SetMaxOpenConns(1)
		fill(t, db, testserver.MySQL56, "a") // the columns that all of them know
		fill(t, db, testserver.MySQL56, "b")
		if _, err := db.Exec(fmt.Sprintf("ALTER TABLE b.pair AUTO_INCREMENT=%d", 100+i)); err != nil {
			t.Fatal(err)
		}
		servers[kind], dbs[kind] = open(t, s.DSN()), db
	}
	for _, left := range testserver.Kinds() {
		for _, right := range testserver.Kinds() {
			r := compare(t, servers[left], servers[right])
			if r.Err() != nil {
				t.Errorf("%s against %s:\n%s", left, right, text(t, r))
			}
			want := "definitions are not compared"
			if left == right {
				want = "next AUTO_INCREMENT value: 2 on the target, 10"
			}
			if !strings.Contains(text(t, r), want) {
				t.Errorf("%s against %s: no note %q:\n%s", left, right, want, text(t, r))
			}
		}
		if _, err := dbs[left].Exec("UPDATE a.t SET v='changed' WHERE id=3"); err != nil {
			t.Fatal(err)
		}
		for _, right := range testserver.Kinds() {
			if r := compare(t, servers[left], servers[right], "t"); r.Err() == nil {
				t.Errorf("%s against %s: a change was not found", left, right)
			}
		}
		if _, err := dbs[left].Exec("UPDATE a.t SET v='' WHERE id=3"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJSONAndRefusals(t *testing.T) {
	s := testserver.Start(t, testserver.MariaDB1011)
	db := testserver.Open(t, s)
	db.SetMaxOpenConns(1)
	fill(t, db, testserver.MySQL56, "a")
	fill(t, db, testserver.MySQL56, "b")
	if _, err := db.Exec("DROP TABLE b.dup"); err != nil {
		t.Fatal(err)
	}
	srv := open(t, s.DSN())
	var out bytes.Buffer
	if err := compare(t, srv, srv).Write(&out, "json", false); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema      string
		Same        bool
		Differences int
		Tables      []struct{ Name, Difference string }
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Schema != verify.Schema || got.Same || got.Differences != 1 || len(got.Tables) != 3 || got.Tables[0].Difference != "only on the target" {
		t.Errorf("%+v, %v\n%s", got, err, out.String())
	}
	for _, c := range []struct {
		side verify.Side
		o    verify.Options
		want string
	}{
		{verify.Side{Server: srv, Database: "none"}, verify.Options{}, "no database none"},
		{verify.Side{Server: srv, Database: "b"}, verify.Options{Tables: []string{"nope"}}, "table nope"},
	} {
		if _, err := verify.Compare(t.Context(), verify.Side{Server: srv, Database: "a"}, c.side, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
