package schema

func (p *parser) createTable() error {
	p.st.Verb = CreateTable
	p.ifNotExists()
	if err := p.object(KindTable, Target); err != nil {
		return err
	}
	if p.seq("LIKE") {
		if err := p.createLike(); err != nil {
			return err
		}
		return p.end()
	}
	if p.atPunct(0, '(') {
		if p.at(1, "LIKE") {
			p.pos += 2
			if err := p.createLike(); err != nil {
				return err
			}
			if !p.punct(')') {
				return p.fail("no ) after LIKE")
			}
			return p.end()
		}
		if p.queryAhead(0) {
			return p.tableQuery()
		}
		if err := p.definitions(); err != nil {
			return err
		}
	}
	return p.tableOptions()
}

func (p *parser) createLike() error {
	p.st.Verb = CreateTableLike
	return p.object(KindTable, Like)
}

// queryAhead reports whether a query begins at token k, in parentheses or not.
func (p *parser) queryAhead(k int) bool {
	for p.atPunct(k, '(') && k < 64 {
		k++
	}
	return p.at(k, "SELECT", "VALUES", "TABLE") || (p.at(k, "WITH") && !p.at(k+1, "SYSTEM"))
}

// definitions reads the parenthesis of columns, keys and constraints.
func (p *parser) definitions() error {
	open := p.peek(0)
	depth := 0
	for {
		t := p.peek(0)
		switch {
		case t.Kind == EOF:
			return unknown(p.sql, open.Start, "parenthesis without an end")
		case p.isPunct(t, '('):
			depth++
		case p.isPunct(t, ')'):
			if depth--; depth == 0 {
				p.pos++
				return nil
			}
		case p.references():
			continue
		}
		p.next()
	}
}

// references reads REFERENCES table, if that is what comes next.
func (p *parser) references() bool {
	if !p.at(0, "REFERENCES") || p.isPunct(p.last(), '.') || !p.isName(p.peek(1)) {
		return false
	}
	p.pos++
	o, err := p.name(KindTable, Reference)
	if err != nil {
		return false
	}
	if o.DB == "" { // the server looks in the database of the child
		o.DB = p.st.Objects[0].DB
	}
	p.add(o)
	return true
}

// tableOptions reads from the end of the definitions to the end of the statement.
func (p *parser) tableOptions() error {
	for {
		t := p.peek(0)
		switch {
		case t.Kind == EOF || p.isPunct(t, ';'):
			return p.end()
		case p.isPunct(p.last(), '='): // a value, whatever word it is
		case p.at(0, "START") && p.at(1, "TRANSACTION"):
			p.pos++
			p.st.StartTransaction = Span{t.Start, p.next().End}
			continue
		case p.at(0, "AS", "IGNORE", "REPLACE"), p.queryAhead(0):
			return p.tableQuery()
		case p.at(0, "UNION") && (p.atPunct(1, '=') || p.atPunct(1, '(')):
			if err := p.unionOption(); err != nil {
				return err
			}
			continue
		}
		if p.isPunct(t, '(') {
			if err := p.parens(); err != nil {
				return err
			}
			continue
		}
		p.pos++
	}
}

// unionOption reads the tables of a MERGE table.
func (p *parser) unionOption() error {
	p.pos++
	p.punct('=')
	if !p.punct('(') {
		return p.fail("no list of tables after UNION =")
	}
	if p.punct(')') {
		return nil
	}
	if err := p.list(KindTable, Reference); err != nil {
		return err
	}
	if !p.punct(')') {
		return p.fail("no end of the list of tables after UNION =")
	}
	return nil
}

// tableQuery reads [IGNORE | REPLACE] [AS] query.
func (p *parser) tableQuery() error {
	p.st.Verb = CreateTableSelect
	p.oneOf("IGNORE", "REPLACE")
	p.oneOf("AS")
	if !p.queryAhead(0) {
		return p.fail("no query")
	}
	return p.queryBody()
}
