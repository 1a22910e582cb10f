package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/ui/text"
)

// severalLogs refuses binlogs of several servers, and tells whose each file is.
type severalLogs struct{ *archive.SeveralLogs }

func (e *severalLogs) Unwrap() error { return e.SeveralLogs }

func (e *severalLogs) Error() string {
	say := fmt.Sprintf("%v, or of one server before and after its log was reset", archive.ErrAmbiguous)
	if e.Related != "" {
		say += "; " + e.Related
	}
	return say + "; give only the folders or files of one of them with --binlogs"
}

// details are for a person, below the one line of the error.
func (e *severalLogs) details() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nThese are %s:\n", text.Counted(int64(len(e.Logs)), "log"))
	for _, l := range e.Logs {
		fmt.Fprintf(&b, "  %s\n", text.Line(logTitle(&l)))
		for _, f := range logFolders(&l) {
			fmt.Fprintf(&b, "      %s\n", text.Line(f))
		}
	}
	return b.String()
}

func logTitle(l *archive.Log) string {
	say := fmt.Sprintf("server id %d", l.ServerID)
	if l.ServerUUID != "" {
		say += ", " + l.ServerUUID
	}
	if v := l.Versions(); len(v) > 0 {
		say += ", version " + strings.Join(v, ", later ")
	}
	if l.Relay {
		say += ", relay logs"
	}
	if !l.First.IsZero() {
		say += fmt.Sprintf(", from %s", text.Time(l.First))
	}
	return say
}

// logFolders names a log's files, folder by folder.
func logFolders(l *archive.Log) (out []string) {
	var order []string
	in := map[string][]string{}
	for _, f := range l.Files {
		for _, c := range f.Copies {
			dir, name := filepath.Split(c.Path)
			if in[dir] == nil {
				order = append(order, dir)
			}
			in[dir] = append(in[dir], name)
		}
	}
	for _, dir := range order {
		out = append(out, dir+runs(in[dir]))
	}
	return out
}

// runs writes names that go on counting as the first and the last one of them.
func runs(names []string) string {
	var out []string
	for len(names) > 0 {
		n := 1
		for n < len(names) && counts(names[n-1], names[n]) {
			n++
		}
		if n > 2 {
			out = append(out, fmt.Sprintf("%s to %s", names[0], names[n-1]))
		} else {
			out = append(out, names[:n]...)
		}
		names = names[n:]
	}
	return strings.Join(out, ", ")
}

func counts(a, b string) bool {
	base, n := binlog.SplitName(a)
	other, m := binlog.SplitName(b)
	return n != 0 && base == other && m == n+1
}

// logPart is a log in the error's JSON form.
type logPart struct {
	ServerID   uint32    `json:"server_id"`
	ServerUUID string    `json:"server_uuid,omitempty"`
	Versions   []string  `json:"versions"`
	Relay      bool      `json:"relay,omitempty"`
	First      time.Time `json:"first,omitzero"`
	Last       time.Time `json:"last,omitzero"`
	Files      []string  `json:"files"` // paths
}

func (e *severalLogs) parts() []logPart {
	out := make([]logPart, 0, len(e.Logs))
	for _, l := range e.Logs {
		p := logPart{l.ServerID, l.ServerUUID, l.Versions(), l.Relay, l.First, l.Last, nil}
		for _, f := range l.Files {
			for _, c := range f.Copies {
				p.Files = append(p.Files, c.Path)
			}
		}
		slices.Sort(p.Files)
		out = append(out, p)
	}
	return out
}
