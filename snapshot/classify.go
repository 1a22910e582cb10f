package snapshot

import (
	"bytes"
	"strings"

	"lifeboat/internal/schema"
)

// classify completes the Statement of a piece. Rows, by far the most bytes, are
// decided by their first words.
func (d *reader) classify(p piece, st *Statement) error {
	if p.insert {
		return d.rows(p, st)
	}
	if w := firstWord(p.text); bytes.EqualFold(w, []byte("set")) || bytes.EqualFold(w, []byte("lock")) || bytes.EqualFold(w, []byte("unlock")) {
		words, err := tokens(p.text, d.mode)
		switch {
		case err != nil:
			return d.fail(p.offset, ErrCorrupt, "%v", err)
		case len(words) == 0: // a versioned comment that no server runs
		case words[0].is("set"):
			return d.setStatement(p, words, st)
		case words[0].is("lock"), words[0].is("unlock"):
			d.lock(words, st)
			return nil
		}
	}
	mode := d.mode
	if d.ansi && bytes.HasPrefix(p.text, []byte(`CREATE DEFINER="`)) {
		mode.ANSIQuotes = true
		st.SQLMode, st.SQLModeSet = "ANSI_QUOTES", true
	}
	c, err := schema.Classify(p.text, mode)
	if err != nil {
		return d.fail(p.offset, ErrUnsupported, "%v", err)
	}
	return d.place(p, c, st)
}

func (d *reader) rows(p piece, st *Statement) error {
	if !d.insertOK {
		return d.fail(p.offset, ErrUnsupported, "an INSERT whose table cannot be told: %s", excerpt(p.text))
	}
	if p.rows == 0 {
		return d.fail(p.offset, ErrUnsupported, "an INSERT without VALUES (…): its rows cannot be told: %s", excerpt(p.text))
	}
	st.Part, st.Object, st.Rows = PartRows, d.insertTable, p.rows
	if d.insertDB != "" {
		st.DB = d.insertDB
	}
	d.zone(st.TimeZone)
	return nil
}

// zone notes which time zone rows are in. Tools that set nothing (--compact) leave out even that they write UTC; those that set other things
// and no time zone were told not to write UTC.
func (d *reader) zone(of string) {
	if d.facts.TimeZone == "" {
		d.facts.TimeZone = of
	}
	if of == "" && (d.header || d.sess.vars["foreign_key_checks"].known || d.sess.vars["unique_checks"].known) {
		d.facts.LocalTimes = true
	}
}

func (d *reader) setStatement(p piece, words []word, st *Statement) error {
	f, ok, err := readCoordinates(words, d.mode)
	if err != nil {
		return d.fail(p.offset, ErrCorrupt, "coordinates cannot be read: %v", err)
	}
	if ok {
		d.take(f, p.text, p.offset)
		st.Part = PartServer
		return nil
	}
	if d.sess.set(words, d.mode) {
		st.Part = PartServer
	}
	d.footer.follow(words)
	if d.facts.Charset == "" {
		d.facts.Charset = d.sess.get("character_set_connection")
	}
	d.settle()
	return nil
}

// lock reads LOCK TABLES `t` WRITE, which says that t's rows come next.
func (d *reader) lock(words []word, st *Statement) {
	st.Part = PartKeys
	if len(words) >= 3 && words[0].is("lock") {
		st.Object = unquoteName([]byte(words[2].text))
	}
}

// place decides the part of a statement that Classify read.
func (d *reader) place(p piece, c schema.Statement, st *Statement) error {
	var o schema.Object
	for _, obj := range c.Objects {
		if obj.Role == schema.Target || obj.Role == schema.RenameFrom || c.Verb == schema.Use {
			o = obj
			break
		}
	}
	st.Object = o.Name
	st.DB = o.Database(d.db)
	switch c.Verb {
	case schema.Use, schema.CreateDatabase, schema.DropDatabase, schema.AlterDatabase:
		st.Part = PartDatabase
		return d.database(c, o, st)
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect, schema.DropTable:
		st.Part, st.Drop = PartTable, c.Verb == schema.DropTable
		if c.Verb == schema.DropTable && len(c.Objects) > 1 {
			st.Part = PartOther
		}
	case schema.CreateView, schema.DropView:
		st.Part, st.Drop = PartView, c.Verb == schema.DropView
	case schema.CreateTrigger, schema.DropTrigger:
		st.Part, st.Drop = PartTrigger, c.Verb == schema.DropTrigger
		for _, obj := range c.Objects {
			if obj.Role == schema.TriggerTable {
				st.Table = obj.Name
			}
		}
	case schema.CreateEvent, schema.DropEvent:
		st.Part, st.Drop = PartEvent, c.Verb == schema.DropEvent
	case schema.CreateProcedure, schema.CreateFunction, schema.CreatePackage, schema.CreatePackageBody, schema.CreateLibrary:
		st.Part = PartRoutine
	case schema.DropProcedure, schema.DropFunction, schema.DropPackage, schema.DropPackageBody, schema.DropLibrary:
		st.Part, st.Drop = PartRoutine, true
	case schema.CreateSequence, schema.DropSequence, schema.AlterSequence:
		st.Part, st.Drop = PartSequence, c.Verb == schema.DropSequence
	default:
		return d.placeRest(p, c, st)
	}
	return nil
}

// placeRest decides what is neither a database's nor an object's definition.
func (d *reader) placeRest(p piece, c schema.Statement, st *Statement) error {
	switch c.Verb {
	case schema.Empty, schema.Commit, schema.Begin, schema.Rollback:
		st.Part = PartSession
	case schema.Select, schema.Do:
		st.Part = PartOther
		if name, ok := d.setval(p.text); ok {
			st.Part, st.Object = PartSequence, name
		}
	case schema.AlterTable:
		st.Part = PartOther
		if a := c.Alter.Actions; len(a) == 1 && strings.HasSuffix(a[0], " KEYS") {
			st.Part = PartKeys
		}
	case schema.Replication:
		st.Part = PartServer
		words, err := tokens(p.text, d.mode)
		if err != nil {
			return d.fail(p.offset, ErrCorrupt, "%v", err)
		}
		f, ok, err := readCoordinates(words, d.mode)
		if err != nil {
			return d.fail(p.offset, ErrCorrupt, "coordinates cannot be read: %v", err)
		}
		if ok {
			d.take(f, p.text, p.offset)
		}
	case schema.LoadData:
		return d.fail(p.offset, ErrUnsupported, "LOAD DATA: the rows are in another file (mysqldump --tab?), which a file of SQL does not lead to; give the folder of mysqldump --tab instead")
	case schema.Binlog:
		return d.fail(p.offset, ErrUnsupported, "the output of mysqlbinlog: give the binlog files themselves with --binlogs")
	case schema.Flush, schema.Prepare, schema.Execute, schema.DropPrepared, schema.Admin:
		st.Part = PartServer
	default:
		st.Part = PartOther
		if c.Verb.IsAccount() || c.Verb.IsGlobal() {
			st.Part = PartServer
		}
	}
	return nil
}

// database follows USE, and ALTER DATABASE, with which dumps give routines and
// triggers the collation that they were created under.
func (d *reader) database(c schema.Statement, o schema.Object, st *Statement) error {
	name := o.Name
	switch c.Verb {
	case schema.Use:
		d.db, d.inForce.DatabaseCollation = name, ""
		d.listDatabase(name)
	case schema.CreateDatabase:
		d.listDatabase(name)
		text, _ := schema.DatabaseDefault(st.SQL, d.mode)
		d.facts.Created = append(d.facts.Created, Created{name, text})
	case schema.AlterDatabase:
		words, err := tokens(st.SQL, d.mode)
		if err != nil {
			return d.fail(st.Offset, ErrCorrupt, "%v", err)
		}
		for i := range words {
			if words[i].is("collate") && i+1 < len(words) {
				d.inForce.DatabaseCollation = strings.Trim(words[len(words)-1].text, "'\"")
			}
		}
		if name == "" {
			name = d.db
		}
	case schema.DropDatabase:
		st.Drop = true
	}
	st.DB, st.Object = name, name
	return nil
}

func (d *reader) listDatabase(name string) {
	for _, have := range d.facts.Databases {
		if have == name {
			return
		}
	}
	d.facts.Databases = append(d.facts.Databases, name)
}

// setval reads the sequence of SELECT SETVAL(`s`, 1001, 0) or DO SETVAL(…).
func (d *reader) setval(sql []byte) (string, bool) {
	words, err := tokens(sql, d.mode)
	if err != nil || len(words) < 4 || !words[1].is("setval") || words[2].text != "(" {
		return "", false
	}
	name := words[3]
	if len(words) > 5 && words[4].text == "." {
		name = words[5]
	}
	return unquoteName([]byte(name.text)), true
}
