package snapshot

import (
	"io"
	"strings"

	"lifeboat/internal/schema"
)

// textColumns are a table's columns that cannot be given as a binary string: the server refuses it (JSON, error 3144) or takes it for the value's own
// bytes (UUID, INET4, INET6 of MariaDB). A tool that dumps under SET NAMES binary writes them as text all the same.
type textColumns struct {
	names []string // of all columns that an INSERT without a column list gives
	text  map[string]bool
}

// newTextColumns returns nil for a table that has none.
func newTextColumns(create string, mariadb bool) *textColumns {
	def, err := schema.ParseCreateTable([]byte(create), schema.Mode{MariaDB: mariadb})
	if err != nil {
		return nil // not a table of columns; what is wrong with it, the server says
	}
	c := &textColumns{text: map[string]bool{}}
	for _, col := range def.Columns {
		if col.Generated != "" {
			continue
		}
		c.names = append(c.names, col.Name)
		switch strings.ToLower(col.DataType) {
		case "json", "uuid", "inet4", "inet6":
			c.text[strings.ToLower(col.Name)] = true
		}
	}
	if len(c.text) == 0 {
		return nil
	}
	return c
}

// introduce puts _utf8mb4 before the strings of those columns.
func (c *textColumns) introduce(sql []byte, m schema.Mode) ([]byte, error) {
	t, err := NewTuples(sql, m)
	if err != nil {
		return nil, err
	}
	names := t.Columns()
	if names == nil {
		names = c.names
	}
	out := make([]byte, 0, len(sql)+len(sql)/8)
	done := 0
	for {
		row, err := t.Next()
		if err == io.EOF {
			return append(out, sql[done:]...), nil
		}
		if err != nil {
			return nil, err
		}
		if len(row) != len(names) {
			return nil, t.fail("a row of %d values for %d columns", len(row), len(names))
		}
		for i, l := range row {
			if l.Kind != String || l.Charset != "" || !c.text[strings.ToLower(names[i])] {
				continue
			}
			out = append(append(out, sql[done:l.at]...), "_utf8mb4"...)
			done = l.at
		}
	}
}
