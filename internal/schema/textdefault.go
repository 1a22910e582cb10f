package schema

import "strings"

// TextDefault is a default character set as a statement names it: either may be "", the other then says it. The zero value names none.
type TextDefault struct {
	Charset   string `json:"charset,omitempty"`
	Collation string `json:"collation,omitempty"`
}

// Clause is the default as CREATE TABLE and CREATE DATABASE take it.
func (d TextDefault) Clause() string {
	var parts []string
	if d.Charset != "" {
		parts = append(parts, "CHARACTER SET "+d.Charset)
	}
	if d.Collation != "" {
		parts = append(parts, "COLLATE "+d.Collation)
	}
	return strings.Join(parts, " ")
}

// Set is the name of the character set.
func (d TextDefault) Set() string {
	if d.Charset != "" {
		return d.Charset
	}
	set, _, _ := strings.Cut(d.Collation, "_")
	return set
}

// Same reports defaults that mean the same, as far as their names tell: a set without a collation has its usual one.
func (d TextDefault) Same(o TextDefault) bool {
	return d == o || d.Set() == o.Set() && d.collation() == o.collation()
}

func (d TextDefault) collation() string {
	if d.Collation != "" {
		return d.Collation
	}
	switch d.Charset {
	case "latin1":
		return "latin1_swedish_ci"
	case "gbk", "gb2312", "big5", "gb18030":
		return d.Charset + "_chinese_ci"
	case "sjis", "ujis", "cp932", "eucjpms":
		return d.Charset + "_japanese_ci"
	case "binary":
		return d.Charset
	}
	return d.Charset + "_general_ci"
}

// DatabaseDefault reads the default character set of a CREATE DATABASE or ALTER DATABASE, and whether it says anything of it. The default is the zero
// value where it does not, and where the statement asks for the server's (CHARACTER SET DEFAULT).
func DatabaseDefault(sql []byte, m Mode) (d TextDefault, said bool) {
	p := newParser(sql, m)
	for p.peek(0).Kind != EOF {
		if p.textOption(&d) {
			said = true
		} else {
			p.next()
		}
	}
	return d, said
}

// textOption reads CHARSET [=] x, CHARACTER SET [=] x or COLLATE [=] x.
func (p *parser) textOption(d *TextDefault) bool {
	into := &d.Charset
	switch {
	case p.seq("CHARSET"), p.seq("CHARACTER", "SET"), p.seq("CHAR", "SET"):
	case p.seq("COLLATE"):
		into = &d.Collation
	default:
		return false
	}
	p.punct('=')
	name := strings.ToLower(strings.Trim(string(p.text(p.next())), "'\"`"))
	if name == "default" {
		name = ""
	}
	*into = name
	return true
}

// TableOptions finds where a CREATE TABLE of the form that lists columns, or takes them from a query, may be given a default character set, and
// whether it names one. ok is false for other statements.
func TableOptions(sql []byte, m Mode) (at int, named, ok bool) {
	p, err := parse(sql, m)
	if err != nil || p.st.Verb != CreateTable && p.st.Verb != CreateTableSelect || len(p.st.Objects) == 0 {
		return 0, false, false
	}
	end := p.st.Objects[0].NameEnd
	p = newParser(sql, m)
	for p.peek(0).Start < end {
		p.next()
	}
	if p.atPunct(0, '(') && !p.at(1, "SELECT", "WITH", "VALUES", "TABLE") {
		if p.parens() != nil {
			return 0, false, false
		}
		end = p.last().End
	}
	for p.peek(0).Kind != EOF && !p.at(0, "SELECT", "AS", "VALUES", "PARTITION") && !(p.at(0, "WITH") && !p.at(1, "SYSTEM")) {
		var d TextDefault
		switch {
		case p.textOption(&d):
			return end, true, p.err == nil
		case p.atPunct(0, '('): // UNION=(…), or a query
			if p.at(1, "SELECT", "WITH", "VALUES", "TABLE") || p.parens() != nil {
				return end, false, p.err == nil
			}
		default:
			p.next()
		}
	}
	return end, false, p.err == nil
}

// WithTextDefault gives a CREATE TABLE that names no default character set this one.
func WithTextDefault(sql []byte, m Mode, d TextDefault) ([]byte, bool) {
	at, named, ok := TableOptions(sql, m)
	if !ok || named {
		return sql, false
	}
	return apply(sql, []edit{{at, at, " DEFAULT " + d.Clause()}}), true
}
