package schema

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const corpus = "../../../shared/corpus"

// TestCorpusBinlogs classifies every Query event of the real binary logs.
func TestCorpusBinlogs(t *testing.T) {
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("no corpus beside the repository")
	}
	counts := make(map[Verb]int)
	updated := 0
	err := filepath.WalkDir(filepath.Join(corpus, "binlogs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, q := range queryEvents(data) {
			st, err := Classify(q.sql, q.mode)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			counts[st.Verb]++
			for _, db := range q.updated {
				if st.Verb.IsDDL() && !st.Touches(db, q.db) {
					t.Errorf("%s: the event says it changed %s, and not so %.200q", path, db, q.sql)
				}
				updated++
			}
			if _, ok := st.Target(); !ok && (st.Verb.IsTableDDL() || st.Verb.IsProgramDDL()) && st.Verb != ImportTable {
				t.Errorf("%s: %s without an object: %.200q", path, st.Verb, q.sql)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if counts[CreateTable] < 50 || counts[Begin] < 100 || updated < 100 {
		t.Errorf("too few statements were found: %v, %d databases", counts, updated)
	}
	t.Log(counts)
}

// query is a Query event: its text, how to read it, and what its status
// variables say of the databases it changed (nil if they do not say).
type query struct {
	sql     []byte
	db      string
	mode    Mode
	updated []string
}

// queryEvents reads version 4 binary logs, and only as far as their framing holds.
// See "Binary Log Event" of the MySQL internals manual for the layout.
func queryEvents(data []byte) []query {
	const header, formatDescription, queryEvent = 19, 15, 2
	if !bytes.HasPrefix(data, []byte("\xfebin")) {
		return nil
	}
	var found []query
	var mode Mode
	post, checksum := 13, 0
	for pos := 4; pos+header <= len(data); {
		size := int(binary.LittleEndian.Uint32(data[pos+9:]))
		if size < header || pos+size > len(data) {
			break
		}
		body := data[pos+header : pos+size]
		switch data[pos+4] {
		case formatDescription:
			version := string(bytes.TrimRight(body[2:52], "\x00"))
			mode = serverMode(version)
			post = int(body[57+queryEvent-1])
			checksum = 0
			if mode.Version >= 50601 && body[len(body)-5] == 1 {
				checksum = 4
			}
		case queryEvent:
			dbLen := int(body[8])
			varsLen := 0
			if post >= 13 {
				varsLen = int(binary.LittleEndian.Uint16(body[11:]))
			}
			q := query{mode: mode, sql: body[post+varsLen+dbLen+1 : len(body)-checksum]}
			q.db = string(body[post+varsLen : post+varsLen+dbLen])
			q.status(body[post : post+varsLen])
			found = append(found, q)
		}
		pos += size
	}
	return found
}

func serverMode(version string) Mode {
	m := Mode{MariaDB: strings.Contains(version, "MariaDB")}
	m.Version = 0
	part, n := 0, 0
	for _, c := range version + "." {
		if '0' <= c && c <= '9' {
			n = n*10 + int(c-'0')
			continue
		}
		m.Version = m.Version*100 + n
		n = 0
		if part++; part == 3 {
			break
		}
	}
	return m
}

// status reads the status variables up to the first it does not know.
func (q *query) status(vars []byte) {
	sizes := map[byte]int{0: 4, 1: 8, 3: 4, 4: 6, 7: 2, 8: 2, 9: 8, 10: 4, 13: 3, 16: 1, 17: 8, 18: 2, 19: 1, 20: 1, 128: 3, 129: 8}
	for len(vars) > 1 {
		code := vars[0]
		vars = vars[1:]
		switch size, ok := sizes[code]; {
		case ok && len(vars) >= size:
			if code == 1 {
				bits := binary.LittleEndian.Uint64(vars)
				q.mode.ANSIQuotes = bits&0x4 != 0
				q.mode.NoBackslashEscapes = bits&0x100000 != 0
			}
			if code == 4 && binary.LittleEndian.Uint16(vars) == 28 {
				q.mode.Charset = "gbk"
			}
			vars = vars[size:]
		case code == 5 || code == 6:
			vars = vars[1+vars[0]:]
		case code == 11:
			vars = vars[1+vars[0]:]
			vars = vars[1+vars[0]:]
		case code == 12:
			n := int(vars[0])
			vars = vars[1:]
			for ; n > 0 && n < 254; n-- {
				name, rest, _ := bytes.Cut(vars, []byte{0})
				q.updated = append(q.updated, string(name))
				vars = rest
			}
		default:
			return
		}
	}
}

// TestCorpusDumps classifies every statement of the real dumps.
func TestCorpusDumps(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus, "dumps", "*.sql"))
	if len(files) == 0 {
		t.Skip("no corpus beside the repository")
	}
	counts := make(map[Verb]int)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range split(t, data) {
			st, err := Classify(sql, Mode{})
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			counts[st.Verb]++
			if len(sql) > 5000 {
				continue // rows, and nothing to rewrite
			}
			if _, _, err := Rewrite(sql, Mode{}, "sakila", "other"); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	for verb, want := range map[Verb]int{CreateTable: 27, CreateTrigger: 6, CreateView: 7, CreateFunction: 3, CreateProcedure: 3} {
		if counts[verb] != want {
			t.Errorf("%s: %d, want %d", verb, counts[verb], want)
		}
	}
	t.Log(counts)
}

// split cuts a dump at its delimiters, which stand at the ends of lines in these dumps.
func split(t *testing.T, data []byte) [][]byte {
	var all [][]byte
	var current []byte
	delimiter := ";"
	for _, line := range bytes.SplitAfter(data, []byte("\n")) {
		text := strings.TrimSpace(string(line))
		if d, ok := strings.CutPrefix(text, "DELIMITER "); ok {
			delimiter = strings.TrimSpace(d)
			continue
		}
		current = append(current, line...)
		if strings.HasSuffix(text, delimiter) {
			sql := bytes.TrimSuffix(bytes.TrimSpace(current), []byte(delimiter))
			if _, err := scanAll(sql); errors.Is(err, ErrUnterminated) {
				continue // the delimiter was inside a string or comment
			}
			all = append(all, sql)
			current = nil
		}
	}
	if rest := bytes.TrimSpace(current); len(rest) > 0 && !bytes.HasPrefix(rest, []byte("--")) {
		t.Errorf("%d bytes are left after the last statement", len(rest))
	}
	return all
}

func scanAll(sql []byte) (n int, err error) {
	for s := NewScanner(sql, Mode{}); ; n++ {
		if t, err := s.Next(); err != nil || t.Kind == EOF {
			return n, err
		}
	}
}
