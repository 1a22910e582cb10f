package torture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
	"lifeboat/replay"
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
	file := files[len(files)/2]
	whole, err := os.ReadFile(file)
	must(t, err)
	noticed := 0 // a file that was read to its end just before is as it was verified
	for _, c := range []struct {
		name   string
		change func() error
		right  bool // it may only end right
	}{
		{"grows", func() error { return os.WriteFile(file, append(bytes.Clone(whole), whole[4:]...), 0o644) }, false},
		{"is cut short", func() error { return os.Truncate(file, int64(len(whole)/2)) }, false},
		{"is cut short between two events", func() error { return os.Truncate(file, boundary(t, file)) }, false},
		{"is another valid file of its name", func() error {
			text, err := os.ReadFile(files[len(files)/2-1])
			if err != nil {
				return err
			}
			return os.WriteFile(file, text, 0o644)
		}, false},
		{"vanishes", func() error { return os.Remove(file) }, false},
		{"is emptied", func() error { return os.Truncate(file, 0) }, false},
		{"changes one bit", func() error {
			b := bytes.Clone(whole)
			b[len(b)/2] ^= 1
			return os.WriteFile(file, b, 0o644)
		}, false},
		{"becomes another file", func() error { return os.WriteFile(file, bytes.Repeat([]byte("x"), len(whole)), 0o644) }, false},
		{"is copied anew", func() error {
			if err := os.WriteFile(file+".new", whole, 0o644); err != nil {
				return err
			}
			return os.Rename(file+".new", file)
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
			if code != 0 {
				noticed++
			}
			if c.right && code != 0 {
				t.Errorf("exit %d\n%s", code, said)
			}
			if code == 0 {
				if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
					t.Errorf("done, but %v", d)
				}
			}
			must(t, os.WriteFile(file, whole, 0o644))
			if code != 0 {
				for _, job := range dbstate.Texts(t, db, "SELECT state FROM _lifeboat.job") {
					var st struct{ From, To *replay.Cursor }
					must(t, json.Unmarshal([]byte(job[0]), &st))
					for _, at := range []*replay.Cursor{st.From, st.To} {
						if at != nil && binlog.CompareNames(at.File, filepath.Base(file)) > 0 {
							t.Errorf("it went on behind the file that was changed, to %s", at)
						}
					}
				}
				// With the archive as it was, the same command goes on.
				lifeboat(t, t.TempDir(), nil, s.args(&routes()[0], to.DSN())...).want(t, 0)
			}
			if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
				t.Errorf("in the end: %v", d)
			}
		})
	}
	if noticed < 4 {
		t.Errorf("only %d changes were noticed", noticed)
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

// boundary is a place between two transactions in the middle of a binlog.
func boundary(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	info, err := f.Stat()
	must(t, err)
	head := make([]byte, info.Size()/2)
	_, err = io.ReadFull(f, head)
	must(t, err)
	skim, err := binlog.SkimFile(bytes.NewReader(head), filepath.Base(path))
	must(t, err)
	return int64(skim.Good)
}
