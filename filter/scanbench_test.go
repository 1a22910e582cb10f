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

func BenchmarkScan(b *testing.B) {
	paths, _ := filepath.Glob(filepath.Join(os.Getenv("LIFEBOAT_BENCH_BINLOGS"), "*.[0-9]*"))
	var files []binlog.File
	var size int64
	for _, p := range paths {
		i, _ := os.Stat(p)
		size += i.Size()
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
