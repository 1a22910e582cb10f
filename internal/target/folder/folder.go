// Package folder writes a database as a dump: a folder that stock clients load, with a manifest of what is in it. It is
// written under another name and published whole, so that a folder of the right name is a complete dump.
package folder

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// Formats of a dump.
const (
	SQL      = "sql"      // one script, as mysqldump writes it: mysql < file
	MyDumper = "mydumper" // a folder for myloader
)

// ManifestSchema names the form of manifest.json.
const ManifestSchema = "lifeboat.dump/1"

// ErrExists marks a folder that is there already.
var ErrExists = errors.New("the output folder exists already")

// Options say what is written, and of what.
type Options struct {
	Format   string
	Compress bool // zstd
	Database string
	Charset  string // CHARSET [COLLATE=…] of the database, "" for the loading server's own
	Version  string // of the server that wrote the log, such as "9.7.4"
	MariaDB  bool
	Number   int             // 90704
	Position binlog.Position // the place in the log that the dump is the state at
	GTIDs    string          // the transactions that the state holds, as the server writes them; "" if not known
	Made     time.Time
}

// Statement is one statement with the SET statements of its session.
type Statement struct {
	Set []string
	SQL []byte
}

// Manifest is what manifest.json holds.
type Manifest struct {
	Schema   string          `json:"schema"`
	Format   string          `json:"format"`
	Database string          `json:"database"`
	Server   string          `json:"server"`
	Position binlog.Position `json:"position"` // the state is that before this place in the log
	Made     time.Time       `json:"made"`
	Tables   []TableRows     `json:"tables"`
	Files    []File          `json:"files"`
}

// TableRows counts a table's rows.
type TableRows struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
}

// File is one file of the dump as it lies on the disk.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Folder is a dump being written. Tables come first, then rows, in any order of tables, then programs.
type Folder struct {
	o        Options
	disk     disk
	database string // what follows its name in CREATE DATABASE
	path     string // where it will be
	tmp      string // where it is
	layout   layout
	manifest Manifest
	rows     map[string]int64
	open     *file // that rows go to
	openFor  string
	started  bool // a row of the open statement is written
	size     int  // of the open statement
	total    int64
	parts    map[string]int // files of a table's rows so far
}

// layout is what a format decides.
type layout interface {
	table(f *Folder, name string, statements []Statement) error
	// rowsFile opens the file that a table's rows go to.
	rowsFile(f *Folder, table string, part int) (*file, error)
	program(f *Folder, kind, name, table string, statements []Statement) error
	end(f *Folder) error
}

// Sizes of a statement, and of a file of rows, in bytes. A statement's fits the smallest usual max_allowed_packet of 4 MiB
// unless one row does not.
const (
	statementBytes = 1 << 20
	partBytes      = 64 << 20
)

// Create begins a dump at path, which must not exist.
func Create(path string, o Options) (*Folder, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%w: %s; name another, or remove it first", ErrExists, path)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".partial-")
	if err != nil {
		return nil, fmt.Errorf("making the output folder: %w", err)
	}
	f := &Folder{o: o, disk: osDisk{}, path: path, tmp: tmp, rows: map[string]int64{}, parts: map[string]int{}}
	f.manifest = Manifest{Schema: ManifestSchema, Format: o.Format, Database: o.Database, Server: o.Version, Position: o.Position, Made: o.Made.UTC()}
	switch o.Format {
	case SQL:
		f.layout = &script{}
	case MyDumper:
		f.layout = &myDumper{}
	default:
		f.Discard()
		return nil, fmt.Errorf("no output format %q: write %s or %s", o.Format, SQL, MyDumper)
	}
	return f, nil
}

// DatabaseOptions sets what follows the database's name in CREATE DATABASE, instead of Options.Charset. It comes before the first table.
func (f *Folder) DatabaseOptions(text string) { f.database = text }

// createDatabase makes the database unless it is there.
func (f *Folder) createDatabase() string {
	options := f.database
	if options == "" && f.o.Charset != "" {
		options = " DEFAULT CHARSET=" + f.o.Charset
	}
	return "CREATE DATABASE IF NOT EXISTS " + schema.QuoteIdent(f.o.Database) + strings.TrimRight(options, "; \t\r\n")
}

// Table writes the statements that make an empty table. Every table comes before the first row.
func (f *Folder) Table(name string, statements []Statement) error {
	f.rows[name] = 0
	return f.layout.table(f, name, statements)
}

// Row writes one row: its values in parentheses, to follow head ("INSERT INTO … VALUES").
func (f *Folder) Row(table, head string, values []byte) error {
	if f.openFor != table || f.open == nil || f.o.Format != SQL && f.total > partBytes {
		if err := f.turnTo(table); err != nil {
			return err
		}
	}
	sep := ",\n"
	if !f.started || f.size+len(values) > statementBytes {
		if err := f.endStatement(); err != nil {
			return err
		}
		sep, f.started, f.size = head+"\n", true, 0
	}
	f.rows[table]++
	f.size += len(values)
	f.total += int64(len(values))
	f.open.WriteString(sep)
	_, err := f.open.Write(values)
	return err
}

func (f *Folder) endStatement() error {
	if !f.started {
		return nil
	}
	f.started = false
	_, err := f.open.WriteString(";\n")
	return err
}

// turnTo ends what is open and opens the file for a table's rows.
func (f *Folder) turnTo(table string) error {
	if err := f.endStatement(); err != nil {
		return err
	}
	if f.open != nil && f.o.Format != SQL {
		if err := f.close(f.open); err != nil {
			return err
		}
	}
	var err error
	f.open, err = f.layout.rowsFile(f, table, f.parts[table])
	f.parts[table]++
	f.openFor, f.total = table, 0
	return err
}

// Program writes a view, trigger, routine or event, all of which come after the rows. kind is the keyword of its DROP statement.
func (f *Folder) Program(kind, name, table string, statements []Statement) error {
	if err := f.endRows(); err != nil {
		return err
	}
	return f.layout.program(f, kind, name, table, statements)
}

func (f *Folder) endRows() error {
	if err := f.endStatement(); err != nil {
		return err
	}
	if f.open != nil && f.o.Format != SQL {
		err := f.close(f.open)
		f.open = nil
		return err
	}
	return nil
}

// Publish ends the dump, writes its manifest, and gives the folder its name.
func (f *Folder) Publish() (*Manifest, error) {
	if err := f.endRows(); err != nil {
		return nil, err
	}
	if err := f.layout.end(f); err != nil {
		return nil, err
	}
	m := &f.manifest
	for name, n := range f.rows {
		m.Tables = append(m.Tables, TableRows{name, n})
	}
	slices.SortFunc(m.Tables, func(a, b TableRows) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	w, err := f.create("manifest.json", false)
	if err != nil {
		return nil, err
	}
	w.Write(append(text, '\n'))
	if err := w.end(); err != nil {
		return nil, err
	}
	return m, f.rename()
}

// rename publishes: the folder's entries are on the disk before its name is.
func (f *Folder) rename() error {
	if err := f.disk.syncDir(f.tmp); err != nil {
		return err
	}
	if _, err := os.Lstat(f.path); err == nil { // an empty folder would be replaced without a word
		return fmt.Errorf("%w: %s; it was made while the dump was written, which is in %s", ErrExists, f.path, f.tmp)
	}
	if err := f.disk.rename(f.tmp, f.path); err != nil {
		return fmt.Errorf("publishing the output folder: %w", err)
	}
	f.tmp = ""
	return f.disk.syncDir(filepath.Dir(f.path))
}

// Discard removes what was written, if it was not published.
func (f *Folder) Discard() error {
	if f.tmp == "" {
		return nil
	}
	if f.open != nil {
		f.open.f.Close()
	}
	return os.RemoveAll(f.tmp)
}

// file is one file of the dump. The first error stays, and is returned by every later write and at its end.
type file struct {
	*bufio.Writer
	name string
	f    sink
	zstd *zstd.Encoder
	sum  hash.Hash
	n    int64
}

const bufferBytes = 256 << 10

// create opens a file of the dump; zip says whether it may be compressed.
func (f *Folder) create(name string, zip bool) (*file, error) {
	if zip && f.o.Compress {
		name += ".zst"
	}
	out, err := f.disk.create(filepath.Join(f.tmp, name))
	if err != nil {
		return nil, err
	}
	w := &file{name: name, f: out, sum: sha256.New()}
	disk := (*counted)(w)
	if !zip || !f.o.Compress {
		w.Writer = bufio.NewWriterSize(disk, bufferBytes)
		return w, nil
	}
	if w.zstd, err = zstd.NewWriter(disk); err != nil {
		out.Close()
		return nil, err
	}
	w.Writer = bufio.NewWriterSize(w.zstd, bufferBytes)
	return w, nil
}

// counted writes to the disk, and measures.
type counted file

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.f.Write(b)
	c.sum.Write(b[:n])
	c.n += int64(n)
	return n, err
}

// end brings everything to the disk.
func (w *file) end() error {
	err := w.Flush()
	if w.zstd != nil && err == nil {
		err = w.zstd.Close()
	}
	if err == nil {
		err = w.f.Sync()
	}
	return errors.Join(err, w.f.Close())
}

// close ends a file and lists it.
func (f *Folder) close(w *file) error {
	if err := w.end(); err != nil {
		return fmt.Errorf("writing %s: %w", w.name, err)
	}
	f.manifest.Files = append(f.manifest.Files, File{w.name, w.n, fmt.Sprintf("%x", w.sum.Sum(nil))})
	return nil
}
