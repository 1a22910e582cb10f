package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/testserver"
)

// trigger is an output that does something once a text has been written to it.
type trigger struct {
	mu   sync.Mutex
	all  bytes.Buffer
	text string
	do   func()
}

func (w *trigger) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(p)
	if w.do != nil && bytes.Contains(w.all.Bytes(), []byte(w.text)) {
		do := w.do
		w.do = nil
		do()
	}
	return len(p), nil
}

func (w *trigger) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// An interrupt in any phase stops in order with 130 and a line that goes on; and that line does.
func TestInterrupt(t *testing.T) {
	s := disaster(t, testserver.MariaDB1011)
	to := testserver.Start(t, s.kind)
	db := testserver.Open(t, to)
	args := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--into", "rescued", "--stop-before", "incident:1", "--target", to.DSN()}
	for _, phase := range []string{phaseArchive, phaseSnapshot, phaseSurvey, "load base", "replay log"} {
		t.Run(phase, func(t *testing.T) {
			if _, err := db.Exec("DROP DATABASE IF EXISTS rescued; DROP DATABASE IF EXISTS _lifeboat"); err != nil {
				t.Fatal(err)
			}
			was := databases(t, db)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var out bytes.Buffer
			stderr := &trigger{text: `"phase":"` + phase + `"`, do: func() { cancel(errInterrupted) }}
			code := run(ctx, &env{stdout: &out, stderr: stderr}, append(append([]string{"lifeboat"}, args...), "--progress", "json"))
			if code != exitInterrupted || !strings.Contains(stderr.String(), `"exit_code":130`) {
				t.Fatalf("exit %d\n%s", code, stderr)
			}
			touched := databases(t, db) != was
			if nothing := strings.Contains(stderr.String(), "nothing was changed"); nothing == touched {
				t.Errorf("it says that nothing was changed: %v; changed: %v\n%s", nothing, touched, stderr)
			}
			if touched {
				line := regexp.MustCompile(`goes on from there: (lifeboat [^"]+)"`).FindStringSubmatch(stderr.String())
				if line == nil {
					t.Fatalf("no line to go on with:\n%s", stderr)
				}
				words := shellWords(t, line[1])
				lifeboat(t, append(words[1:], "--progress", "none")...).want(t, 0, "went on from the checkpoint")
			} else {
				lifeboat(t, append(args, "--progress", "none")...).want(t, 0, "DONE")
			}
			lifeboat(t, "verify", "--target", to.DSN(), "--database", "rescued", "--against", s.server.DSN(), "--against-database", "kept", "--progress", "none").want(t, 0)
		})
	}
	for _, command := range []string{"audit", "plan"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errInterrupted)
		lifeboatWith(ctx, command, "--binlogs", s.binlogs(), "--database", "shop", "--progress", "none").oneLine(t).want(t, exitInterrupted, "nothing was changed")
	}
}

func shellWords(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `for w in `+line+`; do printf '%s\0' "$w"; done`).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// A drill leaves nothing behind; a held server can be worked with until the interrupt, and then goes too.
func TestScratch(t *testing.T) {
	s := disaster(t, testserver.MariaDB1011)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("LIFEBOAT_MYSQLD", testserver.Server(t, s.kind))
	args := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--stop-before", "incident:1", "--scratch"}
	lifeboat(t, append(args, "--dry-run", "--progress", "none")...).want(t, 0, "PLAN", "a scratch server")
	lifeboat(t, append(args, "--progress", "none")...).want(t, 0, "DONE", "this was a drill")
	empty(t, tmp)

	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var out bytes.Buffer
	up := make(chan struct{})
	stderr := &trigger{text: "stays up until", do: func() { close(up) }}
	done := make(chan int)
	go func() {
		done <- run(ctx, &env{stdout: &out, stderr: stderr}, append(append([]string{"lifeboat"}, args...), "--hold", "--progress", "none"))
	}()
	select {
	case <-up:
	case code := <-done:
		t.Fatalf("exit %d\n%s%s", code, out.String(), stderr)
	}
	socket := regexp.MustCompile(`--socket=(\S+)`).FindStringSubmatch(out.String())
	if socket == nil {
		t.Fatalf("it does not say how to connect:\n%s", out.String())
	}
	lifeboat(t, "verify", "--target", "root@unix("+socket[1]+")/", "--database", "shop", "--against", s.server.DSN(), "--against-database", "kept", "--progress", "none").want(t, 0, "THE SAME")
	cancel(errInterrupted)
	if code := <-done; code != 0 {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	empty(t, tmp)

	// Nothing comes of a restore onto a server that has gone with the interrupt.
	ctx, cancel = context.WithCancelCause(t.Context())
	stderr = &trigger{text: `"phase":"load base"`, do: func() { cancel(errInterrupted) }}
	if code := run(ctx, &env{stdout: &out, stderr: stderr}, append(append([]string{"lifeboat"}, args...), "--progress", "json")); code != exitInterrupted || !strings.Contains(stderr.String(), "is gone") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	empty(t, tmp)

	lifeboat(t, append(args, "--mysqld", "/nowhere/mysqld", "--progress", "none")...).oneLine(t).want(t, exitFailed, "/nowhere/mysqld")
}

func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A full disk on the scratch server is told as such. It needs the right to mount a file system.
func TestScratchDiskFull(t *testing.T) {
	s := disaster(t, testserver.MariaDB1011)
	tmp := t.TempDir()
	if err := syscall.Mount("lifeboat-test", tmp, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer syscall.Unmount(tmp, syscall.MNT_DETACH)
	t.Setenv("TMPDIR", tmp)
	lifeboat(t, "restore", "--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--stop-before", "incident:1", "--scratch",
		"--mysqld", testserver.Server(t, s.kind), "--progress", "none").oneLine(t).want(t, exitFailed, "full", tmp)
}

// The real process: a signal ends it in order, a second one at once, both with 130.
func TestSignals(t *testing.T) {
	s := disaster(t, testserver.MariaDB1011)
	dir := t.TempDir()
	program := built(t)
	for _, signals := range [][]os.Signal{{os.Interrupt}, {syscall.SIGTERM}, {os.Interrupt, os.Interrupt}} {
		t.Run(fmt.Sprint(signals), func(t *testing.T) {
			cmd := exec.Command(program, "restore", "--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--stop-before", "incident:1", "--scratch",
				"--mysqld", testserver.Server(t, s.kind), "--progress", "json")
			cmd.Env = append(os.Environ(), "TMPDIR="+dir)
			send := func() {
				for _, sig := range signals {
					if err := cmd.Process.Signal(sig); err != nil {
						t.Log(err) // it may be gone by the second
					}
				}
			}
			stderr := &trigger{text: "starting a scratch server", do: send}
			cmd.Stderr = stderr
			err := cmd.Start()
			if err != nil {
				t.Fatal(err)
			}
			limit := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
			defer limit.Stop()
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
				t.Errorf("exit %d\n%s", code, stderr)
			}
		})
	}
}

// built is the program, built for the test.
func built(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "lifeboat")
	if out, err := exec.Command("go", append(testserver.BuildArgs(program), ".")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// A first interrupt has lifeboat say how to go on, and wait until somebody reads that; a second waits for nothing. The same command goes on.
func TestSecondInterrupt(t *testing.T) {
	s := disaster(t, testserver.MariaDB1011)
	to := testserver.Start(t, s.kind)
	long := strings.Repeat("x", 100<<10) // it stands in the command to go on with, which makes that more than a pipe holds
	args := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--stop-before", "incident:1", "--exclude-table", long, "--target", to.DSN()}
	cmd := exec.Command(built(t), append(args, "--progress", "json")...)
	r, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	in := bufio.NewReader(r)
	for line := ""; !strings.Contains(line, `"phase":"load base"`); {
		if line, err = in.ReadString('\n'); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	}
	ended := make(chan error, 1)
	sent := 0
	for running := true; running; {
		if err := cmd.Process.Signal(os.Interrupt); err == nil {
			sent++
		}
		if sent == 1 {
			go func() { ended <- cmd.Wait() }()
		}
		select {
		case <-ended:
			running = false
		case <-time.After(50 * time.Millisecond): // two that come together count as one
		}
	}
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || sent < 2 {
		t.Errorf("exit %d after %d interrupts", code, sent)
	}
	lifeboat(t, append(args, "--progress", "none")...).want(t, 0, "DONE")
}
