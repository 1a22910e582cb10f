package filter

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"lifeboat/internal/binlog"
)

type benchFile string

func (f benchFile) Name() string                                { return filepath.Base(string(f)) }
func (f benchFile) Open(context.Context) (io.ReadCloser, error) { return os.Open(string(f)) }

// BenchmarkScan surveys the binlogs of one of cmd/bench's archives, with one reader and with two:
//
//	LIFEBOAT_BENCH_BINLOGS=$PWD/.bench/A-…/binlogs go test ./filter -run '^$' -bench Scan
func BenchmarkScan(b *testing.B) {
	dir := os.Getenv("LIFEBOAT_BENCH_BINLOGS")
	if dir == "" {
		b.Skip("LIFEBOAT_BENCH_BINLOGS names no folder")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.[0-9]*"))
	if err != nil || len(paths) == 0 {
		b.Fatalf("no binlogs in %s (%v)", dir, err)
	}
	var files []binlog.File
	var size int64
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			b.Fatal(err)
		}
		size += info.Size()
		files = append(files, benchFile(p))
	}
	for _, workers := range []int{1, 2} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Scan(b.Context(), files, Scope{Database: "sbtest"}, Options{Workers: workers}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
