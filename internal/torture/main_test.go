// Package torture breaks everything a restore stands on, at one moment after the other, and asks each time whether the database
// that comes out in the end is the right one. It has tests only; docs/reliability.md holds its table.
package torture

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lifeboat/internal/testserver"
)

var (
	points = flag.Int("points", 0, "moments at which each fault is tried, for each route and server; 0: two, on one route each")
	stops  = flag.Int("stops", 0, "moments at which lifeboat or the target ends, for each route and server, if more than points")
	write  = flag.Bool("write", false, "write the table into docs/reliability.md")
	seed   = flag.Uint64("seed", 0, "where between two evenly spread moments a fault comes; 0: another each time")
)

// program is the path of the lifeboat that TestMain has built.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lifeboat-torture")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "lifeboat")
	build := exec.Command("go", append(testserver.BuildArgs(program), "lifeboat/cmd/lifeboat")...)
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building lifeboat:", err)
		return 1
	}
	return m.Run()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
