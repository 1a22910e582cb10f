package torture

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// TestFewFiles restores with so few open files allowed that it stops at some place, then with more and more. It ends right, or says that
// it did not; and the same command goes on without the limit.
func TestFewFiles(t *testing.T) {
	kind := testserver.MariaDB1011
	s := tinyScene(t, kind)
	to := testserver.Start(t, kind)
	db := testserver.Open(t, to)
	stopped, done := 0, 0
	for n := 6; n <= 30; n += 2 {
		exec1(t, db, "DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS _lifeboat")
		args := append(s.args(&routes()[0], to.DSN()), "--retry-for", "2s")
		out, err := exec.CommandContext(t.Context(), "bash", append([]string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, n), program}, args...)...).CombinedOutput()
		if err == nil {
			done++
		} else {
			stopped++
			if strings.Contains(string(out), "goroutine ") && n > 8 { // with fewer the language's own runtime does not start
				t.Errorf("%d files: it panicked: %s", n, out)
			}
			lifeboat(t, t.TempDir(), nil, s.args(&routes()[0], to.DSN())...).want(t, 0)
		}
		t.Logf("%d files: %v %s", n, err, lastLine(string(out)))
		if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
			t.Errorf("%d files: %v", n, d)
		}
	}
	if stopped == 0 || done == 0 {
		t.Errorf("%d stopped, %d came through", stopped, done)
	}
}
