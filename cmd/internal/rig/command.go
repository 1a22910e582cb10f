package rig

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Command prepares a command. It is interrupted, not killed, when ctx ends. Settings of lifeboat in the environment are
// left out, except for the server to use.
func Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LIFEBOAT_") || strings.HasPrefix(v, "LIFEBOAT_MYSQLD=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// Line writes a command as a person would type it into a shell.
func Line(args ...string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = Quote(a)
	}
	return strings.Join(quoted, " ")
}

// Quote quotes one word for a POSIX shell where it needs it.
func Quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Wrap breaks a command line that is too long to read before its options.
func Wrap(args ...string) string {
	const width = 110
	var b strings.Builder
	at := 0
	for i, a := range args {
		q := Quote(a)
		group := len(q)
		if strings.HasPrefix(a, "-") && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			group += 1 + len(Quote(args[i+1]))
		}
		switch {
		case i == 0:
		case at+1+group > width && strings.HasPrefix(a, "-"):
			b.WriteString(" \\\n      ")
			at = 6
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(q)
		at += len(q)
	}
	return b.String()
}
