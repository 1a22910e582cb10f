package replay

import (
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/schema"
)

func TestPlainKeys(t *testing.T) {
	for _, c := range []struct {
		name, keys string
		want       string
	}{
		{"plain, and what is no index", "PRIMARY KEY (`id`)|KEY `a` (`a`)|KEY `b` (`b`(10),`a` DESC) COMMENT 'it''s'|CONSTRAINT `c` CHECK ((`a` > 0))", "a b"},
		{"behind unique ones", "PRIMARY KEY (`id`)|UNIQUE KEY `u` (`a`)|KEY `b` (`b`) /*!80000 INVISIBLE */", "b"},
		{"of expressions", "PRIMARY KEY (`id`)|KEY `e` ((lower(`b`)))", "e"},
		{"an AUTO_INCREMENT column needs its own", "PRIMARY KEY (`a`,`id`)|KEY `id` (`id`)|KEY `a` (`a`)", "a"},
		{"before one that cannot wait", "PRIMARY KEY (`id`)|KEY `a` (`a`)|FULLTEXT KEY `f` (`b`)", ""},
		{"before one of another name", "PRIMARY KEY (`id`)|KEY `a` (`a`)|KEY `größe` (`b`)", ""},
		{"a comment beyond ASCII", "PRIMARY KEY (`id`)|KEY `a` (`a`) COMMENT 'größe'", ""},
		{"none", "PRIMARY KEY (`id`)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			create := "CREATE TABLE `t` (\n  `id` int NOT NULL AUTO_INCREMENT,\n  `a` int COMMENT 'KEY `x` (`y`)',\n  `b` text,\n  " + strings.ReplaceAll(c.keys, "|", ",\n  ") + "\n) ENGINE=InnoDB"
			def, err := schema.ParseCreateTable([]byte(create), schema.Mode{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range plainKeys(def, create) {
				name, ok := strings.CutPrefix(l, "KEY `")
				if !ok || strings.HasSuffix(l, ",") {
					t.Errorf("%q is not an index's line", l)
				}
				got = append(got, name[:strings.IndexByte(name, '`')])
			}
			if want := strings.Fields(c.want); !slices.Equal(got, want) {
				t.Errorf("%q can wait, wanted %q", got, want)
			}
		})
	}
}
