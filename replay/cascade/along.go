// Package cascade tells what foreign keys do to rows without the server's log saying so (MySQL before 9.6, MariaDB): which tables that keeps from folding, and which of them fold all
// the same, since the rows that go along with others can be found by what they refer to.
package cascade

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
)

// WentAlong is said of such tables.
const WentAlong = "its foreign keys' actions are not in the log: rows that went along with others are found by what they refer to"

// Key is a foreign key whose child rows go along with a parent row: they are deleted, or forget it.
type Key struct {
	ID            string // child and name
	Child         string
	Columns, Refs []int // of the child and of the parent, by number
	Like          []Likeness
	Forgets       bool // SET NULL
}

// Along are the tables that foreign keys with actions tie together, and that fold.
type Along struct {
	Tables   map[string]*schema.Table
	Children map[string][]*Key // by parent
	Parents  map[string][]*Key // by child
}

// Has reports a table whose rows may go along with others, or take others along. Its rows have to be on the target before the log's changes.
func (a *Along) Has(name string) bool { return a != nil && a.Tables[name] != nil }

// GoAlong tells which of the tables that Serial keeps from folding fold nevertheless, and takes them out of serial; the others' reason says why not.
// own gives a table's definition, and why it would not fold for itself; acts is what the log does to a table's rows, and inPart tells those
// of which it shows parts of rows.
func GoAlong(fks map[string][]schema.ForeignKey, serial map[string]string, dbs []string, own func(string) (*schema.Table, string), acts func(string) Activity, inPart func(string) bool) *Along {
	a := &Along{Tables: map[string]*schema.Table{}, Children: map[string][]*Key{}, Parents: map[string][]*Key{}}
	for _, names := range tiedTogether(fks, serial) {
		g := group{fks: fks, dbs: dbs, own: own, acts: acts, inPart: inPart, tables: map[string]*schema.Table{}}
		why := g.collect(names)
		for _, name := range names {
			if why == "" {
				delete(serial, name)
			} else {
				serial[name] += "; " + why
			}
		}
		if why != "" {
			continue
		}
		maps.Copy(a.Tables, g.tables)
		for i, k := range g.keys {
			a.Parents[k.Child] = append(a.Parents[k.Child], k)
			a.Children[g.of[i]] = append(a.Children[g.of[i]], k)
		}
	}
	return a
}

// tiedTogether parts the serial tables into those that foreign keys lead from one to another.
func tiedTogether(fks map[string][]schema.ForeignKey, serial map[string]string) (out [][]string) {
	next := map[string][]string{}
	for child, keys := range fks {
		for i := range keys {
			if parent := keys[i].RefTable; serial[child] != "" && serial[parent] != "" {
				next[child], next[parent] = append(next[child], parent), append(next[parent], child)
			}
		}
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(serial)) {
		if seen[name] {
			continue
		}
		seen[name] = true
		part := []string{name}
		for i := 0; i < len(part); i++ {
			for _, n := range next[part[i]] {
				if !seen[n] {
					seen[n] = true
					part = append(part, n)
				}
			}
		}
		out = append(out, part)
	}
	return out
}

// group are serial tables that are tied together.
type group struct {
	fks    map[string][]schema.ForeignKey
	dbs    []string
	own    func(string) (*schema.Table, string)
	acts   func(string) Activity
	inPart func(string) bool
	tables map[string]*schema.Table
	keys   []*Key
	of     []string // the parent of each
}

// collect finds the foreign keys by which rows go along; otherwise it says why that cannot be followed.
func (g *group) collect(names []string) (why string) {
	slices.Sort(names)
	for _, child := range names {
		for i := range g.fks[child] {
			k := &g.fks[child][i]
			if !slices.Contains(names, k.RefTable) {
				continue
			}
			if k.CascadesUpdate() && g.acts(k.RefTable).Moves {
				return fmt.Sprintf("and what it refers to changes in %s", k.RefTable)
			}
			if !k.CascadesDelete() {
				continue
			}
			if why := g.add(child, k); why != "" {
				return why
			}
		}
	}
	return g.independent()
}

func (g *group) table(name string) (*schema.Table, string) {
	if def := g.tables[name]; def != nil {
		return def, ""
	}
	def, why := g.own(name)
	switch {
	case why != "":
		return nil, fmt.Sprintf("and table %s: %s", name, why)
	case def == nil:
		return nil, fmt.Sprintf("and table %s is not known", name)
	case !strings.EqualFold(def.Engine, "InnoDB") && def.Engine != "":
		return nil, fmt.Sprintf("and table %s is of engine %s", name, def.Engine)
	}
	key, keyed := def.RowKey()
	if !keyed {
		return nil, fmt.Sprintf("and table %s has no key", name)
	}
	for _, p := range key.Columns {
		if c, ok := def.Column(p.Name); !ok || p.Prefix != 0 || !plainKey(c) {
			return nil, fmt.Sprintf("and the key of table %s has a FLOAT or DOUBLE, or the beginning of a column", name)
		}
	}
	g.tables[name] = def
	return def, ""
}

// add takes in one foreign key.
func (g *group) add(child string, k *schema.ForeignKey) (why string) {
	def, why := g.table(child)
	if why != "" {
		return why
	}
	parent, why := g.table(k.RefTable)
	if why != "" {
		return why
	}
	if strings.EqualFold(k.OnDelete, "SET DEFAULT") || k.RefDB != "" && !slices.Contains(g.dbs, k.RefDB) {
		return fmt.Sprintf("and foreign key %s of %s cannot be followed", k.Name, child)
	}
	if !slices.ContainsFunc(parent.UniqueKeys(), func(u schema.Key) bool { return sameColumns(u.Columns, k.RefColumns) }) {
		return fmt.Sprintf("and foreign key %s of %s refers to what more than one row may have", k.Name, child)
	}
	if why := g.shown(child, def, parent, k); why != "" {
		return why
	}
	one := &Key{ID: child + "." + k.Name, Child: child, Forgets: strings.EqualFold(k.OnDelete, "SET NULL")}
	for i := range k.Columns {
		c, r := def.ColumnNumber(k.Columns[i]), parent.ColumnNumber(k.RefColumns[i])
		if c < 0 || r < 0 || !sameForms(&def.Columns[c], &parent.Columns[r]) {
			return fmt.Sprintf("and foreign key %s of %s is of FLOAT or DOUBLE, of text whose collation is not a well-known one, or of two types", k.Name, child)
		}
		one.Columns, one.Refs, one.Like = append(one.Columns, c), append(one.Refs, r), append(one.Like, LikenessOf(&def.Columns[c]))
	}
	g.keys, g.of = append(g.keys, one), append(g.of, k.RefTable)
	return ""
}

// shown makes sure that an image of which the log shows a part still tells what rows go along by.
func (g *group) shown(child string, def, parent *schema.Table, k *schema.ForeignKey) (why string) {
	if key, _ := parent.RowKey(); g.inPart(k.RefTable) && slices.ContainsFunc(k.RefColumns, func(n string) bool { return !within(key, n) }) {
		return fmt.Sprintf("and foreign key %s of %s refers to what the log may leave out", k.Name, child)
	}
	if !g.inPart(child) {
		return ""
	}
	for _, n := range k.Columns {
		c, ok := def.Column(n)
		if !ok || !c.Writable() {
			return fmt.Sprintf("and foreign key %s of %s is over what is computed", k.Name, child)
		}
		if strings.EqualFold(k.OnDelete, "SET NULL") && slices.ContainsFunc(def.UniqueKeys(), func(u schema.Key) bool { return within(u, n) }) {
			return fmt.Sprintf("and foreign key %s of %s sets a column of a unique key to NULL", k.Name, child)
		}
	}
	return ""
}

// within reports a column of a key.
func within(k schema.Key, column string) bool {
	return slices.ContainsFunc(k.Columns, func(p schema.KeyPart) bool { return strings.EqualFold(p.Name, column) })
}

// independent makes sure that what one foreign key sets to NULL is of no concern to another.
func (g *group) independent() (why string) {
	for _, k := range g.keys {
		if !k.Forgets {
			continue
		}
		def := g.tables[k.Child]
		nulled := func(names []string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(k.Columns, def.ColumnNumber(n)) })
		}
		for child, keys := range g.fks {
			for i := range keys {
				f := &keys[i]
				if f.RefTable == k.Child && f.Cascades() && nulled(f.RefColumns) || child == k.Child && child+"."+f.Name != k.ID && f.CascadesDelete() && nulled(f.Columns) {
					return fmt.Sprintf("and foreign key %s of %s hangs on a column that another one sets to NULL", f.Name, child)
				}
			}
		}
	}
	return ""
}

// sameColumns reports a key over the very columns, in whichever order, and all of each.
func sameColumns(parts []schema.KeyPart, names []string) bool {
	return len(parts) == len(names) && !slices.ContainsFunc(parts, func(p schema.KeyPart) bool {
		return p.Prefix != 0 || !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, p.Name) })
	})
}

// plainKey reports a column of which a query's answer tells the very bytes that an image has.
func plainKey(c *schema.Column) bool { return target.KeyColumn(c).Type != 0 }
