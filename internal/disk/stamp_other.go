//go:build !linux

package disk

import "os"

// StampOf is for systems whose stamps were tried.
func StampOf(os.FileInfo) (Stamp, bool) { return Stamp{}, false }
