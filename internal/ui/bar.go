package ui

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"lifeboat/internal/ui/text"
)

const (
	barScale  = 1 << 16                // the bar's own units; never reached, so the library does not end the bar by itself
	barWidth  = 24                     // columns of the bar between its ends
	barFrame  = len("\r 100% [] ") + 1 // what the library draws around bar and description
	eraseLine = "\r\x1b[2K"            // ECMA-48 EL: the whole line
	green     = "\x1b[32m"             // ECMA-48 SGR
	red       = "\x1b[31m"
	plainText = "\x1b[0m"
)

// barSink draws the running phase as a bar on the terminal's last line, and leaves one line for
// each phase that ended. The library draws into a buffer, which goes out in one write.
type barSink struct {
	w       io.Writer
	color   bool
	short   time.Duration // phases shorter than this leave no line
	columns func() int
	drawn   bool
	buffer  bytes.Buffer
	bar     *progressbar.ProgressBar
	phase   string
	known   bool // the bar in hand was made for a known total
	width   int  // and for this many columns
}

func newBarSink(w io.Writer, color bool, short time.Duration) *barSink {
	return &barSink{w: w, color: color, short: short, columns: func() int {
		if f, ok := w.(*os.File); ok {
			if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
				return columns
			}
		}
		return 80
	}}
}

func (s *barSink) status(st status) {
	_, known := percent(st.State)
	columns := s.columns()
	if s.bar == nil || s.phase != st.Phase || s.known != known || s.width != columns {
		s.phase, s.known, s.width = st.Phase, known, columns
		s.bar = s.newBar(known, columns)
	}
	if known {
		done := float64(min(max(st.Done, 0), st.Total)) / float64(st.Total)
		s.bar.Set64(min(int64(done*barScale), barScale-1))
	}
	// The percentage is the bar's own, so the description goes without.
	parts := details(st)
	room := columns - 4
	if known {
		parts = parts[1:]
		room = columns - barFrame - s.inner(columns)
	}
	description := text.Fit(title(st)+": "+strings.Join(parts, ", "), max(room, 0))
	s.buffer.Reset()
	s.bar.Describe(description)
	s.drawn = true
	io.WriteString(s.w, eraseLine+strings.TrimPrefix(s.buffer.String(), "\r"))
}

// inner is the bar's width on a terminal of so many columns: a narrow one needs them for the text.
func (s *barSink) inner(columns int) int {
	return min(barWidth, max(columns/5, 3))
}

func (s *barSink) newBar(known bool, columns int) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(&s.buffer),
		progressbar.OptionSetWidth(s.inner(columns)),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetRenderBlankState(false),
		progressbar.OptionSetTheme(progressbar.Theme{
			Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]",
		}),
	}
	if !known {
		return progressbar.NewOptions64(-1, append(options,
			progressbar.OptionSpinnerCustom([]string{"-", "\\", "|", "/"}),
			progressbar.OptionSetSpinnerChangeInterval(0))...)
	}
	return progressbar.NewOptions64(barScale, options...)
}

func (s *barSink) phaseEnd(st status) {
	s.bar = nil
	if st.elapsed < s.short {
		s.erase()
		return
	}
	s.line(describeEnd(st))
}

func (s *barSink) message(_ time.Time, message string) {
	last := s.buffer.String()
	wasDrawn := s.drawn
	s.line(text.Line(message))
	if wasDrawn {
		s.drawn = true
		io.WriteString(s.w, last)
	}
}

func (s *barSink) summary(last status, outcome string, err error) {
	s.bar = nil
	s.erase()
	color := green
	if err != nil {
		color = red
	}
	for _, l := range describeSummary(last, outcome, err) {
		if s.color {
			l = color + l + plainText
		}
		io.WriteString(s.w, l+"\n")
	}
}

// line writes one full line in the place of the bar.
func (s *barSink) line(l string) {
	s.erase()
	fmt.Fprintln(s.w, l)
}

func (s *barSink) erase() {
	if s.drawn {
		io.WriteString(s.w, eraseLine)
		s.drawn = false
	}
}
