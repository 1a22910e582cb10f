package spill

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nameless opens a file that never has a name. What a system without such files answers is described in open(2), under O_TMPFILE: EOPNOTSUPP
// of the file system, EISDIR or ENOENT of a kernel from before them.
func nameless(dir string) (File, error) {
	for {
		fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), dir), nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENOENT):
			return nil, errors.ErrUnsupported
		default:
			return nil, &os.PathError{Op: "open", Path: dir, Err: err}
		}
	}
}
