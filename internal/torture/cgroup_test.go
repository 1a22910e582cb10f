package torture

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// group makes a control group of a controller of the kernel's first version of them, for the test alone; ok is false where none can be made.
func group(t *testing.T, controller string) (dir string, ok bool) {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Join("/sys/fs/cgroup", controller), "lifeboat-test")
	if err != nil {
		return "", false
	}
	t.Cleanup(func() { must(t, os.Remove(dir)) })
	return dir, true
}

// into sets a value of a control group, or of a process.
func into(dir, name, value string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600)
}

// outOfMemory gives a way to have the kernel kill a process because memory runs out: it is put where there is little, and another takes it all.
// It is nil where no memory can be kept apart.
func outOfMemory(t *testing.T) func(*os.Process) error {
	dir, ok := group(t, "memory")
	if !ok || into(dir, "memory.limit_in_bytes", strconv.Itoa(64<<20)) != nil {
		return nil
	}
	return func(p *os.Process) error {
		pid := strconv.Itoa(p.Pid)
		// It waits for its end, which takes longer to come than all that there is to do.
		if err := p.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		defer func() { _ = p.Signal(syscall.SIGCONT) }() // where it did not come
		if err := errors.Join(into("/proc/"+pid, "oom_score_adj", "1000"), into(dir, "cgroup.procs", pid)); err != nil {
			return err
		}
		hog := exec.Command("sh", "-c", fmt.Sprintf("echo $$ >%s/cgroup.procs && exec tail /dev/zero", dir))
		err := hog.Run()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			return fmt.Errorf("the memory did not run out: %w", err)
		}
		return nil
	}
}
