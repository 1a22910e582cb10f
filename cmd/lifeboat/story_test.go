package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifeboat/internal/report"
	"lifeboat/internal/testserver"
	"lifeboat/replay/plan"
)

// The whole of an operator's night, on every kind of server: audit, refusal, plan, dry run, restore, proof.
func TestStory(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := disaster(t, kind)
			to := testserver.Start(t, kind)
			db := testserver.Open(t, to)
			before, files := databases(t, db), inputs(t, s.dir)
			from := []string{"--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--progress", "none"}
			with := func(command string, more ...string) []string {
				return append(append([]string{command}, from...), more...)
			}

			o := lifeboat(t, with("audit")...).want(t, 0, "COMPLETE", "1: drop-table", "--stop-before incident:1", "customers", "DROP TABLE", "crm")
			t.Log(o.out)
			audit := &report.Audit{}
			o = lifeboat(t, with("audit", "--format", "json")...).want(t, 0)
			if err := json.Unmarshal([]byte(o.out), audit); err != nil {
				t.Fatalf("%v\n%s", err, o)
			}
			checkAudit(t, audit)
			checkPage(t, with("audit"))

			o = lifeboat(t, with("restore", "--target", to.DSN())...).want(t, 1, "incident:1", "--stop-before incident:1", "--stop-after end", to.Socket())
			if offers := strings.Contains(o.err, "--skip incident:1"); offers == (kind == testserver.MariaDB1011) {
				t.Errorf("a skip is offered: %v; a MariaDB log does not tell sessions apart:\n%s", offers, o)
			}
			t.Log(o.err)
			lifeboat(t, with("restore", "--target", to.DSN(), "--dry-run")...).want(t, 1, "REFUSED", "--stop-before incident:1")
			lifeboat(t, with("plan")...).want(t, 1, "incident:1")

			saved := filepath.Join(t.TempDir(), "plan.json")
			lifeboat(t, with("plan", "--stop-before", "incident:1", "--into", "rescued", "-o", saved)...).want(t, 0)
			p := &plan.Plan{}
			if text, err := os.ReadFile(saved); err != nil || json.Unmarshal(text, p) != nil || p.Into != "rescued" || len(p.Routes) != 3 {
				t.Errorf("the saved plan: %+v, %v", p, err)
			}
			o = lifeboat(t, with("restore", "--stop-before", "incident:1", "--target", to.DSN(), "--dry-run")...).want(t, 0, "PLAN", "orders", "invoices", "before incident:1")
			t.Log(o.out)
			if now := databases(t, db); now != before {
				t.Errorf("the target was touched: %s, before: %s", now, before)
			}
			if now := inputs(t, s.dir); now != files {
				t.Errorf("an input was changed:\n%s\nbefore:\n%s", now, files)
			}

			o = lifeboat(t, with("restore", "--stop-before", "incident:1", "--target", to.DSN(), "--into", "rescued")...).want(t, 0, "DONE", "rescued")
			t.Log(o.out)
			verify := []string{"verify", "--database", "kept", "--target", to.DSN(), "--into", "rescued", "--against", s.server.DSN(), "--progress", "none"}
			o = lifeboat(t, verify...).want(t, 0, "THE SAME", "3 tables")
			t.Log(o.out)
			lifeboat(t, with("restore", "--stop-before", "incident:1", "--target", to.DSN(), "--into", "rescued")...).oneLine(t).want(t, 1, "--drop-existing", "rescued")

			runSaved(t, s, saved, to.DSN())
			lifeboat(t, verify...).want(t, 0, "THE SAME")
			if _, err := db.Exec("UPDATE rescued.orders SET note = x'00ff000002' WHERE id = 1"); err != nil {
				t.Fatal(err)
			}
			lifeboat(t, verify...).want(t, 12, "DIFFERENT", "orders", "different values")
			if now := inputs(t, s.dir); now != files {
				t.Errorf("an input was changed:\n%s\nbefore:\n%s", now, files)
			}
		})
	}
}

func checkAudit(t *testing.T, a *report.Audit) {
	t.Helper()
	if a.Schema != report.AuditSchema || a.ExitCode != 0 || len(a.Incidents) != 1 || len(a.Tables) != 3 || a.Snapshot == nil {
		t.Fatalf("%+v", a)
	}
	in := a.Incidents[0]
	if strings.Join(in.Tables, " ") != "orders customers" || !in.Exact || in.RowsLost == 0 || len(in.Statements) < 4 {
		t.Errorf("the incident: %+v", in)
	}
	for _, r := range a.Tables {
		want := report.BaseSnapshot
		if r.Name == "invoices" {
			want = report.BaseLog
		}
		if r.Base != want || want == report.BaseSnapshot && r.BaseRows != 39 {
			t.Errorf("table %+v, want its base %s", r, want)
		}
	}
	if len(a.Commands) == 0 || !regexp.MustCompile(`^lifeboat restore --binlogs \S+ --snapshot \S+ --database shop --stop-before incident:1 --target DSN$`).MatchString(a.Commands[0].Line) {
		t.Errorf("commands: %+v", a.Commands)
	}
}

// runSaved runs a saved plan: as it is, and with what must be refused.
func runSaved(t *testing.T, s *scene, saved, dsn string) {
	t.Helper()
	args := []string{"restore", "--plan", saved, "--binlogs", s.binlogs(), "--target", dsn, "--progress", "none"}
	lifeboat(t, append(args, "--drop-existing")...).oneLine(t).want(t, 1, "drop_existing", "make a new one")
	lifeboat(t, append(args, "--into", "other")...).oneLine(t).want(t, 1, "into (rescued in the plan, other now)")
	text, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	edited := filepath.Join(t.TempDir(), "edited.json")
	if err := os.WriteFile(edited, []byte(strings.Replace(string(text), `"lane": "fold"`, `"lane": "serial"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	// It is looked at before the target, where the database is by now.
	lifeboat(t, "restore", "--plan", edited, "--binlogs", s.binlogs(), "--dry-run", "--progress", "none").oneLine(t).want(t, 1, "tables (")
	redo := filepath.Join(t.TempDir(), "redo.json")
	lifeboat(t, "plan", "--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--into", "rescued", "--stop-before", "incident:1", "--drop-existing", "-o", redo, "--progress", "none").want(t, 0)
	lifeboat(t, "restore", "--plan", redo, "--binlogs", s.binlogs(), "--target", dsn, "--progress", "none").want(t, 0, "DONE")
}
