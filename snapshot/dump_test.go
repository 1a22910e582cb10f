package snapshot

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dumps are small ones made by mysqldump 9.7.4 (of MySQL 9.7.4 and 5.6.24) and mariadb-dump 10.11.18.
func dumps(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dumps in testdata: %v", err)
	}
	return files
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// indexBytes makes the Index of a dump in memory.
func indexBytes(r io.Reader) (*Index, error) {
	d := newReader("dump", r, func(string) bool { return false })
	d.s.buf = buffer
	return newBuilder(d, "").run()
}

// buffer is used again and again, or tests that read many times would mostly clear memory.
var buffer = make([]byte, bufferSize)

// describe lists what an index and its database shop hold, for golden files.
func describe(t *testing.T, s *Snapshot) string {
	t.Helper()
	var out strings.Builder
	i := s.Index()
	fmt.Fprintf(&out, "format %s, server %s, host %s, MariaDB %v, taken %s\n", i.Format, i.ServerVersion, i.Host, i.MariaDB, i.Taken.Format("2006-01-02 15:04:05"))
	fmt.Fprintf(&out, "complete %v, unknown %v, nameless %v, databases %q, charset %q, zone %q, %d bytes\n", i.Complete, i.CompleteUnknown, i.Nameless, i.Databases, i.Charset, i.TimeZone, i.Size)
	fmt.Fprintf(&out, "position %q, GTIDs %q, upstream %v\n%s\n", i.Coordinates.Position, i.Coordinates.GTIDs.String(), i.Coordinates.Upstream, i.Coordinates.Source)
	for _, n := range i.Notes {
		fmt.Fprintf(&out, "note: %s\n", n)
	}
	for _, x := range i.Tables {
		fmt.Fprintf(&out, "table %s.%s: %d rows, %d bytes, view %v, data %v, where %q, create %.40q\n", x.DB, x.Name, x.Rows, x.Bytes, x.View, x.HasData, x.Where, x.Create)
	}
	err := s.Statements(t.Context(), "shop", func(st Statement) error {
		marks := ""
		if st.Drop {
			marks += " drop"
		}
		if st.Placeholder {
			marks += " placeholder"
		}
		if st.Part == PartTrigger || st.Part == PartRoutine || st.Part == PartEvent || st.Part == PartRows {
			marks += fmt.Sprintf(" [mode %q %v, client %s, collation %s, zone %s, database %s]", st.SQLMode, st.SQLModeSet, st.ClientCharset, st.CollationConnection, st.TimeZone, st.DatabaseCollation)
		}
		fmt.Fprintf(&out, "%d %s %s.%s %s%s rows %d: %.60q\n", st.Offset, st.Part, st.DB, st.Object, st.Table, marks, st.Rows, st.SQL)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	for _, path := range dumps(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			s, err := Open(t.Context(), path, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			Reopened(t, s, "shop")
			got, golden := describe(t, s), strings.TrimSuffix(path, ".sql")+".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(read(t, golden)); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestEveryPrefix cuts dumps short at every byte: none may look whole.
func TestEveryPrefix(t *testing.T) {
	for _, path := range dumps(t) {
		if strings.Contains(path, "mysql56") || strings.Contains(path, "nodata") {
			continue // like the others, and this takes the square of their length
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			whole := read(t, path)
			end := bytes.LastIndex(whole, []byte("-- Dump completed"))
			if end >= 0 {
				end += len("-- Dump completed") // the day is no part of the mark
			} else {
				end = len(bytes.TrimSpace(whole))
			}
			for n := range end {
				idx, err := indexBytes(bytes.NewReader(whole[:n]))
				if err == nil && idx.Complete {
					t.Fatalf("the first %d of %d bytes look complete", n, len(whole))
				}
				if err != nil && !errors.Is(err, ErrIncomplete) && !errors.Is(err, ErrNotDump) {
					t.Fatalf("the first %d bytes: %v", n, err)
				}
			}
			if _, err := indexBytes(bytes.NewReader(whole)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestReadsOfOneByte: how the file happens to be cut into reads must not matter.
func TestReadsOfOneByte(t *testing.T) {
	for _, path := range dumps(t) {
		whole := read(t, path)
		a, err := indexBytes(bytes.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		b, err := indexBytes(iotest.OneByteReader(bytes.NewReader(whole)))
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(*a) != fmt.Sprint(*b) {
			t.Errorf("%s:\n%+v\n%+v", path, *a, *b)
		}
	}
}

const header = "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: h    Database: shop\n-- ------\n-- Server version\t8.0.36\n"
const footerLine = "-- Dump completed on 2025-01-02  3:04:05\n"

func TestCoordinates(t *testing.T) {
	tests := []struct {
		name, text            string
		position, gtids, note string
		upstream              bool
	}{
		{name: "none"},
		{name: "master", text: "CHANGE MASTER TO MASTER_LOG_FILE='b.000002', MASTER_LOG_POS=107;\n", position: "b.000002:107"},
		{name: "master commented", text: "--\n-- Position to start replication or point-in-time recovery from\n--\n\n-- CHANGE MASTER TO MASTER_LOG_FILE='b.000002', MASTER_LOG_POS=107;\n", position: "b.000002:107"},
		{name: "source", text: "CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='b.000002', SOURCE_LOG_POS=5000000000;\n", position: "b.000002:5000000000"},
		{name: "source commented", text: "-- CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='b.000002', SOURCE_LOG_POS=4;\n", position: "b.000002:4"},
		{name: "a path", text: "-- CHANGE MASTER TO MASTER_LOG_FILE='/var/log/b.000002', MASTER_LOG_POS=4;\n", position: "b.000002:4"},
		{name: "gtid", text: "SET @@GLOBAL.GTID_PURGED='3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';\n", gtids: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"},
		{name: "gtid over lines", text: "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7,\n4e11fa47-71ca-11e1-9e33-c80aa9429562:1';\n", gtids: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7,4e11fa47-71ca-11e1-9e33-c80aa9429562:1"},
		{name: "gtid with plus", text: "SET @@GLOBAL.GTID_PURGED='+3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';\n", gtids: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"},
		{name: "gtid commented over lines", text: "/* SET @@GLOBAL.GTID_PURGED='+3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,\n4e11fa47-71ca-11e1-9e33-c80aa9429562:1';*/\n", gtids: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,4e11fa47-71ca-11e1-9e33-c80aa9429562:1"},
		{name: "slave_pos", text: "-- CHANGE MASTER TO MASTER_USE_GTID=slave_pos;\n-- SET GLOBAL gtid_slave_pos='0-7-49,1-8-2';\n", gtids: "0-7-49,1-8-2"},
		{name: "upstream by its remark", text: "-- Position to start replication or point-in-time recovery from (the master of this slave)\n\nCHANGE MASTER TO MASTER_LOG_FILE='u.1', MASTER_LOG_POS=4;\n", position: "u.1:4", upstream: true},
		{name: "upstream by its host", text: "CHANGE MASTER TO MASTER_HOST='h', MASTER_PORT=3306, MASTER_LOG_FILE='u.1', MASTER_LOG_POS=4;\n", position: "u.1:4", upstream: true},
		{name: "own after upstream", text: "-- taken from SHOW SLAVE STATUS at\nCHANGE MASTER 'c' TO MASTER_LOG_FILE='u.1', MASTER_LOG_POS=4;\n-- from SHOW MASTER STATUS at\n-- CHANGE MASTER TO MASTER_LOG_FILE='own.1', MASTER_LOG_POS=5;\n", position: "own.1:5"},
		{name: "upstream after own", text: "-- from SHOW MASTER STATUS at\n-- CHANGE MASTER TO MASTER_LOG_FILE='own.1', MASTER_LOG_POS=5;\n-- taken from SHOW SLAVE STATUS at\nCHANGE MASTER 'c' TO MASTER_LOG_FILE='u.1', MASTER_LOG_POS=4;\n", position: "own.1:5"},
		{name: "contradiction", text: "-- CHANGE MASTER TO MASTER_LOG_FILE='a.1', MASTER_LOG_POS=5;\n-- CHANGE MASTER TO MASTER_LOG_FILE='a.1', MASTER_LOG_POS=6;\n", note: "contradict"},
		{name: "in rows", text: "INSERT INTO t VALUES ('\n-- CHANGE MASTER TO MASTER_LOG_FILE=\\'a.1\\', MASTER_LOG_POS=5;\n');\n"},
		{name: "in a routine", text: "DELIMITER ;;\nCREATE PROCEDURE p() BEGIN\n-- CHANGE MASTER TO MASTER_LOG_FILE='a.1', MASTER_LOG_POS=5;\nEND;;\nDELIMITER ;\n"},
		{name: "prose", text: "-- CHANGE MASTER TO what you like; it's free\n-- set gtid_purged = what you like\n", note: "cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			idx, err := indexBytes(strings.NewReader(header + tt.text + footerLine))
			if err != nil {
				t.Fatal(err)
			}
			c := idx.Coordinates
			if c.Position.String() != tt.position || c.GTIDs.String() != tt.gtids || c.Upstream != tt.upstream {
				t.Errorf("%+v", c)
			}
			if tt.note != "" && !strings.Contains(strings.Join(idx.Notes, "\n"), tt.note) {
				t.Errorf("notes %q", idx.Notes)
			}
			if idx.Taken.Format("2006-01-02 15:04:05") != "2025-01-02 03:04:05" {
				t.Errorf("taken %v", idx.Taken)
			}
		})
	}
}

func TestBadInput(t *testing.T) {
	row := "INSERT INTO t VALUES (1);\n"
	tests := []struct {
		name, text string
		kind       error
		says       string
	}{
		{"empty", "", ErrNotDump, "empty"},
		{"blank", " \n\n", ErrNotDump, "no statement"},
		{"comments only", "-- hello\n# world\n/* x */", ErrNotDump, "no statement"},
		{"prose", "Dear colleague, the dump is attached.", ErrNotDump, `"Dear`},
		{"binary", "\x7fELF\x02\x01\x01\x00\x00", ErrNotDump, "no SQL"},
		{"zeroes", strings.Repeat("\x00", 100), ErrNotDump, "neither"},
		{"binlog", "\xfebin\x00\x00", ErrNotDump, "--binlogs"},
		{"UTF-16", "\xff\xfe-\x00-\x00", ErrNotDump, "UTF-16"},
		{"xz", "\xfd7zXZ\x00\x00", ErrNotDump, "xz"},
		{"client command", header + row + "\\! rm -rf /\n", ErrUnsupported, "mysql client"},
		{"client command in a statement", header + "INSERT INTO t \\! x\n", ErrUnsupported, "mysql client"},
		{"source", header + row + "source /etc/passwd\n", ErrUnsupported, "mysql client"},
		{"system", header + row + "SYSTEM ls;\n", ErrUnsupported, "mysql client"},
		{"load data", header + "LOAD DATA INFILE 'x' INTO TABLE t;\n", ErrUnsupported, "--tab"},
		{"mysqlbinlog", "BINLOG '\nabc';\n", ErrUnsupported, "--binlogs"},
		{"warning in the file", "mysqldump: [Warning] Using a password on the command line interface can be insecure.\n" + header, ErrUnsupported, "message of the dump tool"},
		{"no end mark", header + row, ErrIncomplete, "Dump completed"},
		{"in a statement", header + "INSERT INTO t VALUES (1", ErrIncomplete, "begins here"},
		{"in a string", header + "INSERT INTO t VALUES ('" + footerLine, ErrIncomplete, "begins here"},
		{"two dumps, the first cut", header + row + header + row + footerLine, ErrIncomplete, "another dump"},
		{"skip-comments, cut", "/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;\n" + row, ErrIncomplete, "SQL_NOTES"},
		{"hole", header + row + "\x00\x00\x00\x00" + footerLine, ErrCorrupt, "NUL"},
		{"hole in a statement", header + "INSERT INTO t VALUES (1\x00);\n" + footerLine, ErrCorrupt, "NUL"},
		{"garbage", header + row + "ÿßgarble;\n" + footerLine, ErrCorrupt, "garble"},
		{"insert select", header + "INSERT INTO t SELECT 1;\n" + footerLine, ErrUnsupported, "VALUES"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(t.Context(), write(t, "x.sql", []byte(tt.text)), "", nil)
			if !errors.Is(err, tt.kind) || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("got %v, want %v that says %q", err, tt.kind, tt.says)
			}
		})
	}
}

func TestSession(t *testing.T) {
	text := header + `SET NAMES gbk;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
INSERT INTO t VALUES ('` + "\x95\\" + `'),('a'),('` + "\x81`" + `');
SET SESSION sql_mode = "NO_BACKSLASH_ESCAPES,ANSI_QUOTES", @@session.time_zone := 'SYSTEM';
INSERT INTO "t" VALUES ('\'),('it''s');
SET sql_mode = @OLD_SQL_MODE, character_set_client = latin1;
INSERT INTO t VALUES ('\'),(');
ALTER DATABASE shop CHARACTER SET latin1 COLLATE latin1_bin;
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1;
USE other;
INSERT INTO shop.t VALUES (1),(2) ON DUPLICATE KEY UPDATE a = VALUES(a);
INSERT INTO t (a, b) VALUE (ROUND(1.5, (1)), /* ),( */ 2), -- ),(
 (3, (4)) ;
` + footerLine
	want := []string{
		`shop.t 3 "NO_AUTO_VALUE_ON_ZERO" true gbk  `, `shop.t 2 "NO_BACKSLASH_ESCAPES,ANSI_QUOTES" true gbk SYSTEM `,
		`shop.t 1 "" false latin1 SYSTEM `, `shop.tr 0 "" false latin1 SYSTEM latin1_bin`, `shop.t 2 "" false latin1 SYSTEM `, `other.t 2 "" false latin1 SYSTEM `,
	}
	d := newReader("dump", strings.NewReader(text), func(string) bool { return true })
	for {
		st, err := d.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if st.Part != PartRows && st.Part != PartTrigger {
			continue
		}
		got := fmt.Sprintf("%s.%s %d %q %v %s %s %s", st.DB, st.Object, st.Rows, st.SQLMode, st.SQLModeSet, st.ClientCharset, st.TimeZone, st.DatabaseCollation)
		if len(want) == 0 || got != want[0] {
			t.Fatalf("got %s, want %q", got, want)
		}
		want = want[1:]
	}
	if len(want) > 0 {
		t.Errorf("missing: %q", want)
	}
}
