package replay

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// strictModes are STRICT_TRANS_TABLES and STRICT_ALL_TABLES in a Query event's sql_mode.
const strictModes = 1<<22 | 1<<23

// statement follows DDL: tables by name, their definitions as far as every row's fate is sure.
func (b *rebuild) statement(it *binlog.Item, st *schema.Statement) error {
	q := it.Query
	if b.withoutBase(st, q) {
		b.count.Filtered++
		return nil
	}
	b.count.Applied++
	text, err := localise(b.p, st, it, b.format)
	if err != nil {
		return err
	}
	mode := filter.ReadingMode(q, b.format)
	set := b.server.StatementSettings(sessionOf(b.p, st, q, b.format), it.Time)
	if b.programs.statement(st, ProgramText{SQL: text, Set: set, Mode: mode}) {
		return nil
	}
	if st.Verb == schema.RenameTable {
		if done, err := b.programs.renameViews(st); err != nil || done {
			return err
		}
	}
	clear(b.routes)
	// What was cut out of the text, or renamed in it, moved the names' places.
	if *st, err = schema.Classify(text, mode); err != nil {
		return err
	}
	if err := b.doubtful(b.table(st, q, text, set, mode), b.reached(st)...); err != nil {
		return fmt.Errorf("%s: %w", filter.Excerpt(q.SQL, 100), err)
	}
	return nil
}

// reached are the tables that a statement is about, by the names that they have after it.
func (b *rebuild) reached(st *schema.Statement) (names []string) {
	for _, o := range st.Objects {
		switch {
		case o.Kind != schema.KindTable && o.Kind != schema.KindSequence:
		case o.Role == schema.Target && st.Verb == schema.AlterTable && st.Alter.RenameTo != nil:
			names = append(names, st.Alter.RenameTo.Name)
		case o.Role == schema.Target, o.Role == schema.RenameTo, o.Role == schema.ExchangeTable:
			names = append(names, o.Name)
		}
	}
	if len(names) == 0 {
		return slices.Collect(maps.Keys(b.tables))
	}
	return names
}

// withoutBase reports a statement about nothing but tables that have no base, which changes none that has.
func (b *rebuild) withoutBase(st *schema.Statement, q *binlog.Query) bool {
	switch st.Verb {
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect:
		return false
	}
	missing := false
	for _, o := range filter.Touched(st, q) {
		if o.Kind != schema.KindTable || o.DB != b.p.Database || o.Role != schema.Target && o.Role != schema.RenameFrom {
			continue
		}
		if b.named(o.Name) != nil || !b.p.MayMiss(o.Name) {
			return false
		}
		missing = true
	}
	return missing
}

func (b *rebuild) table(st *schema.Statement, q *binlog.Query, text []byte, set []string, mode schema.Mode) error {
	if q.ErrorCode != 0 {
		return needsServer("what a statement did before it failed")
	}
	if st.Verb == schema.AlterDatabase && b.lenient {
		return nil // it is about what comes later, whose definitions are not compared in that
	}
	switch st.Verb {
	case schema.CreateTable, schema.CreateTableSelect:
		return b.create(st, text, set, mode)
	case schema.CreateTableLike:
		return b.createLike(st)
	case schema.DropTable:
		for _, o := range targets(st) {
			b.drop(o.Name)
		}
		return nil
	case schema.DropDatabase:
		clear(b.tables)
		b.programs.list = nil
		return nil
	case schema.CreateDatabase:
		if len(b.tables) > 0 {
			return nil // it was there
		}
		b.database = string(text[st.Objects[0].NameEnd:])
		return nil
	case schema.TruncateTable:
		for _, o := range targets(st) {
			if t := b.named(o.Name); t != nil && t.unsure == "" {
				b.truncate(t, mode)
			}
		}
		return nil
	case schema.RenameTable:
		return b.renameAll(st)
	case schema.AlterTable:
		return b.alter(st, q, text, set, mode)
	case schema.CreateIndex, schema.DropIndex:
		return b.index(st, text, set, mode)
	}
	return needsServer("%s", st.Verb)
}

// targets are the tables that a statement is about.
func targets(st *schema.Statement) []schema.Object {
	return slices.DeleteFunc(slices.Clone(st.Objects), func(o schema.Object) bool { return o.Kind != schema.KindTable || o.Role != schema.Target })
}

func (b *rebuild) drop(name string) {
	if t := b.named(name); t != nil {
		b.forget(t)
		delete(b.tables, t.name)
		b.programs.dropTable(t.name)
	}
}

func (b *rebuild) truncate(t *rebuilt, mode schema.Mode) {
	b.forget(t)
	t.base, t.counter = "", 0
	if t.def.Counter > 0 {
		def := *t.def
		def.Counter = 0
		t.def = &def
		t.add([]byte("ALTER TABLE "+schema.QuoteIdent(t.name)+" AUTO_INCREMENT=1"), nil, mode)
	}
}

func (b *rebuild) create(st *schema.Statement, text []byte, set []string, mode schema.Mode) error {
	name := targets(st)[0].Name
	if b.named(name) != nil {
		if st.IfNotExists {
			return nil
		}
		if !st.OrReplace && b.p.Exact { // one of unknown date may hold what the log makes later
			return fmt.Errorf("table %s exists already; did the base hold it?", name)
		}
		b.drop(name)
	}
	if st.Verb == schema.CreateTableSelect {
		return needsServer("the columns of a SELECT")
	}
	def, err := schema.ParseCreateTable(text, mode)
	if err != nil {
		return err
	}
	def.DB, def.Name = b.p.Into, name
	t := &rebuilt{name: name, def: def}
	t.add(text, set, mode)
	b.tables[name] = t
	return nil
}

// createLike makes a table as another was made.
func (b *rebuild) createLike(st *schema.Statement) error {
	name := targets(st)[0].Name
	if b.named(name) != nil {
		if b.p.Exact || st.IfNotExists {
			return nil
		}
		b.drop(name)
	}
	var model *rebuilt
	for _, o := range st.Objects {
		if o.Role == schema.Like {
			model = b.named(o.Name)
		}
	}
	if model == nil || len(model.def.ForeignKeys) > 0 || model.unsure != "" {
		return needsServer("a table like one that is not known whole")
	}
	def := *model.def
	def.Name = name
	t := &rebuilt{name: name, def: &def, made: slices.Clone(model.made), modes: slices.Clone(model.modes)}
	b.tables[name] = t
	return t.rename(name)
}

// renameAll carries out RENAME TABLE, from left to right.
func (b *rebuild) renameAll(st *schema.Statement) error {
	from := ""
	for _, o := range st.Objects {
		switch o.Role {
		case schema.RenameFrom:
			from = o.Name
		case schema.RenameTo:
			if err := b.rename(from, o.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *rebuild) rename(from, to string) error {
	t := b.named(from)
	if t == nil {
		return fmt.Errorf("there is no table %s", from)
	}
	for _, o := range b.tables {
		if b.lenient { // the rows are the same, and nothing is written
			b.follow(o, from, to)
			continue
		}
		if len(t.def.ForeignKeys) > 0 || slices.ContainsFunc(o.def.ForeignKeys, func(f schema.ForeignKey) bool { return strings.EqualFold(f.RefTable, from) }) {
			return needsServer("a table with foreign keys gets another name")
		}
	}
	delete(b.tables, t.name)
	b.tables[to] = t
	def := *t.def
	def.Name = to
	t.def = &def
	if err := t.rename(to); err != nil && !b.lenient {
		return err
	}
	return b.programs.renameTable(from, to)
}

// follow lets foreign keys refer to a table by its new name.
func (b *rebuild) follow(t *rebuilt, from, to string) {
	def := *t.def
	def.ForeignKeys = slices.Clone(def.ForeignKeys)
	for i := range def.ForeignKeys {
		if strings.EqualFold(def.ForeignKeys[i].RefTable, from) {
			def.ForeignKeys[i].RefTable = to
		}
	}
	t.def = &def
}

// rename lets the statements that made a table make it under another name.
func (t *rebuilt) rename(to string) error {
	t.name = to
	for i, m := range t.made {
		st, err := schema.Classify(m.SQL, t.modes[i])
		if err == nil {
			m.SQL, err = schema.RenameObject(m.SQL, &st, t.modes[i], schema.Target, to)
		}
		if err != nil {
			return needsServer("a statement that made table %s: %w", to, err)
		}
		t.made[i] = m
	}
	return nil
}

func (b *rebuild) alter(st *schema.Statement, q *binlog.Query, text []byte, set []string, mode schema.Mode) error {
	name := targets(st)[0].Name
	t := b.named(name)
	if t == nil {
		return fmt.Errorf("there is no table %s", name)
	}
	if t.unsure != "" {
		for _, o := range st.Objects {
			if o.Role == schema.ExchangeTable {
				return needsServer("it exchanged rows with table %s", name)
			}
		}
		if to := st.Alter.RenameTo; to != nil {
			return b.rename(t.name, to.Name)
		}
		return nil
	}
	if !b.lenient && mode.NoBackslashEscapes && !mode.MariaDB && slices.ContainsFunc(t.def.Columns, func(c schema.Column) bool { return c.Generated != "" }) {
		return needsServer("table %s has generated columns and is altered under NO_BACKSLASH_ESCAPES, under which MySQL reads their expressions wrong unless the table is open already", name)
	}
	strict := q.Vars.HasSQLMode && q.Vars.SQLMode&strictModes != 0
	altered, err := schema.AlterRows(t.def, text, st, mode, strict)
	if err != nil {
		return fmt.Errorf("%w (%w)", err, ErrNeedsServer)
	}
	if n := altered.Table.Counter; n > 0 {
		if n <= max(t.counter+1, t.def.Counter) {
			return needsServer("a smaller AUTO_INCREMENT counter")
		}
		t.counter = n - 1
	}
	altered.Table.Counter = t.def.Counter
	if st.Alter.RenameTo == nil {
		t.add(text, set, mode)
	} else if len(st.Alter.Actions) > 1 {
		return needsServer("a new name together with other changes")
	}
	if t.base != "" || len(t.stages) > 0 {
		s := t.open()
		s.alter = altered
	}
	t.def = altered.Table
	if to := st.Alter.RenameTo; to != nil {
		return b.rename(t.name, to.Name)
	}
	return nil
}

// index follows CREATE INDEX and DROP INDEX, which leave rows as they are but may change which key tells them apart.
func (b *rebuild) index(st *schema.Statement, text []byte, set []string, mode schema.Mode) error {
	t := b.named(targets(st)[0].Name)
	if t == nil {
		return fmt.Errorf("there is no table %s", targets(st)[0].Name)
	}
	if t.indexed = true; t.unsure != "" {
		return nil
	}
	if _, keyed := t.def.RowKey(); !keyed {
		return needsServer("an index of a table without a key")
	}
	key, _ := t.def.RowKey()
	if !key.Primary {
		return needsServer("an index of a table without a primary key")
	}
	t.add(text, set, mode)
	return nil
}
