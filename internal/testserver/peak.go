package testserver

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Peak runs a command to its end and tells its resident memory at most, in bytes; 0 where the system has no /proc. What the system says of a
// child that has ended (Rusage.Maxrss) begins with what its parent held when it was made, which here is the tests; so the living one is asked,
// every 2 ms, and what it took in its last moment may be missing.
func Peak(cmd *exec.Cmd) (int64, error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for peak := int64(0); ; {
		select {
		case err := <-ended:
			return peak, err
		case <-tick.C:
			peak = max(peak, highWater(cmd.Process.Pid))
		}
	}
}

// highWater is the resident memory of a process at most, in bytes; 0: it has ended.
func highWater(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib << 10
}
