package snapshot_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// TestDocumentedTests holds docs/snapshots.md to naming tests that exist, in the package that it says.
func TestDocumentedTests(t *testing.T) {
	root := testserver.Root(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "snapshots.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+)` in ([a-z/]+)").FindAllStringSubmatch(string(page), -1)
	if len(named) < strings.Count(string(page), "`Test") || len(named) == 0 {
		t.Errorf("tests are named without their package: %d of %d", len(named), strings.Count(string(page), "`Test"))
	}
	for _, n := range named {
		files, err := filepath.Glob(filepath.Join(root, n[2], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), "func "+n[1]+"(t *testing.T)")
		}
		if !found {
			t.Errorf("%s is not in %s", n[1], n[2])
		}
	}
}
