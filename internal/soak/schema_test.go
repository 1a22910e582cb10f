package soak

import (
	"fmt"
	"slices"
	"strings"
)

// table is what the generator believes a table to be. Where a statement failed, it is wrong: then others fail too, and no harm is done.
type table struct {
	db, name string
	columns  []*column
	keys     [][]string // unique ones, without their prefix lengths
	whole    [][]string // those of them that have none: what foreign keys may refer to
	auto     string
	apart    bool // partitioned, or of another engine: no foreign keys
}

func (t *table) ref() string { return t.db + "." + t.name }

type column struct {
	name     string
	typ      string // as declared
	literal  func() string
	text     bool // a key needs a prefix, or may have one
	blob     bool // a key needs a prefix
	plain    bool // it may be in a key, in a partition's expression, referenced
	integer  bool
	nullable bool
	computed bool
}

// words are few, so that they meet, and differ in what collations overlook.
func (g *generator) word() string {
	return pick(g, "", "a", "A", "a ", "á", "b", "B ", "ab", "AB", "Ab  ", "ss", "ß", "z", "Z", "it''s", "q", "r", "S", "æ", "\t", "0", "1", "10", "c", "d", "e f", "é")
}

func (g *generator) wordLiteral() string { return "'" + g.word() + "'" }

func (g *generator) whole(min, max string) func() string {
	return func() string {
		if g.oneIn(12) {
			return pick(g, min, max, "0")
		}
		return fmt.Sprint(g.IntN(30))
	}
}

func (g *generator) hexLiteral(n int) string {
	b := make([]byte, g.IntN(n+1))
	for i := range b {
		b[i] = pick[byte](g, 0, 0, 1, 'a', 'A', ' ', 0xff)
	}
	if len(b) == 0 {
		return "''"
	}
	return fmt.Sprintf("0x%x", b)
}

// integerColumn is one of every width.
func (g *generator) integerColumn() *column {
	c := &column{plain: true, integer: true}
	type width struct{ name, min, max, umax string }
	w := pick(g, width{"TINYINT", "-128", "127", "255"}, width{"SMALLINT", "-32768", "32767", "65535"}, width{"MEDIUMINT", "-8388608", "8388607", "16777215"},
		width{"INT", "-2147483648", "2147483647", "4294967295"}, width{"INT", "-2147483648", "2147483647", "4294967295"},
		width{"BIGINT", "-9223372036854775808", "9223372036854775807", "18446744073709551615"})
	if c.typ, c.literal = w.name, g.whole(w.min, w.max); g.oneIn(3) {
		c.typ, c.literal = w.name+" UNSIGNED", g.whole("0", w.umax)
	}
	return c
}

func (g *generator) collation() string {
	choice := []string{"CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		"CHARACTER SET latin1", "CHARACTER SET latin1 COLLATE latin1_general_cs", "CHARACTER SET ucs2", "CHARACTER SET gbk", ""}
	if !g.maria && !g.old {
		choice = append(choice, "CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci", "CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs")
	}
	if g.maria {
		choice = append(choice, "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_nopad_ci")
	}
	return pick(g, choice...)
}

// keyColumn is of a type that keys are made of.
func (g *generator) keyColumn() *column {
	switch g.IntN(12) {
	case 0, 1, 2, 3:
		return g.integerColumn()
	case 4, 5, 6:
		return &column{typ: fmt.Sprintf("VARCHAR(%d) %s", pick(g, 5, 20, 100), g.collation()), text: true, literal: g.wordLiteral}
	case 7:
		return &column{typ: fmt.Sprintf("CHAR(%d) %s", pick(g, 4, 10), g.collation()), text: true, literal: g.wordLiteral}
	case 8:
		return &column{typ: pick(g, "DECIMAL(10,2)", "DECIMAL(30,10)", "DECIMAL(5,0) UNSIGNED"), plain: true, literal: func() string {
			return pick(g, "0", "1", "1.5", "2.25", "-1.5", "99.99", "7", "8.10")
		}}
	case 9:
		return &column{typ: "DATE", plain: true, literal: func() string { return fmt.Sprintf("'2024-02-%02d'", 1+g.IntN(28)) }}
	case 10:
		n := pick(g, 3, 8)
		return &column{typ: fmt.Sprintf("BINARY(%d)", n), literal: func() string { return g.hexLiteral(3) }}
	}
	return &column{typ: "VARBINARY(8)", literal: func() string { return g.hexLiteral(4) }}
}

// anyColumn is of any type.
func (g *generator) anyColumn() *column {
	list := func(values ...string) func() string { return func() string { return pick(g, values...) } }
	fsp := func(t string) string { return pick(g, t, t+"(3)", t+"(6)") }
	switch g.IntN(16) {
	case 0, 1, 2, 3:
		return g.keyColumn()
	case 4:
		return &column{typ: "ENUM('a','b','ü','d')", literal: list("'a'", "'b'", "'ü'", "'d'", "1")}
	case 5:
		return &column{typ: "SET('a','b','c','d')", literal: list("''", "'a'", "'a,b'", "'b,d'", "'a,b,c,d'")}
	case 6, 7:
		c := &column{typ: pick(g, "TEXT", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT") + " " + g.collation(), text: true, blob: true}
		c.literal = func() string {
			if g.oneIn(5) {
				return fmt.Sprintf("REPEAT(%s, %d)", g.wordLiteral(), g.IntN(100))
			}
			return g.wordLiteral()
		}
		return c
	case 8:
		return &column{typ: pick(g, "BLOB", "TINYBLOB", "LONGBLOB"), blob: true, literal: func() string {
			if g.oneIn(5) {
				return fmt.Sprintf("REPEAT(x'00ff41', %d)", g.IntN(80))
			}
			return g.hexLiteral(12)
		}}
	case 9: // no -0 and few digits: a dump as text does not carry them
		return &column{typ: pick(g, "DOUBLE", "FLOAT"), literal: list("0", "1.5", "0.25", "-3.75", "1024")}
	case 10:
		return &column{typ: fmt.Sprintf("BIT(%d)", pick(g, 1, 7, 20, 64)), literal: list("b'0'", "b'1'", "b'1'", "b'0'")}
	case 11:
		return &column{typ: fsp("DATETIME"), literal: list("'2024-01-02 03:04:05'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'2024-05-06 07:08:09.123456'", "NOW()")}
	case 12:
		return &column{typ: fsp("TIMESTAMP") + " NULL", nullable: true, literal: list("'2024-01-02 03:04:05'", "'2001-09-09 01:46:40.5'", "NOW()", "CURRENT_TIMESTAMP")}
	case 13:
		return &column{typ: fsp("TIME"), literal: list("'00:00:00'", "'-838:59:59'", "'838:59:59'", "'-00:00:01.5'", "'12:34:56.789'")}
	case 14:
		return &column{typ: "YEAR", literal: list("2024", "1901", "2155", "0")}
	}
	if g.old {
		return g.integerColumn()
	}
	return &column{typ: "JSON", literal: func() string {
		return pick(g, `'{"a": 1, "b": [1, 2.5, null]}'`, `'[]'`, `'{}'`, `'"x"'`, `'null'`, `'[1e10, -5, 18446744073709551615]'`, `'{"k": {"n": "é", "t": true}}'`,
			`JSON_OBJECT('a', `+fmt.Sprint(g.IntN(9))+`, 'b', 'text', 'c', JSON_ARRAY(1, 2, 3))`)
	}}
}

func (g *generator) declare(c *column) string {
	d := c.name + " " + c.typ
	if !c.nullable {
		d += " NOT NULL"
		if !c.blob && c.integer && g.oneIn(3) {
			d += " DEFAULT 3"
		}
	}
	return d
}

// part is a column in a key.
func (g *generator) part(c *column) string {
	switch {
	case c.blob:
		return fmt.Sprintf("%s(%d)", c.name, 1+g.IntN(4))
	case c.text && g.oneIn(4):
		return fmt.Sprintf("%s(%d)", c.name, 1+g.IntN(3))
	}
	return c.name
}

// keyable are some of the table's columns, in some order, that a key can have.
func (g *generator) keyable(t *table, n int) (of []*column) {
	for _, i := range g.Perm(len(t.columns)) {
		if c := t.columns[i]; len(of) < n && !strings.HasPrefix(c.typ, "JSON") && !c.computed {
			of = append(of, c)
		}
	}
	return of
}

func (g *generator) keyParts(columns []*column) (parts string, names []string) {
	var list []string
	for _, c := range columns {
		list = append(list, g.part(c))
		names = append(names, c.name)
	}
	return strings.Join(list, ", "), names
}

// createTable makes a table in the restored database.
func (g *generator) createTable() {
	name := g.name("t")
	if g.oneIn(4) && g.names > 3 {
		name = fmt.Sprintf("t%d", 1+g.IntN(g.names)) // once more, if it is free
	}
	t := &table{db: database, name: name}
	g.define(t, g.f.foreignKeys, g.f.partitions)
	g.tables = append(slices.DeleteFunc(g.tables, func(o *table) bool { return o.name == t.name }), t)
}

func (g *generator) createBeside() {
	t := &table{db: neighbour, name: g.name("n")}
	g.define(t, false, false)
	g.beside = append(g.beside, t)
}

// define fills in a table, and writes its CREATE.
func (g *generator) define(t *table, foreignKeys, partitions bool) {
	var lines []string
	put := func(c *column, prefix string) {
		c.name = g.name(prefix)
		t.columns = append(t.columns, c)
	}
	primary := g.IntN(6) // columns of the key: 0 none, 1, 1, 1, 2, 3
	if primary = []int{0, 1, 1, 1, 2, 3}[primary]; primary == 0 && g.f.onlyKeyed {
		primary = 1
	}
	for range primary {
		put(g.keyColumn(), "k")
	}
	if primary == 1 && t.columns[0].integer && g.oneIn(2) {
		t.auto = t.columns[0].name
	}
	for range 1 + g.IntN(5) {
		c := g.anyColumn()
		c.nullable = c.nullable || g.oneIn(2)
		put(c, "c")
	}
	g.Shuffle(len(t.columns), func(i, j int) { t.columns[i], t.columns[j] = t.columns[j], t.columns[i] })
	for _, c := range t.columns {
		d := g.declare(c)
		if c.name == t.auto {
			d = c.name + " " + c.typ + " NOT NULL AUTO_INCREMENT"
		}
		lines = append(lines, d)
	}
	lines = append(lines, g.keys(t, primary)...)
	lines = append(lines, g.computed(t)...)
	option := ""
	switch {
	case partitions && g.oneIn(2):
		option, t.apart = g.partitions(t), true
	case g.oneIn(20):
		option, t.apart = " ENGINE=MyISAM", true
	case foreignKeys:
		lines = append(lines, g.foreignKeys(t)...)
	}
	verb := "CREATE TABLE"
	if g.maria && g.oneIn(8) {
		verb = "CREATE OR REPLACE TABLE"
	}
	g.add("%s %s (%s)%s", verb, g.refer(t), strings.Join(lines, ", "), option)
}

func (g *generator) keys(t *table, primary int) (lines []string) {
	if primary > 0 {
		var key []*column
		for _, c := range t.columns {
			if strings.HasPrefix(c.name, "k") {
				key = append(key, c)
			}
		}
		parts, names := g.keyParts(key)
		lines = append(lines, "PRIMARY KEY ("+parts+")")
		t.unique(parts, names)
	}
	for range g.IntN(3) {
		parts, names := g.keyParts(g.keyable(t, 1+g.IntN(2)))
		if len(names) > 0 {
			lines = append(lines, fmt.Sprintf("UNIQUE KEY %s (%s)", g.name("u"), parts))
			t.unique(parts, names)
		}
	}
	if g.oneIn(2) {
		if parts, names := g.keyParts(g.keyable(t, 1+g.IntN(2))); len(names) > 0 {
			lines = append(lines, fmt.Sprintf("KEY %s (%s)", g.name("i"), parts))
		}
	}
	return lines
}

func (t *table) unique(parts string, names []string) {
	t.keys = append(t.keys, names)
	if !strings.Contains(parts, "(") {
		t.whole = append(t.whole, names)
	}
}

// computed are generated columns, and sometimes a unique key over one.
func (g *generator) computed(t *table) (lines []string) {
	if g.old || !g.oneIn(3) {
		return nil
	}
	for _, c := range t.columns {
		if c.name == t.auto || c.blob || strings.HasPrefix(c.typ, "JSON") || g.oneIn(2) {
			continue
		}
		n := g.name("g")
		typ, expr := "VARCHAR(210)", "CONCAT("+c.name+", '-')"
		if c.integer {
			typ, expr = "DECIMAL(30,0)", c.name+" % 7"
		} else if !c.text {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s GENERATED ALWAYS AS (%s) %s", n, typ, expr, pick(g, "STORED", "VIRTUAL")))
		t.columns = append(t.columns, &column{name: n, typ: typ, literal: func() string { return "DEFAULT" }, computed: true})
		if g.oneIn(4) {
			lines = append(lines, fmt.Sprintf("UNIQUE KEY %s (%s)", g.name("u"), n))
		}
		break
	}
	return lines
}

// foreignKeys are references to other tables, or to the table itself.
func (g *generator) foreignKeys(t *table) (lines []string) {
	for range 1 + g.IntN(2) {
		parent := t
		if len(g.tables) > 0 && !g.oneIn(4) {
			parent = pick(g, g.tables...)
		}
		if len(parent.whole) == 0 || parent.apart {
			continue
		}
		var mine, theirs []string
		free := !g.oneIn(4) // of NOT NULL
		key := pick(g, parent.whole...)
		for _, name := range key {
			of := parent.column(name)
			if of == nil || of.computed {
				return lines
			}
			c := *of
			c.name, c.nullable = g.name("f"), free
			t.columns = append(t.columns, &c)
			lines = append(lines, g.declare(&c))
			mine, theirs = append(mine, c.name), append(theirs, name)
		}
		actions := ""
		for _, on := range []string{" ON DELETE ", " ON UPDATE "} {
			if action := pick(g, "", "CASCADE", "CASCADE", "SET NULL", "RESTRICT", "NO ACTION"); action != "" && (free || action != "SET NULL") {
				actions += on + action
			}
		}
		lines = append(lines, fmt.Sprintf("CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s)%s", g.name("r"), strings.Join(mine, ", "), parent.name, strings.Join(theirs, ", "), actions))
	}
	return lines
}

func (t *table) column(name string) *column {
	for _, c := range t.columns {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (g *generator) partitions(t *table) string {
	if len(t.keys) == 0 {
		return ""
	}
	var c *column
	for _, name := range t.keys[0] {
		if of := t.column(name); of != nil && of.integer {
			c = of
		}
	}
	switch {
	case c == nil && g.oneIn(2):
		return fmt.Sprintf(" PARTITION BY KEY() PARTITIONS %d", 2+g.IntN(3))
	case c == nil:
		return ""
	case g.oneIn(2):
		return fmt.Sprintf(" PARTITION BY HASH(%s) PARTITIONS %d", c.name, 2+g.IntN(3))
	}
	return fmt.Sprintf(" PARTITION BY RANGE(%s) (PARTITION p0 VALUES LESS THAN (5), PARTITION p1 VALUES LESS THAN (15), PARTITION p2 VALUES LESS THAN MAXVALUE)", c.name)
}
