package scratch

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes put the server into a process group of its own, so that a terminal's Ctrl-C reaches lifeboat alone, which
// then stops the server in its own time; and make the kernel end the server when lifeboat dies without a chance to.
func attributes(keep bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if keep {
		attr.Pdeathsig = syscall.SIGTERM
	}
	return attr
}

// runsIn says whether process pid is a live server of the folder: a pid alone may have been given to another program.
func runsIn(pid int, folder string) bool {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.Contains(cmdline, []byte("--datadir="+folder+"/"))
}

// clone makes out share the blocks of in, if the file system knows how to.
func clone(out, in *os.File) bool {
	return unix.IoctlFileClone(int(out.Fd()), int(in.Fd())) == nil
}

// memory is what this process may use of the machine's memory, in bytes; 0 if that cannot be told.
func memory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	total := int64(info.Totalram) * int64(info.Unit)
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && limit > 0 {
			total = min(total, limit)
		}
	}
	return total
}
