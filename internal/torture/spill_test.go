package torture

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/spill"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
)

// badStorage is a disk for temporary files whose k-th step fails.
type badStorage struct {
	spill.Folder
	left *atomic.Int64
}

type badSpill struct {
	spill.File
	left *atomic.Int64
}

func (b badStorage) Create() (spill.File, error) {
	if b.left.Add(-1) < 0 {
		return nil, errDisk
	}
	f, err := b.Folder.Create()
	return badSpill{f, b.left}, err
}

func (b badSpill) WriteAt(p []byte, at int64) (int, error) {
	if b.left.Add(-1) < 0 {
		return 0, errDisk
	}
	return b.File.WriteAt(p, at)
}

func (b badSpill) ReadAt(p []byte, at int64) (int, error) {
	if b.left.Add(-1) < 0 {
		return 0, errDisk
	}
	return b.File.ReadAt(p, at)
}

// TestEverySpill fails step 0, 1, 2 … of the disk that a fold spills to, until a restore comes through. No failed one says that it is done,
// and the same restore with a disk that works goes on and ends right. Without -points it is one step of seven, others each time.
func TestEverySpill(t *testing.T) {
	stride := 7
	if *points > 0 {
		stride = 1
	}
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := bareLab(t, kind)
			s := tinyScene(t, kind)
			for _, rt := range []route{{name: "spill", image: "FULL", memory: 1}, {name: "spill, base loaded", image: "FULL", memory: 1, baseLoaded: true}} {
				l.everySpill(t, s, &rt, stride)
			}
		})
	}
}

func (l *lab) everySpill(t *testing.T, s *scene, rt *route, stride int) {
	t.Helper()
	line := row{"step k = 0, 1, 2 … of the spill's disk fails", rt.name, l.kind, 0, 0}
	defer func() { tried.add(t, line) }()
	r := &run{t: t, l: l, s: s, r: rt, plan: s.plan(t, rt)}
	srv, err := target.Open(t.Context(), l.server.DSN(), nil)
	must(t, err)
	defer srv.Close()
	restore := func(left int64) (passed bool, err error) {
		disk := badStorage{spill.Folder(t.TempDir()), new(atomic.Int64)}
		disk.left.Store(left)
		_, err = replay.Restore(t.Context(), r.plan, replay.NewSource(s.archive, r.snapshot()), srv, replay.Options{Workers: 2, Memory: rt.memory, Spill: disk})
		return disk.left.Load() >= 0, err
	}
	for k, passed := rand.IntN(stride), false; !passed; k += stride {
		r.clear()
		passed, err = restore(int64(k))
		if passed != (err == nil) || err != nil && !errors.Is(err, errDisk) {
			t.Fatalf("%s, step %d: passed %v, %v", rt.name, k, passed, err)
		}
		if err != nil {
			_, err = restore(1 << 40)
			must(t, err)
		}
		wrong := r.right()
		if wrong != "" {
			t.Errorf("%s, step %d: %s", rt.name, k, wrong)
		}
		if !passed {
			line.count(wrong)
		}
	}
	if line.tried == 0 {
		t.Errorf("%s: no step failed", rt.name)
	}
}

// spillingScene changes more rows than the least --memory holds.
func spillingScene(t *testing.T, kind string) *scene {
	return playScene(t, kind, "FULL", func(db *sql.DB) {
		exec1(t, db, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4")
		exec1(t, db, "CREATE TABLE shop.item (id INT PRIMARY KEY, v VARCHAR(2000), n INT)")
		exec1(t, db, "INSERT INTO shop.item VALUES (1, 'of the base', 1), (100000, 'of the base', 2)")
	}, func(db *sql.DB) {
		for i := range 14 {
			exec1(t, db, fmt.Sprintf("INSERT INTO shop.item SELECT %d + a.n * 10 + b.n + 10 * c.n + 100 * d.n, REPEAT(CHAR(97 + b.n), 900), %d FROM (SELECT 0 n) a, "+digits+" b, "+digits+" c, "+digits+" d", 1000*(i+1), i))
		}
		exec1(t, db, "UPDATE shop.item SET v = CONCAT(v, id) WHERE id % 3 = 0")
		exec1(t, db, "DELETE FROM shop.item WHERE id % 7 = 1")
	})
}

const digits = "(SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"

// TestKilledSpill ends lifeboat at moments spread over a restore whose fold goes to disk. The same command goes on, the result is right, and of the
// temporary files nothing stays.
func TestKilledSpill(t *testing.T) {
	kinds := []string{testserver.MySQL97, testserver.MariaDB1011}
	if *points == 0 {
		kinds = kinds[:1]
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			l := bareLab(t, kind)
			s := spillingScene(t, kind)
			for _, f := range endings() {
				if f.starve && l.starve == nil {
					t.Logf("left out, as no memory can be kept apart here: %s", f.name)
					continue
				}
				l.killSpill(t, s, &f)
			}
		})
	}
}

func (l *lab) killSpill(t *testing.T, s *scene, f *fault) {
	t.Helper()
	rt := routes()[0]
	line := row{f.name, "spill", l.kind, 0, 0}
	defer func() { tried.add(t, line) }()
	dir := t.TempDir()
	r := &run{t: t, l: l, s: s, r: &rt}
	begin := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), program, append(s.args(&rt, l.server.DSN()), "--memory", "16MiB", "--spill-dir", dir)...)
		cmd.Stderr = &bytes.Buffer{}
		return cmd
	}
	r.clear()
	start := time.Now()
	first := begin()
	said, err := first.Output()
	if err != nil {
		t.Fatalf("undisturbed: %v: %s", err, first.Stderr)
	}
	undisturbed := time.Since(start)
	t.Logf("undisturbed: %v, %s", undisturbed, lastLine(string(said)))
	moments := max(3, *points, *stops)
	for i := 0; i < moments || line.tried < moments && i < 5*moments; i++ {
		r.clear()
		cmd := begin()
		must(t, cmd.Start())
		begun := time.Now()
		endAt(t, cmd, f.kill(l.starve), time.Duration((float64(i%moments)+rand.Float64())*float64(undisturbed)/float64(moments)))
		code := cmd.ProcessState.ExitCode()
		switch {
		case code == 0:
			undisturbed = min(undisturbed, time.Since(begun))
		case code != -1 && (f.signal == syscall.SIGKILL || code != 130): // -1: a signal came before the program listens
			t.Fatalf("%s: exit %d: %s", f.name, code, cmd.Stderr)
		case f.signal == syscall.SIGKILL && r.right() == "": // killed when all was done
		default:
			if cmd = begin(); cmd.Run() != nil {
				t.Fatalf("the same command: %s", cmd.Stderr)
			}
		}
		wrong := r.right()
		if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
			wrong += fmt.Sprintf(" temporary files are left: %v, %v", names, err)
		}
		if wrong != "" {
			t.Error(wrong)
		}
		if code != 0 {
			line.count(wrong)
		}
	}
	if line.tried < moments/2 {
		t.Errorf("%s: only %d were ended before their end (%v undisturbed)", f.name, line.tried, undisturbed)
	}
}
