package ui

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lifeboat/internal/ui/text"
)

// screen is what a terminal of the given width shows after out. It knows carriage return, line
// feed and the two ways of erasing that a bar may use, and fails on anything else.
func screen(t *testing.T, out string, width int) []string {
	t.Helper()
	lines, col := [][]rune{nil}, 0
	for out != "" {
		last := &lines[len(lines)-1]
		r, size := utf8.DecodeRuneInString(out)
		switch {
		case strings.HasPrefix(out, "\x1b[2K"):
			*last, size = nil, 4
		case strings.HasPrefix(out, "\x1b[0K"):
			*last, size = (*last)[:min(col, len(*last))], 4
		case r == '\r':
			col = 0
		case r == '\n':
			lines, col = append(lines, nil), 0
		case r >= ' ' && r != 0x7f && r != utf8.RuneError:
			if *last = append((*last)[:min(col, len(*last))], append([]rune{r}, (*last)[min(col+1, len(*last)):]...)...); col == width {
				t.Fatalf("line overflows %d columns: %q", width, string(*last))
			}
			col++
		default:
			t.Fatalf("byte %#x in %q", r, out)
		}
		out = out[size:]
	}
	var shown []string
	for _, l := range lines {
		shown = append(shown, string(l))
	}
	return shown
}

func barPrinter(out *bytes.Buffer, c *testClock, columns int) *Printer {
	p := New(Auto, out, true, c.read, time.Second)
	p.sink.(*barSink).columns = func() int { return columns }
	p.sink.(*barSink).color = false
	return p
}

func TestBar(t *testing.T) {
	c := newClock()
	var out bytes.Buffer
	p := barPrinter(&out, c, 100)
	s := State{Phase: "fold log", Step: 2, Steps: 4, Total: 1 << 30, Unit: Bytes, Position: "b.000012:4711"}
	for i := range int64(21) {
		s.Done, s.Rows = i<<25, i*10000
		p.Update(s)
		c.now = c.now.Add(250 * time.Millisecond)
	}
	got := screen(t, out.String(), 100)
	want := "  62% [===========>        ]  fold log (2 of 4): 640 MiB of 1.0 GiB, 200,000 rows (40,000 rows/s),…"
	if len(got) != 1 || strings.TrimRight(got[0], " ") != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	p.Message("a word")
	got = screen(t, out.String(), 100)
	if len(got) != 2 || got[0] != "a word" || !strings.HasPrefix(got[1], "  62% [=") {
		t.Errorf("after a message: %q", got)
	}
	p.Update(State{Phase: "apply", Unit: Rows, Done: 12, Note: "orders"})
	c.now = c.now.Add(time.Second)
	p.Update(State{Phase: "apply", Unit: Rows, Done: 1200, Rows: 1200, Note: "orders"})
	got = screen(t, out.String(), 100)
	if len(got) != 3 || got[1] != "fold log (2 of 4): done in 5.2s, 640 MiB, 200,000 rows (38,095 rows/s)" ||
		strings.Trim(got[2], `-\|/ `) != "apply: 1,200 rows, 1,200 rows/s, 1.0s so far, orders" {
		t.Errorf("with an unknown total: %q", got)
	}
	p.Close("stopped", errors.New("disk full"))
	got = screen(t, out.String(), 100)
	want = "a word|fold log (2 of 4): done in 5.2s, 640 MiB, 200,000 rows (38,095 rows/s)|" +
		"stopped in apply: 1,200 rows, 1,200 rows/s, 1.0s so far, orders|stopped after 6.2s|"
	if strings.Join(got, "|") != want {
		t.Errorf("at the end: %q", got)
	}
}

func TestBarNeverOverflows(t *testing.T) {
	for columns := 20; columns < 200; columns += 7 {
		for _, total := range []int64{0, 1 << 40} {
			c := newClock()
			var out bytes.Buffer
			p := barPrinter(&out, c, columns)
			for i := range int64(40) {
				p.Update(State{Phase: "apply", Done: i << 35, Total: total, Unit: Bytes, Rows: i * 1e9, Window: 1234567,
					Position: "mysql-bin-with-a-long-name.000012:123456789012", Note: "a.very.long.table.name"})
				c.now = c.now.Add(time.Second)
				if p.sink.(*barSink).drawn {
					line := strings.TrimSuffix(strings.TrimPrefix(p.sink.(*barSink).buffer.String(), "\r"), "\x1b[0K")
					if w := text.Width(strings.TrimRight(line, " ")); w > columns {
						t.Fatalf("%d columns in a terminal of %d: %q", w, columns, line)
					}
				}
			}
			p.Close("done", nil)
			if got := out.String(); !strings.HasSuffix(got, "done after 40s\n") {
				t.Errorf("ends with %q", got[max(0, len(got)-40):])
			}
		}
	}
}

// The rest runs this test binary under script(1), which gives it a terminal.
const ptyChild = "LIFEBOAT_UI_PTY_CHILD"

func TestOnARealTerminal(t *testing.T) {
	if os.Getenv(ptyChild) != "" {
		p := New(Auto, os.Stdout, IsTerminal(os.Stdout), nil, time.Hour)
		for i := range int64(100) {
			p.Update(State{Phase: "fold", Done: i, Total: 100, Unit: Rows})
		}
		p.Message("half-way")
		p.Close("done", nil)
		return
	}
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("no script(1) on this machine")
	}
	run := func(env ...string) string {
		cmd := exec.Command(script, "-qefc", os.Args[0]+" -test.run=^TestOnARealTerminal$", os.DevNull)
		cmd.Env = append(os.Environ(), append(env, ptyChild+"=1")...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	for _, c := range []struct {
		env        []string
		bar, color bool
	}{
		{[]string{"TERM=xterm", "NO_COLOR="}, true, true},
		{[]string{"TERM=xterm", "NO_COLOR=1"}, true, false},
		{[]string{"TERM=dumb", "NO_COLOR="}, false, false},
	} {
		out := run(c.env...)
		if got := strings.Contains(out, "[  "); got != c.bar {
			t.Errorf("%v: bar %v, want %v in %q", c.env, got, c.bar, out)
		}
		if got := strings.Contains(out, green+"done after"); got != c.color {
			t.Errorf("%v: colour %v, want %v in %q", c.env, got, c.color, out)
		}
		if !strings.Contains(out, "half-way\r\n") || !strings.Contains(out, "done after ") {
			t.Errorf("%v: lines lost in %q", c.env, out)
		}
	}
}
