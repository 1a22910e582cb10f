package replay

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
)

type diskFile string

func (f diskFile) Name() string                                { return filepath.Base(string(f)) }
func (f diskFile) Open(context.Context) (io.ReadCloser, error) { return os.Open(string(f)) }

// BenchmarkFold decodes and folds the binlogs of one of cmd/bench's sysbench archives, in one goroutine:
//
//	LIFEBOAT_BENCH_BINLOGS=$PWD/.bench/A-…/binlogs go test ./replay -run '^$' -bench Fold
func BenchmarkFold(b *testing.B) {
	paths, size := testserver.Binlogs(b)
	var files []binlog.File
	for _, p := range paths {
		files = append(files, diskFile(p))
	}
	def := &schema.Table{DB: "sbtest", Name: "sbtest", Engine: "InnoDB",
		Columns: []schema.Column{{Name: "id", DataType: "int", AutoIncrement: true}, {Name: "k", DataType: "int"},
			{Name: "c", DataType: "char", Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci"}, {Name: "pad", DataType: "char", Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci"}},
		Keys: []schema.Key{{Name: "PRIMARY", Unique: true, Primary: true, Columns: []schema.KeyPart{{Name: "id"}}}}}
	b.SetBytes(size)
	b.ReportAllocs()
	var rows int64
	for b.Loop() {
		rows = foldAll(b, files, def)
	}
	b.ReportMetric(float64(rows), "rows/op")
}

func foldAll(b *testing.B, files []binlog.File, def *schema.Table) (rows int64) {
	rd, err := binlog.NewReader(files, binlog.Position{})
	if err != nil {
		b.Fatal(err)
	}
	defer rd.Close()
	f := newFold()
	tables := map[*binlog.TableMap]*tableFold{}
	var row binlog.RowReader
	for {
		it, err := rd.Next(b.Context())
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			b.Fatal(err)
		}
		if it.Kind != binlog.RowChange || it.Rows.Table.Database != "sbtest" {
			continue
		}
		tm := it.Rows.Table
		t := tables[tm]
		if t == nil {
			if t = f.tables[tm.Table]; t == nil {
				shape, err := target.NewShape(def, tm)
				if err != nil {
					b.Fatal(err)
				}
				t = f.table(tm.Table, shape, tm)
			}
			tables[tm] = t
		}
		row.Reset(it.Rows)
		for {
			more, err := row.Next()
			if err != nil {
				b.Fatal(err)
			}
			if !more {
				break
			}
			f.add(t, it.Rows.Kind, &row, 0)
			rows++
		}
	}
}
