package archive

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
)

// indexFile is a server's own list of its binlogs, oldest first, as it was when the folder was copied. Its paths are those of the server's
// machine, so only the names in it count.
type indexFile struct {
	path  string
	names []string
}

// longestIndex is some 20,000 names.
const longestIndex = 1 << 20

// readIndex gives nothing for a file that is called like an index and is none: other programs have theirs.
func readIndex(path string) (x indexFile, ok bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return x, false, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, longestIndex+1))
	if err != nil || len(content) > longestIndex {
		return x, false, err
	}
	x.path = path
	for line := range bytes.Lines(content) {
		name := string(bytes.TrimSpace(line))
		name = name[strings.LastIndexAny(name, `/\`)+1:]
		if name == "" {
			continue
		}
		if _, n := binlog.SplitName(name); n == 0 {
			return x, false, nil
		}
		x.names = append(x.names, name)
	}
	return x, len(x.names) > 0, nil
}

// heed keeps the index files that lie beside copies of the chain, as far as they name files of its base.
func (a *Archive) heed(all []indexFile) {
	base, _ := binlog.SplitName(a.Files[0].name)
	beside := map[string]bool{}
	for _, f := range a.Files {
		for _, c := range f.Copies {
			beside[filepath.Dir(c.Path)] = true
		}
	}
	a.named = map[string]string{}
	for _, x := range all {
		x.names = slices.DeleteFunc(slices.Clone(x.names), func(n string) bool {
			b, _ := binlog.SplitName(n)
			return b != base
		})
		if len(x.names) == 0 || !beside[filepath.Dir(x.path)] {
			continue
		}
		a.indexes = append(a.indexes, x)
		for _, n := range x.names {
			if a.named[n] == "" {
				a.named[n] = x.path
			}
		}
	}
}

// inHole says what index files know of the numbers between two files of the chain.
func (a *Archive) inHole(f, next *File) string {
	if path, names := a.unseen(func(name string) bool {
		return binlog.CompareNames(name, f.name) > 0 && binlog.CompareNames(name, next.name) < 0
	}); len(names) > 0 {
		return fmt.Sprintf("; %s names %s", path, listed(names))
	}
	for _, x := range a.indexes {
		if slices.Contains(x.names, f.name) && slices.Contains(x.names, next.name) {
			return fmt.Sprintf("; %s does not name it either, so its server did not have it any more, or never had it", x.path)
		}
	}
	return ""
}

// unseen gives the files that index files name and the chain lacks, in order, and one of the index files that do.
func (a *Archive) unseen(wanted func(name string) bool) (path string, names []string) {
	for name := range a.named {
		told := slices.ContainsFunc(a.Findings, func(f Finding) bool { return f.Pos.File == name && f.Severity >= Gap }) // as damaged or encrypted
		if a.Index(name) < 0 && !told && wanted(name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, binlog.CompareNames)
	if len(names) > 0 {
		path = a.named[names[0]]
	}
	return path, names
}

func listed(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s to %s (%d files)", names[0], names[len(names)-1], len(names))
}

// checkIndexes reports what index files name and the chain lacks at either end, and where they contradict it. What they know of holes in it
// is told there.
func (a *Archive) checkIndexes() {
	first, last := a.Files[0], a.Files[len(a.Files)-1]
	if path, names := a.unseen(func(name string) bool { return binlog.CompareNames(name, first.name) < 0 }); len(names) > 0 {
		a.add(Finding{Code: CodeIndex, Severity: Note, Pos: binlog.Position{File: names[0]}, Path: path,
			Text:   fmt.Sprintf("%s names %s, from before %s, with which the binlogs begin", path, listed(names), first.name),
			Remedy: "copy them too, if the backup is older than that"})
	}
	path, names := a.unseen(func(name string) bool { return binlog.CompareNames(name, last.name) > 0 })
	if len(names) > 1 || len(names) == 1 && names[0] != last.Ending.Next.File {
		a.add(Finding{Code: CodeGap, Severity: Gap, Pos: last.End(), Path: path,
			Text:   fmt.Sprintf("%s names %s, written after %s and not among the binlogs", path, listed(names), last.End()),
			Remedy: fmt.Sprintf("copy what is missing; or, if %s is another log's, take it out of the folder", path)})
	}
	for i, f := range a.Files[1:] {
		before := a.Files[i]
		if before.Ending.Next.File != f.name {
			continue // a hole, if it is one, was told
		}
		between := func(name string) bool {
			return binlog.CompareNames(name, before.name) > 0 && binlog.CompareNames(name, f.name) < 0
		}
		if path, names := a.unseen(between); len(names) > 0 {
			a.add(Finding{Code: CodeIndex, Severity: Warning, Pos: before.End(), Path: path,
				Text: fmt.Sprintf("%s names %s between %s and %s, though the one says that the other follows", path, listed(names), before.name, f.name)})
		}
	}
	for _, x := range a.indexes {
		a.contradicted(x)
	}
}

func (a *Archive) contradicted(x indexFile) {
	for i, name := range x.names[1:] {
		if before := x.names[i]; binlog.CompareNames(before, name) > 0 {
			a.add(Finding{Code: CodeIndex, Severity: Warning, Pos: binlog.Position{File: name}, Path: x.path,
				Text:   fmt.Sprintf("%s names %s after %s, against their numbers: they are read in order of their numbers", x.path, name, before),
				Remedy: "find out whether one of them was renamed, or the log was begun anew (RESET)"})
			return
		}
	}
	var strange []string
	for _, f := range a.Files {
		here := slices.ContainsFunc(f.Copies, func(c Copy) bool { return filepath.Dir(c.Path) == filepath.Dir(x.path) })
		if here && !slices.Contains(x.names, f.name) && binlog.CompareNames(f.name, x.names[0]) > 0 && binlog.CompareNames(f.name, x.names[len(x.names)-1]) < 0 {
			strange = append(strange, f.name)
		}
	}
	if len(strange) > 0 {
		a.add(Finding{Code: CodeIndex, Severity: Note, Pos: binlog.Position{File: strange[0]}, Path: x.path,
			Text: fmt.Sprintf("%s lies beside %s, which does not name it; it is read like the others", listed(strange), x.path)})
	}
}
