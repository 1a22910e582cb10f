package archive

import (
	"fmt"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
)

// link walks the chain and records how each file's end is known, and every place where the log is not.
func (a *Archive) link() {
	unverified := 0
	for i, f := range a.Files {
		a.inside(f)
		if i+1 < len(a.Files) {
			a.between(f, a.Files[i+1])
		} else {
			a.atEnd(f)
		}
		if !f.Format.Checksum {
			unverified++
		}
	}
	if unverified > 0 {
		a.add(Finding{Code: CodeUnverified, Severity: Note, Path: a.Files[0].Path,
			Text: fmt.Sprintf("%d of %d files carry no checksums: only their structure could be verified", unverified, len(a.Files))})
	}
}

// inside reports what is wrong with a file wherever it lies in the chain.
func (a *Archive) inside(f *File) {
	k := f.best.skim
	if k.Foreign > 0 || k.Moved() > 0 {
		a.add(Finding{Code: CodeRelayLog, Severity: Warning, Pos: binlog.Position{File: f.name}, Path: f.Path,
			Text:   fmt.Sprintf("%s is a relay log or was cut out of another file: %d events are another log's, %d say that they lie elsewhere", f.name, k.Foreign, k.Moved()),
			Remedy: "use the binlogs of the server itself where there are any"})
	}
	if f.Format.InUse && f.closed() {
		a.add(Finding{Code: CodeInUse, Severity: Note, Pos: binlog.Position{File: f.name}, Path: f.Path,
			Text: fmt.Sprintf("%s is marked as in use, though its server closed it: it was copied at that moment, or a bit flipped; no checksum covers the mark, and nothing depends on it", f.name)})
	}
	for _, pos := range k.Incidents {
		a.add(Finding{Code: CodeIncident, Severity: Gap, Pos: pos, Path: f.Path,
			Text:   fmt.Sprintf("%s: the server wrote that it lost events here", pos),
			Remedy: "use a backup from after this place, or the binlogs of a replica"})
	}
	code, severity := "", Gap
	switch f.best.state {
	case Corrupt:
		code, severity = CodeCorrupt, Broken
	case Unsupported:
		code = CodeUnsupported
	case Unreadable:
		code = CodeUnreadable
	default:
		return
	}
	a.add(Finding{Code: code, Severity: severity, Pos: f.End(), Path: f.Path,
		Text:   fmt.Sprintf("%s cannot be used from %d on: %s%s", f.name, f.Good, unadvised(f.Damage), f.allCopies()),
		Remedy: fmt.Sprintf("find an intact copy of %s", f.name)})
}

func (f *File) allCopies() string {
	if len(f.Copies) == 1 {
		return ""
	}
	if f.unjoined != "" {
		return "; " + f.unjoined
	}
	return fmt.Sprintf("; so with all of its %d copies", len(f.Copies))
}

func (f *File) broken() bool {
	return f.best.state != Intact && f.best.state != Torn
}

// between judges the end of f by its successor in the chain.
func (a *Archive) between(f, next *File) {
	_, n := binlog.SplitName(f.name)
	_, m := binlog.SplitName(next.name)
	named := f.Ending.Next.File
	exact, missing := gtidLink(f, next)
	switch {
	case exact && takesOver(f, next) && !f.broken():
		a.tookOver(f, next)
		return
	case m != n+1 && named != next.name:
		a.missing(f, next, exact)
		return
	case f.broken():
		return
	case named != "" && named != next.name:
		a.add(Finding{Code: CodeGap, Severity: Gap, Pos: f.End(), Path: f.Path,
			Text:   fmt.Sprintf("after %s its server wrote %s, which is not among the binlogs", f.End(), named),
			Remedy: "find that file"})
		return
	case f.closed():
		f.Proven = true
		if late := next.First.Sub(f.Last); named == next.name && next.Format.Created == 0 && late > clockSlack && !exact {
			a.add(Finding{Code: CodeUnproven, Severity: Warning, Pos: f.End(), Path: next.Path,
				Text:   fmt.Sprintf("%s begins %v after %s ended, though a running server begins the next file at once, and no GTID shows that they belong together", next.name, late.Round(time.Second), f.name),
				Remedy: fmt.Sprintf("find out whether %s is of the same server", next.Path)})
		}
		if !missing.IsEmpty() {
			a.add(Finding{Code: CodeGTIDJump, Severity: Warning, Pos: f.End(), Path: next.Path,
				Text: fmt.Sprintf("%s counts %s as committed, which no file holds, though it follows %s: set as purged on the server, or not written to its log", next.name, missing.String(), f.name)})
		}
		return
	case exact:
		a.crashed(f, next)
		return
	case f.best.state == Torn:
		a.torn(f, f.Damage.Error())
	case !missing.IsEmpty():
		a.torn(f, fmt.Sprintf("%s was committed before %s began, but is not in it", missing.String(), next.name))
	case next.Format.Created == 0:
		a.torn(f, fmt.Sprintf("it does not end with Rotate, though %s was begun by a running server", next.name))
	case majorMinor(f.Format) != majorMinor(next.Format):
		a.torn(f, fmt.Sprintf("it does not end with Rotate or Stop, and %s was written by version %s after %s, though no server is upgraded before it was shut down", next.name, next.Format.ServerVersion, f.Format.ServerVersion))
	default:
		a.add(Finding{Code: CodeUnproven, Severity: Warning, Pos: f.End(), Path: f.Path,
			Text:   fmt.Sprintf("%s ends at %d without Rotate or Stop: its server crashed and %s is what it wrote after its restart, or this copy is cut short", f.name, f.Good, next.name),
			Remedy: fmt.Sprintf("compare %s with another copy, if there is one", f.name)})
	}
}

// closed reports a file that ends as its server ended it, and between transactions.
func (f *File) closed() bool { return f.best.closed() }

// crashed records an end without Rotate or Stop that the successor's GTIDs prove: every transaction that
// was committed lies before it.
func (a *Archive) crashed(f, next *File) {
	text := ""
	switch {
	case next.Format.Created == 0:
		text = fmt.Sprintf("%s is cut off after %d, but no transaction was behind it: %s begins where it ends", f.name, f.Good, next.name)
	case f.best.state == Torn:
		text = fmt.Sprintf("%s ends in a transaction that its server did not finish, and %s shows that it was never committed", f.name, next.name)
	default:
		text = fmt.Sprintf("%s ends without Rotate or Stop, as after a crash, and %s shows that nothing is lost", f.name, next.name)
	}
	f.Proven, f.Damage = true, nil
	a.add(Finding{Code: CodeCrash, Severity: Note, Pos: f.End(), Path: f.Path, Text: text})
}

func (a *Archive) torn(f *File, why string) {
	if f.Damage == nil {
		f.Damage = &binlog.ReadError{Pos: f.End(), Kind: binlog.ErrTorn, Detail: why}
	}
	a.add(Finding{Code: CodeTorn, Severity: Gap, Pos: f.End(), Path: f.Path,
		Text:   fmt.Sprintf("%s can be used up to %d of its %d bytes, and what its server wrote after that is missing: %s%s", f.name, f.Good, f.Size, why, f.allCopies()),
		Remedy: fmt.Sprintf("find a complete copy of %s", f.name)})
}

// missing reports files that lie between two of the chain and are not there.
func (a *Archive) missing(f, next *File, exact bool) {
	base, n := binlog.SplitName(f.name)
	_, m := binlog.SplitName(next.name)
	width := len(f.name) - len(base) - 1
	name := func(k uint64) string { return fmt.Sprintf("%s.%0*d", base, width, k) }
	what, verb := name(n+1), "is"
	if m-n > 2 {
		what, verb = fmt.Sprintf("%s to %s (%d files)", name(n+1), name(m-1), m-n-1), "are"
	}
	found := Finding{Code: CodeGap, Severity: Gap, Pos: f.End(), Path: f.Path,
		Text:   fmt.Sprintf("%s %s missing: nothing is known of what was written from %s to the start of %s", what, verb, f.End(), next.name),
		Remedy: "find a copy, or use a backup from after the gap"}
	if exact && !f.broken() && f.best.state != Torn {
		found.Severity = Warning
		found.Text = fmt.Sprintf("%s %s missing, but held no transactions with GTIDs: %s begins where %s ends", what, verb, next.name, f.name)
		found.Remedy = ""
	}
	found.Text += a.inHole(f, next)
	a.add(found)
	if f.best.state == Torn {
		a.torn(f, f.Damage.Error())
	}
}

// gtidLink compares what was committed at the end of f with what its successor says. exact: nothing lies
// between, and every transaction of f has a GTID. missing: committed before next, but not up to here.
func gtidLink(f, next *File) (exact bool, missing gtid.Set) {
	if !f.HasPrevious || !next.HasPrevious {
		return false, gtid.Set{}
	}
	have, err := after(f)
	if err != nil {
		return false, gtid.Set{}
	}
	missing = next.Previous.Minus(have)
	return missing.IsEmpty() && !have.IsEmpty() && f.Anonymous == 0 && next.Previous.ContainsSet(have), missing
}

// atEnd judges the last file.
func (a *Archive) atEnd(f *File) {
	note := Finding{Severity: Note, Pos: f.End(), Path: f.Path}
	switch {
	case f.broken():
		return
	case f.best.state == Torn:
		why := f.Damage.Error()
		if f.Format.InUse {
			why += "; it was still being written"
		}
		a.torn(f, why)
		return
	case f.Ending.Next.File != "":
		note.Code = CodeNextMissing
		note.Text = fmt.Sprintf("the last file, %s, is complete; its server went on with %s, which is not among the binlogs", f.name, f.Ending.Next.File)
		note.Remedy = fmt.Sprintf("copy %s too, if it is wanted", f.Ending.Next.File)
	case f.Ending.Stop:
		return
	case f.Format.InUse:
		note.Code = CodeInUse
		note.Text = fmt.Sprintf("the last file, %s, was in use: it ends between transactions, at %d, and its server may have written more since", f.name, f.Good)
		note.Remedy = "run FLUSH BINARY LOGS on the server and copy again, if it still runs"
	default:
		note.Code, note.Severity = CodeUnproven, Warning
		note.Text = fmt.Sprintf("the last file, %s, was closed, but does not end with Rotate or Stop: its end at %d may be cut off", f.name, f.Good)
		note.Remedy = fmt.Sprintf("compare %s with another copy, if there is one", f.name)
	}
	a.add(note)
}
