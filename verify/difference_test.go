package verify

import "testing"

// TestSuspectsFitIntoMemory has more rows differ than are held at the same time, few and wide ones, and many narrow ones.
func TestSuspectsFitIntoMemory(t *testing.T) {
	for _, b := range []bucket{{n: 1, bytes: 10 << 20}, {n: 100_000, bytes: 100_000}} {
		c := &checked{sides: [2][]bucket{make([]bucket, 16), make([]bucket, 16)}}
		var differ []uint64
		for i := range uint64(16) {
			c.sides[0][i], c.sides[1][i] = b, b
			differ = append(differ, i)
		}
		held := int64(0)
		s := c.suspects(differ, &held)
		if held > mostHeld || len(s.buckets) < 2 || len(s.buckets)+s.left != 16 {
			t.Errorf("buckets of %d rows and %d bytes: %d bytes are held, of %d buckets; %d are left", b.n, b.bytes, held, len(s.buckets), s.left)
		}
		if s = c.suspects(differ, &held); len(s.buckets) != 1 {
			t.Errorf("another table has %d buckets", len(s.buckets))
		}
	}
}
