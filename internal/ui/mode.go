package ui

import (
	"fmt"
	"os"

	"golang.org/x/term"
)

// Mode is the form in which progress is shown.
type Mode string

// The modes of --progress.
const (
	Auto  Mode = "auto"  // a bar on a terminal, else as Plain
	Plain Mode = "plain" // a line of text every few seconds
	JSON  Mode = "json"  // one JSON object a line
	None  Mode = "none"  // nothing at all
)

// ParseMode reads the value of --progress.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Auto, Plain, JSON, None:
		return m, nil
	}
	return "", fmt.Errorf("unknown progress form %q: use auto, plain, json or none", s)
}

// IsTerminal reports whether f is a terminal on which a line can be drawn again.
func IsTerminal(f *os.File) bool {
	return os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// Color reports whether output may be coloured: on a terminal, unless the environment sets NO_COLOR
// (https://no-color.org).
func Color(isTerminal bool) bool {
	return isTerminal && os.Getenv("NO_COLOR") == ""
}
