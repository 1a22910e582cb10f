package cascade

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/schema"
)

// TestLanes holds which tables foreign keys keep from folding, by what the log does to their parents: d deletes, u updates, m updates that the
// fold does not see to.
func TestLanes(t *testing.T) {
	type keys map[string][]schema.ForeignKey
	fk := func(ref, onDelete, onUpdate string) schema.ForeignKey {
		return schema.ForeignKey{Name: "f_" + ref, RefTable: ref, OnDelete: onDelete, OnUpdate: onUpdate}
	}
	shop := keys{
		"item":   {fk("orders", "CASCADE", "NO ACTION")},
		"note":   {fk("item", "RESTRICT", "RESTRICT")},
		"bill":   {fk("orders", "RESTRICT", "RESTRICT")},
		"orders": {fk("customer", "NO ACTION", "NO ACTION")},
		"stock":  {fk("shop", "RESTRICT", "RESTRICT")},
	}
	chain := keys{"b": {fk("a", "SET NULL", "NO ACTION")}, "c": {fk("b", "NO ACTION", "CASCADE")}, "d": {fk("c", "CASCADE", "NO ACTION")}}
	moves := keys{"c": {fk("p", "NO ACTION", "CASCADE"), fk("q", "NO ACTION", "NO ACTION")}, "p": {fk("h", "RESTRICT", "RESTRICT")}}
	for _, c := range []struct {
		name    string
		keys    keys
		acts    map[string]string
		maria   bool
		version int
		want    string
	}{
		{"nothing sets it off", shop, map[string]string{"item": "du", "bill": "du", "customer": "du", "orders": "u"}, false, 80404, ""},
		{"a parent is deleted from", shop, map[string]string{"orders": "d"}, false, 80404, "bill item note orders"},
		{"the same on MariaDB", shop, map[string]string{"orders": "d"}, true, 110800, "bill item note orders"},
		{"the log has the child rows", shop, map[string]string{"orders": "d"}, false, 90700, ""},
		{"children that change by themselves change theirs", chain, map[string]string{"a": "d"}, false, 80404, "a b c d"},
		{"only what is below", chain, map[string]string{"c": "d"}, false, 80404, "c d"},
		{"an update that the fold sees to", moves, map[string]string{"p": "u"}, false, 80404, ""},
		{"one that it does not: the rows that are referred to must be there", moves, map[string]string{"p": "um"}, false, 80404, "c h p q"},
	} {
		acts := func(table string) Activity {
			s := c.acts[table]
			return Activity{strings.Contains(s, "d"), strings.Contains(s, "u"), strings.Contains(s, "m")}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(Serial(c.keys, c.maria, c.version, acts))), " "); got != c.want {
			t.Errorf("%s: serial are %q, want %q", c.name, got, c.want)
		}
	}
}
