package archive

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/binlog"
)

// Servers that know nothing of each other may have one id, the same names and no GTIDs, and rotate at the same moments. Their files are told
// apart by folder and by when one ends and the next begins, or refused; they are never read as one log.
func TestServersThatLookAlike(t *testing.T) {
	type folder = map[string][]byte
	anonymous := func(version string, later uint32) *server {
		s := newServer(1, 0)
		s.version, s.clock = version, s.clock+later
		return s
	}
	some := func(all folder, numbers ...int) folder {
		out := folder{}
		for _, n := range numbers {
			out[number(n)] = all[number(n)]
		}
		return out
	}
	other := func(n int, later uint32) folder { // it has other statements, of the same number
		s, out := anonymous("8.4.4", later), folder{}
		for i := range n {
			l := s.begin()
			l.gtid()
			l.query("BEGIN")
			l.query("DELETE FROM elsewhere")
			l.event(binlog.XIDEvent, make([]byte, 8))
			out[number(i+1)] = l.rotate(number(i + 2))
		}
		return out
	}
	five := func() folder { return anonymous("8.4.4", 0).rotated(5, 1) }
	cases := []struct {
		name    string
		folders []folder
		files   int    // of the chain; 0: refused
		says    string // by the refusal
	}{
		{"a hole between folders", []folder{some(five(), 1, 2), some(anonymous("8.4.4", 50000).rotated(9, 1), 8, 9)}, 0, "nothing shows that"},
		{"a hole in one folder is a gap", []folder{some(five(), 1, 2, 5)}, 3, ""},
		{"folders that go on where the others end", []folder{some(five(), 1, 2), some(five(), 3), some(five(), 4, 5)}, 5, ""},
		{"folders that overlap", []folder{some(five(), 1, 3), some(five(), 3, 5)}, 3, ""},
		{"the next number, but much later", []folder{some(five(), 1, 2), some(anonymous("8.4.4", 50000).rotated(3, 1), 3)}, 0, "nothing shows that"},
		{"a lone file of another server behind a long log", []folder{five(), some(anonymous("8.4.4", 50000).rotated(9, 1), 9)}, 0, "nothing shows that"},
		{"a lone file of another server before a long log", []folder{some(anonymous("8.4.4", 5000).rotated(9, 1), 4, 5, 6, 7, 8, 9), some(five(), 1)}, 0, "nothing shows that"},
		{"another version that runs on", []folder{some(five(), 1, 2), some(anonymous("8.4.5", 30).rotated(3, 1), 3)}, 0, "binary logs of several servers"},
		{"an older version", []folder{some(five(), 1, 2), some(anonymous("8.0.36", 30).rotated(5, 1), 5)}, 0, "binary logs of several servers"},
		{"two that rotate at the same moments", []folder{five(), other(5, 0)}, 0, "binary logs of several servers"},
		{"a short one that rotates at the same moments", []folder{five(), other(2, 0)}, 5, ""},
		{"the same, each file in a folder of its own", []folder{some(five(), 1), some(other(2, math.MaxUint32-1), 1), some(five(), 2), some(other(2, math.MaxUint32-1), 2)}, 0, "as much speaks for"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var paths []string
			own := folder{}
			for i, f := range c.folders {
				if i == 0 {
					maps.Copy(own, f)
				}
				paths = append(paths, write(t, f))
			}
			for range 2 { // in either order
				a, err := open(t, paths...)
				switch {
				case c.files == 0:
					if !errors.Is(err, ErrAmbiguous) || !strings.Contains(err.Error(), c.says) {
						t.Errorf("%v: does not say %q", err, c.says)
						if err == nil {
							t.Log(outline(a))
						}
					}
				case err != nil || len(a.Files) != c.files:
					t.Errorf("%v, want %d files", err, c.files)
				case strings.HasPrefix(c.name, "a short one"):
					for _, f := range a.Files {
						if f.Size != int64(len(own[f.name])) {
							t.Errorf("%s is not the longer log's", f.Path)
						}
					}
				}
				slices.Reverse(paths)
			}
		})
	}
}

// In one folder such files are read as one log, as whoever put them there wants it, but not without a word.
func TestALateSuccessor(t *testing.T) {
	first, second := newServer(1, 0), newServer(1, 0)
	second.clock += 50000
	files := first.rotated(2, 1)
	files[number(3)] = second.rotated(3, 1)[number(3)]
	a, err := open(t, write(t, files))
	if err != nil || len(a.Files) != 3 || worst(a) != Warning || !strings.Contains(a.Findings[0].Text, "begins 13h53m21s after binlog.000002 ended") {
		t.Errorf("%v\n%s%v", err, outline(a), a.Findings)
	}
}

// A folder a day, without GTIDs: the last file of a day was copied while it was written, or is damaged. That is a gap, and no other server.
func TestAFolderADay(t *testing.T) {
	s := newServer(1, 0)
	first := map[string][]byte{number(1): s.begin().transactions(2).rotate(number(2))}
	second := s.begin().transactions(2)
	early := bytes.Clone(second.live())
	whole := second.transactions(2).rotate(number(3))
	next := map[string][]byte{number(3): s.begin().transactions(2).rotate(number(4))}
	for name, last := range map[string][]byte{"copied early": early, "cut": whole[:len(whole)-50], "flipped": flip(whole, len(whole)-90)} {
		a, err := open(t, write(t, with(first, number(2), last)), write(t, next))
		if err != nil || len(a.Files) != 3 || worst(a) < Gap {
			t.Errorf("%s: %v", name, err)
		}
	}
}
