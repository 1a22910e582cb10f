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

// Each type's fields are named in its own section of the page.
func TestTheSchemasPageNamesFieldsWhereTheyBelong(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "audit-json.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(content), "\n## ")[1:] {
		title, text, _ := strings.Cut(s, "\n")
		sections[title] = text
	}
	for _, c := range []struct {
		title string
		types []reflect.Type
	}{
		{"The report", []reflect.Type{reflect.TypeFor[Audit]()}},
		{"A range and a point", []reflect.Type{reflect.TypeFor[Range](), reflect.TypeFor[Point]()}},
		{"Cover", []reflect.Type{reflect.TypeFor[Cover](), reflect.TypeFor[Missing]()}},
		{"An incident", []reflect.Type{reflect.TypeFor[Incident](), reflect.TypeFor[Writes]()}},
		{"A statement", []reflect.Type{reflect.TypeFor[Statement]()}},
		{"A finding", []reflect.Type{reflect.TypeFor[Finding]()}},
		{"A command", []reflect.Type{reflect.TypeFor[Command]()}},
		{"A table", []reflect.Type{reflect.TypeFor[TableRow](), reflect.TypeFor[Lifetime]()}},
		{"The timeline", []reflect.Type{reflect.TypeFor[Timeline](), reflect.TypeFor[Series](), reflect.TypeFor[Bucket](), reflect.TypeFor[Mark]()}},
		{"The snapshot", []reflect.Type{reflect.TypeFor[SnapshotPart]()}},
		{"The archive", []reflect.Type{reflect.TypeFor[ArchivePart]()}},
		{"A file", []reflect.Type{reflect.TypeFor[FileRow](), reflect.TypeFor[Copy](), reflect.TypeFor[Piece]()}},
	} {
		text, ok := sections[c.title]
		if !ok {
			t.Errorf("there is no section %q", c.title)
		}
		for _, x := range c.types {
			for i := range x.NumField() {
				if name, _, _ := strings.Cut(x.Field(i).Tag.Get("json"), ","); !strings.Contains(text, "`"+name+"`") {
					t.Errorf("%q does not name %s of %s", c.title, name, x.Name())
				}
			}
		}
	}
}
