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
	odditiesText(p, a.Files)
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

// oddity is what not every reader of a row log expects of a file.
type oddity struct {
	count int64
	say   func(n int64) string
}

// oddities are always the same ones, in the same order.
func oddities(f FileRow) []oddity {
	has := func(yes bool, n int64) int64 {
		if yes {
			return n
		}
		return 0
	}
	return []oddity{
		{has(f.Format == FormatStatement, f.Statements), func(n int64) string {
			return fmt.Sprintf("no row events, but %s other than DDL", text.Counted(n, "statement"))
		}},
		{has(f.Format == FormatMixed, f.Statements), func(n int64) string {
			return fmt.Sprintf("%s other than DDL beside row events", text.Counted(n, "statement"))
		}},
		{f.Compressed, func(n int64) string {
			return fmt.Sprintf("compressed by the server: %s", text.Count(n))
		}},
		{has(f.GTIDs != "", f.Anonymous), func(n int64) string {
			return fmt.Sprintf("%s without a GTID", text.Counted(n, "transaction"))
		}},
	}
}

// odditiesText sums each up over the files.
func odditiesText(p *page, files []FileRow) {
	for i, o := range oddities(FileRow{}) {
		var names []string
		var sum int64
		for _, f := range files {
			if n := oddities(f)[i].count; n > 0 {
				names, sum = append(names, f.Name), sum+n
			}
		}
		if sum > 0 {
			p.paragraph("  ", "", list(names, 2)+": "+o.say(sum))
		}
	}
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
	for _, o := range oddities(f) {
		if o.count > 0 {
			say = append(say, o.say(o.count))
		}
	}
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
