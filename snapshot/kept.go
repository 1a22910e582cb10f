package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"lifeboat/internal/disk"
)

// ErrTouched says that a backup's files are not as they were when it was kept, or that this cannot be told.
var ErrTouched = errors.New("the backup has been touched")

// Kept is what reading a backup told, as data. With it the same backup is opened without being read once more, as long as nothing has touched any of its
// files.
type Kept struct {
	Given   string     `json:"given"` // the path that was opened
	Asked   string     `json:"asked"` // the database that was asked for, "" for all
	Index   *Index     `json:"index"`
	Files   []KeptFile `json:"files"` // of the backup, in the order they are read in, and those that describe it
	Views   []keptView `json:"views,omitempty"`
	Inserts []int64    `json:"inserts,omitempty"` // of a single file: offset, size and rows of each long one
}

// KeptFile is a file as the system described it, and where its bytes lie in the whole.
type KeptFile struct {
	Path  string      `json:"path"`
	Stamp *disk.Stamp `json:"stamp,omitempty"` // from before it was read; nil: it cannot be told by its stamp
	Base  int64       `json:"base,omitempty"`
	Size  int64       `json:"size,omitempty"`
}

// keptView is a view, and up to where its statements are about its placeholder.
type keptView struct {
	DB   string `json:"db"`
	Name string `json:"name"`
	Upto int64  `json:"upto"`
}

// keeper is a format whose backups can be kept: all of which there are files of its own.
type keeper interface {
	format
	// keep notes what index found, but for the files.
	keep(k *Kept)
	// again makes it what index had made it, with the files as they are now.
	again(ctx context.Context, k *Kept) error
	// seen are its files, in an order that is always the same.
	seen() []seen
}

// seen is a file as the system described it before it was read, and where its bytes lie in the whole.
type seen struct {
	path       string
	info       os.FileInfo
	base, size int64
}

// Keep gives what Reopen takes. It reports false for a backup that is always read: one of several.
func (s *Snapshot) Keep() (*Kept, bool) {
	f, ok := s.format.(keeper)
	if !ok {
		return nil, false
	}
	k := &Kept{Given: s.given, Asked: s.asked, Index: s.index}
	f.keep(k)
	for _, x := range f.seen() {
		k.Files = append(k.Files, KeptFile{x.path, disk.Keep(x.info, s.opened), x.base, x.size})
	}
	return k, true
}

// Reopen opens a backup that was kept. It gives ErrTouched where only Open can tell what the backup is now.
func Reopen(ctx context.Context, k *Kept) (*Snapshot, error) {
	s := &Snapshot{index: k.Index, given: k.Given, asked: k.Asked, opened: time.Now()}
	f, err := recognise(ctx, k.Given)
	if err != nil {
		return nil, err
	}
	kept, ok := f.(keeper)
	if !ok {
		return nil, ErrTouched
	}
	if err := kept.again(ctx, k); err != nil {
		return nil, err
	}
	if !slices.EqualFunc(kept.seen(), k.Files, func(x seen, was KeptFile) bool { return x.path == was.Path && was.Stamp.Is(x.info) }) {
		return nil, ErrTouched
	}
	s.format = f
	return s, nil
}

func (k *Kept) keepViews(views map[tableID]int64) {
	for id, upto := range views {
		k.Views = append(k.Views, keptView{id.db, id.name, upto})
	}
}

func (k *Kept) views() map[tableID]int64 {
	out := map[tableID]int64{}
	for _, v := range k.Views {
		out[tableID{v.DB, v.Name}] = v.Upto
	}
	return out
}

func (f *dumpFile) keep(k *Kept) {
	for _, x := range f.inserts {
		k.Inserts = append(k.Inserts, x.offset, x.size, int64(x.rows))
	}
	k.keepViews(f.views)
}

func (f *dumpFile) seen() []seen { return []seen{{f.path, f.info, 0, f.idx.Size}} }

func (f *dumpFile) again(ctx context.Context, k *Kept) (err error) {
	if len(k.Inserts)%3 != 0 {
		return fmt.Errorf("%w: what is kept of it is damaged", ErrTouched)
	}
	for x := range slices.Chunk(k.Inserts, 3) {
		f.inserts = append(f.inserts, extent{x[0], x[1], int(x[2])})
	}
	f.idx, f.views = k.Index, k.views()
	f.info, err = disk.Stat(ctx, f.path)
	return err
}

func (f *folder) keep(k *Kept) { k.keepViews(f.views) }

func (f *folder) seen() (out []seen) {
	for _, x := range f.files {
		out = append(out, seen{x.path, x.info, x.base, x.size})
	}
	for i, path := range f.described {
		out = append(out, seen{path: path, info: f.describes[i]})
	}
	return out
}

func (f *folder) again(ctx context.Context, k *Kept) error {
	if len(k.Files) < len(f.files) {
		return ErrTouched
	}
	for i, x := range f.files {
		x.base, x.size = k.Files[i].Base, k.Files[i].Size
	}
	f.asked, f.idx, f.views = k.Asked, k.Index, k.views()
	f.introduced()
	return f.look(ctx)
}
