package schema

// alter reads what follows ALTER.
func (p *parser) alter() error {
	if err := p.modifiers(); err != nil {
		return err
	}
	switch {
	case p.seq("EXTERNAL", "TABLE"), p.seq("TABLE"):
		return p.alterTable()
	case p.oneOf("DATABASE", "SCHEMA"):
		return p.alterDatabase()
	case p.seq("VIEW"), p.seq("JSON", "RELATIONAL", "DUALITY", "VIEW"), p.seq("JSON", "DUALITY", "VIEW"):
		p.st.Verb = AlterView
		return p.viewBody()
	case p.seq("EVENT"):
		return p.alterEvent()
	}
	for _, k := range [...]struct {
		word string
		verb Verb
		kind ObjectKind
	}{
		{"PROCEDURE", AlterProcedure, KindProcedure},
		{"FUNCTION", AlterFunction, KindFunction},
		{"SEQUENCE", AlterSequence, KindSequence},
		{"LIBRARY", AlterLibrary, KindLibrary},
		{"PACKAGE", AlterPackage, KindPackage},
	} {
		if p.seq(k.word) {
			p.st.Verb = k.verb
			p.oneOf("BODY")
			p.ifExists()
			if err := p.object(k.kind, Target); err != nil {
				return err
			}
			return p.rest()
		}
	}
	return p.alterGlobal()
}

// alterGlobal reads changes of what belongs to no database.
func (p *parser) alterGlobal() error {
	switch {
	case p.oneOf("USER", "ROLE"):
		p.st.Verb = AlterUser
	case p.seq("SERVER"):
		p.st.Verb = AlterServer
	case p.seq("UNDO", "TABLESPACE"), p.seq("TABLESPACE"):
		p.st.Verb = AlterTablespace
	case p.seq("LOGFILE", "GROUP"):
		p.st.Verb = AlterLogfileGroup
	case p.seq("RESOURCE", "GROUP"):
		p.st.Verb = AlterResourceGroup
	case p.seq("INSTANCE"):
		p.st.Verb = Admin
	default:
		return p.fail("ALTER of an unknown kind")
	}
	return p.rest()
}

// alterDatabase reads ALTER DATABASE, where the name may be left out.
func (p *parser) alterDatabase() error {
	p.st.Verb = AlterDatabase
	if p.databaseOption() {
		p.add(Object{Kind: KindDatabase, Role: Target})
		return p.rest()
	}
	if err := p.database(Target); err != nil {
		return err
	}
	if p.peek(0).Kind == EOF || p.atPunct(0, ';') {
		return p.fail("nothing to alter")
	}
	return p.rest()
}

// databaseOption tells an option from a database that bears an option's name.
func (p *parser) databaseOption() bool {
	if p.at(0, "CHARACTER", "DEFAULT", "COLLATE", "READ") {
		return true
	}
	if !p.at(0, "CHARSET", "COMMENT", "ENCRYPTION") {
		return false
	}
	return p.atPunct(1, '=') || p.peek(1).Kind == String || (p.at(0, "CHARSET") && p.peek(2).Kind == EOF)
}

func (p *parser) alterEvent() error {
	p.st.Verb = AlterEvent
	p.ifExists()
	if err := p.object(KindEvent, Target); err != nil {
		return err
	}
	for p.peek(0).Kind != EOF && !p.at(0, "DO") {
		if p.seq("RENAME", "TO") {
			if err := p.object(KindEvent, RenameTo); err != nil {
				return err
			}
			continue
		}
		p.pos++
	}
	if p.seq("DO") {
		return p.body()
	}
	return nil
}

func (p *parser) alterTable() error {
	p.st.Verb = AlterTable
	p.ifExists()
	if err := p.object(KindTable, Target); err != nil {
		return err
	}
	p.wait()
	for {
		if p.peek(0).Kind == EOF || p.atPunct(0, ';') {
			return p.end()
		}
		if err := p.alterItem(); err != nil {
			return err
		}
		if !p.punct(',') && p.peek(0).Kind != EOF && !p.atPunct(0, ';') {
			return p.fail("ALTER TABLE action not understood")
		}
	}
}

func (p *parser) action(name string) { p.st.Alter.Actions = append(p.st.Alter.Actions, name) }

// alterItem reads one action, up to the comma after it.
func (p *parser) alterItem() error {
	switch {
	case p.seq("ADD"):
		p.action("ADD " + p.addedKind())
		return p.itemRest()
	case p.seq("DROP"):
		return p.alterDrop()
	case p.seq("CHANGE"):
		return p.alterColumn("CHANGE COLUMN")
	case p.seq("MODIFY"):
		return p.alterColumn("MODIFY COLUMN")
	case p.seq("ALTER"):
		what := "COLUMN"
		switch {
		case p.at(0, "INDEX", "KEY"):
			what = "INDEX"
		case p.at(0, "CHECK", "CONSTRAINT"):
			what = "CONSTRAINT"
		}
		p.action("ALTER " + what)
		return p.itemRest()
	case p.seq("RENAME"):
		return p.alterRename()
	case p.at(0, "ORDER") && p.at(1, "BY"):
		return p.alterOrder()
	}
	if done, err := p.alterPartition(); done {
		return err
	}
	for _, words := range alterWords {
		if p.seq(words.words...) {
			p.action(words.name)
			return p.itemRest()
		}
	}
	return p.alterOptions()
}

// alterWords are the actions that need no more than their name.
var alterWords = [...]struct {
	name  string
	words []string
}{
	{"DISABLE KEYS", []string{"DISABLE", "KEYS"}},
	{"ENABLE KEYS", []string{"ENABLE", "KEYS"}},
	{"CONVERT TO", []string{"CONVERT", "TO"}},
	{"FORCE", []string{"FORCE"}},
	{"WITH VALIDATION", []string{"WITH", "VALIDATION"}},
	{"WITHOUT VALIDATION", []string{"WITHOUT", "VALIDATION"}},
	{"SECONDARY_LOAD", []string{"SECONDARY_LOAD"}},
	{"SECONDARY_UNLOAD", []string{"SECONDARY_UNLOAD"}},
	{"REMOVE PARTITIONING", []string{"REMOVE", "PARTITIONING"}},
	{"UPGRADE PARTITIONING", []string{"UPGRADE", "PARTITIONING"}},
	{"PARTITION BY", []string{"PARTITION", "BY"}},
}

// addedKind names what ADD adds, and moves no further.
func (p *parser) addedKind() string {
	switch {
	case p.at(0, "INDEX", "KEY", "FULLTEXT", "SPATIAL", "UNIQUE"),
		p.at(0, "VECTOR", "CLUSTERING") && p.at(1, "INDEX", "KEY"):
		return "INDEX"
	case p.at(0, "PRIMARY"):
		return "PRIMARY KEY"
	case p.at(0, "FOREIGN"):
		return "FOREIGN KEY"
	case p.at(0, "CHECK"):
		return "CHECK"
	case p.at(0, "PARTITION"):
		return "PARTITION"
	case p.at(0, "PERIOD") && p.at(1, "FOR"):
		return "PERIOD"
	case p.at(0, "SYSTEM") && p.at(1, "VERSIONING"):
		return "SYSTEM VERSIONING"
	case p.at(0, "CONSTRAINT"):
		return p.addedConstraint()
	}
	return "COLUMN"
}

func (p *parser) addedConstraint() string {
	for k := 1; k <= 5; k++ { // CONSTRAINT [IF NOT EXISTS] [name] kind
		switch {
		case p.at(k, "PRIMARY"):
			return "PRIMARY KEY"
		case p.at(k, "UNIQUE"):
			return "INDEX"
		case p.at(k, "FOREIGN"):
			return "FOREIGN KEY"
		case p.at(k, "CHECK"):
			return "CHECK"
		}
	}
	return "CONSTRAINT"
}

// alterColumn reads CHANGE a b definition and MODIFY a definition.
func (p *parser) alterColumn(action string) error {
	p.oneOf("COLUMN")
	p.seq("IF", "EXISTS")
	name, _, err := p.ident()
	if err != nil {
		return err
	}
	if action == "CHANGE COLUMN" {
		to, _, err := p.ident()
		if err != nil {
			return err
		}
		p.st.Alter.RenameColumns = append(p.st.Alter.RenameColumns, ColumnRename{name, to})
	}
	p.action(action)
	return p.itemRest()
}

func (p *parser) alterDrop() error {
	switch {
	case p.seq("PRIMARY", "KEY"):
		p.action("DROP PRIMARY KEY")
	case p.oneOf("INDEX", "KEY"):
		p.action("DROP INDEX")
	case p.seq("FOREIGN", "KEY"):
		p.action("DROP FOREIGN KEY")
	case p.seq("CHECK"):
		p.action("DROP CHECK")
	case p.seq("CONSTRAINT"):
		p.action("DROP CONSTRAINT")
	case p.seq("PERIOD", "FOR"):
		p.action("DROP PERIOD")
	case p.seq("SYSTEM", "VERSIONING"):
		p.action("DROP SYSTEM VERSIONING")
	case p.seq("PARTITION"):
		p.action("DROP PARTITION")
		p.seq("IF", "EXISTS")
		names, err := p.partitions()
		p.st.Alter.DropPartition = append(p.st.Alter.DropPartition, names...)
		if err != nil {
			return err
		}
	default:
		return p.dropColumn()
	}
	return p.itemRest()
}

func (p *parser) dropColumn() error {
	p.oneOf("COLUMN")
	p.seq("IF", "EXISTS")
	name, _, err := p.ident()
	if err != nil {
		return err
	}
	p.oneOf("RESTRICT", "CASCADE")
	p.action("DROP COLUMN")
	p.st.Alter.DropColumns = append(p.st.Alter.DropColumns, name)
	return p.itemRest()
}

func (p *parser) alterRename() error {
	switch {
	case p.seq("COLUMN"):
		p.seq("IF", "EXISTS")
		from, _, err := p.ident()
		if err != nil {
			return err
		}
		if err := p.expect("TO"); err != nil {
			return err
		}
		to, _, err := p.ident()
		if err != nil {
			return err
		}
		p.action("RENAME COLUMN")
		p.st.Alter.RenameColumns = append(p.st.Alter.RenameColumns, ColumnRename{from, to})
		return p.itemRest()
	case p.oneOf("INDEX", "KEY"):
		p.action("RENAME INDEX")
		return p.itemRest()
	}
	if !p.oneOf("TO", "AS") {
		p.punct('=')
	}
	o, err := p.name(KindTable, RenameTo)
	if err != nil {
		return err
	}
	p.add(o)
	p.st.Alter.RenameTo = &o
	p.action("RENAME")
	return p.itemRest()
}

// alterOrder reads ORDER BY a, b, whose commas are not between actions.
func (p *parser) alterOrder() error {
	p.pos += 2
	p.action("ORDER BY")
	for {
		if err := p.itemRest(); err != nil {
			return err
		}
		if !p.atPunct(0, ',') || p.at(1, "ADD", "DROP", "ALTER", "CHANGE", "RENAME", "FORCE", "CONVERT") || p.atPunct(2, '=') {
			return nil
		}
		p.pos++
	}
}

// itemRest moves to the comma after an action, or to the end. It sees the
// parents of foreign keys, and what may follow the last action without a comma.
func (p *parser) itemRest() error {
	for {
		t := p.peek(0)
		switch {
		case t.Kind == EOF, p.isPunct(t, ','), p.isPunct(t, ';'):
			return nil
		case p.isPunct(t, '('):
			if err := p.definitions(); err != nil {
				return err
			}
			continue
		case p.references():
			continue
		case p.at(0, "ADD", "CHANGE", "RENAME"), p.at(0, "DROP") && !p.at(1, "DEFAULT"):
			return p.fail("no comma before another action")
		case p.at(0, "PARTITION") && p.at(1, "BY"):
			p.action("PARTITION BY")
			p.pos++
		case p.at(0, "REMOVE") && p.at(1, "PARTITIONING"):
			p.action("REMOVE PARTITIONING")
			p.pos++
		}
		p.pos++
	}
}
