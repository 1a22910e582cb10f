package acceptance

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// stop is when a restore under way gets a signal: so long after it has begun to write.
type stop struct {
	after  time.Duration
	signal syscall.Signal
}

// watched is a run and what its progress said.
type watched struct {
	*outcome
	wrote   time.Duration // from the first sign of writing to the end
	stopped bool
}

// line is what is read of a line of --progress json.
type line struct{ Type, Phase string }

// underway runs a restore with --progress json, and stops it if told to. Time counts from the end of the survey: what comes
// before writes nothing.
func underway(t *testing.T, args []string, at *stop) *watched {
	t.Helper()
	cmd := command(t.Context(), append(args, "--progress", "json")...)
	r, w, err := os.Pipe()
	must(t, err)
	cmd.Stderr = w
	out := &strings.Builder{}
	cmd.Stdout = out
	start := time.Now()
	must(t, cmd.Start())
	must(t, w.Close())

	g := &watched{outcome: &outcome{args: cmd.Args[1:]}}
	var begun time.Time
	var timer *time.Timer
	var said strings.Builder
	in := bufio.NewReader(r)
	for {
		text, err := in.ReadString('\n')
		said.WriteString(text)
		var l line
		if json.Unmarshal([]byte(text), &l) == nil && l.Type == "phase" && l.Phase == "survey log" {
			begun = time.Now()
			if at != nil {
				timer = time.AfterFunc(at.after, func() { _ = cmd.Process.Signal(at.signal) })
			}
		}
		if err == io.EOF {
			break
		}
		must(t, err)
	}
	r.Close()
	_ = cmd.Wait()
	if timer != nil {
		timer.Stop()
	}
	g.code, g.took = cmd.ProcessState.ExitCode(), time.Since(start)
	if !begun.IsZero() {
		g.wrote = time.Since(begun)
	}
	g.out, g.errOut = out.String(), said.String()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
		g.stopped = status.Signaled()
	}
	return g
}

// kills is how often the largest restore gets killed; more of them make a longer search for what one must not see.
var kills = flag.Int("kills", 20, "kills of the restore on MySQL 9.7")

// jobState is what a killed restore has noted on the target.
func jobState(t *testing.T, db *sql.DB) string {
	t.Helper()
	if !unfinished(t, db) {
		return "nothing noted"
	}
	// It may be on its way out: the statement that takes it away goes on when lifeboat is killed.
	var state string
	err := db.QueryRow("SELECT state FROM _lifeboat.job").Scan(&state)
	var gone *mysql.MySQLError
	switch {
	case errors.Is(err, sql.ErrNoRows), errors.As(err, &gone) && (gone.Number == 1049 || gone.Number == 1146):
		return "nothing noted"
	case err != nil:
		t.Fatal(err)
	}
	var st struct {
		Phase   string
		Window  int
		To, DDL any
	}
	if err := json.Unmarshal([]byte(state), &st); err != nil {
		t.Fatalf("%v: %s", err, state)
	}
	switch {
	case st.DDL != nil:
		return "in DDL"
	case st.To != nil:
		return "writing a window"
	case st.Phase == "log":
		return "reading the log"
	}
	return "in phase " + st.Phase
}

// TestKilledRestoresGoOn kills one restore again and again, at moments spread over all of it, and runs it again each time. Under -short the largest is like the others.
func TestKilledRestoresGoOn(t *testing.T) {
	often, largest := *kills, traffic{transactions: 20_000, ddl: 14, rows: 20_000}
	if testing.Short() {
		often, largest = min(often, 6), traffic{transactions: 6_000, ddl: 8, rows: 6000, args: []string{"--max-binlog-size=1M"}}
	}
	for _, c := range []struct {
		kind  string
		kills int
		x     traffic
	}{
		{testserver.MySQL97, often, largest},
		{testserver.MariaDB1011, 6, traffic{transactions: 6_000, ddl: 8, rows: 6000, args: []string{"--max-binlog-size=1M"}}},
		{testserver.MySQL56, 6, traffic{transactions: 6_000, ddl: 8, rows: 6000, args: append(testserver.GTID(testserver.MySQL56), "--max-binlog-size=1M")}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			s := disaster(t, c.kind, c.x)
			to, db := s.fresh(t)
			args := s.restore(to, "--memory", "16MiB")
			whole := underway(t, args, nil)
			whole.want(t, 0)
			dbstate.Same(t, db, shop, s.want)
			t.Logf("undisturbed: %v, of them writing %v", whole.took, whole.wrote)

			seed := uint64(time.Now().UnixNano())
			random := rand.New(rand.NewPCG(seed, 0))
			// A run begins where the last one was killed, so half of the whole takes a restore through about four kills.
			span := int64(whole.wrote / 2)
			killed, where := 0, map[string]int{}
			for killed < c.kills {
				drop(t, db)
				for killed < c.kills {
					at := stop{after: time.Duration(random.Int64N(span)), signal: syscall.SIGKILL}
					run := underway(t, args, &at)
					if !run.stopped {
						run.want(t, 0)
						dbstate.Same(t, db, shop, s.want)
						break
					}
					killed++
					noted := jobState(t, db)
					where[noted]++
					if noted == "nothing noted" && slices.Contains(strings.Fields(databases(t, db)), shop) { // it was done, and on its way out
						for late := time.Now().Add(time.Minute); unfinished(t, db); time.Sleep(10 * time.Millisecond) {
							if time.Now().After(late) {
								t.Fatal("the checkpoint does not go")
							}
						}
						dbstate.Same(t, db, shop, s.want)
						break
					}
				}
				if t.Failed() {
					t.Fatalf("seed %d: after %d kills: %v", seed, killed, where)
				}
			}
			if databases(t, db) != shop {
				lifeboat(t, args...).want(t, 0)
			}
			dbstate.Same(t, db, shop, s.want)
			if got := databases(t, db); got != shop {
				t.Errorf("the target holds the databases %q", got)
			}
			t.Logf("seed %d: where the kills fell: %v", seed, where)
			if c.kills >= 20 && where["writing a window"]+where["reading the log"]+where["in DDL"] < 3 {
				t.Errorf("too few kills fell into the log: %v", where)
			}
		})
	}
}

// unfinished reports that the target knows of a restore under way.
func unfinished(t *testing.T, db *sql.DB) bool {
	t.Helper()
	return strings.Contains(databases(t, db), "_lifeboat")
}

// drop removes the shop from a server.
func drop(t *testing.T, db *sql.DB) {
	t.Helper()
	if _, err := db.Exec("DROP DATABASE IF EXISTS " + shop); err != nil {
		t.Fatal(err)
	}
}

// TestStoppedRestores covers what may come between a stop and the next run.
func TestStoppedRestores(t *testing.T) {
	s := disaster(t, testserver.MySQL97, traffic{transactions: 10_000, ddl: 8, rows: 10_000, args: []string{"--max-binlog-size=4M"}})
	to, db := s.fresh(t)
	args := s.restore(to, "--memory", "16MiB")
	whole := underway(t, args, nil)
	whole.want(t, 0)
	dbstate.Same(t, db, shop, s.want)

	// stopped leaves an unfinished restore on the target.
	stopped := func(t *testing.T, signal syscall.Signal) *watched {
		t.Helper()
		drop(t, db)
		for part := time.Duration(2); part < 64; part *= 2 {
			if run := underway(t, args, &stop{after: whole.wrote / part, signal: signal}); run.stopped || run.code != 0 {
				return run
			}
			drop(t, db)
		}
		t.Fatal("the restore always came to its end before the signal")
		return nil
	}

	t.Run("another stop point is refused", func(t *testing.T) {
		stopped(t, syscall.SIGKILL)
		before := dbstate.Capture(t, db, shop, t.TempDir())
		first := strings.TrimSuffix(dbstate.Texts(t, db, "SELECT state FROM _lifeboat.job")[0][0], "\n")
		changed := slices.Clone(args)
		changed[slices.Index(changed, "--stop-before")+1] = middleOf(t, s.archive)
		lifeboat(t, changed...).want(t, 1).says(t, "unfinished", shop, "_lifeboat")
		dbstate.Same(t, db, shop, before)
		if now := dbstate.Texts(t, db, "SELECT state FROM _lifeboat.job")[0][0]; now != first {
			t.Errorf("the refusal changed the checkpoint from\n%s\nto\n%s", first, now)
		}
		lifeboat(t, args...).want(t, 0)
		dbstate.Same(t, db, shop, s.want)
	})

	t.Run("the printed command goes on after an interrupt", func(t *testing.T) {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			run := stopped(t, signal)
			run.want(t, 130)
			i := strings.LastIndex(run.errOut, "lifeboat restore ")
			if i < 0 {
				t.Fatalf("no command is printed:\n%s", run)
			}
			var said struct{ Error string }
			lines := strings.Split(strings.TrimSpace(run.errOut), "\n")
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &said); err != nil {
				t.Fatalf("%v:\n%s", err, run)
			}
			_, again, _ := strings.Cut(said.Error, "lifeboat restore ")
			shell := exec.CommandContext(t.Context(), "sh", "-c", program+" restore "+again)
			if out, err := shell.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", again, err, out)
			}
			dbstate.Same(t, db, shop, s.want)
		}
	})

	t.Run("another database is restored meanwhile", func(t *testing.T) {
		stopped(t, syscall.SIGKILL)
		lifeboat(t, append(args, "--into", "elsewhere")...).want(t, 0)
		dbstate.Same(t, db, "elsewhere", s.want)
		lifeboat(t, args...).want(t, 0)
		dbstate.Same(t, db, shop, s.want)
		if got := databases(t, db); got != "elsewhere "+shop {
			t.Errorf("the target holds the databases %q", got)
		}
	})
}

// middleOf is a place between two transactions in the middle of an archive: the beginning of a file.
func middleOf(t *testing.T, archive string) string {
	t.Helper()
	files := binlogs(t, archive)
	return filepath.Base(files[len(files)-2]) + ":4"
}
