package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/ui/text"
)

// The ways, by their names in the table.
const (
	wayPipe     = "mysqlbinlog | mysql"
	wayApplier  = "the server's parallel applier, 4 workers"
	wayOne      = "fresh dump of the final state, 1 client"
	wayFour     = "fresh dump of the final state, 4 clients"
	wayLifeboat = "lifeboat restore"
	wayOnto     = "lifeboat restore onto a loaded base"
	wayKilled   = "lifeboat restore, killed at 3/4 and run again"
)

// way is one way to the final state, on an empty server.
type way struct {
	name   string
	short  string // for -only
	run    func(context.Context, *scratch.Server) (sample, error)
	server []string // further options of its server
	most   int      // runs
}

// sample is what one run of a way took.
type sample struct {
	base   time.Duration // loading the base
	replay time.Duration // everything else
	tool   time.Duration // processor time of the client programs
	server time.Duration // and of the server
	memory int64         // lifeboat's peak of resident memory, bytes
	phases []phase       // of lifeboat
	report []byte        // of lifeboat
}

// phase is a part of lifeboat's work, as its progress tells it.
type phase struct {
	Type    string
	Phase   string
	Seconds float64
}

func (s sample) total() time.Duration { return s.base + s.replay }

func (s sample) String() string {
	out := fmt.Sprintf("base %.1f s, log %.1f s, together %.1f s; processor time: client %.1f s, server %.1f s",
		s.base.Seconds(), s.replay.Seconds(), s.total().Seconds(), s.tool.Seconds(), s.server.Seconds())
	if s.memory > 0 {
		out += "; peak memory " + text.Bytes(s.memory)
	}
	for line := range bytes.Lines(s.report) {
		if words := strings.Fields(string(line)); len(words) == 2 && strings.HasPrefix(words[0], "windows") {
			out += ", windows " + words[1]
		}
	}
	for i, p := range s.phases {
		out += fmt.Sprintf("%s%s %.1f s", map[bool]string{true: " (", false: ", "}[i == 0], p.Phase, p.Seconds)
	}
	if len(s.phases) > 0 {
		out += ")"
	}
	return out
}

func (b *bench) ways() []way {
	pipeRuns := cmp.Or(b.opts.pipeRuns, b.opts.runs)
	if b.opts.quick {
		pipeRuns = 0
	}
	applier := way{name: wayApplier, short: "applier", run: b.byApplier, server: applierServer(b.workload), most: b.opts.runs}
	if b.workload.maria {
		applier.run, applier.server = b.byReplica, replicaServer()
	}
	all := []way{
		{name: wayPipe, short: "pipe", run: b.byPipe, most: pipeRuns},
		applier,
		{name: wayOne, short: "one", run: func(ctx context.Context, s *scratch.Server) (sample, error) { return b.byDump(ctx, s, 1) }, most: b.opts.runs},
		{name: wayFour, short: "four", run: func(ctx context.Context, s *scratch.Server) (sample, error) { return b.byDump(ctx, s, 4) }, most: b.opts.runs},
		{name: wayLifeboat, short: "lifeboat", run: b.byLifeboat, most: b.opts.runs},
		{name: wayKilled, short: "killed", run: b.killed, most: b.opts.runs},
		{name: wayOnto, short: "onto", run: b.ontoBase, most: b.opts.runs},
	}
	only := strings.Split(b.opts.only, ",")
	return slices.DeleteFunc(all, func(w way) bool { return w.most == 0 || b.opts.only != "" && !slices.Contains(only, w.short) })
}

// output runs a command; what it printed is part of its error.
func output(cmd *exec.Cmd) ([]byte, error) {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("%s: %w: %s", rig.Line(cmd.Args...), err, bytes.TrimSpace(out[max(0, len(out)-2000):]))
	}
	return out, nil
}

func (b *bench) client(ctx context.Context, server *scratch.Server, more ...string) (*exec.Cmd, error) {
	program, err := b.programs.Client("mysql")
	if err != nil {
		return nil, err
	}
	return rig.Command(ctx, append([]string{program, "--no-defaults", "--user=root", "--socket=" + server.Socket(), "--binary-mode",
		"--max-allowed-packet=1G", "--default-character-set=utf8mb4"}, more...)...), nil
}

// load pipes a dump into mysql.
func (b *bench) load(ctx context.Context, server *scratch.Server, dump string, more ...string) error {
	in, err := os.Open(dump)
	if err != nil {
		return err
	}
	defer in.Close()
	cmd, err := b.client(ctx, server, more...)
	if err != nil {
		return err
	}
	cmd.Stdin = in
	_, err = output(cmd)
	return err
}

// loadBase is the base's part of the ways that load it with mysql.
func (b *bench) loadBase(ctx context.Context, server *scratch.Server) (time.Duration, error) {
	began := time.Now()
	err := b.load(ctx, server, b.archive.base())
	return time.Since(began), err
}

func (b *bench) byPipe(ctx context.Context, server *scratch.Server) (s sample, err error) {
	children := childrenTime()
	defer func() { s.tool = childrenTime() - children }()
	if s.base, err = b.loadBase(ctx, server); err != nil {
		return s, err
	}
	began := time.Now()
	program, err := b.programs.Client("mysqlbinlog")
	if err != nil {
		return s, err
	}
	// Without GTIDs the server need not note each of them: the fairest form of this way.
	args := []string{program, "--no-defaults", fmt.Sprintf("--start-position=%d", b.archive.Offset)}
	if !b.workload.maria {
		args = append(args, "--skip-gtids")
	}
	if b.workload.many {
		args = append(args, "--database="+database)
	}
	for _, name := range b.archive.Binlogs {
		args = append(args, b.archive.binlog(name))
	}
	reader := rig.Command(ctx, args...)
	var readerSays, writerSays bytes.Buffer
	reader.Stderr = &readerSays
	writer, err := b.client(ctx, server)
	if err != nil {
		return s, err
	}
	if writer.Stdin, err = reader.StdoutPipe(); err != nil {
		return s, err
	}
	writer.Stdout, writer.Stderr = &writerSays, &writerSays
	if err := reader.Start(); err != nil {
		return s, err
	}
	writerErr := writer.Run()
	if err := errors.Join(writerErr, reader.Wait()); err != nil {
		return s, fmt.Errorf("%w: %s %s", err, readerSays.String(), writerSays.String())
	}
	s.replay = time.Since(began)
	return s, nil
}

// byLifeboat is one command for base and log. Loading the base is the phase that lifeboat calls so; all the rest of
// its time, reading and checking of the archive included, counts as the log's.
func (b *bench) byLifeboat(ctx context.Context, server *scratch.Server) (s sample, err error) {
	took, err := b.lifeboatRun(ctx, &s, b.lifeboatLine(server.DSN()))
	if err != nil {
		return s, err
	}
	for _, p := range s.phases {
		if p.Phase == "load base" {
			s.base = time.Duration(p.Seconds * float64(time.Second))
		}
	}
	if s.base == 0 {
		return s, errors.New("lifeboat's progress has no phase \"load base\"")
	}
	s.replay = took - s.base
	b.whole = took
	return s, nil
}

// killed is byLifeboat with a SIGKILL at three quarters of the last such run's time, and the same command once more. What both take together, beyond
// one run, is what going on repeats.
func (b *bench) killed(ctx context.Context, server *scratch.Server) (s sample, err error) {
	if b.whole == 0 {
		return s, errors.New("it comes behind a restore that is not killed: measure that, too")
	}
	line, moment := b.lifeboatLine(server.DSN()), b.whole*3/4
	first, cancel := context.WithTimeout(ctx, moment)
	defer cancel()
	cmd := rig.Command(first, line...)
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	if err := cmd.Run(); err == nil || !errors.Is(first.Err(), context.DeadlineExceeded) {
		return s, fmt.Errorf("it was not killed after %v: %w", moment, err)
	}
	took, err := b.lifeboatRun(ctx, &s, line)
	s.replay = moment + took
	return s, err
}

// ontoBase loads the base with mysql and lets lifeboat replay the log over it.
func (b *bench) ontoBase(ctx context.Context, server *scratch.Server) (s sample, err error) {
	if s.base, err = b.loadBase(ctx, server); err != nil {
		return s, err
	}
	s.replay, err = b.lifeboatRun(ctx, &s, []string{b.lifeboat, "restore", "--binlogs", b.archive.binlogs(), "--base-loaded",
		"--snapshot-position", fmt.Sprintf("%s:%d", b.archive.File, b.archive.Offset), "--database", database,
		"--memory", b.opts.memory, "--progress", "json", "--target", server.DSN()})
	return s, err
}

// lifeboatRun runs lifeboat and notes what it took.
func (b *bench) lifeboatRun(ctx context.Context, s *sample, line []string) (time.Duration, error) {
	cmd := rig.Command(ctx, line...)
	var report, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &report, &progress
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if err != nil {
		said := progress.Bytes()
		return took, fmt.Errorf("%s: %w: %s", rig.Line(cmd.Args...), err, said[max(0, len(said)-2000):])
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return took, errors.New("this system does not tell a process's peak memory")
	}
	s.memory = usage.Maxrss << 10 // Linux counts in KiB
	s.tool = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.phases, s.report = phases(progress.Bytes()), report.Bytes()
	return took, nil
}

func (b *bench) lifeboatLine(dsn string) []string {
	return []string{b.lifeboat, "restore", "--binlogs", b.archive.binlogs(), "--snapshot", b.archive.base(), "--database", database,
		"--memory", b.opts.memory, "--progress", "json", "--target", dsn}
}

// phases finds in lifeboat's progress how long each phase took.
func phases(progress []byte) (out []phase) {
	for line := range bytes.Lines(progress) {
		var p phase
		if json.Unmarshal(line, &p) == nil && p.Type == "phase" {
			out = append(out, p)
		}
	}
	return out
}

// byDump loads the final state from a dump of each table, with so many clients at once.
func (b *bench) byDump(ctx context.Context, server *scratch.Server, clients int) (s sample, err error) {
	began, children := time.Now(), childrenTime()
	if err := execute(ctx, server.DSN(), "CREATE DATABASE "+database); err != nil {
		return s, err
	}
	if err := b.load(ctx, server, b.archive.schema(), database); err != nil {
		return s, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(clients)
	for n := 1; n <= b.archive.Parts; n++ {
		g.Go(func() error { return b.load(ctx, server, b.archive.final(n), database) })
	}
	err = g.Wait()
	s.base, s.tool = time.Since(began), childrenTime()-children
	return s, err
}
