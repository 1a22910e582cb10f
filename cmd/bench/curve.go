package main

import (
	"context"
	"fmt"

	"lifeboat/internal/ui/text"
)

// curve measures lifeboat alone over archives of one workload that grow: the same rows changed once, twice, four and eight times as
// often, then twice the rows with each changed as often as at first.
func (b *bench) curve(ctx context.Context) error {
	size, rows := b.opts.size, b.workload.rows
	steps := []struct {
		name       string
		size, rows int
	}{
		{"1× updates", 1, 1}, {"2× updates", 2, 1}, {"4× updates", 4, 1}, {"8× updates", 8, 1},
		{"2× rows, 2× updates", 2, 2}, {"4× rows, 4× updates", 4, 4},
	}
	var lines []string
	for _, step := range steps {
		b.opts.size, b.workload.rows = size*int64(step.size), rows*step.rows
		var err error
		if b.archive, err = b.openArchive(ctx); err != nil {
			return err
		}
		b.say("%s: %s", step.name, b.describe())
		var all []sample
		for n := range b.opts.runs {
			s, err := b.measure(ctx, way{name: wayLifeboat, run: b.byLifeboat})
			if err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
			b.say("run %d of %d: %s: %s", n+1, b.opts.runs, wayLifeboat, s)
			all = append(all, s)
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %.2f s | %.2f s | %.2f s | %.2f + %.2f s |", step.name, text.Count(int64(b.workload.rows)), text.Bytes(b.archive.Bytes),
			median(all, totalOf), median(all, replayOf), median(all, baseOf), median(all, toolOf), median(all, serverOf)))
	}
	fmt.Fprintf(b.w, "\n| %s | rows | binlog | together | log | rows loaded | processor time, client + server |\n|---|---|---|---|---|---|---|\n", b.workload.letter)
	for _, l := range lines {
		fmt.Fprintln(b.w, l)
	}
	fmt.Fprintf(b.w, "\nMedians of %s; load of the machine at the end: %s.\n", text.Counted(int64(b.opts.runs), "run"), load())
	return nil
}
