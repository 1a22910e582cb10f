package replay

import (
	"encoding/binary"
	"flag"
	"runtime"
	"testing"
	"time"

	"lifeboat/internal/binlog"
)

var foldRows = flag.Int("foldrows", 2_000_000, "rows that TestFoldAtScale folds")

// TestFoldAtScale folds rows that are all different, with windows of a given memory, and nothing behind them. What the fold says it
// takes is what it takes, whatever the number of rows; the time for each row stays what it was.
func TestFoldAtScale(t *testing.T) {
	const memory = 64 << 20
	var base, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&base)
	f, tf := twoColumns(t, false)
	r := &binlog.RowReader{New: image(0, "a value of a length as many have")}
	most, windows := uint64(0), 1
	var halves [2]time.Duration
	start := time.Now()
	for i := range *foldRows {
		binary.LittleEndian.PutUint32(r.New.Cols[0], uint32(i))
		f.add(tf, binlog.Insert, r, 1)
		if f.bytes > memory {
			runtime.GC()
			runtime.ReadMemStats(&now)
			runtime.KeepAlive(f)
			most = max(most, now.HeapAlloc-base.HeapAlloc)
			f, tf = twoColumns(t, false)
			windows++
		}
		if i == *foldRows/2 {
			halves[0] = time.Since(start)
		}
	}
	halves[1] = time.Since(start) - halves[0]
	t.Logf("%d rows in %v (%v, then %v), %d windows; a full window of %d MiB holds %d MiB", *foldRows, time.Since(start).Round(time.Millisecond),
		halves[0].Round(time.Millisecond), halves[1].Round(time.Millisecond), windows, memory>>20, most>>20)
	if windows < 3 {
		t.Fatalf("only %d windows", windows)
	}
	if most > memory*3/2 {
		t.Errorf("a window that counts %d MiB holds %d MiB", memory>>20, most>>20)
	}
	if halves[1] > 3*halves[0] {
		t.Errorf("the first half took %v, the second %v", halves[0], halves[1])
	}
}
