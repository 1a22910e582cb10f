package schema

import "testing"

func TestRowKey(t *testing.T) {
	part := func(name string) KeyPart { return KeyPart{Name: name} }
	tests := []struct {
		name string
		keys []Key
		want string // "" for none
	}{
		{"none", nil, ""},
		{"primary wins", []Key{{Name: "u", Unique: true, Columns: []KeyPart{part("b")}}, {Name: "PRIMARY", Unique: true, Primary: true, Columns: []KeyPart{part("a")}}}, "PRIMARY"},
		{"not unique", []Key{{Name: "k", Columns: []KeyPart{part("a")}}}, ""},
		{"nullable unique", []Key{{Name: "u", Unique: true, Columns: []KeyPart{{Name: "a", Nullable: true}}}}, ""},
		{"prefix unique", []Key{{Name: "u", Unique: true, Columns: []KeyPart{{Name: "a", Prefix: 10}}}}, ""},
		{"functional unique", []Key{{Name: "u", Unique: true, Columns: []KeyPart{{}}}}, ""},
		{"second unique", []Key{{Name: "u1", Unique: true, Columns: []KeyPart{part("a"), {Name: "b", Nullable: true}}}, {Name: "u2", Unique: true, Columns: []KeyPart{part("c")}}}, "u2"},
		{"no columns", []Key{{Name: "u", Unique: true}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, ok := (&Table{Keys: tt.keys}).RowKey()
			if ok != (tt.want != "") || k.Name != tt.want {
				t.Errorf("RowKey = %q, %v; want %q", k.Name, ok, tt.want)
			}
		})
	}
}

func TestCascades(t *testing.T) {
	tests := []struct {
		onDelete, onUpdate string
		want               bool
	}{
		{"NO ACTION", "RESTRICT", false},
		{"CASCADE", "NO ACTION", true},
		{"NO ACTION", "cascade", true},
		{"SET NULL", "", true},
		{"", "SET DEFAULT", true},
		{"", "", false},
	}
	for _, tt := range tests {
		if got := (ForeignKey{OnDelete: tt.onDelete, OnUpdate: tt.onUpdate}).Cascades(); got != tt.want {
			t.Errorf("ON DELETE %q ON UPDATE %q: Cascades = %v, want %v", tt.onDelete, tt.onUpdate, got, tt.want)
		}
	}
}
