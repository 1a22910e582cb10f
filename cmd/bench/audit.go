package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/ui/text"
)

// reading is one way to read the whole archive, and what its runs took.
type reading struct {
	name string
	args []string
	runs []cost
}

// cost is one run of a program.
type cost struct {
	elapsed time.Duration
	cpu     time.Duration // user and system, of all threads
	memory  int64         // peak of resident memory, bytes
}

// audits measures lifeboat's audits beside mysqlbinlog, and cat as the limit, over the archive in the page cache. It never judges a time,
// but an audit that does not end well, or takes 128 MiB of memory, fails.
func (b *bench) audits(ctx context.Context) error {
	program, err := b.programs.Client("mysqlbinlog")
	if err != nil {
		return err
	}
	var files []string
	for _, n := range b.archive.Binlogs {
		files = append(files, b.archive.binlog(n))
	}
	audit := []string{b.lifeboat, "audit", "--binlogs", b.archive.binlogs(), "--progress", "none"}
	ways := []*reading{
		{name: "cat FILES", args: append([]string{"cat"}, files...)},
		{name: "mysqlbinlog FILES", args: append([]string{program, "--no-defaults"}, files...)},
		{name: "lifeboat audit --quick", args: append(slices.Clone(audit), "--quick")},
		{name: "lifeboat audit", args: audit},
	}
	if _, err := read(ctx, ways[0].args); err != nil { // into the page cache
		return err
	}
	for n := range b.opts.runs {
		for _, w := range ways {
			c, err := read(ctx, w.args)
			if err != nil {
				return err
			}
			w.runs = append(w.runs, c)
			b.say("run %d of %d: %s: %.2f s", n+1, b.opts.runs, w.name, c.elapsed.Seconds())
		}
	}
	return b.compareReadings(ways)
}

// read runs a program with its output thrown away.
func read(ctx context.Context, args []string) (c cost, err error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return c, fmt.Errorf("%s: %w", rig.Line(args...), err)
	}
	c.elapsed, c.cpu = time.Since(began), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return c, errors.New("the system does not tell what a process used")
	}
	c.memory = usage.Maxrss << 10
	return c, nil
}

func (b *bench) compareReadings(ways []*reading) error {
	fmt.Fprintf(b.w, "\n| reading %s, to /dev/null | elapsed | processor | GB/s of processor | memory | faster than mysqlbinlog |\n|---|---|---|---|---|---|\n", text.Bytes(b.archive.Bytes))
	base := middle(ways[1].runs)
	for _, w := range ways {
		m := middle(w.runs)
		fmt.Fprintf(b.w, "| %s | %.2f s | %.2f s | %.2f | %s | %.1f× elapsed, %.1f× processor |\n", w.name, m.elapsed.Seconds(), m.cpu.Seconds(),
			float64(b.archive.Bytes)/1e9/m.cpu.Seconds(), text.Bytes(m.memory), base.elapsed.Seconds()/m.elapsed.Seconds(), base.cpu.Seconds()/m.cpu.Seconds())
		if w.args[0] == b.lifeboat && m.memory > 128<<20 {
			return fmt.Errorf("%s took %s of memory, over 128 MiB", w.name, text.Bytes(m.memory))
		}
	}
	return nil
}

// middle is by elapsed time.
func middle(runs []cost) cost {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b cost) int { return cmp.Compare(a.elapsed, b.elapsed) })
	return sorted[len(sorted)/2]
}
