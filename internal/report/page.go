package report

import (
	"bytes"
	"fmt"
	"strings"

	"lifeboat/internal/ui/text"
)

// columns is the width that text is written for.
const columns = 100

// The colours, by ECMA-48 SGR.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[1;31m"
	yellow = "\x1b[33m"
	green  = "\x1b[1;32m"
	reset  = "\x1b[0m"
)

// page collects lines of text. What it is given may come from a log or a file name: every method
// takes care that none of it reaches a terminal as a control character.
type page struct {
	out   bytes.Buffer
	color bool
}

func (p *page) paint(color, s string) string {
	if !p.color || color == "" || s == "" {
		return s
	}
	return color + s + reset
}

func (p *page) blank() { p.out.WriteByte('\n') }

func (p *page) raw(line string) {
	p.out.WriteString(strings.TrimRight(line, " "))
	p.out.WriteByte('\n')
}

// heading opens a part of the report.
func (p *page) heading(s string) {
	p.blank()
	p.raw(p.paint(bold, text.Line(s)))
}

// paragraph writes s wrapped, behind a lead on the first line and as many spaces on the next ones.
func (p *page) paragraph(lead, color, s string) {
	indent := strings.Repeat(" ", text.Width(lead))
	for i, line := range text.Wrap(text.Line(s), columns-len(indent)) {
		if i == 0 {
			p.raw(p.paint(color, lead) + line)
			continue
		}
		p.raw(indent + line)
	}
}

// field writes a name and its value; a value that is blank is left out.
func (p *page) field(name, value string) {
	p.paragraph("  "+text.Pad(name, 14)+"  ", "", value)
}

// line writes one line, cut at the page's width.
func (p *page) line(indent int, s string) { p.colored(indent, "", s) }

func (p *page) colored(indent int, color, s string) {
	p.raw(strings.Repeat(" ", indent) + p.paint(color, text.Fit(text.Line(s), columns-indent)))
}

// command writes a command line broken before its flags, so that it can be copied as it is.
func (p *page) command(indent int, line string) {
	lead := strings.Repeat(" ", indent)
	current := ""
	for i, word := range flagWords(line) {
		switch {
		case i == 0:
			current = lead + word
		case text.Width(current)+1+text.Width(word) <= columns-2:
			current += " " + word
		default:
			p.raw(current + ` \`)
			current = lead + "    " + word
		}
	}
	p.raw(current)
}

// flagWords splits a command line before each flag that is outside quotes.
func flagWords(line string) []string {
	line = text.Line(line)
	var words []string
	start, quoted := 0, false
	for i := range line {
		if line[i] == '\'' {
			quoted = !quoted
		}
		if !quoted && strings.HasPrefix(line[i:], " --") {
			words = append(words, line[start:i])
			start = i + 1
		}
	}
	return append(words, line[start:])
}

// A column of a table.
type column struct {
	title string
	kind  columnKind
}

type columnKind uint8

const (
	words   columnKind = iota
	amount             // set to the right
	wrapped            // the last column, whose text goes on below itself
)

const leastWrap = 14 // columns that wrapped text needs

// table writes rows under their titles, each column as wide as its widest cell. A column that is
// blank in every row is left out. What does not fit on the page is cut, unless it is wrapped.
func (p *page) table(indent int, cols []column, rows [][]string) {
	widths := make([]int, len(cols))
	head := make([]string, len(cols))
	for i, c := range cols {
		head[i] = c.title
		for r := range rows {
			rows[r][i] = text.Line(rows[r][i])
			widths[i] = max(widths[i], text.Width(rows[r][i]))
		}
		if widths[i] > 0 {
			widths[i] = max(widths[i], text.Width(c.title))
		}
	}
	p.row(indent, cols, widths, head)
	for _, cells := range rows {
		p.row(indent, cols, widths, cells)
	}
}

func (p *page) row(indent int, cols []column, widths []int, cells []string) {
	line := strings.Repeat(" ", indent)
	for i, cell := range cells {
		switch {
		case widths[i] == 0:
			continue
		case cols[i].kind == amount:
			cell = strings.Repeat(" ", widths[i]-text.Width(cell)) + cell
		case cols[i].kind == wrapped && columns-text.Width(line) >= leastWrap:
			p.paragraph(line, "", cell)
			if cell != "" {
				return
			}
		}
		line += text.Pad(cell, widths[i]) + "  "
	}
	p.raw(text.Fit(strings.TrimRight(line, " "), columns))
}

// list names the first few of many.
func list(names []string, most int) string {
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %s more", strings.Join(names[:most], ", "), text.Count(int64(len(names)-most)))
}

// number writes a count for a table's cell, and nothing for none.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return text.Count(n)
}
