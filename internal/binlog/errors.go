package binlog

import (
	"errors"
	"fmt"
)

// What can be wrong with a file; ask with errors.Is. Every error of this package that speaks of a place
// in a file is a *ReadError around one of these.
var (
	ErrNotBinlog   = errors.New("not a binary log")
	ErrEncrypted   = errors.New("encrypted binary log")
	ErrTorn        = errors.New("torn: the file ends inside an event or a transaction")
	ErrCorrupt     = errors.New("corrupt")
	ErrUnsupported = errors.New("unsupported")
)

// UseAnother is the advice at the end of a damaged file's error, for who has not followed it yet.
const UseAnother = "use another copy of this file"

// ReadError says what was found wrong, and where.
type ReadError struct {
	Pos    Position // start of the event at fault
	Type   EventType
	Kind   error // one of the errors above, or an I/O error
	Detail string
}

// Error names the file and the offset first.
func (e *ReadError) Error() string {
	what := e.Kind.Error()
	if e.Detail != "" {
		what += ": " + e.Detail
	}
	if e.Type != 0 {
		return fmt.Sprintf("%s (%s): %s", e.Pos, e.Type, what)
	}
	return fmt.Sprintf("%s: %s", e.Pos, what)
}

// Unwrap gives the kind to errors.Is.
func (e *ReadError) Unwrap() error { return e.Kind }
