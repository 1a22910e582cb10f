package replay

import (
	"fmt"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/replay/cascade"
)

// formless says why a table is unfit.
const formless = "a foreign key's value is text of other than printable ASCII, or ends with a space"

// formed makes sure that the log has what rows go along by in the forms that their definitions say: times in tables of MySQL before 5.6.4 have others.
func (r *runner) formed(t *tableFold) error {
	var columns []int
	for _, k := range r.fks.along.Parents[t.name] {
		columns = append(columns, k.Columns...)
	}
	for _, k := range r.fks.along.Children[t.name] {
		columns = append(columns, k.Refs...)
	}
	for _, i := range columns {
		c := &t.shape.Def.Columns[i]
		got, want := &t.shape.Columns[i], target.KeyColumn(c)
		if cascade.LikenessOf(c) == cascade.Fixed && (got.Type != want.Type || got.Meta != want.Meta) {
			return &unfit{t.name, fmt.Sprintf("the log has column %s in an old form", c.Name)}
		}
	}
	return nil
}

// join joins the forms of what an image has in some columns, those of the child's row or of the parent's; false where one is NULL.
func join(k *cascade.Key, dst []byte, im *binlog.Image, shape *target.Shape, columns []int) (_ []byte, ok bool, err error) {
	for _, i := range columns {
		if im.State[i] != binlog.Present {
			return dst, false, nil
		}
	}
	for n, i := range columns {
		content, err := shape.Columns[i].Content(im.Cols[i])
		if err != nil {
			return dst, false, err
		}
		if dst, ok = k.Like[n].Append(dst, content); !ok {
			return dst, false, &unfit{k.Child, formless}
		}
	}
	return dst, true, nil
}
