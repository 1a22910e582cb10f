package ui

import (
	"encoding/json"
	"io"
	"time"
)

// Schema tags every line of the JSON form. Fields are added to it, never renamed.
const Schema = "lifeboat.progress/1"

// jsonLine is one line of the JSON form. Type is "status" while a phase runs, "phase" at its end,
// "message" or, last, "summary".
type jsonLine struct {
	Schema string    `json:"schema"`
	Type   string    `json:"type"`
	Time   time.Time `json:"time"`

	Phase      string   `json:"phase,omitempty"`
	Step       int      `json:"step,omitempty"`
	Steps      int      `json:"steps,omitempty"`
	Seconds    *float64 `json:"seconds,omitempty"` // since the phase began; in a summary since the start
	BytesDone  *int64   `json:"bytes_done,omitempty"`
	BytesTotal *int64   `json:"bytes_total,omitempty"` // left out where unknown, like the other totals
	RowsTotal  *int64   `json:"rows_total,omitempty"`
	TablesDone *int64   `json:"tables_done,omitempty"`
	TablesAll  *int64   `json:"tables_total,omitempty"`
	Rows       *int64   `json:"rows,omitempty"`
	RowsRate   *int64   `json:"rows_per_second,omitempty"`
	ETA        *int64   `json:"eta_seconds,omitempty"` // left out while it cannot be told
	Position   string   `json:"position,omitempty"`
	Window     int      `json:"window,omitempty"`
	Note       string   `json:"note,omitempty"`

	Text    string `json:"text,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	Error   string `json:"error,omitempty"`
}

type jsonSink struct{ w io.Writer }

func (s *jsonSink) status(st status)   { s.write(stateLine("status", st)) }
func (s *jsonSink) phaseEnd(st status) { s.write(stateLine("phase", st)) }

func (s *jsonSink) message(now time.Time, message string) {
	s.write(jsonLine{Type: "message", Time: now, Text: message})
}

func (s *jsonSink) summary(last status, outcome string, err error) {
	line := jsonLine{Type: "summary", Time: last.now}
	if last.active {
		line = stateLine("summary", last)
	}
	line.Seconds, line.Outcome = seconds(last.total), outcome
	if err != nil {
		line.Error = err.Error()
	}
	s.write(line)
}

func (s *jsonSink) write(l jsonLine) {
	l.Schema, l.Time = Schema, l.Time.UTC()
	out := json.NewEncoder(s.w)
	out.SetEscapeHTML(false)
	out.Encode(l)
}

func stateLine(kind string, st status) jsonLine {
	rows, rowRate := st.Rows, int64(st.rowsPerSecond)
	l := jsonLine{
		Type: kind, Time: st.now, Phase: st.Phase, Step: st.Step, Steps: st.Steps, Seconds: seconds(st.elapsed),
		Position: st.Position, Window: st.Window, Note: st.Note, Rows: &rows, RowsRate: &rowRate,
	}
	done, total := st.Done, &st.Total
	if st.Total <= 0 {
		total = nil
	}
	switch st.Unit {
	case Bytes:
		l.BytesDone, l.BytesTotal = &done, total
	case Rows:
		l.Rows, l.RowsTotal = &done, total
	case Tables:
		l.TablesDone, l.TablesAll = &done, total
	}
	if st.eta >= 0 {
		eta := int64(st.eta.Round(time.Second) / time.Second)
		l.ETA = &eta
	}
	return l
}

// seconds keeps milliseconds and no more.
func seconds(d time.Duration) *float64 {
	s := float64(d.Milliseconds()) / 1000
	return &s
}
