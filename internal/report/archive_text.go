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
	hidden := 0
	for i, f := range a.Files {
		if hideFile(a.Files, i) {
			hidden++
			continue
		}
		if hidden > 0 {
			rows = append(rows, foldedFiles(hidden))
			hidden = 0
		}
		rows = append(rows, fileCells(f))
	}
	p.table(2, []column{{"file", words}, {"state", words}, {"copies", words}, {"size", amount}, {"transactions", amount},
		{"first", words}, {"last", words}, {"server", words}}, rows)
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

func fileCells(f FileRow) []string {
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
	return []string{f.Name, fileState(f), copies(f), text.Bytes(f.Bytes), text.Count(f.Transactions), first, last, f.Server}
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
