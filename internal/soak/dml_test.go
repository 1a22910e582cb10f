package soak

import (
	"fmt"
	"strings"
)

// refer names a table as the statements do.
func (g *generator) refer(t *table) string {
	if t.db == database && !g.oneIn(4) {
		return t.name
	}
	return t.ref()
}

// some is a table to work on, nearly always one that is restored.
func (g *generator) some() *table {
	switch {
	case len(g.beside) > 0 && g.oneIn(8):
		return pick(g, g.beside...)
	case len(g.temp) > 0 && g.oneIn(8):
		return pick(g, g.temp...)
	case len(g.tables) == 0:
		return &table{db: database, name: "t1", columns: []*column{{name: "c1", literal: func() string { return "1" }}}}
	}
	return pick(g, g.tables...)
}

func (g *generator) value(c *column) string {
	if c.nullable && g.oneIn(4) {
		return "NULL"
	}
	return c.literal()
}

// row is a list of columns to write and their values, some left out.
func (g *generator) row(t *table) (columns []*column) {
	for _, c := range t.columns {
		switch {
		case c.computed, c.name == t.auto && !g.oneIn(3), c.nullable && g.oneIn(6):
		default:
			columns = append(columns, c)
		}
	}
	return columns
}

func columnNames(columns []*column) string {
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

func (g *generator) values(columns []*column, n int) string {
	rows := make([]string, n)
	for i := range rows {
		var list []string
		for _, c := range columns {
			list = append(list, g.value(c))
		}
		rows[i] = "(" + strings.Join(list, ", ") + ")"
	}
	return strings.Join(rows, ", ")
}

func (g *generator) writable(t *table) []*column {
	var of []*column
	for _, c := range t.columns {
		if !c.computed {
			of = append(of, c)
		}
	}
	return of
}

// where is a condition; rarely there is none.
func (g *generator) where(t *table) string {
	cs := g.writable(t)
	c := pick(g, cs...)
	if len(t.keys) > 0 && g.oneIn(2) {
		if k := t.column(pick(g, t.keys[0]...)); k != nil && !k.computed {
			c = k
		}
	}
	name := t.name + "." + c.name
	switch g.IntN(12) {
	case 0:
		return name + " IS NULL"
	case 1:
		return name + " IS NOT NULL"
	case 2:
		return fmt.Sprintf("%s IN (%s, %s, %s)", name, c.literal(), c.literal(), c.literal())
	case 3:
		return fmt.Sprintf("%s BETWEEN %s AND %s", name, c.literal(), c.literal())
	case 4:
		return fmt.Sprintf("%s > %s", name, c.literal())
	case 5:
		o := pick(g, cs...)
		return fmt.Sprintf("%s = %s OR %s.%s = %s", name, c.literal(), t.name, o.name, o.literal())
	case 6:
		return fmt.Sprintf("%s <> %s", name, c.literal())
	}
	return fmt.Sprintf("%s = %s", name, c.literal())
}

// assignments of one to three columns; integer ones move too, so that unique values are passed along a chain or swapped.
func (g *generator) assignments(t *table, qualify bool) string {
	var list []string
	cs := g.writable(t)
	for _, i := range g.Perm(len(cs))[:1+g.IntN(min(3, len(cs)))] {
		c := cs[i]
		name := c.name
		if qualify {
			name = t.name + "." + name
		}
		expr := g.value(c)
		switch {
		case c.integer && g.oneIn(2):
			expr = name + pick(g, " + 1", " - 1", " + 100", " * 2", " % 10")
		case c.text && g.oneIn(4):
			expr = pick(g, "UPPER(", "CONCAT(' ', ", "LOWER(", "TRIM(") + name + ")"
		case c.typ == "JSON" && g.oneIn(2):
			expr = fmt.Sprintf("JSON_SET(%s, '$.a', %d)", name, g.IntN(9))
		}
		list = append(list, name+" = "+expr)
	}
	return strings.Join(list, ", ")
}

func (g *generator) tail(t *table) string {
	if g.oneIn(4) {
		return fmt.Sprintf(" ORDER BY %s %s LIMIT %d", pick(g, g.writable(t)...).name, pick(g, "", "DESC"), 1+g.IntN(4))
	}
	return ""
}

// dml is one statement that changes rows.
func (g *generator) dml() {
	t := g.some()
	switch n := g.IntN(100); {
	case n < 38:
		cs := g.row(t)
		g.add("INSERT %sINTO %s (%s) VALUES %s", pick(g, "", "", "IGNORE "), g.refer(t), columnNames(cs), g.values(cs, 1+g.IntN(pick(g, 2, 6, 20))))
	case n < 45:
		cs := g.row(t)
		g.add("REPLACE INTO %s (%s) VALUES %s", g.refer(t), columnNames(cs), g.values(cs, 1+g.IntN(4)))
	case n < 52:
		cs := g.row(t)
		g.add("INSERT INTO %s (%s) VALUES %s ON DUPLICATE KEY UPDATE %s", g.refer(t), columnNames(cs), g.values(cs, 1+g.IntN(4)), g.assignments(t, false))
	case n < 72:
		g.add("UPDATE %s%s SET %s WHERE %s%s", pick(g, "", "", "IGNORE "), g.refer(t), g.assignments(t, false), g.where(t), g.tail(t))
	case n < 74:
		g.add("UPDATE %s SET %s%s", g.refer(t), g.assignments(t, false), g.tail(t))
	case n < 86:
		g.add("DELETE FROM %s WHERE %s%s", g.refer(t), g.where(t), g.tail(t))
	case n < 87:
		g.add("DELETE FROM %s", g.refer(t))
	case n < 91:
		g.insertSelect(t)
	case n < 94:
		g.swap(t)
	default:
		g.multiTable(t)
	}
}

// insertSelect copies rows of another table, or of the same.
func (g *generator) insertSelect(t *table) {
	from := g.some()
	cs := g.row(t)
	var list []string
	for _, c := range cs {
		e := c.literal()
		for _, o := range from.columns {
			if o.typ == c.typ && g.oneIn(2) {
				e = from.name + "." + o.name
			}
		}
		if c.integer && g.oneIn(3) {
			e = fmt.Sprintf("%d + %d", g.IntN(50), g.IntN(50))
		}
		list = append(list, e)
	}
	g.add("%s INTO %s (%s) SELECT %s FROM %s LIMIT %d", pick(g, "INSERT", "INSERT IGNORE", "REPLACE"), g.refer(t), columnNames(cs), strings.Join(list, ", "), g.refer(from), 1+g.IntN(10))
}

// swap exchanges the values of a column between two rows, by way of a third value.
func (g *generator) swap(t *table) {
	c := pick(g, g.writable(t)...)
	if len(t.keys) > 0 {
		if k := t.column(pick(g, pick(g, t.keys...)...)); k != nil && !k.computed {
			c = k
		}
	}
	a, b, third := c.literal(), c.literal(), c.literal()
	g.add("UPDATE %s SET %s = %s WHERE %s = %s LIMIT 1", g.refer(t), c.name, third, c.name, a)
	g.add("UPDATE %s SET %s = %s WHERE %s = %s LIMIT 1", g.refer(t), c.name, a, c.name, b)
	g.add("UPDATE %s SET %s = %s WHERE %s = %s LIMIT 1", g.refer(t), c.name, b, c.name, third)
}

// multiTable changes several tables in one statement, sometimes across databases.
func (g *generator) multiTable(t *table) {
	o := g.some()
	if g.f.cross && len(g.beside) > 0 {
		o = pick(g, g.beside...)
	}
	if o.name == t.name {
		g.add("UPDATE %s SET %s WHERE %s", g.refer(t), g.assignments(t, false), g.where(t))
		return
	}
	join := "1 = 1"
	if !g.oneIn(4) {
		join = g.where(o)
	}
	switch g.IntN(3) {
	case 0:
		g.add("UPDATE %s, %s SET %s, %s WHERE %s AND (%s)", t.ref(), o.ref(), g.assignments(t, true), g.assignments(o, true), join, g.where(t))
	case 1:
		g.add("DELETE %s, %s FROM %s, %s WHERE (%s) AND (%s)", t.ref(), o.ref(), t.ref(), o.ref(), join, g.where(t))
	default:
		g.add("DELETE %s FROM %s, %s WHERE (%s) AND (%s)", t.ref(), t.ref(), o.ref(), join, g.where(t))
	}
}

// temporary makes, fills and drops a temporary table.
func (g *generator) temporary() {
	if len(g.temp) > 0 && g.oneIn(2) {
		g.add("DROP %sTABLE %s", pick(g, "TEMPORARY ", ""), g.temp[0].name)
		g.temp = g.temp[1:]
		return
	}
	t := &table{db: database, name: g.name("tmp"), columns: []*column{
		{name: "a", typ: "INT", integer: true, plain: true, literal: g.whole("-1", "100")},
		{name: "b", typ: "VARCHAR(20)", text: true, nullable: true, literal: g.wordLiteral}}}
	// It may hide the real one. Not on MariaDB, which logs RENAME TABLE of a temporary table as if it were of the real one.
	if !g.maria && g.oneIn(4) && len(g.tables) > 0 {
		t.name = pick(g, g.tables...).name
	}
	g.add("CREATE TEMPORARY TABLE %s (a INT, b VARCHAR(20))", t.name)
	g.add("INSERT INTO %s VALUES (1, 'a'), (2, 'b'), (3, NULL)", t.name)
	g.temp = append(g.temp, t)
}
