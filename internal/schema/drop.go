package schema

// dropStatement reads what follows DROP.
func (p *parser) dropStatement() error {
	p.oneOf("ONLINE", "OFFLINE") // of indexes, in MySQL 5.1 to 5.6
	if p.seq("TEMPORARY") {
		p.st.Temporary = true
		if !p.at(0, "TABLE", "TABLES", "SEQUENCE") {
			return p.fail("DROP TEMPORARY of an unknown kind")
		}
	}
	switch {
	case p.oneOf("TABLE", "TABLES"):
		return p.dropList(DropTable, KindTable)
	case p.oneOf("DATABASE", "SCHEMA"):
		p.st.Verb = DropDatabase
		p.ifExists()
		if err := p.database(Target); err != nil {
			return err
		}
		return p.end()
	case p.seq("MATERIALIZED", "VIEW"), p.oneOf("VIEW", "VIEWS"):
		return p.dropList(DropView, KindView)
	case p.seq("SEQUENCE"):
		return p.dropList(DropSequence, KindSequence)
	case p.seq("INDEX"):
		return p.dropIndex()
	case p.seq("TRIGGER"):
		return p.dropOne(DropTrigger, KindTrigger)
	case p.seq("PROCEDURE"):
		return p.dropOne(DropProcedure, KindProcedure)
	case p.seq("FUNCTION"):
		return p.dropOne(DropFunction, KindFunction)
	case p.seq("EVENT"):
		return p.dropOne(DropEvent, KindEvent)
	case p.seq("PACKAGE", "BODY"):
		return p.dropOne(DropPackageBody, KindPackage)
	case p.seq("PACKAGE"):
		return p.dropOne(DropPackage, KindPackage)
	case p.seq("LIBRARY"):
		return p.dropOne(DropLibrary, KindLibrary)
	}
	return p.dropGlobal()
}

func (p *parser) dropList(v Verb, kind ObjectKind) error {
	p.st.Verb = v
	p.ifExists()
	if err := p.list(kind, Target); err != nil {
		return err
	}
	p.oneOf("RESTRICT", "CASCADE")
	p.wait()
	return p.end()
}

func (p *parser) dropOne(v Verb, kind ObjectKind) error {
	p.st.Verb = v
	p.ifExists()
	if err := p.object(kind, Target); err != nil {
		return err
	}
	return p.end()
}

func (p *parser) dropIndex() error {
	p.st.Verb = DropIndex
	p.ifExists()
	t := p.peek(0)
	if t.Kind != Ident && t.Kind != QuotedIdent {
		return p.fail("no index")
	}
	p.pos++
	p.st.Index = p.unquote(t)
	if err := p.expect("ON"); err != nil {
		return err
	}
	if err := p.object(KindTable, Target); err != nil {
		return err
	}
	return p.rest()
}

// dropGlobal reads the removal of what belongs to no database.
func (p *parser) dropGlobal() error {
	switch {
	case p.seq("USER"):
		p.st.Verb = DropUser
	case p.seq("ROLE"):
		p.st.Verb = DropRole
	case p.seq("PREPARE"):
		p.st.Verb = DropPrepared
	case p.seq("SERVER"):
		p.st.Verb = DropServer
	case p.seq("UNDO", "TABLESPACE"), p.seq("TABLESPACE"):
		p.st.Verb = DropTablespace
	case p.seq("LOGFILE", "GROUP"):
		p.st.Verb = DropLogfileGroup
	case p.seq("SPATIAL", "REFERENCE", "SYSTEM"):
		p.st.Verb = DropSRS
	case p.seq("RESOURCE", "GROUP"):
		p.st.Verb = DropResourceGroup
	default:
		return p.fail("DROP of an unknown kind")
	}
	p.ifExists()
	return p.rest()
}
