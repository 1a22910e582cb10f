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
	Path  string     `json:"path"`
	Stamp disk.Stamp `json:"stamp"`
	Base  int64      `json:"base,omitempty"`
	Size  int64      `json:"size,omitempty"`
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
	// keep notes what index found; the files' stamps come from before they were read. It reports false where there are none.
	keep(k *Kept) bool
	// again makes it what index had made it.
	again(ctx context.Context, k *Kept) error
}

// Keep gives what Reopen takes. It reports false for a backup that is always read: one of several, and one whose files were written to only just before it
// was opened, which a system may not tell from such as are written to again at once.
func (s *Snapshot) Keep() (*Kept, bool) {
	f, ok := s.format.(keeper)
	if !ok {
		return nil, false
	}
	k := &Kept{Given: s.given, Asked: s.asked, Index: s.index}
	if !f.keep(k) {
		return nil, false
	}
	for _, x := range k.Files {
		if !x.Stamp.Settled(s.opened) {
			return nil, false
		}
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
	now := &Kept{Given: k.Given, Asked: k.Asked, Index: k.Index}
	if !kept.keep(now) || !slices.Equal(now.Files, k.Files) {
		return nil, ErrTouched
	}
	s.format = f
	return s, nil
}

func (k *Kept) add(path string, info os.FileInfo, base, size int64) bool {
	stamp, ok := disk.StampOf(info)
	k.Files = append(k.Files, KeptFile{path, stamp, base, size})
	return ok
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

func (f *dumpFile) keep(k *Kept) bool {
	for _, x := range f.inserts {
		k.Inserts = append(k.Inserts, x.offset, x.size, int64(x.rows))
	}
	k.keepViews(f.views)
	return k.add(f.path, f.info, 0, f.idx.Size)
}

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

func (f *folder) keep(k *Kept) bool {
	ok := true
	for _, x := range f.files {
		ok = k.add(x.path, x.info, x.base, x.size) && ok
	}
	for i, path := range f.described {
		ok = k.add(path, f.describes[i], 0, 0) && ok
	}
	k.keepViews(f.views)
	return ok
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
