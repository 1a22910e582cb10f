package main

import (
	"database/sql"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
)

// words splits a command line as a shell does.
func words(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `lifeboat() { for w; do printf '%s\0' "$w"; done; }; `+line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// Every command line that an audit prints runs as it is, once the target is filled in. What it leaves in the database is
// looked at where it is plain what that must be.
func TestPrintedCommandsRun(t *testing.T) {
	for kind, names := range map[string][]string{
		testserver.MySQL97:     {"healthy", "story", "copies", "copies-same-file", "damaged", "gap", "torn", "mixed", "rename-swap", "one-create"},
		testserver.MariaDB1011: {"mariadb", "unsupported-values"},
	} {
		server := testserver.Start(t, kind)
		db := testserver.Open(t, server)
		for _, c := range goldenAudits() {
			if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+c.name+" ") {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				s := openScene(t, c.scene)
				if c.change != nil {
					c.change(s)
				}
				a := auditJSON(t, c.args...)
				if len(a.Commands) == 0 {
					t.Fatal("no commands")
				}
				for i, command := range a.Commands {
					if _, err := db.Exec("DROP DATABASE IF EXISTS shop"); err != nil {
						t.Fatal(err)
					}
					args := words(t, command.Line)
					for k := range args {
						if args[k] == whereTo {
							args[k] = server.DSN()
						}
					}
					o := lifeboat(t, append(args, "--progress", "none")...)
					incomplete := a.ExitCode == exitIncomplete || strings.Contains(command.Line, "--allow-incomplete") || len(noBase(a.Tables)) > 0
					if o.code != exitDone && (o.code != exitIncomplete || !incomplete) {
						t.Errorf("%s:\n%s", command.Purpose, o)
						continue
					}
					checkRestored(t, c.name, i, count(t, db))
				}
			})
		}
	}
}

// checkRestored knows how many customers each state must have.
func checkRestored(t *testing.T, name string, i int, got string) {
	t.Helper()
	want, known := map[string][]string{
		"healthy": {"customers 29"}, "copies": {"customers 29"}, "copies-same-file": {"customers 29"}, "gap": {"customers 15"},
		"story":       {"customers 19", "customers 23", "orders 35"}, // it ends before the tests' rows, without them, and with one table
		"mariadb":     {"customers 15", "orders 28"},
		"rename-swap": {"customers 11"},
		"mixed":       {"customers 11", "customers 15"},
		"one-create":  {"invoices 2"},
		// Before the rows that cannot be read, and without their table.
		"unsupported-values": {"customers 7", "customers 11"},
	}[name]
	if known && i < len(want) && !strings.Contains(" "+got+",", " "+want[i]+",") {
		t.Errorf("%s, command %d: %s, want %s", name, i+1, got, want[i])
	}
}

// count lists the tables of shop and how many rows they hold.
func count(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop' ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRow("SELECT COUNT(*) FROM shop." + name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %d", name, n))
	}
	return strings.Join(out, ", ")
}
