//go:build !linux

package spill

import "errors"

// nameless is for systems that have such files.
func nameless(string) (File, error) { return nil, errors.ErrUnsupported }
