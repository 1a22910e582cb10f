package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"lifeboat/internal/archive"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// kept is what a restore keeps with its checkpoint on the target: the plan, and what reading its inputs told. So the same command goes on after a stop
// without reading binlogs and backup for the plan once more, as long as nobody has touched them.
type kept struct {
	Asked   asked            `json:"asked"`
	Archive *archive.Kept    `json:"archive"`
	Backups []*snapshot.Kept `json:"backups"`
	Plan    *plan.Kept       `json:"plan"`
}

// asked is all that a plan follows from beside the content of the inputs. Where the binlogs lie is nothing to it.
func (r *restoring) asked() asked {
	j := r.o.job
	j.binlogs = nil
	return asked{Tool: r.e.tool(), Line: j.bounded(j.line("restore")).String(), LowerNames: r.server.LowerNames}
}

type asked struct {
	Tool       string `json:"tool"`
	Line       string `json:"line"`        // the flags
	LowerNames bool   `json:"lower_names"` // of the target
}

// keeps reports a restore that keeps its plan: onto a server that outlives it, and from inputs that do.
func (r *restoring) keeps() bool { return r.server != nil && len(r.o.live) == 0 }

// keep is what is to be kept of a plan; nil where the inputs do not allow that.
func (r *restoring) keep() ([]byte, error) {
	if !r.keeps() {
		return nil, nil
	}
	k := kept{Asked: r.asked(), Plan: r.plan.Keep()}
	var ok bool
	if k.Archive, ok = r.archive.Keep(); !ok {
		return nil, nil
	}
	for _, s := range r.backups {
		one, ok := s.Keep()
		if !ok {
			return nil, nil
		}
		k.Backups = append(k.Backups, one)
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := json.NewEncoder(z).Encode(&k); err != nil {
		return nil, err
	}
	err := z.Close()
	return out.Bytes(), err
}

// prepare makes the plan, or takes the one that an earlier run has kept. A dry run shows what is known of the log, too, so it reads it.
func (r *restoring) prepare(ctx context.Context) error {
	if !r.o.dryRun {
		if found, err := r.found(ctx); found || err != nil {
			return err
		}
	}
	var err error
	if r.planned, err = r.o.makePlan(ctx, r.m, r.server); err != nil {
		return r.refused(err)
	}
	r.kept, err = r.keep()
	return err
}

// found gives the plan that an earlier run of this restore has kept. It reports false where there is none, or its inputs have to be read again.
func (r *restoring) found(ctx context.Context) (bool, error) {
	if !r.keeps() {
		return false, nil
	}
	packed, digest, err := replay.Kept(ctx, r.server, r.o.name())
	if err != nil || packed == nil {
		return false, r.needs(err)
	}
	k, err := unpack(packed)
	if err != nil || k.Plan.Plan.Digest != digest || r.asked() != k.Asked {
		return false, nil // made by another version, or for what was asked otherwise: the restore itself says whether it goes on from there
	}
	p, since, err := k.reopen(ctx, r.o.binlogs, r.m)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		r.m.p.Message("the plan that this restore was begun with needs to be made again: " + oneLine(err.Error()))
		return false, nil
	}
	r.planned = p
	r.m.steps = r.m.steps[len(r.o.source.phases()):]
	r.m.p.Message("going on with the plan that this restore was begun with")
	if len(since) > 0 {
		r.later = fmt.Sprintf("of the archive, %s since this restore was begun, which is not part of it: to have that restored, too, drop databases %s and _lifeboat on the target and begin anew",
			someNames(since), r.plan.Into)
		r.m.p.Message(r.later)
	}
	return true, nil
}

func unpack(packed []byte) (*kept, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	k := &kept{}
	if err = json.Unmarshal(text, k); err == nil && (k.Plan == nil || k.Plan.Plan == nil || k.Archive == nil) {
		err = errors.New("it is not whole")
	}
	return k, err
}

// reopen opens the inputs as they were. since tells what has come to the archive.
func (k *kept) reopen(ctx context.Context, binlogs []string, m *meter) (p planned, since []string, err error) {
	if p.plan, err = k.Plan.Reopen(); err != nil {
		return p, nil, err
	}
	if p.archive, since, err = archive.Reopen(ctx, binlogs, k.Archive, archive.Options{Progress: m.bytes(phaseArchive)}); err != nil {
		return p, nil, err
	}
	var bases []plan.Backup
	for _, b := range k.Backups {
		s, err := reopenBackup(ctx, b, m)
		if err != nil {
			return p, nil, err
		}
		bases = append(bases, plan.Backup{Snapshot: s})
	}
	switch {
	case len(p.plan.Bases) > 0:
		p.snapshot, err = p.plan.Joined(bases)
	case len(bases) > 0:
		p.snapshot = bases[0].Snapshot
	}
	return p, since, err
}

// reopenBackup opens a backup, which is read if it has been touched.
func reopenBackup(ctx context.Context, k *snapshot.Kept, m *meter) (*snapshot.Snapshot, error) {
	s, err := snapshot.Reopen(ctx, k)
	if !errors.Is(err, snapshot.ErrTouched) {
		return s, err
	}
	if s, err = snapshot.Open(ctx, k.Given, k.Asked, m.bytes(phaseSnapshot)); err != nil {
		return nil, err
	}
	if s.Index().Fingerprint != k.Index.Fingerprint {
		return nil, fmt.Errorf("%w: %s has other content", snapshot.ErrTouched, k.Given)
	}
	return s, nil
}
