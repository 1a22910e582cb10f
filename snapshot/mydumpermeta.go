package snapshot

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lifeboat/internal/binlog/gtid"
)

// mydumperMeta is the file metadata, of which there are four forms (see HAZARDS: to 0.13 indented lines, from 0.14 on sections with the
// coordinates as File, then as SOURCE_LOG_FILE, then as that in comments).
type mydumperMeta struct {
	section  string // in lower case, without its marks
	key      string // the last one, as values go on on further lines
	values   map[string]string
	finished bool

	table  tableID
	rows   map[tableID]int64
	counts bool // it counts the rows of tables
}

func (m *mydumperMeta) read(f *folder) error {
	path := filepath.Join(f.path, "metadata")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return m.parse(f, path, string(text))
}

func (m *mydumperMeta) parse(f *folder, path, text string) error {
	m.values = map[string]string{}
	for line := range strings.Lines(text) {
		m.line(f, strings.TrimRight(line, "\r\n"))
	}
	if !m.finished {
		return &ReadError{path, -1, ErrIncomplete, "it lacks \"Finished dump at\": mydumper did not finish; take another copy of the dump, or make it again"}
	}
	f.facts.Complete = true
	return m.coordinates(f, path)
}

func (m *mydumperMeta) line(f *folder, line string) {
	plain := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#"))
	if at, ok := strings.CutPrefix(plain, "Finished dump at:"); ok {
		m.finished = true
		if t, err := time.Parse("2006-01-02 15:04:05", strings.TrimSpace(at)); err == nil {
			f.facts.Taken = t
		}
		return
	}
	switch {
	case plain == "":
		m.key = ""
	case strings.HasPrefix(plain, "Started dump at:"):
	case strings.HasPrefix(plain, "SHOW ") && strings.HasSuffix(plain, ":"): // SHOW MASTER STATUS:
		m.section, m.key = strings.ToLower(strings.TrimSuffix(plain, ":")), ""
	case strings.HasPrefix(plain, "[") && strings.HasSuffix(plain, "]"):
		m.begin(plain[1 : len(plain)-1])
	case strings.HasPrefix(m.section, "show "):
		m.oldLine(plain)
	default:
		key, value, ok := strings.Cut(plain, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		switch {
		case ok && !strings.ContainsAny(key, " :-"):
			m.set(key, strings.TrimSpace(value))
		case m.key != "":
			m.values[m.key] += plain
		}
	}
}

// begin enters a section: source, master, config, or a table's.
func (m *mydumperMeta) begin(name string) {
	m.section, m.key, m.table = strings.ToLower(name), "", tableID{}
	for _, q := range []string{"`", `"`} {
		if db, table, ok := strings.Cut(name, q+"."+q); ok && strings.HasPrefix(db, q) && strings.HasSuffix(table, q) {
			m.section = "table"
			m.table = tableID{unquoteName([]byte(db + q)), unquoteName([]byte(q + table))}
		}
	}
}

// oldLine reads "Log: f", "Pos: n", and "GTID:set", which may go on on further lines.
func (m *mydumperMeta) oldLine(line string) {
	for _, key := range []string{"Log", "Pos", "GTID", "Host", "Connection name"} {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			m.set(strings.ToLower(key), strings.TrimSpace(value))
			return
		}
	}
	if m.key != "" {
		m.values[m.key] += line
	}
}

// set keeps a value of the server's own section, or of a table's.
func (m *mydumperMeta) set(key, value string) {
	m.key = ""
	switch m.section {
	case "show master status", "show binary log status", "master", "source":
		names := map[string]string{"log": "file", "pos": "position", "gtid": "gtid", "file": "file", "position": "position", "executed_gtid_set": "gtid",
			"source_log_file": "file", "source_log_pos": "position"}
		if name, ok := names[key]; ok && m.values[name] == "" {
			m.values[name], m.key = value, name
		}
	case "table":
		switch key {
		case "real_table_name":
			m.table.name = strings.Trim(value, "\"`")
		case "rows":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 {
				m.rows[m.table], m.counts = n, true
			}
		}
	}
}

func (m *mydumperMeta) coordinates(f *folder, path string) error {
	c := &f.facts.Coordinates
	clean := func(name string) string { return strings.Trim(strings.TrimSpace(m.values[name]), `"'`) }
	if log := clean("file"); log != "" {
		offset, err := strconv.ParseUint(clean("position"), 10, 64)
		if err != nil {
			return &ReadError{path, -1, ErrCorrupt, "the position " + strconv.Quote(clean("position")) + " is not an offset in bytes"}
		}
		c.Position.File, c.Position.Offset = log[strings.LastIndexAny(log, `/\`)+1:], offset
		c.Source = "metadata: " + log + ", " + clean("position")
	}
	if text := clean("gtid"); text != "" {
		set, err := gtid.ParseSet(text)
		if err != nil {
			return &ReadError{path, -1, ErrCorrupt, "the GTID set cannot be read: " + err.Error()}
		}
		c.GTIDs = set
		f.facts.MariaDB = set.Family() == gtid.MariaDB
		if c.Source == "" {
			c.Source = "metadata: GTID set"
		}
	}
	return nil
}

// check holds the rows that were read against those that the tool counted.
func (m *mydumperMeta) check(f *folder, idx *Index, data bool) error {
	if !data && !m.counts {
		idx.Notes = append(idx.Notes, "it holds no rows at all (mydumper --no-data?), or every table was empty")
		return nil
	}
	for i := range idx.Tables {
		t := &idx.Tables[i]
		if t.View {
			continue
		}
		t.HasData = true
		if n, ok := m.rows[tableID{t.DB, t.Name}]; ok && t.Rows != n {
			return f.fail(ErrIncomplete, "table %q has %d rows in it, and its metadata counts %d: a file is missing or was changed; take another copy of the dump", t.Name, t.Rows, n)
		}
	}
	return nil
}
