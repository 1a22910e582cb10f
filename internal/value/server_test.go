package value

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"lifeboat/internal/testserver"
)

// server is a real server with its binlog.
type server struct {
	kind    string
	db      *sql.DB
	dataDir string
}

func openServer(t *testing.T, kind string) *server {
	s := testserver.Source(t, kind, "--max-allowed-packet=64M")
	return &server{kind: kind, db: testserver.Open(t, s), dataDir: s.DataDir()}
}

// session opens a connection and runs setup on it.
func (s *server) session(t *testing.T, setup ...string) *sql.Conn {
	t.Helper()
	conn, err := s.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for _, q := range setup {
		run(t, conn, q)
	}
	return conn
}

func run(t *testing.T, conn *sql.Conn, query string) {
	t.Helper()
	if _, err := conn.ExecContext(context.Background(), query); err != nil {
		t.Fatalf("%.300q: %v", query, err)
	}
}

// warnings lists what the last statement was warned about.
func warnings(t *testing.T, conn *sql.Conn) []string {
	t.Helper()
	return query(t, conn, "SHOW WARNINGS")
}

// query returns the rows of a query, their columns joined by tabs.
func query(t *testing.T, conn *sql.Conn, query string) []string {
	t.Helper()
	out, err := queryRows(conn, query)
	if err != nil {
		t.Fatalf("%.300q: %v", query, err)
	}
	return out
}

func queryRows(conn *sql.Conn, query string) ([]string, error) {
	rows, err := conn.QueryContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []string
	fields := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range fields {
		into[i] = &fields[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		line := ""
		for i, f := range fields {
			if i > 0 {
				line += "\t"
			}
			if !f.Valid {
				f.String = "NULL"
			}
			line += f.String
		}
		out = append(out, line)
	}
	return out, rows.Err()
}

// image is one row of a WRITE_ROWS event, cut into columns; nil is NULL.
type image [][]byte

// mark is the end of the binlogs now: the number of files, and the size of the last.
type mark struct{ file, offset int }

func (s *server) binlogs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dataDir, "binlog.[0-9][0-9][0-9][0-9][0-9][0-9]")) // beside them MariaDB 11.4 and later has indexes, binlog.000001.idx
	if err != nil || len(files) == 0 {
		t.Fatalf("no binlogs in %s: %v", s.dataDir, err)
	}
	sort.Strings(files)
	return files
}

func (s *server) mark(t *testing.T) mark {
	t.Helper()
	files := s.binlogs(t)
	info, err := os.Stat(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	return mark{file: len(files) - 1, offset: int(info.Size())}
}

// logged returns the images of all rows written to a table since the mark.
func (s *server) logged(t *testing.T, since mark, columns func(types []byte, metas []uint16) []Column, table string) []image {
	t.Helper()
	r := rowsOf{table: table, columns: columns}
	s.read(t, since, &r)
	return r.out
}

func (s *server) read(t *testing.T, since mark, r *rowsOf) {
	t.Helper()
	for i, f := range s.binlogs(t)[since.file:] {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		from := 4
		if i == 0 {
			from = since.offset
		}
		if err := r.file(data, from); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
	}
}

// rowsOf is a minimal reader of binlogs with CRC32 checksums, independent of internal/binlog.
type rowsOf struct {
	table   string
	columns func([]byte, []uint16) []Column
	partial func(rows []byte) error // gets the rows of PARTIAL_UPDATE_ROWS events
	maps    map[uint64][]Column
	out     []image
}

func (r *rowsOf) file(data []byte, at int) error {
	r.maps = map[uint64][]Column{}
	for at+19 <= len(data) {
		size := int(littleEndian(data[at+9 : at+13]))
		if size < 19 || at+size > len(data) {
			return fmt.Errorf("an event of %d bytes at %d", size, at)
		}
		if err := r.event(data[at+4], data[at+19:at+size-4]); err != nil {
			return fmt.Errorf("event at %d: %w", at, err)
		}
		at += size
	}
	return nil
}

func (r *rowsOf) event(typ byte, b []byte) error {
	switch typ {
	case 19: // TABLE_MAP
		return r.tableMap(b)
	case 23, 30, 39: // WRITE_ROWS, PARTIAL_UPDATE_ROWS
		columns, ok := r.maps[littleEndian(b[:6])]
		if !ok {
			return nil
		}
		b = b[8:]
		if typ != 23 {
			b = b[littleEndian(b[:2]):]
		}
		b = b[1+(len(columns)+7)/8:]
		if typ == 39 {
			return r.partial(b[(len(columns)+7)/8:])
		}
		return r.rows(columns, b)
	}
	return nil
}

func (r *rowsOf) tableMap(b []byte) error {
	id, b := littleEndian(b[:6]), b[8:]
	b = b[2+int(b[0]):]
	name, b := string(b[1:1+b[0]]), b[2+int(b[0]):]
	if name != r.table {
		return nil
	}
	types, b := b[1:1+b[0]], b[1+b[0]:]
	metas, err := ParseMeta(types, b[1:1+b[0]])
	r.maps[id] = r.columns(types, metas)
	return err
}

func (r *rowsOf) rows(columns []Column, b []byte) error {
	for len(b) > 0 {
		nulls, rest := b[:(len(columns)+7)/8], b[(len(columns)+7)/8:]
		row := make(image, len(columns))
		for i := range columns {
			if nulls[i/8]&(1<<(i%8)) != 0 {
				continue
			}
			n, err := columns[i].Size(rest)
			if err != nil {
				return err
			}
			row[i], rest = rest[:n:n], rest[n:]
		}
		r.out = append(r.out, row)
		b = rest
	}
	return nil
}
