package archive

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
)

// What a server's index file names is held against what is there.
func TestIndexFile(t *testing.T) {
	type folder = map[string][]byte
	five := func() folder { return newServer(1, 0xaa).rotated(5, 1) }
	lines := func(prefix string, numbers ...int) []byte {
		var b strings.Builder
		for _, n := range numbers {
			b.WriteString(prefix + number(n) + "\n")
		}
		return []byte(b.String())
	}
	const end = "note next-missing binlog.000005:449\n"
	skipped := func() folder {
		s := newServer(1, 0xaa)
		return folder{number(1): s.begin().transactions(1).rotate(number(3)), number(3): s.begin().transactions(1).rotate(number(4))}
	}
	cases := []struct {
		name  string
		files folder
		want  string // findings
		says  string
	}{
		{"all of them, as its server names them", with(five(), "binlog.index", lines("./", 1, 2, 3, 4, 5)), end, ""},
		{"of another folder", with(five(), "binlog.index", lines("/var/lib/mysql/", 1, 2, 3, 4, 5)), end, ""},
		{"of Windows", with(five(), "binlog.index", lines(`C:\ProgramData\MySQL\`, 1, 2, 3, 4, 5, 6)), end, ""},
		{"with the file that is written now", with(five(), "binlog.index", lines("./", 1, 2, 3, 4, 5, 6)), end, ""},
		{"newer files are missing", with(five(), "binlog.index", lines("./", 1, 2, 3, 4, 5, 6, 7)), end + "gap gap binlog.000005:449\n", "names binlog.000006, binlog.000007, written after binlog.000005:449"},
		{"many newer files are missing", with(five(), "binlog.index", lines("./", 5, 6, 7, 8, 9, 10)), end + "gap gap binlog.000005:449\n", "binlog.000006 to binlog.000010 (5 files)"},
		{"the last was copied before its server went on", folder{number(1): newServer(1, 0xaa).begin().transactions(1).live(), "binlog.index": lines("./", 1, 2)},
			"note in-use binlog.000001:365\ngap gap binlog.000001:365\n", "names binlog.000002, written after binlog.000001:365"},
		{"older files are missing", with(without(five(), number(1), number(2)), "binlog.index", lines("./", 1, 2, 3, 4, 5)), end + "note index binlog.000001:0\n", "names binlog.000001, binlog.000002, from before binlog.000003"},
		{"its server purged the older ones", with(five(), "binlog.index", lines("./", 4, 5)), end, ""},
		{"it was copied before the newer ones", with(five(), "binlog.index", lines("./", 1, 2)), end, ""},
		{"one in the middle is missing", with(without(five(), number(3)), "binlog.index", lines("./", 1, 2, 3, 4, 5)), "gap gap binlog.000002:449\n" + end, "binlog.index names binlog.000003"},
		{"its server misses one too", with(without(five(), number(3)), "binlog.index", lines("./", 1, 2, 4, 5)), "gap gap binlog.000002:449\n" + end, "does not name it either"},
		{"one that is there is not named", with(five(), "binlog.index", lines("./", 1, 2, 4, 5)), end + "note index binlog.000003:0\n", "binlog.000003 lies beside"},
		{"against the numbers", with(five(), "binlog.index", lines("./", 1, 3, 2, 4, 5)), end + "warning index binlog.000002:0\n", "names binlog.000002 after binlog.000003"},
		{"between two that follow each other", with(skipped(), "binlog.index", lines("./", 1, 2, 3)), "note next-missing binlog.000003:449\nwarning index binlog.000001:409\n", "names binlog.000002 between"},
		{"a damaged file is told once", with(with(five(), number(5), flip(five()[number(5)], 60)), "binlog.index", lines("./", 1, 2, 3, 4, 5)), "corrupt corrupt binlog.000005:0\nnote next-missing binlog.000004:449\n", ""},
		{"of relay logs", with(five(), "relay.index", []byte("./relay-bin.000009\n")), end, ""},
		{"not an index of binlogs", with(five(), "book.index", []byte("A 1\nB 2\n")), end, ""},
		{"empty", with(five(), "binlog.index", nil), end, ""},
		{"bytes", with(five(), "binlog.index", []byte("\x00\xff.000009\n\x80")), end, ""},
		{"of another copy's folder", folder{"a/binlog.index": lines("./", 1, 2, 3, 4, 5, 6, 7), "b/" + number(1): five()[number(1)]}, "note next-missing binlog.000001:409\n", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, err := open(t, write(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			got, text := outline(a), ""
			for range a.Files {
				_, got, _ = strings.Cut(got, "\n")
			}
			for _, f := range a.Findings {
				text += f.Text + "\n"
			}
			if got != c.want {
				t.Errorf("got:\n%swant:\n%s%s", got, c.want, text)
			}
			if !strings.Contains(text, c.says) {
				t.Errorf("%sdoes not say %q", text, c.says)
			}
		})
	}
}

// Who gives the index file in place of its folder is told so.
func TestIndexFileAsPath(t *testing.T) {
	dir := write(t, map[string][]byte{"binlog.index": []byte("./binlog.000001\n./binlog.000002\n")})
	if _, err := open(t, filepath.Join(dir, "binlog.index")); !errors.Is(err, ErrNoBinlogs) || !strings.Contains(err.Error(), "give the folder") {
		t.Error(err)
	}
}

// Two copies from different days have index files of different days; what either names counts.
func TestIndexFilesOfTwoCopies(t *testing.T) {
	files := newServer(1, 0xaa).rotated(5, 1)
	old := with(without(files, number(4), number(5)), "binlog.index", []byte("./binlog.000001\n./binlog.000002\n./binlog.000003\n"))
	late := with(without(files, number(1), number(2)), "binlog.index", []byte("./binlog.000003\n./binlog.000004\n./binlog.000005\n./binlog.000006\n"))
	a, err := open(t, write(t, old), write(t, late))
	if err != nil || len(a.Files) != 5 || len(a.Findings) != 1 {
		t.Errorf("%v\n%s", err, outline(a))
	}
}

func FuzzParseIndex(f *testing.F) {
	for _, s := range []string{"./binlog.000001\n", "C:\\d\\b.000001\r\n\r\nb.000002", "x", "\x00.1\n", "a.18446744073709551616\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		names, ok := parseIndex(content)
		if ok != (len(names) > 0) {
			t.Fatalf("%v, %q", ok, names)
		}
		for _, n := range names {
			if _, number := binlog.SplitName(n); number == 0 || strings.ContainsAny(n, "/\\\n") || !bytes.Contains(content, []byte(n)) {
				t.Errorf("%q is no file's name", n)
			}
		}
	})
}
