package archive

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"lifeboat/internal/binlog"
)

// joiner puts files into series. Two servers may have one id, one base name and the same numbers, and without GTIDs no file says whose it
// is. So a file is joined to a series for a reason, not for want of one against it.
type joiner struct {
	out    []*series
	doubts []doubt
}

// doubt is a file that may go on a series, of which nothing tells.
type doubt struct {
	s   *series
	v   *variant
	tie bool // it, or another one, or it goes on another series as well
}

// match is how a file goes on a series; of several the greatest counts.
type match struct {
	how    fit
	beside bool          // it lies in a folder of one of them
	apart  time.Duration // between the last event and the first one
}

func (m match) compare(o match) int {
	return cmp.Or(cmp.Compare(m.how, o.how), compareBool(m.apart <= clockSlack, o.apart <= clockSlack),
		compareBool(m.beside, o.beside), cmp.Compare(o.apart, m.apart))
}

// extend appends files of one name to series, the best pair first; a file that follows none begins its own.
func (j *joiner) extend(files []*variant) {
	for len(files) > 0 {
		to, which, best := j.best(files)
		v := files[which]
		if best.how == doubtful {
			j.doubts = append(j.doubts, doubt{to, v, false})
			to = nil
		} else if rivals := j.rivals(files, to, v, best); len(rivals) > 0 {
			j.doubts = append(append(j.doubts, doubt{to, v, true}), rivals...)
			to = nil
		}
		if to == nil {
			to = &series{relay: v.relay(), dirs: map[string]bool{}}
			j.out = append(j.out, to)
		}
		to.list = append(to.list, v)
		for _, c := range v.file.Copies {
			to.dirs[filepath.Dir(c.Path)] = true
		}
		files = slices.Delete(files, which, which+1)
	}
}

func (j *joiner) best(files []*variant) (to *series, which int, best match) {
	for _, s := range j.out {
		for i, v := range files {
			if m := s.match(v); m.how != contradicts && (to == nil || m.compare(best) > 0) {
				to, which, best = s, i, m
			}
		}
	}
	return to, which, best
}

// rivals gives other files for the same place, and other places for the same file, for which as much speaks. Copies of one file that
// differ are told apart later.
func (j *joiner) rivals(files []*variant, to *series, v *variant, best match) (out []doubt) {
	if best.how != possible {
		return nil // GTIDs tell
	}
	for _, s := range j.out {
		for _, other := range files {
			if (s == to) == (other == v) || s.match(other).compare(best) != 0 {
				continue
			}
			if s != to && s.last().best.identity() != to.last().best.identity() || other != v && other.file.best.identity() != v.file.best.identity() {
				out = append(out, doubt{s, other, true})
			}
		}
	}
	return out
}

func (s *series) match(v *variant) match {
	tail := s.list[len(s.list)-1]
	if tail.base != v.base || tail.number >= v.number || v.relay() != s.relay {
		return match{}
	}
	m := match{how: follows(tail, v), beside: s.beside(v), apart: v.file.First.Sub(tail.file.Last).Abs()}
	if m.how == possible && !m.beside && !evident(tail, v) {
		m.how = doubtful
	}
	return m
}

// beside reports a copy of v in a folder with copies of the series: whoever put them there took them for one log.
func (s *series) beside(v *variant) bool {
	return slices.ContainsFunc(v.file.Copies, func(c Copy) bool { return s.dirs[filepath.Dir(c.Path)] })
}

// evident reports that the files themselves show that b is of the server of a, which follows does not exclude.
func evident(a, b *variant) bool {
	af, bf := a.file, b.file
	if af.ServerUUID != "" && af.ServerUUID == bf.ServerUUID {
		return true
	}
	// What b counts as committed beyond a, a's damage, and an end that a running server did not write are findings. Only without those would
	// another server's file pass for the next one.
	if want, err := after(af); err == nil && !want.IsEmpty() && bf.HasPrevious {
		return true
	}
	if b.number == a.number+1 && (af.best.state != Intact || !af.closed() && bf.Format.Created == 0) {
		return true
	}
	// A running server begins the next file when it ends one.
	return af.Ending.Next.File == bf.name && bf.Format.Created == 0 && bf.First.Sub(af.Last).Abs() <= clockSlack
}

// sameProgram reports that one server can have written both: while it runs, its version stays, and MySQL is not set back to an older one.
func sameProgram(a, b *variant) bool {
	f, g := a.file.Format, b.file.Format
	switch {
	case f.MariaDB != g.MariaDB:
		return false
	case b.number == a.number+1 && g.Created == 0:
		return f.ServerVersion == g.ServerVersion
	}
	return f.MariaDB || majorMinor(f) <= majorMinor(g) || majorMinor(g) == 0
}

// majorMinor orders versions; 0: it is not known.
func majorMinor(f binlog.Format) int {
	var major, minor int
	if n, err := fmt.Sscanf(f.ServerVersion, "%d.%d", &major, &minor); n < 2 || err != nil {
		return 0
	}
	return major*1000 + minor
}

// open reports a doubt that matters still: a series that got its own file of that name shows two servers.
func (d doubt) open() bool {
	return d.tie || !slices.ContainsFunc(d.s.list, func(v *variant) bool { return v.number == d.v.number })
}

// undecided says why it is not told whether another series belongs to main, if that is so.
func (j *joiner) undecided(main *series) string {
	for _, d := range j.doubts {
		if d.s != main && !slices.Contains(main.list, d.v) || !d.open() {
			continue
		}
		if d.tie {
			return fmt.Sprintf("; as much speaks for %s as for another file to go on %s: give the files of one server only", d.v.file.Path, d.s.last().Path)
		}
		return fmt.Sprintf("; nothing shows that %s is of the server of %s (no GTID or UUID in common, no end where the other begins), and they lie in different folders: if it is, put them into one",
			d.v.file.Path, d.s.last().Path)
	}
	return ""
}
