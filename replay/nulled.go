package replay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/replay/cascade"
)

// MySQL from 9.6 on logs the rows that ON DELETE SET NULL changed before the deleted one. A row that refers to itself is logged as such
// a change, too, and then as deleted with the image that it had before: in a table without a key nothing is like that any more.

// nulled is a change that a statement made before, of which a deletion may not know.
type nulled struct {
	table      *binlog.TableMap
	old        []byte // before-image
	after, raw []byte // bitmap of columns, after-image
}

// twiceMost is how many deletions of a statement are remembered; of more, those that are logged twice count as rows that were not there.
const twiceMost = 1 << 20

// note keeps an update until its statement ends, and of a deletion that it was.
func (s *serial) note(shape *target.Shape, rows *binlog.Rows, r *binlog.RowReader) {
	if rows.Kind == binlog.Delete && cascade.MayGoTwice(shape.Def) && len(s.deleted) < twiceMost {
		s.deleted[digest(shape.Def.Name, r.Old.Raw)] = true
	}
	if rows.Kind == binlog.Update && shape.Key == nil && cascade.RefersToItself(shape.Def) {
		s.nulled = append(s.nulled, nulled{rows.Table, bytes.Clone(r.Old.Raw), bytes.Clone(rows.After), bytes.Clone(r.New.Raw)})
	}
}

// goneBefore reports that the statement has deleted this very row already.
func (s *serial) goneBefore(shape *target.Shape, r *binlog.RowReader) bool {
	return s.deleted[digest(shape.Def.Name, r.Old.Raw)]
}

func digest(table string, raw []byte) [16]byte {
	sum := sha256.Sum256(append([]byte(table+"\x00"), raw...))
	return [16]byte(sum[:16])
}

// ended forgets them.
func (s *serial) ended(rows *binlog.Rows) {
	if rows.Flags&binlog.RowsStatementEnd != 0 {
		s.nulled = s.nulled[:0]
		clear(s.deleted)
	}
}

// deleteNulled deletes the row that the before-image describes as it was before the same statement changed it.
func (s *serial) deleteNulled(ctx context.Context, shape *target.Shape, r *binlog.RowReader) (int64, error) {
	for i := len(s.nulled) - 1; i >= 0; i-- {
		one := &s.nulled[i]
		if one.table.Table != shape.Def.Name || !bytes.Equal(one.old, r.Old.Raw) {
			continue
		}
		var now binlog.Image
		if err := now.Cut(one.table, one.after, one.raw); err != nil {
			return 0, err
		}
		row := binlog.Image{Cols: slices.Clone(r.Old.Cols), State: slices.Clone(r.Old.State)}
		for k, state := range now.State {
			if state != binlog.Absent {
				row.Cols[k], row.State[k] = now.Cols[k], state
			}
		}
		s.nulled = slices.Delete(s.nulled, i, i+1)
		text, err := shape.AppendOne(s.buf[:0], binlog.Delete, &row, nil, false)
		if err != nil {
			return 0, err
		}
		s.buf = text
		return s.c.ExecBytes(ctx, text)
	}
	return 0, nil
}
