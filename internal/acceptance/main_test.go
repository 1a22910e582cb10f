// Package acceptance runs the program as a person would, against real servers, and asks only one thing: is the database what
// it was just before the wipe? It has tests only.
package acceptance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testserver"
)

// program is the path of the lifeboat that TestMain has built.
var program string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lifeboat-acceptance")
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

// outcome is what one run of the program did.
type outcome struct {
	args        []string
	code        int // -1: ended by a signal
	out, errOut string
	took        time.Duration
	peak        int64 // resident memory at most, bytes
}

func (o *outcome) String() string {
	return fmt.Sprintf("lifeboat %s\nexit %d after %v\n%s%s", strings.Join(o.args, " "), o.code, o.took.Round(time.Millisecond), o.out, o.errOut)
}

// command is the program with args, free of the LIFEBOAT_ settings of whoever runs the tests.
func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIFEBOAT_") })
	return cmd
}

// lifeboat runs the program to its end.
func lifeboat(t *testing.T, args ...string) *outcome {
	t.Helper()
	return finish(t, command(t.Context(), args...))
}

func finish(t *testing.T, cmd *exec.Cmd) *outcome {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd.Stdout = &out
	if cmd.Stderr == nil {
		cmd.Stderr = &errOut
	}
	start := time.Now()
	peak, err := testserver.Peak(cmd)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return &outcome{args: cmd.Args[1:], code: cmd.ProcessState.ExitCode(), out: out.String(), errOut: errOut.String(), took: time.Since(start), peak: peak}
}

// want fails the test unless the run ended with the code.
func (o *outcome) want(t *testing.T, code int) *outcome {
	t.Helper()
	if o.code != code {
		t.Fatalf("exit %d, want %d:\n%s", o.code, code, o)
	}
	return o
}

// says fails the test unless each of the words stands in what the run printed.
func (o *outcome) says(t *testing.T, words ...string) *outcome {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(o.out+o.errOut, w) {
			t.Errorf("it does not say %q:\n%s", w, o)
		}
	}
	return o
}
