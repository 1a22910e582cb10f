package snapshot

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/zstd"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string // comments begin with "c:"
	}{
		{"plain", "SET a;\nSET b ;", []string{"SET a", "SET b"}},
		{"empty statements", ";; ;\nSET a;;;", []string{"SET a"}},
		{"strings", `SET 'a;''b\';', "c;""d\";", ` + "`e;``f\\`;", []string{`SET 'a;''b\';', "c;""d\";", ` + "`e;``f\\`"}},
		{"comments between", "-- a;\n#b;\n/* c;\n */SET d;--\n-- e", []string{"c:-- a;\n", "c:#b;\n", "c:/* c;\n */", "SET d", "c:--\n", "c:-- e"}},
		{"comments inside", "SET a -- it's;\n, b # it's;\n, c /* it's; */;SET 1--2;SET 1-- 2;\n;", []string{"SET a -- it's;\n, b # it's;\n, c /* it's; */", "SET 1--2", "SET 1-- 2;"}},
		{"versioned", "/*!50003 SET a */;\n/*!50003 CREATE*/ /*!50017 x*/ /*!50003 y /* ; */ 'z;' */;", []string{"/*!50003 SET a */", "/*!50003 CREATE*/ /*!50017 x*/ /*!50003 y /* ; */ 'z;' */"}},
		{"sandbox", "/*M!999999\\- enable the sandbox mode */ \n/*!999999\\- enable the sandbox mode */\n/*M!100101 SET a */;", []string{"c:/*M!999999\\- enable the sandbox mode */", "c:/*!999999\\- enable the sandbox mode */", "/*M!100101 SET a */"}},
		{"delimiter", "DELIMITER ;;\nSET a; b;;\ndelimiter $$ \nSET c;; d$$\nDELIMITER ;\nSET e;", []string{"SET a; b", "SET c;; d", "SET e"}},
		{"delimiter in a string", "SET '\nDELIMITER ;;\n';SET b;", []string{"SET '\nDELIMITER ;;\n'", "SET b"}},
		{"dollar quotes", "SET $$ it's; $$, $js$ $$ '; $js$, a$b$;SET $ ;", []string{"SET $$ it's; $$, $js$ $$ '; $js$, a$b$", "SET $"}},
		{"null", `SET \N;`, []string{`SET \N`}},
		{"byte order mark", "\xef\xbb\xbfSET a;", []string{"SET a"}},
		{"raw bytes", "SET '\x00\xff\x1a\r\n';", []string{"SET '\x00\xff\x1a\r\n'"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in)), iotest.DataErrReader(strings.NewReader(tt.in))} {
				pieces, err := split(r, false, dialect{dollar: true})
				if err != io.EOF {
					t.Fatal(err)
				}
				var got []string
				for _, p := range pieces {
					text := string(p.text)
					if p.comment {
						text = "c:" + text
					}
					if !strings.HasPrefix(tt.in[p.offset:], string(p.text)) {
						t.Errorf("%q is not at byte %d", p.text, p.offset)
					}
					got = append(got, text)
				}
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) {
					t.Errorf("got  %q\nwant %q", got, tt.want)
				}
			}
		})
	}
}

// split gives all pieces, with texts of their own, and the error that ended it.
func split(r io.Reader, drop bool, how dialect) ([]piece, error) {
	s := newSplitter(r, func([]byte, int64) (bool, error) { return drop, nil })
	s.dialect = how
	s.buf = buffer
	var all []piece
	for {
		p, err := s.next()
		if err != nil {
			return all, err
		}
		p.text = bytes.Clone(p.text)
		all = append(all, p)
	}
}

func TestMultibyte(t *testing.T) {
	tests := []struct{ charset, in string }{
		{"gbk", "SET '\x95\\', '\x81\\';"},
		{"sjis", "SET '\x83\\', '\xb1\\'';"}, // 0xb1 is a character by itself
		{"big5", "SET '\xa5\\', '\\\xa5';"},
		{"gb18030", "SET '\x81\x30\x81\x30\\'', '\x95\\';"},
	}
	for _, tt := range tests {
		for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
			pieces, err := split(r, false, dialect{multi: multibyte(tt.charset)})
			if err != io.EOF || len(pieces) != 1 || string(pieces[0].text)+";" != tt.in {
				t.Errorf("%s: %+v, %v", tt.charset, pieces, err)
			}
		}
	}
}

// TestDroppedRows: an INSERT of any size goes through a buffer of fixed size, and is counted all the same.
func TestDroppedRows(t *testing.T) {
	const rows = 300_000
	parts := []io.Reader{strings.NewReader("INSERT INTO `t` (`a`, b) VALUES ")}
	row := "(1,'it\\'s),(',/* ),( */\"x\"\"\", -2.5, (3)) , \n"
	for range rows / 1000 {
		parts = append(parts, strings.NewReader(strings.Repeat(row, 1000)))
	}
	parts = append(parts, strings.NewReader("(0);SET a;"))
	s := newSplitter(io.MultiReader(parts...), func([]byte, int64) (bool, error) { return true, nil })
	p, err := s.next()
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len("INSERT INTO `t` (`a`, b) VALUES ") + rows*len(row) + len("(0)"))
	if p.rows != rows+1 || p.size != size || len(s.buf) != bufferSize {
		t.Errorf("%d rows of %d, %d bytes of %d, buffer of %d", p.rows, rows+1, p.size, size, len(s.buf))
	}
	if _, table, ok := insertTarget(p.text); !ok || string(table) != "`t`" {
		t.Errorf("table %q", table)
	}
	if p, err = s.next(); err != nil || string(p.text) != "SET a" || p.offset != size+1 {
		t.Errorf("then %q at %d, %v", p.text, p.offset, err)
	}
}

func TestInsertTarget(t *testing.T) {
	tests := []struct{ in, db, table string }{
		{"INSERT INTO t VALUES (1)", "", "t"},
		{"INSERT  IGNORE INTO `t` VALUES (1)", "", "t"},
		{"REPLACE INTO `a``b;` (`c`) VALUES (1)", "", "a`b;"},
		{"insert low_priority ignore into `d`.`t`(a) values (1)", "d", "t"},
		{"INSERT t VALUES (1)", "", "t"},
		{"REPLACE DELAYED \"d\".\"t\" VALUES (1)", "d", "t"},
		{"INSERT INTO 中 VALUES (1)", "", "中"},
	}
	for _, tt := range tests {
		db, table, ok := insertTarget([]byte(tt.in))
		if !ok || unquoteName(db) != tt.db || unquoteName(table) != tt.table {
			t.Errorf("%s: %q.%q %v", tt.in, db, table, ok)
		}
	}
	for _, in := range []string{"INSERT INTO (1)", "INSERT INTO `t", "INSERT INTO `d`.(1)", "INSERT INTO /* x */ t"} {
		if db, table, ok := insertTarget([]byte(in)); ok {
			t.Errorf("%s: %q.%q", in, db, table)
		}
	}
}

// seed gives pieces of real dumps: whole ones are so long that minimizing them takes all the time.
func seed(f *testing.F) {
	for _, path := range dumps(f) {
		const size = 300
		for b := read(f, path); len(b) > size; b = b[4*size/3:] {
			f.Add(b[:size])
			if len(b) < 2*size {
				break
			}
		}
	}
	f.Add([]byte(header + "INSERT INTO t VALUES (1);\n" + footerLine))
}

// FuzzSplit: no input may panic, and neither the size of reads nor dropping rows may change what is found.
func FuzzSplit(f *testing.F) {
	seed(f)
	f.Add([]byte("DELIMITER ;;\nINSERT INTO t VALUES ('\\''),(2)-- x\n,(/*!1 3*/4);; $a$ ' $a$ \x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, how := range []dialect{{}, {dollar: true, multi: multibyte("gb18030")}, {noBackslash: true, ansiQuotes: true}} {
			a, aerr := split(bytes.NewReader(in), false, how)
			b, berr := split(iotest.OneByteReader(bytes.NewReader(in)), true, how)
			if aerr != berr || len(a) != len(b) {
				t.Fatalf("%d pieces and %v, %d pieces and %v", len(a), aerr, len(b), berr)
			}
			for i := range a {
				if a[i].offset != b[i].offset || a[i].size != b[i].size || a[i].rows != b[i].rows || a[i].comment != b[i].comment {
					t.Fatalf("%+v, %+v", a[i], b[i])
				}
			}
		}
	})
}

// FuzzIndex: no input may panic.
func FuzzIndex(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		idx, err := indexBytes(bytes.NewReader(in))
		if (idx == nil) == (err == nil) {
			t.Fatalf("index %v, error %v", idx, err)
		}
		var at *ReadError
		if err != nil && !errors.As(err, &at) {
			t.Fatalf("%v says neither file nor place", err)
		}
	})
}

// TestCompressed cuts and damages compressed dumps.
func TestCompressed(t *testing.T) {
	plain := read(t, "testdata/mysql97-gtid.sql")
	want, err := Open(t.Context(), "testdata/mysql97-gtid.sql", "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	var gz bytes.Buffer
	zw := gzip.NewWriter(&gz)
	if _, err := zw.Write(plain[:5000]); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	zw.Reset(&gz) // a second member, as parallel compressors write
	if _, err := zw.Write(plain[5000:]); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(true))
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{"gz": gz.Bytes(), "zst": enc.EncodeAll(plain, nil)} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), write(t, "dump", packed), "shop", nil)
			if err != nil {
				t.Fatal(err)
			}
			if s.Index().Fingerprint != want.Index().Fingerprint || s.Index().Size != int64(len(plain)) {
				t.Errorf("%+v", s.Index())
			}
			for n := 1; n < len(packed); n += 7 {
				if s, err := Open(t.Context(), write(t, "dump", packed[:n]), "shop", nil); err == nil {
					t.Fatalf("%d of %d bytes: %+v", n, len(packed), s.Index())
				}
				bad := bytes.Clone(packed)
				bad[n] ^= 0x10
				s, err := Open(t.Context(), write(t, "dump", bad), "shop", nil)
				if err == nil && s.Index().Fingerprint != want.Index().Fingerprint {
					t.Fatalf("byte %d changed: %+v", n, s.Index())
				}
			}
			_, err = Open(t.Context(), write(t, "dump", packed[:len(packed)/2]), "shop", nil)
			var at *ReadError
			if !errors.Is(err, ErrIncomplete) || !errors.As(err, &at) {
				t.Errorf("half of it: %v", err)
			}
		})
	}
}

func TestProgressCancelAndChange(t *testing.T) {
	text := header + strings.Repeat("INSERT INTO t VALUES (1,'"+strings.Repeat("x", 1000)+"');\n", 5000) + footerLine
	path := write(t, "dump.sql", []byte(text))
	var last, size int64
	s, err := Open(t.Context(), path, "shop", func(done, total int64) {
		if done < last {
			t.Errorf("progress went back from %d to %d", last, done)
		}
		last, size = done, total
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != int64(len(text)) || size != last {
		t.Errorf("progress ended at %d of %d", last, size)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err = s.Statements(ctx, "shop", func(Statement) error {
		if n++; n == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	mine := errors.New("mine")
	if err := s.Statements(t.Context(), "shop", func(Statement) error { return mine }); err != mine {
		t.Errorf("the visitor's error came back as %v", err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if err := s.Statements(t.Context(), "shop", func(Statement) error { return nil }); !errors.Is(err, ErrChanged) {
		t.Errorf("changed: %v", err)
	}
}

func TestNotOneFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(t.Context(), dir, "", nil); !errors.Is(err, ErrNotDump) {
		t.Errorf("a folder: %v", err)
	}
	if err := os.WriteFile(dir+"/t.sql", []byte(header+"CREATE TABLE t (a INT);\n"+footerLine), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir+"/t.sql", "", nil); err != nil {
		t.Errorf("a schema: %v", err)
	}
	if err := os.WriteFile(dir+"/t.txt", []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, "", nil); err != nil {
		t.Errorf("the folder of mysqldump --tab: %v", err)
	}
	if _, err := Open(t.Context(), dir+"/t.sql", "", nil); err == nil || !strings.Contains(err.Error(), "--tab") {
		t.Errorf("one file of mysqldump --tab: %v", err)
	}
	if _, err := Open(t.Context(), dir+"/none", "", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestOldForms: what tools that are not at hand wrote.
func TestOldForms(t *testing.T) {
	text := header + `DROP TABLE IF EXISTS v;
/*!50001 DROP VIEW IF EXISTS v*/;
/*!50001 CREATE TABLE v (
  a tinyint NOT NULL
) ENGINE=MyISAM */;
INSERT INTO t VALUES (1);
--
-- Dumping data for table ` + "`w`" + `
--
-- WHERE:  id > 5

INSERT INTO w VALUES (6);
/*!50003 SET @OLD_SQL_MODE=@@SQL_MODE*/;
DELIMITER ;;
/*!50003 SET SESSION SQL_MODE="" */;;
/*!50003 CREATE */ /*!50017 DEFINER=r@l */ /*!50003 TRIGGER tr BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; END */;;
DELIMITER ;
/*!50003 SET SESSION SQL_MODE=@OLD_SQL_MODE*/;
/*!50001 DROP TABLE IF EXISTS v*/;
/*!50001 DROP VIEW IF EXISTS v*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=r@l SQL SECURITY DEFINER */
/*!50001 VIEW v AS select 1 AS a */;
/*!50001 CREATE VIEW lost AS SELECT 1 AS a*/;
/*! FLUSH PRIVILEGES */;
` + footerLine
	s, err := Open(t.Context(), write(t, "dump.sql", []byte(text)), "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = s.Statements(t.Context(), "shop", func(st Statement) error {
		if st.Part != PartSession {
			got = append(got, fmt.Sprintf("%s %s drop %v placeholder %v mode %q %v", st.Part, st.Object, st.Drop, st.Placeholder, st.SQLMode, st.SQLModeSet))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`table v drop true placeholder true mode "" false`, `table v drop true placeholder true mode "" false`, `table v drop false placeholder true mode "" false`,
		`rows t drop false placeholder false mode "" false`, `rows w drop false placeholder false mode "" false`,
		`trigger tr drop false placeholder false mode "" true`,
		`view v drop true placeholder false mode "" false`, `view v drop true placeholder false mode "" false`, `view v drop false placeholder false mode "" false`,
		`table lost drop false placeholder true mode "" false`, `server  drop false placeholder false mode "" false`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	notes := strings.Join(s.Index().Notes, "\n")
	for _, note := range []string{`view "lost"`, `table "w" it holds only the rows that fulfil id > 5`} {
		if !strings.Contains(notes, note) {
			t.Errorf("no note that says %s: %s", note, notes)
		}
	}
}

// TestSampleDatabases reads SQL scripts that no dump tool made.
func TestSampleDatabases(t *testing.T) {
	const dir = "../../shared/corpus/dumps/"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the corpus is not here")
	}
	tests := []struct {
		file, db                          string
		tables, views, triggers, routines int
		rows                              int64
	}{
		{"sakila-schema.sql", "sakila", 16, 7, 3, 6, 0},
		{"sakila-data.sql", "sakila", 15, 0, 3, 0, 46273},
		{"Chinook_MySql.sql", "Chinook", 11, 0, 0, 0, 15607},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			s, err := Open(t.Context(), dir+tt.file, tt.db, nil)
			if err != nil {
				t.Fatal(err)
			}
			idx := s.Index()
			var rows int64
			tables, views := 0, 0
			for _, x := range idx.Tables {
				rows += x.Rows
				if x.View {
					views++
				} else {
					tables++
				}
			}
			count := map[Part]int{}
			if err := s.Statements(t.Context(), tt.db, func(st Statement) error { count[st.Part]++; return nil }); err != nil {
				t.Fatal(err)
			}
			if tables != tt.tables || views != tt.views || rows != tt.rows || count[PartTrigger] != tt.triggers || count[PartRoutine] != tt.routines {
				t.Errorf("%d tables, %d views, %d rows, parts %v", tables, views, rows, count)
			}
			if !idx.CompleteUnknown || idx.Complete || idx.Format != "SQL script" {
				t.Errorf("%+v", idx)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	row := "(%d,50148,'83868641912-28773972837-60736120486-75162659906-27563526494-20381887404-41576422241-93426793964-56405065102-33518432330','67847967377-48000963322-62604785301-91415491898-96926520291')"
	var text strings.Builder
	text.WriteString(header)
	for text.Len() < 64<<20 {
		text.WriteString("INSERT INTO `sbtest1` VALUES ")
		for i := range 5000 {
			if i > 0 {
				text.WriteByte(',')
			}
			fmt.Fprintf(&text, row, i)
		}
		text.WriteString(";\n")
	}
	text.WriteString(footerLine)
	path := write(b, "dump.sql", []byte(text.String()))
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := Open(b.Context(), path, "shop", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// TestLongInsertsAreCutOnce holds what a second reading gives, which knows where the long INSERTs end, to what they are.
func TestLongInsertsAreCutOnce(t *testing.T) {
	long := "('" + strings.Repeat(`it\'s; `, 10<<10) + "')"
	var text, want strings.Builder
	for _, db := range []string{"a", "b"} {
		text.WriteString("CREATE DATABASE " + db + ";\nUSE " + db + ";\nCREATE TABLE t (c LONGTEXT);\n")
		for i := range 4 {
			insert := "INSERT INTO t VALUES " + strings.Repeat(long+",\n", i) + long
			text.WriteString(insert + " ;\nINSERT INTO t VALUES ('short');\n")
			if db == "b" {
				fmt.Fprintf(&want, "%d rows, %d bytes\n1 rows, 30 bytes\n", i+1, len(insert))
			}
		}
	}
	path := filepath.Join(t.TempDir(), "dump.sql")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	f := s.format.(*dumpFile)
	if len(f.inserts) != 4 {
		t.Errorf("%d long INSERTs of b are known", len(f.inserts))
	}
	read := func() string {
		var got strings.Builder
		if err := s.Statements(t.Context(), "b", func(st Statement) error {
			if st.Part == PartRows {
				fmt.Fprintf(&got, "%d rows, %d bytes\n", st.Rows, len(st.SQL))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return got.String()
	}
	if got := read(); got != want.String() {
		t.Errorf("got\n%s, want\n%s", got, want.String())
	}
	for i := range f.inserts {
		f.inserts[i].size-- // no delimiter stands there
	}
	if got := read(); got != want.String() {
		t.Errorf("with wrong ends: got\n%s, want\n%s", got, want.String())
	}
}
