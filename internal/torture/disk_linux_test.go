package torture

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// stall gives a way to have reads of the files in dir by one process never come back, and one to let them; it skips where that cannot be.
func stall(t *testing.T, dir string) (stop func(*os.Process) error, heal func() error) {
	t.Helper()
	group, ok := group(t, "blkio")
	var at syscall.Stat_t
	must(t, syscall.Stat(dir, &at))
	const slowest = 1 // byte a second
	disk := fmt.Sprintf("%d:%d ", at.Dev>>8&0xfff, at.Dev&0xff|at.Dev>>12&0xfff00)
	if !ok || into(group, "blkio.throttle.read_bps_device", disk+strconv.Itoa(slowest)) != nil {
		t.Skip("no disk can be slowed down here")
	}
	stop = func(p *os.Process) error {
		// The kernel may have dropped parts of the program that it has not needed for a while, and those would have to come from that disk, too.
		if _, err := os.ReadFile(program); err != nil {
			return err
		}
		err := into(group, "blkio.throttle.read_bps_device", disk+strconv.Itoa(slowest))
		if err := errors.Join(err, into(group, "cgroup.procs", strconv.Itoa(p.Pid))); err != nil {
			return err
		}
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		for _, path := range files {
			err = errors.Join(err, forget(path))
		}
		return err
	}
	return stop, func() error { return into(group, "blkio.throttle.read_bps_device", disk+"0") }
}

// forget has the kernel keep nothing of a file in memory.
func forget(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	const dontNeed = 4 // POSIX_FADV_DONTNEED
	if _, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// TestStalledDisk has the disk under the archive stop answering in the middle of a restore. It ends in its time, with a word on it, or when it is told to; and
// with a disk that answers it goes on.
func TestStalledDisk(t *testing.T) {
	kind := testserver.MariaDB1011
	l := bareLab(t, kind)
	s := newScene(t, kind, "FULL")
	stop, heal := stall(t, s.binlogs)
	for _, c := range []struct {
		name, limit string
		interrupt   bool
		code        int
		said        string
	}{
		{"its time is over", "5s", false, 1, "the disk did not answer for 5s"},
		{"interrupted", "1h", true, 130, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			stalled := 0
			for k := 0; k <= 90; k += 30 { // 0: while the log is surveyed, which a server is asked about first
				rt := routes()[0]
				rt.args = []string{"--read-timeout", c.limit}
				r := &run{t: t, l: l, s: s, r: &rt}
				r.clear()
				var at time.Time
				l.proxy.Arm(testserver.Hook, k, false)
				code, said, err := r.lifeboat(func(p *os.Process) error {
					at = time.Now()
					if c.interrupt {
						time.AfterFunc(3*time.Second, func() { _ = p.Signal(os.Interrupt) })
					}
					return stop(p)
				})
				must(t, err)
				took := time.Since(at).Round(time.Millisecond)
				must(t, heal())
				t.Logf("at message %d: exit %d after %v: %s", k, code, took, lastLine(said))
				if code != 0 {
					stalled++
					if code != c.code || !strings.Contains(said, c.said) {
						t.Errorf("exit %d: %s", code, said)
					}
					if took > 10*time.Minute { // far from the hour; a thread that the kernel has in its hands for the disk may keep the process for two
						t.Errorf("it took %v", took)
					}
					l.proxy.Arm(testserver.NoFault, 0, false)
					rt.args = nil
					if code, said, err = r.lifeboat(nil); err != nil || code != 0 {
						t.Fatalf("again: exit %d, %v\n%s", code, err, said)
					}
				}
				if wrong := r.right(); wrong != "" {
					t.Errorf("at message %d: %s", k, wrong)
				}
			}
			if stalled == 0 {
				t.Error("no read stalled")
			}
		})
	}
}

// largeScene logs some 40 MB, in rows of up to 8 MB, and a transaction of many.
func largeScene(t *testing.T, kind string) *scene {
	return playScene(t, kind, "FULL", func(db *sql.DB) {
		exec1(t, db, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4; CREATE TABLE shop.large (id INT PRIMARY KEY, v LONGBLOB); INSERT INTO shop.large VALUES (0, REPEAT('base', 250000))")
	}, func(db *sql.DB) {
		exec1(t, db, "CREATE TABLE shop.more (v LONGBLOB, id INT)") // without a key
		for i := range 20 {
			exec1(t, db, fmt.Sprintf("INSERT INTO shop.large VALUES (%d, REPEAT('%d', 1000000))", i+1, i%10))
		}
		exec1(t, db, "ALTER TABLE shop.large ADD COLUMN n INT DEFAULT 3")
		exec1(t, db, "INSERT INTO shop.large VALUES (100, REPEAT('x', 8000000), 1)")
		exec1(t, db, "INSERT INTO shop.more SELECT v, id FROM shop.large WHERE id < 10")
		exec1(t, db, "UPDATE shop.large SET v = CONCAT(v, 'y'), n = id WHERE id % 3 = 0")
	})
}

// TestTargetDiskFills restores onto servers whose disk fills up at one place after the other. The restore ends in its time and says why; with room on the disk, and
// the server started again if it did not bear it, the same command goes on.
func TestTargetDiskFills(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := largeScene(t, kind)
			full := 0
			for _, room := range []int64{1, 16, 40} {
				dir := t.TempDir()
				size := func(bytes int64, flags uintptr) {
					t.Helper()
					if err := syscall.Mount("lifeboat-test", dir, "tmpfs", flags, fmt.Sprintf("size=%d", bytes)); err != nil {
						t.Skipf("no file system can be mounted here: %v", err)
					}
				}
				const plenty = 1 << 30
				size(plenty, 0)
				o := testserver.Options(t, kind)
				o.Dir = dir
				server, err := scratch.Start(t.Context(), o)
				must(t, err)
				var disk syscall.Statfs_t
				must(t, syscall.Statfs(dir, &disk))
				size(int64(disk.Blocks-disk.Bfree)*disk.Bsize+room<<20, syscall.MS_REMOUNT)
				args := append(s.args(&routes()[0], server.DSN()), "--retry-for", "5s")
				start := time.Now()
				e := lifeboat(t, dir, nil, args...)
				took := time.Since(start)
				t.Logf("%d MiB of room: exit %d after %v: %s", room, e.code, took.Round(time.Millisecond), lastLine(e.said))
				size(plenty, syscall.MS_REMOUNT)
				if e.code != 0 {
					full++
					if e.code != 1 || took > 2*time.Minute || strings.Contains(e.said, "goroutine ") {
						t.Errorf("exit %d after %v: %s", e.code, took, e.said)
					}
					alive := testserver.Open(t, server).Ping() == nil
					if kind == testserver.MySQL97 && alive && !strings.Contains(e.said, "disk is full") { // MariaDB does not say so itself
						t.Errorf("it does not say why: %s", e.said)
					}
					if !alive { // what a server without a disk does, if it cannot write its own log
						must(t, server.Restart(t.Context()))
					}
					lifeboat(t, dir, nil, args...).want(t, 0)
				}
				if d := dbstate.Differences(s.want, dbstate.Capture(t, testserver.Open(t, server), shop, t.TempDir())); len(d) > 0 {
					t.Errorf("%d MiB of room: %v", room, d)
				}
				must(t, server.Close())
				must(t, syscall.Unmount(dir, syscall.MNT_DETACH))
			}
			if full < 2 {
				t.Errorf("the disk was full %d times", full)
			}
		})
	}
}

// TestSmallRedoLog restores rows that are larger than the server's redo log, with another transaction open all the time. It comes through, or says why
// not, and goes on when the log is large enough.
func TestSmallRedoLog(t *testing.T) {
	for kind, option := range map[string]string{testserver.MySQL97: "--innodb-redo-log-capacity=8M", testserver.MariaDB1011: "--innodb-log-file-size=4M"} {
		t.Run(kind, func(t *testing.T) {
			s := largeScene(t, kind)
			o := testserver.Options(t, kind, option)
			o.TemplateDir = "" // the log is as large as it was made
			server, err := scratch.Start(t.Context(), o)
			must(t, err)
			defer func() { must(t, server.Close()) }()
			db := testserver.Open(t, server)
			exec1(t, db, "CREATE DATABASE other; CREATE TABLE other.t (id INT PRIMARY KEY, v INT); INSERT INTO other.t VALUES (1, 1)")
			tx, err := db.BeginTx(t.Context(), nil)
			must(t, err)
			_, err = tx.Exec("UPDATE other.t SET v = 2")
			must(t, err)
			args := append(s.args(&routes()[0], server.DSN()), "--retry-for", "5s")
			start := time.Now()
			e := lifeboat(t, t.TempDir(), nil, args...)
			t.Logf("exit %d after %v: %s", e.code, time.Since(start).Round(time.Millisecond), lastLine(e.said))
			must(t, tx.Rollback())
			if e.code != 0 {
				e.want(t, 1)
				if kind != testserver.MySQL97 {
					t.Fatal("MariaDB has no rows too large for its log")
				}
				exec1(t, db, "SET GLOBAL innodb_redo_log_capacity = 1073741824")
				lifeboat(t, t.TempDir(), nil, args...).want(t, 0)
			}
			if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
				t.Error(d)
			}
		})
	}
}

// TestSpillDiskFills restores with a disk for temporary files that is too small, then one that is not.
func TestSpillDiskFills(t *testing.T) {
	kind := testserver.MySQL97
	l := bareLab(t, kind)
	s := spillingScene(t, kind)
	rt := routes()[0]
	r := &run{t: t, l: l, s: s, r: &rt}
	r.clear()
	dir := t.TempDir()
	if err := syscall.Mount("lifeboat-test", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) }()
	args := append(s.args(&rt, l.server.DSN()), "--memory", "16MiB", "--spill-dir", dir)
	e := lifeboat(t, filepath.Dir(dir), nil, args...).want(t, 1)
	for _, word := range []string{"no space left", dir, "lifeboat restore"} {
		if !strings.Contains(e.said, word) {
			t.Errorf("it does not say %q: %s", word, e.said)
		}
	}
	must(t, syscall.Mount("lifeboat-test", dir, "tmpfs", syscall.MS_REMOUNT, "size=100m"))
	lifeboat(t, filepath.Dir(dir), nil, args...).want(t, 0)
	if wrong := r.right(); wrong != "" {
		t.Error(wrong)
	}
}
