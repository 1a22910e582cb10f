// Package spill keeps sorted records on disk that do not fit into memory, and gives them back in order. It knows nothing of what is in them.
//
// Records have a section (a table, say), a key and a value. They come in runs, each sorted by section and key, and a section is read as one
// stream, merged from its part of every run. Records of one section and key are joined, or handed out one after another, the older run's first.
// So memory is bounded by the number of runs, of which there are few: many small ones become a larger one.
//
// Nothing of it outlives the process: files are removed as soon as they are open, and what is in which place of them is kept in memory. Each
// block has a checksum over its place and its bytes, so what a disk gives back otherwise than it took it is an error.
package spill

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrDamaged marks a block that does not read back as it was written.
var ErrDamaged = errors.New("a temporary file does not read back as it was written")

// File is one run's. It is written from its beginning to its end, and then read.
type File interface {
	io.WriterAt
	io.ReaderAt
	io.Closer
}

// Storage makes files.
type Storage interface {
	Create() (File, error)
	String() string // where they are, for messages
}

// Folder is a folder of the system. Its files are for this user alone, and have no name: they go with the process, whatever ends it.
type Folder string

// Create opens a file.
func (f Folder) Create() (File, error) {
	if file, err := nameless(string(f)); !errors.Is(err, errors.ErrUnsupported) {
		return file, err
	}
	// A process that is killed between these two steps leaves a file behind, and an empty one.
	file, err := os.CreateTemp(string(f), "lifeboat-spill-") // readable by this user alone
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (f Folder) String() string { return string(f) }

// Error is a fault of the storage.
type Error struct {
	Op    string // what was done: "writing", "reading"
	Where string
	Err   error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s temporary files in %s: %v", e.Op, e.Where, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
