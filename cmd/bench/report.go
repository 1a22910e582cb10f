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

// mostMemory is what a restore with 256 MiB for the fold may take in all, in bytes.
const mostMemory = 600 << 20

// report prints the medians as a table that docs/performance.md can take as it is. More memory than promised is an
// error; times only have ratios.
func (b *bench) report(results map[string][]sample) error {
	machine, err := machine()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.w, "\n%s.\n\n", b.archive)
	fmt.Fprintf(b.w, "Machine: %s. Server: MySQL %s, %s, a buffer pool of %s, no binlog on the target. Median of %s.\n\n", machine, b.archive.Server,
		strings.ReplaceAll(strings.Join(settings(), ", "), "--", ""), text.Bytes(bufferPool), text.Counted(int64(b.opts.runs), "run"))
	fmt.Fprintln(b.w, "| way | base | log | together | spread |\n|---|---|---|---|---|")
	for _, way := range b.ways() {
		all := results[way.name]
		base, log := fmt.Sprintf("%.1f s", median(all, baseOf)), fmt.Sprintf("%.1f s", median(all, replayOf))
		if way.name == wayOne || way.name == wayFour {
			base, log = "", ""
		}
		fmt.Fprintf(b.w, "| %s | %s | %s | %.1f s | %.1f–%.1f s |\n", strings.ReplaceAll(way.name, "|", "\\|"), base, log, median(all, totalOf),
			slices.Min(seconds(all, totalOf)), slices.Max(seconds(all, totalOf)))
	}
	var memory int64
	for _, s := range results[wayLifeboat] {
		memory = max(memory, s.memory)
	}
	fmt.Fprintln(b.w)
	if pipe := results[wayPipe]; len(pipe) > 0 {
		ratio := func(of func(sample) time.Duration) float64 {
			return median(pipe, of) / median(results[wayLifeboat], of)
		}
		fmt.Fprintf(b.w, "lifeboat is %.1f× faster on the log, and %.1f× faster on base and log together.\n", ratio(replayOf), ratio(totalOf))
	}
	fmt.Fprintf(b.w, "lifeboat took %.1f× the time of loading a fresh dump of the final state with 4 clients, and %s of memory at its peak with --memory %s.\n",
		median(results[wayLifeboat], totalOf)/median(results[wayFour], totalOf), text.Bytes(memory), b.opts.memory)
	fmt.Fprintf(b.w, "Every way gave the same CHECKSUM TABLE for all %d tables as the source had.\n", tables)
	fmt.Fprintf(b.w, "\nThe command, for a target of your own:\n\n    %s\n", rig.Line(b.lifeboatLine("root@unix(/path/mysqld.sock)/")...))
	if b.opts.memory == "256MiB" && memory > mostMemory {
		return errors.New("lifeboat took more memory than the 600 MiB that it may")
	}
	return nil
}

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
