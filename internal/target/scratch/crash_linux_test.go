package scratch_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

// TestMain lets this test program be the lifeboat that gets killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LIFEBOAT_TEST_VICTIM"); dir != "" {
		if err := victim(dir); err != nil {
			fmt.Println("error", err)
		}
		return
	}
	os.Exit(m.Run())
}

// victim starts a server, says where, and waits to be killed.
func victim(dir string) error {
	s, err := scratch.Start(context.Background(), scratch.Options{
		Binary: os.Getenv("LIFEBOAT_MYSQLD"), Dir: dir, BufferPool: 64 << 20,
		TemplateDir: os.Getenv("LIFEBOAT_TEST_TEMPLATES"), Keep: os.Getenv("LIFEBOAT_TEST_KEEP") != "",
		Args: []string{"--innodb-flush-method=nosync"}, // nobody pulls the plug here, and it saves seconds
	})
	if err != nil {
		return err
	}
	// Threads that come and go must not take the server with them.
	for range 50 {
		ended := make(chan bool)
		go func() {
			runtime.LockOSThread()
			ended <- true
		}()
		<-ended
	}
	fmt.Println("up", s.PID(), s.Folder())
	<-s.Done()
	return fmt.Errorf("the server ended by itself")
}

func startVictim(t *testing.T, o scratch.Options) (*osexec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := osexec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LIFEBOAT_TEST_VICTIM="+o.Dir, "LIFEBOAT_MYSQLD="+o.Binary, "LIFEBOAT_TEST_TEMPLATES="+o.TemplateDir)
	if o.Keep {
		cmd.Env = append(cmd.Env, "LIFEBOAT_TEST_KEEP=1")
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

// running lists the processes whose command line names the folder.
func running(t *testing.T, folder string) []string {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, line := range lines {
		if text, err := os.ReadFile(line); err == nil && strings.Contains(string(text), "--datadir="+folder) {
			found = append(found, filepath.Base(filepath.Dir(line)))
		}
	}
	return found
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 30 s in vain: %s", what)
		}
	}
}

func startAndClose(t *testing.T, o scratch.Options) {
	t.Helper()
	s, err := scratch.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestKilledLifeboatLeavesNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		o := testserver.Options(t, kind)
		cmd, out := startVictim(t, o)
		if !out.Scan() || !strings.HasPrefix(out.Text(), "up ") {
			t.Fatalf("the victim says %q", out.Text())
		}
		fields := strings.SplitN(out.Text(), " ", 3)
		pid, err := strconv.Atoi(fields[1])
		if err != nil || !alive(pid) {
			t.Fatalf("process %s: %v", fields[1], err)
		}
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		killed := time.Now()
		waitFor(t, "the server ends", func() bool { return len(running(t, o.Dir)) == 0 })
		t.Logf("the server was gone %v after lifeboat", time.Since(killed).Round(time.Millisecond))
		if _, err := os.Stat(fields[2]); err != nil {
			t.Fatal("there should be something to sweep:", err)
		}
		startAndClose(t, o)
		empty(t, o.Dir)
	})
}

func TestKilledWhileMakingTheDataFolder(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		o := testserver.Options(t, kind)
		templates := o.TemplateDir
		o.TemplateDir = ""
		cmd, _ := startVictim(t, o)
		waitFor(t, "the server makes its data folder", func() bool { return len(running(t, o.Dir)) > 0 })
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the server ends", func() bool { return len(running(t, o.Dir)) == 0 })
		o.TemplateDir = templates
		startAndClose(t, o)
		empty(t, o.Dir)
	})
}

func TestSweepEndsServersThatOutlivedLifeboat(t *testing.T) {
	o := testserver.Options(t, testserver.MariaDB1011)
	cmd, out := startVictim(t, o)
	if !out.Scan() || !strings.HasPrefix(out.Text(), "up ") {
		t.Fatalf("the victim says %q", out.Text())
	}
	fields := strings.SplitN(out.Text(), " ", 3)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the server ends", func() bool { return len(running(t, o.Dir)) == 0 })
	// A server of the same command line, started by nobody who would end it, as on systems that do not end it for us.
	orphan := osexec.Command(o.Binary, "--no-defaults", "--datadir="+filepath.Join(fields[2], "data"), "--skip-networking",
		"--user=root", "--socket="+filepath.Join(fields[2], "s"), "--pid-file="+filepath.Join(fields[2], "server.pid"))
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- orphan.Wait() }()
	state := fmt.Sprintf(`{"pid":%d}`, orphan.Process.Pid)
	if err := os.WriteFile(filepath.Join(fields[2], "state.json"), []byte(state), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the orphan is up", func() bool { _, err := os.Stat(filepath.Join(fields[2], "s")); return err == nil })
	var said strings.Builder
	o.Logger = slog.New(slog.NewTextHandler(&said, nil))
	startAndClose(t, o)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the orphan ended with %v", err)
	}
	if !strings.Contains(said.String(), "cleared an abandoned scratch server away") {
		t.Errorf("logged %q", said.String())
	}
	empty(t, o.Dir)
}

func TestKeptFolderSurvivesAKilledLifeboat(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		o := testserver.Options(t, kind)
		o.Keep = true
		cmd, out := startVictim(t, o)
		if !out.Scan() || !strings.HasPrefix(out.Text(), "up ") {
			t.Fatalf("the victim says %q", out.Text())
		}
		folder := strings.SplitN(out.Text(), " ", 3)[2]
		db := testserver.OpenSocket(t, filepath.Join(folder, "s"))
		exec(t, db, "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO d.t VALUES (7)")
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the victim should have been killed")
		}
		// At once, while the server of the dead lifeboat may be shutting down.
		s, err := scratch.Open(t.Context(), folder, o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := text(t, testserver.Open(t, s), "SELECT a FROM d.t"); got != "7" {
			t.Error(got)
		}
	})
}
