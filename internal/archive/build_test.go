package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lifeboat/internal/binlog"
)

// server writes binlog files as a MySQL 8.4 would, small enough to read in a hex dump.
type server struct {
	id       uint32
	uuid     byte // every byte of its UUID; 0: anonymous transactions
	clock    uint32
	version  string
	unsigned bool   // without checksums
	done     uint64 // transactions so far
	running  bool   // a file was begun since the server's start
}

func newServer(id uint32, uuid byte) *server {
	return &server{id: id, uuid: uuid, clock: 1_700_000_000, version: "8.4.4"}
}

// logfile is one binlog file being written.
type logfile struct {
	s   *server
	buf bytes.Buffer
}

func (s *server) begin() *logfile {
	l := &logfile{s: s}
	l.buf.WriteString("\xfebin")
	body := make([]byte, 57)
	body[0] = 4
	copy(body[2:52], s.version)
	if !s.running {
		binary.LittleEndian.PutUint32(body[52:], s.clock)
	}
	s.running = true
	body[56] = 19
	body = append(body, bytes.Repeat([]byte{8}, 42)...)
	alg := byte(1)
	if s.unsigned {
		alg = 0
	}
	body = append(body, alg)
	l.event(binlog.FormatDescriptionEvent, body)
	l.setInUse(true)
	prev := make([]byte, 8)
	if s.uuid != 0 && s.done > 0 {
		prev[0] = 1
		prev = append(prev, bytes.Repeat([]byte{s.uuid}, 16)...)
		prev = binary.LittleEndian.AppendUint64(prev, 1)
		prev = binary.LittleEndian.AppendUint64(prev, 1)
		prev = binary.LittleEndian.AppendUint64(prev, s.done+1)
	}
	l.event(binlog.PreviousGTIDsEvent, prev)
	return l
}

func (l *logfile) setInUse(on bool) {
	l.buf.Bytes()[inUseAt] &^= 1
	if on {
		l.buf.Bytes()[inUseAt] |= 1
	}
}

func (l *logfile) event(typ binlog.EventType, body []byte) {
	l.s.clock++
	size := 19 + len(body)
	sign := !l.s.unsigned || typ == binlog.FormatDescriptionEvent // that one always is
	if sign {
		size += 4
	}
	h := binary.LittleEndian.AppendUint32(nil, l.s.clock)
	h = append(h, byte(typ))
	h = binary.LittleEndian.AppendUint32(h, l.s.id)
	h = binary.LittleEndian.AppendUint32(h, uint32(size))
	h = binary.LittleEndian.AppendUint32(h, uint32(l.buf.Len()+size))
	h = binary.LittleEndian.AppendUint16(h, 0)
	h = append(h, body...)
	if sign {
		h = binary.LittleEndian.AppendUint32(h, crc32.ChecksumIEEE(h))
	}
	l.buf.Write(h)
}

func (l *logfile) query(sql string) {
	body := make([]byte, 13)
	body[8] = 4
	l.event(binlog.QueryEvent, append(append(body, "shop\x00"...), sql...))
}

func (l *logfile) gtid() {
	l.s.done++
	body := append([]byte{1}, bytes.Repeat([]byte{l.s.uuid}, 16)...)
	body = binary.LittleEndian.AppendUint64(body, l.s.done)
	typ := binlog.GTIDEvent
	if l.s.uuid == 0 {
		typ = binlog.AnonymousGTIDEvent
		clear(body)
	}
	l.event(typ, append(body, make([]byte, 17)...))
}

// transactions writes n whole ones.
func (l *logfile) transactions(n int) *logfile {
	for range n {
		l.gtid()
		l.query("BEGIN")
		l.query(fmt.Sprintf("INSERT INTO t VALUES (%d)", l.s.done))
		l.event(binlog.XIDEvent, make([]byte, 8))
	}
	return l
}

// half writes a transaction that its server never finished, so it is not counted as done.
func (l *logfile) half() *logfile {
	l.gtid()
	l.query("BEGIN")
	l.query("INSERT INTO t VALUES (0)")
	l.s.done--
	return l
}

func (l *logfile) rotate(next string) []byte {
	l.event(binlog.RotateEvent, append([]byte{4, 0, 0, 0, 0, 0, 0, 0}, next...))
	l.setInUse(false)
	return l.buf.Bytes()
}

func (l *logfile) stop() []byte {
	l.event(binlog.StopEvent, nil)
	l.setInUse(false)
	l.s.running = false
	return l.buf.Bytes()
}

// crash leaves the file as it is; the next one is begun by a started server.
func (l *logfile) crash() []byte {
	l.s.running = false
	return l.buf.Bytes()
}

func (l *logfile) live() []byte { return l.buf.Bytes() }

// rotated gives n files of count transactions each, every one ended by Rotate.
func (s *server) rotated(n, count int) map[string][]byte {
	out := map[string][]byte{}
	for i := range n {
		out[number(i+1)] = s.begin().transactions(count).rotate(number(i + 2))
	}
	return out
}

func number(n int) string { return fmt.Sprintf("binlog.%06d", n) }

// write puts files into a new folder.
func write(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// inputs is what must not change: mode, time and content of every file below the paths.
func inputs(t testing.TB, paths []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range paths {
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			out[path] = fmt.Sprintf("%v %v %x", info.Mode(), info.ModTime().Format(time.RFC3339Nano), sha256.Sum256(b))
			return nil
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return out
}
