//go:build !linux

package scratch

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// attributes put the server into a process group of its own, so that a terminal's Ctrl-C reaches lifeboat alone.
// Where there is no Linux, a server outlives a killed lifeboat until the next start sweeps it away.
func attributes(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// runsIn says whether process pid is a live server of the folder: a pid alone may have been given to another program.
func runsIn(pid int, folder string) bool {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "--datadir="+folder+"/")
}

func clone(*os.File, *os.File) bool { return false }

// memory is what this process may use of the machine's memory, in bytes; 0 if that cannot be told.
func memory() int64 { return 0 }
