package partial

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/value"
)

// tableOf is a table map of an id INT and a word VARCHAR(20), both NOT NULL.
func tableOf(names []string, key []int, collation uint16) *binlog.TableMap {
	tm := &binlog.TableMap{Table: "t", Types: []byte{value.TypeLong, value.TypeVarchar}, Meta: []uint16{0, 80}, Nullable: []byte{0}, Names: names, PrimaryKey: key,
		KeyPrefix: make([]int, len(key)), Said: make([]binlog.Said, 2), Columns: []value.Column{{Type: value.TypeLong}, {Type: value.TypeVarchar, Meta: 80}}}
	tm.Said[1].Collation = collation
	return tm
}

// image is a row of it.
func image(t *testing.T, tm *binlog.TableMap, id int, word string) binlog.Image {
	t.Helper()
	raw := append([]byte{0, byte(id), 0, 0, byte(id >> 24), byte(len(word))}, word...)
	var im binlog.Image
	if err := im.Cut(tm, tm.AllColumns(), raw); err != nil {
		t.Fatal(err)
	}
	return im
}

func texts(t *testing.T, x *Table) []string {
	t.Helper()
	var out []string
	if err := x.Rows(func(values []byte, _ int) error { out = append(out, string(values)); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// Changes of rows, of which some were there before, against a plain list of what is known of them.
func TestRowsFollowTheLog(t *testing.T) {
	for _, key := range [][]int{{0}, nil} {
		tm := tableOf([]string{"id", "w"}, key, 45)
		x, err := New(tm)
		if err != nil {
			t.Fatal(err)
		}
		type row struct {
			id   int
			word string
		}
		var truth, known []row // what there is, and what of it the log showed
		for i := range 40 {
			truth = append(truth, row{i, "old"})
		}
		n := uint32(7)
		next := func(below int) int { n = n*1664525 + 1013904223; return int(n>>8) % below }
		change := func(old, new *row) {
			kind, r := binlog.Update, &binlog.RowReader{}
			if old != nil {
				r.Old = image(t, tm, old.id, old.word)
				if i := slices.Index(known, *old); i >= 0 {
					known = slices.Delete(known, i, i+1)
				}
			} else {
				kind = binlog.Insert
			}
			if new != nil {
				r.New = image(t, tm, new.id, new.word)
				known = append(known, *new)
			} else {
				kind = binlog.Delete
			}
			if err := x.Change(kind, r); err != nil {
				t.Fatal(err)
			}
		}
		for step := range 20_000 {
			at := next(len(truth))
			old := truth[at]
			switch id := 40 + step%1500; {
			case step%3 == 0 && !slices.ContainsFunc(truth, func(r row) bool { return r.id == id%128 }):
				truth = append(truth, row{id % 128, fmt.Sprint("new", next(3))})
				change(nil, &truth[len(truth)-1])
			case step%3 == 1 && len(truth) > 20:
				truth = slices.Delete(truth, at, at+1)
				change(&old, nil)
			default:
				truth[at].word = fmt.Sprint("w", next(5))
				change(&old, &truth[at])
			}
		}
		var want []string
		for _, r := range known {
			want = append(want, fmt.Sprintf("(%d,'%s')", r.id, r.word))
		}
		slices.Sort(want)
		if got := texts(t, x); !slices.Equal(got, want) || int64(len(want)) != x.Len() {
			t.Errorf("key %v: %d rows\n%v\nwant\n%v", key, x.Len(), got, want)
		}
		if x.Clear(); x.Len() != 0 || x.Bytes() != 0 {
			t.Errorf("cleared: %d rows, %d bytes", x.Len(), x.Bytes())
		}
	}
}

// Rows that are the same count, and what was not seen takes none of them away.
func TestBag(t *testing.T) {
	tm := tableOf(nil, nil, 0)
	x, _ := New(tm)
	do := func(kind binlog.Change, old, new string) {
		t.Helper()
		r := &binlog.RowReader{Old: image(t, tm, 1, old), New: image(t, tm, 1, new)}
		if err := x.Change(kind, r); err != nil {
			t.Fatal(err)
		}
	}
	do(binlog.Insert, "", "a")
	do(binlog.Insert, "", "a")
	do(binlog.Update, "unseen", "a")
	do(binlog.Delete, "unseen", "")
	do(binlog.Delete, "a", "")
	if got := strings.Join(texts(t, x), ""); got != "(1,'a')(1,'a')" || x.Len() != 2 {
		t.Errorf("rows: %s", got)
	}
	// From here on the log names columns and key.
	if named := tableOf([]string{"id", "w"}, []int{0}, 45); !x.Takes(named) || x.Learn(named) != nil || !x.keyed() || x.Len() != 1 {
		t.Errorf("with a key: %d rows", x.Len())
	}
	other := tableOf([]string{"id", "other"}, []int{0}, 45)
	if x.Takes(other) {
		t.Error("another name is taken for the same column")
	}
}

func TestDefinition(t *testing.T) {
	for _, c := range []struct {
		tm   *binlog.TableMap
		word string
		want string
	}{
		{tableOf([]string{"id", "we`ird"}, []int{1}, 45), "a", "`we``ird` VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,\n  PRIMARY KEY (`we``ird`)"},
		{tableOf([]string{"id", "w"}, []int{1}, 45), "a ", "NOT NULL,\n  KEY (`w`)"},
		{tableOf([]string{"id", "w"}, []int{0, 1}, 63), "a ", "`w` VARBINARY(80) NOT NULL,\n  PRIMARY KEY (`id`,`w`)"},
		{tableOf(nil, nil, 0), "a", "`c1` INT NOT NULL,\n  `c2` VARBINARY(80) NOT NULL\n)"},
		{tableOf(nil, nil, 8), "a", "`c2` VARCHAR(80) CHARACTER SET latin1 NOT NULL\n)"},
	} {
		x, err := New(c.tm)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Change(binlog.Insert, &binlog.RowReader{New: image(t, c.tm, 0x80000001, c.word)}); err != nil {
			t.Fatal(err)
		}
		got := string(x.Create("t", "it's"))
		if !strings.Contains(got, c.want) || !strings.HasSuffix(got, "COMMENT='it''s'") {
			t.Errorf("%s\nwant %s", got, c.want)
		}
		if said := strings.Join(x.Caveats(), "\n"); c.tm.Names == nil && !strings.Contains(said, "whether these are signed, and if they are not, their negative values are great ones: c1") {
			t.Errorf("caveats: %s", said)
		}
	}
	enum := value.Column{Type: value.TypeEnum, Meta: value.TypeEnum | 1<<8}
	for _, c := range []struct {
		said binlog.Said
		want string
	}{
		{binlog.Said{Collation: 45, Members: []string{"a", "it's"}}, "ENUM('a','it''s')"},
		{binlog.Said{Collation: 8, Members: []string{"a", "\xe9"}}, "SMALLINT UNSIGNED"},
		{binlog.Said{Members: []string{"a"}}, "SMALLINT UNSIGNED"},
		{binlog.Said{}, "SMALLINT UNSIGNED"},
	} {
		tm := &binlog.TableMap{Types: []byte{value.TypeEnum}, Columns: []value.Column{enum}, Said: []binlog.Said{c.said}}
		if got, err := describe(tm, 0); err != nil || got.sql != c.want {
			t.Errorf("%v: %s, %v", c.said, got.sql, err)
		}
	}
}
