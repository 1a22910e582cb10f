package schema

// insert reads INSERT and REPLACE as far as the table; a list of VALUES, which
// may be megabytes long, is not read.
func (p *parser) insert(v Verb) error {
	p.st.Verb = v
	for p.oneOf("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE") {
	}
	p.oneOf("INTO")
	if err := p.object(KindTable, Target); err != nil {
		return err
	}
	if p.seq("PARTITION") {
		if !p.atPunct(0, '(') {
			return p.fail("no list of partitions")
		}
		if err := p.parens(); err != nil {
			return err
		}
	}
	if p.atPunct(0, '(') && !p.queryAhead(0) {
		if err := p.parens(); err != nil {
			return err
		}
	}
	switch {
	case p.at(0, "VALUES", "VALUE"):
		return nil
	case p.at(0, "SET"):
		return p.rest()
	case p.queryAhead(0):
		return p.queryBody()
	}
	return p.fail("nothing to insert")
}

func (p *parser) update() error {
	for p.oneOf("LOW_PRIORITY", "IGNORE") {
	}
	p.st.Verb = Update
	return p.tableRefs()
}

// delete reads the one-table form, DELETE a, b FROM refs and DELETE FROM a, b USING refs.
// The names in front of refs may be aliases and are left out; every table of
// refs counts as a target.
func (p *parser) delete() error {
	p.st.Verb = Delete
	for p.oneOf("LOW_PRIORITY", "QUICK", "IGNORE", "HISTORY") {
	}
	usingFollows := false
	if p.at(0, "FROM") {
		usingFollows = p.deletesUsing()
		p.pos++
	} else {
		usingFollows = true
	}
	if usingFollows {
		for !p.at(0, "FROM", "USING") {
			if p.peek(0).Kind == EOF || p.atPunct(0, ';') {
				return p.fail("no tables to delete from")
			}
			p.pos++
		}
		p.pos++
	}
	return p.tableRefs()
}

// deletesUsing looks past FROM and a list of names for USING.
func (p *parser) deletesUsing() bool {
	for k := 1; k < 1000; k++ {
		t := p.peek(k)
		switch {
		case p.isWord(t, "USING"):
			return true
		case p.isPunct(t, ','), p.isPunct(t, '.'), p.isPunct(t, '*'), p.isName(t):
		default:
			return false
		}
	}
	return false
}

func (p *parser) load() error {
	if p.seq("INDEX", "INTO", "CACHE") {
		p.st.Verb = CacheIndex
		return p.rest()
	}
	if !p.oneOf("DATA", "XML") {
		return p.fail("LOAD of an unknown kind")
	}
	p.st.Verb = LoadData
	for !(p.at(0, "INTO") && p.at(1, "TABLE")) {
		if p.peek(0).Kind == EOF || p.atPunct(0, ';') {
			return p.fail("no INTO TABLE")
		}
		p.pos++
	}
	p.pos += 2
	if err := p.object(KindTable, Target); err != nil {
		return err
	}
	return p.rest()
}

// with reads common table expressions in front of a query, UPDATE or DELETE.
func (p *parser) with() error {
	p.pos-- // back to WITH
	return p.query(Select)
}
