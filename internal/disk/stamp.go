package disk

import "time"

// Stamp is what a system notes of a file without its being read. Two that are the same say that nobody has written to the file in between, if the
// first was Settled.
type Stamp struct {
	Device, Inode     uint64
	Size              int64
	Modified, Changed int64 // nanoseconds since 1970; Changed cannot be set by a program
}

// tick is more than what lies between two changes that a system notes with the same time: 2 s on FAT, milliseconds elsewhere.
const tick = 3 * time.Second

// Settled reports that the file was last touched some time before t. Of one that was not, two changes may have the same stamp.
func (s Stamp) Settled(t time.Time) bool {
	return max(s.Modified, s.Changed) < t.Add(-tick).UnixNano()
}
