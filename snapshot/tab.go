package snapshot

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"lifeboat/internal/schema"
)

// mysqldump --tab: of each table a .sql with its definition, and its rows in a .txt, as SELECT … INTO OUTFILE … CHARACTER SET binary
// writes them.

// tabNames are the tables of a folder of mysqldump --tab, nil if it is none.
func tabNames(names []string) (tables []string) {
	texts := 0
	for _, n := range names {
		base, ok := strings.CutSuffix(stripPacked(n), ".sql")
		if !ok {
			continue
		}
		tables = append(tables, base)
		if slices.ContainsFunc(names, func(n string) bool { return stripPacked(n) == base+".txt" }) {
			texts++
		}
	}
	if texts == 0 {
		return nil
	}
	slices.Sort(tables)
	return tables
}

func stripPacked(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
}

func newTab(path string, names, tables []string) (format, error) {
	f := &folder{path: path, unbinary: true}
	f.facts.Complete = true
	f.facts.Charset = "binary"
	f.note("made with --tab: the files of rows carry no end mark, so one that was cut between two rows cannot be told; coordinates, routines and events are not in the folder")
	f.check = func(idx *Index, _ []*file) error {
		for i := range idx.Tables {
			t := &idx.Tables[i]
			t.HasData = !t.View && slices.ContainsFunc(names, func(n string) bool { return stripPacked(n) == t.Name+".txt" })
		}
		return nil
	}
	place := func(base string) string {
		i := slices.IndexFunc(names, func(n string) bool { return stripPacked(n) == base })
		return filepath.Join(path, names[max(i, 0)])
	}
	var texts []string
	for _, n := range names {
		if strings.HasSuffix(stripPacked(n), ".txt") {
			texts = append(texts, strings.TrimSuffix(stripPacked(n), ".txt"))
		}
	}
	for _, table := range tables {
		if err := f.addTab(place(table+".sql"), table, func() string {
			if i := slices.Index(texts, table); i >= 0 {
				texts = slices.Delete(texts, i, i+1)
				return place(table + ".txt")
			}
			return ""
		}()); err != nil {
			return nil, err
		}
	}
	if len(texts) > 0 {
		return nil, f.fail(ErrIncomplete, "%s.txt is there without %s.sql, so its columns cannot be told", texts[0], texts[0])
	}
	return f, nil
}

// addTab reads a table's definition for its columns, and lists its files. A view has no rows.
func (f *folder) addTab(script, table, rows string) error {
	open := func(db string) func(in *input, rows bool) source {
		return func(in *input, rows bool) source {
			d := newReader(script, in, func(string) bool { return rows })
			d.db = db
			return d
		}
	}
	in, err := openInput(context.Background(), script)
	if err != nil {
		return err
	}
	defer in.Close()
	d := newReader(script, in, func(string) bool { return false })
	create := ""
	for {
		st, err := d.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if st.Part == PartTable && !st.Drop {
			d.zone(st.TimeZone)
			create = string(st.SQL)
		}
	}
	if d.header && !d.completed {
		return &ReadError{script, d.s.here(), ErrIncomplete, "the file ends without \"-- Dump completed\": take another copy of the dump, or make it again"}
	}
	if !d.header && f.facts.Complete {
		f.facts.Complete, f.facts.CompleteUnknown = false, true
	}
	if f.facts.Format == "" {
		f.facts.Format = d.facts.Format + " --tab"
		f.facts.ServerVersion, f.facts.Host, f.facts.MariaDB, f.facts.Taken = d.facts.ServerVersion, d.facts.Host, d.facts.MariaDB, d.facts.Taken
		f.facts.TimeZone, f.facts.LocalTimes = d.facts.TimeZone, d.facts.LocalTimes
		f.facts.Nameless = d.db == ""
	}
	f.files = append(f.files, &file{path: script, db: d.db, open: open(d.db)})
	if rows == "" {
		return nil
	}
	def, err := schema.ParseCreateTable([]byte(create), schema.Mode{MariaDB: d.facts.MariaDB})
	if err != nil {
		return &ReadError{script, -1, ErrUnsupported, "its CREATE TABLE cannot be read: " + err.Error()}
	}
	kind := plainRows
	if strings.HasSuffix(rows, ".gz") || strings.HasSuffix(rows, ".zst") {
		kind = packedRows
	}
	columns, err := tabColumns(rows, kind, def)
	if err != nil {
		return err
	}
	db := d.db
	f.files = append(f.files, &file{path: rows, db: db, kind: kind, open: func(in *input, want bool) source {
		x := newFields(rows, in, tabbed, tableID{f.name(db), def.Name}, columns)
		x.rows = want
		x.common.ClientCharset, x.common.TimeZone = "binary", f.facts.TimeZone
		return x
	}})
	return nil
}

// tabColumns tells which columns a file of rows holds. SELECT * gives generated ones too; tools differ in whether they ask for that.
func tabColumns(path string, kind inputKind, def *schema.Table) (columns []fieldColumn, err error) {
	in, err := openInputAs(context.Background(), path, kind)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	for _, c := range def.Columns {
		columns = append(columns, fieldColumn{name: c.Name, multi: multibyte(c.Charset), skip: c.Generated != "" || c.RowPeriod})
	}
	width, err := newFields(path, in, tabbed, tableID{}, columns).width()
	if err != nil {
		return nil, err
	}
	if width != len(columns) {
		columns = slices.DeleteFunc(columns, func(c fieldColumn) bool { return c.skip })
	}
	return columns, nil
}
