package schema

import "strings"

// columnDef is a column as CREATE or ALTER TABLE defines it.
type columnDef struct {
	Column
	fill  fill
	first bool   // FIRST
	after string // AFTER
}

// fill is what rows that are there take in a column that is added.
type fill struct {
	text  string // a literal
	given bool   // DEFAULT and a constant
	vague bool   // DEFAULT and an expression, or what a session's settings decide
}

// columnDefinition reads a column; keys that it declares by the way go to t.
func (p *parser) columnDefinition(t *Table) (*columnDef, error) {
	name, _, err := p.ident()
	if err != nil {
		return nil, err
	}
	c := &columnDef{Column: Column{Name: name, Nullable: true, Position: len(t.Columns) + 1}}
	if p.peek(0).Kind != Ident {
		return nil, p.fail("a column without a type")
	}
	start := p.peek(0).Start
	if err := p.columnType(&c.Column); err != nil {
		return nil, err
	}
	for !p.atEnd() {
		if err := p.columnAttribute(t, c); err != nil {
			return nil, err
		}
	}
	c.Text = string(p.sql[start:p.last().End])
	c.Fill = c.filled()
	return c, nil
}

// columnType reads the type's name, under the name that SHOW CREATE TABLE gives it, and what is in its parentheses.
func (p *parser) columnType(c *Column) error {
	p.oneOf("NATIONAL")
	word := strings.ToLower(string(p.text(p.next())))
	switch {
	case word == "double":
		p.oneOf("PRECISION")
	case (word == "char" || word == "character" || word == "nchar") && p.oneOf("VARYING", "VARCHAR"):
		word = "varchar"
	case word == "long":
		word = "mediumtext"
		if p.oneOf("VARBINARY") {
			word = "mediumblob"
		}
		p.oneOf("VARCHAR")
	}
	if plain, ok := typeNames[word]; ok {
		word = plain
	}
	c.DataType = word
	c.Type = word
	if !p.atPunct(0, '(') {
		return nil
	}
	start := p.peek(0).Start
	if word == "enum" || word == "set" {
		for k := 1; p.peek(k).Kind == String; k += 2 {
			c.Members = append(c.Members, p.unquote(p.peek(k)))
		}
	}
	if err := p.parens(); err != nil {
		return err
	}
	c.Type += strings.ToLower(string(p.sql[start:p.last().End]))
	return nil
}

// typeNames are other names of types.
var typeNames = map[string]string{
	"integer": "int", "int4": "int", "int1": "tinyint", "int2": "smallint", "int3": "mediumint", "int8": "bigint", "middleint": "mediumint",
	"bool": "tinyint", "boolean": "tinyint", "dec": "decimal", "numeric": "decimal", "fixed": "decimal", "real": "double", "float4": "float", "float8": "double",
	"character": "char", "nchar": "char", "nvarchar": "varchar", "varcharacter": "varchar", "geomcollection": "geometrycollection",
}

// columnAttribute reads one attribute, or moves past what does not matter here.
func (p *parser) columnAttribute(t *Table, c *columnDef) error {
	switch {
	case p.peek(0).Kind == EOF:
		return p.fail("definitions without an end")
	case p.seq("GENERATED"), p.at(0, "AS") && p.atPunct(1, '('):
		return p.generated(c)
	case p.atPunct(0, '('):
		return p.parens()
	case p.seq("NOT", "NULL"):
		c.Nullable = false
	case p.seq("UNSIGNED"), p.seq("ZEROFILL"):
		c.Unsigned = true
	case p.seq("AUTO_INCREMENT"):
		c.AutoIncrement = true
	case p.charsetOption(&c.Charset, &c.Collation):
	case p.seq("PRIMARY", "KEY"):
		t.Keys = append(t.Keys, Key{Name: "PRIMARY", Primary: true, Unique: true, Columns: []KeyPart{{Name: c.Name}}})
	case p.seq("UNIQUE"):
		p.oneOf("KEY")
		t.Keys = append(t.Keys, Key{Name: c.Name, Unique: true, Columns: []KeyPart{{Name: c.Name}}})
	case p.seq("REFERENCES"):
		return p.parentDefinition(t, ForeignKey{Columns: []string{c.Name}, OnDelete: "NO ACTION", OnUpdate: "NO ACTION"})
	case p.seq("DEFAULT"):
		return p.defaultValue(c)
	case p.seq("ON", "UPDATE"):
		c.OnUpdate = true
	case p.seq("FIRST"):
		c.first = true
	case p.at(0, "AFTER") && p.isName(p.peek(1)):
		p.next()
		c.after = p.unquote(p.next())
	default:
		p.next()
	}
	return nil
}

func (p *parser) generated(c *columnDef) error {
	p.seq("ALWAYS")
	if err := p.expect("AS"); err != nil {
		return err
	}
	if p.oneOf("ROW") {
		c.RowPeriod = true
		return nil
	}
	c.Generated = GeneratedVirtual
	if err := p.parens(); err != nil {
		return err
	}
	if p.oneOf("STORED", "PERSISTENT") {
		c.Generated = GeneratedStored
	}
	return nil
}

// defaultValue reads what follows DEFAULT: a literal that reads the same in any session, or what is vague.
func (p *parser) defaultValue(c *columnDef) error {
	first := p.peek(0)
	c.Default = string(p.text(first))
	switch {
	case p.oneOf("NULL"):
		c.Default = ""
		c.fill = fill{text: "NULL", given: true}
	case first.Kind == Number && c.text() && strings.ContainsAny(c.Default, "xXbB"): // bytes in the column's character set
		c.fill.vague = true
		p.next()
	case first.Kind == Number, first.Kind == String && ascii(string(p.text(first))):
		p.next()
		c.fill = fill{text: string(p.text(first)), given: true}
	case (p.atPunct(0, '-') || p.atPunct(0, '+')) && p.peek(1).Kind == Number:
		c.fill = fill{text: string(p.text(first)) + string(p.text(p.peek(1))), given: true}
		c.Default = c.fill.text
		p.pos += 2
	case p.atPunct(0, '('):
		c.fill.vague = true
		return p.parens()
	default:
		c.fill.vague = true
		p.next()
	}
	return nil
}

// filled is the literal that rows take in the column when it is added without a server's help, "" where it cannot be told.
func (c *columnDef) filled() string {
	switch {
	case c.fill.vague, c.AutoIncrement, !c.Writable():
		return ""
	case c.fill.given && c.DataType == "timestamp" && c.fill.text != "NULL" && !strings.HasPrefix(c.fill.text, "'0000-00-00 00:00:00"):
		return "" // a time of the session's zone
	case c.fill.given:
		return c.fill.text
	case c.DataType == "timestamp": // explicit_defaults_for_timestamp decides
		return ""
	case c.Nullable:
		return "NULL"
	}
	return c.Implicit()
}
