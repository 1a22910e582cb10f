package filter

import (
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// tempTables are the temporary tables that the log shows, by the sessions that made them. A statement that only writes to such
// tables changes nothing that lasts, whatever table has the same name. Servers log the end of each: of a table whose
// session ends, a DROP TEMPORARY TABLE.
type tempTables map[tempTable]bool

type tempTable struct {
	thread uint32
	name   TableName
}

// statement follows what makes and drops them.
func (t tempTables) statement(one *statement, q *binlog.Query) {
	if !one.st.Temporary || q.ThreadID == 0 || q.ErrorCode != 0 {
		return
	}
	for _, o := range one.objects {
		if o.Role != schema.Target || o.Kind != schema.KindTable {
			continue
		}
		at := tempTable{q.ThreadID, TableName{o.DB, o.Name}}
		switch one.st.Verb {
		case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect:
			t[at] = true
		case schema.DropTable:
			delete(t, at)
		}
	}
}

// only reports a change to rows of nothing but the session's temporary tables.
func (t tempTables) only(one *statement, q *binlog.Query) bool {
	switch one.st.Verb {
	case schema.Insert, schema.Replace, schema.Update, schema.Delete:
	default:
		return false
	}
	some := false
	for _, o := range one.objects {
		if o.Role != schema.Target {
			continue
		}
		if !t[tempTable{q.ThreadID, TableName{o.DB, o.Name}}] {
			return false
		}
		some = true
	}
	return some && !q.LoadData && !calls(one, q.SQL)
}

// calls reports a name followed by a parenthesis, which may call a routine that writes elsewhere.
func calls(one *statement, text []byte) bool {
	s := schema.NewScanner(text, one.mode)
	var last schema.Token
	for {
		tok, err := s.Next()
		if err != nil {
			return true
		}
		if tok.Kind == schema.EOF {
			return false
		}
		if tok.Kind == schema.Punct && text[tok.Start] == '(' && (last.Kind == schema.Ident || last.Kind == schema.QuotedIdent) &&
			!slices.ContainsFunc(one.objects, func(o schema.Object) bool { return o.NameEnd == last.End }) &&
			!slices.Contains(beforeParen, strings.ToUpper(string(text[last.Start:last.End]))) {
			return true
		}
		last = tok
	}
}

// beforeParen are the words before a parenthesis that is not a call's.
var beforeParen = []string{"VALUES", "VALUE", "IN", "AND", "OR", "NOT", "SELECT", "FROM", "WHERE", "SET", "ON", "AS", "BY", "XOR", "DISTINCT", "LIKE", "IS", "JOIN"}
