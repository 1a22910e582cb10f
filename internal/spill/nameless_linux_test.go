package spill

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNameless looks on while a folder makes a file, and sees none come: no moment at which a kill would leave one behind.
func TestNameless(t *testing.T) {
	dir := t.TempDir()
	if _, err := nameless(dir); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("the file system of the tests' folder has no files without a name")
	}
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, dir, unix.IN_CREATE); err != nil {
		t.Fatal(err)
	}
	f, err := Folder(dir).Create()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	event := make([]byte, 4096)
	if n, err := unix.Read(watch, event); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("a file had a name: %q, %v", event[:max(n, 0)], err)
	}
	if _, err := f.WriteAt([]byte("kept"), 3); err != nil {
		t.Error(err)
	}
	got := make([]byte, 4)
	if _, err := f.ReadAt(got, 3); err != nil || string(got) != "kept" {
		t.Errorf("%q, %v", got, err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("%v, %v", names, err)
	}
}

// TestFolderThatIsNot asks for files where none can be.
func TestFolderThatIsNot(t *testing.T) {
	if f, err := Folder(t.TempDir() + "/none").Create(); err == nil {
		f.Close()
		t.Error("a file in a folder that is not there")
	}
}
