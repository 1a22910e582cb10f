package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/report"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"7d": 168 * time.Hour, "2w": 336 * time.Hour, "36h": 36 * time.Hour, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute,
		"": 0, "d": 0, "-3d": 0, "0s": 0, "7": 0, "1.5d": 0, "99999d": 0, "tuesday": 0} {
		got, err := parseAgo(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}

// A scheduled check fails with 10 where the log does not reach, and says which part is missing.
func TestCover(t *testing.T) {
	// The archive is of 2026-11-24 15:39, and the audit is made at 03:00 of the day after.
	for _, c := range []struct {
		name    string
		change  func(*auditScene)
		args    []string
		code    int
		missing []string
	}{
		{"reached", nil, []string{"--since", "2026-11-24 15:39:37"}, 0, nil},
		{"ago", nil, []string{"--expect-cover", "11h20m"}, 0, nil},
		{"begins too late", nil, []string{"--since", "2026-11-24T15:00:00Z"}, 10, []string{"the log begins with binlog.000001"}},
		{"the last week", nil, []string{"--expect-cover", "7d"}, 10, []string{"the log begins with binlog.000001"}},
		{"too old", nil, []string{"--since", "2026-11-24 15:39:37", "--max-age", "1h"}, 10, []string{"the log ends at binlog.000004:6673"}},
		{"a gap", func(s *auditScene) { s.remove("binlogs/binlog.000002") }, []string{"--since", "2026-11-24 15:39:34"}, 10, []string{"the gap at binlog.000001"}},
		{"a gap before", func(s *auditScene) { s.remove("binlogs/binlog.000002") }, []string{"--since", "2026-11-24 15:39:39", "--database", "shop"}, 10, nil},
		{"torn", func(s *auditScene) { s.cut("binlogs/binlog.000004", 9) }, []string{"--since", "2026-11-24 15:39:39"}, 10, []string{"the torn end at binlog.000004"}},
		{"the first file is gone", func(s *auditScene) { s.remove("binlogs/binlog.000001") }, []string{"--since", "2026-11-24 15:39:33"}, 10, []string{"the log begins with binlog.000002"}},
		{"not asked for", nil, nil, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openScene(t, "healthy")
			if c.change != nil {
				c.change(s)
			}
			args := append([]string{"--binlogs", "binlogs"}, c.args...)
			audited(t, args...).want(t, c.code, c.missing...)
			a := auditJSON(t, args...)
			switch {
			case c.args == nil:
				if a.Cover != nil {
					t.Errorf("%+v", a.Cover)
				}
				return
			case a.Cover == nil || a.Cover.Reached != (len(c.missing) == 0) || len(a.Cover.Missing) != len(c.missing):
				t.Fatalf("%+v", a.Cover)
			}
			for i, m := range a.Cover.Missing {
				if !strings.Contains(m.Why, c.missing[i]) || !m.To.After(m.From) || m.From.Before(a.Cover.From) || m.To.After(a.Cover.To) {
					t.Errorf("%+v", m)
				}
			}
		})
	}
	for _, args := range [][]string{{"--since", "tuesday"}, {"--since", "7d", "--expect-cover", "7d"}, {"--expect-cover", "2026-01-01"}, {"--since", "1d", "--max-age", "old"}, {"--since", "incident:1"}} {
		audited(t, append(args, "--binlogs", "x")...).oneLine(t).want(t, exitUsage)
	}
}

// An audit that is interrupted in the middle of a scan says so, exits with 130, and leaves no report.
func TestInterruptedAudit(t *testing.T) {
	openScene(t, "story")
	before := inputs(t, ".")
	// A phase that has ended is told as the next one begins: the second is the survey of the log.
	for _, phase := range []string{phaseArchive, phaseSnapshot} {
		ctx, cancel := context.WithCancelCause(t.Context())
		var out bytes.Buffer
		watch := &trigger{text: phase, do: func() { cancel(errInterrupted) }}
		file := filepath.Join(t.TempDir(), "report.txt")
		code := run(ctx, &env{stdout: &out, stderr: watch, version: "TEST"},
			[]string{"lifeboat", "audit", "--binlogs", "binlogs", "--database", "shop", "--snapshot", "dump.sql", "--snapshot-position", "unknown", "--progress", "json", "-o", file})
		if code != exitInterrupted || out.Len() > 0 || !strings.Contains(watch.String(), "interrupted") {
			t.Errorf("%s: exit %d, %q, %s", phase, code, out.String(), watch)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); err != nil || len(left) > 0 {
			t.Errorf("%s leaves %q, %v", phase, left, err)
		}
	}
	if now := inputs(t, "."); now != before {
		t.Errorf("an input was changed:\n%s\nbefore:\n%s", now, before)
	}
}

// The timeline counts every change once, the ones before the snapshot too, and the tables' counts are of those after it.
func TestTheTimelineHoldsEveryChange(t *testing.T) {
	openScene(t, "healthy")
	all := auditJSON(t, "--binlogs", "binlogs", "--database", "shop")
	based := auditJSON(t, "--binlogs", "binlogs", "--database", "shop", "--snapshot", "dump.sql")
	sum := func(a *report.Audit) map[string][3]int64 {
		out := map[string][3]int64{}
		for _, s := range a.Timeline.Tables {
			n := out[s.Name]
			last := -1
			for _, b := range s.Buckets {
				if b.Index <= last || b.Index >= a.Timeline.Buckets {
					t.Errorf("%s: bucket %d after %d of %d", s.Name, b.Index, last, a.Timeline.Buckets)
				}
				last = b.Index
				n = [3]int64{n[0] + b.Inserted, n[1] + b.Updated, n[2] + b.Deleted}
			}
			out[s.Name] = n
		}
		return out
	}
	without, with := sum(all), sum(based)
	for _, r := range all.Tables {
		if want := [3]int64{r.Inserted, r.Updated, r.Deleted}; without[r.Name] != want || with[r.Name] != want {
			t.Errorf("%s: %v, and %v with a snapshot, want %v", r.Name, without[r.Name], with[r.Name], want)
		}
	}
	if len(based.Timeline.Marks) != 1 || based.Timeline.Marks[0].Kind != report.MarkSnapshot {
		t.Errorf("%+v", based.Timeline.Marks)
	}
}
