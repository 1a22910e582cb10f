package archive

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestChangedWhileRead changes a verified file when half of it is read. Its reader ends with what was verified, or says that it cannot.
func TestChangedWhileRead(t *testing.T) {
	const name = "binlog.000001"
	whole := newServer(1, 1).begin().transactions(50).stop()
	half := len(whole) / 2
	for _, c := range []struct {
		name   string
		change func(path string) error
		right  bool
	}{
		{"nothing", func(string) error { return nil }, true},
		{"grows", func(path string) error { return os.WriteFile(path, append(bytes.Clone(whole), whole...), 0o644) }, true},
		{"copied anew", func(path string) error {
			if err := os.WriteFile(path+".new", whole, 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, true},
		{"cut short", func(path string) error { return os.Truncate(path, int64(half+10)) }, false},
		{"emptied", func(path string) error { return os.Truncate(path, 0) }, false},
		{"removed", os.Remove, false},
		{"replaced", func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("x"), len(whole)), 0o644) }, false},
	} {
		for _, before := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, whole, 0o644); err != nil {
				t.Fatal(err)
			}
			a, err := Open(t.Context(), []string{path}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if before {
				if err := c.change(path); err != nil {
					t.Fatal(err)
				}
			}
			got, err := func() ([]byte, error) {
				r, err := a.Files[0].Open(t.Context())
				if err != nil {
					return nil, err
				}
				defer r.Close()
				head := make([]byte, half)
				if _, err := io.ReadFull(r, head); err != nil {
					return nil, err
				}
				if !before {
					if err := c.change(path); err != nil {
						return nil, err
					}
				}
				rest, err := io.ReadAll(r)
				return append(head, rest...), err
			}()
			switch {
			case c.right && (err != nil || !bytes.Equal(got, whole)):
				t.Errorf("%s, before it is opened %v: %d of %d bytes, %v", c.name, before, len(got), len(whole), err)
			case !c.right && !errors.Is(err, ErrChanged):
				t.Errorf("%s, before it is opened %v: %v", c.name, before, err)
			}
		}
	}
}
