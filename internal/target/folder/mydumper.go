package folder

import (
	"bytes"
	"fmt"
	"strings"

	"lifeboat/internal/schema"
)

// myDumper is a folder as mydumper writes it, of files that myloader takes: DB-schema-create.sql, DB.TABLE-schema.sql,
// DB.TABLE.00000.sql, DB.TABLE-schema-triggers.sql, DB.VIEW-schema.sql with a table in the view's place, DB.VIEW-schema-view.sql,
// DB-schema-post.sql for routines and events, and metadata. Loaders read a statement up to a line that ends in a semicolon.
type myDumper struct {
	post     []Statement
	triggers map[string][]Statement
	begun    bool
}

// fileSession begins every file; loaders take such comments for settings.
const fileSession = "/*!40101 SET NAMES binary*/;\n/*!40014 SET FOREIGN_KEY_CHECKS=0*/;\n/*!40103 SET TIME_ZONE='+00:00' */;\n" +
	"/*!40101 SET SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES' */;\n" + noChecks + ";\n"

func (m *myDumper) begin(f *Folder) error {
	if m.begun {
		return nil
	}
	m.begun, m.triggers = true, map[string][]Statement{}
	return m.write(f, m.name(f, "")+"-schema-create.sql", []Statement{{SQL: []byte(f.createDatabase())}})
}

// name is the beginning of a file's name.
func (m *myDumper) name(f *Folder, object string) string {
	db := fileName(f.o.Database)
	if object == "" {
		return db
	}
	return db + "." + fileName(object)
}

// plainName refuses a name that a file of the format cannot bear: loaders take the object's name from the file's.
func plainName(name string) error {
	if fileName(name) != name {
		return fmt.Errorf("the name %q cannot be a file of a mydumper folder; use --output-format sql", name)
	}
	return nil
}

func (m *myDumper) write(f *Folder, name string, list []Statement) error {
	w, err := f.create(name, true)
	if err != nil {
		return err
	}
	w.WriteString(fileSession)
	for _, s := range list {
		for _, q := range s.Set {
			w.WriteString(q + ";\n")
		}
		if len(s.Set) > 0 {
			w.WriteString("SET SESSION foreign_key_checks=0;\n")
		}
		// A semicolon at a line's end would end the statement.
		w.Write(bytes.ReplaceAll(bytes.TrimRight(s.SQL, "; \t\r\n"), []byte(";\n"), []byte("; \n")))
		w.WriteString(";\n")
	}
	return f.close(w)
}

func (m *myDumper) table(f *Folder, name string, list []Statement) error {
	for _, n := range []string{f.o.Database, name} {
		if err := plainName(n); err != nil {
			return err
		}
	}
	if err := m.begin(f); err != nil {
		return err
	}
	return m.write(f, m.name(f, name)+"-schema.sql", list)
}

func (m *myDumper) rowsFile(f *Folder, table string, part int) (*file, error) {
	w, err := f.create(fmt.Sprintf("%s.%05d.sql", m.name(f, table), part), true)
	if err == nil {
		w.WriteString(fileSession)
	}
	return w, err
}

func (m *myDumper) program(f *Folder, kind, name, table string, list []Statement) error {
	if err := m.begin(f); err != nil {
		return err
	}
	switch kind {
	case schema.KindView.String():
		if err := plainName(name); err != nil {
			return err
		}
		stand := Statement{SQL: []byte("CREATE TABLE IF NOT EXISTS " + schema.QuoteIdent(name) + " (`x` int)")}
		if err := m.write(f, m.name(f, name)+"-schema.sql", []Statement{stand}); err != nil {
			return err
		}
		drop := []Statement{{SQL: []byte("DROP TABLE IF EXISTS " + schema.QuoteIdent(name))}, {SQL: []byte("DROP VIEW IF EXISTS " + schema.QuoteIdent(name))}}
		return m.write(f, m.name(f, name)+"-schema-view.sql", append(drop, list...))
	case schema.KindTrigger.String():
		m.triggers[table] = append(m.triggers[table], list...)
	default:
		m.post = append(append(m.post, Statement{SQL: []byte("DROP " + kind + " IF EXISTS " + schema.QuoteIdent(name))}), list...)
	}
	return nil
}

func (m *myDumper) end(f *Folder) error {
	if err := m.begin(f); err != nil {
		return err
	}
	for table, list := range m.triggers {
		if err := m.write(f, m.name(f, table)+"-schema-triggers.sql", list); err != nil {
			return err
		}
	}
	if len(m.post) > 0 {
		if err := m.write(f, m.name(f, "")+"-schema-post.sql", m.post); err != nil {
			return err
		}
	}
	return m.metadata(f)
}

// metadata says the place in the log in the form of mydumper from 0.21 on, and when the dump was made.
func (m *myDumper) metadata(f *Folder) error {
	w, err := f.create("metadata", false)
	if err != nil {
		return err
	}
	made := f.o.Made.UTC().Format("2006-01-02 15:04:05")
	var b strings.Builder
	fmt.Fprintf(&b, "# Started dump at: %s\n[config]\nquote-character = BACKTICK\n", made)
	if p := f.o.Position; !p.IsZero() {
		fmt.Fprintf(&b, "\n[source]\n# SOURCE_LOG_FILE = %q\n# SOURCE_LOG_POS = %d\n", oneLine(p.File), p.Offset)
	}
	for name, n := range f.rows {
		fmt.Fprintf(&b, "\n[`%s`.`%s`]\nreal_table_name = %s\nrows = %d\n", f.o.Database, name, name, n)
	}
	fmt.Fprintf(&b, "# Finished dump at: %s\n", made)
	w.WriteString(b.String())
	return f.close(w)
}
