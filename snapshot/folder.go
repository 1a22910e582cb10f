package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeboat/internal/disk"
)

// folder is a backup of many files. They are read in order as if they were one: offsets go on from one file
// to the next, and only errors name a file and the byte in it.
type folder struct {
	path  string
	facts Index // what the folder's own description tells
	files []*file
	// described are the files that describe the backup, for its fingerprint, and describes how they were before index read them.
	described []string
	describes []os.FileInfo
	// check compares what was read with what the folder says of itself.
	check func(idx *Index, files []*file) error

	asked string // the database that was asked for
	// unbinary says that rows come under SET NAMES binary; see textColumns.
	unbinary bool

	idx   *Index
	views map[tableID]int64
	text  map[tableID]*textColumns
}

// file is one of the folder's files that hold statements or rows.
type file struct {
	path string
	db   string // whose statements it holds; "" in a nameless folder
	kind inputKind
	// open reads it; without rows, the text of rows is not needed.
	open func(in *input, rows bool) source

	info os.FileInfo
	base int64 // where its bytes begin in the whole
	size int64 // uncompressed
}

// source gives a file's statements.
type source interface {
	// next returns the next statement, and io.EOF after the last. Offsets are the file's own.
	next() (Statement, error)
	// bytes is the length of the last statement in the file, with what was dropped of it.
	bytes() int64
}

// bytes makes a reader a source.
func (d *reader) bytes() int64 { return d.size }

// recogniseFolder finds out which tool filled a folder.
func recogniseFolder(ctx context.Context, path string) (format, error) {
	entries, err := disk.List(ctx, path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	has := func(name string) bool { return slices.Contains(names, name) }
	switch tables := tabNames(names); {
	case has("metadata"), has("metadata.partial"):
		return newMydumper(path, names)
	case has("@.json"):
		return newShell(path, names)
	case slices.ContainsFunc(names, func(n string) bool {
		return n == "xtrabackup_info" || n == "mariadb_backup_info" || n == "xtrabackup_checkpoints" || slices.Contains(physicalFiles, n)
	}):
		return nil, physical(path, names)
	case tables != nil:
		return newTab(path, names, tables)
	case has(manifestName):
		return ownScript(ctx, path)
	}
	detail := "a folder of none of the kinds that lifeboat knows (mydumper, MySQL Shell, mysqldump --tab); if a dump file is in it, give that file"
	if slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ".sql") }) {
		detail = "a folder of SQL files without the metadata of a dump tool, so how they belong together cannot be told: give the dump file itself"
	}
	return nil, &ReadError{path, -1, ErrNotDump, detail}
}

func (f *folder) fail(kind error, format string, args ...any) error {
	return &ReadError{f.path, -1, kind, fmt.Sprintf(format, args...)}
}

func (f *folder) note(format string, args ...any) {
	f.facts.Notes = append(f.facts.Notes, fmt.Sprintf(format, args...))
}

// name is what a database is called that a file names; a nameless folder's is the one that was asked for.
func (f *folder) name(db string) string {
	if db == "" {
		return f.asked
	}
	return db
}

func (f *folder) index(ctx context.Context, db string, progress func(done, total int64)) (*Index, error) {
	f.asked = db
	if err := f.look(ctx); err != nil {
		return nil, err
	}
	var total, done int64
	for _, x := range f.files {
		total += x.info.Size()
	}
	sum := sha256.New()
	for _, path := range f.described {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sum, "%s\x00%x\n", filepath.Base(path), sha256.Sum256(text))
	}
	idx := f.facts
	idx.Path, idx.Notes = f.path, slices.Clone(f.facts.Notes)
	b := newBuilder(&reader{facts: idx}, db)
	for _, x := range f.files {
		x.base = idx.Size
		digest, err := f.indexFile(ctx, b, x, &idx, func(read int64) {
			if progress != nil {
				progress(done+read, total)
			}
		})
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sum, "%s\x00%s\n", filepath.Base(x.path), digest)
		done += x.info.Size()
		idx.Size += x.size
	}
	b.d = &reader{facts: idx}
	b.list(&b.d.facts)
	idx = b.d.facts
	idx.Fingerprint = hex.EncodeToString(sum.Sum(nil))
	if f.check != nil {
		if err := f.check(&idx, f.files); err != nil {
			return nil, err
		}
	}
	f.idx, f.views = &idx, b.placeholders()
	f.introduced()
	return &idx, nil
}

// look notes what the system says of the files.
func (f *folder) look(ctx context.Context) (err error) {
	for _, x := range f.files {
		if x.info, err = disk.Stat(ctx, x.path); err != nil {
			return err
		}
	}
	f.describes = nil
	for _, path := range f.described {
		info, err := disk.Stat(ctx, path)
		if err != nil {
			return err
		}
		f.describes = append(f.describes, info)
	}
	return nil
}

// introduced finds the columns of the index's tables whose text is to be told from bytes.
func (f *folder) introduced() {
	f.text = map[tableID]*textColumns{}
	if !f.unbinary {
		return
	}
	for _, t := range f.idx.Tables {
		if c := newTextColumns(t.Create, f.idx.MariaDB); c != nil {
			f.text[tableID{t.DB, t.Name}] = c
		}
	}
}

// indexFile reads one file to its end and returns its digest.
func (f *folder) indexFile(ctx context.Context, b *builder, x *file, idx *Index, progress func(read int64)) (string, error) {
	if name := f.name(x.db); name != "" && !slices.Contains(idx.Databases, name) {
		idx.Databases = append(idx.Databases, name)
	}
	in, err := openInputAs(ctx, x.path, x.kind)
	if err != nil {
		return "", err
	}
	defer in.Close()
	in.hash = sha256.New()
	in.progress = func(read, _ int64) { progress(read) }
	src := x.open(in, false)
	b.d = &reader{}
	if d := readerOf(src); d != nil {
		b.d = d
	}
	for {
		st, err := src.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		st.Offset += x.base
		st.DB = f.name(st.DB)
		if st.Part == PartDatabase && st.DB != x.db {
			return "", &ReadError{x.path, st.Offset - x.base, ErrUnsupported, fmt.Sprintf("a statement about database %q in a file of %q", st.DB, x.db)}
		}
		b.add(st, src.bytes())
	}
	x.size = in.offset
	idx.Created = append(idx.Created, b.d.facts.Created...)
	idx.Notes = append(idx.Notes, b.d.facts.Notes...)
	if idx.Charset == "" {
		idx.Charset = b.d.facts.Charset
	}
	if idx.TimeZone == "" {
		idx.TimeZone = b.d.facts.TimeZone
	}
	idx.LocalTimes = idx.LocalTimes || b.d.facts.LocalTimes
	return hex.EncodeToString(in.hash.Sum(nil)), nil
}

func (f *folder) statements(ctx context.Context, db string, visit func(Statement) error) error {
	for _, x := range f.files {
		if x.db != "" && x.db != db {
			continue
		}
		if err := f.visitFile(ctx, x, db, visit); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) visitFile(ctx context.Context, x *file, db string, visit func(Statement) error) error {
	in, err := openInputAs(ctx, x.path, x.kind)
	if err != nil {
		return err
	}
	defer in.Close()
	if in.info.Size() != x.info.Size() || !in.info.ModTime().Equal(x.info.ModTime()) {
		return &ReadError{x.path, -1, ErrChanged, "size or time of change differ: start again"}
	}
	src := x.open(in, true)
	for {
		st, err := src.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		st.Offset += x.base
		if st.DB == "" {
			st.DB = db
		}
		if st.DB != db {
			continue
		}
		markPlaceholder(f.views, &st)
		if c := f.text[tableID{st.DB, st.Object}]; c != nil && st.Part == PartRows {
			if st.SQL, err = c.introduce(st.SQL, st.Mode()); err != nil {
				return &ReadError{x.path, st.Offset - x.base, ErrUnsupported, err.Error()}
			}
		}
		if err := visit(st); err != nil {
			return err
		}
	}
	if in.offset != x.size {
		return &ReadError{x.path, -1, ErrChanged, "its length differs: start again"}
	}
	return nil
}

// readerOf is the reader of a file of SQL, nil for one of rows alone.
func readerOf(src source) *reader {
	switch s := src.(type) {
	case *reader:
		return s
	case *mydumperScript:
		return s.reader
	}
	return nil
}
