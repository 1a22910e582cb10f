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

// TestNetwork loses the network under a restore, with no word to either side: sessions stay on the server, with their locks. Lifeboat
// notices, and when the network is back ends what is left of itself on the server, and goes on.
func TestNetwork(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			line(t)
			o := testserver.Options(t, kind, "--skip-networking=0", "--port=3306", "--bind-address="+farAddress)
			o.Binary = inside(t, kind)
			server, err := scratch.Start(context.Background(), o)
			must(t, err)
			t.Cleanup(func() { must(t, server.Close()) })
			l := &lab{kind: kind, server: server, db: testserver.Open(t, server), proxy: testserver.NewProxy(t, server.Socket())}
			exec1(t, l.db, "CREATE USER lb@'198.51.100.%'; GRANT ALL ON *.* TO lb@'198.51.100.%'")
			s := newScene(t, kind, "FULL")
			for _, f := range []struct {
				name       string
				down, back []string
			}{
				{"link down", []string{"link", "set", near, "down"}, []string{"link", "set", near, "up"}},
				{"a firewall drops", []string{"-n", namespace, "route", "add", "blackhole", nearAddress + "/32"}, []string{"-n", namespace, "route", "del", "blackhole", nearAddress + "/32"}},
			} {
				for _, at := range []int{2, 120} {
					rt := routes()[0]
					r := &run{t: t, l: l, s: s, r: &rt}
					r.plan = s.plan(t, &rt)
					r.clear()
					o := quick()
					o.Connect = 2 * time.Second
					srv, err := target.Open(t.Context(), "lb@tcp("+farAddress+":3306)/", o)
					must(t, err)
					reports, lost := 0, false
					var went, noticed time.Time
					_, err = replay.Restore(t.Context(), r.plan, replay.NewSource(s.archive, s.snapshot), srv, replay.Options{
						Workers: 2, Memory: 1, Patience: 2 * time.Minute,
						Report: func(replay.Progress) {
							if reports++; reports == at {
								lost, went = true, time.Now()
								must(t, ip(t, f.down...))
							}
						},
						Waiting: func(err error, _ time.Duration) {
							t.Logf("%s, at report %d, after %v: %v", f.name, at, time.Since(went).Round(time.Millisecond), err)
							if noticed.IsZero() {
								noticed = time.Now()
								must(t, ip(t, f.back...))
							}
						},
					})
					srv.Close()
					if err != nil {
						t.Errorf("%s: %v", f.name, err)
					}
					if !lost || noticed.IsZero() {
						t.Fatalf("%s at report %d did not happen (%v) or was not noticed; there were %d reports", f.name, at, lost, reports)
					}
					if wrong := r.right(); wrong != "" {
						t.Errorf("%s: %s", f.name, wrong)
					}
				}
			}
		})
	}
}
