package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/ui"
	"lifeboat/replay"
	"lifeboat/snapshot"
)

// Phases, as progress shows them; those of the restore itself have their names in package replay.
const (
	phaseArchive  = "verify binlogs"
	phaseLive     = "read base"
	phaseSnapshot = "read snapshot"
	phaseSurvey   = "survey log"
)

// phases are those of reading the inputs.
func (s *source) phases() []string {
	if s.snapshot == "" {
		return []string{phaseArchive, phaseSurvey}
	}
	if len(s.live) > 0 {
		return []string{phaseArchive, phaseLive, phaseSnapshot, phaseSurvey}
	}
	return []string{phaseArchive, phaseSnapshot, phaseSurvey}
}

// meter shows progress. The stages report to it in their own words.
type meter struct {
	p     *ui.Printer
	steps []string // phases in order
}

func newMeter(e *env, mode ui.Mode, phases ...string) *meter {
	every := 3 * time.Second
	if mode == ui.JSON {
		every = time.Second
	}
	return &meter{p: ui.New(mode, e.stderr, e.stderrTerminal, nil, every), steps: phases}
}

func (m *meter) update(s ui.State) {
	for i, name := range m.steps {
		if name == s.Phase {
			s.Step, s.Steps = i+1, len(m.steps)
		}
	}
	m.p.Update(s)
}

// bytes is a callback for stages that count bytes.
func (m *meter) bytes(phase string) func(done, total int64) {
	return func(done, total int64) {
		m.update(ui.State{Phase: phase, Done: done, Total: total, Unit: ui.Bytes})
	}
}

// survey is the callback of a reading of the whole log.
func (m *meter) survey(a *archive.Archive) func(binlog.Position) {
	before := map[string]int64{}
	total := int64(0)
	for _, f := range a.Files {
		before[f.Name()] = total
		total += f.Size
	}
	return func(at binlog.Position) {
		m.update(ui.State{Phase: phaseSurvey, Done: before[at.File] + int64(at.Offset), Total: total, Unit: ui.Bytes, Position: at.String()})
	}
}

// restore is the callback of a restore.
func (m *meter) restore(p replay.Progress) {
	m.update(ui.State{Phase: p.Phase, Done: p.Done, Total: p.Total, Unit: p.Unit, Rows: p.Rows, Position: p.Position.String(), Window: p.Window})
}

func (m *meter) close(outcome string, err error) { m.p.Close(outcome, err) }

// openArchive and openSnapshot read the inputs, and change nothing.
func openArchive(ctx context.Context, s *source, m *meter) (*archive.Archive, error) {
	a, err := archive.Open(ctx, s.binlogs, archive.Options{Progress: m.bytes(phaseArchive)})
	return a, ofFlag("--binlogs", err)
}

// openSnapshot returns nil where none or several were given.
func openSnapshot(ctx context.Context, s *source, m *meter) (*snapshot.Snapshot, error) {
	if s.snapshot == "" {
		return nil, nil
	}
	if err := s.readServers(ctx, m); err != nil {
		return nil, fmt.Errorf("--snapshot: %w", err)
	}
	if len(s.bases) > 0 {
		return nil, nil
	}
	x, err := snapshot.Open(ctx, s.file(s.snapshot), s.scope.Database, m.bytes(phaseSnapshot))
	return x, ofFlag("--snapshot", err)
}

// ofFlag says which flag named a file that the operating system refuses; stages' own errors say more.
func ofFlag(flag string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s: %w", flag, err)
	}
	var several *archive.SeveralLogs
	if errors.As(err, &several) {
		return &severalLogs{several}
	}
	return err
}
