package archive

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkOpen reads the archive at $LIFEBOAT_BENCH_BINLOGS, a list of folders.
func BenchmarkOpen(b *testing.B) {
	paths := filepath.SplitList(os.Getenv("LIFEBOAT_BENCH_BINLOGS"))
	if len(paths) == 0 {
		b.Skip("no LIFEBOAT_BENCH_BINLOGS")
	}
	for b.Loop() {
		a, err := Open(context.Background(), paths, Options{Workers: 1})
		if err != nil {
			b.Fatal(err)
		}
		n := int64(0)
		for _, f := range a.Files {
			for _, c := range f.Copies {
				n += c.Size
			}
		}
		b.SetBytes(n)
	}
}
