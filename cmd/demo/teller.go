package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lifeboat/internal/ui/text"
)

// teller tells the story as it happens.
type teller struct {
	w     io.Writer
	began time.Time
	part  int
}

// chapter begins a part of the story.
func (t *teller) chapter(title string) {
	t.part++
	head := fmt.Sprintf("── %d. %s ", t.part, title)
	clock := fmt.Sprintf(" %s ──", text.Duration(time.Since(t.began)))
	fmt.Fprintf(t.w, "\n%s%s%s\n\n", head, strings.Repeat("─", max(2, 96-text.Width(head)-text.Width(clock))), clock)
}

// say tells a paragraph; an empty one parts two others.
func (t *teller) say(format string, args ...any) {
	if format == "" {
		fmt.Fprintln(t.w)
	}
	for _, line := range text.Wrap(fmt.Sprintf(format, args...), 96) {
		fmt.Fprintln(t.w, line)
	}
}

// shell shows a command that runs now.
func (t *teller) shell(line string) { fmt.Fprintf(t.w, "\n    $ %s\n\n", line) }

// table shows rows of cells in columns.
func (t *teller) table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], text.Width(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString("    " + text.Pad(cell, widths[i]))
		}
		fmt.Fprintln(t.w, strings.TrimRight(b.String(), " "))
	}
	fmt.Fprintln(t.w)
}
