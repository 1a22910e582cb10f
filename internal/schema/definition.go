package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseCreateTable reads columns, keys and foreign keys from the text of a CREATE TABLE with a list of
// definitions, such as SHOW CREATE TABLE prints. It is for where no server is at hand, and nothing is
// checked: what a restore does to a server is decided by the definition that the server made of the text.
func ParseCreateTable(sql []byte, m Mode) (*Table, error) {
	p := newParser(sql, m)
	t := &Table{}
	for !p.atPunct(0, '(') {
		if p.peek(0).Kind == EOF {
			return nil, p.fail("no definitions")
		}
		if p.isName(p.peek(0)) {
			t.Name = p.unquote(p.peek(0))
		}
		p.next()
	}
	p.next()
	for {
		if err := p.definition(t); err != nil {
			return nil, err
		}
		if p.punct(')') {
			break
		}
		if !p.punct(',') {
			return nil, p.fail("no comma between definitions")
		}
	}
	p.countedOptions(t)
	if missing := t.settle(); missing != "" {
		return nil, fmt.Errorf("a key of table %s has column %s, which is not among its columns", t.Name, missing)
	}
	return t, nil
}

// countedOptions reads the character set, which later columns depend on, and the counter.
func (p *parser) countedOptions(t *Table) {
	for p.peek(0).Kind != EOF && !p.at(0, "PARTITION") {
		if !p.charsetOption(&t.Charset, &t.Collation) && !p.counterOption(t) {
			p.next()
		}
	}
}

// counterOption reads AUTO_INCREMENT [=] n.
func (p *parser) counterOption(t *Table) bool {
	if !p.seq("AUTO_INCREMENT") {
		return false
	}
	p.punct('=')
	t.Counter, _ = strconv.ParseUint(string(p.text(p.peek(0))), 10, 64)
	p.next()
	return true
}

// charsetOption reads [DEFAULT] CHARSET [=] x, CHARACTER SET [=] x or COLLATE [=] x, which names a character set too.
func (p *parser) charsetOption(charset, collation *string) bool {
	collate := false
	switch {
	case p.seq("CHARSET"), p.seq("CHARACTER", "SET"), p.seq("CHAR", "SET"):
	case p.seq("COLLATE"):
		collate = true
	default:
		return false
	}
	p.punct('=')
	name := strings.ToLower(strings.Trim(string(p.text(p.next())), "'\"`"))
	if collate {
		*collation = name
		name, _, _ = strings.Cut(name, "_")
		if *charset != "" {
			return true
		}
	}
	*charset = name
	return true
}

// settle puts the primary key first, names keys without a name, marks which key parts can be NULL, and
// gives text columns the table's character set. It names a column of a key that the table lacks.
func (t *Table) settle() (missing string) {
	for i := range t.Columns {
		c := &t.Columns[i]
		c.Position = i + 1
		switch {
		case !c.text():
			c.Charset, c.Collation = "", ""
		case c.Charset == "":
			c.Charset, c.Collation = t.Charset, t.Collation
		}
	}
	t.nameKeys()
	for i, k := range t.Keys {
		if k.Primary && i > 0 {
			copy(t.Keys[1:i+1], t.Keys[:i])
			t.Keys[0] = k
		}
	}
	for i := range t.Keys {
		for j := range t.Keys[i].Columns {
			part := &t.Keys[i].Columns[j]
			if c, ok := t.Column(part.Name); ok {
				if t.Keys[i].Primary {
					c.Nullable = false
				}
				part.Nullable = c.Nullable
			} else if part.Name != "" { // of an expression it is
				missing = part.Name
			}
		}
	}
	return missing
}

// text reports a type that has a character set.
func (c *Column) text() bool {
	switch c.DataType {
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set":
		return true
	}
	return false
}

// nameKeys gives keys without a name that of their first column, as the server does.
func (t *Table) nameKeys() {
	for i := range t.Keys {
		k := &t.Keys[i]
		if k.Name != "" || len(k.Columns) == 0 || k.Columns[0].Name == "" {
			continue
		}
		k.Name = k.Columns[0].Name
		for n := 2; slices.ContainsFunc(t.Keys, func(o Key) bool { return strings.EqualFold(o.Name, k.Name) && o.Name != "" }) && n < 1000; n++ {
			if t.keyNamed(k.Name) == i {
				break
			}
			k.Name = fmt.Sprintf("%s_%d", k.Columns[0].Name, n)
		}
	}
}

// keyNamed is the first key of a name, or -1.
func (t *Table) keyNamed(name string) int {
	return slices.IndexFunc(t.Keys, func(k Key) bool { return strings.EqualFold(k.Name, name) })
}

// definition reads one column, key or constraint, up to its comma or the list's end.
func (p *parser) definition(t *Table) error {
	name := ""
	if p.seq("CONSTRAINT") {
		p.seq("IF", "NOT", "EXISTS")
		if p.isName(p.peek(0)) {
			name = p.unquote(p.next())
		}
	}
	switch {
	case p.seq("PRIMARY", "KEY"):
		return p.keyDefinition(t, Key{Name: "PRIMARY", Primary: true, Unique: true})
	case p.seq("UNIQUE"):
		p.oneOf("KEY", "INDEX")
		return p.keyDefinition(t, Key{Name: name, Unique: true})
	case p.seq("FOREIGN", "KEY"):
		return p.foreignKeyDefinition(t, name)
	case p.oneOf("FULLTEXT", "SPATIAL"):
		p.oneOf("KEY", "INDEX")
		return p.keyDefinition(t, Key{})
	case p.at(0, "VECTOR", "CLUSTERING") && p.at(1, "INDEX", "KEY"):
		p.pos += 2
		return p.keyDefinition(t, Key{})
	case p.oneOf("CHECK", "PERIOD"):
		return p.skipDefinition()
	case p.oneOf("KEY", "INDEX"):
		return p.keyDefinition(t, Key{})
	}
	c, err := p.columnDefinition(t)
	if err == nil {
		t.Columns = append(t.Columns, c.Column)
	}
	return err
}

// atEnd reports the end of a definition: a comma, the list's end, or in ALTER TABLE the statement's.
func (p *parser) atEnd() bool {
	return p.atPunct(0, ',') || p.atPunct(0, ')') || p.bare && (p.peek(0).Kind == EOF || p.atPunct(0, ';'))
}

func (p *parser) skipDefinition() error {
	for !p.atEnd() {
		switch {
		case p.peek(0).Kind == EOF:
			return p.fail("definitions without an end")
		case p.atPunct(0, '('):
			if err := p.parens(); err != nil {
				return err
			}
		default:
			p.next()
		}
	}
	return nil
}

func (p *parser) keyDefinition(t *Table, k Key) error {
	for !p.atPunct(0, '(') {
		if p.peek(0).Kind == EOF || p.atPunct(0, ',') {
			return p.fail("a key without columns")
		}
		if tok := p.next(); p.isName(tok) && !k.Primary && !p.isWord(tok, "USING") && !p.isWord(p.peek(0), "BTREE") {
			k.Name = p.unquote(tok)
		}
	}
	var err error
	if k.Columns, err = p.keyParts(); err != nil {
		return err
	}
	t.Keys = append(t.Keys, k)
	return p.skipDefinition()
}

func (p *parser) keyParts() ([]KeyPart, error) {
	var out []KeyPart
	p.next()
	for {
		part := KeyPart{}
		if p.isName(p.peek(0)) {
			part.Name = p.unquote(p.next())
			if p.atPunct(0, '(') { // a length; its value matters to no one here
				part.Prefix = 1
			}
		}
		if err := p.skipDefinition(); err != nil {
			return nil, err
		}
		out = append(out, part)
		if p.punct(')') {
			return out, nil
		}
		p.next()
	}
}

func (p *parser) foreignKeyDefinition(t *Table, name string) error {
	f := ForeignKey{Name: name, OnDelete: "NO ACTION", OnUpdate: "NO ACTION"}
	for !p.atPunct(0, '(') {
		if p.next().Kind == EOF {
			return p.fail("a foreign key without columns")
		}
	}
	parts, err := p.keyParts()
	if err != nil {
		return err
	}
	for _, c := range parts {
		f.Columns = append(f.Columns, c.Name)
	}
	if err := p.expect("REFERENCES"); err != nil {
		return err
	}
	return p.parentDefinition(t, f)
}

// parentDefinition reads what follows REFERENCES.
func (p *parser) parentDefinition(t *Table, f ForeignKey) error {
	o, err := p.name(KindTable, Reference)
	if err != nil {
		return err
	}
	f.RefDB, f.RefTable = o.DB, o.Name
	for !p.atEnd() {
		switch {
		case p.peek(0).Kind == EOF:
			return p.fail("definitions without an end")
		case p.atPunct(0, '('):
			parts, err := p.keyParts()
			if err != nil {
				return err
			}
			for _, c := range parts {
				f.RefColumns = append(f.RefColumns, c.Name)
			}
		case p.seq("ON", "DELETE"):
			f.OnDelete = p.referentialAction()
		case p.seq("ON", "UPDATE"):
			f.OnUpdate = p.referentialAction()
		default:
			p.next()
		}
	}
	t.ForeignKeys = append(t.ForeignKeys, f)
	return nil
}

// referentialAction reads what a foreign key does: CASCADE, RESTRICT, or two words.
func (p *parser) referentialAction() string {
	first := strings.ToUpper(string(p.text(p.next())))
	if first == "SET" || first == "NO" {
		return first + " " + strings.ToUpper(string(p.text(p.next())))
	}
	return first
}
