// Package disk reads files that may lie on a disk, or behind a network, that does not answer. A system lets nobody give up a
// read; so another goroutine waits for it.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Patience is how long a read may take unless Within says otherwise: tapes and object stores may have to fetch a file first.
const Patience = 5 * time.Minute

// ErrStalled is an open or a read that gave nothing in its time. It comes in an *os.PathError.
var ErrStalled = errors.New("the disk did not answer")

type limitKey struct{}

// Within gives files opened with the context that much time for their open and for each read.
func Within(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

// chunk is the most that one read takes, in bytes.
const chunk = 256 << 10

// File is a file opened for reading. Its reads end with the context or with ErrStalled, whatever the disk does; of one that does not
// come back a goroutine and the open file stay. It is for one goroutine at a time.
type File struct {
	ctx  context.Context
	path string
	file *os.File
	buf  []byte // of the read that is under way, which nobody may wait for any more
	lost error  // a read was given up
}

// Open opens a file read-only.
func Open(ctx context.Context, path string) (*File, error) {
	came, err := wait(ctx, "open", path, func() (*os.File, error) { return os.Open(path) }, func(late *os.File) {
		if late != nil {
			_ = late.Close() // it was only opened to be read
		}
	})
	if err != nil {
		return nil, err
	}
	if came.err != nil {
		return nil, came.err
	}
	return &File{ctx: ctx, path: path, file: came.value}, nil
}

// List gives what is in a folder, in the order of names.
func List(ctx context.Context, dir string) ([]fs.DirEntry, error) {
	came, err := wait(ctx, "list", dir, func() ([]fs.DirEntry, error) { return os.ReadDir(dir) }, func([]fs.DirEntry) {})
	if err != nil {
		return nil, err
	}
	return came.value, came.err
}

// Stat describes what is under a path, behind links.
func Stat(ctx context.Context, path string) (os.FileInfo, error) {
	came, err := wait(ctx, "look at", path, func() (os.FileInfo, error) { return os.Stat(path) }, func(os.FileInfo) {})
	if err != nil {
		return nil, err
	}
	return came.value, came.err
}

// Stat describes the open file.
func (f *File) Stat() (os.FileInfo, error) { return f.file.Stat() }

// Read is that of io.Reader.
func (f *File) Read(p []byte) (int, error) {
	if f.lost != nil {
		return 0, f.lost
	}
	p = p[:min(len(p), chunk)]
	if len(f.buf) < len(p) {
		f.buf = make([]byte, len(p))
	}
	buf := f.buf[:len(p)]
	came, err := wait(f.ctx, "read", f.path, func() (int, error) { return f.file.Read(buf) }, func(int) {})
	if err != nil {
		f.lost = err
		return 0, err
	}
	return copy(p, buf[:came.value]), came.err
}

// MoveTo goes to an offset from the file's begin.
func (f *File) MoveTo(offset int64) error {
	_, err := f.file.Seek(offset, io.SeekStart)
	return err
}

// Close releases the file, once no read is under way.
func (f *File) Close() error { return f.file.Close() }

// result is what a call came back with.
type result[T any] struct {
	value T
	err   error
}

// wait makes a call, and gives it up with an error when the context ends or its time is over. late gets what it gives after that.
func wait[T any](ctx context.Context, op, path string, call func() (T, error), late func(T)) (came result[T], err error) {
	if err := ctx.Err(); err != nil {
		return came, err
	}
	limit, ok := ctx.Value(limitKey{}).(time.Duration)
	if !ok {
		limit = Patience
	}
	done := make(chan result[T], 1)
	go func() {
		v, err := call()
		done <- result[T]{v, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case came = <-done:
		return came, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = &os.PathError{Op: op, Path: path, Err: fmt.Errorf("%w for %v (--read-timeout)", ErrStalled, limit)}
	}
	go func() { late((<-done).value) }()
	return came, err
}
