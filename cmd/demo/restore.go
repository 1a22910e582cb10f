package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"lifeboat/cmd/internal/rig"
)

// command is a lifeboat command line about the shop.
func (s *story) command(name string, more ...string) []string {
	args := []string{s.lifeboat, name}
	for _, c := range s.copies {
		args = append(args, "--binlogs", c)
	}
	args = append(args, "--snapshot", s.backup, "--database", "shop")
	if name != "audit" {
		args = append(args, "--stop-before", "incident:"+s.incident)
	}
	return append(args, more...)
}

// start prepares a command. It is interrupted, not killed, when ctx ends. Settings of lifeboat in the environment
// are not the demo's, except for the server to use.
func start(ctx context.Context, args ...string) *exec.Cmd {
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

// quiet runs a command whose output matters only if it fails.
func (s *story) quiet(ctx context.Context, args ...string) error {
	out, err := start(ctx, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", rig.Line(args...), err, bytes.TrimSpace(out))
	}
	return nil
}

// show runs a command on the demo's own output. A terminal stays a terminal for it.
func (s *story) show(ctx context.Context, args ...string) error {
	s.shell(rig.Wrap(args...))
	cmd := start(ctx, args...)
	cmd.Stdout, cmd.Stderr = s.w, s.w
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", rig.Line(args[:2]...), err)
	}
	return nil
}

func (s *story) audit(ctx context.Context) error {
	s.say("Both copies are given; where one is damaged the other is read. The files are opened read-only.")
	if err := s.show(ctx, s.command("audit")...); err != nil {
		return err
	}
	out, err := start(ctx, s.command("audit", "--format", "json")...).Output()
	if err != nil {
		return fmt.Errorf("lifeboat audit --format json: %w", err)
	}
	var report struct {
		Incidents []struct {
			ID     string   `json:"id"`
			Tables []string `json:"tables"`
			Rows   int64    `json:"rows_lost"`
		} `json:"incidents"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return fmt.Errorf("lifeboat audit --format json: %w", err)
	}
	if len(report.Incidents) != 1 {
		return fmt.Errorf("%w: audit finds %d incidents instead of the one wipe", errNotProved, len(report.Incidents))
	}
	wipe := report.Incidents[0]
	s.incident = wipe.ID
	if len(wipe.Tables) != 5 {
		return fmt.Errorf("%w: audit names %d wiped tables (%s) instead of 5", errNotProved, len(wipe.Tables), strings.Join(wipe.Tables, ", "))
	}
	s.say("")
	s.say("There it is: one session wiped %d tables. The incident's id is what the next commands stop at.", len(wipe.Tables))
	return nil
}

func (s *story) dryRun(ctx context.Context) error {
	if err := s.show(ctx, s.command("restore", "--target", s.target.DSN(), "--dry-run")...); err != nil {
		return err
	}
	var n int
	err := s.spare.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ('mysql','sys','information_schema','performance_schema')").Scan(&n)
	if err == nil && n > 0 {
		err = fmt.Errorf("%w: the dry run left %d databases on the target", errNotProved, n)
	}
	return err
}

// restoreCommand is the restore, twice the same. So little memory makes the log go in in several windows.
func (s *story) restoreCommand() []string {
	return s.command("restore", "--target", s.target.DSN(), "--memory", "16MiB")
}

// restore starts the restore and kills it when its own checkpoint says that it is in the middle.
func (s *story) restore(ctx context.Context) error {
	s.say("The restore gets little memory, so that it has a middle. In that middle the demo kills it with SIGKILL, which no program can catch.")
	s.shell(rig.Wrap(s.restoreCommand()...))
	cmd := start(ctx, s.restoreCommand()...)
	cmd.Stdout, cmd.Stderr = s.w, s.w
	if err := cmd.Start(); err != nil {
		return err
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	middle := make(chan string, 1)
	go func() {
		where, err := s.awaitMiddle(watch)
		if err == nil {
			err = cmd.Process.Kill()
		}
		if err != nil {
			where = ""
		}
		middle <- where
	}()
	err := cmd.Wait()
	stop()
	where := <-middle
	var exit *exec.ExitError
	switch {
	case err == nil:
		return errors.New("the restore was done before it could be killed in the middle: give the demo more -transactions")
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL && where != "":
	default:
		return fmt.Errorf("lifeboat restore: %w", err)
	}
	fmt.Fprintln(s.w)
	s.say("Killed (%s). What is in the target now is neither the old shop nor the new one; the checkpoint beside it knows how far it came.", where)
	return nil
}

// awaitMiddle returns when the checkpoint on the target says that the log's second window is being applied.
func (s *story) awaitMiddle(ctx context.Context) (string, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
		var state []byte
		if err := s.spare.QueryRowContext(ctx, "SELECT state FROM lifeboat.job WHERE db = 'shop'").Scan(&state); err != nil {
			continue // it does not exist yet
		}
		var at struct {
			Phase  string
			Window int
			To     *string
		}
		if err := json.Unmarshal(state, &at); err != nil {
			return "", err
		}
		if at.Window >= 2 && at.To != nil {
			return fmt.Sprintf("phase %s, window %d", at.Phase, at.Window), nil
		}
	}
}

func (s *story) resume(ctx context.Context) error {
	s.say("Nothing is cleaned up and nothing is remembered by hand.")
	return s.show(ctx, s.restoreCommand()...)
}
