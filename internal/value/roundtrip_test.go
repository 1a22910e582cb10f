package value

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// loading and restoring are the sessions that write the source's rows and the restored ones.
var loading = []string{
	"SET NAMES utf8mb4", "SET time_zone = '+00:00'",
	"SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'", "CREATE DATABASE IF NOT EXISTS value_test", "USE value_test",
}

var restoring = []string{
	"SET NAMES binary", "SET time_zone = '+00:00'",
	"SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,STRICT_ALL_TABLES'", "CREATE DATABASE IF NOT EXISTS value_test", "USE value_test",
}

// roundTrip is a column and values to write into it. The test reads their images from the binlog,
// writes them again by their literals, and compares the images of the second writing with the first.
type roundTrip struct {
	name    string
	ddl     string // of the column
	column  Column // Unsigned, Charset and DataType
	values  []string
	servers []string // all if nil
	engine  string   // the server's default if ""
	typ     byte     // of the table map, where the test is about that
	lenient bool     // restored without strict mode, where a warning is expected for the values that StoresWithWarning tells
	before  []string // run before the tables are created
	setup   []string // run before the values are written
	loose   bool     // a condition may find rows with other images too
	key     bool     // a key literal finds exactly the equal values through an index
}

func (rt *roundTrip) columns(types []byte, metas []uint16) []Column {
	c := rt.column
	c.Type, c.Meta = types[1], metas[1]
	return []Column{{Type: types[0], Meta: metas[0]}, c}
}

func TestRoundTrip(t *testing.T) {
	for _, kind := range testserver.AllKinds() {
		t.Run(kind, func(t *testing.T) {
			s := openServer(t, kind)
			for i, rt := range append(roundTrips(), singleByteTrips(t, s)...) {
				if rt.isFor(kind) {
					t.Run(rt.name, func(t *testing.T) { rt.run(t, s, i) })
				}
			}
		})
	}
}

// isFor reports a kind of server that has such a column. What MariaDB 10.11 has, 11.8 has too.
func (rt *roundTrip) isFor(kind string) bool {
	return rt.servers == nil || slices.Contains(rt.servers, kind) || kind == testserver.MariaDB118 && slices.Contains(rt.servers, testserver.MariaDB1011)
}

// singleByteTrips has a column of every character set of the server with one byte a letter, for all bytes.
func singleByteTrips(t *testing.T, s *server) (all []roundTrip) {
	for _, line := range query(t, s.session(t), "SELECT character_set_name FROM information_schema.character_sets WHERE maxlen = 1 AND character_set_name <> 'binary'") {
		all = append(all, roundTrip{name: "all_" + line, ddl: "VARCHAR(300) CHARACTER SET " + line, column: Column{Charset: line}, key: true, values: []string{"_binary " + allBytes(), "'a'"}})
	}
	return all
}

func (rt *roundTrip) run(t *testing.T, s *server, number int) {
	since := s.mark(t)
	load, restore := s.session(t, loading...), s.session(t, restoring...)
	if rt.lenient {
		run(t, restore, "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'")
	}
	for _, q := range rt.before {
		run(t, load, q)
	}
	source, target := fmt.Sprintf("source%d", number), fmt.Sprintf("target%d", number)
	for _, table := range []string{source, target} {
		index, engine := "", ""
		if rt.engine != "" {
			engine = " ENGINE=" + rt.engine
		}
		if rt.key {
			index = ", KEY k (v)"
		}
		run(t, load, fmt.Sprintf("CREATE TABLE %s (n INT NOT NULL PRIMARY KEY, v %s%s)%s", table, rt.ddl, index, engine))
	}
	for _, q := range rt.setup {
		run(t, load, q)
	}
	for i, v := range append([]string{"NULL"}, rt.values...) {
		run(t, load, fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", source, i, v))
	}
	images := s.logged(t, since, rt.columns, source)
	if len(images) != len(rt.values)+1 {
		t.Fatalf("%d rows in the log, %d written", len(images), len(rt.values)+1)
	}
	c := rt.columns(columnOf(t, s, since, source))[1]
	if rt.typ != 0 && rt.typ != c.Type {
		t.Fatalf("the log has type %d, the test is for %d", c.Type, rt.typ)
	}
	for i, im := range images {
		lit := []byte("NULL")
		if im[1] != nil {
			var err error
			if lit, err = c.AppendLiteral(nil, im[1]); err != nil {
				t.Errorf("value %d (%.200s), image %.100x: %v", i, value(rt, i), im[1], err)
				continue
			}
		}
		if _, err := restore.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", target, i, lit)); err != nil {
			t.Errorf("value %d (%.200s), image %.100x, literal %.200q: %v", i, value(rt, i), im[1], lit, err)
			continue
		}
		w := warnings(t, restore)
		if im[1] != nil && c.StoresWithWarning(im[1]) {
			if len(w) != 1 || !strings.Contains(w[0], "\t1265\t") {
				t.Errorf("value %d (%.200s), literal %.200q: %q, want one warning 1265", i, value(rt, i), lit, w)
			}
		} else if len(w) > 0 {
			t.Errorf("value %d (%.200s), literal %.200q: %q", i, value(rt, i), lit, w)
		}
	}
	again := s.logged(t, since, rt.columns, target)
	restored := map[string][]byte{}
	for _, im := range again {
		restored[string(im[0])] = im[1]
	}
	for i, im := range images {
		got, ok := restored[string(im[0])]
		if !ok {
			continue
		}
		if !bytes.Equal(got, im[1]) || (got == nil) != (im[1] == nil) {
			lit, err := c.AppendLiteral(nil, im[1])
			t.Errorf("value %d (%.200s) changed:\n image %.200x\n   got %.200x\n literal %.200q %v", i, value(rt, i), im[1], got, lit, err)
		}
	}
	rt.matches(t, s, &c, images, target)
	rt.answers(t, s, &c, images, source)
	sums := query(t, load, "CHECKSUM TABLE "+source+", "+target)
	if a, b := strings.Fields(sums[0])[1], strings.Fields(sums[1])[1]; a != b {
		t.Errorf("checksums differ: %s %s", a, b)
	}
}

func value(rt *roundTrip, i int) string {
	if i == 0 {
		return "NULL"
	}
	return rt.values[i-1]
}

// columnOf finds the column's type and metadata in the log.
func columnOf(t *testing.T, s *server, since mark, table string) (types []byte, metas []uint16) {
	s.logged(t, since, func(ty []byte, m []uint16) []Column {
		types, metas = bytes.Clone(ty), m
		return []Column{{Type: ty[0], Meta: m[0]}, {Type: ty[1], Meta: m[1]}}
	}, table)
	return types, metas
}

// matches checks that the condition for a value finds the rows with that image and no others.
func (rt *roundTrip) matches(t *testing.T, s *server, c *Column, images []image, table string) {
	conn := s.session(t, restoring...)
	for i, im := range images {
		cond, err := c.AppendMatch(nil, "`v`", im[1])
		if err != nil {
			t.Errorf("value %d (%.200s): %v", i, value(rt, i), err)
			continue
		}
		var want []string
		for j, other := range images {
			if bytes.Equal(im[1], other[1]) && (im[1] == nil) == (other[1] == nil) {
				want = append(want, fmt.Sprint(j))
			}
		}
		expectRows(t, conn, fmt.Sprintf("SELECT n FROM %s WHERE %s ORDER BY n", table, cond), want, rt.loose, value(rt, i))
		if im[1] == nil {
			continue
		}
		key, err := c.AppendKeyLiteral(nil, im[1])
		if errors.Is(err, ErrUnsupported) && !rt.key {
			continue
		} else if err != nil {
			t.Errorf("value %d (%.200s): key: %v", i, value(rt, i), err)
			continue
		}
		if rt.key {
			expectRows(t, conn, fmt.Sprintf("SELECT n FROM %s FORCE INDEX (k) WHERE v = %s ORDER BY n", table, key), want, c.isText() || c.isFloat(), value(rt, i))
			expectRows(t, conn, fmt.Sprintf("SELECT n FROM %s WHERE (v, n) IN ((%s, %d))", table, key, i), []string{fmt.Sprint(i)}, false, value(rt, i))
			plan := query(t, conn, fmt.Sprintf("EXPLAIN FORMAT=TRADITIONAL SELECT n FROM %s FORCE INDEX (k) WHERE v = %s", table, key))
			if !strings.Contains(plan[0], "\tref\t") && !strings.Contains(plan[0], "Impossible") {
				t.Errorf("value %d (%.200s): no index lookup by %.100s: %q", i, value(rt, i), key, plan)
			}
		}
	}
}

// answers checks that what a query answers is made into the images that the log has.
func (rt *roundTrip) answers(t *testing.T, s *server, c *Column, images []image, table string) {
	if _, err := c.AppendAnswer(nil, []byte("0")); errors.Is(err, ErrUnsupported) {
		return
	}
	var all []int
	for i, im := range images {
		if im[1] != nil {
			all = append(all, i)
		}
	}
	asked := "v"
	switch c.Real() {
	case TypeEnum, TypeSet, TypeBit:
		asked = Exactly("enum", "v")
	}
	for n, text := range query(t, s.session(t, restoring...), "SELECT "+asked+" FROM "+table+" WHERE v IS NOT NULL ORDER BY n") {
		i := all[n]
		if raw, err := c.AppendAnswer(nil, []byte(text)); err != nil || !bytes.Equal(raw, images[i][1]) {
			t.Errorf("value %d (%.200s): %.100q came to %.100x, %v, the log has %.100x", i, value(rt, i), text, raw, err, images[i][1])
		}
	}
}

func expectRows(t *testing.T, conn *sql.Conn, query string, want []string, wider bool, what string) {
	t.Helper()
	got, err := queryRows(conn, query)
	if err != nil {
		t.Errorf("%.100s: %.300q: %v", what, query, err)
		return
	}
	w := slices.DeleteFunc(warnings(t, conn), func(s string) bool {
		return strings.HasSuffix(s, "Truncated incorrect DECIMAL value: ''") || // 5.6, of numbers of 65 digits below zero that it finds all the same
			strings.Contains(s, "\t1300\t") && strings.HasPrefix(what, "_binary") || // bytes that are no letter of the character set
			slices.ContainsFunc([]string{"macroman", "macce", "dec8", "hp8"}, func(cs string) bool { return strings.Contains(s, "1287\t'"+cs+"'") })
	})
	if wider && contains(got, want) {
		got = want
	}
	if !slices.Equal(got, want) {
		t.Errorf("%.40s: %.150q: rows %v, want %v (%.100q)", what, query, got, want, w)
	} else if len(w) > 0 {
		t.Errorf("%.40s: %.150q: %.150q", what, query, w)
	}
}

func contains(all, some []string) bool {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return false
		}
	}
	return true
}
