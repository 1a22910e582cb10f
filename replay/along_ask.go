package replay

import (
	"database/sql"
	"strings"

	"lifeboat/internal/target"
	"lifeboat/internal/value"
	"lifeboat/replay/cascade"
)

// selection reads some columns of rows.
type selection struct {
	shape *target.Shape
	cols  []int
	texts []sql.NullString
	dest  []any
	at    int
}

func (s *selection) add(cols []int) { s.cols = append(s.cols, cols...) }

// text is the query of all rows that refer to one of some values; without values, of all rows.
func (s *selection) text(k *cascade.Key, values []string) (string, error) {
	s.texts = make([]sql.NullString, len(s.cols))
	var names []string
	for n, i := range s.cols {
		s.dest = append(s.dest, &s.texts[n])
		c := &s.shape.Def.Columns[i]
		names = append(names, value.Exactly(c.DataType, quoteDB(c.Name)))
	}
	text := "SELECT " + strings.Join(names, ", ") + " FROM " + s.shape.Name()
	if len(values) == 0 {
		return text, nil
	}
	rows, err := either(k, s.shape, values)
	return text + " WHERE " + rows, err
}

// next is the next column's value as an image has it; nil is NULL.
func (s *selection) next() (c int, raw []byte, err error) {
	c, text := s.cols[s.at], &s.texts[s.at]
	if s.at++; !text.Valid {
		return c, nil, nil
	}
	raw, err = s.shape.Columns[c].AppendAnswer(nil, []byte(text.String))
	return c, raw, err
}

// key is made of the next n columns, as an image has them.
func (s *selection) key(n int) (out []byte, err error) {
	for ; n > 0 && err == nil; n-- {
		var raw []byte
		_, raw, err = s.next()
		out = append(out, raw...)
	}
	return out, err
}

// value is what the next columns come to for a foreign key; nil where one is NULL.
func (s *selection) value(k *cascade.Key) ([]byte, error) {
	out, null, formed := []byte{}, false, true
	for _, l := range k.Like {
		c, raw, err := s.next()
		if err == nil && raw != nil {
			raw, err = s.shape.Columns[c].Content(raw)
		}
		if err != nil {
			return nil, err
		}
		var ok bool
		out, ok = l.Append(out, raw)
		null, formed = null || raw == nil, formed && ok
	}
	switch {
	case null:
		return nil, nil
	case !formed:
		return nil, &unfit{k.Child, formless}
	}
	return out, nil
}

// either is the condition that rows refer to one of some values. Rows of several columns are written as every server reads them by index.
func either(k *cascade.Key, shape *target.Shape, values []string) (string, error) {
	var each []string
	for _, v := range values {
		var equal []string
		for n, i := range k.Columns {
			content, rest, err := k.Like[n].Cut(v, &shape.Columns[i])
			if err != nil {
				return "", err
			}
			literal, err := shape.Columns[i].AppendContentLiteral(nil, []byte(content))
			if err != nil {
				return "", err
			}
			if v = rest; len(k.Columns) == 1 {
				each = append(each, string(literal))
				continue
			}
			equal = append(equal, quoteDB(shape.Def.Columns[i].Name)+"="+string(literal))
		}
		if len(k.Columns) > 1 {
			each = append(each, "("+strings.Join(equal, " AND ")+")")
		}
	}
	if len(k.Columns) == 1 {
		return quoteDB(shape.Def.Columns[k.Columns[0]].Name) + " IN (" + strings.Join(each, ",") + ")", nil
	}
	return strings.Join(each, " OR "), nil
}
