package main

import (
	"strings"
	"testing"

	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
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

// TestNotesOnTheTargetsVersion says beforehand where a target may not take what the source's server wrote.
func TestNotesOnTheTargetsVersion(t *testing.T) {
	mysql := func(version string, number int) *target.Server {
		return &target.Server{Version: version, Number: number}
	}
	maria := func(version string, number int) *target.Server {
		return &target.Server{MariaDB: true, Version: version, Number: number}
	}
	for _, c := range []struct {
		log    string
		maria  bool
		target *target.Server
		want   string
	}{
		{"10.11.18-MariaDB-log", true, mysql("9.7.4", 90704), "of MariaDB 10.11.18-MariaDB-log, and the target is MySQL 9.7.4: a statement or type that only MariaDB knows stops"},
		{"8.0.36", false, maria("11.8.1-MariaDB", 110801), "of MySQL 8.0.36, and the target is MariaDB 11.8.1-MariaDB"},
		{"9.7.4", false, mysql("5.6.24", 50624), "the target is older, 5.6.24"},
		{"9.7.5", false, mysql("9.7.4", 90704), ""},
		{"5.6.24-log", false, mysql("9.7.4", 90704), ""},
		{"10.11.18-MariaDB-log", true, maria("11.8.1-MariaDB", 110801), ""},
		{"10.11.18-MariaDB-log", true, maria("10.6.1-MariaDB", 100601), "older"},
		{"", false, mysql("5.6.24", 50624), ""},
	} {
		r := &restoring{server: c.target}
		r.archive = &archive.Archive{}
		if c.log != "" {
			r.archive.Files = []*archive.File{{Format: binlog.Format{ServerVersion: c.log, MariaDB: c.maria}}}
		}
		if got := strings.Join(r.beforehand(), "; "); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s onto %s: %q, want %q", c.log, c.target.Version, got, c.want)
		}
	}
}
