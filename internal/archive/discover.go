package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"lifeboat/internal/binlog"
	"lifeboat/internal/disk"
)

// candidate is a copy of a file: first as found, then as scanned.
type candidate struct {
	name   string
	path   string
	root   int // place of its folder among the paths given, for ties
	size   int64
	info   os.FileInfo
	pack   packing
	state  State
	err    error
	skim   *binlog.Skim
	bytes  int64 // uncompressed
	digest digest
	mu     sync.Mutex    // of stamps, once the archive is open
	stamps []os.FileInfo // of the files that hold it, before they were read
	pieces []Piece       // of several copies; empty: it is one
	used   bool          // it, or a piece of it, is read
}

// found is what the paths hold.
type found struct {
	candidates []*candidate
	findings   []Finding
	indexes    []indexFile
	ignored    int
	alike      map[likeness][]*candidate // those that may be one file
}

// likeness is what one file has in common with itself under another path.
type likeness struct{ size, modified int64 }

func discover(ctx context.Context, paths []string) (*found, error) {
	if len(paths) == 0 {
		return nil, fmt.Errorf("%w: no path was given", ErrNoBinlogs)
	}
	out := &found{alike: map[likeness][]*candidate{}}
	for i, p := range paths {
		info, err := disk.Stat(ctx, p)
		if err := gaveUp(ctx, p, err); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			if !info.Mode().IsRegular() {
				return nil, fmt.Errorf("%s: neither a file nor a folder", p)
			}
			if err := out.file(ctx, p, i, info, true); err != nil {
				return nil, err
			}
			continue
		}
		if err := out.folder(ctx, p, i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// folder looks at the files of one folder and, where none is a binlog, at the folders in it.
func (d *found) folder(ctx context.Context, dir string, root int) error {
	before := len(d.candidates)
	sub, err := d.files(ctx, dir, root)
	if err != nil {
		return err
	}
	for _, c := range d.candidates[before:] {
		if c.state != NotBinlog {
			return nil
		}
	}
	for _, s := range sub {
		if _, err := d.files(ctx, s, root); err != nil {
			return err
		}
	}
	return nil
}

func (d *found) files(ctx context.Context, dir string, root int) (sub []string, err error) {
	entries, err := disk.List(ctx, dir)
	if err := gaveUp(ctx, dir, err); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		path := filepath.Join(dir, e.Name())
		if ignoredName(e.Name()) {
			d.ignored++
			err := d.index(ctx, path)
			if err := gaveUp(ctx, path, err); err != nil {
				return nil, err
			}
			if err != nil {
				d.findings = append(d.findings, Finding{Code: CodeUnreadable, Severity: Warning, Path: path, Text: err.Error()})
			}
			continue
		}
		info, err := disk.Stat(ctx, path) // a link counts as what it leads to
		if err := gaveUp(ctx, path, err); err != nil {
			return nil, err
		}
		if err != nil {
			d.findings = append(d.findings, Finding{Code: CodeUnreadable, Severity: Warning, Path: path, Text: err.Error()})
			continue
		}
		switch {
		case info.IsDir():
			sub = append(sub, path)
		case !info.Mode().IsRegular(): // sockets and pipes of a data folder
			d.ignored++
		default:
			if err := d.file(ctx, path, root, info, false); err != nil {
				return nil, err
			}
		}
	}
	return sub, nil
}

// index keeps a server's list of its binlogs.
func (d *found) index(ctx context.Context, path string) error {
	if info, err := disk.Stat(ctx, path); filepath.Ext(path) != ".index" || err != nil || !info.Mode().IsRegular() {
		return err
	}
	x, ok, err := readIndex(ctx, path)
	if ok {
		d.indexes = append(d.indexes, x)
	}
	return err
}

// ignoredName reports files that accompany binlogs and are none.
func ignoredName(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
		return true
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".index", ".idx", ".state", ".sha256", ".sha1", ".md5", ".sha256sum", ".sha1sum", ".md5sum", ".asc", ".sig":
		return true
	}
	return false
}

// ownName is the file's name without what packing adds to it.
func ownName(path string) string {
	name := filepath.Base(path)
	for _, ext := range []string{".gz", ".zst"} {
		if s, ok := strings.CutSuffix(name, ext); ok && s != "" {
			return s
		}
	}
	return name
}

// file looks at the first bytes of one file.
func (d *found) file(ctx context.Context, path string, root int, info os.FileInfo, asked bool) error {
	like := likeness{info.Size(), info.ModTime().UnixNano()}
	for _, c := range d.alike[like] {
		if os.SameFile(c.info, info) {
			if c.path != path {
				d.findings = append(d.findings, Finding{Code: CodeDuplicate, Severity: Note, Path: path,
					Text: fmt.Sprintf("%s and %s are one file, so they do not count as two copies", c.path, path)})
			}
			return nil
		}
	}
	c := &candidate{name: ownName(path), path: path, root: root, size: info.Size(), info: info}
	head, pack, err := sniff(ctx, path)
	c.pack = pack
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && (errors.Is(err, binlog.ErrTorn) || errors.Is(err, binlog.ErrCorrupt) || errors.Is(err, binlog.ErrUnsupported)):
		c.state, c.err = stateOf(err), err
	case errors.Is(err, disk.ErrStalled):
		return stalled(path, err)
	case err != nil && asked:
		return err
	case err != nil:
		c.state, c.err = Unreadable, err
	case head == magicBinlog:
	case head == magicEncrypted:
		c.state, c.err = Encrypted, &binlog.ReadError{Pos: binlog.Position{File: c.name}, Kind: binlog.ErrEncrypted,
			Detail: "copy it from its server with mysqlbinlog --read-from-remote-server --raw, which decrypts it"}
	case strings.HasSuffix(c.name, ".ibb"):
		c.state, c.err = Unsupported, &binlog.ReadError{Pos: binlog.Position{File: c.name}, Kind: binlog.ErrUnsupported,
			Detail: "a binlog inside InnoDB (binlog_storage_engine=innodb); copy it from its server with mariadb-binlog --read-from-remote-server --raw"}
	default:
		c.state, c.err = NotBinlog, &binlog.ReadError{Pos: binlog.Position{File: c.name}, Kind: binlog.ErrNotBinlog,
			Detail: fmt.Sprintf("it begins with %x, not with fe62696e", head)}
		if x, ok, err := readIndex(ctx, path); asked && ok && err == nil {
			return fmt.Errorf("%w: %s is an index file, which names %s: give the folder that they are in", ErrNoBinlogs, path, listed(x.names))
		}
		if head == "" {
			c.err = &binlog.ReadError{Pos: binlog.Position{File: c.name}, Kind: binlog.ErrNotBinlog, Detail: "it is empty"}
		}
	}
	d.candidates = append(d.candidates, c)
	d.alike[like] = append(d.alike[like], c)
	return nil
}

func sniff(ctx context.Context, path string) (string, packing, error) {
	s, err := openSource(ctx, path, nil)
	if err != nil {
		return "", plain, err
	}
	defer s.Close()
	head := make([]byte, 4)
	n, err := io.ReadFull(s, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return string(head[:n]), s.pack, err
}

// nothing is the error for paths without a single usable file: it says what is there instead.
func (d *found) nothing(paths []string, bad []*candidate) error {
	where := strings.Join(paths, ", ")
	if len(bad) == 0 {
		return fmt.Errorf("%w in %s: there are no files (%d ignored, such as index files)", ErrNoBinlogs, where, d.ignored)
	}
	lines := []string{}
	kinds := []any{ErrNoBinlogs, where}
	for i, c := range bad {
		if i < 3 {
			lines = append(lines, fmt.Sprintf("%s: %v", c.path, c.err))
		}
		for _, k := range []error{binlog.ErrEncrypted, binlog.ErrUnsupported, binlog.ErrCorrupt, binlog.ErrTorn} {
			if errors.Is(c.err, k) && len(kinds) == 2 {
				kinds = append(kinds, k)
			}
		}
	}
	more := ""
	if n := len(bad) - len(lines); n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	text := strings.Join(lines, "; ") + more
	if len(kinds) == 3 {
		return fmt.Errorf("%w in %s that can be read (%w): %s", append(kinds, text)...)
	}
	return fmt.Errorf("%w in %s: %s", append(kinds, text)...)
}
