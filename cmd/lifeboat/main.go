// Command lifeboat brings a MySQL or MariaDB database back from a full backup and archived binary logs.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/ui"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
	"lifeboat/verify"
)

// Exit codes. They are part of the interface: scripts rely on them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitIncomplete  = 3
	exitGap         = 10
	exitCorrupt     = 11
	exitDifferent   = 12
	exitUsage       = 64
	exitInterrupted = 130
)

// exitCodes maps errors to exit codes; the first that matches wins, and what matches none is a failure. An
// archive that is damaged and has gaps counts as damaged.
func exitCodes() []struct {
	err  error
	code int
} {
	return []struct {
		err  error
		code int
	}{
		{errUsage, exitUsage},
		{errInterrupted, exitInterrupted},
		{errIncomplete, exitIncomplete},
		{verify.ErrDifferent, exitDifferent},
		{verify.ErrUnchecked, exitIncomplete},
		{plan.ErrCorrupt, exitCorrupt},
		{binlog.ErrCorrupt, exitCorrupt},
		{snapshot.ErrCorrupt, exitCorrupt},
		{errArchiveCorrupt, exitCorrupt},
		{plan.ErrGap, exitGap},
		{binlog.ErrTorn, exitGap},
		{binlog.ErrEncrypted, exitGap},
		{binlog.ErrUnsupported, exitGap},
		{archive.ErrNoBinlogs, exitGap},
		{snapshot.ErrIncomplete, exitGap},
		{errArchiveGap, exitGap},
		// A place that is not in the log is a wrong answer, not a wrong question.
		{filter.ErrNoSuchPoint, exitFailed},
	}
}

func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	for _, e := range exitCodes() {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	return exitFailed
}

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		os.Exit(exitInterrupted) // in a hurry: what is under way is resumed or swept up by the next run
	}()
	e := &env{
		stdout: os.Stdout, stderr: os.Stderr, version: version,
		stdoutTerminal: ui.IsTerminal(os.Stdout), stderrTerminal: ui.IsTerminal(os.Stderr),
	}
	os.Exit(run(ctx, e, os.Args))
}
