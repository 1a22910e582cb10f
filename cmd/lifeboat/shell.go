package main

import (
	"strings"

	"lifeboat/filter"
)

// commandLine is a command line for a person to copy: every word quoted for a POSIX shell, and no password
// in it.
type commandLine struct{ words []string }

func newCommandLine(command string) *commandLine {
	return &commandLine{[]string{"lifeboat", command}}
}

// flag adds a flag with a value, unless the value is empty.
func (l *commandLine) flag(name, value string) *commandLine {
	if value != "" {
		l.words = append(l.words, "--"+name, shellQuote(value))
	}
	return l
}

func (l *commandLine) flags(name string, values []string) *commandLine {
	for _, v := range values {
		l.flag(name, v)
	}
	return l
}

func (l *commandLine) on(name string, on bool) *commandLine {
	if on {
		l.words = append(l.words, "--"+name)
	}
	return l
}

// source adds the flags that say what is read.
func (l *commandLine) source(s *source) *commandLine {
	l.flags("binlogs", s.binlogs)
	if len(s.bases) > 0 {
		l.flags("snapshot", s.given())
	} else {
		l.flag("snapshot", s.again(s.snapshot))
	}
	if s.position != "auto" {
		l.flag("snapshot-position", s.position)
	}
	return l.flag("database", s.scope.Database).flags("table", s.scope.Tables).flags("exclude-table", s.scope.Exclude)
}

func (l *commandLine) stop(s filter.Stop) *commandLine {
	switch {
	case !s.Given:
		return l
	case s.After:
		return l.flag("stop-after", s.Point.String())
	}
	return l.flag("stop-before", s.Point.String())
}

func (l *commandLine) String() string { return strings.Join(l.words, " ") }

// shellQuote leaves plain words as they are.
func shellQuote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%="
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
