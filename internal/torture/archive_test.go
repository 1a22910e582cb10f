package torture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// TestChangingArchive changes an archive while a restore reads it, between the survey and the replay. What was verified is no longer
// what is read: the restore ends right, or says that it did not.
func TestChangingArchive(t *testing.T) {
	kind := testserver.MariaDB1011
	s := newScene(t, kind, "FULL")
	to := testserver.Start(t, kind)
	db := testserver.Open(t, to)
	files, err := filepath.Glob(filepath.Join(s.binlogs, "binlog.0*"))
	must(t, err)
	last := files[len(files)-2]
	whole, err := os.ReadFile(last)
	must(t, err)
	for _, c := range []struct {
		name   string
		change func() error
		right  bool // it may only end right
	}{
		{"grows", func() error { return os.WriteFile(last, append(bytes.Clone(whole), whole[4:]...), 0o644) }, false},
		{"is cut short", func() error { return os.Truncate(last, int64(len(whole)/2)) }, false},
		{"vanishes", func() error { return os.Remove(last) }, false},
		{"is emptied", func() error { return os.Truncate(last, 0) }, false},
		{"changes one bit", func() error {
			b := bytes.Clone(whole)
			b[len(b)/2] ^= 1
			return os.WriteFile(last, b, 0o644)
		}, false},
		{"becomes another file", func() error { return os.WriteFile(last, bytes.Repeat([]byte("x"), len(whole)), 0o644) }, false},
		{"is copied anew", func() error {
			if err := os.WriteFile(last+".new", whole, 0o644); err != nil {
				return err
			}
			return os.Rename(last+".new", last)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			exec1(t, db, "DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS _lifeboat")
			args := s.args(&routes()[0], to.DSN())
			args[slices.Index(args, "none")] = "json"
			code, said := changed(t, args, c.change)
			t.Logf("exit %d: %s", code, lastLine(said))
			if strings.Contains(said, "goroutine ") {
				t.Errorf("it panicked:\n%s", said)
			}
			if c.right && code != 0 {
				t.Errorf("exit %d\n%s", code, said)
			}
			if code == 0 {
				if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
					t.Errorf("done, but %v", d)
				}
			}
			must(t, os.WriteFile(last, whole, 0o644))
			// With the archive as it was, the same command goes on.
			// What the sum finds in the end may have been written behind the hole: that restore is begun anew, and says so each time.
			if strings.Contains(said, "does not close") {
				lifeboat(t, t.TempDir(), nil, s.args(&routes()[0], to.DSN())...).want(t, 1, "does not close")
				exec1(t, db, "DROP DATABASE shop; DROP DATABASE _lifeboat")
			}
			if code != 0 {
				lifeboat(t, t.TempDir(), nil, s.args(&routes()[0], to.DSN())...).want(t, 0)
			}
			if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
				t.Errorf("in the end: %v", d)
			}
		})
	}
}

// changed runs a restore, and changes something when its survey is done.
func changed(t *testing.T, args []string, change func() error) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIFEBOAT_") })
	r, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	var all strings.Builder
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		all.WriteString(in.Text() + "\n")
		var l struct{ Type, Phase string }
		if json.Unmarshal(in.Bytes(), &l) == nil && l.Type == "phase" && l.Phase == "survey log" {
			must(t, change())
		}
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), all.String()
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
