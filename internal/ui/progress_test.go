package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// testClock is moved by hand.
type testClock struct{ now time.Time }

func newClock() *testClock {
	return &testClock{now: time.Date(2024, 5, 3, 10, 12, 0, 0, time.FixedZone("CEST", 7200))}
}

func (c *testClock) read() time.Time { return c.now }

// run is a scan and an apply, with an update every 100 ms, a message and an end.
func run(p *Printer, c *testClock, err error) {
	const mib = 1 << 20
	for i := range int64(81) {
		p.Update(State{Phase: "fold log", Step: 2, Steps: 4, Done: i * 2 * mib, Total: 200 * mib, Unit: Bytes,
			Rows: i * 5000, Position: "binlog.000012:4711"})
		if i == 40 {
			p.Message("orders:\x1b[2J one row\nhas no base")
		}
		c.now = c.now.Add(100 * time.Millisecond)
	}
	p.Update(State{Phase: "create tables", Step: 3, Steps: 4, Done: 4, Total: 10, Unit: Tables})
	c.now = c.now.Add(100 * time.Millisecond)
	for i := range int64(31) {
		p.Update(State{Phase: "apply", Step: 4, Steps: 4, Done: 1000 * i, Unit: Rows, Rows: 1000 * i, Window: 3, Note: "orders"})
		c.now = c.now.Add(200 * time.Millisecond)
	}
	outcome := "done"
	if err != nil {
		outcome = "interrupted"
	}
	p.Close(outcome, err)
	p.Update(State{Phase: "after the end"})
	p.Message("after the end")
	p.Close("again", nil)
}

func TestPlainLines(t *testing.T) {
	c := newClock()
	var out bytes.Buffer
	run(New(Plain, &out, true, c.read, 3*time.Second), c, nil)
	want := `fold log (2 of 4): 0%, 0 B of 200 MiB, at binlog.000012:4711
fold log (2 of 4): 30%, 60 MiB of 200 MiB, 150,000 rows (50,000 rows/s), 7.0s left, at binlog.000012:4711
orders:\x1b[2J one row has no base
fold log (2 of 4): 60%, 120 MiB of 200 MiB, 300,000 rows (50,000 rows/s), 4.0s left, at binlog.000012:4711
fold log (2 of 4): done in 8.1s, 160 MiB, 400,000 rows (49,382 rows/s)
apply (4 of 4), window 3: 4,000 rows, 5,000 rows/s, orders
apply (4 of 4), window 3: 19,000 rows, 5,000 rows/s, 3.8s so far, orders
apply (4 of 4), window 3: done in 6.2s, 30,000 rows (4,838 rows/s)
done after 14s
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPlainEndsWithWhereItStopped(t *testing.T) {
	c := newClock()
	var out bytes.Buffer
	run(New(Auto, &out, false, c.read, time.Minute), c, errors.New("connection lost"))
	want := `fold log (2 of 4): 0%, 0 B of 200 MiB, at binlog.000012:4711
orders:\x1b[2J one row has no base
fold log (2 of 4): done in 8.1s, 160 MiB, 400,000 rows (49,382 rows/s)
stopped in apply (4 of 4), window 3: 30,000 rows, 5,000 rows/s, 6.2s so far, orders
interrupted after 14s
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestJSONLines(t *testing.T) {
	c := newClock()
	var out bytes.Buffer
	run(New(JSON, &out, true, c.read, 5*time.Second), c, errors.New("connection <lost>"))
	want := `{"schema":"lifeboat.progress/1","type":"status","time":"2024-05-03T08:12:00Z","phase":"fold log","step":2,"steps":4,"seconds":0,"bytes_done":0,"bytes_total":209715200,"rows":0,"rows_per_second":0,"position":"binlog.000012:4711"}
{"schema":"lifeboat.progress/1","type":"message","time":"2024-05-03T08:12:04Z","text":"orders:\u001b[2J one row\nhas no base"}
{"schema":"lifeboat.progress/1","type":"status","time":"2024-05-03T08:12:05Z","phase":"fold log","step":2,"steps":4,"seconds":5,"bytes_done":104857600,"bytes_total":209715200,"rows":250000,"rows_per_second":50000,"eta_seconds":5,"position":"binlog.000012:4711"}
{"schema":"lifeboat.progress/1","type":"phase","time":"2024-05-03T08:12:08.1Z","phase":"fold log","step":2,"steps":4,"seconds":8.1,"bytes_done":167772160,"bytes_total":209715200,"rows":400000,"rows_per_second":50000,"position":"binlog.000012:4711"}
{"schema":"lifeboat.progress/1","type":"phase","time":"2024-05-03T08:12:08.2Z","phase":"create tables","step":3,"steps":4,"seconds":0.1,"tables_done":4,"tables_total":10,"rows":0,"rows_per_second":0}
{"schema":"lifeboat.progress/1","type":"status","time":"2024-05-03T08:12:10Z","phase":"apply","step":4,"steps":4,"seconds":1.8,"rows":9000,"rows_per_second":5000,"window":3,"note":"orders"}
{"schema":"lifeboat.progress/1","type":"summary","time":"2024-05-03T08:12:14.4Z","phase":"apply","step":4,"steps":4,"seconds":14.4,"rows":30000,"rows_per_second":5000,"window":3,"note":"orders","outcome":"interrupted","error":"connection <lost>"}
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(out.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("%v in %s", err, line)
		}
	}
}

func TestRateForgetsAndResumedWorkIsNoSpeed(t *testing.T) {
	c := newClock()
	s := State{Phase: "fold", Done: 1e9, Total: 2e9, Unit: Bytes}
	r := newRate(c.now, s)
	step := func(perSecond int64, seconds int) {
		for range seconds {
			c.now = c.now.Add(time.Second)
			s.Done += perSecond
			s.Rows += perSecond / 1000
			r.add(c.now, s)
		}
	}
	if got := r.eta(s); got >= 0 {
		t.Errorf("time left before any sample: %v", got)
	}
	step(1e6, 10)
	if got := r.rows(); got < 999 || got > 1001 {
		t.Errorf("%v rows/s, want 1000", got)
	}
	if got := r.eta(s).Round(time.Second); got != 990*time.Second {
		t.Errorf("time left %v, want 990s", got)
	}
	step(10e6, 60)
	if got := r.rows(); got < 9900 || got > 10000 {
		t.Errorf("a minute after the speed changed: %v rows/s, want nearly 10000", got)
	}
	step(0, 600)
	if got := r.eta(s); got >= 0 && got < 1000*time.Hour {
		t.Errorf("stalled for ten minutes, and %v left", got)
	}
}

func TestPercentIsNotHundredBeforeTheEnd(t *testing.T) {
	for _, c := range []struct {
		done, total int64
		want        int
	}{{0, 10, 0}, {999, 1000, 99}, {1 << 60, 1<<60 + 1<<58, 80}, {5, 5, 100}, {7, 5, 100}, {-1, 5, 0}} {
		if got, ok := percent(State{Done: c.done, Total: c.total}); !ok || got != c.want {
			t.Errorf("percent(%d of %d) = %d, %v", c.done, c.total, got, ok)
		}
	}
	if _, ok := percent(State{Done: 3}); ok {
		t.Error("a percentage of an unknown total")
	}
}

func TestNoneAndNilShowNothing(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	run(New(None, &out, true, c.read, time.Second), c, nil)
	run(nil, c, errors.New("x"))
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}

func TestConcurrentUse(t *testing.T) {
	var out bytes.Buffer
	p := New(Plain, &out, false, nil, time.Millisecond)
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for i := range int64(500) {
				p.Update(State{Phase: "apply", Done: i, Total: 500, Unit: Rows, Rows: i, Window: w})
				if i%100 == 0 {
					p.Messagef("worker %d at %d", w, i)
				}
			}
		})
	}
	workers.Wait()
	p.Close("done", nil)
	got := out.String() // no lock: after Close nothing may write any more
	if n := strings.Count(got, "worker "); n != 40 {
		t.Errorf("%d messages, want 40", n)
	}
	if !strings.Contains(got, "\ndone after ") || !strings.HasSuffix(got, "\n") {
		t.Errorf("no clean end: %q", got)
	}
}

func TestSpeaksUpBetweenUpdates(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := New(Plain, w, false, nil, 10*time.Millisecond)
	p.Update(State{Phase: "alter table"})
	// Reading blocks until the ticker has written two more lines than the one update did.
	buf, got := make([]byte, 512), ""
	for strings.Count(got, "\n") < 3 {
		n, err := r.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += string(buf[:n])
	}
	p.Close("done", nil)
	w.Close()
}

func TestParseMode(t *testing.T) {
	for _, s := range []string{"auto", "plain", "json", "none"} {
		if m, err := ParseMode(s); err != nil || string(m) != s {
			t.Errorf("ParseMode(%q) = %q, %v", s, m, err)
		}
	}
	if _, err := ParseMode("JSON "); err == nil {
		t.Error("a wrong form passed")
	}
}
