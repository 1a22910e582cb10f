// Package snapshot reads full backups: when and where in the log they were
// taken, which tables they hold, and their statements in order.
//
// A backup is read from its bytes, never as lines or as UTF-8, and opened
// read-only. Nothing in it is run here. What cannot be told from it is an error
// or a note in the Index, never a guess.
package snapshot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeboat/internal/disk"
)

// format is one kind of backup.
type format interface {
	// index reads the whole backup once. Tables are those of db, all if it is "".
	index(ctx context.Context, db string, progress func(done, total int64)) (*Index, error)
	// statements visits the statements of the database db of a backup that index has read.
	statements(ctx context.Context, db string, visit func(Statement) error) error
}

// Snapshot is a full backup that was read once, to its end.
type Snapshot struct {
	format format
	index  *Index
	given  string    // the path
	asked  string    // the database, "" for all
	opened time.Time // before anything was looked at
}

// Open recognises a backup by its content and reads it once. db is the database
// that is wanted, "" for all. progress may be nil; it is given bytes of the file
// as it lies on the disk.
//
// Errors are ErrNotDump, ErrIncomplete, ErrCorrupt, ErrUnsupported,
// ErrNoDatabase, or those of the file system.
func Open(ctx context.Context, path string, db string, progress func(done, total int64)) (*Snapshot, error) {
	opened := time.Now()
	f, err := recognise(ctx, path)
	if err != nil {
		return nil, err
	}
	index, err := f.index(ctx, db, progress)
	if err != nil {
		return nil, err
	}
	if db != "" && !index.Nameless && !slices.Contains(index.Databases, db) {
		return nil, &ReadError{path, -1, ErrNoDatabase, fmt.Sprintf("%q; it holds %s", db, quoteList(index.Databases))}
	}
	return &Snapshot{format: f, index: index, given: path, asked: db, opened: opened}, nil
}

func recognise(ctx context.Context, path string) (format, error) {
	info, err := disk.Stat(ctx, path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return &dumpFile{path: path}, nil
	}
	return recogniseFolder(ctx, path)
}

// Index returns what Open found. It must not be changed.
func (s *Snapshot) Index() *Index { return s.index }

// Statements visits the statements of one database in order, with those session
// settings that hold for it. If the backup names no database (Index.Nameless),
// its statements are given out as those of db. An error of visit ends it and is
// returned as it is.
//
// The file is read again, and refused with ErrChanged if it is not the one that
// was opened.
func (s *Snapshot) Statements(ctx context.Context, db string, visit func(Statement) error) error {
	if !s.index.Nameless && !slices.Contains(s.index.Databases, db) {
		return &ReadError{s.index.Path, -1, ErrNoDatabase, fmt.Sprintf("%q; it holds %s", db, quoteList(s.index.Databases))}
	}
	return s.format.statements(ctx, db, visit)
}

func quoteList(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none"
	}
	var out []string
	for i, n := range names {
		if i == most {
			out = append(out, fmt.Sprintf("and %d more", len(names)-most))
			break
		}
		out = append(out, fmt.Sprintf("%q", n))
	}
	return strings.Join(out, ", ")
}
