package archive

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/testserver"
)

// realArchive has a server write about 10 MB of binlog in ten files, and gives their names and contents in order.
func realArchive(t *testing.T, kind string) (names []string, files map[string][]byte) {
	t.Helper()
	s := testserver.Source(t, kind, append(testserver.GTID(kind), "--binlog-checksum=CRC32")...)
	db := testserver.Open(t, s)
	run := func(q string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%.80s: %v", q, err)
		}
	}
	run("CREATE DATABASE shop")
	run("CREATE TABLE shop.t (id INT PRIMARY KEY, a VARCHAR(400), b DOUBLE) ENGINE=InnoDB")
	id, each := 0, 50
	if kind == testserver.MariaDB1011 {
		each = 27 // it logs the statements too
	}
	for range 10 {
		for range each {
			var rows []string
			for range 60 {
				id++
				rows = append(rows, fmt.Sprintf("(%d, '%s', %d.5)", id, strings.Repeat(fmt.Sprint(id), 300/len(fmt.Sprint(id))), id))
			}
			run("INSERT INTO shop.t VALUES " + strings.Join(rows, ","))
		}
		run("UPDATE shop.t SET b = b + 1 ORDER BY id DESC LIMIT 20")
		run("FLUSH BINARY LOGS")
	}
	paths, err := filepath.Glob(filepath.Join(s.DataDir(), "binlog.[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, p := range paths[:len(paths)-1] { // the last is hardly begun
		name := filepath.Base(p)
		if files[name], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names, files
}

// Random single-bit flips in an archive that a server wrote: each is found, at or before the place it was made at. What no checksum covers
// is the magic (found too) and the flag that a file is in use, which changes nothing but is noted.
func TestBitFlips(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		names, files := realArchive(t, kind)
		total := 0
		for _, b := range files {
			total += len(b)
		}
		if total < 9<<20 || total > 14<<20 {
			t.Fatalf("%s: an archive of %d bytes, not of about 10 MB", kind, total)
		}
		dir := write(t, files)
		if a, err := Open(t.Context(), []string{dir}, Options{}); err != nil || worst(a) > Note {
			t.Fatalf("%s: not healthy before any flip: %v, %v", kind, err, a)
		}
		random := rand.New(rand.NewPCG(4, 1000))
		type place struct {
			file string
			bit  int
		}
		var places []place
		for range 1000 {
			at := random.IntN(total)
			for _, n := range names {
				if at < len(files[n]) {
					places = append(places, place{n, 8*at + random.IntN(8)})
					break
				}
				at -= len(files[n])
			}
		}
		middle := names[4]
		for bit := range 8 * 160 { // the magic and the format description, where not all is summed
			places = append(places, place{middle, bit})
		}
		scratch := t.TempDir()
		g, ctx := errgroup.WithContext(t.Context())
		g.SetLimit(4)
		for i, p := range places {
			g.Go(func() error {
				b := bytes.Clone(files[p.file])
				b[p.bit/8] ^= 1 << (p.bit % 8)
				own := filepath.Join(scratch, fmt.Sprint(i))
				if err := os.Mkdir(own, 0o755); err != nil {
					return err
				}
				defer os.RemoveAll(own)
				hurt := filepath.Join(own, p.file)
				if err := os.WriteFile(hurt, b, 0o640); err != nil {
					return err
				}
				paths := []string{hurt} // with its neighbours, which is all that tells of it
				n := slices.Index(names, p.file)
				for _, k := range []int{n - 1, n + 1} {
					if k >= 0 && k < len(names) {
						paths = append(paths, filepath.Join(dir, names[k]))
					}
				}
				a, err := Open(ctx, paths, Options{Workers: 1})
				if err != nil {
					return fmt.Errorf("%s, bit %d of byte %d: %w", p.file, p.bit%8, p.bit/8, err)
				}
				if p.bit == 8*inUseAt {
					if worst(a) != Note || !strings.Contains(fmt.Sprint(a.Findings), "marked as in use") {
						t.Errorf("%s: the flag that it is in use was flipped: %v", p.file, a.Findings)
					}
					return nil
				}
				if !slices.ContainsFunc(a.Findings, func(f Finding) bool {
					return f.Severity >= Gap && f.Pos.File == p.file && f.Pos.Offset <= uint64(p.bit/8) || // at the event, or before its transaction
						f.Severity >= Gap && a.Index(p.file) < 0 // its first event: the file is gone as a whole
				}) {
					t.Errorf("%s, bit %d of byte %d is not found: %v", p.file, p.bit%8, p.bit/8, a.Findings)
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	}
}
