package main

import (
	"strings"
	"testing"

	"lifeboat/internal/target"
)

// Plan and report say what becomes of the target's own log, whichever way it is: never in silence.
func TestNotesOnTheTargetsLog(t *testing.T) {
	for _, c := range []struct {
		server *target.Server
		want   string
	}{
		{&target.Server{}, ""},
		{&target.Server{CanUnlog: true}, ""},
		{&target.Server{LogBin: true, CanUnlog: true}, "own binlog is off"},
		{&target.Server{LogBin: true}, "may not switch its binlog off"},
	} {
		r := &restoring{server: c.server}
		if got := strings.Join(r.notes(), "; "); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("LogBin %t, CanUnlog %t: %q, want %q", c.server.LogBin, c.server.CanUnlog, got, c.want)
		}
	}
}
