package torture

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// What --memory 16MiB leaves the fold, and the most that the process takes beside.
const (
	spillFold   = 8 << 20
	spillBeside = 96 << 20
	programText = 16 << 20
)

// TestSpill restores an archive whose fold takes more than four times the memory that it gets, onto a fresh target and onto a loaded base: in
// one window, within the memory, and right. Its rows change all over, each in several parts of the log, and unique values move between them; and rows
// without a key that take as much again come, change and go.
// Without a server it becomes a dump within the memory, too, and what a server makes of that is verified within it.
func TestSpill(t *testing.T) {
	const rows, wide = 5_000, 3500
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := playScene(t, kind, "FULL", func(db *sql.DB) {
				exec1(t, db, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, code INT NOT NULL, v VARCHAR(4000) NOT NULL, UNIQUE KEY (code)); "+
					"CREATE TABLE shop.note (v VARCHAR(4000)); INSERT INTO shop.note VALUES ('same'), ('same')")
				var values []string
				for i := range rows {
					values = append(values, fmt.Sprintf("(%d,'as it was')", i))
				}
				exec1(t, db, "INSERT INTO shop.t (code, v) VALUES "+strings.Join(values, ",")+"; INSERT INTO shop.note SELECT CONCAT('old', id) FROM shop.t WHERE id <= 300")
			}, func(db *sql.DB) {
				for part := range 3 {
					for from := 0; from < rows; from += 500 {
						exec1(t, db, fmt.Sprintf("UPDATE shop.t SET v = REPEAT(CHAR(%d), %d) WHERE id %% 3 <> %d AND id BETWEEN %d AND %d", 'a'+part, wide, part, from, from+499))
					}
					exec1(t, db, fmt.Sprintf("DELETE FROM shop.t WHERE id %% 50 = %d", part))
					exec1(t, db, fmt.Sprintf("UPDATE shop.t SET code = code + %d WHERE id %% 4 = %d", 2*rows, part))
					exec1(t, db, fmt.Sprintf("INSERT INTO shop.t (id, code, v) VALUES (%d, %d, 'again'), (%d, %d, 'new')", 50+part, -1-part, 2*rows+part, -10-part))
					exec1(t, db, "DELETE FROM shop.note WHERE v = 'same' LIMIT 1")
					for from := 0; from < rows; from += 500 {
						exec1(t, db, fmt.Sprintf("INSERT INTO shop.note SELECT CONCAT(REPEAT(CHAR(%d), %d), id) FROM shop.t WHERE id %% 3 <> %d AND id BETWEEN %d AND %d", 'a'+part, wide, part, from, from+499))
					}
					exec1(t, db, fmt.Sprintf("DELETE FROM shop.note WHERE RIGHT(v, 2) = '%d7'; UPDATE shop.note SET v = CONCAT('new', v) WHERE v LIKE 'old%%%d'", part, part))
				}
			})
			for _, rt := range []route{{name: "fresh"}, {name: "base loaded", baseLoaded: true}} {
				t.Run(rt.name, func(t *testing.T) {
					to := testserver.Start(t, kind)
					db := testserver.Open(t, to)
					if rt.baseLoaded {
						s.load(t, db, to.Socket())
					}
					if windows := spilling(t, s.args(&rt, to.DSN())); windows != 1 {
						t.Errorf("not one window but %d", windows)
					}
					if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
						t.Error(d)
					}
				})
			}
			t.Run("dump, and verify", func(t *testing.T) {
				dump := filepath.Join(t.TempDir(), "dump")
				spilling(t, []string{"restore", "--binlogs", s.binlogs, "--database", shop, "--snapshot", s.dump, "--output", dump, "--progress", "none"})
				to := testserver.Start(t, kind)
				db := testserver.Open(t, to)
				loadDump(t, kind, to.Socket(), dump)
				if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
					t.Error(d)
				}
				args := []string{"verify", "--binlogs", s.binlogs, "--database", shop, "--snapshot", s.dump, "--target", to.DSN(), "--stop-after", "end", "--progress", "none"}
				bounded(t, args) // exit code 0: the same, and every table compared
				exec1(t, db, "UPDATE shop.t SET v = 'another' WHERE id = 4017")
				if out, err := exec.CommandContext(t.Context(), program, append(args, "--memory", "16MiB")...).CombinedOutput(); err == nil || !strings.Contains(string(out), "4017") {
					t.Errorf("one row more, and verify says %v: %s", err, out)
				}
			})
		})
	}
}

// spilling runs a restore in the least memory: four times as much as that leaves the fold goes to disk.
func spilling(t *testing.T, args []string) (windows int) {
	t.Helper()
	var said struct {
		Windows int   `json:"windows"`
		Spilled int64 `json:"spilled_bytes"`
	}
	must(t, json.Unmarshal(bounded(t, append(args, "--stop-after", "end", "--format", "json")), &said))
	if t.Logf("%d MiB spilled", said.Spilled>>20); said.Spilled < 2*4*spillFold {
		t.Errorf("%d bytes spilled, of each kind of table less than four times the fold's memory", said.Spilled)
	}
	return said.Windows
}

// bounded runs the program in the least memory, and holds it to that.
func bounded(t *testing.T, args []string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append(args, "--memory", "16MiB", "--spill-dir", t.TempDir())...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	peak, err := testserver.Peak(cmd)
	if err != nil {
		t.Fatalf("%v: %s%s", err, complaint.String(), out.String())
	}
	t.Logf("%s: %d MiB at the peak", args[0], peak>>20)
	if most := int64(spillFold + spillBeside + programText); peak > most && !testserver.Race {
		t.Errorf("it took %d MiB, more than %d", peak>>20, most>>20)
	}
	return out.Bytes()
}
