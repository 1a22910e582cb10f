package disk

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Whatever is done to a file, its stamp tells, also where size and time of change were put back.
func TestStamp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	old := time.Now().Add(-time.Hour)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	stamp := func() Stamp {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		s, ok := StampOf(info)
		if !ok {
			t.Fatal("no stamp")
		}
		return s
	}
	write("first")
	a := stamp()
	if a != stamp() {
		t.Fatal("a file that nobody touched has another stamp")
	}
	if touched := time.Unix(0, a.Changed); a.Settled(touched.Add(tick)) || !a.Settled(touched.Add(tick+1)) {
		t.Fatal("only what was touched long before is settled, whatever time of change a program gave it")
	}
	for try := 0; ; try++ { // within one tick of the system two changes look the same: that is what Settled is for
		write("other")
		b := stamp()
		if b.Size != a.Size || b.Modified != a.Modified || b.Inode != a.Inode {
			t.Fatalf("the test is to put back all but what cannot be: %+v, %+v", a, b)
		}
		if a != b {
			break
		}
		if try == 1_000_000 {
			t.Fatal("a file that was written anew keeps its stamp")
		}
	}
}
