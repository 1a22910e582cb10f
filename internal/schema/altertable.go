package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNeedsServer marks an ALTER TABLE whose effect on rows only a server can tell.
var ErrNeedsServer = errors.New("its effect on the rows takes a server to tell")

// Altered is a table after an ALTER TABLE, for those who keep its rows without a server.
type Altered struct {
	Table *Table
	From  []int    // for each column of Table: its place before, from 0; -1 for a new one
	Fill  []string // for each new column that is not generated: the literal that its rows take

	columns int // before
}

// Same reports that every row is as it was, column by column.
func (a *Altered) Same() bool {
	for i, from := range a.From {
		if from != i {
			return false
		}
	}
	return len(a.From) == a.columns
}

// AlterRows follows an ALTER TABLE, classified as st, where every row keeps its values or takes a constant:
// columns added, dropped, renamed, moved and widened, indexes, options, and partitions that keep their rows. strict tells that the
// statement ran under a strict sql_mode. Anything else is ErrNeedsServer.
func AlterRows(def *Table, sql []byte, st *Statement, m Mode, strict bool) (*Altered, error) {
	if st.Verb != AlterTable || len(st.Objects) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNeedsServer, st.Verb)
	}
	if st.Alter.Ignore {
		return nil, needsServer("which rows IGNORE leaves out")
	}
	t := *def
	t.Counter = 0
	t.Columns, t.Keys, t.ForeignKeys = slices.Clone(def.Columns), slices.Clone(def.Keys), slices.Clone(def.ForeignKeys)
	for i := range t.Keys {
		t.Keys[i].Columns = slices.Clone(t.Keys[i].Columns)
	}
	a := &alteration{parser: newParser(sql, m), Altered: &Altered{Table: &t, From: make([]int, len(t.Columns)), Fill: make([]string, len(t.Columns)), columns: len(t.Columns)}, strict: strict}
	for i := range a.From {
		a.From[i] = i
	}
	a.bare = true
	for a.peek(0).Kind != EOF && a.peek(0).Start < st.Objects[0].NameEnd {
		a.next()
	}
	a.wait()
	for a.peek(0).Kind != EOF && !a.atPunct(0, ';') {
		if err := a.item(); err != nil {
			return nil, err
		}
		a.punct(',') // options stand side by side without one
	}
	if a.err != nil {
		return nil, a.err
	}
	if missing := t.settle(); missing != "" {
		return nil, needsServer("a key of column " + missing + ", which the table lacks as far as its statements tell")
	}
	return a.Altered, nil
}

type alteration struct {
	*parser
	*Altered
	strict bool
}

func needsServer(what string) error {
	return fmt.Errorf("%w: %s", ErrNeedsServer, what)
}

// item follows one action.
func (a *alteration) item() error {
	switch {
	case a.seq("ADD"):
		return a.add()
	case a.seq("DROP"):
		return a.drop()
	case a.seq("MODIFY"):
		a.oneOf("COLUMN")
		a.seq("IF", "EXISTS")
		return a.redefine("")
	case a.seq("CHANGE"):
		a.oneOf("COLUMN")
		a.seq("IF", "EXISTS")
		old, _, err := a.ident()
		if err != nil {
			return err
		}
		return a.redefine(old)
	case a.seq("RENAME"):
		return a.rename()
	case a.seq("ALTER"):
		return a.alterColumn()
	case a.at(0, "PARTITION") && a.at(1, "BY"), a.at(0, "REMOVE") && a.at(1, "PARTITIONING"),
		a.at(0, "REORGANIZE", "COALESCE", "REBUILD", "OPTIMIZE", "ANALYZE", "CHECK", "REPAIR") && a.at(1, "PARTITION"):
		a.Table.Partitioned = !a.at(0, "REMOVE")
		return a.skipAll()
	case a.at(0, "DEFAULT", "CHARSET", "CHARACTER", "COLLATE"):
		a.oneOf("DEFAULT")
		charset, collation := "", ""
		if a.charsetOption(&charset, &collation) {
			a.Table.Charset, a.Table.Collation = charset, collation
			return nil
		}
	case a.counterOption(a.Table):
		return nil
	case a.at(0, options...), a.at(0, "ORDER") && a.at(1, "BY"), a.at(0, "ENABLE", "DISABLE") && a.at(1, "KEYS"):
		return a.option()
	}
	return needsServer(string(a.text(a.peek(0))))
}

// options of a table that leave its rows as they are.
var options = []string{"ALGORITHM", "LOCK", "COMMENT", "ENGINE", "ROW_FORMAT", "KEY_BLOCK_SIZE", "STATS_PERSISTENT", "STATS_AUTO_RECALC",
	"STATS_SAMPLE_PAGES", "AVG_ROW_LENGTH", "MAX_ROWS", "MIN_ROWS", "CHECKSUM", "PACK_KEYS", "DELAY_KEY_WRITE", "FORCE", "COMPRESSION", "WITHOUT", "WITH"}

// option moves past one option: options may follow one another without commas.
func (a *alteration) option() error {
	if a.at(0, "ORDER") {
		return a.skipAll()
	}
	a.next()
	for !a.atEnd() && !a.at(0, options...) && !a.at(0, "DEFAULT", "CHARSET", "CHARACTER", "COLLATE", "AUTO_INCREMENT", "PARTITION", "REMOVE") {
		a.next()
	}
	return nil
}

// alterColumn follows ALTER [COLUMN] c SET DEFAULT and DROP DEFAULT; rows that are there keep their values. What is visible is not followed.
func (a *alteration) alterColumn() error {
	a.oneOf("COLUMN")
	if !a.isName(a.peek(0)) {
		return a.skipItem()
	}
	i := a.column(a.unquote(a.next()))
	if i < 0 {
		return a.skipItem()
	}
	c := columnDef{Column: a.Table.Columns[i]}
	c.Fill = ""
	switch {
	case a.seq("SET", "DEFAULT"):
		if err := a.defaultValue(&c); err != nil {
			return err
		}
		c.Fill = c.filled()
	case a.seq("DROP", "DEFAULT"):
		c.Default = ""
	}
	c.Text = ""
	a.Table.Columns[i] = c.Column
	return a.skipItem()
}

func (a *alteration) skipItem() error { return a.skipDefinition() }

// skipAll moves to the end: what partitions are made of has commas of its own.
func (a *alteration) skipAll() error {
	for a.peek(0).Kind != EOF {
		a.next()
	}
	return nil
}

func (a *alteration) add() error {
	switch what := a.addedKind(); what {
	case "COLUMN":
		a.oneOf("COLUMN")
		if a.seq("IF", "NOT", "EXISTS") {
			if _, there := a.Table.Column(string(a.unquote(a.peek(0)))); there {
				return a.skipItem()
			}
		}
		if !a.punct('(') {
			return a.addColumn()
		}
		return a.addColumns()
	case "INDEX", "PRIMARY KEY", "FOREIGN KEY", "CHECK":
		return a.definition(a.Table)
	case "PARTITION":
		return a.skipAll()
	default:
		return needsServer("ADD " + what)
	}
}

// addColumns reads ADD (a INT, b INT, KEY (a)).
func (a *alteration) addColumns() error {
	for {
		var err error
		switch a.addedKind() {
		case "COLUMN":
			err = a.addColumn()
		default:
			err = a.definition(a.Table)
		}
		if err != nil {
			return err
		}
		if a.punct(')') {
			return nil
		}
		if !a.punct(',') {
			return a.fail("no comma between definitions")
		}
	}
}

func (a *alteration) addColumn() error {
	c, err := a.columnDefinition(a.Table)
	if err != nil {
		return err
	}
	if c.Fill == "" && c.Writable() {
		return needsServer("what rows take in the new column " + c.Name)
	}
	return a.place(c, -1, c.Fill)
}

// place puts a column where FIRST or AFTER says, else last.
func (a *alteration) place(c *columnDef, from int, fill string) error {
	at := len(a.Table.Columns)
	switch {
	case c.first:
		at = 0
	case c.after != "":
		i := a.column(c.after)
		if i < 0 {
			return a.fail("no column " + c.after)
		}
		at = i + 1
	}
	a.Table.Columns = slices.Insert(a.Table.Columns, at, c.Column)
	a.From = slices.Insert(a.From, at, from)
	a.Fill = slices.Insert(a.Fill, at, fill)
	return nil
}

// column is a column's place, or -1.
func (a *alteration) column(name string) int {
	return slices.IndexFunc(a.Table.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
}

func (a *alteration) take(i int) {
	a.Table.Columns = slices.Delete(a.Table.Columns, i, i+1)
	a.From = slices.Delete(a.From, i, i+1)
	a.Fill = slices.Delete(a.Fill, i, i+1)
}

func (a *alteration) drop() error {
	t := a.Table
	switch {
	case a.seq("PRIMARY", "KEY"):
		t.Keys = slices.DeleteFunc(t.Keys, func(k Key) bool { return k.Primary })
		return nil
	case a.oneOf("INDEX", "KEY"):
		a.seq("IF", "EXISTS")
		name, _, err := a.ident()
		if i := t.keyNamed(name); err == nil && i >= 0 {
			t.Keys = slices.Delete(t.Keys, i, i+1)
		}
		return err
	case a.seq("FOREIGN", "KEY"), a.seq("CHECK"), a.seq("CONSTRAINT"):
		return a.dropConstraint()
	case a.at(0, "PARTITION", "PERIOD", "SYSTEM"):
		return needsServer("DROP " + string(a.text(a.peek(0))))
	}
	a.oneOf("COLUMN")
	a.seq("IF", "EXISTS")
	name, _, err := a.ident()
	if err != nil {
		return err
	}
	i := a.column(name)
	if i < 0 {
		return nil
	}
	a.take(i)
	for k := range t.Keys {
		cols := &t.Keys[k].Columns
		if n := len(*cols); t.Keys[k].Unique && n > 1 && slices.ContainsFunc(*cols, func(p KeyPart) bool { return strings.EqualFold(p.Name, name) }) {
			return needsServer("a column of the unique key " + t.Keys[k].Name + " goes")
		}
		*cols = slices.DeleteFunc(*cols, func(p KeyPart) bool { return strings.EqualFold(p.Name, name) })
	}
	t.Keys = slices.DeleteFunc(t.Keys, func(k Key) bool { return len(k.Columns) == 0 })
	a.oneOf("RESTRICT", "CASCADE")
	return nil
}

func (a *alteration) dropConstraint() error {
	a.seq("IF", "EXISTS")
	name, _, err := a.ident()
	if err != nil {
		return err
	}
	t := a.Table
	before := len(t.ForeignKeys) + len(t.Keys)
	t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(f ForeignKey) bool { return strings.EqualFold(f.Name, name) })
	if i := t.keyNamed(name); i >= 0 && before == len(t.ForeignKeys)+len(t.Keys) {
		t.Keys = slices.Delete(t.Keys, i, i+1)
	}
	if before == len(t.ForeignKeys)+len(t.Keys) && slices.ContainsFunc(t.ForeignKeys, func(f ForeignKey) bool { return f.Name == "" }) {
		return needsServer("which foreign key " + name + " is")
	}
	return nil
}

// redefine reads a column's new definition; old is its name in CHANGE.
func (a *alteration) redefine(old string) error {
	c, err := a.columnDefinition(a.Table)
	if err != nil {
		return err
	}
	if old == "" {
		old = c.Name
	}
	i := a.column(old)
	if i < 0 {
		return a.fail("no column " + old)
	}
	was := a.Table.Columns[i]
	now := c.Column
	if now.text() && now.Charset == "" {
		now.Charset = a.Table.Charset
	}
	if !a.keepsValues(&was, &now) {
		return needsServer(fmt.Sprintf("column %s turns from %s into %s", old, was.Type, now.Type))
	}
	a.renameColumn(old, c.Name)
	if !c.first && c.after == "" {
		a.Table.Columns[i] = c.Column
		return nil
	}
	from, fill := a.From[i], a.Fill[i]
	a.take(i)
	return a.place(c, from, fill)
}

// keepsValues reports that every value of a column is the same value of its new definition.
func (a *alteration) keepsValues(was, now *Column) bool {
	if was.Nullable && !now.Nullable && !a.strict || was.Generated != now.Generated || was.RowPeriod || now.RowPeriod || was.Charset != now.Charset {
		return false
	}
	if now.AutoIncrement && !was.AutoIncrement {
		return false // numbers may be given to rows that have none
	}
	if was.DataType == "timestamp" && was.Nullable != now.Nullable {
		return false
	}
	if was.Generated != "" {
		return true
	}
	wasInt, nowInt := intWidth[was.DataType], intWidth[now.DataType]
	switch {
	case wasInt > 0 && nowInt > 0:
		return was.Unsigned == now.Unsigned && nowInt >= wasInt
	case was.DataType != now.DataType || was.Unsigned != now.Unsigned:
		return false
	case was.DataType == "enum" || was.DataType == "set":
		return len(now.Members) >= len(was.Members) && slices.Equal(was.Members, now.Members[:len(was.Members)])
	case was.DataType == "varchar" || was.DataType == "varbinary":
		return now.Length() >= was.Length()
	}
	return was.Type == now.Type
}

var intWidth = map[string]int{"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 8}

func (a *alteration) rename() error {
	t := a.Table
	switch {
	case a.seq("COLUMN"):
		a.seq("IF", "EXISTS")
		from, _, err := a.ident()
		if err == nil {
			err = a.expect("TO")
		}
		if err != nil {
			return err
		}
		to, _, err := a.ident()
		if i := a.column(from); err == nil && i >= 0 {
			t.Columns[i].Name = to
			a.renameColumn(from, to)
		}
		return err
	case a.oneOf("INDEX", "KEY"):
		a.seq("IF", "EXISTS")
		from, _, err := a.ident()
		if err == nil {
			err = a.expect("TO")
		}
		if err != nil {
			return err
		}
		to, _, err := a.ident()
		if i := t.keyNamed(from); err == nil && i >= 0 {
			t.Keys[i].Name = to
		}
		return err
	}
	return a.skipItem() // of the table: it has its name from elsewhere
}

// renameColumn lets keys follow.
func (a *alteration) renameColumn(from, to string) {
	for i := range a.Table.Keys {
		for j := range a.Table.Keys[i].Columns {
			if p := &a.Table.Keys[i].Columns[j]; strings.EqualFold(p.Name, from) {
				p.Name = to
			}
		}
	}
	for i := range a.Table.ForeignKeys {
		for j, c := range a.Table.ForeignKeys[i].Columns {
			if strings.EqualFold(c, from) {
				a.Table.ForeignKeys[i].Columns = slices.Clone(a.Table.ForeignKeys[i].Columns)
				a.Table.ForeignKeys[i].Columns[j] = to
			}
		}
	}
}
