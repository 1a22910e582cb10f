// Package ui shows a person or a pipeline how far the work is. It knows terminals and nothing of
// binlogs: the stages tell it a State as often as they like, and it decides what is worth showing.
package ui

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Units of Done and Total.
const (
	Bytes  = "bytes"
	Rows   = "rows"
	Tables = "tables"
)

// State is where the work stands. Rates and the time left are computed from a series of them.
type State struct {
	Phase string // what is being done, as "fold log"; a new phase starts new rates
	Step  int    // the number of this phase, from 1; 0 where phases are not counted
	Steps int    // how many phases there are
	Done  int64  // how much of the phase is done, in Unit
	Total int64  // how much there is; 0 where nobody knows yet
	Unit  string // Bytes, Rows or Tables
	Rows  int64  // rows read or written so far in this phase

	Position string // where in the log the work is, as "binlog.000012:4711"
	Window   int    // the number of the window being applied, from 1; 0 outside windows
	Note     string // what else there is to know, as the table in hand
}

// A Printer shows States, one kind of output for each Mode. Its methods may be called from several
// goroutines, and on a nil Printer, which shows nothing.
type Printer struct {
	clock func() time.Time
	every time.Duration
	sink  sink
	stop  chan struct{}
	ended sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	started time.Time
	shown   time.Time // when a status last went out
	state   State
	active  bool // state is of a phase that has begun and not ended
	rate    rate
}

// sink is one form of output. All its methods are called with the printer's lock held.
type sink interface {
	status(status)
	phaseEnd(status) // eta is negative
	message(now time.Time, text string)
	summary(last status, outcome string, err error)
}

// status is a State with what was computed from those before it.
type status struct {
	State
	now           time.Time
	elapsed       time.Duration // since the phase began
	total         time.Duration // since the printer was made
	rowsPerSecond float64
	eta           time.Duration // negative where it cannot be told
	active        bool
	first         bool // the first status of its phase that is shown
}

// New makes a printer that writes to w, which isTerminal says is a terminal or not. Statuses go
// out at most once in every; a bar on a terminal moves more often than that.
//
// With a nil clock the time is the machine's, and the printer also speaks up between updates, so
// that one long statement does not look like a hang. Tests give a clock of their own, and then
// something is written only inside the methods.
func New(mode Mode, w io.Writer, isTerminal bool, clock func() time.Time, every time.Duration) *Printer {
	p := &Printer{clock: clock, every: every, stop: make(chan struct{})}
	switch {
	case mode == None:
		return nil
	case mode == JSON:
		p.sink = &jsonSink{w: w}
	case mode == Auto && isTerminal:
		p.every = min(every, 200*time.Millisecond)
		p.sink = newBarSink(w, Color(isTerminal), max(every, time.Second))
	default:
		p.sink = &plainSink{w: w, every: every}
	}
	if clock != nil {
		p.started = p.clock()
		return p
	}
	p.clock, p.started = time.Now, time.Now()
	p.ended.Go(p.tick)
	return p
}

// tick shows the state again while no update comes.
func (p *Printer) tick() {
	ticker := time.NewTicker(max(p.every, 10*time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			if p.active && !p.closed {
				p.show(p.clock())
			}
			p.mu.Unlock()
		}
	}
}

// Update says where the work stands now. It is cheap: most calls only remember the state. A state
// with another Phase ends the phase before.
func (p *Printer) Update(s State) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now := p.clock()
	if p.active && s.Phase != p.state.Phase {
		p.endPhase(now)
	}
	if !p.active {
		p.rate = newRate(now, s)
		p.active = true
	}
	p.state = s
	p.rate.add(now, s)
	p.show(now)
}

func (p *Printer) endPhase(now time.Time) {
	st := p.status(now)
	st.eta = -1
	p.sink.phaseEnd(st)
	p.active = false
}

// show writes the state out unless one went out just now. The caller holds the lock.
func (p *Printer) show(now time.Time) {
	if !p.shown.IsZero() && now.Sub(p.shown) < p.every {
		return
	}
	p.shown = now
	st := p.status(now)
	st.first = !p.rate.shown
	p.rate.shown = true
	p.sink.status(st)
}

func (p *Printer) status(now time.Time) status {
	return status{
		State: p.state, now: now, active: p.active, first: !p.rate.shown,
		elapsed: now.Sub(p.rate.began), total: now.Sub(p.started),
		rowsPerSecond: p.rate.rows(), eta: p.rate.eta(p.state),
	}
}

// Message writes one line of text, above the bar where there is one.
func (p *Printer) Message(text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.sink.message(p.clock(), text)
	}
}

// Messagef is Message with a format.
func (p *Printer) Messagef(format string, args ...any) { p.Message(fmt.Sprintf(format, args...)) }

// Close ends the output with outcome, a few words such as "done" or "interrupted", and leaves
// nothing half drawn. With an error it also says how far the work had come. The error's own text is
// written only in the JSON form: elsewhere the caller prints it, once. Later calls do nothing.
func (p *Printer) Close(outcome string, err error) {
	if p == nil {
		return
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	now := p.clock()
	if p.active && err == nil {
		p.endPhase(now)
	}
	p.sink.summary(p.status(now), outcome, err)
	close(p.stop)
	p.mu.Unlock()
	p.ended.Wait()
}
