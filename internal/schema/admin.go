package schema

// administration reads the statements that touch neither rows nor definitions of
// a database, or that belong to the server as a whole. Only their first words are read.
func (p *parser) administration() error {
	if v, ok := p.maintenance(); ok {
		return p.maintain(v)
	}
	if v, ok := p.installs(); ok {
		p.st.Verb = v
		return p.rest()
	}
	if p.analyzed() {
		return p.statement()
	}
	if p.at(0, "IF", "CASE", "LOOP", "WHILE", "REPEAT", "DECLARE", "FOR") {
		return p.compound()
	}
	t := p.next()
	v := Unknown
	switch upper(p.text(t)) {
	case "GRANT":
		v = Grant
	case "REVOKE":
		v = Revoke
	case "FLUSH":
		v = Flush
	case "LOCK":
		return p.lock()
	case "UNLOCK":
		v = UnlockTables
	case "HANDLER":
		v = Handler
	case "DO":
		v = Do
	case "KILL":
		v = Kill
	case "SHOW", "HELP":
		v = Show
	case "EXPLAIN", "DESCRIBE", "DESC", "ANALYZE":
		v = Explain
	case "PREPARE":
		v = Prepare
	case "EXECUTE":
		v = Execute
	case "DEALLOCATE":
		if err := p.expect("PREPARE"); err != nil {
			return err
		}
		v = DropPrepared
	case "CACHE":
		v = CacheIndex
	case "BINLOG":
		v = Binlog
	case "SIGNAL", "RESIGNAL", "GET":
		v = Signal
	case "CHANGE", "START", "STOP", "RESET", "PURGE", "SLAVE":
		v = Replication
	case "SHUTDOWN", "RESTART", "CLONE", "BACKUP", "RESTORE":
		v = Admin
	case "IMPORT":
		if err := p.expect("TABLE", "FROM"); err != nil {
			return err
		}
		v = ImportTable
	default:
		p.pos--
		return p.fail("unknown verb")
	}
	p.st.Verb = v
	return p.rest()
}

// analyzed moves to the statement of MariaDB's ANALYZE [FORMAT=JSON] UPDATE …,
// which is run and not only explained.
func (p *parser) analyzed() bool {
	k := 1
	if p.at(1, "FORMAT") && p.atPunct(2, '=') {
		k = 4
	}
	if !p.at(0, "ANALYZE") || !p.at(k, "INSERT", "REPLACE", "UPDATE", "DELETE") {
		return false
	}
	p.pos += k
	return true
}

// maintenance recognises ANALYZE TABLE and its kind.
func (p *parser) maintenance() (Verb, bool) {
	kinds := [...]struct {
		word string
		verb Verb
	}{{"ANALYZE", AnalyzeTable}, {"OPTIMIZE", OptimizeTable}, {"REPAIR", RepairTable}, {"CHECK", CheckTable}, {"CHECKSUM", ChecksumTable}}
	for _, kind := range kinds {
		if !p.at(0, kind.word) {
			continue
		}
		k := 1
		if p.at(1, "NO_WRITE_TO_BINLOG", "LOCAL") {
			k = 2
		}
		if p.at(k, "TABLE", "TABLES", "VIEW") {
			p.pos += k
			return kind.verb, true
		}
	}
	return Unknown, false
}

func (p *parser) maintain(v Verb) error {
	p.st.Verb = v
	kind := KindTable
	if p.at(0, "VIEW") {
		kind = KindView
	}
	p.pos++
	for {
		if err := p.object(kind, Target); err != nil {
			return err
		}
		if p.seq("PERSISTENT") { // MariaDB's PERSISTENT FOR COLUMNS (a, b) INDEXES () stands between tables
			if err := p.itemRest(); err != nil {
				return err
			}
		}
		if !p.punct(',') {
			return p.rest()
		}
	}
}

func (p *parser) installs() (Verb, bool) {
	switch {
	case p.seq("INSTALL", "PLUGIN"), p.seq("INSTALL", "SONAME"):
		return InstallPlugin, true
	case p.seq("UNINSTALL", "PLUGIN"), p.seq("UNINSTALL", "SONAME"):
		return UninstallPlugin, true
	case p.seq("INSTALL", "COMPONENT"):
		return InstallComponent, true
	case p.seq("UNINSTALL", "COMPONENT"):
		return UninstallComponent, true
	}
	return Unknown, false
}

// lock reads LOCK TABLES, and LOCK INSTANCE FOR BACKUP.
func (p *parser) lock() error {
	p.st.Verb = LockTables
	if p.seq("INSTANCE") {
		p.st.Verb = Admin
		return p.rest()
	}
	if !p.oneOf("TABLE", "TABLES") {
		return p.fail("LOCK of an unknown kind")
	}
	for {
		if err := p.object(KindTable, Reference); err != nil {
			return err
		}
		for !p.atPunct(0, ',') && !p.atPunct(0, ';') && p.peek(0).Kind != EOF {
			p.pos++
		}
		if !p.punct(',') {
			return p.end()
		}
	}
}
