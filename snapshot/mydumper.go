package snapshot

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Of mydumper's folder: https://github.com/mydumper/mydumper, and folders that its versions made. Statements end with a semicolon at
// the end of a line; inside programs the tool puts a space behind such a semicolon.

// The kinds of mydumper's files, in the order in which a database's are read.
const (
	mydumperCreate = iota
	mydumperSequence
	mydumperTable // -schema.sql and then the table's rows
	mydumperTriggers
	mydumperPost
	mydumperView
)

var mydumperSuffixes = []struct {
	suffix string
	kind   int
}{
	{"-schema-create.sql", mydumperCreate}, {"-schema-sequence.sql", mydumperSequence}, {"-schema-triggers.sql", mydumperTriggers},
	{"-schema-post.sql", mydumperPost}, {"-schema-view.sql", mydumperView}, {"-schema.sql", mydumperTable},
}

// mydumperFile is a file's place in the folder.
type mydumperFile struct {
	name   string // of the file
	stem   string // what stands before the suffix: db, or db.table
	kind   int
	chunks []int // of a file of rows; nil for others
	rows   bool
}

var chunkNumbers = regexp.MustCompile(`(\.[0-9]{5,})+$`)

// newMydumper sorts the files of a folder into their order.
func newMydumper(path string, names []string) (format, error) {
	f := &folder{path: path}
	f.facts.Format = "mydumper"
	if !slices.Contains(names, "metadata") {
		return nil, f.fail(ErrIncomplete, "metadata.partial is there and metadata is not: mydumper did not finish; take another copy of the dump, or make it again")
	}
	m := &mydumperMeta{rows: map[tableID]int64{}}
	f.described = []string{filepath.Join(path, "metadata")}
	if err := m.read(f); err != nil {
		return nil, err
	}
	var files []mydumperFile
	for _, name := range names {
		x, ok, err := placeMydumper(f, name)
		if err != nil {
			return nil, err
		}
		if ok {
			files = append(files, x)
		}
	}
	slices.SortStableFunc(files, func(a, b mydumperFile) int { return strings.Compare(b.stem, a.stem) }) // the longest of two that begin alike first
	databases, err := mydumperDatabases(f, files)
	if err != nil {
		return nil, err
	}
	var data, programs bool
	sequences := map[tableID]bool{}
	for _, x := range sortMydumper(files, databases) {
		data = data || x.rows
		programs = programs || x.kind == mydumperTriggers || x.kind == mydumperPost
		db := databaseOf(x, databases)
		f.files = append(f.files, &file{path: filepath.Join(path, x.name), db: db.name, open: openMydumper(filepath.Join(path, x.name), db.name, sequences)})
	}
	if len(f.files) == 0 {
		return nil, f.fail(ErrNotDump, "a folder of mydumper that holds no dump")
	}
	if !m.counts && data {
		f.note("this version of mydumper lists neither its files nor their rows: whether one of them is missing cannot be told")
	}
	if !m.counts && programs {
		f.note("this version of mydumper keeps neither the sql_mode of triggers and programs nor the time zone of events: they are made under NO_AUTO_VALUE_ON_ZERO and SYSTEM")
	}
	f.unbinary = true
	f.check = func(idx *Index, _ []*file) error { return m.check(f, idx, data) }
	return f, nil
}

// placeMydumper tells a file's kind from its name.
func placeMydumper(f *folder, name string) (x mydumperFile, ok bool, err error) {
	base := name
	for _, ext := range []string{".gz", ".zst"} {
		base = strings.TrimSuffix(base, ext)
	}
	for _, s := range mydumperSuffixes {
		if stem, found := strings.CutSuffix(base, s.suffix); found && stem != "" {
			return mydumperFile{name: name, stem: stem, kind: s.kind}, true, nil
		}
	}
	switch stem, sql := strings.CutSuffix(base, ".sql"); {
	case sql:
		x = mydumperFile{name: name, stem: stem, kind: mydumperTable, rows: true, chunks: []int{}}
		if numbers := chunkNumbers.FindString(stem); numbers != "" {
			x.stem = strings.TrimSuffix(stem, numbers)
			for n := range strings.SplitSeq(numbers[1:], ".") {
				v, err := strconv.Atoi(n)
				if err != nil {
					return x, false, f.fail(ErrUnsupported, "%s: a chunk's number of %d digits", name, len(n))
				}
				x.chunks = append(x.chunks, v)
			}
		}
		return x, true, nil
	case strings.HasSuffix(base, ".dat"), strings.HasSuffix(base, ".csv"):
		return x, false, f.fail(ErrUnsupported, "%s: rows for LOAD DATA (mydumper --load-data or --csv), which lifeboat does not read: make the dump without", name)
	case strings.HasSuffix(name, ".lz4"), strings.HasSuffix(name, ".bz2"), strings.HasSuffix(name, ".xz"):
		return x, false, f.fail(ErrUnsupported, "%s: decompress it first; lifeboat reads .gz and .zst", name)
	case name == "metadata", name == "metadata.header", name == "resume", strings.HasSuffix(base, "-checksum"), strings.HasSuffix(base, "-metadata"):
		return x, false, nil
	}
	f.note("the file %q is none of mydumper's and was not read", name)
	return x, false, nil
}

// mydumperDB is a database as its files call it, and as it is called.
type mydumperDB struct{ stem, name string }

// mydumperDatabases reads the names of databases from their CREATE DATABASE: in file names odd ones are replaced.
func mydumperDatabases(f *folder, files []mydumperFile) ([]mydumperDB, error) {
	var out []mydumperDB
	for _, x := range files {
		if x.kind != mydumperCreate {
			continue
		}
		name := x.stem
		path := filepath.Join(f.path, x.name)
		in, err := openInput(context.Background(), path)
		if err != nil {
			return nil, err
		}
		src := openMydumper(path, x.stem, map[tableID]bool{})(in, false)
		for {
			st, err := src.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				in.Close()
				return nil, err
			}
			if st.Part == PartDatabase && !st.Drop {
				name = st.DB
			}
		}
		if err := in.Close(); err != nil {
			return nil, err
		}
		out = append(out, mydumperDB{x.stem, name})
	}
	return out, nil
}

// databaseOf finds a file's database: a name may hold dots, and the dump of single tables or rows has no CREATE DATABASE.
func databaseOf(x mydumperFile, databases []mydumperDB) mydumperDB {
	for _, d := range databases {
		if x.stem == d.stem || strings.HasPrefix(x.stem, d.stem+".") {
			return d
		}
	}
	stem := x.stem
	if x.kind != mydumperPost && x.kind != mydumperCreate {
		stem, _, _ = strings.Cut(stem, ".")
	}
	return mydumperDB{stem, stem}
}

// sortMydumper puts a database's files together, of those a table's, and of those the rows in order of chunks behind the definition.
func sortMydumper(files []mydumperFile, databases []mydumperDB) []mydumperFile {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b mydumperFile) int {
		if c := strings.Compare(databaseOf(a, databases).name, databaseOf(b, databases).name); c != 0 {
			return c
		}
		if a.kind != b.kind {
			return a.kind - b.kind
		}
		if c := strings.Compare(a.stem, b.stem); c != 0 {
			return c
		}
		if a.rows != b.rows {
			if b.rows {
				return -1
			}
			return 1
		}
		return slices.Compare(a.chunks, b.chunks)
	})
	return files
}

func openMydumper(path, db string, sequences map[tableID]bool) func(in *input, rows bool) source {
	return func(in *input, rows bool) source {
		d := newReader(path, in, func(string) bool { return rows })
		d.db = db
		d.ansi = true
		d.s.setDelimiter([]byte(";\n"))
		return &mydumperScript{d, sequences}
	}
}

// mydumperScript reads one of mydumper's files. The tool reads with SET NAMES binary, under which a server shows
// definitions in UTF-8: they mean what they mean only if they are given back as that.
type mydumperScript struct {
	*reader
	sequences map[tableID]bool // that were seen, as CREATE TABLE … SEQUENCE=1
}

func (s *mydumperScript) next() (Statement, error) {
	st, err := s.reader.next()
	id := tableID{st.DB, st.Object}
	switch st.Part {
	case PartTable:
		if bytes.HasSuffix(st.SQL, []byte(" SEQUENCE=1")) {
			st.Part = PartSequence
			s.sequences[id] = true
		}
	case PartRows:
		if s.sequences[id] {
			st.Part, st.Rows = PartSequence, 0
		}
	case PartEvent:
		if st.TimeZone == "" {
			st.TimeZone = "SYSTEM" // what an event has unless it is told otherwise
		}
	}
	if st.ClientCharset == "" && st.CollationConnection != "" && !strings.Contains(st.CollationConnection, "_") {
		// Of routines on MySQL 8 and later mydumper 0.10 writes the character set where the collation belongs.
		st.ClientCharset, st.CollationConnection = st.CollationConnection, ""
	}
	if (st.Part == PartTable || st.Part == PartSequence || st.Part == PartDatabase) && st.ClientCharset == "binary" {
		st.ClientCharset, st.CollationConnection = "utf8mb4", ""
	}
	return st, err
}
