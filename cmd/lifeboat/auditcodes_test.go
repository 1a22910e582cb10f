package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page on the JSON of an audit names every code that a finding can have.
func TestTheSchemasPageNamesEveryCode(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "audit-json.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(content), "\nCodes of the archive:\n")
	page, _, _ = strings.Cut(page, "\n## ")
	code := regexp.MustCompile(`(?:\bCode[A-Z]\w* += |\.find\(|\b(?:BeyondScope|SystemVersioned|UnnamedDatabase|UnsupportedValues|LowerNames) += )"([a-z-]+)"`)
	found := map[string]bool{}
	for _, dir := range []string{"../../internal/archive", "../../filter", "."} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			source, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range code.FindAllStringSubmatch(string(source), -1) {
				found[m[1]] = true
			}
		}
	}
	if len(found) < 35 {
		t.Errorf("only %d codes are found in the source: %v", len(found), found)
	}
	for c := range found {
		if !strings.Contains(page, "`"+c+"`") {
			t.Errorf("docs/audit-json.md does not tell what %s is", c)
		}
	}
	for _, m := range regexp.MustCompile("`([a-z]+(?:-[a-z]+)*)`[:,]").FindAllStringSubmatch(page, -1) {
		if c := m[1]; !found[c] && c != "snapshot" {
			t.Errorf("docs/audit-json.md tells of %s, which no finding has", c)
		}
	}
}
