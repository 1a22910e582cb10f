// Package dbstate remembers what a database held, on any server, and says how another differs. It is for tests, and shares nothing
// with what it judges.
package dbstate

import (
	"bufio"
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// State is a database as it is at one moment.
type State struct {
	db string
	// sums are CHECKSUM TABLE, by table. MariaDB's sums up whatever lies in the memory of a VIRTUAL column, so it is another one
	// each time: such tables have no sum, and are told apart by their rows alone.
	sums   map[string]int64
	Counts map[string]int64  // rows, by table
	shape  map[string]string // what the server says of each table, view, trigger and routine
	rows   string            // folder with one file a table: its rows as text, sorted; "": not read
}

// Capture reads a database; rows is an empty folder for its rows, or "" to leave them out.
func Capture(t testing.TB, db *sql.DB, name, rows string) *State {
	t.Helper()
	s := &State{db: name, sums: map[string]int64{}, Counts: map[string]int64{}, shape: map[string]string{}, rows: rows}
	unsteady := map[string]bool{}
	for _, r := range Texts(t, db, "SELECT DISTINCT TABLE_NAME FROM information_schema.COLUMNS WHERE VERSION() LIKE '%MariaDB%' AND EXTRA LIKE '%VIRTUAL%' AND TABLE_SCHEMA = '"+name+"'") {
		unsteady[r[0]] = true
	}
	for _, r := range Texts(t, db, "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = '"+name+"'") {
		table, quoted := r[0], "`"+name+"`.`"+r[0]+"`"
		show := Texts(t, db, "SHOW CREATE TABLE "+quoted)[0]
		s.shape[table] = definition(show[1], name)
		if r[1] == "VIEW" {
			continue
		}
		if !unsteady[table] {
			var full string
			var sum sql.NullInt64
			if err := db.QueryRow("CHECKSUM TABLE "+quoted).Scan(&full, &sum); err != nil || !sum.Valid {
				t.Fatalf("CHECKSUM TABLE %s: %v", quoted, err)
			}
			s.sums[table] = sum.Int64
		}
		var count int64
		if err := db.QueryRow("SELECT COUNT(*) FROM " + quoted).Scan(&count); err != nil {
			t.Fatal(err)
		}
		s.Counts[table] = count
		if rows != "" {
			saveRows(t, db, name, table, filepath.Join(rows, table))
		}
	}
	for _, r := range Texts(t, db, "SELECT TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_STATEMENT, SQL_MODE, DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '"+name+"'") {
		s.shape["trigger "+r[0]] = strings.Join(r[1:], " ")
	}
	schema := Texts(t, db, "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '"+name+"'")
	if len(schema) != 1 {
		t.Fatalf("there is no database %s", name)
	}
	s.shape["database"] = strings.Join(schema[0], " ")
	return s
}

// definition is a SHOW CREATE without the database's name. MySQL adds CHARACTER SET to a column's COLLATE, which says as much,
// depending on whether the column once was made with a COLLATE of its own, as each comes out of mysqldump.
func definition(show, database string) string {
	show = strings.ReplaceAll(show, "`"+database+"`.", "")
	return redundantCharset.ReplaceAllString(show, "COLLATE ${1}_")
}

var redundantCharset = regexp.MustCompile(`CHARACTER SET (\w+) COLLATE (?:\w+?)_`)

// Texts reads all rows of a query as text. NULL reads as "NULL".
func Texts(t testing.TB, db *sql.DB, query string) (out [][]string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	cells := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(columns))
		for i, c := range cells {
			line[i] = cmp.Or(c.String, "")
			if !c.Valid {
				line[i] = "NULL"
			}
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// saveRows writes a table's rows to a file, one a line, sorted, each value so that equal lines are equal rows.
func saveRows(t testing.TB, db *sql.DB, name, table, path string) {
	t.Helper()
	var exact []string
	for _, c := range Texts(t, db, "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '"+name+"' AND TABLE_NAME = '"+table+"' ORDER BY ORDINAL_POSITION") {
		exact = append(exact, exactly("`"+c[0]+"`", strings.ToLower(c[1])))
	}
	var lines []string
	for _, r := range Texts(t, db, "SELECT "+strings.Join(exact, ", ")+" FROM `"+name+"`.`"+table+"`") {
		lines = append(lines, strings.Join(r, " "))
	}
	slices.Sort(lines)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	for _, l := range lines {
		fmt.Fprintln(w, l)
	}
	if err := cmp.Or(w.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// exactly is an expression for all there is to a column's value: bytes in the column's own character set, and every digit.
func exactly(column, kind string) string {
	switch kind {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year":
		return column
	case "float", "double": // as a FLOAT it would print six digits
		return column + " + 0e0"
	case "bit":
		return column + " + 0"
	case "enum", "set":
		return "CONCAT(" + column + " + 0, ' ', HEX(" + column + "))"
	case "json":
		return "HEX(CAST(" + column + " AS CHAR))"
	}
	return "HEX(" + column + ")"
}

// Differences says how got is not want, one line each. Rows are compared where both have them.
func Differences(want, got *State) (list []string) {
	for _, what := range slices.Sorted(maps.Keys(union(want.shape, got.shape))) {
		w, g := want.shape[what], got.shape[what]
		if w != g {
			list = append(list, fmt.Sprintf("%s is\n%s\nwant\n%s", what, cmp.Or(g, "(not there)"), cmp.Or(w, "(not there)")))
		}
	}
	for _, table := range slices.Sorted(maps.Keys(want.sums)) {
		if g, ok := got.sums[table]; ok && g != want.sums[table] {
			list = append(list, fmt.Sprintf("table %s: CHECKSUM TABLE %d, want %d (%d rows, want %d)", table, g, want.sums[table], got.Counts[table], want.Counts[table]))
		}
	}
	if want.rows == "" || got.rows == "" {
		return list
	}
	for _, table := range slices.Sorted(maps.Keys(want.Counts)) {
		if _, ok := got.Counts[table]; ok {
			if d := firstDifference(filepath.Join(want.rows, table), filepath.Join(got.rows, table)); d != "" {
				list = append(list, "table "+table+": "+d)
			}
		}
	}
	return list
}

func union(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// firstDifference streams two files of rows side by side.
func firstDifference(want, got string) string {
	w, err := os.Open(want)
	if err != nil {
		return err.Error()
	}
	defer w.Close()
	g, err := os.Open(got)
	if err != nil {
		return err.Error()
	}
	defer g.Close()
	a, b := bufio.NewScanner(w), bufio.NewScanner(g)
	a.Buffer(nil, 64<<20)
	b.Buffer(nil, 64<<20)
	for n := 1; ; n++ {
		moreA, moreB := a.Scan(), b.Scan()
		switch {
		case !moreA && !moreB:
			if err := cmp.Or(a.Err(), b.Err()); err != nil {
				return err.Error()
			}
			return ""
		case moreA != moreB || a.Text() != b.Text():
			return fmt.Sprintf("row %d in order is\n%q\nwant\n%q", n, b.Text(), a.Text())
		}
	}
}

// Same fails the test unless the database on the server is what want says.
func Same(t testing.TB, db *sql.DB, name string, want *State) {
	t.Helper()
	rows := ""
	if want.rows != "" {
		rows = t.TempDir()
	}
	if list := Differences(want, Capture(t, db, name, rows)); len(list) > 0 {
		t.Errorf("database %s is not what it was before the wipe:\n%s", name, strings.Join(list, "\n"))
	}
}
