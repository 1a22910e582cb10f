package torture

import (
	"strings"
	"syscall"
	"testing"

	"lifeboat/internal/testserver"
)

// lastMessages are more than what a restore says to its target after the last row.
const lastMessages = 24

// TestKilledAtTheEnd kills a restore over a loaded base at each of its last messages, and gives the same command twice more. The log is
// never replayed over its own result: where the first had come to its end, or the second has, the next is refused and changes nothing.
func TestKilledAtTheEnd(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, kind)
			rt := baseLoadedRoute()
			rt.args = []string{"--connect-timeout", "1m", "--network-timeout", "1m"} // on a slow machine questions in between would count as messages
			f := &fault{name: "killed at the end"}
			begin := func() *run {
				r := &run{t: t, l: l, s: l.scenes[rt.image], r: &rt, f: f}
				r.clear()
				return r
			}
			l.proxy.Arm(testserver.NoFault, 0, false)
			if code, said, err := begin().lifeboat(nil); err != nil || code != 0 {
				t.Fatalf("undisturbed: exit %d, %v\n%s", code, err, said)
			}
			total, _ := l.proxy.Done()
			goneOn, ended := 0, 0
			for k := total - lastMessages; ; k++ {
				r := begin()
				l.proxy.Arm(testserver.Hook, k, false)
				code, said, err := r.lifeboat(send(syscall.SIGKILL))
				must(t, err)
				if _, killed := l.proxy.Done(); !killed {
					if code != 0 {
						t.Fatalf("at %d of %d: exit %d\n%s", k, total, code, said)
					}
					break
				}
				l.proxy.Arm(testserver.NoFault, 0, false)
				for again := range 2 {
					code, said, err = r.lifeboat(nil)
					must(t, err)
					switch {
					case code == 0 && again == 0:
						goneOn++
					case code == 1 && strings.Contains(said, "replayed over this base already"):
						ended++
					default:
						t.Fatalf("killed at %d of %d, run %d after that: exit %d\n%s", k, total, again+1, code, said)
					}
					if wrong := r.right(); wrong != "" {
						t.Fatalf("killed at %d of %d, run %d after that (exit %d): %s", k, total, again+1, code, wrong)
					}
				}
			}
			t.Logf("%d went on, %d were refused", goneOn, ended)
			if goneOn == 0 || ended <= goneOn {
				t.Errorf("%d went on, %d were refused: the kills missed the end", goneOn, ended)
			}
		})
	}
}

// TestInterruptedAtTheEnd interrupts a restore onto a fresh target at places of its end, and at each of its last messages. Either it says that it is done, or the same command goes on: never is it
// stopped where nothing is left to go on from.
func TestInterruptedAtTheEnd(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l, s, rt := bareLab(t, kind), tinyScene(t, kind), routes()[0]
			rt.args = []string{"--connect-timeout", "1m", "--network-timeout", "1m"}
			r := &run{t: t, l: l, s: s, r: &rt}
			again := func() {
				t.Helper()
				l.proxy.Arm(testserver.NoFault, 0, false)
				if code, said, err := r.lifeboat(nil); err != nil || code != 0 {
					t.Fatalf("exit %d, %v\n%s", code, err, said)
				}
			}
			r.clear()
			again()
			total, _ := l.proxy.Done()
			goneOn, done := 0, 0
			for k := total - 5*lastMessages; ; k++ {
				if k < total-lastMessages {
					k += 7
				}
				r.clear()
				l.proxy.Arm(testserver.Hook, k, false)
				code, said, err := r.lifeboat(send(syscall.SIGTERM))
				must(t, err)
				_, sent := l.proxy.Done()
				switch {
				case code == 130:
					goneOn++
					again()
				case code == 0:
					done++
				default:
					t.Fatalf("interrupted at %d of %d: exit %d\n%s", k, total, code, said)
				}
				if wrong := r.right(); wrong != "" {
					t.Fatalf("interrupted at %d of %d (exit %d): %s", k, total, code, wrong)
				}
				if !sent {
					break
				}
			}
			t.Logf("%d went on, %d were done", goneOn, done)
			if goneOn == 0 || done < 2 {
				t.Errorf("%d went on, %d were done: the interrupts missed the end", goneOn, done)
			}
		})
	}
}
