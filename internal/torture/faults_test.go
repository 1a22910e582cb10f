package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
)

// fault is one way in which things go wrong.
type fault struct {
	name    string
	proxy   testserver.Fault // what happens at the moment
	commits bool             // moments are COMMITs, not messages
	do      func(r *run)     // what happens, if the proxy's fault is Hook
	heal    func(r *run)     // what the operator does when lifeboat waits or has stopped
	whole   func(r *run)     // what is wrong from the beginning
	signal  os.Signal        // the program gets it at the moment
	starve  bool             // the kernel sends it, for want of memory
	user    string
	restart bool                // the target ends, and is started again
	stops   bool                // it is healed once lifeboat has stopped, not while it waits
	patient bool                // nothing is to be taken for a fault only because it is slow
	check   func(r *run) string // beside the state in the end
}

func faults() []fault {
	return append(endings(), []fault{
		{name: "SIGKILL and restart of the target", proxy: testserver.Hook, do: killServer, heal: restartServer, restart: true},
		{name: "connection cut before a message", proxy: testserver.CutBefore},
		{name: "connection cut after a message", proxy: testserver.CutAfter},
		{name: "connection cut before a COMMIT", proxy: testserver.CutBefore, commits: true},
		{name: "connection cut after a COMMIT", proxy: testserver.CutAfter, commits: true},
		{name: "one connection stalls, no FIN", proxy: testserver.Stall},
		{name: "one connection stalls at a COMMIT", proxy: testserver.Stall, commits: true},
		{name: "everything is dropped silently", proxy: testserver.Silence},
		{name: "each message is delayed", proxy: testserver.Delay, patient: true, check: withoutStop},
		{name: "all connections killed (KILL)", proxy: testserver.Hook, do: killSessions},
		{name: "deadlocks and lock waits", proxy: testserver.Hook, do: lockRows},
		{name: "max_connections reached", proxy: testserver.Hook, do: fillServer, heal: set("max_connections", "151")},
		{name: "read_only switched on", proxy: testserver.Hook, do: readOnly("1"), heal: readOnly("0")},
		{name: "max_allowed_packet too small", whole: set("max_allowed_packet", "1024"), heal: set("max_allowed_packet", "1073741824")},
		{name: "odd sql_mode, time zone, wait_timeout=1", whole: oddServer, patient: true, check: withoutStop},
		{name: "a privilege taken away half-way", proxy: testserver.Hook, user: "weak", stops: true, do: revoke, heal: grant},
		{name: "a second lifeboat on the target", proxy: testserver.Hook, do: secondLifeboat, patient: true, check: withoutStop},
	}...)
}

// endings are the faults that end lifeboat.
func endings() []fault {
	return []fault{
		{name: "SIGKILL of lifeboat", proxy: testserver.Hook, signal: syscall.SIGKILL},
		{name: "SIGTERM of lifeboat", proxy: testserver.Hook, signal: syscall.SIGTERM},
		{name: "SIGINT of lifeboat", proxy: testserver.Hook, signal: syscall.SIGINT},
		{name: "the kernel's SIGKILL, out of memory", proxy: testserver.Hook, signal: syscall.SIGKILL, starve: true},
	}
}

// kill gives the way in which the fault ends lifeboat.
func (f *fault) kill(starve func(*os.Process) error) func(*os.Process) error {
	if f.starve {
		return starve
	}
	return send(f.signal)
}

// gone reports that a process could not be ended because it had ended by itself.
func gone(err error) bool {
	return errors.Is(err, os.ErrProcessDone) || errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// send gives the way to end a process by a signal.
func send(s os.Signal) func(*os.Process) error {
	return func(p *os.Process) error { return p.Signal(s) }
}

// stop reports that a process ends, lifeboat's or the target's.
func (f *fault) stop() bool { return f.signal != nil || f.restart }

func (r *run) root(query string) {
	if _, err := r.admin.ExecContext(context.Background(), query); err != nil {
		r.t.Errorf("%s: %v", query, err)
	}
}

func withoutStop(r *run) string {
	if len(r.stops) > 0 || r.retries > 0 {
		return fmt.Sprintf("it stopped: %d retries, %q", r.retries, r.stops)
	}
	return ""
}

func killServer(r *run) {
	if err := r.l.server.Kill(); err != nil {
		r.t.Error(err)
	}
}

func restartServer(r *run) {
	if err := r.l.server.Restart(context.Background()); err != nil {
		r.t.Error(err)
	}
}

func killSessions(r *run) { r.kill("lb") }

// kill ends every session of a user, over the connection that the run holds: the server may be full.
func (r *run) kill(user string) {
	rows, err := r.admin.QueryContext(context.Background(), "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '"+user+"'")
	if err != nil {
		r.t.Error(err)
		return
	}
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			r.t.Error(err)
		}
		ids = append(ids, id)
	}
	rows.Close()
	for _, id := range ids {
		_, _ = r.admin.ExecContext(context.Background(), "KILL "+id) // it may have gone by itself
	}
}

// lockRows is another client that takes lifeboat's marks and the rows in the order that makes for deadlocks, five times.
func lockRows(r *run) {
	r.side.Go(func() {
		for range 5 {
			c, err := r.l.db.Conn(context.Background())
			if err != nil {
				return
			}
			for _, q := range []string{"SET innodb_lock_wait_timeout=1", "BEGIN", "SELECT COUNT(*) FROM _lifeboat.lane FOR UPDATE", "DO SLEEP(0.1)", "SELECT COUNT(*) FROM shop.account FOR UPDATE",
				"SELECT COUNT(*) FROM shop.trail FOR UPDATE", "DO SLEEP(0.1)", "ROLLBACK"} {
				_, _ = c.ExecContext(context.Background(), q) // whoever loses a deadlock tries again
			}
			c.Close()
		}
	})
}

func set(name, value string) func(*run) {
	return func(r *run) { r.root("SET GLOBAL " + name + "=" + value) }
}

// fillServer leaves no connection: lifeboat's own are killed, and there is no place for new ones.
func fillServer(r *run) {
	r.root("SET GLOBAL max_connections=1")
	killSessions(r)
}

func readOnly(v string) func(*run) {
	return func(r *run) {
		name := "read_only"
		if r.l.kind == testserver.MySQL97 {
			name = "super_read_only"
		}
		set(name, v)(r)
		if v == "0" {
			set("read_only", v)(r)
		}
	}
}

// oddServer sets server defaults that would each spoil a restore whose sessions kept them.
func oddServer(r *run) {
	for _, q := range []string{"sql_mode='ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'", "time_zone='-11:00'", "wait_timeout=1", "autocommit=0",
		"completion_type=1", "sql_select_limit=1", "sql_safe_updates=1"} {
		name, value, _ := strings.Cut(q, "=")
		var was string
		if err := r.admin.QueryRowContext(context.Background(), "SELECT @@GLOBAL."+name).Scan(&was); err != nil {
			if name != "sql_safe_updates" && name != "sql_select_limit" {
				r.t.Fatal(err)
			}
			continue
		}
		set(name, value)(r)
		r.after(func() { set(name, quoteUnlessNumber(was))(r) })
	}
}

func quoteUnlessNumber(v string) string {
	if v != "" && strings.Trim(v, "0123456789") == "" {
		return v
	}
	return "'" + v + "'"
}

func revoke(r *run) {
	r.root("REVOKE ALL ON shop.* FROM weak@localhost")
	r.kill("weak") // sessions keep what they were given
}

func grant(r *run) { r.root("GRANT ALL ON shop.* TO weak@localhost") }

// secondLifeboat tries to restore while the first one does.
func secondLifeboat(r *run) {
	srv, err := target.Open(context.Background(), r.l.server.DSN(), quick())
	if err != nil {
		r.t.Error(err)
		return
	}
	defer srv.Close()
	_, err = replay.Restore(context.Background(), r.plan, replay.NewSource(r.s.archive, r.snapshot()), srv, replay.Options{Workers: 1, Memory: 1 << 20})
	if err == nil || !strings.Contains(err.Error(), "another lifeboat") || !strings.Contains(err.Error(), "KILL") {
		r.t.Errorf("the second lifeboat was not refused: %v (the first: %d retries, stops %q)", err, r.retries, r.stops)
	}
}

// try runs one restore with the fault at message k. It reports whether the fault came about, and what was not right.
func (l *lab) try(t *testing.T, rt *route, f *fault, k int) (happened bool, wrong string) {
	t.Helper()
	r := &run{t: t, l: l, s: l.scenes[rt.image], r: rt, f: f}
	r.plan = r.s.plan(t, rt)
	r.clear()
	var err error
	r.admin, err = l.db.Conn(context.Background())
	must(t, err)
	defer func() { r.admin.Close() }()
	l.proxy.Do(func() {
		if f.do != nil {
			r.meddling.Lock() // lifeboat may notice, and be healed, when it is half done
			defer r.meddling.Unlock()
			f.do(r)
		}
	})
	l.proxy.Arm(f.proxy, k, f.commits)
	if f.whole != nil {
		f.whole(r)
	}
	start := time.Now()
	if f.signal != nil {
		err = r.signalled()
	} else {
		err = r.inProcess()
	}
	if _, done := l.proxy.Done(); done || f.whole != nil {
		r.happened = true
	}
	happened = r.happened
	l.proxy.Arm(testserver.NoFault, 0, false)
	r.side.Wait()
	if f.heal != nil && happened {
		if f.restart { // root's connection went with it
			r.healOnce.Do(func() { restartServer(r) })
		} else {
			r.heal()
		}
	}
	for _, fn := range r.undo {
		fn()
	}
	switch {
	case err != nil:
		wrong = err.Error()
	case happened && f.check != nil && f.check(r) != "":
		wrong = f.check(r)
	default:
		wrong = r.right()
	}
	if testing.Verbose() {
		t.Logf("%s, %s, %s, at %d: happened %v, %d retries, stops %q, %v", l.kind, rt.name, f.name, k, happened, r.retries, r.stops, time.Since(start).Round(time.Millisecond))
	}
	return happened, wrong
}

// signalled runs the program, which gets the signal, and again until it is done.
func (r *run) signalled() error {
	sig := r.f.signal
	code, said, err := r.lifeboat(r.f.kill(r.l.starve))
	if err != nil {
		return err
	}
	_, r.happened = r.l.proxy.Done()
	done := func(code int) bool { return code == 0 || code == 3 && r.doubtful() }
	switch {
	case !r.happened && !done(code):
		return fmt.Errorf("exit %d\n%s", code, said)
	case done(code): // it was done, or on its way out
	case sig == syscall.SIGKILL && code == -1:
	case sig != syscall.SIGKILL && code == 130 && (strings.Contains(said, "lifeboat restore ") || strings.Contains(said, "nothing was changed")):
	default:
		return fmt.Errorf("exit %d after %v\n%s", code, sig, said)
	}
	if done(code) {
		return nil
	}
	r.l.proxy.Arm(testserver.NoFault, 0, false)
	code, said, err = r.lifeboat(nil)
	if err == nil && r.r.baseLoaded && code == 1 && strings.Contains(said, "replayed over this base already") {
		return nil // the signal came when all was done
	}
	if err != nil || !done(code) {
		return errors.Join(err, fmt.Errorf("the second run: exit %d\n%s", code, said))
	}
	return nil
}

// moments are n messages of total, evenly spread, each with some luck.
func moments(random *rand.Rand, total, n int) (out []int) {
	for i := range n {
		out = append(out, int((float64(i)+random.Float64())*float64(total)/float64(n)))
	}
	return out
}
