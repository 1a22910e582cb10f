package report

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// jsonFields collects the names of a type's fields in JSON, and of those in it.
func jsonFields(t reflect.Type, names map[string]bool, seen map[reflect.Type]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		jsonFields(t.Elem(), names, seen)
	case reflect.Struct:
		if seen[t] || t == reflect.TypeFor[time.Time]() {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names[name] = true
			jsonFields(f.Type, names, seen)
		}
	}
}

// The page on the JSON of an audit names every field, and no field that is not there.
func TestTheSchemasPageNamesEveryField(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "audit-json.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	jsonFields(reflect.TypeFor[Audit](), names, map[reflect.Type]bool{})
	if names[""] || len(names) < 50 {
		t.Fatalf("%d names, or one without a tag: %v", len(names), names)
	}
	for n := range names {
		if !strings.Contains(string(page), "`"+n+"`") {
			t.Errorf("docs/audit-json.md does not name %s", n)
		}
	}
	if !strings.Contains(string(page), AuditSchema) {
		t.Errorf("it does not name %s", AuditSchema)
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.HasPrefix(cells[1], "-") || strings.TrimSpace(cells[1]) == "field" {
			continue
		}
		for _, n := range strings.FieldsFunc(cells[1], func(r rune) bool { return r == '`' || r == ',' || r == ' ' }) {
			if !names[n] {
				t.Errorf("docs/audit-json.md names %s, which is no field", n)
			}
		}
	}
}
