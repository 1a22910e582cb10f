package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"slices"
	"strings"
)

// dumpFile is one file of SQL: mysqldump, mariadb-dump, or a script of the kind.
type dumpFile struct {
	path string
	info os.FileInfo // as it was when index read it
	idx  *Index
	// views tells, for each view, up to which offset its statements are about
	// the placeholder; -1 if it has none.
	views map[tableID]int64
	// inserts are the long ones of the database that was asked for, in order: another reading need not look for their ends.
	inserts []extent
}

// leastExtent is how long an INSERT must be for its place to be kept: there are at most so many of these.
const leastExtent = 64 << 10

type tableID struct{ db, name string }

func (f *dumpFile) index(ctx context.Context, db string, progress func(done, total int64)) (*Index, error) {
	in, err := openInput(ctx, f.path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	in.hash, in.progress = sha256.New(), progress
	d := newReader(f.path, in, func(string) bool { return false })
	var inserts []extent
	d.seen = func(p *piece) {
		if p.insert && p.size >= leastExtent && (db == "" || d.insertDB == db || d.insertDB == "" && (d.db == db || d.db == "")) {
			inserts = append(inserts, extent{p.offset, p.size, p.rows})
		}
	}
	b := newBuilder(d, db)
	idx, err := b.run()
	if err != nil {
		return nil, err
	}
	if err := f.notTab(idx); err != nil {
		return nil, err
	}
	idx.Size = in.offset
	idx.Fingerprint = hex.EncodeToString(in.hash.Sum(nil))
	f.info, f.idx, f.views, f.inserts = in.info, idx, b.placeholders(), inserts
	return idx, nil
}

// notTab refuses the half of a mysqldump --tab that holds no rows.
func (f *dumpFile) notTab(idx *Index) error {
	rows := strings.TrimSuffix(f.path, ".sql") + ".txt"
	if slices.ContainsFunc(idx.Tables, func(t Table) bool { return t.HasData }) || rows == f.path+".txt" {
		return nil
	}
	if _, err := os.Stat(rows); err != nil {
		return nil // no such neighbour: a dump without data
	}
	return &ReadError{f.path, -1, ErrUnsupported, "made with mysqldump --tab: its rows are in " + rows + ": give the folder"}
}

func (f *dumpFile) statements(ctx context.Context, db string, visit func(Statement) error) error {
	in, err := openInput(ctx, f.path)
	if err != nil {
		return err
	}
	defer in.Close()
	if in.info.Size() != f.info.Size() || !in.info.ModTime().Equal(f.info.ModTime()) {
		return &ReadError{f.path, -1, ErrChanged, "size or time of change differ: start again"}
	}
	asked := db
	if f.idx.Nameless {
		asked = ""
	}
	d := newReader(f.path, in, func(name string) bool { return name == asked })
	d.only = db
	left := f.inserts
	d.s.known = func(offset int64) (extent, bool) {
		for len(left) > 0 && left[0].offset < offset {
			left = left[1:]
		}
		if len(left) == 0 || left[0].offset != offset {
			return extent{}, false
		}
		return left[0], true
	}
	started := false // whether any database was named yet
	for {
		st, err := d.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		started = started || st.Part == PartDatabase
		if st.DB != asked && (started || st.Part != PartSession && st.Part != PartServer) {
			continue
		}
		markPlaceholder(f.views, &st)
		st.DB = db
		if err := visit(st); err != nil {
			return err
		}
	}
	if in.offset != f.idx.Size {
		return &ReadError{f.path, -1, ErrChanged, "its length differs: start again"}
	}
	return nil
}

// markPlaceholder tells a view's placeholder from the view, which comes later.
func markPlaceholder(views map[tableID]int64, st *Statement) {
	if st.Part != PartTable && st.Part != PartView {
		return
	}
	last, isView := views[tableID{st.DB, st.Object}]
	if !isView {
		return
	}
	if st.Offset <= last {
		st.Part, st.Placeholder = PartTable, true
	} else {
		st.Part = PartView
	}
}
