package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lifeboat/internal/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenAudits are reports on the archives below testdata/audit, some of them damaged by the test.
func goldenAudits() []goldenAudit {
	shop := []string{"--database", "shop", "--snapshot", "dump.sql"}
	three := []string{"--binlogs", "binlogs", "--binlogs", "copy2", "--binlogs", "copy3"}
	one := []string{"--binlogs", "binlogs"}
	two := []string{"--binlogs", "first", "--binlogs", "second"}
	return []goldenAudit{
		{"healthy", "healthy", nil, append(shop, one...), 0},
		{"healthy-all", "healthy", nil, one, 0},
		{"story", "story", nil, append(append(shop, one...), "--snapshot-position", "unknown"), 3},
		{"copies", "healthy", func(s *auditScene) {
			s.copies("copy2", "copy3").flip("binlogs/binlog.000001", 50).flip("copy2/binlog.000002", 50).flip("copy3/binlog.000003", 50)
		}, append(shop, three...), 0},
		{"copies-same-file", "healthy", func(s *auditScene) {
			s.copies("copy2", "copy3").flip("binlogs/binlog.000002", 30).flip("copy2/binlog.000002", 55).flip("copy3/binlog.000002", 80)
		}, append(shop, three...), 0},
		{"stitched", "healthy", func(s *auditScene) {
			s.copies("copy2", "copy3").flip("binlogs/binlog.000002", 30).flip("copy2/binlog.000002", 50).flip("copy3/binlog.000002", 70)
		}, append(shop, three...), 0},
		{"quick", "story", nil, append(slices.Clone(one), "--quick"), 0},
		{"damaged", "healthy", func(s *auditScene) { s.flip("binlogs/binlog.000003", 50) }, append(shop, one...), 11},
		{"gap", "healthy", func(s *auditScene) { s.remove("binlogs/binlog.000003") }, append(shop, one...), 10},
		{"torn", "healthy", func(s *auditScene) { s.cut("binlogs/binlog.000004", 10) }, append(shop, one...), 10},
		{"index", "healthy", func(s *auditScene) {
			write(s.t, filepath.Join("binlogs", "binlog.index"), []byte("/var/lib/mysql/binlog.000002\n/var/lib/mysql/binlog.000003\n/var/lib/mysql/binlog.000004\n/var/lib/mysql/binlog.000005\n"))
		}, append(shop, one...), 10},
		{"failover", "failover", nil, append(shop, two...), 1},
		{"failover-joined", "promoted", nil, append(shop, two...), 0},
		{"mixed", "mixed", nil, append(shop, one...), 3},
		{"mariadb", "mariadb", nil, append(shop, one...), 0},
		{"rename-swap", "rename-swap", nil, append(shop, one...), 0},
		{"one-create", "one-create", nil, append(one, "--database", "shop"), 0},
		{"unsupported-values", "unsupported-values", nil, append(shop, one...), 3},
		{"cover", "healthy", func(s *auditScene) { s.remove("binlogs/binlog.000003") }, append(append(shop, one...), "--expect-cover", "7d"), 10},
	}
}

type goldenAudit struct {
	name, scene string
	change      func(*auditScene)
	args        []string
	code        int
}

// audited runs an audit as if it were some while after the archives were made.
func audited(t *testing.T, args ...string) *ran {
	t.Helper()
	var out, errOut bytes.Buffer
	e := &env{stdout: &out, stderr: &errOut, version: "TEST", now: func() time.Time { return time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC) }}
	code := run(t.Context(), e, append([]string{"lifeboat", "audit", "--progress", "none"}, args...))
	return &ran{args, code, out.String(), errOut.String()}
}

func TestGoldenAudits(t *testing.T) {
	golden, err := filepath.Abs(filepath.Join("testdata", "audit"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range goldenAudits() {
		t.Run(c.name, func(t *testing.T) {
			s := openScene(t, c.scene)
			if c.change != nil {
				c.change(s)
			}
			before := inputs(t, ".")
			for _, form := range []struct{ format, ext string }{{report.Text, ".txt"}, {report.JSON, ".json"}} {
				o := audited(t, append(c.args, "--format", form.format)...).want(t, c.code)
				if c.code == exitFailed {
					form.format, form.ext, o.out = report.Text, ".refusal.txt", o.err
				}
				file := filepath.Join(golden, c.name+form.ext)
				if *update {
					write(t, file, []byte(o.out))
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if o.out != string(want) {
					t.Errorf("not as in %s (-update writes it anew):\n%s", file, o)
				}
			}
			if now := inputs(t, "."); now != before {
				t.Errorf("an input was changed:\n%s\nbefore:\n%s", now, before)
			}
		})
	}
}

// A healthy archive's report fits on a screen, and its lines into 100 columns.
func TestAHealthyAuditFitsOnAScreen(t *testing.T) {
	for _, name := range []string{"healthy", "failover-joined"} {
		content, err := os.ReadFile(filepath.Join("testdata", "audit", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(content), "\n"); n > 40 {
			t.Errorf("%s takes %d lines", name, n)
		}
	}
	for _, c := range goldenAudits() {
		content, err := os.ReadFile(filepath.Join("testdata", "audit", c.name+".txt"))
		if err != nil && c.code != exitFailed {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
				t.Errorf("%s: a line of %d columns: %s", c.name, n, line)
			}
		}
	}
}

// Colour is for terminals, and not for those who ask for none.
func TestAuditIsColouredOnTerminalsOnly(t *testing.T) {
	openScene(t, "healthy")
	for _, c := range []struct {
		terminal bool
		env      string // NO_COLOR
		want     bool
	}{{true, "", true}, {false, "", false}, {true, "1", false}} {
		t.Setenv("NO_COLOR", c.env)
		t.Setenv("TERM", "xterm")
		var out, errOut bytes.Buffer
		e := &env{stdout: &out, stderr: &errOut, stdoutTerminal: c.terminal, version: "TEST"}
		if code := run(t.Context(), e, []string{"lifeboat", "audit", "--progress", "none", "--binlogs", "binlogs"}); code != 0 {
			t.Fatalf("exit %d: %s", code, errOut.String())
		}
		if got := strings.Contains(out.String(), "\x1b["); got != c.want {
			t.Errorf("%+v: coloured: %v", c, got)
		}
	}
}

func auditJSON(t *testing.T, args ...string) *report.Audit {
	t.Helper()
	o := audited(t, append(args, "--format", report.JSON)...)
	a := &report.Audit{}
	if err := json.Unmarshal([]byte(o.out), a); err != nil {
		t.Fatalf("%v\n%s", err, o)
	}
	return a
}

// A server into which another's log was loaded with its GTIDs is one server still.
func TestALoadedServersLogIsNoFailover(t *testing.T) {
	openScene(t, "failover")
	for _, f := range auditJSON(t, "--binlogs", "second").Findings {
		if f.Code == "failover" {
			t.Errorf("%+v", f)
		}
	}
}
