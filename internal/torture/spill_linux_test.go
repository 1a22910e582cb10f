package torture

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// TestSpill restores an archive whose fold takes more than four times the memory that it gets, onto a fresh target and onto a loaded base: in
// one window, within the memory, and right. Its rows change all over, each in several parts of the log, and unique values move between them.
func TestSpill(t *testing.T) {
	const rows, wide = 5_000, 3500
	const fold, beside = 8 << 20, 96 << 20 // what --memory 16MiB leaves the fold, and lets the process take
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := playScene(t, kind, "FULL", func(db *sql.DB) {
				exec1(t, db, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, code INT NOT NULL, v VARCHAR(4000) NOT NULL, UNIQUE KEY (code)); "+
					"CREATE TABLE shop.note (v VARCHAR(40)); INSERT INTO shop.note VALUES ('same'), ('same')")
				var values []string
				for i := range rows {
					values = append(values, fmt.Sprintf("(%d,'as it was')", i))
				}
				exec1(t, db, "INSERT INTO shop.t (code, v) VALUES "+strings.Join(values, ","))
			}, func(db *sql.DB) {
				for part := range 3 {
					for from := 0; from < rows; from += 500 {
						exec1(t, db, fmt.Sprintf("UPDATE shop.t SET v = REPEAT(CHAR(%d), %d) WHERE id %% 3 <> %d AND id BETWEEN %d AND %d", 'a'+part, wide, part, from, from+499))
					}
					exec1(t, db, fmt.Sprintf("DELETE FROM shop.t WHERE id %% 50 = %d", part))
					exec1(t, db, fmt.Sprintf("UPDATE shop.t SET code = code + %d WHERE id %% 4 = %d", 2*rows, part))
					exec1(t, db, fmt.Sprintf("INSERT INTO shop.t (id, code, v) VALUES (%d, %d, 'again'), (%d, %d, 'new')", 50+part, -1-part, 2*rows+part, -10-part))
					exec1(t, db, "DELETE FROM shop.note LIMIT 1")
				}
			})
			for _, rt := range []route{{name: "fresh"}, {name: "base loaded", baseLoaded: true}} {
				t.Run(rt.name, func(t *testing.T) {
					to := testserver.Start(t, kind)
					db := testserver.Open(t, to)
					if rt.baseLoaded {
						s.load(t, db, to.Socket())
					}
					cmd := exec.CommandContext(t.Context(), program, append(s.args(&rt, to.DSN()), "--memory", "16MiB", "--spill-dir", t.TempDir(), "--stop-after", "end", "--format", "json")...)
					var out, complaint bytes.Buffer
					cmd.Stdout, cmd.Stderr = &out, &complaint
					peak, err := testserver.Peak(cmd)
					if err != nil {
						t.Fatalf("%v: %s", err, complaint.String())
					}
					var said struct {
						Windows int   `json:"windows"`
						Spilled int64 `json:"spilled_bytes"`
					}
					must(t, json.Unmarshal(out.Bytes(), &said))
					if t.Logf("%d MiB spilled, %d MiB at the peak", said.Spilled>>20, peak>>20); said.Spilled < 4*fold || said.Windows != 1 {
						t.Errorf("%d bytes spilled, less than four times the fold's memory, or not one window but %d", said.Spilled, said.Windows)
					}
					const text = 16 << 20 // of the program
					if most := int64(fold + beside + text); peak > most && !testserver.Race {
						t.Errorf("it took %d MiB, more than %d", peak>>20, most>>20)
					}
					if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
						t.Error(d)
					}
				})
			}
		})
	}
}
