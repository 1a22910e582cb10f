package replay

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// wasReplace tells whether a logged update with incomplete images is what became of a REPLACE: MariaDB logs one that meets a single
// row so, and leaves out the columns that took their default. Only the statement's text shows it; it is not told where that is missing,
// or does not name the table (a trigger or routine changed it).
func wasReplace(rows *binlog.Rows, table string) (was, told bool) {
	st, err := schema.Classify(rows.Statement, schema.Mode{MariaDB: true})
	if err != nil {
		st, err = schema.Classify(rows.Statement, schema.Mode{MariaDB: true, ANSIQuotes: true})
	}
	named := err == nil && slices.ContainsFunc(st.Objects, func(o schema.Object) bool { return o.Role == schema.Target && strings.EqualFold(o.Name, table) })
	switch st.Verb {
	case schema.Replace:
		return named, named
	case schema.Update, schema.Insert:
		return false, named
	}
	return false, false
}

// replaces remembers, by table, which statements that name it are a REPLACE, by how they begin: to read each update's statement takes longer than to fold its row.
type replaces map[string]map[string]bool

// mostBeginnings is how many beginnings are remembered of a table's statements.
const mostBeginnings = 1000

// of is wasReplace.
func (m replaces) of(rows *binlog.Rows, table string) (was, told bool) {
	begins := beginning(rows.Statement)
	if was, told = m[table][string(begins)]; told {
		return was, true
	}
	was, told = wasReplace(rows, table)
	if !told || begins == nil || len(m[table]) == mostBeginnings {
		return was, told
	}
	if m[table] == nil {
		m[table] = map[string]bool{}
	}
	m[table][string(begins)] = was
	return was, told
}

// beginning is a statement up to its SET, if it is of one table and has nothing in front of that but up to three plain words, such as UPDATE IGNORE t, so that what kind
// of statement it is and which table it changes is told by that much; else nil.
func beginning(text []byte) []byte {
	const most = 200
	words, inWord, quoted := 0, false, false
	for i, c := range text[:min(len(text), most)] {
		switch {
		case c == '`':
			quoted = !quoted
		case c == ' ' || c == '\t' || c == '\n':
			inWord = inWord && quoted
			continue
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '.', c == '$':
		default:
			return nil
		}
		if inWord {
			continue
		}
		inWord = true
		if rest := text[i:]; len(rest) > 4 && strings.EqualFold(string(rest[:3]), "set") && (rest[3] == ' ' || rest[3] == '\t' || rest[3] == '\n') {
			return text[:i+4]
		}
		if words++; words > 3 {
			return nil
		}
	}
	return nil
}

// replaced is the same of MariaDB's log, and says that the result may be incomplete where it is not told.
func (r *runner) replaced(t *route, it *binlog.Item) bool {
	if !r.format.MariaDB {
		return false
	}
	was, told := r.replaces.of(it.Rows, t.name)
	if told {
		return was
	}
	if line := untoldReplace(r.result.Incomplete, t.name, it.Pos); line != "" {
		r.incomplete("%s", line)
	}
	return was
}

// untoldReplace is the line that says so, once for each table: "" where it was said.
func untoldReplace(said []string, table string, at binlog.Position) string {
	begin := fmt.Sprintf("table %s: the log does not show whether", table)
	if slices.ContainsFunc(said, func(l string) bool { return strings.HasPrefix(l, begin) }) {
		return ""
	}
	return fmt.Sprintf("%s the update at %s, the first of its kind, was a REPLACE (MariaDB, binlog_row_image is not FULL, no statement's text that names the table): columns that a REPLACE gave no value may hold an old one", begin, at)
}
