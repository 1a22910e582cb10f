package schema

import "strings"

// ParseCreateTable reads columns, keys and foreign keys from the text of a CREATE TABLE with a list of
// definitions, such as SHOW CREATE TABLE prints. It is for a forecast where no server is at hand: types
// are kept as the word that names them, and nothing is checked. What a restore does is decided by the
// definition that a server made of the text.
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
	t.settle()
	return t, nil
}

// settle puts the primary key first and marks which key parts can be NULL.
func (t *Table) settle() {
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
			}
		}
	}
}

// definition reads one column, key or constraint, up to its comma or the list's end.
func (p *parser) definition(t *Table) error {
	name := ""
	if p.seq("CONSTRAINT") && p.isName(p.peek(0)) {
		name = p.unquote(p.next())
	}
	switch {
	case p.seq("PRIMARY", "KEY"):
		return p.keyDefinition(t, Key{Name: "PRIMARY", Primary: true, Unique: true})
	case p.seq("UNIQUE"):
		p.oneOf("KEY", "INDEX")
		return p.keyDefinition(t, Key{Name: name, Unique: true})
	case p.seq("FOREIGN", "KEY"):
		return p.foreignKeyDefinition(t, name)
	case p.oneOf("FULLTEXT", "SPATIAL", "CHECK", "PERIOD"):
		return p.skipDefinition()
	case p.oneOf("KEY", "INDEX"):
		return p.keyDefinition(t, Key{})
	}
	return p.columnDefinition(t)
}

func (p *parser) skipDefinition() error {
	for !p.atPunct(0, ',') && !p.atPunct(0, ')') {
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
	o, err := p.name(KindTable, Reference)
	if err != nil {
		return err
	}
	f.RefDB, f.RefTable = o.DB, o.Name
	for !p.atPunct(0, ',') && !p.atPunct(0, ')') {
		switch {
		case p.peek(0).Kind == EOF:
			return p.fail("definitions without an end")
		case p.atPunct(0, '('):
			if parts, err = p.keyParts(); err != nil {
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

func (p *parser) columnDefinition(t *Table) error {
	name, _, err := p.ident()
	if err != nil {
		return err
	}
	c := Column{Name: name, Nullable: true, Position: len(t.Columns) + 1, DataType: strings.ToLower(string(p.text(p.next())))}
	for !p.atPunct(0, ',') && !p.atPunct(0, ')') {
		switch {
		case p.peek(0).Kind == EOF:
			return p.fail("definitions without an end")
		case p.atPunct(0, '('):
			if err := p.parens(); err != nil {
				return err
			}
		case p.seq("NOT", "NULL"):
			c.Nullable = false
		case p.seq("UNSIGNED"):
			c.Unsigned = true
		case p.seq("AUTO_INCREMENT"):
			c.AutoIncrement = true
		case p.seq("PRIMARY", "KEY"):
			t.Keys = append(t.Keys, Key{Name: "PRIMARY", Primary: true, Unique: true, Columns: []KeyPart{{Name: name}}})
		case p.seq("UNIQUE"):
			p.oneOf("KEY")
			t.Keys = append(t.Keys, Key{Name: name, Unique: true, Columns: []KeyPart{{Name: name}}})
		default:
			p.next()
		}
	}
	t.Columns = append(t.Columns, c)
	return nil
}
