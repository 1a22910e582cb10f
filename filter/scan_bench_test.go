package filter

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/testserver"
)

type benchFile string

func (f benchFile) Name() string                                { return filepath.Base(string(f)) }
func (f benchFile) Open(context.Context) (io.ReadCloser, error) { return os.Open(string(f)) }

// BenchmarkScan surveys the binlogs of one of cmd/bench's archives, with one reader and with two:
//
//	LIFEBOAT_BENCH_BINLOGS=$PWD/.bench/A-…/binlogs go test ./filter -run '^$' -bench Scan
func BenchmarkScan(b *testing.B) {
	paths, size := testserver.Binlogs(b)
	var files []binlog.File
	for _, p := range paths {
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
