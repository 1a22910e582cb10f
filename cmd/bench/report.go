package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/ui/text"
)

// mostMemory is what a restore with --memory 256MiB may take in all, in bytes: that, the program, and what the collector may be late by.
const mostMemory = 300 << 20

// report prints the medians as a table that docs/performance.md can take as it is. More memory than promised is an
// error; times only have ratios.
func (b *bench) report(results map[string][]sample) error {
	machine, err := machine()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.w, "\n### %s\n\n", b.describe())
	fmt.Fprintf(b.w, "Machine: %s. Server: %s, %s, a buffer pool of %s, no binlog on the target. Medians of %s; load of the machine at the end: %s.\n\n", machine, b.archive.Server,
		strings.ReplaceAll(strings.Join(b.settings(), ", "), "--", ""), text.Bytes(bufferPool), text.Counted(int64(b.opts.runs), "run"), load())
	fmt.Fprintln(b.w, "| way | base | log | together | spread | processor time, client + server | lifeboat is faster |\n|---|---|---|---|---|---|---|")
	mine := results[wayLifeboat]
	for _, way := range b.ways() {
		all, faster := results[way.name], ""
		if len(mine) > 0 {
			faster = fmt.Sprintf("%.2f×", median(all, totalOf)/median(mine, totalOf))
		}
		base, log := fmt.Sprintf("%.1f s", median(all, baseOf)), fmt.Sprintf("%.1f s", median(all, replayOf))
		if way.name == wayOne || way.name == wayFour {
			base, log = "", ""
		}
		fmt.Fprintf(b.w, "| %s | %s | %s | %.1f s | %.1f–%.1f s | %.1f + %.1f s | %s |\n", strings.ReplaceAll(way.name, "|", "\\|"), base, log, median(all, totalOf),
			slices.Min(seconds(all, totalOf)), slices.Max(seconds(all, totalOf)), median(all, toolOf), median(all, serverOf), faster)
	}
	var memory int64
	for _, s := range slices.Concat(mine, results[wayOnto]) {
		memory = max(memory, s.memory)
	}
	fmt.Fprintln(b.w)
	if memory > 0 {
		fmt.Fprintf(b.w, "lifeboat took %s of memory at its peak with --memory %s.\n", text.Bytes(memory), b.opts.memory)
	}
	if applier, onto := results[wayApplier], results[wayOnto]; len(applier) > 0 && len(onto) > 0 {
		fmt.Fprintf(b.w, "Onto a loaded base it was %.1f× faster on the log than the parallel applier.\n", median(applier, replayOf)/median(onto, replayOf))
	}
	fmt.Fprintf(b.w, "Every way gave the same CHECKSUM TABLE for all %d tables as the source had.\n", len(b.archive.Checksums))
	fmt.Fprintf(b.w, "\nThe command, for a target of your own:\n\n    %s\n\n", rig.Line(b.lifeboatLine("root@unix(/path/mysqld.sock)/")...))
	if b.opts.memory == "256MiB" && memory > mostMemory {
		return errors.New("lifeboat took more than the 300 MiB that it may with --memory 256MiB")
	}
	return nil
}

func toolOf(s sample) time.Duration   { return s.tool }
func serverOf(s sample) time.Duration { return s.server }
func baseOf(s sample) time.Duration   { return s.base }
func replayOf(s sample) time.Duration { return s.replay }
func totalOf(s sample) time.Duration  { return s.total() }

func seconds(all []sample, of func(sample) time.Duration) []float64 {
	var out []float64
	for _, s := range all {
		out = append(out, of(s).Seconds())
	}
	slices.Sort(out)
	return out
}

func median(all []sample, of func(sample) time.Duration) float64 {
	sorted := seconds(all, of)
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// machine names the processor and the memory.
func machine() (string, error) {
	cpu, err := field("/proc/cpuinfo", "model name")
	if err != nil {
		return "", err
	}
	memory, err := field("/proc/meminfo", "MemTotal")
	if err != nil {
		return "", err
	}
	var kib int64
	if _, err := fmt.Sscan(memory, &kib); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s of %s, %s of memory, %s", text.Counted(int64(runtime.NumCPU()), "core"), cpu, text.Bytes(kib<<10), runtime.GOOS), nil
}

func field(path, name string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "an unnamed processor", nil
}
