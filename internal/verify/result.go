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
	Objects     []Object `json:"objects"` // views, triggers, routines and events that only one side has
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
	Notes      []string `json:"notes,omitempty"`
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
		if t.Difference == "" && t.Left.Rows != t.Right.Rows {
			t.Difference = fmt.Sprintf("%s on the target, %s on the other side", text.Counted(t.Left.Rows, "row"), text.Counted(t.Right.Rows, "row"))
		} else if t.Difference == "" && t.Left != t.Right {
			t.Difference = fmt.Sprintf("the same number of rows (%s) with different values", text.Count(t.Left.Rows))
		}
		if t.Same = t.Difference == ""; !t.Same {
			r.Differences++
		}
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
	if r.Same {
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
	if !r.Same {
		verdict, code = "DIFFERENT", "31"
	}
	if color {
		verdict = "\x1b[1;" + code + "m" + verdict + "\x1b[0m"
	}
	fmt.Fprintf(out, "%s: %s with %s, %s", verdict, text.Counted(int64(len(r.Tables)), "table"), text.Counted(r.Rows, "row"), "on the target")
	if !r.Same {
		fmt.Fprintf(out, "; %s", text.Counted(int64(r.Differences), "difference"))
	}
	fmt.Fprintf(out, ".\n  target   database %s on %s\n  against  database %s on %s\n\n", text.Line(r.Left.Database), r.Left.Server, text.Line(r.Right.Database), r.Right.Server)
	width := 5
	for _, t := range r.Tables {
		width = min(max(width, text.Width(text.Line(t.Name))), 40)
	}
	for _, t := range r.Tables {
		fmt.Fprintf(out, "  %s  %14s  %s\n", text.Pad(text.Fit(text.Line(t.Name), width), width), text.Counted(t.Left.Rows, "row"), orSame(t.Difference))
	}
	for _, o := range r.Objects {
		fmt.Fprintf(out, "  %s: %s\n", text.Line(o.Name), o.Difference)
	}
	for _, n := range r.notes() {
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

func orSame(difference string) string {
	if difference == "" {
		return "same"
	}
	return text.Line(difference)
}
