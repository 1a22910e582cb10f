package target

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
)

// Row is what rendering needs of a row image: a column's bytes, nil where it is NULL, and whether the
// image has it at all. *binlog.Image is one.
type Row = binlog.Image

// Name is the table's quoted name with its database.
func (s *Shape) Name() string { return s.name }

// AppendInsert begins an INSERT; rows follow with AppendRow, comma separated.
func (s *Shape) AppendInsert(dst []byte) []byte { return append(dst, s.insert...) }

// AppendUpsert ends an INSERT so that rows that are there take the new values. It must not be used where
// another unique key could match instead: see Uniques.
func (s *Shape) AppendUpsert(dst []byte) []byte { return append(dst, s.update...) }

// AppendRow appends the values of a complete image in parentheses.
func (s *Shape) AppendRow(dst []byte, row *Row) ([]byte, error) {
	dst, err := s.appendValues(append(dst, '('), row, nil)
	return append(dst, ')'), err
}

// AppendInserted is AppendRow of an image that was inserted without the columns that took their default.
func (s *Shape) AppendInserted(dst []byte, row *Row) ([]byte, error) {
	dst, err := s.appendValues(append(dst, '('), row, s.byDefault)
	return append(dst, ')'), err
}

// appendValues appends an image's values, comma separated, and what absent says of those that it does not have; without it they are an error.
func (s *Shape) appendValues(dst []byte, row *Row, absent func(i int) string) (_ []byte, err error) {
	for n, i := range s.Writable {
		if n > 0 {
			dst = append(dst, ',')
		}
		if absent != nil && row.State[i] == binlog.Absent {
			dst = append(dst, absent(i)...)
		} else if dst, err = s.literal(dst, row, i); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// AppendAmong appends the values of a complete image in parentheses, for an INSERT that names these columns and a session of any
// character set. Columns that the server computes are left to it.
func (s *Shape) AppendAmong(dst []byte, row *Row, cols []int) ([]byte, error) {
	dst = append(dst, '(')
	var err error
	for n, i := range cols {
		if n > 0 {
			dst = append(dst, ',')
		}
		switch {
		case !s.Def.Columns[i].Writable():
			dst = append(dst, "DEFAULT"...)
		case row.State[i] == binlog.Present:
			if dst, err = s.Columns[i].AppendIntroduced(dst, row.Cols[i]); err != nil {
				return dst, fmt.Errorf("column %s of %s: %w", s.quoted[i], s.name, err)
			}
		default:
			if dst, err = s.literal(dst, row, i); err != nil {
				return dst, err
			}
		}
	}
	return append(dst, ')'), nil
}

// EnumZeros counts the values of a row that a server stores only with a warning: see Conn.ExecRows.
func (s *Shape) EnumZeros(row *Row) (n int) {
	for _, i := range s.enums {
		if row.State[i] == binlog.Present && s.Columns[i].StoresWithWarning(row.Cols[i]) {
			n++
		}
	}
	return n
}

func (s *Shape) literal(dst []byte, row *Row, i int) ([]byte, error) {
	switch row.State[i] {
	case binlog.Null:
		return append(dst, "NULL"...), nil
	case binlog.Absent:
		return dst, fmt.Errorf("%w: column %s is not in the row image", ErrShape, s.quoted[i])
	}
	dst, err := s.Columns[i].AppendLiteral(dst, row.Cols[i])
	if err != nil {
		return dst, fmt.Errorf("column %s of %s: %w", s.quoted[i], s.name, err)
	}
	return dst, nil
}

// AppendByKey begins a statement about rows by key, with DELETE or SELECT and what to select for its head; keys follow with AppendKey,
// then AppendByKeyEnd.
func (s *Shape) AppendByKey(dst []byte, head string) []byte {
	dst = append(append(dst, head...), " FROM "...)
	dst = append(dst, s.name...)
	dst = append(dst, " WHERE "...)
	if len(s.Key) == 1 {
		dst = append(dst, s.quoted[s.Key[0]]...)
		dst = append(dst, " IN ("...)
	}
	return dst
}

// AppendKey appends the n-th key of the list that AppendByKey began. Keys of several columns are
// written as (a=1 AND b=2) OR …, which every server reads by index; row constructors they do not.
func (s *Shape) AppendKey(dst []byte, n int, cols [][]byte) ([]byte, error) {
	sep, single := " OR ", len(s.Key) == 1
	if single {
		sep = ","
	}
	if n > 0 {
		dst = append(dst, sep...)
	}
	if single {
		return s.keyLiteral(dst, s.Key[0], cols[0])
	}
	dst, err := s.AppendKeyMatch(append(dst, '('), cols)
	return append(dst, ')'), err
}

// AppendKeyMatch appends the condition that a row has the key.
func (s *Shape) AppendKeyMatch(dst []byte, cols [][]byte) (_ []byte, err error) {
	for k, i := range s.Key {
		if k > 0 {
			dst = append(dst, " AND "...)
		}
		dst = append(append(dst, s.quoted[i]...), '=')
		if dst, err = s.keyLiteral(dst, i, cols[k]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (s *Shape) keyLiteral(dst []byte, i int, raw []byte) ([]byte, error) {
	dst, err := s.Columns[i].AppendKeyLiteral(dst, raw)
	if err != nil {
		return dst, fmt.Errorf("key column %s of %s: %w", s.quoted[i], s.name, err)
	}
	return dst, nil
}

// AppendByKeyEnd ends the list of keys.
func (s *Shape) AppendByKeyEnd(dst []byte) []byte {
	if len(s.Key) == 1 {
		return append(dst, ')')
	}
	return dst
}

// AppendOne renders one row change as a statement of its own, for the serial lane. A table without a
// key is matched by the whole before-image, one row only.
//
// MariaDB logs a REPLACE that meets one row as that row's update, and leaves the columns that took their default out of a MINIMAL
// or NOBLOB after-image: with replaced, those that the image does not have are set to it.
func (s *Shape) AppendOne(dst []byte, kind binlog.Change, old, new *Row, replaced bool) ([]byte, error) {
	switch kind {
	case binlog.Insert:
		return s.appendInsertOne(dst, new)
	case binlog.Delete:
		dst = append(append(dst, "DELETE FROM "...), s.name...)
		return s.appendWhere(dst, old)
	}
	dst = append(append(dst, "UPDATE "...), s.name...)
	dst = append(dst, " SET "...)
	var err error
	var changed []int
	n := 0
	for _, i := range s.Writable {
		absent := new.State[i] == binlog.Absent
		if absent && (!replaced || s.Def.Columns[i].AutoIncrement) {
			continue
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		n++
		dst = append(append(dst, s.quoted[i]...), '=')
		if absent {
			dst = append(dst, s.byDefault(i)...)
			continue
		}
		if new.Diffs != nil && new.Diffs[i] && new.State[i] == binlog.Present {
			if dst, err = s.Columns[i].AppendJSONChange(dst, s.quoted[i], new.Cols[i]); err != nil {
				return dst, fmt.Errorf("column %s of %s: %w", s.quoted[i], s.name, err)
			}
			changed = append(changed, i)
			continue
		}
		if dst, err = s.literal(dst, new, i); err != nil {
			return dst, err
		}
	}
	if n == 0 {
		return nil, nil // only generated columns changed: they follow from the others
	}
	return s.appendWhere(dst, old, changed...)
}

// appendInsertOne renders an insertion. Into a sequence it is a step, which takes the place of the only row: what an incomplete image leaves out is as it was.
func (s *Shape) appendInsertOne(dst []byte, row *Row) ([]byte, error) {
	if !s.Def.Sequence || has(row, s.Writable) {
		return s.AppendInserted(s.AppendInsert(dst), row)
	}
	dst = append(append(dst, strings.TrimSuffix(s.insert, "VALUES ")...), "SELECT "...)
	dst, err := s.appendValues(dst, row, func(i int) string { return s.quoted[i] })
	return append(append(dst, " FROM "...), s.name...), err
}

// byDefault is what a column gets that an insertion gives no value. One without a default took that of its type, as the source let it, and this
// session's strict mode would not.
func (s *Shape) byDefault(i int) string {
	c := &s.Def.Columns[i]
	if c.Nullable || c.Default != "" || c.AutoIncrement {
		return "DEFAULT"
	}
	if strings.EqualFold(c.DataType, "json") {
		return "_utf8mb4'null'"
	}
	return cmp.Or(c.Implicit(), "DEFAULT")
}

// AppendDeleteSome renders the deletion of rows of a table without a key: n of those that are all that the image says, or as many as there are.
func (s *Shape) AppendDeleteSome(dst []byte, row *Row, n int64) ([]byte, error) {
	dst = append(append(dst, "DELETE FROM "...), s.name...)
	dst, err := s.appendMatch(dst, row)
	return fmt.Appendf(dst, " LIMIT %d", n), err
}

// appendWhere finds exactly one row: by its key where the image has it, else by all the image has. What is changed in part must have
// the value that the image says, where it says it.
func (s *Shape) appendWhere(dst []byte, row *Row, changed ...int) ([]byte, error) {
	dst, err := s.appendMatch(dst, row, changed...)
	return append(dst, " LIMIT 1"...), err
}

// AppendStoredCheck asks how many rows there are that have the image's values, and how many of those have its stored generated ones, too.
func (s *Shape) AppendStoredCheck(dst []byte, row *Row) ([]byte, error) {
	dst, err := s.appendAll(append(dst, "SELECT COUNT(*),COALESCE(SUM("...), row, s.Stored)
	if err != nil {
		return dst, err
	}
	dst = append(append(append(dst, "),0) FROM "...), s.name...), " WHERE "...)
	return s.appendAll(dst, row, s.matchable(row))
}

func (s *Shape) appendMatch(dst []byte, row *Row, changed ...int) ([]byte, error) {
	dst = append(dst, " WHERE "...)
	cols := s.Key
	if cols == nil || !has(row, cols) {
		cols = s.matchable(row)
	} else {
		cols = slices.Clone(cols)
		for _, i := range changed {
			if row.State[i] == binlog.Present {
				cols = append(cols, i)
			}
		}
	}
	if len(cols) == 0 {
		return dst, fmt.Errorf("%w: the before-image of %s names no column to find the row by", ErrShape, s.name)
	}
	return s.appendAll(dst, row, cols)
}

// appendAll appends the condition that all of some columns have the image's values.
func (s *Shape) appendAll(dst []byte, row *Row, cols []int) (_ []byte, err error) {
	for n, i := range cols {
		if n > 0 {
			dst = append(dst, " AND "...)
		}
		if dst, err = s.Columns[i].AppendMatch(dst, s.quoted[i], row.Cols[i]); err != nil {
			return dst, fmt.Errorf("column %s of %s: %w", s.quoted[i], s.name, err)
		}
	}
	return dst, nil
}

func has(row *Row, cols []int) bool {
	for _, i := range cols {
		if row.State[i] == binlog.Absent {
			return false
		}
	}
	return true
}

// matchable is every stored column in the image; virtual ones follow from the others.
func (s *Shape) matchable(row *Row) (out []int) {
	for _, i := range s.Writable {
		if row.State[i] != binlog.Absent {
			out = append(out, i)
		}
	}
	return out
}
