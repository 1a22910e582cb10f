package scratch_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

// smallDisk is a folder on a file system of that many MiB. Where none can be mounted the test is left out:
// TestFileSizeLimit, which needs no rights, covers the same path.
func smallDisk(t *testing.T, mib int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("lifeboat-test", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestSmallDisk(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		for _, mib := range []int{4, 40} {
			t.Run(fmt.Sprintf("%d MiB", mib), func(t *testing.T) {
				o := testserver.Options(t, kind)
				o.Dir, o.TemplateDir = smallDisk(t, mib), ""
				begun := time.Now()
				_, err := scratch.Start(t.Context(), o)
				if !errors.Is(err, scratch.ErrDiskFull) {
					t.Fatalf("after %v: %v", time.Since(begun), err)
				}
				t.Logf("after %v: %v", time.Since(begun).Round(time.Millisecond), err)
			})
		}
	})
}

func TestDiskFillsWhileInUse(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		o := testserver.Options(t, kind)
		o.Dir = smallDisk(t, 260)
		s, err := scratch.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		db := testserver.Open(t, s)
		exec(t, db, "CREATE DATABASE d; CREATE TABLE d.t (a INT AUTO_INCREMENT PRIMARY KEY, b LONGTEXT)")
		for range 300 {
			if _, err = db.Exec("INSERT INTO d.t (b) VALUES (REPEAT(?,1000000))", "x"); err != nil {
				break
			}
		}
		if err = s.Explain(err); !errors.Is(err, scratch.ErrDiskFull) {
			t.Errorf("%v", err)
		}
		t.Log(err)
	})
}

func TestFileSizeLimit(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		o := testserver.Options(t, kind)
		o.TemplateDir = ""
		limited := filepath.Join(t.TempDir(), "mysqld")
		script := "#!/bin/sh\nulimit -f 8192\nexec '" + o.Binary + "' \"$@\"\n"
		// A process that another test starts meanwhile would hold the file open for writing, and then it cannot be run.
		syscall.ForkLock.RLock()
		err := os.WriteFile(limited, []byte(script), 0o700)
		syscall.ForkLock.RUnlock()
		if err != nil {
			t.Fatal(err)
		}
		o.Binary = limited
		begun := time.Now()
		_, err = scratch.Start(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "server.log") {
			t.Errorf("%v", err)
		}
		t.Logf("after %v: %v", time.Since(begun).Round(time.Millisecond), err)
	})
}
