package soak

import (
	"context"
	"database/sql"
	"regexp"
	"strings"
)

// state reads a database: all of it, or as much as source and target have in common.
func (b *bench) state(ctx context.Context, db *sql.DB, name string) (*state, error) {
	if b.to != b.kind {
		return portable(ctx, db, name)
	}
	return capture(ctx, db, name)
}

// portable is a database as another version of its server has it, too: all rows, and of its tables what has not changed its name or look from one version to
// the next. Programs, counters and the indexes of foreign keys (see impliedIndex) are left out.
func portable(ctx context.Context, db *sql.DB, name string) (*state, error) {
	s, err := capture(ctx, db, name)
	if s == nil || err != nil {
		return s, err
	}
	out := &state{auto: map[string]counter{}}
	for _, line := range s.lines {
		switch kind, _, _ := strings.Cut(line, " "); kind {
		case "database":
			out.lines = append(out.lines, utf8Names.ReplaceAllString(line, "utf8mb3$1"))
		case "row":
			out.lines = append(out.lines, line)
		}
	}
	for _, q := range []string{
		`SELECT 'column', TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLLATION_NAME, EXTRA FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '` + name + `' ORDER BY TABLE_NAME, ORDINAL_POSITION`,
		`SELECT 'index', TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, SUB_PART, NON_UNIQUE FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = '` + name + `' AND INDEX_NAME NOT LIKE 'r%' ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
		`SELECT 'foreign key', TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME, UPDATE_RULE, DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = '` + name + `' ORDER BY TABLE_NAME, CONSTRAINT_NAME`,
	} {
		rows, err := ask(ctx, db, q)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out.lines = append(out.lines, tidy(strings.Join(r, " ")))
		}
	}
	return out, nil
}

// tidy writes a line as all versions would.
func tidy(line string) string {
	line = utf8Names.ReplaceAllString(line, "utf8mb3$1")
	line = displayWidth.ReplaceAllString(line, "$1")
	line = strings.NewReplacer("DEFAULT_GENERATED", "", "RESTRICT", "NO ACTION", "STORED GENERATED", "PERSISTENT").Replace(line)
	return strings.ReplaceAll(strings.ToLower(strings.Join(strings.Fields(line), " ")), "current_timestamp()", "current_timestamp")
}

var (
	utf8Names    = regexp.MustCompile(`\butf8(_|\b)`)
	displayWidth = regexp.MustCompile(`\b((?:tiny|small|medium|big)?int|year)\(\d+\)`)
)
