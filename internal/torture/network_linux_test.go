package torture

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/target"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
	"lifeboat/replay"
)

// The two ends of the line, in a network of documentation (RFC 5737).
const (
	namespace, near, far    = "lifeboat-test", "lifeboat0", "lifeboat1"
	nearAddress, farAddress = "198.51.100.1", "198.51.100.2"
)

func ip(t *testing.T, args ...string) error {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		t.Logf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return err
}

// line makes a network namespace with a pair of devices that leads there. It needs root; elsewhere the same faults go through
// the proxy (TestTable), except that there the server always sees its client go.
func line(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("there is no ip command (iproute2)")
	}
	if err := ip(t, "netns", "add", namespace); err != nil {
		t.Skip("no network namespace can be made here")
	}
	t.Cleanup(func() {
		_ = ip(t, "link", "del", near) // at once; a namespace takes its devices along when the kernel comes to it
		_ = ip(t, "netns", "del", namespace)
	})
	for _, args := range [][]string{
		{"link", "add", near, "type", "veth", "peer", "name", far},
		{"link", "set", far, "netns", namespace},
		{"addr", "add", nearAddress + "/24", "dev", near},
		{"link", "set", near, "up"},
		{"-n", namespace, "addr", "add", farAddress + "/24", "dev", far},
		{"-n", namespace, "link", "set", far, "up"},
		{"-n", namespace, "link", "set", "lo", "up"},
	} {
		must(t, ip(t, args...))
	}
}

// inside is a program that starts the kind's server in the namespace.
func inside(t *testing.T, kind string) string {
	t.Helper()
	server := testserver.Server(t, kind)
	path := filepath.Join(t.TempDir(), filepath.Base(server))
	must(t, os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\nexec ip netns exec %s '%s' \"$@\"\n", namespace, server), 0o755))
	return path
}

// lose has the kernel throw away a share of the packets that come in at either end of the line, in percent. 0 ends it.
func lose(t *testing.T, percent int) {
	t.Helper()
	for _, end := range []struct {
		device string
		nft    []string
	}{{near, []string{"nft"}}, {far, []string{"ip", "netns", "exec", namespace, "nft"}}} {
		run := func(script string) error {
			cmd := exec.Command(end.nft[0], append(end.nft[1:], "-f", "-")...)
			cmd.Stdin = strings.NewReader(script)
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("nft: %w: %s", err, out)
			}
			return err
		}
		table := "lifeboat_" + end.device
		must(t, run("add table inet "+table+"; delete table inet "+table+"\n"))
		if percent > 0 {
			which := fmt.Sprintf("numgen random mod 100 < %d", percent)
			if percent == 100 {
				which = ""
			}
			must(t, run(fmt.Sprintf("table inet %s { chain lose { type filter hook input priority 0; iifname %q %s drop; }; }\n", table, end.device, which)))
		}
	}
}

// TestNetwork loses the network under a restore, with no word to either side: sessions stay on the server, with their locks. Lifeboat
// notices, and when the network is back ends what is left of itself on the server, and goes on.
func TestNetwork(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			l := farLab(t, kind)
			s := newScene(t, kind, "FULL")
			for _, f := range []struct {
				name       string
				down, back func() error
			}{
				{"the link goes down", func() error { return ip(t, "link", "set", near, "down") }, func() error { return ip(t, "link", "set", near, "up") }},
				{"a firewall drops silently", func() error { return ip(t, "-n", namespace, "route", "add", "blackhole", nearAddress+"/32") },
					func() error { return ip(t, "-n", namespace, "route", "del", "blackhole", nearAddress+"/32") }},
			} {
				line := row{f.name, "small memory", kind, 0, 0}
				for _, at := range []int{2, 120} {
					o := quick()
					o.Connect = 2 * time.Second
					reports, lost := 0, false
					var went, noticed time.Time
					err := l.acrossLine(t, s, o, replay.Options{
						Workers: 2, Memory: 1, Patience: 2 * time.Minute,
						Report: func(replay.Progress) {
							if reports++; reports == at {
								lost, went = true, time.Now()
								must(t, f.down())
							}
						},
						Waiting: func(err error, _ time.Duration) {
							t.Logf("%s, at report %d, after %v: %v", f.name, at, time.Since(went).Round(time.Millisecond), err)
							if noticed.IsZero() {
								noticed = time.Now()
								must(t, f.back())
							}
						},
					})
					if !lost || noticed.IsZero() {
						t.Fatalf("%s at report %d did not happen (%v) or was not noticed; there were %d reports", f.name, at, lost, reports)
					}
					wrong := l.rightAcross(t, s)
					if err != nil {
						wrong = err.Error()
					}
					if line.count(wrong); wrong != "" {
						t.Errorf("%s: %s", f.name, wrong)
					}
				}
				tried.add(t, line)
			}
		})
	}
}

// TestPacketLoss restores across a line that loses packets both ways: some of them, many, then all for a while. It comes through or, where so
// many are lost that nothing gets done any more, gives up in its time, and goes on over a better line. Without -points it is tried with one kind of server, and with so many lost not at all.
func TestPacketLoss(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("there is no nft command (nftables)")
	}
	kinds := []string{testserver.MySQL97, testserver.MariaDB1011}
	if *points == 0 {
		kinds = kinds[1:]
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			l := farLab(t, kind)
			s := tinyScene(t, kind)
			t.Cleanup(func() { lose(t, 0) })
			for _, f := range []struct {
				name    string
				percent int
				all     bool // from some moment on, until it is noticed
				most    bool // so many that it is not to wait for long
			}{
				{"1 % of packets are lost", 1, false, false},
				{"10 % of packets are lost", 10, false, false},
				{"30 % of packets are lost", 30, false, true},
				{"10 % of packets are lost, then all for a while", 10, true, false},
			} {
				if f.most && *points == 0 {
					continue
				}
				line := row{f.name, "merge", kind, 0, 0}
				for range max(1, *points/2) {
					wrong := l.lossy(t, s, f.percent, f.all, f.most)
					if line.count(wrong); wrong != "" {
						t.Errorf("%s: %s", f.name, wrong)
					}
				}
				tried.add(t, line)
			}
		})
	}
}

// lossy restores while packets are lost.
func (l *lab) lossy(t *testing.T, s *scene, percent int, all, most bool) (wrong string) {
	t.Helper()
	o := &target.Options{Connect: 10 * time.Second, Silence: 10 * time.Second, Statement: time.Minute}
	how := replay.Options{Workers: 2, Memory: 1 << 20, Patience: 3 * time.Minute}
	if most {
		how.Patience = 20 * time.Second
	}
	reports, waited := 0, 0
	how.Report = func(replay.Progress) {
		if reports++; reports == 4 && all {
			lose(t, 100)
		}
	}
	how.Waiting = func(error, time.Duration) {
		if waited++; all {
			lose(t, percent)
		}
	}
	start := time.Now()
	lose(t, percent)
	err := l.acrossLine(t, s, o, how)
	lose(t, 0)
	t.Logf("%d %% lost: %d retries, %v, %v", percent, waited, time.Since(start).Round(time.Millisecond), err)
	if all && waited == 0 {
		return fmt.Sprintf("nobody noticed that all is lost; there were %d reports", reports)
	}
	if target.Transient(err) { // given up
		how.Report, how.Waiting = nil, nil
		for _, id := range dbstate.Texts(t, l.db, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'lb'") { // as the refusal says, where the server does not know yet that they are gone
			_, _ = l.db.Exec("KILL " + id[0])
		}
		err = l.goOn(t, s, o, how)
	}
	if err != nil {
		return err.Error()
	}
	return l.rightAcross(t, s)
}

// farLab is a server at the other end of a line of its own.
func farLab(t *testing.T, kind string) *lab {
	t.Helper()
	line(t)
	o := testserver.Options(t, kind, "--skip-networking=0", "--port=3306", "--bind-address="+farAddress)
	o.Binary = inside(t, kind)
	server, err := scratch.Start(context.Background(), o)
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	l := &lab{kind: kind, server: server, db: testserver.Open(t, server), proxy: testserver.NewProxy(t, server.Socket())}
	exec1(t, l.db, "CREATE USER lb@'198.51.100.%'; GRANT ALL ON *.* TO lb@'198.51.100.%'")
	return l
}

// acrossLine restores across the line, from the beginning.
func (l *lab) acrossLine(t *testing.T, s *scene, o *target.Options, how replay.Options) error {
	t.Helper()
	rt := routes()[0]
	(&run{t: t, l: l, s: s, r: &rt}).clear()
	return l.goOn(t, s, o, how)
}

// goOn restores across the line, from where it is.
func (l *lab) goOn(t *testing.T, s *scene, o *target.Options, how replay.Options) error {
	t.Helper()
	srv, err := target.Open(t.Context(), "lb@tcp("+farAddress+":3306)/", o)
	for range 9 { // before a restore begins, nobody but the user tries again
		if err == nil {
			break
		}
		srv, err = target.Open(t.Context(), "lb@tcp("+farAddress+":3306)/", o)
	}
	if err != nil {
		return err
	}
	defer srv.Close()
	_, err = replay.Restore(t.Context(), s.plan(t, &routes()[0]), replay.NewSource(s.archive, s.snapshot), srv, how)
	return err
}

// rightAcross says what is not right in the end, asked by the server's socket.
func (l *lab) rightAcross(t *testing.T, s *scene) string {
	t.Helper()
	rt := routes()[0]
	return (&run{t: t, l: l, s: s, r: &rt}).right()
}
