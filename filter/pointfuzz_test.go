package filter

import "testing"

// FuzzPoint: what is read as a place in a log is written so that it reads as the same place, and belongs to one kind of them.
func FuzzPoint(f *testing.F) {
	for _, s := range []string{"incident:1", "binlog.000001:4", "3E11FA47-71CA-11E1-9E33-C80AA9429562:23", "3e11fa47-71ca-11e1-9e33-c80aa9429562:tag:5", "0-1-42", "2026-01-31 03:15:00+02:00", "2026-01-31", "end", "a:b:7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePoint(s)
		if err != nil {
			return
		}
		again, err := ParsePoint(p.String())
		if err != nil || again != p && !again.Time.Equal(p.Time) {
			t.Fatalf("%q reads as %q, which reads as %q (%v)", s, p, again, err)
		}
	})
}
