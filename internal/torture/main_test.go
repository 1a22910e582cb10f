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
	"time"

	"lifeboat/internal/testserver"
)

var (
	points = flag.Int("points", 0, "moments at which each fault is tried, for each route and server; 0: two, on one route each")
	stops  = flag.Int("stops", 0, "moments at which lifeboat or the target ends, for each route and server, if more than points")
	write  = flag.Bool("write", false, "write the table of what this run tries into docs/reliability.md")
	seed   = flag.Uint64("seed", 0, "where between two evenly spread moments a fault comes; 0: another each time")
)

// program is the path of the lifeboat that TestMain has built.
var program string

// tried is what the tests of this run have tried so far.
var tried results

// luck is the seed that was asked for, or one of its own.
func luck() uint64 {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	return *seed
}

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
	code := m.Run()
	if *write {
		if err := tried.write(filepath.Join("..", "..", "docs", "reliability.md"), luck()); err != nil {
			fmt.Fprintln(os.Stderr, "writing the table:", err)
			return 1
		}
	}
	return code
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
