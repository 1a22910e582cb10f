package torture

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// TestKilledOutput ends restore --output at moments spread over its run. The folder is there whole or not at all, and the same command
// gives it.
func TestKilledOutput(t *testing.T) {
	kinds := []string{testserver.MySQL97, testserver.MariaDB1011}
	if *points == 0 {
		kinds = kinds[:1]
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) { killOutput(t, kind) })
	}
}

func killOutput(t *testing.T, kind string) {
	s := tinyScene(t, kind)
	to := testserver.Start(t, kind)
	db := testserver.Open(t, to)
	begin := func(path string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), program, "restore", "--binlogs", s.binlogs, "--database", shop, "--snapshot", s.dump, "--output", path, "--progress", "none")
		cmd.Stderr = &bytes.Buffer{}
		return cmd
	}
	start := time.Now()
	must(t, begin(filepath.Join(t.TempDir(), "out")).Run())
	undisturbed := time.Since(start)
	moments := max(10, *points, *stops)
	starve := outOfMemory(t)
	for _, f := range endings() {
		if f.starve && starve == nil {
			t.Logf("left out, as no memory can be kept apart here: %s", f.name)
			continue
		}
		line := row{f.name, "output folder", kind, 0, 0}
		// A machine that was slow at first lets a run end before its moment: the next moments are in less time, and there are more of them.
		for i := 0; i < moments || line.tried < moments && i < 10*moments; i++ {
			path := filepath.Join(t.TempDir(), "out")
			cmd := begin(path)
			must(t, cmd.Start())
			begun := time.Now()
			err := endAt(t, cmd, f.kill(starve), time.Duration((float64(i%moments)+rand.Float64())*float64(undisturbed)/float64(moments)))
			_, missing := os.Stat(path)
			killed := false
			switch code := cmd.ProcessState.ExitCode(); {
			case code == 0 && missing == nil:
				undisturbed = min(undisturbed, time.Since(begun))
			case code != 0 && os.IsNotExist(missing):
				killed = true
				if code != -1 && (f.signal == syscall.SIGKILL || code != 130) { // -1: a signal came before the program listens
					t.Fatalf("%s: exit %d: %s", f.name, code, cmd.Stderr)
				}
				if cmd = begin(path); cmd.Run() != nil {
					t.Fatalf("the same command: %s", cmd.Stderr)
				}
			case f.signal == syscall.SIGKILL && missing == nil: // killed when the dump had its name
			default:
				t.Fatalf("%s: %v, and the folder: %v\n%s", f.name, err, missing, cmd.Stderr)
			}
			exec1(t, db, "DROP DATABASE IF EXISTS shop")
			loadDump(t, kind, to.Socket(), path)
			wrong := strings.Join(dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())), "\n")
			if wrong != "" {
				t.Error(wrong)
			}
			if killed {
				line.count(wrong)
			}
		}
		if tried.add(t, line); line.tried < moments/2 {
			t.Errorf("%s: only %d were ended before their end (%v undisturbed)", f.name, line.tried, undisturbed)
		}
	}
}

// endAt ends a program that runs, after a while, and gives what it ended with.
func endAt(t *testing.T, cmd *exec.Cmd, kill func(*os.Process) error, after time.Duration) error {
	t.Helper()
	killed := make(chan error, 1)
	end := time.AfterFunc(after, func() { killed <- kill(cmd.Process) })
	err := cmd.Wait()
	if !end.Stop() {
		if err := <-killed; err != nil && !gone(err) {
			t.Error(err)
		}
	}
	return err
}
