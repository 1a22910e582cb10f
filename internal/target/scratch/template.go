package scratch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// templateEdition goes up when initialize changes what it makes.
const templateEdition = "1"

// fromTemplate fills the data folder of f with a copy of a pristine one, which it makes if there is none yet. Several
// processes may ask for the same template at once; one makes it.
func fromTemplate(ctx context.Context, bin Binary, f *folder, o Options) error {
	if err := os.MkdirAll(o.TemplateDir, 0o755); err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	name := filepath.Join(o.TemplateDir, templateName(bin, o))
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		if err := makeTemplate(ctx, name, bin, f, o); err != nil {
			return err
		}
	}
	if err := os.Remove(f.data()); err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	if err := copyTree(f.data(), name); err != nil {
		return fmt.Errorf("scratch server: copying the template %s: %w", name, err)
	}
	return nil
}

func templateName(bin Binary, o Options) string {
	options := sha256.Sum256([]byte(templateEdition + "\n" + bin.Path + "\n" + strings.Join(initArgs(o.Args), "\n")))
	return fmt.Sprintf("%s-%s-%x", strings.ToLower(bin.Family.String()), bin.Version, options[:4])
}

// makeTemplate makes the template in the instance's own folder, which has a log and is swept after a crash, and moves a copy into place.
func makeTemplate(ctx context.Context, name string, bin Binary, f *folder, o Options) error {
	lock, err := os.OpenFile(name+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("scratch server: locking %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	if err := initialize(ctx, bin, f, o); err != nil {
		return err
	}
	// It holds the server's UUID, which no two servers may share; a server without it makes one.
	if err := os.Remove(filepath.Join(f.data(), "auto.cnf")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("scratch server: %w", err)
	}
	fresh := name + unfinished
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	if err := copyTree(fresh, f.data()); err != nil {
		return fmt.Errorf("scratch server: making the template %s: %w", name, err)
	}
	if err := os.RemoveAll(f.data()); err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	if err := os.Mkdir(f.data(), 0o700); err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	return os.Rename(fresh, name)
}

// copyTree copies a folder of plain files and folders; where the file system can, the files share their blocks.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case entry.IsDir():
			return os.Mkdir(target, 0o700)
		case entry.Type().IsRegular():
			return copyFile(target, path)
		}
		return fmt.Errorf("%s is neither a file nor a folder", path)
	})
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if clone(out, in) {
		return nil
	}
	return copySparse(out, in)
}

// copySparse leaves out blocks of zeros, which are most of a fresh data folder: logs and tablespaces are written ahead.
func copySparse(out, in *os.File) error {
	block, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	var size int64
	for {
		n, err := io.ReadFull(in, block)
		if n > 0 && !bytes.Equal(block[:n], zeros[:n]) {
			if _, err := out.WriteAt(block[:n], size); err != nil {
				return err
			}
		}
		size += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return out.Truncate(size)
		}
		if err != nil {
			return err
		}
	}
}
