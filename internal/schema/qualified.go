package schema

import "slices"

// QualifiedColumns lists the columns that a view's statement, classified as st, names behind the name of a table, as t.c or db.t.c: servers print all
// columns so. plain says that each of them is of a table that the statement reads. Where it is more than one SELECT, they may be of
// what another one makes, and nothing follows from them.
func QualifiedColumns(sql []byte, st *Statement, m Mode) (names []string, plain bool) {
	p := newParser(sql, m)
	selects, dot := 0, false
	for ; p.peek(0).Kind != EOF; p.pos++ {
		t := p.peek(0)
		switch {
		case p.at(0, "SELECT"):
			selects++
		case p.at(0, "WITH", "JSON_TABLE", "TABLE", "VALUES", "LATERAL", "UNION") && !dot:
			return nil, false
		case selects > 0 && dot && (t.Kind == Ident || t.Kind == QuotedIdent) && !p.atPunct(1, '.') && !p.atPunct(1, '('):
			if !slices.ContainsFunc(st.Objects, func(o Object) bool { return o.NameStart == t.Start }) {
				names = append(names, p.unquote(t))
			}
		}
		dot = p.isPunct(t, '.')
	}
	return names, p.err == nil && selects == 1
}
