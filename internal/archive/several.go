package archive

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Log is what Open takes for one server's log.
type Log struct {
	ServerID    uint32
	ServerUUID  string // empty where no transaction of its own tells
	Relay       bool   // a replica's relay logs
	First, Last time.Time
	Files       []*File // in order

	text string
}

// SeveralLogs is the ErrAmbiguous of paths that hold several logs, of which none is plainly the one that is meant.
type SeveralLogs struct {
	Logs    []Log  // the longest first, relay logs last
	Related string // how they belong together, where that can be told, or why it cannot
}

func newSeveralLogs(all []*series, related string) *SeveralLogs {
	e := &SeveralLogs{Related: strings.TrimPrefix(related, "; ")}
	for _, s := range all {
		l := Log{ServerID: s.first().Format.ServerID, ServerUUID: s.uuid(), Relay: s.relay,
			First: s.first().First, Last: s.last().Last, text: s.String()}
		for _, v := range s.list {
			l.Files = append(l.Files, v.file)
		}
		e.Logs = append(e.Logs, l)
	}
	return e
}

// Versions are those of the server, in order of the log.
func (l *Log) Versions() (out []string) {
	for _, f := range l.Files {
		if v := f.Format.ServerVersion; v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// Error names the first few.
func (e *SeveralLogs) Error() string {
	var parts []string
	for i, l := range e.Logs {
		if i == 4 {
			parts = append(parts, fmt.Sprintf("and %d more", len(e.Logs)-i))
			break
		}
		parts = append(parts, l.text)
	}
	if e.Related != "" {
		parts = append(parts, e.Related)
	}
	return fmt.Sprintf("%v, or of one server before and after its log was reset: %s: give only the folders or files of one of them with --binlogs",
		ErrAmbiguous, strings.Join(parts, "; "))
}

func (e *SeveralLogs) Unwrap() error { return ErrAmbiguous }
