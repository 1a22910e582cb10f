package scratch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	prefix     = "lifeboat-scratch-"
	unfinished = ".new"
	lockName   = "lock"
	stateName  = "state.json"
	// socketLimit is the longest path of a unix socket that both Linux (107 bytes) and the BSDs (103) take.
	socketLimit = 103
)

// folder is one instance's place on disk:
//
//	lifeboat-scratch-123/
//	    lock         held (flock) by the lifeboat that owns the folder, for as long as it lives
//	    state.json   what a later lifeboat must know to clear the folder away
//	    data/ tmp/   the server's
//	    server.log   what the server said
//	    s            its socket, unless the path would be too long for one
//
// A folder whose lock nobody holds was left behind by a crash.
type folder struct {
	path  string
	lock  *os.File
	state state
}

type state struct {
	PID       int    `json:"pid,omitempty"`
	SocketDir string `json:"socket_dir,omitempty"`
	Keep      bool   `json:"keep,omitempty"`
}

func (f *folder) data() string { return filepath.Join(f.path, "data") }
func (f *folder) tmp() string  { return filepath.Join(f.path, "tmp") }
func (f *folder) log() string  { return filepath.Join(f.path, "server.log") }
func (f *folder) socket() string {
	if f.state.SocketDir != "" {
		return filepath.Join(f.state.SocketDir, "s")
	}
	return filepath.Join(f.path, "s")
}

// newFolder makes a folder below parent. It gets its final name only once it is locked, so that no sweep takes it for abandoned.
func newFolder(parent string, keep bool) (*folder, error) {
	var path string
	for try := 0; ; try++ {
		first, err := os.MkdirTemp(parent, prefix+"*"+unfinished)
		if err != nil {
			return nil, fmt.Errorf("making a folder for the scratch server: %w", err)
		}
		path = first
		if _, err := os.Lstat(strings.TrimSuffix(first, unfinished)); errors.Is(err, fs.ErrNotExist) || try > 100 {
			break
		}
		os.Remove(first)
	}
	f := &folder{path: strings.TrimSuffix(path, unfinished), state: state{Keep: keep}}
	lock, err := takeLock(filepath.Join(path, lockName), os.O_CREATE|os.O_EXCL)
	if err == nil {
		f.lock = lock
		err = os.Rename(path, f.path)
	}
	if err == nil {
		err = errors.Join(os.Mkdir(f.data(), 0o700), os.Mkdir(f.tmp(), 0o700))
	}
	if err == nil {
		err = f.placeSocket()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a folder for the scratch server: %w", err), f.remove(), os.RemoveAll(path))
	}
	return f, nil
}

// openFolder takes over a folder that was kept.
func openFolder(path string) (*folder, error) {
	f := &folder{path: path}
	if err := f.readState(); err != nil {
		return nil, fmt.Errorf("%s is not the folder of a scratch server: %w", path, err)
	}
	lock, err := takeLock(filepath.Join(path, lockName), 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.lock = lock
	if err := f.readState(); err != nil { // it may have changed until the lock was ours
		lock.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.state.Keep = true
	return f, nil
}

// placeSocket decides where the socket goes: a path that is too long, or that a DSN cannot hold, calls for a folder of its own.
func (f *folder) placeSocket() error {
	if path := f.socket(); len(path) > socketLimit || strings.ContainsAny(path, "()?@") {
		dir, err := os.MkdirTemp("/tmp", "lifeboat-socket-")
		if err != nil {
			return fmt.Errorf("%s is too long for a unix socket, and no shorter place was found: %w", path, err)
		}
		f.state.SocketDir = dir
	}
	return f.writeState()
}

func (f *folder) readState() error {
	text, err := os.ReadFile(filepath.Join(f.path, stateName))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &f.state); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(f.path, stateName), err)
	}
	return nil
}

func (f *folder) writeState() error {
	text, err := json.Marshal(f.state)
	if err != nil {
		return err
	}
	name := filepath.Join(f.path, stateName)
	if err := os.WriteFile(name+unfinished, text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+unfinished, name)
}

// release gives the folder up: what is to be kept stays, without its lock.
func (f *folder) release() error {
	if !f.state.Keep {
		return f.remove()
	}
	f.state.PID = 0
	err := f.writeState()
	return errors.Join(err, f.removeSocketDir(), f.unlock())
}

func (f *folder) remove() error {
	err := f.removeSocketDir()
	if e := os.RemoveAll(f.path); e != nil {
		err = errors.Join(err, fmt.Errorf("clearing the scratch server away: %w; remove %s by hand", e, f.path))
	}
	return errors.Join(err, f.unlock())
}

func (f *folder) removeSocketDir() error {
	dir := f.state.SocketDir
	if dir == "" || !mine(dir) {
		return nil
	}
	return os.RemoveAll(dir)
}

func (f *folder) unlock() error {
	if f.lock == nil {
		return nil
	}
	err := f.lock.Close()
	f.lock = nil
	return err
}

var errInUse = errors.New("in use by another lifeboat that is running")

// takeLock opens the file, with further flags, and locks it. The lock ends with the process; server processes do not inherit it.
func takeLock(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errInUse
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return file, nil
}

// mine says whether path is a real folder of this user: in a shared folder such as /tmp, names prove nothing.
func mine(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// sweep clears away what crashed runs left below parent: folders of this user that nobody holds the lock of, with
// the servers that still run in them. What was meant to be kept stays, without its server.
func sweep(parent string, log *slog.Logger) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return // newFolder says what is wrong with parent
	}
	for _, entry := range entries {
		path := filepath.Join(parent, entry.Name())
		if !strings.HasPrefix(entry.Name(), prefix) || !mine(path) {
			continue
		}
		if swept, err := sweepOne(path); err != nil {
			log.Warn("an abandoned scratch server could not be cleared away", "folder", path, "error", err)
		} else if swept {
			log.Info("cleared an abandoned scratch server away", "folder", path)
		}
	}
}

func sweepOne(path string) (bool, error) {
	if strings.HasSuffix(path, unfinished) {
		// Its owner is about to lock and rename it, unless it is old.
		if info, err := os.Lstat(path); err != nil || time.Since(info.ModTime()) < time.Minute {
			return false, nil
		}
	}
	lock, err := takeLock(filepath.Join(path, lockName), 0)
	if errors.Is(err, errInUse) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f := &folder{path: path, lock: lock}
	if err := f.readState(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		// A state cut short is no reason to leave the rest: only the socket's folder is forgotten.
		f.state = state{}
	}
	running := f.endServer(10 * time.Second)
	if running != nil {
		return false, errors.Join(running, f.unlock())
	}
	if f.state.Keep {
		return false, f.unlock()
	}
	return true, f.remove()
}

// endServer ends the server that a crashed run left in the folder, and waits until it is gone.
func (f *folder) endServer(patience time.Duration) error {
	pid := f.state.PID
	if pid <= 1 || !runsIn(pid, f.path) {
		return nil
	}
	signal := syscall.SIGKILL
	if f.state.Keep {
		signal = syscall.SIGTERM
	}
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("ending the server of an earlier run (process %d): %w", pid, err)
	}
	for end := time.Now().Add(patience); runsIn(pid, f.path); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("the server of an earlier run (process %d) does not end within %v; end it by hand", pid, patience)
		}
	}
	return nil
}
