package archive

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// The cost of opening an archive grows with its bytes, and with nothing else: four times as many files take four times the reading and four
// times the memory asked for, with index files and a second copy too.
func TestCostIsLinear(t *testing.T) {
	cost := func(files int) (size, read, mallocs int64) {
		all := newServer(1, 0xaa).rotated(files, 20)
		var index strings.Builder
		for name, b := range all {
			size += 2 * int64(len(b))
			fmt.Fprintf(&index, "./%s\n", name)
		}
		one, two := write(t, with(all, "binlog.index", []byte(index.String()))), write(t, all)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		from := bytesRead(t)
		if _, err := Open(t.Context(), []string{one, two}, Options{Workers: 1}); err != nil {
			t.Fatal(err)
		}
		read = bytesRead(t) - from
		runtime.ReadMemStats(&after)
		return size, read, int64(after.Mallocs - before.Mallocs)
	}
	size, read, mallocs := cost(100)
	size4, read4, mallocs4 := cost(400)
	if float64(read) > 1.2*float64(size) || float64(read4) > 1.2*float64(size4) {
		t.Errorf("%d bytes were read of %d, and %d of %d", read, size, read4, size4)
	}
	if ratio := float64(mallocs4) / float64(mallocs); ratio > 4.4 {
		t.Errorf("four times the files take %.1f times the allocations", ratio)
	}
}

func bytesRead(t *testing.T) (n int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip(err)
	}
	if _, err := fmt.Sscanf(string(b), "rchar: %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
