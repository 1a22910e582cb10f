// Package replay turns a base and a log into the state at a point, as a plan says: it folds the log to one write
// per row, applies it beside the serial lane for what does not fold exactly, and keeps a checkpoint on
// the target so that it can be stopped at any moment and run again.
package replay

import (
	"fmt"
	"strconv"
	"strings"

	"lifeboat/internal/binlog"
)

// Cursor is a place to go on reading at: the transaction that starts at Position, after its first Events
// row events and statements. Large transactions are checkpointed inside; nothing else is.
type Cursor struct {
	binlog.Position
	Events int
}

// String writes FILE:OFFSET or FILE:OFFSET+EVENTS.
func (c Cursor) String() string {
	if c.Events == 0 {
		return c.Position.String()
	}
	return c.Position.String() + "+" + strconv.Itoa(c.Events)
}

// MarshalText writes String, for the checkpoint.
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Cursor) UnmarshalText(b []byte) error {
	pos, events, inside := strings.Cut(string(b), "+")
	*c = Cursor{}
	if inside {
		n, err := strconv.Atoi(events)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a cursor", b)
		}
		c.Events = n
	}
	return c.Position.UnmarshalText([]byte(pos))
}

// Before reports whether c comes before d in the log.
func (c Cursor) Before(d Cursor) bool {
	if n := c.Position.Compare(d.Position); n != 0 {
		return n < 0
	}
	return c.Events < d.Events
}
