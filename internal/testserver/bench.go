package testserver

import (
	"os"
	"path/filepath"
	"testing"
)

// Binlogs are those of one of cmd/bench's archives, which LIFEBOAT_BENCH_BINLOGS names, with their size in bytes. Without it the benchmark is
// skipped.
func Binlogs(b *testing.B) (paths []string, size int64) {
	b.Helper()
	dir := os.Getenv("LIFEBOAT_BENCH_BINLOGS")
	if dir == "" {
		b.Skip("LIFEBOAT_BENCH_BINLOGS names no folder")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.[0-9]*"))
	if err != nil || len(paths) == 0 {
		b.Fatalf("no binlogs in %s (%v)", dir, err)
	}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			b.Fatal(err)
		}
		size += info.Size()
	}
	return paths, size
}
