package verify

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"lifeboat/internal/ui/text"
	"lifeboat/replay"
)

// Schema tags the JSON of a Result. Fields are added to it, never renamed.
const Schema = "lifeboat.verify/1"

// Result is the outcome of a comparison.
type Result struct {
	Schema      string   `json:"schema"`
	Tool        string   `json:"tool"`
	Same        bool     `json:"same"`
	ExitCode    int      `json:"exit_code"`
	Left        Place    `json:"target"`
	Right       Place    `json:"against"`
	Rows        int64    `json:"rows"` // on the target
	Differences int      `json:"differences"`
	Tables      []Table  `json:"tables"`
	Objects     []Object `json:"objects"`          // views, triggers, routines and events that only one side has, or that differ
	Unchecked   int      `json:"unchecked"`        // tables whose rows could not be compared
	Other       string   `json:"compared_with"`    // what the target is compared with, in words
	Sample      float64  `json:"sample,omitempty"` // the part of each table that was read, where not all was
	Notes       []string `json:"notes,omitempty"`
}

// Place is one side.
type Place struct {
	Server   string `json:"server"`
	Database string `json:"database"`
}

// Table is one table on both sides.
type Table struct {
	Name       string   `json:"name"`
	Same       bool     `json:"same"`
	Left       Sum      `json:"target"`
	Right      Sum      `json:"against"`
	Difference string   `json:"difference,omitempty"`
	Unchecked  string   `json:"unchecked,omitempty"` // why its rows could not be compared
	Notes      []string `json:"notes,omitempty"`

	// Evidence is given where the base is of unknown date.
	Evidence *replay.Evidence `json:"evidence,omitempty"`

	// DifferentRows counts the rows that differ, of those that were looked at one by one; the first of them follow.
	DifferentRows  int64           `json:"different_rows,omitempty"`
	RowDifferences []RowDifference `json:"row_differences,omitempty"`
}

// Object is something other than a table that only one side has.
type Object struct {
	Name       string `json:"name"` // with its kind, as "view v"
	Difference string `json:"difference"`
}

// judge adds up.
func (r *Result) judge() {
	for i := range r.Tables {
		t := &r.Tables[i]
		r.Rows += t.Left.Rows
		if t.Unchecked != "" {
			r.Unchecked++
		} else if t.Difference == "" && t.Left.Rows != t.Right.Rows {
			t.Difference = fmt.Sprintf("%s on the target, %s on %s", text.Counted(t.Left.Rows, "row"), text.Counted(t.Right.Rows, "row"), r.Other)
		} else if t.Difference == "" && t.Left != t.Right {
			t.Difference = fmt.Sprintf("the same number of rows (%s) with different values", text.Count(t.Left.Rows))
		}
		if t.Difference != "" {
			r.Differences++
		}
		t.Same = t.Difference == "" && t.Unchecked == ""
	}
	r.Differences += len(r.Objects)
	r.Same = r.Differences == 0
	slices.SortFunc(r.Objects, func(a, b Object) int { return cmp.Compare(a.Name, b.Name) })
	if r.Objects == nil {
		r.Objects = []Object{}
	}
}

// Err is ErrDifferent where the sides differ.
func (r *Result) Err() error {
	switch {
	case r.Same && r.Unchecked > 0:
		return fmt.Errorf("%w: %d of %d", ErrUnchecked, r.Unchecked, len(r.Tables))
	case r.Same:
		return nil
	}
	return fmt.Errorf("%w in %d places", ErrDifferent, r.Differences)
}

// Write writes the result as text or json, in one Write. With color the verdict is coloured.
func (r *Result) Write(w io.Writer, format string, color bool) error {
	var out bytes.Buffer
	switch format {
	case "json":
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(r); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	case "text":
		r.text(&out, color)
	default:
		return fmt.Errorf("unknown report format %q: use text or json", format)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *Result) text(out *bytes.Buffer, color bool) {
	verdict, code := "THE SAME", "32"
	switch {
	case !r.Same:
		verdict, code = "DIFFERENT", "31"
	case r.Unchecked > 0:
		verdict, code = "THE SAME, BUT NOT ALL COMPARED", "33"
	}
	if color {
		verdict = "\x1b[1;" + code + "m" + verdict + "\x1b[0m"
	}
	fmt.Fprintf(out, "%s: %s with %s, %s", verdict, text.Counted(int64(len(r.Tables)), "table"), text.Counted(r.Rows, "row"), "on the target")
	if !r.Same {
		fmt.Fprintf(out, "; %s", text.Counted(int64(r.Differences), "difference"))
	}
	if r.Unchecked > 0 {
		fmt.Fprintf(out, "; %s not compared", text.Counted(int64(r.Unchecked), "table"))
	}
	fmt.Fprintf(out, ".\n  target   database %s on %s\n", text.Line(r.Left.Database), r.Left.Server)
	if r.Other == baseAndLog {
		fmt.Fprintf(out, "  against  %s\n\n", baseAndLog)
	} else {
		fmt.Fprintf(out, "  against  database %s on %s\n\n", text.Line(r.Right.Database), r.Right.Server)
	}
	width := 5
	for _, t := range r.Tables {
		width = min(max(width, text.Width(text.Line(t.Name))), 40)
	}
	for _, t := range r.Tables {
		fmt.Fprintf(out, "  %s  %14s  %s\n", text.Pad(text.Fit(text.Line(t.Name), width), width), text.Counted(t.Left.Rows, "row"), t.outcome())
		t.rows(out)
	}
	for _, o := range r.Objects {
		fmt.Fprintf(out, "  %s: %s\n", text.Line(o.Name), o.Difference)
	}
	for _, n := range append(r.notes(), r.Notes...) {
		fmt.Fprintf(out, "  note: %s\n", text.Line(n))
	}
}

// notes says each note once, with the tables that it is about.
func (r *Result) notes() (out []string) {
	tables := map[string][]string{}
	for _, t := range r.Tables {
		for _, n := range t.Notes {
			if tables[n] == nil {
				out = append(out, n)
			}
			tables[n] = append(tables[n], t.Name)
		}
	}
	for i, n := range out {
		names := tables[n]
		if len(names) == len(r.Tables) && len(names) > 1 {
			continue
		}
		if len(names) > 5 {
			names = append(slices.Clone(names[:5]), fmt.Sprintf("and %d more", len(names)-5))
		}
		out[i] = strings.Join(names, ", ") + ": " + n
	}
	return out
}

// outcome is a table's line.
func (t *Table) outcome() string {
	switch {
	case t.Difference != "" && t.Unchecked != "":
		return text.Line(t.Difference) + "; rows not compared: " + text.Line(t.Unchecked)
	case t.Difference != "":
		return text.Line(t.Difference)
	case t.Unchecked != "":
		return "not compared: " + text.Line(t.Unchecked)
	}
	return "same"
}

// rows lists the rows that differ, and what became of those of a base of unknown date.
func (t *Table) rows(out *bytes.Buffer) {
	if e := t.Evidence; e != nil {
		fmt.Fprintf(out, "      of %s of the base %s only from it, %s replaced and %s deleted by the log; %s changed by the log and not in it\n", text.Counted(e.Base, "row"),
			text.Count(e.Only), text.Count(e.Replaced), text.Count(e.Removed), text.Count(e.Missing))
	}
	for _, d := range t.RowDifferences {
		many := ""
		if d.Rows > 1 {
			many = fmt.Sprintf(" (%s)", text.Counted(d.Rows, "time"))
		}
		fmt.Fprintf(out, "      %-8s %s%s", d.What, text.Line(d.Key), many)
		for i, c := range d.Columns {
			sep := ":"
			if i > 0 {
				sep = ";"
			}
			fmt.Fprintf(out, "%s %s is %s, expected %s", sep, text.Line(c.Name), text.Line(c.Target), text.Line(c.Expected))
		}
		out.WriteByte('\n')
	}
	if more := t.DifferentRows - int64(len(t.RowDifferences)); more > 0 {
		fmt.Fprintf(out, "      and %s more\n", text.Counted(more, "row"))
	}
}
