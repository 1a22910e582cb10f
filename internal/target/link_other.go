//go:build !linux

package target

import (
	"syscall"
	"time"
)

// limitUnacknowledged has nothing to set here: the deadlines of the link do its work, only later.
func limitUnacknowledged(string, syscall.RawConn, time.Duration) error { return nil }
