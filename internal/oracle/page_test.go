package oracle

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

var update = flag.Bool("update", false, "write the generated parts of docs/correctness.md anew")

const hazards = 51

// tests are the tests of other packages that hold a hazard which no case can, or which a case holds for one shape only.
func tests() map[int][]string {
	return map[int][]string{
		1:  {"internal/binlog.TestReadsInLargePieces", "internal/binlog.TestCorpus", "internal/binlog.TestServersLogs"},
		2:  {"internal/binlog.TestEveryFlip", "internal/archive.TestKilledServer"},
		3:  {"internal/binlog.TestEveryPrefix", "internal/binlog.TestEveryFlip", "internal/binlog.TestEveryChangeOfASmallLog", "internal/archive.TestCutAnywhere"},
		4:  {"internal/binlog.TestEveryEventType", "internal/binlog.TestCorpusAgainstServersPrograms"},
		5:  {"internal/value.TestRoundTrip"},
		6:  {"internal/value.TestJSONLiteral", "internal/value.TestJSONChanges"},
		11: {"internal/archive.TestOpenRefuses", "cmd/lifeboat.TestBadInput"},
		12: {"internal/oracle.TestFileOverFourGiB"},
		13: {"internal/archive.TestChain"},
		14: {"internal/archive.TestDataFolder", "internal/binlog.TestRotateInTheMiddle"},
		15: {"filter.TestStopAtTimesThatGoBack"},
		19: {"internal/schema.TestClassify", "internal/schema.TestCorpusBinlogs"},
		32: {"replay.TestCollisionsAreCounted", "replay.TestDoubtsOfTheFold"},
		44: {"replay.TestFoldMemory", "internal/torture.TestSpill"},
		45: {"internal/oracle.TestTargetsOwnLog", "cmd/lifeboat.TestNotesOnTheTargetsLog"},
		46: {"internal/oracle.TestTargetInTrouble", "internal/oracle.TestDeadlock", "internal/target.TestSilence", "internal/acceptance.TestKilledRestoresGoOn"},
		47: {"snapshot.TestCoordinates", "snapshot.TestUpstreamCoordinates"},
		48: {"snapshot.TestRealDumps", "snapshot.TestEveryPrefix", "snapshot.TestGolden"},
		49: {"snapshot.TestMydumper", "snapshot.TestMydumperMetadata"},
		50: {"snapshot.TestShell", "snapshot.TestShellDamaged"},
		51: {"cmd/lifeboat.TestBaseAfterTheWipe", "replay.TestPlan"},
	}
}

// TestCorrectnessPage holds the tables of docs/correctness.md to the cases and tests there are; -update writes them.
func TestCorrectnessPage(t *testing.T) {
	root := testserver.Root(t)
	path := filepath.Join(root, "docs", "correctness.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cases := allCases(t)
	page := string(b)
	for name, text := range map[string]string{"hazards": hazardTable(t, cases), "refused": expectationTable(cases, "refused", "incomplete", "orphans", "wrong"),
		"tool": expectationTable(cases, "tool differs", "no tool"), "variants": variantTable(cases),
		"sentences": sentenceTable(t, root, cases)} {
		part := regexp.MustCompile(`(?s)<!-- generated: ` + name + ` -->\n.*?<!-- end -->`)
		if !part.MatchString(page) {
			t.Fatalf("%s has no part %q", path, name)
		}
		page = part.ReplaceAllLiteralString(page, "<!-- generated: "+name+" -->\n"+text+"<!-- end -->")
	}
	for n, names := range tests() {
		for _, name := range names {
			if !testExists(t, root, name) {
				t.Errorf("there is no test %s (hazard %d)", name, n)
			}
		}
	}
	switch {
	case page == string(b):
	case *update:
		write(t, path, []byte(page))
	default:
		t.Error("docs/correctness.md is stale: run go test ./internal/oracle -run TestCorrectnessPage -update")
	}
}

func testExists(t *testing.T, root, name string) bool {
	t.Helper()
	dir, test, _ := strings.Cut(name, ".")
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(f string) bool {
		text := string(read(t, f))
		return strings.Contains(text, "\nfunc "+test+"(t *testing.T)") || strings.Contains(text, "\nfunc "+test+"(f *testing.F)")
	})
}

// hazardTable is the page's first table, and fails where a hazard has no holder.
func hazardTable(t *testing.T, cases []*oracleCase) string {
	holders := map[string][]string{}
	for _, c := range cases {
		for _, h := range c.hazards {
			holders[h] = append(holders[h], "`"+c.name+"`"+remark(c.kinds))
		}
	}
	var b strings.Builder
	b.WriteString("| hazard | cases | other tests |\n|---|---|---|\n")
	for n := 1; n <= hazards; n++ {
		key := fmt.Sprint(n)
		other := tests()[n]
		if len(holders[key])+len(other) == 0 {
			t.Errorf("hazard %d has no case and no test", n)
		}
		for i := range other {
			other[i] = "`" + other[i] + "`"
		}
		fmt.Fprintf(&b, "| %d | %s | %s |\n", n, strings.Join(holders[key], ", "), strings.Join(other, ", "))
		delete(holders, key)
	}
	for h := range holders {
		t.Errorf("there is no hazard %s", h)
	}
	all, runs := 0, 0
	for _, c := range cases {
		all += len(c.kinds)
		for _, kind := range c.kinds {
			runs += len(c.runs(kind))
		}
	}
	return fmt.Sprintf("There are %d cases, %d with their servers, %d with their variants.\n\n%s", len(cases), all, runs, b.String())
}

// remark names the servers of a case that does not run on all of them.
func remark(kinds []string) string {
	if len(kinds) == len(testserver.Kinds()) {
		return ""
	}
	short := map[string]string{testserver.MySQL97: "9.7", testserver.MariaDB1011: "M", testserver.MySQL56: "5.6", testserver.MariaDB118: "M 11.8"}
	var out []string
	for _, k := range testserver.AllKinds() {
		if slices.Contains(kinds, k) {
			out = append(out, short[k])
		}
	}
	return " (" + strings.Join(out, ", ") + ")"
}

func expectationTable(cases []*oracleCase, what ...string) string {
	var b strings.Builder
	b.WriteString("| case | servers or variants | |\n|---|---|---|\n")
	for _, c := range cases {
		for _, e := range c.expectations {
			if slices.Contains(what, e.what) {
				fmt.Fprintf(&b, "| `%s` | %s | %s: %s |\n", c.name, strings.Join(e.kinds, ", "), e.what, e.text)
			}
		}
	}
	return b.String()
}

func variantTable(cases []*oracleCase) string {
	under := map[string][]string{}
	for _, c := range cases {
		for _, v := range c.variants {
			key := "`" + strings.Join(v.words, "` `") + "`"
			if name := "`" + c.name + "`"; !slices.Contains(under[key], name) {
				under[key] = append(under[key], name)
			}
		}
	}
	var b strings.Builder
	b.WriteString("| settings | cases |\n|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(under)) {
		fmt.Fprintf(&b, "| %s | %s |\n", key, strings.Join(under[key], ", "))
	}
	return b.String()
}

// TestLimitsPage holds each line of docs/limits.md to naming a case or a test that there is, or why it has none.
func TestLimitsPage(t *testing.T) {
	root := testserver.Root(t)
	page := string(read(t, filepath.Join(root, "docs", "limits.md")))
	tests := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllStringSubmatch(string(read(t, path)), -1) {
				tests[m[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^- `).Split(page, -1)[1:]
	if len(lines) < 30 {
		t.Fatalf("only %d lines", len(lines))
	}
	for _, line := range lines {
		line, _, _ = strings.Cut(line, "\n\n")
		held := strings.Contains(line, "no test: ")
		for _, m := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(line, -1) {
			if held = true; !tests[m] {
				t.Errorf("there is no %s: %.60s…", m, line)
			}
		}
		for _, m := range regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(line, -1) {
			_, err := os.Stat(filepath.Join(root, "testdata", "cases", m[1]+".case"))
			held = held || err == nil
		}
		if !held {
			t.Errorf("no case and no test: %.80s…", line)
		}
	}
}
