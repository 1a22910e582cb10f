package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lifeboat/internal/testserver"
)

// terminal makes one: what is typed into the first file comes out of the second, which a program takes for its terminal.
func terminal(t *testing.T) (typed, tty *os.File) {
	t.Helper()
	typed, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { typed.Close() })
	n, err := unix.IoctlGetInt(int(typed.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(typed.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return typed, tty
}

// A password that is asked for is not shown, and is the one of the server that the question names. An interrupt ends the question, and leaves a
// terminal that shows what is typed; without a terminal it says where else a password may come from.
func TestAskPassword(t *testing.T) {
	const secret = "Planted 4711"
	s := testserver.Start(t, testserver.MariaDB1011)
	if _, err := testserver.Open(t, s).Exec("CREATE USER op@localhost IDENTIFIED BY '" + secret + "'; GRANT ALL ON *.* TO op@localhost; CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	program, dsn := built(t), "op@unix("+s.Socket()+")/"
	for _, c := range []struct {
		name, answer string
		code         int
		said         string
	}{
		{"the right one", secret + "\r", 0, "THE SAME"},
		{"a wrong one", "no\r", exitFailed, "check the user in --target"},
		{"an interrupt", "\x03", exitInterrupted, "nothing was changed"},
		{"no terminal", "", exitUsage, "LIFEBOAT_PASSWORD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			cmd := exec.Command(program, "verify", "--target", dsn, "--against", dsn, "--database", "a", "--ask-password", "--progress", "none")
			cmd.Env = []string{"LIFEBOAT_AGAINST_PASSWORD=" + secret} // this one is not asked for
			cmd.Stdout, cmd.Stderr = &out, &out
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			typed, tty := terminal(t)
			if c.answer != "" {
				cmd.ExtraFiles = []*os.File{tty}
				cmd.SysProcAttr.Setctty, cmd.SysProcAttr.Ctty = true, 3
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			limit := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
			defer limit.Stop()
			shown := make([]byte, 0, 1<<10)
			for !strings.Contains(string(shown), "Password for --target: ") && c.answer != "" {
				n, err := typed.Read(shown[len(shown):cap(shown)])
				if shown = shown[:len(shown)+n]; err != nil {
					t.Fatalf("%v after %q; %s", err, shown, &out)
				}
			}
			if _, err := typed.WriteString(c.answer); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(out.String(), c.said) || strings.Contains(out.String(), secret) {
				t.Errorf("exit %d, want %d and %q:\n%s", code, c.code, c.said, &out)
			}
			mode, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
			if err != nil || mode.Lflag&unix.ECHO == 0 {
				t.Errorf("the terminal shows nothing any more: %v", err)
			}
			if _, err := tty.WriteString("END"); err != nil { // what the terminal shows ends here
				t.Fatal(err)
			}
			for !bytes.HasSuffix(shown, []byte("END")) {
				n, err := typed.Read(shown[len(shown):cap(shown)])
				if shown = shown[:len(shown)+n]; err != nil {
					t.Fatalf("%v after %q", err, shown)
				}
			}
			if strings.Contains(string(shown), strings.TrimSpace(secret)) {
				t.Errorf("it was shown: %q", shown)
			}
		})
	}
}
