package oracle

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/schema"
)

// asker is a session or a pool.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// ask reads all rows of a query as text. NULL reads as "NULL": what is read from tables is in hexadecimal.
func ask(t *testing.T, db asker, query string) (out [][]string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
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
			if line[i] = c.String; !c.Valid {
				line[i] = "NULL"
			}
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

// capture is all of a database as text: the definition of every object, and every row, one a line.
func capture(t *testing.T, db *sql.DB, name string, lost []string) string {
	t.Helper()
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, q := range []string{"SET NAMES utf8mb4", "SET time_zone='+00:00'", "SET sql_mode=''", "USE `" + name + "`"} {
		if _, err := c.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	var out []string
	show := func(kind, object string) {
		r := ask(t, c, "SHOW CREATE "+kind+" "+schema.QuoteIdent(object))[0]
		if kind == "TRIGGER" {
			r = r[:6] // then comes when it was made
		}
		out = append(out, definition(strings.Join(r, " | "), name))
	}
	schema := ask(t, c, "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='"+name+"'")
	out = append(out, "database "+strings.Join(schema[0], " "))
	for _, r := range ask(t, c, "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA='"+name+"' ORDER BY TABLE_NAME") {
		if slices.Contains(lost, r[0]) {
			continue
		}
		show("TABLE", r[0])
		if r[1] != "VIEW" {
			out = append(out, rowsOf(t, c, name, r[0])...)
		}
	}
	for _, r := range ask(t, c, "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='"+name+"' ORDER BY 1") {
		show("TRIGGER", r[0])
	}
	for _, r := range ask(t, c, "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA='"+name+"' AND ROUTINE_TYPE IN ('PROCEDURE','FUNCTION') ORDER BY 1, 2") {
		show(r[0], r[1])
	}
	for _, r := range ask(t, c, "SELECT EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA='"+name+"' ORDER BY 1") {
		out = append(out, "event "+r[1])
		show("EVENT", r[0])
	}
	return strings.Join(out, "\n")
}

// definition is a SHOW CREATE without the database's name. MySQL adds CHARACTER SET to a column's COLLATE, which says as much,
// depending on whether the column was once made with a COLLATE of its own, as it is when it comes out of mysqldump.
func definition(show, database string) string {
	show = strings.ReplaceAll(strings.ReplaceAll(show, "`"+database+"`.", ""), " "+database+".", " ")
	return redundantCharset.ReplaceAllString(show, "COLLATE ${1}_")
}

var redundantCharset = regexp.MustCompile(`CHARACTER SET (\w+) COLLATE (?:\w+?)_`)

func rowsOf(t *testing.T, c *sql.Conn, name, table string) []string {
	t.Helper()
	var exact []string
	for _, r := range ask(t, c, "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='"+name+"' AND TABLE_NAME='"+table+"' ORDER BY ORDINAL_POSITION") {
		exact = append(exact, exactly(schema.QuoteIdent(r[0]), strings.ToLower(r[1])))
	}
	var lines []string
	for _, r := range ask(t, c, "SELECT "+strings.Join(exact, ", ")+" FROM "+schema.QuoteIdent(table)) {
		lines = append(lines, table+": "+strings.Join(r, " "))
	}
	slices.Sort(lines)
	return lines
}

// exactly is an expression for all there is to a column's value: bytes in the column's own character set, and every digit.
func exactly(column, kind string) string {
	switch kind {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year", "date", "time", "datetime", "timestamp":
		return column
	case "float", "double": // as a FLOAT it would print six digits; times one keeps the sign of -0
		return column + " * 1e0"
	case "bit":
		return column + " + 0"
	case "enum", "set":
		return "CONCAT(" + column + " + 0, ' ', HEX(" + column + "))"
	case "json":
		return "CONCAT(JSON_TYPE(" + column + "), ' ', HEX(CAST(" + column + " AS CHAR)))"
	}
	return "HEX(" + column + ")"
}

// difference is "" or the first place where got is not want.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		have, wanted := "(nothing)", "(nothing)"
		if i < len(g) {
			have = g[i]
		}
		if i < len(w) {
			wanted = w[i]
		}
		if have != wanted {
			return fmt.Sprintf("line %d of the state is\n  %.500s\nwant\n  %.500s", i+1, have, wanted)
		}
	}
	return ""
}
