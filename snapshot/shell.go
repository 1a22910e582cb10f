package snapshot

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
)

// The layout is that of MySQL Shell's util.dumpInstance(), dumpSchemas() and dumpTables(), as its sources write it
// (modules/util/dump): @.json first, @.done.json last; of each schema a .json and a .sql; of each table a .json, a .sql and its chunks.

// shellRoot is @.json.
type shellRoot struct {
	Dumper              string            `json:"dumper"`
	Version             string            `json:"version"`
	Schemas             []string          `json:"schemas"`
	Basenames           map[string]string `json:"basenames"`
	Charset             string            `json:"defaultCharacterSet"`
	UTC                 *bool             `json:"tzUtc"`
	TableOnly           bool              `json:"tableOnly"`
	Host                string            `json:"server"`
	ServerVersion       string            `json:"serverVersion"`
	BinlogFile          string            `json:"binlogFile"`
	BinlogPosition      uint64            `json:"binlogPosition"`
	GTIDs               string            `json:"gtidExecuted"`
	GTIDsInconsistent   bool              `json:"gtidExecutedInconsistent"`
	Consistent          *bool             `json:"consistent"`
	CompatibilityOption []string          `json:"compatibilityOptions"`
	Capabilities        []struct {
		ID       string `json:"id"`
		Required string `json:"versionRequired"`
	} `json:"capabilities"`
	Options struct {
		Partitions map[string][]string `json:"partitions"`
	} `json:"options"` // that the dump was made with, where the version writes them
}

// shellSchema is the JSON of a schema. From 9.3 on its statements are in several files: see programs.
type shellSchema struct {
	DDL        bool              `json:"includesDdl"`
	ViewsDDL   *bool             `json:"includesViewsDdl"` // as DDL where it is not said
	Data       bool              `json:"includesData"`
	Several    bool              `json:"multifileDdl"`
	Tables     []string          `json:"tables"`
	Views      []string          `json:"views"`
	Events     []string          `json:"events"`
	Functions  []string          `json:"functions"`
	Procedures []string          `json:"procedures"`
	Libraries  []string          `json:"libraries"`
	Basenames  map[string]string `json:"basenames"`
}

type shellTable struct {
	Options struct {
		Columns    []string          `json:"columns"`
		Decode     map[string]string `json:"decodeColumns"`
		Charset    string            `json:"defaultCharacterSet"`
		Terminated *string           `json:"fieldsTerminatedBy"`
		Enclosed   string            `json:"fieldsEnclosedBy"`
		Escaped    *string           `json:"fieldsEscapedBy"`
		Lines      *string           `json:"linesTerminatedBy"`
	} `json:"options"`
	Triggers   []string          `json:"triggers"`
	Data       bool              `json:"includesData"`
	DDL        bool              `json:"includesDdl"`
	Extension  string            `json:"extension"`
	Chunking   bool              `json:"chunking"`
	Partitions []string          `json:"partitions"`
	Basenames  map[string]string `json:"basenames"`
	Where      string            `json:"where"` // only rows that fulfil it were dumped
}

type shellDone struct {
	End       string                      `json:"end"`
	FileBytes map[string]int64            `json:"chunkFileBytes"`
	Rows      map[string]map[string]int64 `json:"tableRows"` // from 9.1 on
}

// shellDump is a folder as its JSON files describe it.
type shellDump struct {
	f      *folder
	names  map[string]bool
	root   shellRoot
	done   shellDone
	filled map[tableID]bool // tables whose rows were dumped
	where  map[tableID]string
	wants  map[string]bool // files that are accounted for
}

func newShell(path string, names []string) (format, error) {
	d := &shellDump{f: &folder{path: path}, names: map[string]bool{}, filled: map[tableID]bool{}, where: map[tableID]string{}, wants: map[string]bool{}}
	for _, n := range names {
		d.names[n] = true
	}
	d.f.facts.Format = "MySQL Shell dump"
	if err := d.read("@.json", &d.root); err != nil {
		return nil, err
	}
	if err := d.capable(); err != nil {
		return nil, err
	}
	if !d.names["@.done.json"] {
		return nil, d.f.fail(ErrIncomplete, "@.done.json is missing, which MySQL Shell writes last: the dump was not finished; take another copy, or make it again")
	}
	if err := d.read("@.done.json", &d.done); err != nil {
		return nil, err
	}
	if err := d.facts(); err != nil {
		return nil, err
	}
	for _, schema := range d.root.Schemas {
		if err := d.schema(schema); err != nil {
			return nil, err
		}
	}
	for name := range d.done.FileBytes {
		if !d.names[name] {
			return nil, d.f.fail(ErrIncomplete, "%s is missing, which @.done.json lists: take another copy of the dump", name)
		}
		if !d.wants[name] {
			return nil, d.f.fail(ErrCorrupt, "%s is listed in @.done.json, and no table's JSON tells whose rows it holds", name)
		}
	}
	d.f.check = d.check
	return d.f, nil
}

// read reads a file of JSON, which then counts as a part of the backup.
func (d *shellDump) read(name string, into any) error {
	path := filepath.Join(d.f.path, name)
	if !d.names[name] {
		return d.f.fail(ErrIncomplete, "%s is missing: take another copy of the dump", name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return &ReadError{path, -1, ErrCorrupt, "not the JSON that MySQL Shell writes: " + err.Error()}
	}
	d.f.described = append(d.f.described, path)
	return nil
}

// facts takes over what @.json says of the whole.
func (d *shellDump) facts() error {
	x, r := &d.f.facts, d.root
	x.ServerVersion, x.Host, x.Complete = serverVersion(r.ServerVersion), r.Host, true
	x.MariaDB = strings.Contains(r.ServerVersion, "MariaDB")
	x.Charset = r.Charset
	if r.UTC == nil || *r.UTC {
		x.TimeZone = "+00:00"
	} else {
		x.LocalTimes = true
	}
	if t, err := time.Parse("2006-01-02 15:04:05", d.done.End); err == nil {
		x.Taken = t
	}
	if len(r.CompatibilityOption) > 0 {
		d.f.note("its definitions were changed when it was made (compatibility: %s)", strings.Join(r.CompatibilityOption, ", "))
	}
	if r.Consistent != nil && !*r.Consistent {
		d.f.note("made with consistent: false: its tables are of different moments, so its coordinates (%s:%d) say nothing and are not used", r.BinlogFile, r.BinlogPosition)
		return nil
	}
	if r.BinlogFile != "" {
		x.Coordinates.Position = binlog.Position{File: r.BinlogFile[strings.LastIndexAny(r.BinlogFile, `/\`)+1:], Offset: r.BinlogPosition}
		x.Coordinates.Source = fmt.Sprintf("@.json: binlogFile %s, binlogPosition %d", r.BinlogFile, r.BinlogPosition)
	}
	switch {
	case r.GTIDs == "":
	case r.GTIDsInconsistent:
		d.f.note("its GTID set is marked as not consistent with its rows (gtidExecutedInconsistent) and is not used")
	default:
		set, err := gtid.ParseSet(r.GTIDs)
		if err != nil {
			return d.f.fail(ErrCorrupt, "@.json: gtidExecuted: %v", err)
		}
		x.Coordinates.GTIDs = set
		if x.Coordinates.Source == "" {
			x.Coordinates.Source = "@.json: gtidExecuted"
		}
	}
	return nil
}

// add puts a file of SQL at the end; must says that the dump is not whole without it.
func (d *shellDump) add(name, db string, must bool) error {
	if !d.names[name] {
		if must {
			return d.f.fail(ErrIncomplete, "%s is missing: take another copy of the dump", name)
		}
		return nil
	}
	path := filepath.Join(d.f.path, name)
	d.f.files = append(d.f.files, &file{path: path, db: db, open: func(in *input, rows bool) source {
		r := newReader(path, in, func(string) bool { return rows })
		r.db, r.facts.MariaDB, r.version = db, d.f.facts.MariaDB, versionNumber(d.f.facts.ServerVersion)
		r.settle()
		return r
	}})
	return nil
}

// schema lists a schema's files in order. The schema's own file has its CREATE DATABASE and its programs.
func (d *shellDump) schema(db string) error {
	base, ok := d.root.Basenames[db]
	if !ok {
		return d.f.fail(ErrCorrupt, "@.json tells no basename of schema %q", db)
	}
	s := shellSchema{DDL: true}
	if err := d.read(base+".json", &s); err != nil {
		return err
	}
	if s.ViewsDDL == nil {
		s.ViewsDDL = &s.DDL
	}
	if err := d.add(base+".sql", db, s.DDL && !d.root.TableOnly); err != nil {
		return err
	}
	if err := d.programs(base, db, &s); err != nil {
		return err
	}
	named := func(object string) (string, error) {
		if b, ok := s.Basenames[object]; ok {
			return b, nil
		}
		return "", d.f.fail(ErrCorrupt, "%s.json tells no basename of %q", base, object)
	}
	for _, view := range s.Views {
		b, err := named(view)
		if err == nil {
			err = d.add(b+".pre.sql", db, *s.ViewsDDL)
		}
		if err != nil {
			return err
		}
	}
	for _, table := range s.Tables {
		b, err := named(table)
		if err == nil {
			err = d.table(tableID{db, table}, b)
		}
		if err != nil {
			return err
		}
	}
	for _, view := range s.Views {
		if err := d.add(s.Basenames[view]+".sql", db, *s.ViewsDDL); err != nil {
			return err
		}
	}
	return nil
}

func (d *shellDump) table(id tableID, base string) error {
	var t shellTable
	if err := d.read(base+".json", &t); err != nil {
		return err
	}
	if err := d.add(base+".sql", id.db, t.DDL); err != nil {
		return err
	}
	if t.Data {
		d.filled[id] = true
		d.where[id] = d.part(id, &t)
		bases := []string{base}
		if len(t.Partitions) > 0 {
			bases = nil
			for _, p := range t.Partitions {
				b, ok := t.Basenames[p]
				if !ok {
					return d.f.fail(ErrCorrupt, "%s.json tells no basename of partition %q", base, p)
				}
				bases = append(bases, b)
			}
		}
		for _, b := range bases {
			if err := d.rows(id, base, b, &t); err != nil {
				return err
			}
		}
	}
	return d.add(base+".triggers.sql", id.db, t.DDL && len(t.Triggers) > 0)
}

// rows lists the chunks of a table or partition: NAME.ext, or NAME@0.ext, NAME@1.ext and so on up to NAME@@n.ext.
func (d *shellDump) rows(id tableID, base, name string, t *shellTable) error {
	open, err := d.opener(id, base, t)
	if err != nil {
		return err
	}
	var chunks []string
	if !t.Chunking {
		chunks = []string{name + "." + t.Extension}
	}
	for n := 0; t.Chunking; n++ {
		last := name + "@@" + strconv.Itoa(n) + "." + t.Extension
		if d.names[last] {
			chunks = append(chunks, last)
			break
		}
		chunk := name + "@" + strconv.Itoa(n) + "." + t.Extension
		chunks = append(chunks, chunk)
		if !d.names[chunk] {
			break
		}
	}
	for _, c := range chunks {
		if !d.names[c] {
			return d.f.fail(ErrIncomplete, "%s is missing: chunks are numbered from 0, and the last one has @@ before its number; take another copy of the dump", c)
		}
		d.wants[c] = true
		path := filepath.Join(d.f.path, c)
		kind := plainRows
		if strings.HasSuffix(c, ".zst") || strings.HasSuffix(c, ".gz") {
			kind = packedRows
		}
		d.f.files = append(d.f.files, &file{path: path, db: id.db, kind: kind, open: func(in *input, rows bool) source { return open(path, in, rows) }})
	}
	return nil
}

// opener says how a table's chunks are read.
func (d *shellDump) opener(id tableID, base string, t *shellTable) (func(path string, in *input, rows bool) source, error) {
	o := t.Options
	format := tabbed
	for _, x := range []struct {
		from *string
		to   *string
	}{{o.Terminated, &format.terminated}, {o.Lines, &format.lines}} {
		if x.from != nil {
			*x.to = *x.from
		}
	}
	single := func(s string) byte {
		if s == "" {
			return 0
		}
		return s[0]
	}
	format.enclosed = single(o.Enclosed)
	if o.Escaped != nil {
		format.escaped = single(*o.Escaped)
	}
	if ext := strings.TrimSuffix(strings.TrimSuffix(t.Extension, ".zst"), ".gz"); !slices.Contains([]string{"tsv", "csv", "txt"}, ext) || format.terminated == "" || format.lines == "" || len(o.Enclosed) > 1 || o.Escaped != nil && len(*o.Escaped) > 1 {
		return nil, d.f.fail(ErrUnsupported, "%s.json: rows as %q, which lifeboat does not read: make the dump with the default dialect", base, t.Extension)
	}
	columns := make([]fieldColumn, len(o.Columns))
	for i, c := range o.Columns {
		columns[i].name = c
		if how, ok := o.Decode[c]; ok {
			if columns[i].decode = decoders[how]; columns[i].decode == nil {
				return nil, d.f.fail(ErrUnsupported, "%s.json: column %q is to be decoded with %s, which lifeboat does not know", base, c, how)
			}
		}
	}
	charset := cmp.Or(o.Charset, d.root.Charset)
	for i := range columns {
		columns[i].multi = multibyte(charset)
	}
	return func(path string, in *input, rows bool) source {
		f := newFields(path, in, format, id, columns)
		f.rows = rows
		f.common.ClientCharset, f.common.TimeZone = charset, d.f.facts.TimeZone
		f.hex = multibyte(charset) != nil
		return f
	}, nil
}

// check holds what was read against what the tool counted.
func (d *shellDump) check(idx *Index, files []*file) error {
	for _, x := range files {
		name := filepath.Base(x.path)
		if n, ok := d.done.FileBytes[name]; ok && n != x.size {
			return &ReadError{x.path, -1, ErrCorrupt, fmt.Sprintf("it holds %d bytes of rows, and @.done.json counts %d: take another copy of the dump", x.size, n)}
		}
	}
	for i := range idx.Tables {
		t := &idx.Tables[i]
		id := tableID{t.DB, t.Name}
		t.HasData, t.Where = !t.View && d.filled[id], d.where[id]
		if n, ok := d.done.Rows[t.DB][t.Name]; ok && !t.View && n != t.Rows {
			return d.f.fail(ErrIncomplete, "table %q has %d rows in it, and @.done.json counts %d: a file was changed; take another copy of the dump", t.Name, t.Rows, n)
		}
	}
	return nil
}
