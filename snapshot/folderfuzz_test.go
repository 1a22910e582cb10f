package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"lifeboat/internal/schema"
)

// fuzzFormats are ways to write rows: the usual one, one that encloses fields, and one with neither escapes nor single bytes between fields.
var fuzzFormats = []fieldFormat{tabbed, {terminated: ",", enclosed: '"', escaped: '\\', lines: "\r\n"}, {terminated: "<>", lines: "<\n"}}

// readFields gives each statement's text, the rows in all and the bytes of them.
func readFields(in io.Reader, format fieldFormat, columns []fieldColumn, text bool) (sql []string, rows int, size int64, err error) {
	f := newFields("t.tsv", in, format, tableID{"d", "t"}, columns)
	f.rows, f.hex, f.common.ClientCharset = text, columns[0].multi != nil, "sjis"
	f.buf = make([]byte, 4) // it grows at each boundary
	for {
		st, err := f.next()
		if err != nil {
			return sql, rows, size, err
		}
		sql = append(sql, string(st.SQL))
		rows += int(st.Rows)
		size += f.bytes()
	}
}

// FuzzFields: no file of rows may panic or be read without end, neither the size of reads nor leaving the text out may change what is found, the
// INSERT has a value for each field, and values that are written as LOAD DATA takes them come out again.
func FuzzFields(f *testing.F) {
	for how := range uint8(6) {
		f.Add([]byte("1\ta\\\tb\\N\t\\N\n2\t\\0\\Z\\\n\t''\n"), how)
		f.Add([]byte("\"1\",\"a\"\"b\",\\N\r\n2,x\\\r\n,\"\r\n\"\r\n"), how)
		f.Add([]byte("1<>2<>3<\n<<><><<\n"), how)
		f.Add([]byte("\x83\\\t\x81\x7e\t\x95\n\xfc"), how)
	}
	f.Fuzz(func(t *testing.T, in []byte, how uint8) {
		format := fuzzFormats[how%3]
		columns := []fieldColumn{{name: "a"}, {name: "b"}, {name: "c"}}
		if how%6 >= 3 {
			for i := range columns {
				columns[i].multi = multibyte("sjis")
			}
		}
		sql, rows, size, err := readFields(bytes.NewReader(in), format, columns, true)
		sql1, rows1, size1, err1 := readFields(iotest.OneByteReader(bytes.NewReader(in)), format, columns, true)
		if fmt.Sprint(err) != fmt.Sprint(err1) || !slices.Equal(sql, sql1) || rows != rows1 || size != size1 {
			t.Fatalf("%q, %d rows, %d bytes, %v\nbyte by byte %q, %d rows, %d bytes, %v", sql, rows, size, err, sql1, rows1, size1, err1)
		}
		if _, n, size2, err2 := readFields(bytes.NewReader(in), format, columns, false); n != rows || size2 != size || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("without the text %d rows, %d bytes, %v; with it %d, %d, %v", n, size2, err2, rows, size, err)
		}
		var at *ReadError
		if err != io.EOF && !errors.As(err, &at) {
			t.Fatalf("%v says neither file nor place", err)
		}
		if err == io.EOF && size != int64(len(in)) {
			t.Fatalf("%d of %d bytes were read, and nothing is said of the others", size, len(in))
		}
		if got := values(t, sql, len(columns)); len(got) != rows*len(columns) {
			t.Fatalf("%d rows in %q", rows, sql)
		}
		if how%6 != 0 {
			return
		}
		want := bytes.SplitN(in, []byte{','}, 3)
		for len(want) < 3 {
			want = append(want, nil)
		}
		sql, _, _, err = readFields(bytes.NewReader(loadDataLine(want)), tabbed, columns, true)
		got := values(t, sql, len(columns))
		if err != io.EOF || len(got) != 3 || got[0] != string(want[0]) || got[1] != string(want[1]) || got[2] != string(want[2]) {
			t.Fatalf("%q came out as %q, %v", want, got, err)
		}
	})
}

// values takes INSERT statements apart.
func values(t *testing.T, sql []string, columns int) (out []string) {
	t.Helper()
	for _, s := range sql {
		tuples, err := NewTuples([]byte(s), schema.Mode{})
		if err != nil {
			t.Fatalf("%v: %q", err, s)
		}
		for {
			row, err := tuples.Next()
			if err == io.EOF {
				break
			}
			if err != nil || len(row) != columns {
				t.Fatalf("%d values, %v: %q", len(row), err, s)
			}
			for _, l := range row {
				out = append(out, string(tuples.AppendValue(nil, l)))
			}
		}
	}
	return out
}

// loadDataLine writes a row as SELECT … INTO OUTFILE does.
func loadDataLine(row [][]byte) (out []byte) {
	for i, v := range row {
		if i > 0 {
			out = append(out, '\t')
		}
		for _, c := range v {
			switch c {
			case 0:
				out = append(out, '\\', '0')
			case '\t', '\n', '\\':
				out = append(out, '\\', c)
			default:
				out = append(out, c)
			}
		}
	}
	return append(out, '\n')
}

// FuzzMydumperMetadata: no file metadata may panic, what is said of it names the file, and the kind of line ends says nothing.
func FuzzMydumperMetadata(f *testing.F) {
	for _, form := range mydumperForms {
		f.Add([]byte(form.text))
	}
	read := func(text []byte) (Index, map[tableID]int64, error) {
		m, x := mydumperMeta{rows: map[tableID]int64{}}, &folder{path: "dump"}
		err := m.parse(x, "dump/metadata", string(text))
		return x.facts, m.rows, err
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		facts, rows, err := read(in)
		var at *ReadError
		if err != nil && (!errors.As(err, &at) || facts.Complete == errors.Is(err, ErrIncomplete)) {
			t.Fatalf("complete %v: %v", facts.Complete, err)
		}
		if bytes.Contains(in, []byte{'\r'}) {
			return
		}
		facts2, rows2, err2 := read(bytes.ReplaceAll(in, []byte("\n"), []byte("\r\n")))
		if fmt.Sprint(facts, rows, err) != fmt.Sprint(facts2, rows2, err2) {
			t.Fatalf("%+v, %v, %v\nwith CRLF %+v, %v, %v", facts, rows, err, facts2, rows2, err2)
		}
	})
}

// shellFiles are a dump of MySQL Shell with one table of one row.
func shellFiles() map[string]string {
	return map[string]string{
		"@.json": `{"dumper":"x","version":"2.0.1","schemas":["shop"],"basenames":{"shop":"shop"},"defaultCharacterSet":"utf8mb4","tzUtc":true,"serverVersion":"8.4.0","binlogFile":"binlog.000002","binlogPosition":157,` +
			`"gtidExecuted":"` + uuidA + `:1-5","consistent":true,"compatibilityOptions":[]}`,
		"@.done.json":   `{"end":"2026-11-24 15:35:16","chunkFileBytes":{"shop@t@@0.tsv":8}}`,
		"shop.json":     `{"includesDdl":true,"includesViewsDdl":true,"includesData":true,"tables":["t"],"views":[],"basenames":{"t":"shop@t"}}`,
		"shop.sql":      "CREATE DATABASE `shop`;\n",
		"shop@t.json":   `{"options":{"columns":["id","b"],"decodeColumns":{"b":"FROM_BASE64"},"defaultCharacterSet":"utf8mb4","fieldsTerminatedBy":"\t","fieldsEnclosedBy":"","fieldsEscapedBy":"\\","linesTerminatedBy":"\n"},"triggers":[],"includesData":true,"includesDdl":true,"extension":"tsv","chunking":true}`,
		"shop@t.sql":    "CREATE TABLE `t` (`id` INT PRIMARY KEY, `b` BLOB);\n",
		"shop@t@@0.tsv": "10\tYWI=\n",
	}
}

// FuzzShell puts the input into the place of each file that says what a dump of MySQL Shell holds: an index or an error that names a file, and where the
// dump counts as whole, its rows can be had or the error names the file.
func FuzzShell(f *testing.F) {
	described := []string{"@.json", "@.done.json", "shop.json", "shop@t.json"}
	files := shellFiles()
	for i, name := range described {
		f.Add([]byte(files[name]), uint8(i))
		f.Add([]byte(strings.ReplaceAll(files[name], `"shop`, `"../shop`)), uint8(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, which uint8) {
		dir := t.TempDir()
		replaced := described[int(which)%len(described)]
		for name, text := range files {
			if name == replaced {
				text = string(in)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(t.Context(), dir, "shop", nil)
		if err == nil {
			err = s.Statements(t.Context(), "shop", func(Statement) error { return nil })
		}
		var at *ReadError
		if err != nil && !errors.As(err, &at) {
			t.Fatalf("%v names no file", err)
		}
		if text := files[replaced]; string(in) == text && err != nil {
			t.Fatalf("the whole dump is refused: %v", err)
		}
	})
}

// TestShellTimeZone: a dump of MySQL Shell in its server's own time zone, which it does not name, is not taken for one in UTC.
func TestShellTimeZone(t *testing.T) {
	for _, c := range []struct {
		says  string
		zone  string
		local bool
	}{{`"tzUtc":true`, "+00:00", false}, {`"x":0`, "+00:00", false}, {`"tzUtc":false`, "", true}} {
		files, dir := shellFiles(), t.TempDir()
		files["@.json"] = strings.Replace(files["@.json"], `"tzUtc":true`, c.says, 1)
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(t.Context(), dir, "shop", nil)
		if err != nil {
			t.Fatal(err)
		}
		if x := s.Index(); x.TimeZone != c.zone || x.LocalTimes != c.local {
			t.Errorf("%s: time zone %q, local %v", c.says, x.TimeZone, x.LocalTimes)
		}
	}
}
