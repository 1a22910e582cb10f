package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/spill"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// outcome is what became of a script.
type outcome struct {
	status status
	reason string // without names and places, so that like ones count together
	detail string
}

type status string

const (
	equal      status = "equal"
	refused    status = "refused"    // by name, and nothing was restored
	incomplete status = "incomplete" // it differs, and the restore said that it would
	nothing    status = "nothing"    // the script left nothing to be restored
	wrong      status = "wrong"
)

// refusals are the errors by which lifeboat says that it cannot do a thing.
var refusals = []error{plan.ErrInexact}

var places = regexp.MustCompile(`binlog\.\d+(:\d+)?|\b[a-z]{1,3}\d+\b|\d+`)

func kindOf(text string) string { return places.ReplaceAllString(text, "#") }

// check plays a script and restores it. Its error says that the machinery failed, not lifeboat.
func (b *bench) check(ctx context.Context, s *script) (outcome, *scene, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	sc, err := b.play(ctx, s)
	if err != nil {
		return outcome{}, nil, err
	}
	if sc.want == nil {
		return outcome{status: nothing, reason: "the database was gone in the end"}, sc, nil
	}
	if err := b.clear(ctx, s); err != nil {
		return outcome{}, sc, err
	}
	p, res, err := b.restore(ctx, s, sc)
	o := b.judge(ctx, s, sc, p, res, err)
	for _, of := range sc.broken {
		table, _, _ := strings.Cut(of, ".")
		if o.status == wrong && (strings.Contains(o.detail, "'"+of+"'") || strings.Contains(o.detail, "row of "+table+":")) {
			o = outcome{nothing, "the source's own index is broken", o.detail}
		}
	}
	if o.status == wrong && strings.Contains(o.reason, "of the snapshot") {
		// Is it the dump's fault? Then nobody can load it.
		if err := b.clear(ctx, s); err != nil {
			return o, sc, err
		}
		if err := b.makeDatabase(ctx, s, sc); err != nil {
			return o, sc, err
		}
		if err := b.loadBase(ctx, s, sc); err != nil {
			o = outcome{nothing, kindOf(fmt.Sprintf("%v: %v", errLoading, err)), o.detail}
		}
	}
	return o, sc, nil
}

// clear empties the target.
func (b *bench) clear(ctx context.Context, s *script) error {
	for _, name := range []string{database, neighbour, s.route.Into, "_lifeboat"} {
		if name != "" {
			if err := exec1(ctx, b.dst.db, drop(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeDatabase makes the database where a dump does not: the log may not tell its character set, and then the plan asks for it.
func (b *bench) makeDatabase(ctx context.Context, s *script, sc *scene) error {
	if sc.dump == "" || s.route.Databases {
		return nil
	}
	name := database
	if s.route.Into != "" {
		name = s.route.Into
	}
	return exec1(ctx, b.dst.db, "CREATE DATABASE "+name+sc.charset)
}

var errLoading = errors.New("the base cannot be loaded by the server's own client")

// restore goes the script's route.
func (b *bench) restore(ctx context.Context, s *script, sc *scene) (*plan.Plan, *replay.Result, error) {
	a, err := archive.Open(ctx, []string{sc.archive}, archive.Options{})
	if err != nil {
		return nil, nil, err
	}
	point, err := filter.ParsePoint(sc.stop)
	if err != nil {
		return nil, nil, err
	}
	q := plan.Request{Archive: a, Scope: filter.Scope{Database: database}, Into: s.route.Into, Stop: filter.Stop{Point: point, Given: true}}
	if err := b.makeDatabase(ctx, s, sc); err != nil {
		return nil, nil, err
	}
	switch {
	case sc.dump == "":
	case s.route.BaseLoaded:
		if err := b.loadBase(ctx, s, sc); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errLoading, err)
		}
		sc.loaded = true
		q.BaseLoaded, q.SnapshotPosition = true, sc.start
	default:
		if q.Snapshot, err = snapshot.Open(ctx, sc.dump, database, nil); err != nil {
			return nil, nil, err
		}
	}
	p, _, err := plan.Make(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	srv, err := target.Open(ctx, b.dst.DSN(), nil)
	if err != nil {
		return p, nil, err
	}
	defer srv.Close()
	src := replay.NewSource(a, q.Snapshot)
	o := replay.Options{Workers: s.route.Workers, Memory: s.route.Memory, Serial: s.route.Serial, IndexesLaterFrom: 1} // indexes behind the rows, however few
	if s.route.Spills || *spills {
		o.Spill = spill.Folder(b.t.TempDir())
	}
	if *spills {
		o.Memory = min(o.Memory, 1<<(s.seed%17)) // what most of the scripts change takes more
	}
	for limit := s.route.Stops; limit > 0; limit += 1 + limit/2 {
		some, cancel := context.WithCancel(ctx)
		n := 0
		o.Report = func(replay.Progress) {
			if n++; n == limit {
				cancel()
			}
		}
		res, err := replay.Restore(some, p, src, srv, o)
		stopped := some.Err() != nil
		cancel()
		if err == nil || !stopped || ctx.Err() != nil {
			return p, res, err
		}
	}
	o.Report = nil
	res, err := replay.Restore(ctx, p, src, srv, o)
	return p, res, err
}

// purged is the statement with which a dump sets the GTIDs of a server that has none yet.
var purged = regexp.MustCompile(`(?s)SET @@GLOBAL.GTID_PURGED=.*?;`)

// loadBase puts the base on the target as a person would.
func (b *bench) loadBase(ctx context.Context, s *script, sc *scene) error {
	text, err := os.ReadFile(sc.dump)
	if err != nil {
		return err
	}
	args := []string{"--no-defaults", "-uroot", "-S", b.dst.Socket(), "--binary-mode"}
	if !s.route.Databases {
		name := database
		if s.route.Into != "" {
			name = s.route.Into
		}
		args = append(args, name)
	}
	cmd := exec.CommandContext(ctx, testserver.Bin(b.t, b.to, "mysql"), args...)
	cmd.Stdin = bytes.NewReader(purged.ReplaceAll(text, nil))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// judge says what an outcome is worth.
func (b *bench) judge(ctx context.Context, s *script, sc *scene, p *plan.Plan, res *replay.Result, err error) outcome {
	if errors.Is(err, plan.ErrNoBase) && (len(sc.want.lines) == 1 || sc.loaded) {
		return outcome{nothing, "the database was empty in the end, or nothing came after the base", ""}
	}
	for _, r := range refusals {
		if errors.Is(err, r) {
			return outcome{refused, kindOf(err.Error()), err.Error()}
		}
	}
	if errors.Is(err, errLoading) {
		return outcome{nothing, kindOf(err.Error()), err.Error()}
	}
	if err != nil {
		return outcome{wrong, "error: " + kindOf(err.Error()), err.Error()}
	}
	got, err := b.state(ctx, b.dst.db, p.Into)
	if err != nil {
		return outcome{wrong, "error: " + kindOf(err.Error()), "the restored database cannot be read: " + err.Error()}
	}
	d := difference(sc.want, got)
	said := append(append([]string{}, p.Incomplete...), res.Incomplete...)
	detail := fmt.Sprintf("%s\n(lanes %v, findings %q, incomplete %q, orphans %d %q, counts %+v)", d, res.Lanes, p.Findings, said, res.Counts.Orphans, res.Orphans, res.Counts)
	switch {
	case !res.Counts.Closes():
		return outcome{wrong, "the account does not close", detail}
	case d == "" && len(res.Doubts) > 0 && !strings.Contains(strings.Join(said, "; "), "have no column in the log"): // such rows are not there to be changed
		return outcome{wrong, "doubts of an exact base", fmt.Sprint(res.Doubts) + detail}
	case d == "" && len(res.Doubts) == 0:
		return outcome{equal, "", ""}
	case len(said) > 0:
		return outcome{incomplete, kindOf(strings.Join(said, "; ")), detail}
	}
	says := func(words string) bool {
		return slices.ContainsFunc(p.Findings, func(f string) bool { return strings.Contains(f, words) })
	}
	known, err := b.explain(ctx, sc.want, got, says("another character set on the source: table"), says("says the default character set of database"))
	if err != nil {
		return outcome{wrong, "error: " + kindOf(err.Error()), err.Error() + detail}
	}
	if known != nil {
		return outcome{equal, "but for what the server itself writes otherwise after a reload: " + strings.Join(known, "; "), detail}
	}
	first, _, _ := strings.Cut(kindOf(strings.TrimPrefix(d, "line ")), ":")
	return outcome{wrong, "difference: " + first, detail}
}
