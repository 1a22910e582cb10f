package replay

import (
	"testing"
	"testing/quick"
)

// TestCopies holds the counts of equal rows to what the changes come to one after another over any number that were there, where a deletion
// that finds nothing is passed over.
func TestCopies(t *testing.T) {
	holds := func(before uint8, changes []bool) bool {
		there, missing := int64(before%8), int64(0)
		base := there
		var c copies
		for _, insert := range changes {
			if insert {
				there++
				c.add()
				continue
			}
			c.take()
			if there == 0 {
				missing++
				continue
			}
			there--
		}
		return max(base, c.need)+c.net == there && max(0, c.need-base) == missing
	}
	if err := quick.Check(holds, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}
