package oracle

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Where a binlog's first event, its format description, has what.
const (
	magicLength = 4
	serverIDAt  = magicLength + 5
	lengthAt    = magicLength + 9
	inUseAt     = magicLength + 17
)

// shapes are what may become of the copied files before the restore.
func shapes() map[string]func(t *testing.T, s *scene) {
	return map[string]func(t *testing.T, s *scene){
		// The log was not rotated after the wipe: the only file is one in use.
		"live": func(t *testing.T, s *scene) {
			files := s.files(t, s.archive)
			if b := read(t, files[len(files)-1]); b[inUseAt]&1 == 0 {
				t.Fatal("the last file is not in use")
			}
		},
		// Behind the stop there is no more than the beginning of an event's header.
		"torn-header": func(t *testing.T, s *scene) { s.cut(t, 7) },
		// The last event before the stop lacks its end.
		"torn-before-stop": func(t *testing.T, s *scene) { s.cut(t, -5) },
		// One bit before the stop is not what it was.
		"flipped": func(t *testing.T, s *scene) { s.flip(t) },
		// The same, and a second, intact copy of that file.
		"flipped-one-copy": func(t *testing.T, s *scene) {
			s.second = t.TempDir()
			write(t, filepath.Join(s.second, s.last()), read(t, filepath.Join(s.archive, s.last())))
			s.flip(t)
		},
		// The file begins as an encrypted one does.
		"encrypted": func(t *testing.T, s *scene) {
			path := filepath.Join(s.archive, s.last())
			write(t, path, append([]byte("\xfdbin"), read(t, path)[magicLength:]...))
		},
		// The file is not there; the one after it is.
		"missing": func(t *testing.T, s *scene) {
			if err := os.Remove(filepath.Join(s.archive, s.last())); err != nil {
				t.Fatal(err)
			}
		},
		// The files' times say the opposite of their order, and so does the index.
		"times-turned-round": func(t *testing.T, s *scene) {
			files := s.files(t, s.archive)
			var index string
			for i, f := range files {
				at := time.Date(2020, 1, 1+len(files)-i, 0, 0, 0, 0, time.UTC)
				if err := os.Chtimes(f, at, at); err != nil {
					t.Fatal(err)
				}
				index = filepath.Base(f) + "\n" + index
			}
			write(t, filepath.Join(s.archive, "binlog.index"), []byte(index))
		},
		// A replica's relay log of the same events lies among the files.
		"relay-log": func(t *testing.T, s *scene) {
			b := read(t, filepath.Join(s.archive, s.last()))
			write(t, filepath.Join(s.archive, "relay-bin.000001"), relayed(b))
		},
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// last is the file of the stop point.
func (s *scene) last() string {
	file, _, _ := strings.Cut(s.stop, ":")
	return file
}

func (s *scene) stopOffset(t *testing.T) int {
	t.Helper()
	_, offset, _ := strings.Cut(s.stop, ":")
	n, err := strconv.Atoi(offset)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// cut ends the archive so many bytes behind the stop.
func (s *scene) cut(t *testing.T, behind int) {
	t.Helper()
	for _, f := range s.files(t, s.archive) {
		switch {
		case number(f) > number(s.last()):
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		case number(f) == number(s.last()):
			write(t, f, read(t, f)[:s.stopOffset(t)+behind])
		}
	}
}

func (s *scene) flip(t *testing.T) {
	t.Helper()
	path := filepath.Join(s.archive, s.last())
	b := read(t, path)
	b[s.stopOffset(t)-40] ^= 0x10 // inside the row event before the last XID
	write(t, path, b)
}

// relayed is what a replica's I/O thread makes of a binlog: a format description of its own before the events.
func relayed(b []byte) []byte {
	end := magicLength + int(binary.LittleEndian.Uint32(b[lengthAt:]))
	out := slices.Clone(b[:end])
	binary.LittleEndian.PutUint32(out[serverIDAt:], 77)
	out[inUseAt] = 0
	binary.LittleEndian.PutUint32(out[end-4:], crc32.ChecksumIEEE(out[magicLength:end-4]))
	return append(out, b[magicLength:]...)
}
