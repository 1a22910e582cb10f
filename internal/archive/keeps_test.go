package archive

import (
	"runtime"
	"testing"
)

// TestKeepsLittle opens an archive of many files, and finds that what is kept of each is no buffer, and no bytes of it.
func TestKeepsLittle(t *testing.T) {
	dir := write(t, newServer(1, 0xaa).rotated(200, 20))
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	a, err := Open(t.Context(), []string{dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const most = 16 << 10
	if each := (int64(heap()) - int64(before)) / int64(len(a.Files)); each > most {
		t.Errorf("%d bytes are kept of each of %d files", each, len(a.Files))
	}
	runtime.KeepAlive(a)
}
