package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/disk"
)

// indexFile is a server's own list of its binlogs, oldest first, as it was when the folder was copied. Its paths are those of the server's
// machine, so only the names in it count.
type indexFile struct {
	path  string
	names []string
	has   map[string]bool // names
}

// lacking is a file that an index file names and the chain does not hold.
type lacking struct{ name, index string }

// longestIndex is some 20,000 names.
const longestIndex = 1 << 20

// readIndex gives nothing for a file that is called like an index and is none: other programs have theirs.
func readIndex(ctx context.Context, path string) (x indexFile, ok bool, err error) {
	f, err := disk.Open(ctx, path)
	if err != nil {
		return x, false, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, longestIndex+1))
	if err != nil || len(content) > longestIndex {
		return x, false, err
	}
	x.path = path
	x.names, ok = parseIndex(content)
	return x, ok, nil
}

// parseIndex gives the names in an index file, without their folders, which may be of another system.
func parseIndex(content []byte) (names []string, ok bool) {
	for line := range bytes.Lines(content) {
		name := string(bytes.TrimSpace(line))
		name = name[strings.LastIndexAny(name, `/\`)+1:]
		if name == "" {
			continue
		}
		if _, n := binlog.SplitName(name); n == 0 {
			return nil, false
		}
		names = append(names, name)
	}
	return names, len(names) > 0
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
	seen := map[string]bool{}
	for _, f := range a.Findings {
		if f.Severity >= Gap {
			seen[f.Pos.File] = true // told, as damaged or encrypted
		}
	}
	for _, x := range all {
		x.names = slices.DeleteFunc(slices.Clone(x.names), func(n string) bool {
			b, _ := binlog.SplitName(n)
			return b != base
		})
		if len(x.names) == 0 || !beside[filepath.Dir(x.path)] {
			continue
		}
		x.has = make(map[string]bool, len(x.names))
		for _, n := range x.names {
			x.has[n] = true
			if !seen[n] && a.Index(n) < 0 {
				seen[n] = true
				a.lacking = append(a.lacking, lacking{n, x.path})
			}
		}
		a.indexes = append(a.indexes, x)
	}
	slices.SortFunc(a.lacking, func(x, y lacking) int { return binlog.CompareNames(x.name, y.name) })
}

// inHole says what index files know of the numbers between two files of the chain.
func (a *Archive) inHole(f, next *File) string {
	if path, names := a.lacks(f.name, next.name); len(names) > 0 {
		return fmt.Sprintf("; %s names %s", path, listed(names))
	}
	for _, x := range a.indexes {
		if x.has[f.name] && x.has[next.name] {
			return fmt.Sprintf("; %s does not name it either, so its server did not have it any more, or never had it", x.path)
		}
	}
	return ""
}

// lacks gives the files between two names, of which either may be empty, that index files name and the chain lacks, in order; and an
// index file that does.
func (a *Archive) lacks(after, before string) (path string, names []string) {
	from, to := 0, len(a.lacking)
	place := func(name string) int {
		i, _ := slices.BinarySearchFunc(a.lacking, name, func(l lacking, name string) int { return binlog.CompareNames(l.name, name) })
		return i
	}
	if after != "" {
		from = place(after)
	}
	if before != "" {
		to = place(before)
	}
	for _, l := range a.lacking[from:max(from, to)] {
		path, names = l.index, append(names, l.name)
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
	if path, names := a.lacks("", first.name); len(names) > 0 {
		a.add(Finding{Code: CodeIndex, Severity: Note, Pos: binlog.Position{File: names[0]}, Path: path,
			Text:   fmt.Sprintf("%s names %s, from before %s, with which the binlogs begin", path, listed(names), first.name),
			Remedy: "copy them too, if the backup is older than that"})
	}
	path, names := a.lacks(last.name, "")
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
		if path, names := a.lacks(before.name, f.name); len(names) > 0 {
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
		if here && !x.has[f.name] && binlog.CompareNames(f.name, x.names[0]) > 0 && binlog.CompareNames(f.name, x.names[len(x.names)-1]) < 0 {
			strange = append(strange, f.name)
		}
	}
	if len(strange) > 0 {
		a.add(Finding{Code: CodeIndex, Severity: Note, Pos: binlog.Position{File: strange[0]}, Path: x.path,
			Text: fmt.Sprintf("%s lies beside %s, which does not name it; it is read like the others", listed(strange), x.path)})
	}
}
