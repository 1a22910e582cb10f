package soak

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lifeboat/internal/schema"
)

// state is all of a database: the definition of every object and every row, as lines in a fixed order, and the tables' counters.
type state struct {
	lines []string
	auto  map[string]counter
}

// counter is a table's AUTO_INCREMENT.
type counter struct {
	next uint64
	// least is one more than the greatest value in the table: a server that makes the table anew has at least that.
	least uint64
	known bool // the log tells it: a value that it gave last was committed

	greatest uint64 // that the column holds
}

type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// ask reads all rows of a query as text. NULL reads as "NULL": what is read from tables is in hexadecimal.
func ask(ctx context.Context, db asker, query string) (out [][]string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	cells := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		line := make([]string, len(columns))
		for i, c := range cells {
			if line[i] = c.String; !c.Valid {
				line[i] = "NULL"
			}
		}
		out = append(out, line)
	}
	return out, rows.Err()
}

// capture reads a database. It is nil where there is none of that name.
func capture(ctx context.Context, db *sql.DB, name string) (*state, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	info, err := ask(ctx, c, "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='"+name+"'")
	if err != nil || len(info) == 0 {
		return nil, err
	}
	for _, q := range []string{"SET NAMES utf8mb4", "SET time_zone='+00:00'", "SET sql_mode=''", "USE " + name} {
		if _, err := c.ExecContext(ctx, q); err != nil {
			return nil, fmt.Errorf("%s: %w", q, err)
		}
	}
	s := &state{auto: map[string]counter{}}
	s.lines = append(s.lines, "database "+strings.Join(info[0], " "))
	columns, err := exactColumns(ctx, c, name)
	if err != nil {
		return nil, err
	}
	tables, err := ask(ctx, c, "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA='"+name+"' ORDER BY 1")
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		if t[1] == "VIEW" {
			s.view(ctx, c, name, t[0])
			continue
		}
		if err := s.table(ctx, c, name, t[0], columns[t[0]]); err != nil {
			return nil, err
		}
	}
	return s, s.programs(ctx, c, name)
}

// view is compared by its definition; one whose tables have gone shows none.
func (s *state) view(ctx context.Context, c *sql.Conn, name, view string) {
	r, err := ask(ctx, c, "SHOW CREATE VIEW "+view)
	if err != nil {
		s.lines = append(s.lines, "view "+view+" cannot be shown")
		return
	}
	s.lines = append(s.lines, definition(strings.Join(r[0], " | "), name))
}

var counterClause = regexp.MustCompile(` AUTO_INCREMENT=(\d+)`)

type columnSet struct {
	exact    []string
	auto     string
	greatest uint64 // of auto's type
}

func greatest(dataType, columnType string) uint64 {
	bits := map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}[dataType]
	if !strings.Contains(columnType, "unsigned") {
		bits--
	}
	return 1<<bits - 1
}

func (s *state) table(ctx context.Context, c *sql.Conn, name, table string, columns columnSet) error {
	r, err := ask(ctx, c, "SHOW CREATE TABLE "+table)
	if err != nil {
		return err
	}
	show := definition(r[0][1], name)
	if columns.auto != "" {
		n := counter{next: 1, least: 1, greatest: columns.greatest}
		if m := counterClause.FindStringSubmatch(show); m != nil {
			if n.next, err = strconv.ParseUint(m[1], 10, 64); err != nil {
				return err
			}
		}
		last, err := ask(ctx, c, fmt.Sprintf("SELECT GREATEST(0, MAX(%s)) FROM %s", columns.auto, table))
		if err != nil {
			return err
		}
		if last[0][0] != "NULL" {
			v, err := strconv.ParseUint(last[0][0], 10, 64)
			if err != nil {
				return err
			}
			n.least = v + 1
		}
		s.auto[table] = n
		show = counterClause.ReplaceAllString(show, "")
	}
	s.lines = append(s.lines, "table "+table+": "+strings.ReplaceAll(show, "\n", " "))
	rows, err := ask(ctx, c, "SELECT "+strings.Join(columns.exact, ", ")+" FROM "+table)
	if err != nil {
		return err
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, "row of "+table+": "+strings.Join(r, " "))
	}
	slices.Sort(lines)
	s.lines = append(s.lines, lines...)
	return nil
}

func exactColumns(ctx context.Context, c *sql.Conn, name string) (map[string]columnSet, error) {
	all, err := ask(ctx, c, "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, EXTRA, COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='"+name+"' ORDER BY 1, ORDINAL_POSITION")
	if err != nil {
		return nil, err
	}
	out := map[string]columnSet{}
	for _, r := range all {
		set := out[r[0]]
		set.exact = append(set.exact, exactly(schema.QuoteIdent(r[1]), strings.ToLower(r[2]), r[4]))
		if strings.Contains(strings.ToLower(r[3]), "auto_increment") {
			set.auto, set.greatest = r[1], greatest(strings.ToLower(r[2]), strings.ToLower(r[4]))
		}
		out[r[0]] = set
	}
	return out, nil
}

// exactly is an expression for all there is to a column's value: bytes in the column's own character set, and every digit.
func exactly(column, kind, declared string) string {
	switch kind {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year", "date", "time", "datetime", "timestamp":
		return column
	case "float", "double": // as a FLOAT it would print six digits; times one keeps the sign of -0
		return column + " * 1e0"
	case "bit":
		return column + " + 0"
	case "enum":
		mark := ""
		if emptyInList.MatchString(declared) { // explain has to know these
			mark = "IF(" + column + " = '', 'empty:', ''), "
		}
		return "CONCAT(" + mark + column + " + 0, ' ', HEX(" + column + "))"
	case "set":
		return "CONCAT(" + column + " + 0, ' ', HEX(" + column + "))"
	case "json":
		return "CONCAT(JSON_TYPE(" + column + "), ' ', HEX(CAST(" + column + " AS CHAR)))"
	}
	return "HEX(" + column + ")"
}

// emptyInList finds the empty string among an ENUM's members.
var emptyInList = regexp.MustCompile(`[(,]''[,)]`)

func (s *state) programs(ctx context.Context, c *sql.Conn, name string) error {
	for _, q := range []string{
		"SELECT 'TRIGGER', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='" + name + "' ORDER BY 2",
		"SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA='" + name + "' AND ROUTINE_TYPE IN ('PROCEDURE','FUNCTION') ORDER BY 1, 2",
	} {
		list, err := ask(ctx, c, q)
		if err != nil {
			return err
		}
		for _, p := range list {
			r, err := ask(ctx, c, "SHOW CREATE "+p[0]+" "+p[1])
			if err != nil {
				return err
			}
			text := r[0]
			if p[0] == "TRIGGER" {
				text = text[:6] // then comes when it was made
			}
			s.lines = append(s.lines, definition(strings.ReplaceAll(strings.Join(text, " | "), "\n", " "), name))
		}
	}
	return nil
}

// definition is a SHOW CREATE without the database's name. MySQL adds CHARACTER SET to a column's COLLATE, which says as much,
// depending on whether the column was once made with a COLLATE of its own, as it is when it comes out of mysqldump.
func definition(show, name string) string {
	show = strings.ReplaceAll(show, "`"+name+"`.", "")
	show = redundantCharset.ReplaceAllString(show, "COLLATE ${1}_")
	return impliedIndex.ReplaceAllString(show, "")
}

// impliedIndex is one that the server makes for a foreign key, by the name of the key. It goes when an index that can serve is
// added, but not after a dump, which names it as if it had been asked for.
var impliedIndex = regexp.MustCompile(`,\n  KEY ` + "`r\\d+`" + ` \([^\n]*\)`)

var redundantCharset = regexp.MustCompile(`CHARACTER SET (\w+) COLLATE (?:\w+?)_`)

// difference is "" or the first place where got is not want.
func difference(want, got *state) string {
	if got == nil {
		return "there is no database"
	}
	for i := range max(len(want.lines), len(got.lines)) {
		have, wanted := "(nothing)", "(nothing)"
		if i < len(got.lines) {
			have = got.lines[i]
		}
		if i < len(want.lines) {
			wanted = want.lines[i]
		}
		if have != wanted {
			return fmt.Sprintf("line %d of the state is\n  %.1000s\nwant\n  %.1000s", i+1, have, wanted)
		}
	}
	for table, w := range want.auto {
		g := got.auto[table]
		right := g.next == w.next || g.next == g.least && g.next > w.next // no server goes below what its rows hold
		// What partitioned tables of MySQL show beyond the greatest value of the type has no meaning: no row gets it.
		right = right || w.next > w.greatest && g.next >= w.greatest
		// MariaDB's goes to 0 when a row holds the greatest BIGINT UNSIGNED, and from there on depends on what came later in memory.
		right = right || w.greatest == math.MaxUint64 && w.next < w.greatest
		if !w.known {
			// Insertions that failed or were rolled back moved the counter, and are in no log.
			right = right || g.next <= w.next && g.next >= g.least
		}
		if !right {
			return fmt.Sprintf("the counter of %s is %d, want %d (greatest value + 1: %d; known from the log: %t)", table, g.next, w.next, w.least, w.known)
		}
	}
	return ""
}
