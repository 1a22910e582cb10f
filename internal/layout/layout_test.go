// Package layout holds the shape of the repository in place: which package may use which, and the
// few habits that a compiler does not check. It has tests only.
package layout

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module   = "lifeboat/"
	root     = "../.."
	mainFile = "cmd/*/main.go"
	// testSupport is a part of tests that several packages share.
	testSupport = "internal/testserver"
	maxLines    = 500 // of a file that is not a test
)

// order lists every package with the packages that it may import, all of them listed before it: data
// flows one way, and no stage knows the one after it. The pages in docs/architecture.md explain the stages.
var order = []struct {
	name string
	uses string // "*" for all that come before
}{
	{"internal/layout", ""},
	{"internal/value", ""},
	{"internal/schema", ""},
	{"internal/disk", ""},
	{"internal/spill", ""},
	{"internal/binlog/gtid", ""},
	{"internal/binlog", "internal/value internal/binlog/gtid"},
	{"internal/archive", "internal/binlog internal/binlog/gtid internal/disk"},
	{"filter", "internal/binlog internal/binlog/gtid internal/schema internal/value"},
	{"snapshot", "internal/binlog internal/binlog/gtid internal/disk internal/schema"},
	{"internal/partial", "internal/value internal/schema internal/binlog"},
	{"internal/target", "internal/schema internal/value internal/binlog internal/binlog/gtid"},
	{"internal/target/scratch", "internal/target internal/schema internal/value internal/binlog internal/binlog/gtid"},
	{"internal/target/folder", "internal/binlog internal/schema"},
	{"internal/target/live", "internal/value internal/schema internal/binlog internal/target internal/target/folder"},
	{"replay/cascade", "internal/schema internal/value internal/target"},
	{"replay/plan", "internal/value internal/schema internal/binlog/gtid internal/binlog internal/archive filter snapshot replay/cascade"},
	{"replay", "replay/plan replay/cascade internal/spill internal/value internal/schema internal/binlog/gtid internal/binlog internal/archive filter snapshot " +
		"internal/partial internal/target internal/target/scratch internal/target/folder"},
	{"internal/ui/text", ""},
	{"internal/ui", "internal/ui/text"},
	{"internal/report", "internal/ui/text"},
	{"verify", "internal/value internal/schema internal/target internal/ui/text replay"},
	{testSupport, "internal/target/scratch"},
	{testSupport + "/dbstate", ""},
	{"internal/testbrowser", ""},
	{"internal/workload", ""},
	{"cmd/lifeboat", "*"},
	{"cmd/internal/rig", "internal/target/scratch"},
	{"cmd/demo", "cmd/internal/rig internal/target/scratch internal/ui/text"},
	{"cmd/bench", "cmd/internal/rig internal/target/scratch internal/ui/text"},
}

// only lists, for code outside tests, libraries that stay in one room, with their room. Packages below it count as it.
var only = []struct{ library, room, why string }{
	{"github.com/go-mysql-org/go-mysql", "internal/binlog", "its decoder needs the framing and the recover around it"},
	{"github.com/go-sql-driver/mysql", "internal/target", "every session of a target is set up there"},
	{"github.com/schollz/progressbar", "internal/ui", "no stage knows terminals"},
	{"golang.org/x/term", "internal/ui", "no stage knows terminals"},
	{"github.com/urfave/cli", "cmd/lifeboat", "commands are thin, and stages know no flags"},
	{module + testSupport, testSupport, "it is for tests"},
	{module + "internal/testbrowser", "internal/testbrowser", "it is for tests"},
}

// rules are checked for each file that is not a test.
var rules = []func(*source) []string{imports, rooms, names, exits, inits, length, reads}

// source is one parsed Go file.
type source struct {
	path  string // from the root, with slashes
	bytes []byte
	ast   *ast.File
	set   *token.FileSet
}

func (s *source) pkg() string { return path.Dir(s.path) }

func (s *source) at(p token.Pos) string {
	return fmt.Sprintf("%s:%d", s.path, s.set.Position(p).Line)
}

func parse(name string, content []byte) (*source, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, content, parser.SkipObjectResolution)
	return &source{path: name, bytes: content, ast: tree, set: set}, err
}

func TestOrderIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range order {
		for _, used := range strings.Fields(p.uses) {
			if used != "*" && !seen[used] {
				t.Errorf("%s may use %s, which does not come before it", p.name, used)
			}
		}
		seen[p.name] = true
	}
}

func TestRepositoryKeepsItsShape(t *testing.T) {
	count := 0
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			name := entry.Name()
			if name == "testdata" || name == "bin" || len(name) > 2 && name[0] == '.' {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		src, err := parse(filepath.ToSlash(name), content)
		if err != nil {
			return err
		}
		count++
		for _, rule := range rules {
			for _, broken := range rule(src) {
				t.Error(broken)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 10 {
		t.Fatalf("found %d Go files under %s: the walk is broken", count, root)
	}
}

func imports(s *source) (broken []string) {
	at := slices.IndexFunc(order, func(p struct{ name, uses string }) bool { return p.name == s.pkg() })
	if at < 0 {
		return []string{fmt.Sprintf("%s: package %s is not in the order of %s/layout_test.go: add it where it belongs",
			s.path, s.pkg(), "internal/layout")}
	}
	may := map[string]bool{}
	for _, used := range strings.Fields(order[at].uses) {
		may[used] = true
	}
	if may["*"] {
		for _, p := range order[:at] {
			may[p.name] = true
		}
	}
	for _, spec := range s.ast.Imports {
		used, inside := strings.CutPrefix(importPath(spec), module)
		if inside && !may[used] {
			broken = append(broken, fmt.Sprintf("%s: %s may not import %s, only: %s",
				s.at(spec.Pos()), s.pkg(), used, strings.Join(slices.Sorted(maps.Keys(may)), " ")))
		}
	}
	return broken
}

func rooms(s *source) (broken []string) {
	if s.pkg() == testSupport {
		return nil
	}
	for _, spec := range s.ast.Imports {
		used := importPath(spec)
		for _, o := range only {
			if within(used, o.library) && !within(s.pkg(), o.room) {
				broken = append(broken, fmt.Sprintf("%s: %s belongs in %s alone: %s", s.at(spec.Pos()), o.library, o.room, o.why))
			}
		}
	}
	return broken
}

func names(s *source) (broken []string) {
	for _, name := range []string{path.Base(s.pkg()), s.ast.Name.Name} {
		switch strings.ToLower(name) {
		case "util", "utils", "common", "helper", "helpers", "misc", "shared", "lib":
			return []string{fmt.Sprintf("%s: a package named %s says nothing of its purpose", s.path, name)}
		}
	}
	return nil
}

// exits finds what ends the process where deferred clean-up and exit codes would be lost.
func exits(s *source) (broken []string) {
	if main, err := path.Match(mainFile, s.path); err != nil || main {
		return nil // a bad pattern fails the cases below
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok {
				call := pkg.Name + "." + sel.Sel.Name
				if call == "os.Exit" || call == "syscall.Exit" || pkg.Name == "log" && strings.HasPrefix(sel.Sel.Name, "Fatal") {
					broken = append(broken, fmt.Sprintf("%s: %s outside %s: return an error", s.at(sel.Pos()), call, mainFile))
				}
			}
		}
		return true
	})
	return broken
}

func inits(s *source) (broken []string) {
	for _, decl := range s.ast.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			broken = append(broken, fmt.Sprintf("%s: func init runs unasked: make it a function that somebody calls", s.at(f.Pos())))
		}
	}
	return broken
}

func length(s *source) []string {
	if n := bytes.Count(s.bytes, []byte("\n")); n > maxLines {
		return []string{fmt.Sprintf("%s: %d lines, more than %d: split it by purpose", s.path, n, maxLines)}
	}
	return nil
}

// reads finds what could change a file in the packages that read inputs.
func reads(s *source) (broken []string) {
	if !slices.Contains([]string{"internal/archive", "internal/binlog", "internal/disk", "filter", "snapshot"}, s.pkg()) {
		return nil
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "os" {
				switch name := sel.Sel.Name; name {
				case "Open", "ReadFile", "ReadDir", "Stat", "DirFS", "FileInfo", "File", "PathError", "SameFile", "ErrNotExist", "IsNotExist":
				default:
					broken = append(broken, fmt.Sprintf("%s: os.%s in a package that reads inputs, which it must not change", s.at(sel.Pos()), name))
				}
			}
		}
		return true
	})
	return broken
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // the parser lets none through
	}
	return p
}

// within reports whether a path is room or below it.
func within(p, room string) bool { return p == room || strings.HasPrefix(p, room+"/") }

// TestRulesFindWhatTheyForbid feeds each rule a file that breaks it, and one that does not.
func TestRulesFindWhatTheyForbid(t *testing.T) {
	for _, c := range []struct {
		path, code, want string
	}{
		{"filter/x.go", `package filter; import "lifeboat/internal/binlog"`, ""},
		{"internal/binlog/x.go", `package binlog; import "lifeboat/filter"`, "internal/binlog may not import filter"},
		{"replay/x.go", `package replay; import "lifeboat/internal/ui"`, "replay may not import internal/ui"},
		{"internal/report/x.go", `package report; import "lifeboat/replay"`, "internal/report may not import replay"},
		{"cmd/lifeboat/x.go", `package main; import "lifeboat/replay"`, ""},
		{"cmd/lifeboat/x.go", `package main; import "lifeboat/internal/testserver"`, "it is for tests"},
		{"internal/extra/x.go", `package extra`, "not in the order"},
		{"internal/schema/util/x.go", `package schemata`, "says nothing of its purpose"},
		{"replay/x.go", `package replay; import "github.com/go-mysql-org/go-mysql/replication"`, "internal/binlog alone"},
		{"internal/binlog/x.go", `package binlog; import "github.com/go-mysql-org/go-mysql/replication"`, ""},
		{"snapshot/x.go", `package snapshot; import _ "github.com/go-sql-driver/mysql"`, "internal/target alone"},
		{"internal/testserver/x.go", `package testserver; import _ "github.com/go-sql-driver/mysql"`, ""},
		{"internal/target/scratch/x.go", `package scratch; import _ "github.com/go-sql-driver/mysql"`, ""},
		{"filter/x.go", "package filter\nimport \"os\"\nfunc f() { defer os.Exit(1) }", "filter/x.go:3: os.Exit"},
		{"cmd/lifeboat/main.go", "package main\nimport \"os\"\nfunc main() { os.Exit(1) }", ""},
		{"cmd/demo/story.go", "package main\nimport \"os\"\nfunc f() { os.Exit(1) }", "cmd/demo/story.go:3: os.Exit"},
		{"filter/x.go", "package filter\nimport \"log\"\nfunc f() { log.Fatalf(``) }", "log.Fatalf"},
		{"internal/archive/x.go", "package archive\nimport \"os\"\nvar _ = os.Open", ""},
		{"snapshot/x.go", "package snapshot\nimport \"os\"\nvar _ = os.OpenFile", "os.OpenFile in a package that reads inputs"},
		{"filter/x.go", "package filter\nfunc init() {}", "func init"},
		{"filter/x.go", "package filter\ntype t int\nfunc (t) init() {}", ""},
		{"filter/x.go", "package filter\n" + strings.Repeat("\n", maxLines), "more than 500"},
	} {
		src, err := parse(c.path, []byte(c.code))
		if err != nil {
			t.Fatal(err)
		}
		var broken []string
		for _, rule := range rules {
			broken = append(broken, rule(src)...)
		}
		got := strings.Join(broken, "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q\ngives %q, want %q", c.path, c.code, got, c.want)
		}
	}
}
