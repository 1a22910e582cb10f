package report

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/ui/text"
)

const intact = "intact"

func archiveText(p *page, audit *Audit) {
	a := &audit.Archive
	p.heading("Archive")
	p.field("read from", fmt.Sprintf("%s: %s, %s, %s", list(a.Roots, 6), text.Counted(int64(len(a.Files)), "file"), text.Bytes(a.Bytes),
		text.Counted(a.Transactions, "transaction")))
	p.field("databases", list(audit.Databases, 12))
	if a.From != "" {
		p.field("span", fmt.Sprintf("%s to %s", text.Time(a.First), text.Time(a.Last)))
	}
	if len(a.Files) == 0 {
		return
	}
	var rows [][]string
	hidden, several := 0, severalServers(a.Files)
	for i, f := range a.Files {
		if hideFile(a.Files, i) {
			hidden++
			continue
		}
		if hidden > 0 {
			rows = append(rows, foldedFiles(hidden))
			hidden = 0
		}
		rows = append(rows, fileCells(f, several))
	}
	p.table(2, []column{{"file", words}, {"state", words}, {"copies", words}, {"size", amount}, {"transactions", amount},
		{"first", words}, {"last", words}, {"server", words}}, rows)
	unusualText(p, a.Files)
	for _, f := range a.Files {
		for _, c := range f.Copies {
			told := slices.ContainsFunc(audit.Findings, func(x Finding) bool { return strings.Contains(x.Text, c.Path) })
			if c.State != intact && !told {
				p.paragraph("  "+text.Pad(text.Line(c.State), 8)+" ", "", c.Path+detail(c.Detail))
			}
		}
	}
}

func detail(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// hideFile folds the middle of a long list, as far as it is sound.
func hideFile(files []FileRow, i int) bool {
	return len(files) > mostFiles && i > 0 && i < len(files)-1 && sound(files[i])
}

func sound(f FileRow) bool {
	if f.State != intact {
		return false
	}
	for _, c := range f.Copies {
		if c.State != intact {
			return false
		}
	}
	return true
}

func foldedFiles(n int) []string {
	cells := make([]string, 8)
	cells[0] = fmt.Sprintf("… %s more, intact", text.Count(int64(n)))
	return cells
}

func fileCells(f FileRow, several bool) []string {
	first, last := "", ""
	if !f.First.IsZero() {
		first = f.First.UTC().Format(minute)
	}
	if !f.Last.IsZero() {
		last = f.Last.UTC().Format(minute)
		if strings.HasPrefix(first, last[:len("2006-01-02")]) {
			last = last[len("2006-01-02 "):]
		}
	}
	return []string{f.Name, fileState(f), copies(f), text.Bytes(f.Bytes), text.Count(f.Transactions), first, last, fileServer(f, several)}
}

// severalServers tells whether a reader must be told which file is whose.
func severalServers(files []FileRow) bool {
	return slices.ContainsFunc(files, func(f FileRow) bool { return f.ServerID != files[0].ServerID })
}

func fileServer(f FileRow, several bool) string {
	if several && f.ServerID != "" {
		return f.Server + ", id " + f.ServerID
	}
	return f.Server
}

// unusualText names, once each, what not every reader of a row log expects of a file.
func unusualText(p *page, files []FileRow) {
	var order []string
	of := map[string][]string{}
	for _, f := range files {
		for _, s := range unusual(f) {
			if of[s] == nil {
				order = append(order, s)
			}
			of[s] = append(of[s], f.Name)
		}
	}
	for i, s := range order {
		if i == mostFiles && len(order) > mostFiles+1 {
			p.line(2, fmt.Sprintf("… and %s more about files, in --format json", text.Count(int64(len(order)-i))))
			return
		}
		p.paragraph("  ", "", list(of[s], 4)+": "+s)
	}
}

// unusual is what is worth a word of how a file logs changes.
func unusual(f FileRow) (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch f.Format {
	case FormatStatement:
		add("no row events, but %s other than DDL", text.Counted(f.Statements, "statement"))
	case FormatMixed:
		add("%s other than DDL beside %s", text.Counted(f.Statements, "statement"), text.Counted(f.RowEvents, "row event"))
	}
	if f.Compressed > 0 {
		add("compressed by the server: %s", text.Count(f.Compressed))
	}
	if f.Anonymous > 0 && f.GTIDs != "" {
		add("%s without a GTID", text.Counted(f.Anonymous, "transaction"))
	}
	return out
}

// fileDetail is one line of what is known of how a file was written.
func fileDetail(f FileRow) string {
	var say []string
	if f.Format != "" {
		say = append(say, f.Format+" format")
	}
	if f.Image != "" {
		say = append(say, f.Image+" row images")
	}
	if f.RowEvents > 0 {
		say = append(say, text.Counted(f.RowEvents, "row event"))
	}
	say = append(say, unusual(f)...)
	if f.Packed {
		say = append(say, "the copy is packed")
	}
	if f.InUse {
		say = append(say, "in use when copied")
	}
	return strings.Join(say, "; ")
}

// copies counts the copies of a file, and of these the intact ones.
func copies(f FileRow) string {
	good := 0
	for _, c := range f.Copies {
		if c.State == intact {
			good++
		}
	}
	if good < len(f.Copies) {
		return fmt.Sprintf("%d of %d", good, len(f.Copies))
	}
	return fmt.Sprint(len(f.Copies))
}

func fileState(f FileRow) string {
	state := f.State
	if len(f.Pieces) > 0 {
		state += ", stitched"
	}
	if f.Checksum == "none" {
		state += ", no checksums"
	}
	return state
}
