package archive

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
)

// series is what may be one server's log: files in order, each following from the one before.
type series struct {
	list  []*variant
	relay bool
	dirs  map[string]bool // of their copies
}

func (s *series) first() *File { return s.list[0].file }
func (s *series) last() *File  { return s.list[len(s.list)-1].file }

func (s *series) String() string {
	f, l := s.first(), s.last()
	names := f.name
	if len(s.list) > 1 {
		names += " to " + l.name
	}
	id := fmt.Sprintf("server id %d", f.Format.ServerID)
	if uuid := s.uuid(); uuid != "" {
		id += ", " + uuid
	}
	return fmt.Sprintf("%s (%s, from %s, such as %s)", names, id, f.First.Format(time.DateTime), f.Path)
}

// uuid is that of the last file that tells: into an earlier one another server's log may have been loaded with its GTIDs.
func (s *series) uuid() string {
	for _, v := range slices.Backward(s.list) {
		if v.file.ServerUUID != "" {
			return v.file.ServerUUID
		}
	}
	return ""
}

// fit tells how well b can be a later file of the log that a is of.
type fit int

const (
	contradicts fit = iota // it cannot
	doubtful               // nothing speaks against it, and nothing for it
	joined                 // of another server, whose GTIDs say that it goes on exactly there, as after a failover
	possible
	proven // GTIDs say that nothing lies between
)

// clockSlack is how far back a file may begin before the one before it did, for clocks that were set.
const clockSlack = time.Minute

func follows(a, b *variant) fit {
	af, bf := a.file, b.file
	if af.HasPrevious && bf.HasPrevious {
		want, err := after(af)
		switch {
		case err != nil || !bf.Previous.ContainsSet(want):
			return contradicts
		case !want.IsEmpty() && af.Anonymous == 0 && bf.Previous.Equal(want) && takesOver(af, bf):
			return joined
		case !want.IsEmpty() && af.Anonymous == 0 && bf.Previous.Equal(want) && b.number == a.number+1:
			return proven
		}
	}
	switch {
	case af.Format.ServerID != bf.Format.ServerID, !sameProgram(a, b):
		return contradicts
	case af.ServerUUID != "" && bf.ServerUUID != "" && af.ServerUUID != bf.ServerUUID:
		return contradicts
	case bf.First.Add(clockSlack).Before(af.First):
		return contradicts
	}
	return possible
}

// takesOver reports files of two servers, as before and after a failover. A server that names b as its next file is b's own, whatever
// UUIDs say: transactions loaded with another server's GTIDs have that one's.
func takesOver(a, b *File) bool {
	if a.Format.ServerID != b.Format.ServerID {
		return true
	}
	return a.Ending.Next.File != b.name && a.ServerUUID != "" && b.ServerUUID != "" && a.ServerUUID != b.ServerUUID
}

// after is what its server had committed when the file ended.
func after(f *File) (gtid.Set, error) {
	out := f.Previous.Clone()
	err := out.Union(f.GTIDs)
	return out, err
}

// buildSeries joins each file to the series whose last file it follows best.
func buildSeries(variants []*variant) *joiner {
	slices.SortStableFunc(variants, func(a, b *variant) int {
		return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.number, b.number), a.file.First.Compare(b.file.First))
	})
	var j joiner
	for len(variants) > 0 {
		n := 1
		for n < len(variants) && variants[n].base == variants[0].base && variants[n].number == variants[0].number {
			n++
		}
		j.extend(slices.Clone(variants[:n]))
		variants = variants[n:]
	}
	return &j
}

// relay reports events of another log inside the file.
func (v *variant) relay() bool { return v.file.best.skim.Foreign > 0 }

// pickSeries takes the longest series as the chain. Where another is at least half as long, or may be a part of it, it is for
// the user to say which one is meant.
func pickSeries(variants []*variant) (chain []*File, others []*series, err error) {
	j := buildSeries(variants)
	all := j.out
	slices.SortStableFunc(all, func(a, b *series) int {
		return cmp.Or(compareBool(a.relay, b.relay), cmp.Compare(len(b.list), len(a.list)))
	})
	main := all[0]
	undecided := j.undecided(main)
	if len(all) > 1 && all[1].relay == main.relay && 2*len(all[1].list) >= len(main.list) || undecided != "" {
		return nil, nil, newSeveralLogs(all, cmp.Or(undecided, related(main, all[1])))
	}
	for _, v := range main.list {
		chain = append(chain, v.file)
	}
	return chain, all, nil
}

// describeOthers says what was left out of the chain; all[0] is the chain itself.
func (a *Archive) describeOthers(all []*series) {
	main := all[0]
	for _, v := range main.list {
		a.Findings = append(a.Findings, v.findings...)
	}
	for _, s := range all[1:] {
		f := Finding{Code: CodeForeign, Severity: Warning, Path: s.first().Path,
			Text: fmt.Sprintf("left out: %s: not of the log that is read, %s", s, main)}
		if c, used := a.rivals(s); used != nil {
			used.Copies = append(used.Copies, Copy{Path: c.path, Size: c.size, State: Differs})
			a.add(differs(c, used.best))
			continue
		}
		switch {
		case s.relay:
			f.Code = CodeRelayLog
			f.Text = fmt.Sprintf("left out: %s: relay logs, which repeat another server's log", s)
		case afterFailover(main, s) != "":
			f.Code, f.Severity, f.Pos = CodeFailover, Gap, main.last().End()
			f.Text += "; " + afterFailover(main, s)
			f.Remedy = "restore to the end of the files that are read, and then, with --base-loaded, from the others; or give only those of one server with --binlogs"
		case s.list[0].base != main.list[0].base:
		case sameServer(s, main) && !s.first().First.Before(main.last().Last):
			f.Code, f.Severity, f.Pos = CodeReset, Gap, main.last().End()
			f.Text = fmt.Sprintf("the server began its log anew after %s: what it wrote since is in %s", main.last().name, s)
			f.Remedy = "restore from these files first, or give only the newer ones with --binlogs if the backup is from after the reset"
		case sameServer(s, main) && !s.last().Last.After(main.first().First):
			f.Code = CodeReset
			f.Text = fmt.Sprintf("left out: %s: from before the server began its log anew with %s", s, main.first().name)
			f.Remedy = "give only those files with --binlogs if the backup is from before the reset"
		}
		a.add(f)
	}
}

// rivals tells whether a series is but one intact copy that differs from the one in the chain.
func (a *Archive) rivals(s *series) (*candidate, *File) {
	i := a.Index(s.first().name)
	if len(s.list) != 1 || i < 0 || a.Files[i].best.identity() != s.first().best.identity() {
		return nil, nil
	}
	return s.first().best, a.Files[i]
}

func sameServer(s, t *series) bool {
	a, b := s.first(), t.first()
	return a.Format.ServerID == b.Format.ServerID && (a.ServerUUID == "" || b.ServerUUID == "" || a.ServerUUID == b.ServerUUID)
}

// attachBad lists copies of which nothing can be used beside the good ones of their name. Where there is
// none, the file counts as missing, and link says where.
func (a *Archive) attachBad(bad []*candidate) {
	base, _ := binlog.SplitName(a.Files[0].name)
	var other []string
	for _, c := range bad {
		b, number := binlog.SplitName(c.name)
		i := a.Index(c.name)
		if i < 0 && (b != base || number == 0) && c.state != Encrypted && c.state != Unsupported {
			other = append(other, c.path)
			continue
		}
		f := Finding{Code: codeOf(c.state), Severity: Note, Path: c.path, Text: fmt.Sprintf("%s: %s", c.path, unadvised(c.err))}
		switch {
		case i >= 0:
			a.Files[i].Copies = append(a.Files[i].Copies, Copy{Path: c.path, Size: c.size, State: c.state, Err: c.err, Used: c.used})
			f.Text += spare(c, a.Files[i].best)
		case b == base:
			f.Severity = Gap
			if c.state == Corrupt {
				f.Severity = Broken
			}
			f.Pos = binlog.Position{File: c.name}
			f.Remedy = fmt.Sprintf("find another copy of %s", c.name)
		case c.state == Unsupported:
			f.Severity = Gap
		default:
			f.Severity = Warning
		}
		a.add(f)
	}
	if len(other) > 0 {
		shown, more := other, ""
		if len(other) > 3 {
			shown, more = other[:3], fmt.Sprintf(" and %d more", len(other)-3)
		}
		a.add(Finding{Code: CodeNotBinlog, Severity: Note, Path: other[0],
			Text: fmt.Sprintf("not binlogs, left out: %s%s", strings.Join(shown, ", "), more)})
	}
}

// attachAliases names copies that lie under a name that is not their server's.
func (a *Archive) attachAliases(aliases map[*candidate]*candidate) {
	for _, c := range slices.SortedFunc(maps.Keys(aliases), func(c, d *candidate) int { return cmp.Compare(c.path, d.path) }) {
		own := aliases[c]
		if i := a.Index(own.name); i >= 0 && a.Files[i].best.digest == own.digest {
			a.Files[i].Aliases = append(a.Files[i].Aliases, c.path)
		}
		a.add(Finding{Code: CodeDuplicate, Severity: Note, Path: c.path, Text: fmt.Sprintf("%s holds the same as %s, under another name", c.path, own.path)})
	}
}

func codeOf(s State) string {
	switch s {
	case Torn:
		return CodeTorn
	case Corrupt:
		return CodeCorrupt
	case Encrypted:
		return CodeEncrypted
	case Unsupported:
		return CodeUnsupported
	case NotBinlog:
		return CodeNotBinlog
	}
	return CodeUnreadable
}
