package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pipe is a file that answers when somebody writes to it.
func pipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writer opens a pipe for both, so that neither side waits for the other to open it.
func writer(t *testing.T, path string) *os.File {
	t.Helper()
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

const short = 20 * time.Millisecond

func stalled(t *testing.T, err error, op, path string) {
	t.Helper()
	var where *os.PathError
	if !errors.Is(err, ErrStalled) || !errors.As(err, &where) || where.Op != op || where.Path != path || !strings.Contains(err.Error(), "20ms") {
		t.Errorf("%v", err)
	}
}

func TestOpenStalls(t *testing.T) {
	path := pipe(t)
	_, err := Open(Within(t.Context(), short), path)
	stalled(t, err, "open", path)
	writer(t, path) // the open comes back, and what it opened is closed
	gone(t)
}

func TestReadStalls(t *testing.T) {
	path := pipe(t)
	w := writer(t, path)
	f, err := Open(Within(t.Context(), short), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("as far as here"); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	if n, err := f.Read(p); string(p[:n]) != "as far as here" || err != nil {
		t.Errorf("%q, %v", p[:n], err)
	}
	_, err = f.Read(p)
	stalled(t, err, "read", path)
	if _, err := w.WriteString("too late"); err != nil {
		t.Fatal(err)
	}
	_, err = f.Read(p)
	stalled(t, err, "read", path) // or what came too late would be missing
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	gone(t)
}

// TestInterrupt does not wait for the disk.
func TestInterrupt(t *testing.T) {
	path := pipe(t)
	writer(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	f, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(short, cancel)
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(ctx, path); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	gone(t)
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	want := strings.Repeat("0123456789", chunk/5)
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, from := range []int64{0, 7, chunk, int64(len(want))} {
		if err := f.MoveTo(from); err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(f); string(all) != want[from:] || err != nil {
			t.Errorf("from %d: %d of %d bytes, %v", from, len(all), len(want), err)
		}
	}
	if _, err := Open(t.Context(), path+"x"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// gone waits until no goroutine is in this package but the test's own.
func gone(t *testing.T) {
	t.Helper()
	buf := make([]byte, 64<<10)
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		all := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(all, "disk.wait") {
			return
		}
		if time.Now().After(end) {
			t.Fatal(all)
		}
	}
}

// silent mounts a file system that answers nothing.
func silent(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no file system can be served here: %v", err)
	}
	t.Cleanup(func() { dev.Close() }) // whoever still waits for it gets an error
	if err := syscall.Mount("lifeboat-test", dir, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", dev.Fd())); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH|syscall.MNT_FORCE); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFolderStalls(t *testing.T) {
	dir := silent(t)
	_, err := List(Within(t.Context(), short), dir)
	stalled(t, err, "list", dir)
	_, err = Stat(Within(t.Context(), short), dir)
	stalled(t, err, "look at", dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := List(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("abc"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := List(t.Context(), dir)
	if err != nil || len(list) != 2 || list[0].Name() != "a" {
		t.Errorf("%v, %v", list, err)
	}
	info, err := Stat(t.Context(), filepath.Join(dir, "b"))
	if err != nil || info.Size() != 3 {
		t.Errorf("%v, %v", info, err)
	}
	for _, err := range []error{second(List(t.Context(), dir+"/none")), second(Stat(t.Context(), dir+"/none"))} {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
