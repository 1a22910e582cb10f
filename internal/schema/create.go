package schema

// create reads what follows CREATE: modifiers in any order, then the kind.
func (p *parser) create() error {
	if err := p.modifiers(); err != nil {
		return err
	}
	switch {
	case p.oneOf("DATABASE", "SCHEMA"):
		p.st.Verb = CreateDatabase
		p.ifNotExists()
		if err := p.database(Target); err != nil {
			return err
		}
		return p.rest()
	case p.seq("EXTERNAL", "TABLE"), p.seq("TABLE"):
		return p.createTable()
	case p.at(0, "INDEX"), p.at(0, "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "CLUSTERING") && p.at(1, "INDEX"):
		return p.createIndex()
	case p.seq("VIEW"), p.seq("JSON", "RELATIONAL", "DUALITY", "VIEW"), p.seq("JSON", "DUALITY", "VIEW"):
		p.st.Verb = CreateView
		p.ifNotExists()
		return p.viewBody()
	case p.seq("SEQUENCE"):
		p.st.Verb = CreateSequence
		p.ifNotExists()
		if err := p.object(KindSequence, Target); err != nil {
			return err
		}
		return p.rest()
	}
	if v, kind, ok := p.programKind(); ok {
		return p.createProgram(v, kind)
	}
	return p.createGlobal()
}

// modifiers reads OR REPLACE, ALGORITHM, DEFINER, SQL SECURITY, TEMPORARY and the like.
func (p *parser) modifiers() error {
	for {
		switch {
		case p.seq("OR", "REPLACE"):
			p.st.OrReplace = true
		case p.at(0, "ALGORITHM") && p.atPunct(1, '='):
			p.pos += 2
			p.next()
		case p.at(0, "DEFINER"):
			if err := p.definer(); err != nil {
				return err
			}
		case p.seq("SQL", "SECURITY"):
			if !p.oneOf("DEFINER", "INVOKER", "NONE") {
				return p.fail("SQL SECURITY unknown")
			}
		case p.seq("TEMPORARY"):
			p.st.Temporary = true
		case p.seq("IGNORE"):
			p.st.Alter.Ignore = true
		case p.oneOf("AGGREGATE", "ONLINE", "OFFLINE", "MATERIALIZED"):
		default:
			return nil
		}
	}
}

// definer reads DEFINER = 'user'@'host', CURRENT_USER[()] or a role.
func (p *parser) definer() error {
	d := Definer{Start: p.next().Start}
	if !p.punct('=') {
		return p.fail("no = after DEFINER")
	}
	if p.at(0, "CURRENT_USER", "CURRENT_ROLE") {
		d.Current = true
		p.pos++
		if p.atPunct(0, '(') && p.atPunct(1, ')') {
			p.pos += 2
		}
	} else {
		t := p.peek(0)
		if t.Kind != Ident && t.Kind != QuotedIdent && t.Kind != String {
			return p.fail("no account after DEFINER =")
		}
		p.pos++
		d.User = p.unquote(t)
		if host := p.peek(0); host.Kind == Variable {
			p.pos++
			d.Host = p.host(host)
		}
	}
	d.End = p.last().End
	p.st.Definer = d
	return nil
}

// host returns the host of the token @host.
func (p *parser) host(t Token) string {
	t.Start++
	if t.Start >= t.End {
		return ""
	}
	switch p.sql[t.Start] {
	case '\'', '"':
		t.Kind = String
	case '`':
		t.Kind = QuotedIdent
	default:
		t.Kind = Ident
	}
	return p.unquote(t)
}

func (p *parser) createIndex() error {
	p.st.Verb = CreateIndex
	p.oneOf("UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "CLUSTERING")
	p.pos++ // INDEX
	p.ifNotExists()
	if !p.at(0, "ON") { // the name may be left out
		name, _, err := p.ident()
		if err != nil {
			return err
		}
		p.st.Index = name
	}
	if p.oneOf("USING", "TYPE") {
		p.next()
	}
	if err := p.expect("ON"); err != nil {
		return err
	}
	if err := p.object(KindTable, Target); err != nil {
		return err
	}
	return p.rest()
}

// viewBody reads a view from its name on.
func (p *parser) viewBody() error {
	if err := p.object(KindView, Target); err != nil {
		return err
	}
	if p.atPunct(0, '(') {
		if err := p.parens(); err != nil {
			return err
		}
	}
	for p.peek(0).Kind != EOF && !p.at(0, "AS") { // options of a materialized view
		p.pos++
	}
	if err := p.expect("AS"); err != nil {
		return err
	}
	return p.queryBody()
}

// programKind recognises the kinds whose bodies may hold statements.
func (p *parser) programKind() (Verb, ObjectKind, bool) {
	switch {
	case p.seq("TRIGGER"):
		return CreateTrigger, KindTrigger, true
	case p.seq("PROCEDURE"):
		return CreateProcedure, KindProcedure, true
	case p.seq("FUNCTION"):
		return CreateFunction, KindFunction, true
	case p.seq("EVENT"):
		return CreateEvent, KindEvent, true
	case p.seq("PACKAGE", "BODY"):
		return CreatePackageBody, KindPackage, true
	case p.seq("PACKAGE"):
		return CreatePackage, KindPackage, true
	case p.seq("LIBRARY"):
		return CreateLibrary, KindLibrary, true
	}
	return Unknown, 0, false
}

func (p *parser) createProgram(v Verb, kind ObjectKind) error {
	p.st.Verb = v
	p.ifNotExists()
	if err := p.object(kind, Target); err != nil {
		return err
	}
	switch v {
	case CreateTrigger:
		return p.triggerBody()
	case CreateFunction:
		if p.at(0, "RETURNS") && p.at(2, "SONAME") {
			p.st.Verb = CreateUDF
			p.st.Objects = nil // it belongs to no database
			return p.rest()
		}
	}
	return p.body()
}

// triggerBody reads BEFORE INSERT ON t; MariaDB has INSERT OR UPDATE OF a, b.
func (p *parser) triggerBody() error {
	if !p.oneOf("BEFORE", "AFTER") {
		return p.fail("no trigger time")
	}
	for !p.at(0, "ON") {
		if k := p.peek(0).Kind; k != Ident && k != QuotedIdent && !p.atPunct(0, ',') {
			return p.fail("no ON after the trigger's event")
		}
		p.pos++
	}
	p.pos++
	if err := p.object(KindTable, TriggerTable); err != nil {
		return err
	}
	if err := p.expect("FOR", "EACH", "ROW"); err != nil {
		return err
	}
	return p.body()
}

// createGlobal reads the creation of what belongs to no database.
func (p *parser) createGlobal() error {
	switch {
	case p.seq("USER"):
		p.st.Verb = CreateUser
	case p.seq("ROLE"):
		p.st.Verb = CreateRole
	case p.seq("SERVER"):
		p.st.Verb = CreateServer
	case p.seq("UNDO", "TABLESPACE"), p.seq("TABLESPACE"):
		p.st.Verb = CreateTablespace
	case p.seq("LOGFILE", "GROUP"):
		p.st.Verb = CreateLogfileGroup
	case p.seq("SPATIAL", "REFERENCE", "SYSTEM"):
		p.st.Verb = CreateSRS
	case p.seq("RESOURCE", "GROUP"):
		p.st.Verb = CreateResourceGroup
	default:
		return p.fail("CREATE of an unknown kind")
	}
	p.ifNotExists()
	return p.rest()
}
