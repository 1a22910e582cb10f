package cascade

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/schema"
)

// TestGoAlong holds which tables that foreign keys with actions tie together fold all the same, and why others do not.
func TestGoAlong(t *testing.T) {
	const (
		p  = "CREATE TABLE p (id INT PRIMARY KEY, code INT, UNIQUE KEY (code), word VARCHAR(9) COLLATE utf8mb4_general_ci, UNIQUE KEY (word), k INT, KEY (k))"
		pk = ", id INT PRIMARY KEY)"
	)
	for _, c := range []struct {
		name   string
		tables []string
		acts   string // what the log does to p: d deletes, m moves what is referred to
		own    string // a table that does not fold for itself
		inPart string // tables that the log shows in part
		along  string
		serial string // name: a part of the reason
	}{
		{"integers", []string{p, "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE" + pk}, "d", "", "", "c p", ""},
		{"by another unique key", []string{p, "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (code) ON DELETE SET NULL" + pk}, "d", "", "", "c p", ""},
		{"relatives without actions are not looked at", []string{p, "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE" + pk,
			"CREATE TABLE r (p INT, FOREIGN KEY (p) REFERENCES p (id))"}, "d", "", "", "c p", ""},
		{"nothing is deleted", []string{p, "CREATE TABLE c (p VARCHAR(9), FOREIGN KEY (p) REFERENCES p (word) ON DELETE CASCADE" + pk}, "", "", "", "", ""},
		{"text", []string{p, "CREATE TABLE c (p VARCHAR(12) COLLATE utf8mb4_general_ci, FOREIGN KEY (p) REFERENCES p (word) ON DELETE CASCADE" + pk}, "d", "", "", "c p", ""},
		{"text of a character set's usual collation", []string{"CREATE TABLE p (w VARCHAR(9) PRIMARY KEY) DEFAULT CHARSET=latin1", "CREATE TABLE c (p VARCHAR(9), FOREIGN KEY (p) REFERENCES p (w) ON DELETE CASCADE, id INT PRIMARY KEY) DEFAULT CHARSET=latin1"}, "d", "", "", "c p", ""},
		{"text of two collations", []string{p, "CREATE TABLE c (p VARCHAR(9) COLLATE utf8mb4_bin, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (word) ON DELETE CASCADE" + pk}, "d", "", "", "", "c: f of c is of FLOAT or DOUBLE, of text"},
		{"text of a language", []string{"CREATE TABLE p (w VARCHAR(9) COLLATE utf8mb4_lithuanian_ci PRIMARY KEY)", "CREATE TABLE c (p VARCHAR(9) COLLATE utf8mb4_lithuanian_ci, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (w) ON DELETE CASCADE" + pk}, "d", "", "", "", "c: f of c is of FLOAT or DOUBLE, of text"},
		{"a moment", []string{"CREATE TABLE p (w DATETIME PRIMARY KEY)", "CREATE TABLE c (p DATETIME, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (w) ON DELETE CASCADE" + pk}, "d", "", "", "c p", ""},
		{"moments of another fraction", []string{"CREATE TABLE p (w DATETIME PRIMARY KEY)", "CREATE TABLE c (p DATETIME(2), CONSTRAINT f FOREIGN KEY (p) REFERENCES p (w) ON DELETE CASCADE" + pk}, "d", "", "", "", "c: f of c is of FLOAT or DOUBLE, of text whose collation is not a well-known one, or of two types"},
		{"choices and bits", []string{"CREATE TABLE p (a ENUM('x','y'), b SET('z'), c BIT(3), d YEAR, e UUID, PRIMARY KEY (a, b, c, d, e))",
			"CREATE TABLE c (a ENUM('v','w'), b SET('z'), c BIT(3), d YEAR, e UUID, FOREIGN KEY (a, b, c, d, e) REFERENCES p (a, b, c, d, e) ON DELETE CASCADE" + pk}, "d", "", "", "c p", ""},
		{"a choice among more", []string{"CREATE TABLE p (a ENUM('x','y') PRIMARY KEY)", "CREATE TABLE c (a ENUM('v'" + strings.Repeat(",'w'", 255) + "), CONSTRAINT f FOREIGN KEY (a) REFERENCES p (a) ON DELETE CASCADE" + pk},
			"d", "", "", "", "c: f of c is of FLOAT or DOUBLE"},
		{"a float", []string{"CREATE TABLE p (a FLOAT PRIMARY KEY)", "CREATE TABLE c (a FLOAT, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (a) ON DELETE CASCADE" + pk}, "d", "", "", "", "p: the key of table p has a FLOAT"},
		{"another width", []string{p, "CREATE TABLE c (p BIGINT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE" + pk}, "d", "", "", "", "c: f of c is of FLOAT or DOUBLE"},
		{"DECIMAL and DATE", []string{"CREATE TABLE p (a DECIMAL(12,2), b DATE, PRIMARY KEY (a, b))", "CREATE TABLE c (a NUMERIC(12,2), b DATE, id DEC PRIMARY KEY, FOREIGN KEY (a, b) REFERENCES p (a, b) ON DELETE CASCADE)"}, "d", "", "", "c p", ""},
		{"DECIMAL of another scale", []string{"CREATE TABLE p (a DECIMAL(12,2) PRIMARY KEY)", "CREATE TABLE c (a DECIMAL(12,3), CONSTRAINT f FOREIGN KEY (a) REFERENCES p (a) ON DELETE CASCADE" + pk}, "d", "", "", "", "c: f of c is of FLOAT or DOUBLE"},
		{"not unique", []string{p, "CREATE TABLE c (p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (k) ON DELETE CASCADE" + pk}, "d", "", "", "", "p: f of c refers to what more than one row may have"},
		{"no key", []string{p, "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)"}, "d", "", "", "", "c: table c has no key"},
		{"a key of text", []string{p, "CREATE TABLE c (p INT, w CHAR(9) PRIMARY KEY, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)"}, "d", "", "", "c p", ""},
		{"a key of a time", []string{p, "CREATE TABLE c (p INT, w TIME PRIMARY KEY, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)"}, "d", "", "", "c p", ""},
		{"a key over the beginning of text", []string{p, "CREATE TABLE c (p INT, w CHAR(9), PRIMARY KEY (w(4)), FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)"}, "d", "", "", "", "c: the key of table c has a FLOAT"},
		{"moves", []string{p, "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE" + pk}, "dm", "", "", "", "c: what it refers to changes in p"},
		{"incomplete images", []string{p, "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE" + pk}, "d", "c", "", "", "p: table c: as it is"},
		{"both in part", []string{p, "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE" + pk}, "d", "", "cp", "c p", ""},
		{"by what the log may leave out of the parent", []string{p, "CREATE TABLE c (p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (code) ON DELETE CASCADE" + pk}, "d", "", "p", "", "c: f of c refers to what the log may leave out"},
		{"by another unique key, and the child in part", []string{p, "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (code) ON DELETE CASCADE" + pk}, "d", "", "c", "c p", ""},
		{"a part of a unique key is set to NULL", []string{p, "CREATE TABLE c (p INT, v INT, UNIQUE KEY (v, p), CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL" + pk}, "d", "", "c", "", "c: f of c sets a column of a unique key to NULL"},
		{"a computed column", []string{p, "CREATE TABLE c (v INT, p INT AS (v) STORED, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE" + pk}, "d", "", "c", "", "c: f of c is over what is computed"},
		{"another database", []string{p, "CREATE TABLE c (p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES other.p (id) ON DELETE CASCADE" + pk}, "d", "", "", "", "c: f of c cannot be followed"},
		{"what is set to NULL is referred to", []string{p, "CREATE TABLE c (p INT, UNIQUE KEY (p), CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL" + pk,
			"CREATE TABLE g (c INT, CONSTRAINT gf FOREIGN KEY (c) REFERENCES c (p) ON DELETE CASCADE" + pk}, "d", "", "", "", "g: gf of g hangs on a column"},
		{"one column of two keys", []string{p, "CREATE TABLE q (id INT PRIMARY KEY)", "CREATE TABLE c (p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL, CONSTRAINT f2 FOREIGN KEY (p) REFERENCES p (code) ON DELETE CASCADE" + pk},
			"d", "", "", "", "c: f2 of c hangs on a column"},
		{"one of two parts", []string{p, "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE" + pk, "CREATE TABLE q (w VARCHAR(9) PRIMARY KEY)",
			"CREATE TABLE d (q VARCHAR(9), FOREIGN KEY (q) REFERENCES q (w) ON DELETE CASCADE" + pk}, "d", "", "", "c p", "d: is of FLOAT or DOUBLE"},
	} {
		defs, fks := map[string]*schema.Table{}, map[string][]schema.ForeignKey{}
		for _, text := range c.tables {
			def, err := schema.ParseCreateTable([]byte(text), schema.Mode{})
			if err != nil {
				t.Fatal(err)
			}
			defs[def.Name], fks[def.Name] = def, def.ForeignKeys
		}
		acts := func(table string) Activity {
			switch table {
			case "p":
				return Activity{Deletes: strings.Contains(c.acts, "d"), Updates: strings.Contains(c.acts, "m"), Moves: strings.Contains(c.acts, "m")}
			case "q":
				return Activity{Deletes: true}
			}
			return Activity{}
		}
		serial := Serial(fks, true, 0, acts)
		a := GoAlong(fks, serial, []string{"shop"}, func(name string) (*schema.Table, string) {
			if name == c.own {
				return defs[name], "as it is"
			}
			return defs[name], ""
		}, acts, func(name string) bool { return strings.Contains(c.inPart, name) })
		if got := strings.Join(slices.Sorted(maps.Keys(a.Tables)), " "); got != c.along {
			t.Errorf("%s: along go %q, want %q; serial: %q", c.name, got, c.along, serial)
		}
		for name := range a.Tables {
			if serial[name] != "" {
				t.Errorf("%s: table %s folds, and takes the serial lane", c.name, name)
			}
		}
		if name, why, ok := strings.Cut(c.serial, ": "); ok != (len(serial) > 0) || !strings.Contains(serial[name], why) {
			t.Errorf("%s: serial are %q, want %q", c.name, serial, c.serial)
		}
	}
}
