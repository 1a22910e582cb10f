package snapshot

import (
	"errors"
	"fmt"
)

// What can be wrong with a backup; ask with errors.Is. Every error that speaks
// of a place in a file is a *ReadError around one of these.
var (
	ErrNotDump     = errors.New("not a backup that lifeboat can read")
	ErrIncomplete  = errors.New("cut short")
	ErrCorrupt     = errors.New("damaged")
	ErrUnsupported = errors.New("unsupported")
	ErrNoDatabase  = errors.New("database not in the backup")
	ErrChanged     = errors.New("changed since it was opened")
)

// ReadError says what was found wrong, and where.
type ReadError struct {
	Path   string
	Offset int64 // in bytes of the uncompressed file; -1 if it is about the whole file
	Kind   error // one of the errors above
	Detail string
}

// Error names the file and the offset first.
func (e *ReadError) Error() string {
	where := e.Path
	if e.Offset >= 0 {
		where = fmt.Sprintf("%s: byte %d", e.Path, e.Offset)
	}
	if e.Detail == "" {
		return where + ": " + e.Kind.Error()
	}
	return where + ": " + e.Kind.Error() + ": " + e.Detail
}

// Unwrap gives the kind to errors.Is.
func (e *ReadError) Unwrap() error { return e.Kind }
