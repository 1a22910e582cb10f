package soak

import (
	"fmt"
	"slices"
	"strings"
)

// ddl is one statement, or a few that belong together, that change what tables there are or how they are made.
func (g *generator) ddl() {
	if len(g.tables) == 0 {
		g.createTable()
		return
	}
	t := pick(g, g.tables...)
	switch n := g.IntN(100); {
	case n < 15:
		if len(g.tables) < 8 {
			g.createTable()
		}
	case n < 55:
		g.alter(t)
	case n < 63:
		g.rename(t)
	case n < 70:
		g.add("TRUNCATE TABLE %s", g.refer(t))
	case n < 78:
		g.drop(t)
	case n < 82:
		g.copyTable(t)
	case n < 86 && g.f.programs:
		g.program(t)
	case n < 88 && g.f.partitions:
		g.add("ALTER TABLE %s %s", g.refer(t), pick(g, "TRUNCATE PARTITION p1", "DROP PARTITION p0", "COALESCE PARTITION 1", "ADD PARTITION PARTITIONS 1",
			"REMOVE PARTITIONING", "REORGANIZE PARTITION p0 INTO (PARTITION p9 VALUES LESS THAN (2), PARTITION p0 VALUES LESS THAN (5))"))
	case n < 90 && g.f.cross:
		g.acrossDatabases(t)
	case n < 91 && g.oneIn(3):
		g.recreateDatabase()
	case n < 94:
		g.add("%s TABLE %s", pick(g, "ANALYZE", "OPTIMIZE", "FLUSH"), g.refer(t))
	default:
		g.add("DROP TABLE IF EXISTS %s", g.name("nothing"))
		g.add("CREATE TABLE IF NOT EXISTS %s (x INT)", t.name)
	}
}

// alter changes a table's definition.
func (g *generator) alter(t *table) {
	var changes []string
	for range 1 + g.IntN(2) {
		if c := g.alteration(t); c != "" {
			changes = append(changes, c)
		}
	}
	if len(changes) > 0 {
		g.add("ALTER TABLE %s %s", g.refer(t), strings.Join(changes, ", "))
	}
}

func (g *generator) alteration(t *table) string {
	c := pick(g, g.writable(t)...)
	inKey := slices.ContainsFunc(t.keys, func(k []string) bool { return slices.Contains(k, c.name) })
	switch g.IntN(11) {
	case 0, 1:
		n := g.anyColumn()
		n.name, n.nullable = g.name("c"), n.nullable || g.oneIn(2)
		place := pick(g, "", "", " FIRST", " AFTER "+c.name)
		text := "ADD COLUMN " + g.declare(n) + place
		t.columns = append(t.columns, n)
		return text
	case 2:
		if inKey || len(t.columns) < 3 || c.name == t.auto {
			return ""
		}
		t.columns = slices.DeleteFunc(t.columns, func(o *column) bool { return o == c })
		return "DROP COLUMN " + c.name
	case 3:
		return g.modify(t, c)
	case 4:
		if g.old {
			return ""
		}
		return g.renameColumn(t, c)
	case 5:
		parts, names := g.keyParts(g.keyable(t, 1+g.IntN(2)))
		if len(names) == 0 {
			return ""
		}
		t.keys = append(t.keys, names)
		return fmt.Sprintf("ADD UNIQUE INDEX %s (%s)", g.name("u"), parts)
	case 6:
		parts, names := g.keyParts(g.keyable(t, 1+g.IntN(2)))
		if len(names) == 0 {
			return ""
		}
		return fmt.Sprintf("ADD INDEX %s (%s)", g.name("i"), parts)
	case 7:
		return fmt.Sprintf("DROP INDEX %s%d", pick(g, "u", "i"), 1+g.IntN(g.names))
	case 8:
		// Where a foreign key stands in the way, MariaDB's SHOW CREATE TABLE shows fewer foreign keys after the failure than before.
		if len(t.keys) == 0 || t.auto != "" || g.maria && g.f.foreignKeys {
			return ""
		}
		if g.f.onlyKeyed {
			parts, names := g.keyParts(g.keyable(t, 1+g.IntN(2)))
			if len(names) > 0 {
				return "DROP PRIMARY KEY, ADD PRIMARY KEY (" + parts + ")"
			}
		}
		return "DROP PRIMARY KEY"
	case 9:
		return pick(g, "COMMENT 'changed'", "AUTO_INCREMENT = 77", "CONVERT TO CHARACTER SET utf8mb4", "ENGINE = InnoDB", "FORCE", "DEFAULT CHARACTER SET latin1")
	}
	if c.name == t.auto || strings.Contains(c.typ, "TIME") {
		return "" // a counter that is also a default; MariaDB's current_timestamp() in a dump takes on the column's digits
	}
	if c.nullable { // where it loses its DEFAULT NULL, a dump does not tell
		return fmt.Sprintf("ALTER COLUMN %s SET DEFAULT %s", c.name, c.literal())
	}
	return fmt.Sprintf("ALTER COLUMN %s %s", c.name, pick(g, "DROP DEFAULT", "SET DEFAULT "+c.literal()))
}

// modify gives a column another type, a wider one of its kind or any.
func (g *generator) modify(t *table, c *column) string {
	switch {
	case c.name == t.auto:
		return fmt.Sprintf("MODIFY %s BIGINT NOT NULL AUTO_INCREMENT", c.name)
	case c.integer:
		c.typ = "BIGINT"
	case strings.HasPrefix(c.typ, "ENUM"):
		c.typ = pick(g, "ENUM('d','a','b','ü')", "ENUM('a','b','ü','d','x')")
	case strings.HasPrefix(c.typ, "VARCHAR"):
		c.typ = "VARCHAR(120) " + g.collation()
	default:
		c.nullable = !c.nullable
	}
	return "MODIFY COLUMN " + g.declare(c) + pick(g, "", "", " FIRST")
}

func (g *generator) renameColumn(t *table, c *column) string {
	from := c.name
	to := g.name(from[:1])
	for _, k := range t.keys {
		for i := range k {
			if k[i] == from {
				k[i] = to
			}
		}
	}
	if t.auto == from {
		t.auto = to
	}
	c.name = to
	return fmt.Sprintf("RENAME COLUMN %s TO %s", from, to)
}

// rename moves a table to another name, or swaps two.
func (g *generator) rename(t *table) {
	if o := pick(g, g.tables...); o != t && g.oneIn(2) {
		g.add("RENAME TABLE %s TO swapping, %s TO %s, swapping TO %s", t.name, o.name, t.name, o.name)
		t.name, o.name = o.name, t.name
		return
	}
	from := g.refer(t)
	t.name = g.name("t")
	if g.oneIn(3) {
		g.add("ALTER TABLE %s RENAME TO %s", from, t.name)
		return
	}
	g.add("RENAME TABLE %s TO %s", from, g.refer(t))
}

// drop takes tables away, and often makes one of them again, with other columns or the same name as before.
func (g *generator) drop(t *table) {
	g.tables = slices.DeleteFunc(g.tables, func(o *table) bool { return o == t })
	list := g.refer(t)
	if len(g.beside) > 0 && g.f.cross && g.oneIn(3) {
		list += ", " + g.beside[0].ref()
		g.beside = g.beside[1:]
	}
	g.add("DROP TABLE %s%s", pick(g, "", "IF EXISTS "), list)
	if g.oneIn(2) {
		again := &table{db: database, name: t.name}
		g.define(again, g.f.foreignKeys, g.f.partitions)
		g.tables = append(g.tables, again)
	}
}

// copyTable makes a table like another, or of another's rows.
func (g *generator) copyTable(t *table) {
	c := &table{db: database, name: g.name("t")}
	if g.oneIn(2) {
		g.add("CREATE TABLE %s LIKE %s", g.refer(c), g.refer(t))
		c.auto, c.keys = t.auto, t.keys
		for _, k := range t.columns {
			if !strings.HasPrefix(k.name, "f") || g.f.foreignKeys {
				same := *k
				c.columns = append(c.columns, &same)
			}
		}
	} else {
		cs := g.writable(t)
		g.add("CREATE TABLE %s AS SELECT %s FROM %s", g.refer(c), columnNames(cs), g.refer(t))
		for _, k := range cs {
			same := *k
			c.columns = append(c.columns, &same)
		}
	}
	g.tables = append(g.tables, c)
}

// program makes or drops a view, a trigger or a routine.
func (g *generator) program(t *table) {
	c := pick(g, g.writable(t)...)
	switch g.IntN(5) {
	case 0:
		g.add("CREATE OR REPLACE VIEW v%d AS SELECT %s FROM %s", g.IntN(3), c.name, t.name)
	case 1, 2:
		into := pick(g, g.tables...)
		cs := g.row(into)
		g.add("CREATE TRIGGER tr%d AFTER %s ON %s FOR EACH ROW INSERT IGNORE INTO %s (%s) VALUES %s", g.IntN(4), pick(g, "INSERT", "UPDATE", "DELETE"), t.name, into.name, columnNames(cs), g.values(cs, 1))
	case 3:
		g.add("DROP %s", pick(g, "TRIGGER IF EXISTS tr1", "VIEW IF EXISTS v1", "TRIGGER IF EXISTS tr2"))
	default:
		g.add("CREATE PROCEDURE pr%d() SELECT COUNT(*) FROM %s", g.IntN(3), t.name)
	}
}

// acrossDatabases is DDL that names both databases.
func (g *generator) acrossDatabases(t *table) {
	n := g.name("n")
	// MySQL 5.6 logs CREATE TABLE e.n LIKE a temporary table without the database, so that n is made in d wherever the log is played.
	if g.old && slices.ContainsFunc(g.temp, func(o *table) bool { return o.name == t.name }) {
		return
	}
	if !g.f.crossRename {
		g.add("CREATE TABLE %s.%s LIKE %s", neighbour, n, t.ref())
		return
	}
	switch g.IntN(4) {
	case 0:
		g.add("RENAME TABLE %s TO %s.%s", t.ref(), neighbour, n)
		g.tables = slices.DeleteFunc(g.tables, func(o *table) bool { return o == t })
	case 1:
		if len(g.beside) > 0 {
			o := g.beside[0]
			g.add("CREATE TABLE %s.%s LIKE %s", database, n, o.ref())
			g.add("CREATE TABLE %s.%s AS SELECT * FROM %s", database, g.name("n"), o.ref())
		}
	case 2:
		if len(g.beside) > 0 {
			o := g.beside[0]
			g.beside = g.beside[1:]
			g.add("RENAME TABLE %s TO %s.%s", o.ref(), database, o.name)
			o.db = database
			g.tables = append(g.tables, o)
		}
	default:
		g.add("CREATE TABLE %s.%s AS SELECT * FROM %s", neighbour, n, t.ref())
	}
}

// recreateDatabase drops everything and starts again.
func (g *generator) recreateDatabase() {
	g.add("DROP DATABASE %s", database)
	g.add("CREATE DATABASE %s CHARACTER SET %s", database, pick(g, "utf8mb4", "latin1"))
	// A session that does not say USE again goes on creating tables under the character set of the database that is gone, and no log says so.
	at := g.session
	for g.session = range g.f.sessions {
		g.add("USE %s", database)
	}
	g.session = at
	g.tables = nil
	for range 1 + g.IntN(3) {
		g.createTable()
	}
}
