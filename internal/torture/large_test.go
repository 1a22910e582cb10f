package torture

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

var (
	large = flag.Int64("large", 300, "MiB of the one transaction of TestLargeTransaction; over 4096 positions wrap")
	many  = flag.Int("files", 300, "files of TestManyFiles")
)

// Offsets and types of MariaDB's binlog events: https://mariadb.com/kb/en/2-binlog-event-header/
const (
	headSize               = 19
	typeAt, sizeAt, nextAt = 4, 9, 13
	updateRowsV1           = 24
	lastOfStatement        = 1
)

// tail writes a binlog event after event, each with its place and checksum.
type tail struct {
	w  *bufio.Writer
	at int64
}

func (o *tail) event(t *testing.T, e []byte) {
	t.Helper()
	o.at += int64(len(e)) + 4
	binary.LittleEndian.PutUint32(e[sizeAt:], uint32(len(e)+4))
	binary.LittleEndian.PutUint32(e[nextAt:], uint32(o.at)) // it wraps, as a server's does
	_, err := o.w.Write(binary.LittleEndian.AppendUint32(e, crc32.ChecksumIEEE(e)))
	must(t, err)
}

// TestLargeTransaction restores one transaction of -large MiB: updates of 32 rows of 1 MiB, one after the other, as a server would have logged them. They are
// written from one update that a server did log.
func TestLargeTransaction(t *testing.T) {
	const rows, size, bound = 32, 1 << 20, 250 << 20 // bound: without it the audit grew with the transaction, to 2.6 GiB
	kind := testserver.MariaDB1011
	dir := t.TempDir()
	src := testserver.Source(t, kind)
	db := testserver.Open(t, src)
	exec1(t, db, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4; CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGBLOB NOT NULL)")
	for id := range rows {
		exec1(t, db, fmt.Sprintf("INSERT INTO shop.t VALUES (%d, REPEAT('A', %d))", id, size))
	}
	exec1(t, db, "FLUSH BINARY LOGS")
	dump := filepath.Join(dir, "dump.sql")
	out, err := exec.Command(testserver.Bin(t, kind, "mysqldump"), "--no-defaults", "-uroot", "-S", src.Socket(), "--single-transaction", "--master-data=2", "--hex-blob", "--result-file="+dump, shop).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	exec1(t, db, "UPDATE shop.t SET v = 'x' WHERE id = 1")
	exec1(t, db, "FLUSH BINARY LOGS")
	binlogs := filepath.Join(dir, "binlogs")
	must(t, os.Mkdir(binlogs, 0o755))
	text, err := os.ReadFile(filepath.Join(src.DataDir(), "binlog.000002"))
	must(t, err)
	f, err := os.Create(filepath.Join(binlogs, "binlog.000002"))
	must(t, err)
	o := &tail{w: bufio.NewWriterSize(f, 1<<20), at: 4}
	_, err = o.w.Write(text[:4])
	must(t, err)
	updates := int(*large << 20 / (2 * size))
	for at := 4; at < len(text); {
		n := int(binary.LittleEndian.Uint32(text[at+sizeAt:]))
		e := text[at : at+n-4 : at+n-4]
		at += n
		if e[typeAt] != updateRowsV1 {
			o.event(t, bytes.Clone(e))
			continue
		}
		// Table id, flags, number of columns, two bitmaps: as they are. Then null bits, id and value, before and after.
		head := e[:headSize+6+2+1+1+1]
		nulls := e[len(head)]
		image := func(b []byte, id, turn int) []byte {
			b = binary.LittleEndian.AppendUint32(append(b, nulls), uint32(id))
			b = binary.LittleEndian.AppendUint32(b, size)
			return append(b, bytes.Repeat([]byte{byte('A' + turn%26)}, size)...)
		}
		for i := range updates {
			u := image(image(bytes.Clone(head), i%rows, i/rows), i%rows, i/rows+1)
			flags := uint16(0)
			if i == updates-1 {
				flags = lastOfStatement
			}
			binary.LittleEndian.PutUint16(u[headSize+6:], flags)
			o.event(t, u)
		}
	}
	must(t, o.w.Flush())
	must(t, f.Close())
	t.Logf("%d updates, a file of %d bytes", updates, o.at)
	args := []string{"--binlogs", binlogs, "--snapshot", dump, "--database", shop, "--progress", "none"}
	start := time.Now()
	// With a limit for the heap the peak is what is in use, and not how late a busy machine collects garbage.
	a := lifeboat(t, dir, []string{"GOMEMLIMIT=160MiB"}, append([]string{"audit"}, args...)...).want(t, 0)
	audited := time.Since(start)
	path := filepath.Join(dir, "out")
	r := lifeboat(t, dir, nil, append([]string{"restore", "--output", path, "--stop-after", "end"}, args...)...).want(t, 0)
	t.Logf("audit %v and %d MiB, restore --output %v and %d MiB", audited.Round(time.Millisecond), a.peak>>20, (time.Since(start) - audited).Round(time.Millisecond), r.peak>>20)
	if a.peak > bound && !testserver.Race {
		t.Errorf("an audit took %d MiB", a.peak>>20)
	}
	to := testserver.Start(t, kind)
	loadDump(t, kind, to.Socket(), path)
	got := dbstate.Texts(t, testserver.Open(t, to), fmt.Sprintf("SELECT id FROM shop.t WHERE v = REPEAT(CHAR(65 + (%d - id + %d) DIV %d %% 26), %d)", updates-1, rows, rows, size))
	if len(got) != rows {
		t.Errorf("%d of %d rows have their last value", len(got), rows)
	}
}

// TestManyFiles restores a log of -files files.
func TestManyFiles(t *testing.T) {
	kind := testserver.MariaDB1011
	dir := t.TempDir()
	s := playScene(t, kind, "FULL", func(db *sql.DB) {
		exec1(t, db, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
	}, func(db *sql.DB) {
		for i := range *many {
			exec1(t, db, fmt.Sprintf("INSERT INTO shop.t (v) VALUES (%d); UPDATE shop.t SET v = v + 1 WHERE id %% 1000 = %d; FLUSH BINARY LOGS", i, i%1000))
		}
	})
	args := []string{"--binlogs", s.binlogs, "--snapshot", s.dump, "--database", shop, "--progress", "none"}
	start := time.Now()
	a := lifeboat(t, dir, nil, append([]string{"audit"}, args...)...).want(t, 0)
	audited := time.Since(start)
	to := testserver.Start(t, kind)
	begun := time.Now()
	r := lifeboat(t, dir, nil, append([]string{"restore", "--target", to.DSN()}, args...)...).want(t, 0)
	t.Logf("%d files: audit %v and %d MiB, restore %v and %d MiB", len(s.archive.Files), audited.Round(time.Millisecond), a.peak>>20, time.Since(begun).Round(time.Millisecond), r.peak>>20)
	if d := dbstate.Differences(s.want, dbstate.Capture(t, testserver.Open(t, to), shop, t.TempDir())); len(d) > 0 {
		t.Error(d)
	}
}
