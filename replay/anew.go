package replay

import (
	"cmp"
	"context"
	"errors"
)

// unfit is met where a table turns out not to fold.
type unfit struct{ table, why string }

func (e *unfit) Error() string { return "table " + e.table + ": " + e.why }

// errAnew ends a try whose window begins anew, with a table that does not fold any more.
var errAnew = errors.New("the window begins anew")

// anew begins the window anew where a table is unfit. Nothing that it folds is written yet: rows are looked for on the target before any is.
func (r *runner) anew(ctx context.Context, err error) error {
	var one *unfit
	if !errors.As(err, &one) {
		return err
	}
	r.st.Unfit.set(one.table, one.why)
	return cmp.Or(r.cp.save(ctx, r.st), errAnew)
}
