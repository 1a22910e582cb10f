package torture

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// TestPromisesAreHeld finds the test of each promise in docs/reliability.md, and no row of its table below 100 %.
func TestPromisesAreHeld(t *testing.T) {
	root := testserver.Root(t)
	f, err := os.Open(filepath.Join(root, "docs", "reliability.md"))
	must(t, err)
	defer f.Close()
	name := regexp.MustCompile(`([\w/]+) (Test\w+)`)
	tried := regexp.MustCompile(`\| (\d+) \| (\d+) \|$`)
	promises, section := 0, ""
	in := bufio.NewScanner(f)
	for in.Scan() {
		line := in.Text()
		if strings.HasPrefix(line, "## ") {
			section = line
		}
		if m := tried.FindStringSubmatch(line); m != nil && m[1] != m[2] {
			t.Errorf("not every time right: %s", line)
		}
		if section != "## Promises" || !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| promise") {
			continue
		}
		promises++
		held := name.FindAllStringSubmatch(line, -1)
		if len(held) == 0 {
			t.Errorf("no test holds: %s", line)
		}
		for _, h := range held {
			if !defined(t, filepath.Join(root, h[1]), h[2]) {
				t.Errorf("there is no %s in %s, which is to hold: %s", h[2], h[1], line)
			}
		}
	}
	must(t, in.Err())
	if promises == 0 {
		t.Error("no promise was found")
	}
}

// defined reports whether a folder's tests have the function.
func defined(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	must(t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(t, err)
		if strings.Contains(string(text), "func "+test+"(t *testing.T)") {
			return true
		}
	}
	return false
}
