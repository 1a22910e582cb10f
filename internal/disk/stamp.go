package disk

import (
	"os"
	"time"
)

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

// Keep is the stamp of a file as it was before it was read, for Is to hold another one against later. It is nil where a stamp cannot tell: the file was not
// settled when its reading began, or the system has no stamps.
func Keep(info os.FileInfo, began time.Time) *Stamp {
	s, ok := StampOf(info)
	if !ok || !s.Settled(began) {
		return nil
	}
	return &s
}

// Is reports that nobody has touched the file since. It is false of nil.
func (s *Stamp) Is(info os.FileInfo) bool {
	now, ok := StampOf(info)
	return ok && s != nil && now == *s
}
