package schema

// alterPartition reads the actions on partitions and tablespaces.
func (p *parser) alterPartition() (bool, error) {
	switch {
	case p.seq("TRUNCATE", "PARTITION"):
		p.action("TRUNCATE PARTITION")
		names, err := p.partitions()
		p.st.Alter.TruncatePartition = append(p.st.Alter.TruncatePartition, names...)
		return true, p.thenRest(err)
	case p.seq("EXCHANGE", "PARTITION"):
		return true, p.exchange()
	case p.seq("CONVERT", "PARTITION"):
		return true, p.convertPartition()
	case p.seq("CONVERT", "TABLE"):
		p.action("CONVERT TABLE")
		return true, p.thenRest(p.object(KindTable, ExchangeTable))
	case p.seq("DISCARD", "TABLESPACE"):
		p.action("DISCARD TABLESPACE")
		p.st.Alter.DiscardTablespace = true
	case p.seq("IMPORT", "TABLESPACE"):
		p.action("IMPORT TABLESPACE")
		p.st.Alter.ImportTablespace = true
	case p.seq("DISCARD", "PARTITION"):
		p.action("DISCARD PARTITION TABLESPACE")
		p.st.Alter.DiscardTablespace = true
		return true, p.partitionList()
	case p.seq("IMPORT", "PARTITION"):
		p.action("IMPORT PARTITION TABLESPACE")
		p.st.Alter.ImportTablespace = true
		return true, p.partitionList()
	case p.at(0, "COALESCE", "REORGANIZE", "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR", "SECONDARY_LOAD", "SECONDARY_UNLOAD") && p.at(1, "PARTITION"):
		p.action(upper(p.text(p.next())) + " PARTITION")
		p.pos++
		return true, p.partitionList()
	default:
		return false, nil
	}
	return true, p.itemRest()
}

func (p *parser) thenRest(err error) error {
	if err != nil {
		return err
	}
	return p.itemRest()
}

// partitions reads ALL, or names separated by commas. Actions on partitions
// stand alone in their statement, so that each comma is one of the list's.
func (p *parser) partitions() ([]string, error) {
	p.oneOf("NO_WRITE_TO_BINLOG", "LOCAL")
	if p.seq("ALL") {
		return []string{"ALL"}, nil
	}
	var names []string
	for {
		name, _, err := p.ident()
		if err != nil {
			return names, err
		}
		names = append(names, name)
		if !p.punct(',') {
			return names, nil
		}
	}
}

// partitionList moves over a list of partitions that loses no rows.
func (p *parser) partitionList() error {
	for {
		if err := p.itemRest(); err != nil {
			return err
		}
		if !p.punct(',') {
			return nil
		}
	}
}

func (p *parser) exchange() error {
	name, _, err := p.ident()
	if err != nil {
		return err
	}
	if err := p.expect("WITH", "TABLE"); err != nil {
		return err
	}
	p.action("EXCHANGE PARTITION")
	p.st.Alter.ExchangePartition = name
	return p.thenRest(p.object(KindTable, ExchangeTable))
}

func (p *parser) convertPartition() error {
	name, _, err := p.ident()
	if err != nil {
		return err
	}
	if err := p.expect("TO", "TABLE"); err != nil {
		return err
	}
	p.action("CONVERT PARTITION")
	p.st.Alter.ConvertPartition = name
	return p.thenRest(p.object(KindTable, ExchangeTable))
}

// optionWords are the options of a table with more than one word, longest first.
var optionWords = [...][]string{
	{"DEFAULT", "CHARACTER", "SET"},
	{"CHARACTER", "SET"},
	{"DEFAULT", "CHARSET"},
	{"DEFAULT", "COLLATE"},
	{"DATA", "DIRECTORY"},
	{"INDEX", "DIRECTORY"},
	{"READ", "ONLY"},
	{"STORAGE", "DISK"},
	{"STORAGE", "MEMORY"},
}

// plainOptions are the options whose value may follow without "=".
var plainOptions = map[string]bool{
	"ALGORITHM": true, "AUTOEXTEND_SIZE": true, "AUTO_INCREMENT": true, "AVG_ROW_LENGTH": true, "CHARSET": true,
	"CHECKSUM": true, "COLLATE": true, "COMMENT": true, "COMPRESSION": true, "CONNECTION": true,
	"DELAY_KEY_WRITE": true, "ENCRYPTION": true, "ENGINE": true, "ENGINE_ATTRIBUTE": true, "INSERT_METHOD": true,
	"KEY_BLOCK_SIZE": true, "LOCK": true, "MAX_ROWS": true, "MIN_ROWS": true, "PACK_KEYS": true,
	"PAGE_CHECKSUM": true, "PASSWORD": true, "RAID_TYPE": true, "ROW_FORMAT": true, "SECONDARY_ENGINE": true,
	"SECONDARY_ENGINE_ATTRIBUTE": true, "SEQUENCE": true, "STATS_AUTO_RECALC": true, "STATS_PERSISTENT": true,
	"STATS_SAMPLE_PAGES": true, "TABLESPACE": true, "TABLE_CHECKSUM": true, "TRANSACTIONAL": true, "TYPE": true,
}

// alterOptions reads table options, which need no comma between them. A word
// that is neither a known option nor followed by "=" may be an action that
// loses rows, and is an error.
func (p *parser) alterOptions() error {
	for p.peek(0).Kind != EOF && !p.atPunct(0, ',') && !p.atPunct(0, ';') {
		if p.at(0, "PARTITION", "REMOVE") {
			return p.itemRest()
		}
		name, err := p.optionName()
		if err != nil {
			return err
		}
		p.action(name)
		p.punct('=')
		if p.atPunct(0, '(') {
			err = p.optionTables(name)
		} else if len(name) < 7 || name[:7] != "STORAGE" {
			if k := p.next().Kind; k == EOF || k == Punct {
				err = p.fail("no value for " + name)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) optionTables(name string) error {
	if name != "UNION" {
		return p.parens()
	}
	if p.atPunct(1, ')') {
		p.pos += 2
		return nil
	}
	p.pos++
	if err := p.list(KindTable, Reference); err != nil {
		return err
	}
	if !p.punct(')') {
		return p.fail("no end of the list of tables after UNION")
	}
	return nil
}

func (p *parser) optionName() (string, error) {
	for _, words := range optionWords {
		if p.seq(words...) {
			name := words[0]
			for _, w := range words[1:] {
				name += " " + w
			}
			return name, nil
		}
	}
	t := p.peek(0)
	name := upper(p.text(t))
	known := t.Kind == Ident && (plainOptions[name] || (name == "UNION" && p.atPunct(1, '(')))
	set := (t.Kind == Ident || t.Kind == QuotedIdent) && p.atPunct(1, '=')
	if !known && !set {
		return "", p.fail("ALTER TABLE action not understood")
	}
	p.pos++
	if t.Kind == QuotedIdent || name == "" {
		return p.unquote(t), nil
	}
	return name, nil
}
