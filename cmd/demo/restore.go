package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// quiet runs a command whose output matters only if it fails.
func (s *story) quiet(ctx context.Context, args ...string) error {
	out, err := rig.Command(ctx, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", rig.Line(args...), err, bytes.TrimSpace(out))
	}
	return nil
}

// show runs a command on the demo's own output. A terminal stays a terminal for it.
func (s *story) show(ctx context.Context, args ...string) error {
	s.shell(rig.Wrap(args...))
	cmd := rig.Command(ctx, args...)
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
	out, err := rig.Command(ctx, s.command("audit", "--format", "json")...).Output()
	if err != nil {
		return fmt.Errorf("lifeboat audit --format json: %w", err)
	}
	var report struct {
		Incidents []struct {
			ID     string   `json:"id"`
			Tables []string `json:"tables"`
			Rows   int64    `json:"rows_lost"`
			Exact  bool     `json:"rows_lost_exact"`
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
	if wipe.Exact && wipe.Rows != s.before.Rows() {
		return fmt.Errorf("%w: audit says that %d rows were lost; it was %d", errNotProved, wipe.Rows, s.before.Rows())
	}
	s.say("")
	s.say("There it is: one session wiped %d tables. The incident's id is what the next commands stop at.", len(wipe.Tables))
	return nil
}

func (s *story) dryRun(ctx context.Context) error {
	if err := s.show(ctx, s.command("restore", "--target", s.target.DSN(), "--dry-run")...); err != nil {
		return err
	}
	others, err := s.newDatabases(ctx)
	if err == nil && len(others) > 0 {
		err = fmt.Errorf("%w: the dry run left databases on the target: %s", errNotProved, strings.Join(others, ", "))
	}
	return err
}

// restoreCommand is the restore, twice the same.
func (s *story) restoreCommand() []string { return s.command("restore", "--target", s.target.DSN()) }

// restore starts the restore and kills it when its own checkpoint says that it is in the middle.
func (s *story) restore(ctx context.Context) error {
	s.say("The backup goes in first, then what the log adds to it. In the middle of the latter the demo kills lifeboat with SIGKILL, which no program can catch.")
	s.shell(rig.Wrap(s.restoreCommand()...))
	cmd := rig.Command(ctx, s.restoreCommand()...)
	cmd.Stdout, cmd.Stderr = s.w, s.w
	if err := cmd.Start(); err != nil {
		return err
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	middle := make(chan int, 1)
	go func() {
		batches, err := s.awaitMiddle(watch)
		if err != nil || cmd.Process.Kill() != nil {
			batches = 0
		}
		middle <- batches
	}()
	err := cmd.Wait()
	stop()
	batches := <-middle
	var exit *exec.ExitError
	switch {
	case err == nil:
		return errors.New("the restore was done before it could be killed in the middle: give the demo more -transactions")
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL && batches > 0:
	default:
		return fmt.Errorf("lifeboat restore: %w", err)
	}
	s.say("")
	s.say("Killed, after it had committed %d batches of changed rows. What is in the target now is neither the old shop nor the new one; the checkpoint beside it says how far it came.", batches)
	return nil
}

// awaitMiddle returns when the checkpoint on the target says that some changes of the log are in, and how many batches.
func (s *story) awaitMiddle(ctx context.Context) (int, error) {
	const enough = 4 // of some forty
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
		var batches int
		// The last phase of a window of the log writes rows; those before it delete some.
		err := s.spare.QueryRowContext(ctx, "SELECT COALESCE(SUM(done), 0) FROM _lifeboat.lane WHERE db = 'shop' AND stage >= 0 AND phase = 2").Scan(&batches)
		if err == nil && batches >= enough { // until it is there, the table is missing
			return batches, nil
		}
	}
}

func (s *story) resume(ctx context.Context) error {
	s.say("Nothing is cleaned up and nothing is remembered by hand.")
	return s.show(ctx, s.restoreCommand()...)
}
