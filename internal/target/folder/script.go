package folder

import (
	"bytes"
	"fmt"
	"strings"

	"lifeboat/internal/schema"
)

// script is one file of statements, as mysqldump writes them; it says its place in the log in the same words.
type script struct {
	file      *file
	rowsBegun bool
}

// rowSession is what rows are written for: bytes go into columns unconverted, and nothing is made of zeros.
var rowSession = []string{
	"SET NAMES binary",
	"SET SESSION time_zone='+00:00'",
	"SET SESSION timestamp=DEFAULT",
	"SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
	"SET SESSION foreign_key_checks=0",
	"SET SESSION unique_checks=0",
	noChecks,
}

// noChecks lets MariaDB take rows that its CHECK constraints would not, as a session that had them off wrote.
const noChecks = "/*M!100201 SET SESSION check_constraint_checks=0 */"

func (s *script) begin(f *Folder) (err error) {
	if s.file != nil {
		return nil
	}
	if s.file, err = f.create(fileName(f.o.Database)+".sql", true); err != nil {
		return err
	}
	f.open = s.file
	s.file.WriteString("-- lifeboat dump 1\n")
	s.file.WriteString("-- Server version\t" + oneLine(f.o.Version) + "\n")
	if p := f.o.Position; !p.IsZero() {
		s.file.WriteString("--\n-- Position to start replication or point-in-time recovery from\n--\n-- " + coordinates(&f.o) + "\n")
	}
	if set := f.o.GTIDs; set != "" {
		name := "@@GLOBAL.GTID_PURGED"
		if f.o.MariaDB {
			name = "GLOBAL gtid_slave_pos"
		}
		s.file.WriteString("/* SET " + name + "='" + strings.ReplaceAll(oneLine(set), "*/", "") + "';*/\n")
	}
	s.lines(rowSession...)
	s.lines(f.createDatabase(), "USE "+schema.QuoteIdent(f.o.Database))
	return nil
}

// coordinates writes the statement that servers of the version take.
func coordinates(o *Options) string {
	verb, prefix := "CHANGE REPLICATION SOURCE TO", "SOURCE"
	if o.MariaDB || o.Number < 80400 {
		verb, prefix = "CHANGE MASTER TO", "MASTER"
	}
	return fmt.Sprintf("%s %s_LOG_FILE='%s', %s_LOG_POS=%d;", verb, prefix, oneLine(o.Position.File), prefix, o.Position.Offset)
}

// oneLine keeps a text from leaving its comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '\'' || r == '\\' {
			return '?'
		}
		return r
	}, s)
}

func (s *script) lines(statements ...string) {
	for _, q := range statements {
		s.file.WriteString(q + ";\n")
	}
}

// statements writes each in its session. Foreign keys stay unchecked: tables come in any order.
func (s *script) statements(list []Statement) {
	for _, q := range list {
		s.lines(q.Set...)
		s.lines("SET SESSION foreign_key_checks=0")
		delimiter := ";"
		for n := 0; bytes.Contains(q.SQL, []byte(delimiter)); n++ {
			delimiter = ";" + strings.Repeat(";", n) + "//"
		}
		if delimiter == ";" {
			s.file.Write(q.SQL)
			s.file.WriteString("\n;\n")
			continue
		}
		s.file.WriteString("DELIMITER " + delimiter + "\n")
		s.file.Write(q.SQL)
		s.file.WriteString("\n" + delimiter + "\nDELIMITER ;\n")
	}
}

func (s *script) table(f *Folder, name string, list []Statement) error {
	if err := s.begin(f); err != nil {
		return err
	}
	s.file.WriteString("\n--\n-- Table structure for table " + comment(name) + "\n--\n\n")
	s.statements(list)
	return s.file.Flush()
}

// comment quotes a name for a comment, which it must not end.
func comment(name string) string {
	return strings.NewReplacer("\n", "?", "\r", "?").Replace(schema.QuoteIdent(name))
}

func (s *script) rowsFile(f *Folder, table string, _ int) (*file, error) {
	if !s.rowsBegun {
		s.lines(rowSession...)
		s.rowsBegun = true
	}
	s.file.WriteString("\n--\n-- Dumping data for table " + comment(table) + "\n--\n\n")
	return s.file, nil
}

func (s *script) program(f *Folder, kind, name, _ string, list []Statement) error {
	if err := s.begin(f); err != nil {
		return err
	}
	s.lines("DROP " + kind + " IF EXISTS " + schema.QuoteIdent(name))
	s.statements(list)
	return s.file.Flush()
}

func (s *script) end(f *Folder) error {
	if err := s.begin(f); err != nil {
		return err
	}
	s.file.WriteString("\n-- Dump completed on " + f.o.Made.UTC().Format("2006-01-02 15:04:05") + "\n")
	f.open = nil
	return f.close(s.file)
}

// fileName keeps a name from leaving the folder, or meaning something else to a file system.
func fileName(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c == '_', c == '$', c == '-' && b.Len() > 0, c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
