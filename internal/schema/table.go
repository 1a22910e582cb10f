package schema

import (
	"slices"
	"strconv"
	"strings"
)

// Table is the definition of a base table as of one point of the log. It is read from a server's
// information_schema or, where there is none, from the text of a CREATE TABLE (see ParseCreateTable).
type Table struct {
	DB, Name string
	Engine   string
	Counter  uint64   // AUTO_INCREMENT, where the text of a CREATE or ALTER TABLE gives one; 0: it does not
	Columns  []Column // in table order
	Keys     []Key    // the primary key first, if there is one

	Charset, Collation string // the default character set and collation, where the text of a CREATE TABLE says them

	ForeignKeys     []ForeignKey
	Partitioned     bool
	SystemVersioned bool   // MariaDB WITH SYSTEM VERSIONING
	Sequence        bool   // MariaDB: a sequence, whose state is logged as a row
	Create          string // as SHOW CREATE TABLE prints it
}

// Column describes one column of a table.
type Column struct {
	Name     string
	Type     string // the full type, such as "int(10) unsigned" (COLUMN_TYPE)
	DataType string // the bare type, such as "int" (DATA_TYPE)

	Charset, Collation string // "" for types without one

	Nullable      bool
	Unsigned      bool
	Generated     string // "", GeneratedVirtual or GeneratedStored
	RowPeriod     bool   // MariaDB GENERATED ALWAYS AS ROW START or ROW END
	Invisible     bool
	AutoIncrement bool
	Computes      bool     // its default is not the same for every row: a function or an expression. Known of a server's tables
	OnUpdate      bool     // ON UPDATE CURRENT_TIMESTAMP
	Fill          string   // the literal that a row takes that is given no value; "" where that cannot be told. Known of a statement's text
	Position      int      // 1 for the first column (ORDINAL_POSITION)
	SRID          uint32   // the declared spatial reference system
	HasSRID       bool     // tells SRID 0 from none declared
	Members       []string // of ENUM and SET, in the order that their numbers mean; bytes in Charset
	Default       string   // COLUMN_DEFAULT, "" also when there is none; of a statement's text the first word behind DEFAULT, with its sign
	Text          string   // what defines the column in the text of a CREATE or ALTER TABLE, its name aside
}

// Values of Column.Generated.
const (
	GeneratedVirtual = "VIRTUAL"
	GeneratedStored  = "STORED"
)

// Key is an index of a table.
type Key struct {
	Name    string
	Unique  bool
	Primary bool
	Columns []KeyPart
}

// KeyPart is one part of an index.
type KeyPart struct {
	Name     string // "" for a functional part
	Prefix   int    // indexed length in characters (bytes for binary types), 0 for all of the column
	Nullable bool
}

// ForeignKey is a foreign key constraint, held by the child table.
type ForeignKey struct {
	Name            string
	RefDB, RefTable string
	Columns         []string
	RefColumns      []string
	OnDelete        string // as information_schema spells it: "CASCADE", "SET NULL", "NO ACTION", …
	OnUpdate        string
}

// RowKey returns the key that identifies a row: the primary key, else the
// first unique key whose parts are all whole, NOT NULL columns. It reports
// false for a table without one, whose rows are a multiset.
func (t *Table) RowKey() (Key, bool) {
	for _, k := range t.Keys {
		if k.Primary {
			return k, true
		}
	}
	for _, k := range t.Keys {
		if k.Unique && k.identifiesRows() {
			return k, true
		}
	}
	return Key{}, false
}

func (k Key) identifiesRows() bool {
	for _, p := range k.Columns {
		if p.Name == "" || p.Prefix != 0 || p.Nullable {
			return false
		}
	}
	return len(k.Columns) > 0
}

// UniqueKeys returns every unique key, the primary key among them.
func (t *Table) UniqueKeys() []Key {
	var unique []Key
	for _, k := range t.Keys {
		if k.Unique || k.Primary {
			unique = append(unique, k)
		}
	}
	return unique
}

// Column finds a column by name, as the server does: without regard to case.
func (t *Table) Column(name string) (*Column, bool) {
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, name) {
			return &t.Columns[i], true
		}
	}
	return nil, false
}

// ColumnNumber is a column's place in Columns, found as Column finds it; -1 without one.
func (t *Table) ColumnNumber(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
}

// Length is the number in the parentheses of the type, 1 where there are none: of CHAR and VARCHAR characters, of BINARY and VARBINARY bytes.
func (c *Column) Length() int {
	_, behind, ok := strings.Cut(c.Type, "(")
	if !ok {
		return 1
	}
	digits, _, _ := strings.Cut(behind, ")")
	n, err := strconv.Atoi(strings.TrimSpace(digits))
	if err != nil {
		return 0
	}
	return n
}

// Fraction is how many digits of a second a time keeps.
func (c *Column) Fraction() int {
	if !strings.Contains(c.Type, "(") {
		return 0
	}
	return c.Length()
}

// MemberCount is how many members an ENUM or SET has, also where only its type is known.
func (c *Column) MemberCount() (n int) {
	if len(c.Members) > 0 {
		return len(c.Members)
	}
	s := NewScanner([]byte(c.Type), Mode{})
	for t, err := s.Next(); err == nil && t.Kind != EOF; t, err = s.Next() {
		if t.Kind == String {
			n++
		}
	}
	return n
}

// Digits are those of a DECIMAL in all, and those of them behind the point.
func (c *Column) Digits() (precision, scale int) {
	_, in, _ := strings.Cut(c.Type, "(")
	in, _, _ = strings.Cut(in, ")")
	all, behind, _ := strings.Cut(in, ",")
	precision, err := strconv.Atoi(strings.TrimSpace(all))
	if err != nil {
		return 10, 0 // the usual
	}
	scale, _ = strconv.Atoi(strings.TrimSpace(behind)) // none: 0
	return precision, scale
}

// Writable reports whether a value may be given for the column: generated
// columns and MariaDB's row period columns are computed by the server.
func (c *Column) Writable() bool {
	return c.Generated == "" && !c.RowPeriod
}

// Implicit is the literal of the value that a NOT NULL column without a default takes where a statement outside of strict mode gives
// none; "" for types that have no such literal.
func (c *Column) Implicit() string {
	switch strings.ToLower(c.DataType) {
	case "char", "varchar", "binary", "varbinary", "tinytext", "text", "mediumtext", "longtext", "tinyblob", "blob", "mediumblob", "longblob", "set":
		return "''"
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit", "year":
		return "0"
	case "date":
		return "'0000-00-00'"
	case "time":
		return "'00:00:00'"
	case "datetime", "timestamp":
		return "'0000-00-00 00:00:00'"
	case "enum":
		return "1"
	}
	return ""
}

// Cascades reports whether a change of the parent may change rows of the child.
func (f ForeignKey) Cascades() bool {
	return f.CascadesDelete() || f.CascadesUpdate()
}

// CascadesDelete reports whether the deletion of a parent may change rows of the child.
func (f ForeignKey) CascadesDelete() bool { return cascades(f.OnDelete) }

// CascadesUpdate reports whether other values of a parent's referenced columns may change rows of the child.
func (f ForeignKey) CascadesUpdate() bool { return cascades(f.OnUpdate) }

func cascades(action string) bool {
	switch strings.ToUpper(action) {
	case "CASCADE", "SET NULL", "SET DEFAULT":
		return true
	}
	return false
}
