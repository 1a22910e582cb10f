package torture

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/internal/target/folder"
	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
	"lifeboat/replay"
)

// TestEveryMessage cuts the connection at message 0, 1, 2 … of a restore, before the server has it and after, or has it refused with an error, until one
// comes through undisturbed; and likewise at each COMMIT. Each ends right, by going on by itself or when it is started again. It is one message of thirty and one COMMIT
// of two, others each time; with -points each of them, and one message of five where statements by the dozen end the windows of their own tables.
func TestEveryMessage(t *testing.T) {
	stride, commits := 30, 2
	switch {
	case *points > 0:
		stride, commits = 1, 1
	case testing.Short():
		stride, commits = 90, 4
	}
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			tiny, apart := tinyScene(t, kind), apartScene(t, kind)
			l := bareLab(t, kind)
			for _, rt := range []route{{name: "merge", image: "FULL", memory: 1 << 20}, {name: "base loaded", image: "FULL", memory: 1 << 20, baseLoaded: true},
				{name: "statements apart", image: "FULL", memory: 1 << 20, baseLoaded: true}, {name: "merge, statements apart", image: "FULL", memory: 1 << 20}} {
				s, step := tiny, stride
				if strings.HasSuffix(rt.name, "apart") {
					s, step = apart, max(stride, 5)
				}
				for _, f := range []fault{
					{name: "cut before message k = 0, 1, 2 …", proxy: testserver.CutBefore}, {name: "cut after message k = 0, 1, 2 …", proxy: testserver.CutAfter},
					{name: "cut before COMMIT k = 0, 1, 2 …", proxy: testserver.CutBefore, commits: true}, {name: "cut after COMMIT k = 0, 1, 2 …", proxy: testserver.CutAfter, commits: true},
					{name: "query k = 0, 1, 2 … fails", proxy: testserver.Refuse}, {name: "COMMIT k = 0, 1, 2 … fails", proxy: testserver.Refuse, commits: true},
				} {
					if f.commits {
						l.every(t, s, &rt, &f, commits, 4)
					} else {
						l.every(t, s, &rt, &f, step, 30)
					}
				}
			}
		})
	}
}

// every does the fault at each stride-th message, until a restore comes through undisturbed, which is to take more than least messages.
func (l *lab) every(t *testing.T, s *scene, rt *route, f *fault, stride, least int) {
	t.Helper()
	line := row{f.name, rt.name, l.kind, 0, 0}
	defer func() { tried.add(t, line) }()
	k := rand.IntN(stride)
	for done := true; done; k += stride {
		r := &run{t: t, l: l, s: s, r: rt, f: f, plan: s.plan(t, rt)}
		r.clear()
		l.proxy.Arm(f.proxy, k, f.commits)
		err := r.inProcess()
		_, done = l.proxy.Done()
		if f.proxy == testserver.Refuse && err != nil && strings.Contains(err.Error(), "trigger tr could not be made") { // it says so, and the rest is to be there
			exec1(t, l.db, "DROP TRIGGER IF EXISTS shop.tr; "+apartTrigger)
			err = nil
		}
		wrong := r.right()
		if err != nil {
			wrong = err.Error()
		}
		if wrong != "" {
			t.Errorf("%s, %s, at %d: %s", rt.name, f.name, k, wrong)
		}
		if done {
			line.count(wrong)
		}
	}
	if k < least {
		t.Errorf("%s, %s: only %d", rt.name, f.name, k)
	}
}

// errDisk is what a disk says that goes bad.
var errDisk = errors.New("input/output error")

// badDisk is a log whose k-th read fails, over all its files.
type badDisk struct {
	binlog.File
	left *atomic.Int64
}

func (b badDisk) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := b.File.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &badReader{ReadCloser: r, left: b.left}, nil
}

type badReader struct {
	io.ReadCloser
	left *atomic.Int64
}

// Read hands on little at a time: there are many reads then to fail at.
func (b *badReader) Read(p []byte) (int, error) {
	if b.left.Add(-1) < 0 {
		return 0, errDisk
	}
	return b.ReadCloser.Read(p[:min(len(p), 151)])
}

// reading is the source with the disk going bad at read k; passed tells whether it got that far.
func (s *scene) reading(k int) (src replay.Source, passed func() bool) {
	var left atomic.Int64
	left.Store(int64(k))
	src = replay.NewSource(s.archive, s.snapshot)
	for i := range src.Files {
		src.Files[i] = badDisk{src.Files[i], &left}
	}
	return src, func() bool { return left.Load() >= 0 }
}

// TestEveryRead fails read 0, 1, 2 … of the log, until a restore comes through. No failed one says that it is done, and the same restore
// with a disk that works goes on and ends right; a dump is there whole or not at all. Without -points it is tried with one kind of server.
func TestEveryRead(t *testing.T) {
	kinds := []string{testserver.MySQL97, testserver.MariaDB1011}
	if *points == 0 {
		kinds = kinds[1:]
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			s := tinyScene(t, kind)
			l := bareLab(t, kind)
			l.everyRead(t, s)
			l.everyReadOfDump(t, s)
		})
	}
}

func (l *lab) everyRead(t *testing.T, s *scene) {
	t.Helper()
	rt := route{name: "merge", image: "FULL", memory: 1}
	r := &run{t: t, l: l, s: s, r: &rt, plan: s.plan(t, &rt)}
	srv, err := target.Open(t.Context(), l.server.DSN(), nil)
	must(t, err)
	defer srv.Close()
	o := replay.Options{Workers: 2, Memory: 1}
	line := row{readFails, "small memory", l.kind, 0, 0}
	defer func() { tried.add(t, line) }()
	for k, passed := 0, false; !passed; k++ {
		r.clear()
		src, through := s.reading(k)
		_, err := replay.Restore(t.Context(), r.plan, src, srv, o)
		if passed = through(); passed != (err == nil) || err != nil && !errors.Is(err, errDisk) {
			t.Fatalf("restore, read %d: passed %v, %v", k, passed, err)
		}
		if err != nil {
			_, err = replay.Restore(t.Context(), r.plan, replay.NewSource(s.archive, s.snapshot), srv, o)
			must(t, err)
		}
		wrong := r.right()
		if wrong != "" {
			t.Errorf("restore, read %d: %s", k, wrong)
		}
		if !passed {
			line.count(wrong)
		}
	}
	if line.tried < 20 {
		t.Errorf("only %d reads", line.tried)
	}
}

const readFails = "read k = 0, 1, 2 … of the log fails"

// everyReadOfDump: what failed leaves no folder, and so is right.
func (l *lab) everyReadOfDump(t *testing.T, s *scene) {
	t.Helper()
	line := row{readFails, "output folder", l.kind, 0, 0}
	defer func() { tried.add(t, line) }()
	for k, passed := 0, false; !passed; k++ {
		src, through := s.reading(k)
		path := filepath.Join(t.TempDir(), "out")
		err := s.rebuild(t, src, path)
		if passed = through(); passed != (err == nil) || err != nil && !errors.Is(err, errDisk) {
			t.Fatalf("output, read %d: passed %v, %v", k, passed, err)
		}
		if _, err := os.Stat(path); passed != (err == nil) {
			t.Fatalf("output, read %d: passed %v, and its folder: %v", k, passed, err)
		}
		if passed {
			exec1(t, l.db, "DROP DATABASE IF EXISTS "+shop)
			loadDump(t, l.kind, l.server.Socket(), path)
			if d := dbstate.Differences(s.want, dbstate.Capture(t, l.db, shop, t.TempDir())); len(d) > 0 {
				t.Error(d)
			}
		} else {
			line.count("")
		}
	}
}

// rebuild writes the scene as a dump, as restore --output does.
func (s *scene) rebuild(t *testing.T, src replay.Source, path string) error {
	t.Helper()
	return s.rebuildWith(t.Context(), t, src, path, func() {})
}

// rebuildWith tells of its progress.
func (s *scene) rebuildWith(ctx context.Context, t *testing.T, src replay.Source, path string, here func()) error {
	t.Helper()
	out, err := folder.Create(path, folder.Options{Format: folder.SQL, Database: shop, Version: s.archive.Files[0].Format.ServerVersion, MariaDB: s.archive.Files[0].Format.MariaDB,
		Number: s.archive.Files[0].Format.VersionNumber(), Charset: s.plan(t, &route{name: "output"}).Charset})
	must(t, err)
	rt := route{name: "output", image: "FULL", memory: 64 << 20}
	if _, err = replay.Rebuild(ctx, s.plan(t, &rt), src, out, replay.Options{Workers: 2, Memory: 64 << 20, Report: func(replay.Progress) { here() }}); err == nil {
		_, err = out.Publish()
	}
	return errors.Join(err, out.Discard())
}

// loadDump loads a dump with the server's own client, as a person would.
func loadDump(t *testing.T, kind, socket, path string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(path, "*.sql"))
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("the dump is %v", files)
	}
	text, err := os.Open(files[0])
	must(t, err)
	defer text.Close()
	cmd := exec.Command(testserver.Bin(t, kind, "mysql"), "--no-defaults", "--default-character-set=binary", "-uroot", "-S", socket)
	cmd.Stdin = text
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("loading the dump: %v\n%s", err, out)
	}
}
