package ui

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lifeboat/internal/ui/text"
)

// plainSink writes lines for a log or a file. Write errors are not reported: progress that cannot
// be shown is no reason to stop a restore.
type plainSink struct {
	w     io.Writer
	every time.Duration
}

func (s *plainSink) status(st status) { s.line(describe(st)) }

// phaseEnd is silent about a phase that was over before it could be shown.
func (s *plainSink) phaseEnd(st status) {
	if !st.first || st.elapsed >= s.every {
		s.line(describeEnd(st))
	}
}

func (s *plainSink) message(_ time.Time, message string) { s.line(text.Line(message)) }

func (s *plainSink) summary(last status, outcome string, err error) {
	for _, l := range describeSummary(last, outcome, err) {
		s.line(l)
	}
}

func (s *plainSink) line(l string) { io.WriteString(s.w, l+"\n") }

// title names the phase, as "apply (4 of 5), window 3".
func title(st status) string {
	t := text.Line(st.Phase)
	if st.Steps > 0 {
		t += fmt.Sprintf(" (%d of %d)", st.Step, st.Steps)
	}
	if st.Window > 0 {
		t += fmt.Sprintf(", window %d", st.Window)
	}
	return t
}

// describe is the line of a running phase.
func describe(st status) string {
	return title(st) + ": " + strings.Join(details(st), ", ")
}

func details(st status) []string {
	var parts []string
	if percent, ok := percent(st.State); ok {
		parts = append(parts, fmt.Sprintf("%d%%", percent))
	}
	parts = append(parts, amount(st.State))
	if rows := rowsPart(st); rows != "" {
		parts = append(parts, rows)
	}
	if st.eta >= 0 {
		parts = append(parts, text.Duration(st.eta.Round(time.Second))+" left")
	} else if st.elapsed >= time.Second {
		parts = append(parts, text.Duration(st.elapsed)+" so far")
	}
	if st.Position != "" {
		parts = append(parts, "at "+text.Line(st.Position))
	}
	if st.Note != "" {
		parts = append(parts, text.Line(st.Note))
	}
	return parts
}

func rowsPart(st status) string {
	if st.Rows == 0 || st.Unit == Rows {
		if st.rowsPerSecond >= 1 {
			return text.Count(int64(st.rowsPerSecond)) + " rows/s"
		}
		return ""
	}
	if st.rowsPerSecond >= 1 {
		return fmt.Sprintf("%s (%s rows/s)", text.Counted(st.Rows, "row"), text.Count(int64(st.rowsPerSecond)))
	}
	return text.Counted(st.Rows, "row")
}

// percent never says 100 before all is done.
func percent(s State) (int, bool) {
	if s.Total <= 0 {
		return 0, false
	}
	done := float64(min(max(s.Done, 0), s.Total))
	return int(done / float64(s.Total) * 100), true
}

// amount is how much of how much, as "1.2 of 2.6 GiB" would be ambiguous where units differ.
func amount(s State) string {
	one := func(n int64) string {
		if s.Unit == Bytes {
			return text.Bytes(n)
		}
		return text.Count(n)
	}
	unit := ""
	if s.Unit != Bytes && s.Unit != "" {
		unit = " " + s.Unit
	}
	if s.Total > 0 {
		return one(s.Done) + " of " + one(s.Total) + unit
	}
	return one(s.Done) + unit
}

// describeEnd is the line of a phase that came to its end.
func describeEnd(st status) string {
	l := fmt.Sprintf("%s: done in %s, ", title(st), text.Duration(st.elapsed))
	if st.Unit == Bytes {
		l += text.Bytes(st.Done)
	} else {
		l += strings.TrimSuffix(text.Count(st.Done)+" "+st.Unit, " ")
	}
	if st.Rows > 0 && st.Unit != Rows {
		l += ", " + text.Counted(st.Rows, "row")
	}
	if st.Rows > 0 && st.elapsed >= time.Second {
		l += fmt.Sprintf(" (%s rows/s)", text.Count(int64(float64(st.Rows)/st.elapsed.Seconds())))
	}
	return l
}

func describeSummary(last status, outcome string, err error) []string {
	var lines []string
	if err != nil && last.active {
		lines = append(lines, "stopped in "+describe(last))
	}
	if outcome != "" {
		lines = append(lines, fmt.Sprintf("%s after %s", text.Line(outcome), text.Duration(last.total)))
	}
	return lines
}
