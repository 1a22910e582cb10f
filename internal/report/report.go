// Package report writes what lifeboat found, means to do and did: as text for a person who has 100
// columns and little time, and as JSON for a pipeline. It holds plain data and knows no stage; commands
// fill it in. In text the most important comes first: the verdict, what happened, what to do next.
package report

import (
	"encoding/json"
	"fmt"
	"io"
)

// The forms of a report.
const (
	Text = "text"
	JSON = "json"
	HTML = "html" // of an Audit only
)

// write writes v as JSON or lets body write it as text, in one Write.
func write(w io.Writer, format string, color bool, v any, body func(*page)) error {
	p := &page{color: color}
	switch format {
	case Text:
		body(p)
	case JSON:
		out := json.NewEncoder(&p.out)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		if err := out.Encode(v); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	default:
		return fmt.Errorf("unknown report format %q: use %s or %s", format, Text, JSON)
	}
	if _, err := w.Write(p.out.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// some makes an empty list of no list, since a JSON null is one case more for its readers.
func some[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
