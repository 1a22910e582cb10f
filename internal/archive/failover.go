package archive

import (
	"fmt"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
)

// related says how two series belong together, where that can be told.
func related(s, t *series) string {
	if s.first().First.After(t.first().First) {
		s, t = t, s
	}
	if text := afterFailover(s, t); text != "" {
		return "; " + text
	}
	if sameServer(s, t) && s.list[0].base == t.list[0].base && !t.first().First.Before(s.last().Last) {
		return fmt.Sprintf("; it looks as if the server began its log anew (RESET) after %s, so restore the older files first and then, with --base-loaded, the newer ones", s.last().End())
	}
	return ""
}

// afterFailover tells by GTIDs how far a file of series t goes on where series s of another server ends. It is empty where they say
// nothing of each other.
//
// Files of two servers are read as one log only where nothing lies between and their names go on counting, which follows sees to:
// a place in the log is a file's name and an offset, so names must not repeat or run backwards.
func afterFailover(s, t *series) string {
	end := s.last()
	if !end.HasPrevious || !takesOver(end, t.first()) {
		return ""
	}
	have, err := after(end)
	if err != nil || have.IsEmpty() {
		return ""
	}
	if text := holdsAll(s, t); text != "" {
		return text
	}
	for _, v := range t.list {
		f := v.file
		if !f.HasPrevious {
			continue
		}
		switch {
		case f.Previous.Equal(have) && end.Anonymous == 0:
			return fmt.Sprintf("by GTID %s (server id %d) goes on exactly where %s ends, as after a failover, but their names do not go on counting: restore up to that end first, then with --base-loaded from the files of server id %d",
				f.name, f.Format.ServerID, end.End(), f.Format.ServerID)
		case f.Previous.ContainsSet(have):
			missing := f.Previous.Minus(have)
			return fmt.Sprintf("%s (server id %d) counts all that %s holds as committed, and also %s, which is not in it: transactions are missing between the two servers' files, or begin in an earlier one",
				f.name, f.Format.ServerID, end.End(), missing.String())
		}
	}
	last, err := after(t.last())
	if err != nil {
		return ""
	}
	if lost := have.Minus(last); last.ContainsSet(t.last().Previous) && !lost.IsEmpty() && shares(s, t) {
		return fmt.Sprintf("%s was committed on server id %d and never reached server id %d", lost.String(), end.Format.ServerID, t.first().Format.ServerID)
	}
	return ""
}

// holdsAll tells that a replica logged all that its source did, so that its files are enough.
func holdsAll(s, t *series) string {
	wanted, err := committed(s)
	if err != nil || wanted.IsEmpty() {
		return ""
	}
	have, err := committed(t)
	if err != nil || !have.ContainsSet(wanted) {
		return ""
	}
	for _, v := range s.list {
		if v.file.Anonymous > 0 {
			return ""
		}
	}
	return fmt.Sprintf("by GTID the files of server id %d hold all that those of server id %d do: those of server id %d are enough (a backup's file and offset count only in the log of the server it was made of, its GTIDs in both)",
		t.first().Format.ServerID, s.first().Format.ServerID, t.first().Format.ServerID)
}

// committed is what is in the files of a series.
func committed(s *series) (out gtid.Set, err error) {
	for _, v := range s.list {
		if err = out.Union(v.file.GTIDs); err != nil {
			break
		}
	}
	return out, err
}

// shares reports that one of the two servers has executed transactions of the other.
func shares(s, t *series) bool {
	have, err := after(t.last())
	if err != nil {
		return false
	}
	for _, v := range s.list {
		if !v.file.GTIDs.IsEmpty() {
			rest := v.file.GTIDs.Minus(have)
			if !rest.ContainsSet(v.file.GTIDs) {
				return true
			}
		}
	}
	return false
}

// tookOver notes where the log goes on on another server, which GTIDs prove.
func (a *Archive) tookOver(f, next *File) {
	f.Proven = true
	text := fmt.Sprintf("after %s the log goes on with %s of another server (server id %d after %d), as after a failover; GTIDs show that nothing lies between",
		f.End(), next.name, next.Format.ServerID, f.Format.ServerID)
	if left := f.Size - int64(f.Good); left > 0 && f.best.state != Intact {
		text += fmt.Sprintf("; the last %d bytes of %s hold no transaction that was committed", left, f.name)
		f.Damage = nil
	}
	a.add(Finding{Code: CodeFailover, Severity: Note, Pos: binlog.Position{File: next.name}, Path: next.Path, Text: text})
}
