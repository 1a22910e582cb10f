package value

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"lifeboat/internal/testserver"
)

// partialUpdates cuts the PARTIAL_UPDATE_ROWS events of a table (n INT, v JSON) into rows: the raw
// after-images of v, and whether they are changes or a whole value.
func partialUpdates(t *testing.T, s *server, since mark, table string) (raws [][]byte, partial []bool) {
	t.Helper()
	columns := []Column{{Type: TypeLong}, {Type: TypeJSON, Meta: 4}}
	r := rowsOf{table: table, columns: func([]byte, []uint16) []Column { return columns }}
	r.partial = func(b []byte) error {
		for len(b) > 0 {
			n := 1 // the before-image, with its bitmap of NULLs
			for i := range columns {
				size, err := columns[i].Size(b[n:])
				if err != nil {
					return err
				}
				n += size
			}
			b = b[n:]
			isPartial := b[0] != 0 && b[1] != 0
			b = b[1+int(b[0]):] // value options, and a byte of bits if there are any
			b = b[1+4:]         // bitmap of NULLs, n
			size, err := columns[1].Size(b)
			if err != nil {
				return err
			}
			raws, partial = append(raws, b[:size:size]), append(partial, isPartial)
			b = b[size:]
		}
		return nil
	}
	s.read(t, since, &r)
	return raws, partial
}

// TestJSONChanges updates documents on a server that logs only what changed, and makes the same changes to
// copies of the documents by the expressions.
func TestJSONChanges(t *testing.T) {
	s := openServer(t, testserver.MySQL97)
	conn := s.session(t, append(loading, "SET binlog_row_value_options = 'PARTIAL_JSON'", "SET binlog_row_image = 'FULL'",
		"CREATE TABLE source (n INT PRIMARY KEY, v JSON)", "CREATE TABLE target (n INT PRIMARY KEY, v JSON)")...)
	pad := "REPEAT('padding ', 40)"
	doc := "JSON_OBJECT('a', 1, 'long', " + pad + ", 'list', JSON_ARRAY(1, 2, " + pad + ", JSON_OBJECT('x', 3.0)), 'q\"\\\\''', 'text')"
	changes := []string{
		"JSON_SET(v, '$.a', 2)", "JSON_SET(v, '$.b', 'new')", "JSON_REMOVE(v, '$.a')", "JSON_SET(v, '$.list[1]', 'much longer than it was before')",
		"JSON_REPLACE(v, '$.list[3].x', 6.02214076e23)", "JSON_SET(v, '$.list[4]', 'end')", "JSON_REMOVE(v, '$.list[0]')", "JSON_SET(v, '$.\"q\\\\\"\\\\\\\\\\'\"', NULL)",
		"JSON_SET(v, '$.a', CAST('2026-01-02 03:04:05.6' AS DATETIME(6)), '$.b', 1.50, '$.c', CAST(5 AS UNSIGNED))", "JSON_REMOVE(JSON_SET(v, '$.a', JSON_ARRAY(1, 2.5, JSON_OBJECT('k', _binary'\\'\\0'))), '$.list[1]')",
		"JSON_SET(v, '$.a', 1)", "JSON_REMOVE(v, '$.nothing')",
	}
	for i := range changes {
		for _, table := range []string{"source", "target"} {
			run(t, conn, fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", table, i, doc))
		}
	}
	since := s.mark(t)
	for i, c := range changes {
		run(t, conn, fmt.Sprintf("UPDATE source SET v = %s, n = n + 1000 WHERE n = %d", c, i))
	}
	raws, partial := partialUpdates(t, s, since, "source")
	if len(raws) != len(changes) || !slices.Contains(partial, true) {
		t.Fatalf("%d updates in the log, of %d; partial: %v", len(raws), len(changes), partial)
	}
	restore := s.session(t, restoring...)
	column := Column{Type: TypeJSON, Meta: 4}
	whole := 0
	for i, raw := range raws {
		expr, err := column.AppendLiteral(nil, raw)
		if partial[i] {
			expr, err = column.AppendJSONChange(nil, "`v`", raw)
		} else {
			whole++
		}
		if err != nil {
			t.Errorf("%s: %x: %v", changes[i], raw, err)
			continue
		}
		run(t, restore, fmt.Sprintf("UPDATE target SET v = %s WHERE n = %d", expr, i))
		if w := warnings(t, restore); len(w) > 0 {
			t.Errorf("%s: %q: %q", changes[i], expr, w)
		}
	}
	t.Logf("%d of %d updates were logged in full", whole, len(raws))
	// Written out anew, equal values have equal images.
	run(t, conn, "SET binlog_row_value_options = ''")
	run(t, conn, "CREATE TABLE whole_source (n INT PRIMARY KEY, v JSON)")
	run(t, conn, "CREATE TABLE whole_target (n INT PRIMARY KEY, v JSON)")
	run(t, conn, "INSERT INTO whole_source SELECT n - 1000, JSON_MERGE_PRESERVE(JSON_OBJECT(), v) FROM source ORDER BY n")
	run(t, conn, "INSERT INTO whole_target SELECT n, JSON_MERGE_PRESERVE(JSON_OBJECT(), v) FROM target ORDER BY n")
	columns := func(types []byte, metas []uint16) []Column {
		return []Column{{Type: types[0]}, {Type: types[1], Meta: metas[1]}}
	}
	want, got := s.logged(t, since, columns, "whole_source"), s.logged(t, since, columns, "whole_target")
	if len(want) != len(changes) || len(got) != len(changes) {
		t.Fatalf("%d and %d rows", len(want), len(got))
	}
	for i := range want {
		if !slices.Equal(want[i][1], got[i][1]) {
			t.Errorf("%s:\nwant %x\n got %x", changes[i], want[i][1], got[i][1])
		}
	}
}

func TestDamagedJSONChanges(t *testing.T) {
	c := Column{Type: TypeJSON, Meta: 4}
	raw := unhex(t, "0e000000 00 03 242e61 03 050100 02 03 242e62")
	diffs, err := c.JSONDiffs(raw)
	if err != nil || len(diffs) != 2 || diffs[0].Op != JSONReplace || string(diffs[0].Path) != "$.a" || diffs[1].Op != JSONRemove || diffs[1].Value != nil {
		t.Fatalf("%+v, %v", diffs, err)
	}
	expr, err := c.AppendJSONChange(nil, "`v`", raw)
	if want := "JSON_REMOVE(JSON_REPLACE(`v`,_utf8mb4'$.a',CAST(_utf8mb4'1' AS JSON)),_utf8mb4'$.b')"; err != nil || string(expr) != want {
		t.Errorf("%s, %v", expr, err)
	}
	for n := 1; n < len(raw)-4; n++ {
		cut := append([]byte{byte(n), 0, 0, 0}, raw[4:4+n]...)
		diffs, err := c.JSONDiffs(cut)
		if n == 9 && len(diffs) == 1 && err == nil {
			continue // one change is whole there
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("the first %d bytes: %+v, %v", n, diffs, err)
		}
	}
}
