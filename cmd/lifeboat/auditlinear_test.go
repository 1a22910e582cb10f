package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"lifeboat/internal/testserver"
)

// A full audit reads the archive twice, to verify it and to count what it changes, whatever is in it: four times the log, with four times the
// wipes in it, takes four times the reading and the memory asked for.
func TestAFullAuditIsLinear(t *testing.T) {
	m := &archiveMaker{t: t, dir: t.TempDir()}
	m.start(testserver.MySQL97)
	m.shop()
	m.dump("--source-data=2")
	m.run("CREATE PROCEDURE crm.fill(a INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < 400 DO "+
		"INSERT INTO shop.orders VALUES (a * 400 + i, i, 1.5); UPDATE shop.orders SET total = 7 WHERE id = a * 400 + i; SET i = i + 1; END WHILE; END", "FLUSH BINARY LOGS")
	for i := range 8 {
		m.run(fmt.Sprintf("CALL crm.fill(%d)", i), "TRUNCATE TABLE shop.products", fmt.Sprintf("INSERT INTO shop.products VALUES (%d, 'after')", i), "FLUSH BINARY LOGS")
	}
	m.collect("all", 0)
	t.Chdir(m.dir)
	files, err := filepath.Glob("all/binlog.0*")
	if err != nil || len(files) != 10 {
		t.Fatal(files, err)
	}
	cost := func(some []string) (size, read, mallocs float64) {
		args := []string{"--database", "shop", "--snapshot", "dump.sql", "--format", "json"}
		for _, f := range some {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			size += float64(info.Size())
			args = append(args, "--binlogs", f)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		from := bytesRead(t)
		audited(t, args...).want(t, exitDone)
		read = bytesRead(t) - from
		runtime.ReadMemStats(&after)
		return size, read, float64(after.Mallocs - before.Mallocs)
	}
	first, rest := files[0], files[1:]
	cost(slices.Concat([]string{first}, rest[:2])) // what is made once
	size, read, mallocs := cost(slices.Concat([]string{first}, rest[:2]))
	size4, read4, mallocs4 := cost(slices.Concat([]string{first}, rest[:8]))
	t.Logf("%.0f bytes: %.0f read, %.0f allocations; %.0f bytes: %.0f, %.0f", size, read, mallocs, size4, read4, mallocs4)
	if read > 2.2*size || read4 > 2.2*size4 {
		t.Errorf("%.0f bytes were read of %.0f, and %.0f of %.0f", read, size, read4, size4)
	}
	if grown, want := mallocs4/mallocs, size4/size; grown > 1.1*want {
		t.Errorf("%.1f times the log takes %.1f times the allocations", want, grown)
	}
}

func bytesRead(t *testing.T) (n float64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip(err)
	}
	if _, err := fmt.Sscanf(string(b), "rchar: %g", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
