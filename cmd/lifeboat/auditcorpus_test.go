package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/internal/ui/text"
)

// Every binlog of the corpus is audited by itself: none crashes, text fits its columns, and the outcome is the one noted. What is damaged, torn,
// encrypted or old was looked at by hand.
func TestAuditOfTheCorpus(t *testing.T) {
	root := filepath.Join(testserver.Root(t), "..", "shared", "corpus", "binlogs")
	if _, err := os.Stat(root); err != nil {
		t.Skip("there is no corpus")
	}
	var got bytes.Buffer
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		a := auditJSON(t, "--binlogs", path)
		o := audited(t, "--binlogs", path)
		if o.code != a.ExitCode {
			t.Errorf("%s: exit %d, and %d in JSON", name, o.code, a.ExitCode)
		}
		for line := range strings.Lines(o.out) {
			// A command line or a path may be longer than any page.
			if w := text.Width(strings.TrimSuffix(line, "\n")); w > 100 && !strings.Contains(line, root) {
				t.Errorf("%s: %d columns: %s", name, w, line)
			}
		}
		fmt.Fprintf(&got, "%s\t%d\t%s\t%d incidents, %d tables, %d losses\n", filepath.ToSlash(name), o.code, a.Verdict, len(a.Incidents), len(a.Tables), len(a.Losses))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "audit", "corpus.tsv")
	if *update {
		write(t, file, got.Bytes())
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("not as in %s (-update writes it anew):\n%s", file, got.String())
	}
}
