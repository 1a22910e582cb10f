package torture

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeboat/internal/target"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// lab is one target server behind a proxy, with the scenes of its kind.
type lab struct {
	kind   string
	starve func(*os.Process) error // see outOfMemory
	server *scratch.Server
	db     *sql.DB // past the proxy, as root
	proxy  *testserver.Proxy
	scenes map[string]*scene
}

func newLab(t *testing.T, kind string) *lab {
	t.Helper()
	l := bareLab(t, kind)
	for _, image := range []string{"FULL", "MINIMAL"} {
		l.scenes[image] = newScene(t, kind, image)
	}
	return l
}

// bareLab has no scenes.
func bareLab(t *testing.T, kind string) *lab {
	t.Helper()
	l := &lab{kind: kind, scenes: map[string]*scene{}}
	l.starve = outOfMemory(t)
	l.server = testserver.Start(t, kind)
	l.db = testserver.Open(t, l.server)
	l.db.SetMaxIdleConns(0) // the server gets killed: no connection of before is of use
	l.proxy = testserver.NewProxy(t, l.server.Socket())
	exec1(t, l.db, "CREATE USER lb@localhost; GRANT ALL ON *.* TO lb@localhost; CREATE USER weak@localhost; GRANT ALL ON shop.* TO weak@localhost; GRANT ALL ON _lifeboat.* TO weak@localhost")
	// Views and triggers of another's need it.
	definer := "SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER, SYSTEM_USER"
	if kind == testserver.MariaDB1011 {
		definer = "SET USER"
	}
	exec1(t, l.db, "GRANT "+definer+" ON *.* TO weak@localhost")
	if kind == testserver.MariaDB1011 {
		exec1(t, l.db, "REVOKE READ ONLY ADMIN, SUPER, CONNECTION ADMIN ON *.* FROM lb@localhost")
	} else {
		exec1(t, l.db, "REVOKE SUPER, CONNECTION_ADMIN ON *.* FROM lb@localhost")
	}
	return l
}

// run is one restore with one fault.
type run struct {
	t     *testing.T
	l     *lab
	s     *scene
	r     *route
	f     *fault
	plan  *plan.Plan
	admin *sql.Conn // held for the run: a server may be full

	happened bool       // the fault did
	meddling sync.Mutex // one at a time: what makes the fault and what heals it share admin
	healOnce sync.Once
	retries  int
	stops    []string // what a try ended with
	side     sync.WaitGroup
	undo     []func() // what the run changed for good
}

// after keeps what has to be put back behind the run.
func (r *run) after(undo func()) { r.undo = append(r.undo, undo) }

// snapshot is nil where the target holds the base.
func (r *run) snapshot() *snapshot.Snapshot {
	if r.r.baseLoaded {
		return nil
	}
	return r.s.snapshot
}

// clear puts the target where a restore begins.
func (r *run) clear() {
	for _, q := range []string{"DROP DATABASE IF EXISTS " + shop, "DROP DATABASE IF EXISTS _lifeboat"} {
		exec1(r.t, r.l.db, q)
	}
	if r.r.baseLoaded {
		r.s.load(r.t, r.l.db, r.l.server.Socket())
	}
}

// mostRuns is how often a restore may have to be started again before it counts as not right.
const mostRuns = 6

// quick limits make a fault show soon; a slow machine can at most be taken for a fault, and the restore goes on from it.
func quick() *target.Options {
	return &target.Options{Connect: 5 * time.Second, Silence: 500 * time.Millisecond, Statement: time.Minute}
}

// user is who lifeboat is on the target.
func (r *run) user() string {
	if r.f != nil && r.f.user != "" {
		return r.f.user
	}
	return "lb"
}

// inProcess restores, again and again if it stops, and heals the fault once it was noticed.
func (r *run) inProcess() error {
	var last error
	for range mostRuns {
		o := quick()
		if r.f == nil || r.f.patient {
			o.Silence, o.Connect = time.Minute, time.Minute // the message may be a login
		}
		srv, err := target.Open(r.t.Context(), r.l.proxy.As(r.user()), o)
		if err == nil {
			var res *replay.Result
			res, err = replay.Restore(r.t.Context(), r.plan, replay.NewSource(r.s.archive, r.snapshot()), srv, replay.Options{
				Workers: 2, Memory: r.r.memory, Spill: r.r.spill(r.t), BaseFirst: r.r.baseFirst, IndexesLaterFrom: 1, Patience: time.Minute,
				Waiting: func(error, time.Duration) {
					if r.retries++; r.f == nil || !r.f.stops {
						r.heal()
					}
				},
			})
			srv.Close()
			if err == nil {
				if len(res.Incomplete) > 0 && !r.doubtful() || res.Counts.Orphans > 0 {
					return fmt.Errorf("it says incomplete: %q, %d orphans", res.Incomplete, res.Counts.Orphans)
				}
				return nil
			}
		}
		last = err
		r.stops = append(r.stops, err.Error())
		r.heal()
	}
	return last
}

// doubtful reports that the restore rightly says it cannot be sure: of MariaDB's incomplete images no log tells an UPDATE from a REPLACE.
// What it makes of them here is right, and is compared like everything else.
func (r *run) doubtful() bool { return r.r.image == "MINIMAL" && r.l.kind == testserver.MariaDB1011 }

func (r *run) heal() {
	r.healOnce.Do(func() {
		r.l.proxy.Heal()
		if r.f != nil && r.f.heal != nil {
			r.meddling.Lock()
			defer r.meddling.Unlock()
			r.f.heal(r)
		}
	})
}

// lifeboat starts the program, and its result is what it printed and how it ended. kill, if any, ends it at the proxy's moment.
func (r *run) lifeboat(kill func(*os.Process) error) (code int, said string, err error) {
	if kill == nil {
		return r.program(func(*os.Process) {})
	}
	return r.program(func(p *os.Process) {
		if err := kill(p); err != nil && !gone(err) {
			r.t.Error(err)
		}
	})
}

// program is lifeboat, with do at the proxy's moment.
func (r *run) program(do func(*os.Process)) (code int, said string, err error) {
	cmd := exec.CommandContext(r.t.Context(), program, r.s.args(r.r, r.l.proxy.As(r.user()))...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIFEBOAT_") })
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	started := make(chan *os.Process, 1)
	r.l.proxy.Do(func() { do(<-started) })
	if err := cmd.Start(); err != nil {
		return 0, "", err
	}
	started <- cmd.Process
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), out.String(), nil
}

// right says what is not right on the target in the end; "" if all is.
func (r *run) right() string {
	left := dbstate.Texts(r.t, r.l.db, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ('_lifeboat', '"+shop+"')")
	switch {
	case !r.r.baseLoaded && (len(left) != 1 || left[0][0] != shop):
		return fmt.Sprintf("the target holds the databases %v", left)
	case r.r.baseLoaded: // a line is to remember it
		jobs := dbstate.Texts(r.t, r.l.db, "SELECT (SELECT COUNT(*) FROM _lifeboat.job), (SELECT COUNT(*) FROM _lifeboat.done)")
		if jobs[0][0] != "0" || jobs[0][1] != "1" {
			return fmt.Sprintf("jobs and what remembers them: %v", jobs)
		}
	}
	rows, err := os.MkdirTemp("", "lifeboat-torture-rows")
	must(r.t, err)
	defer os.RemoveAll(rows)
	return strings.Join(dbstate.Differences(r.s.want, dbstate.Capture(r.t, r.l.db, shop, rows)), "\n")
}
