package replay

import (
	"context"
	"errors"
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/internal/target/folder"
	"lifeboat/replay/plan"
)

// partials makes the partial tables that the plan asks for. They are the last tables, and made anew after a stop: their names are in the
// checkpoint before any of them is on the target, so none is dropped that is not one.
func (r *runner) partials(ctx context.Context) error {
	if !r.p.WantsPartial() || r.p.Start.IsZero() {
		return nil
	}
	c, err := r.srv.Conn(ctx, r.p.Into)
	if err != nil {
		return err
	}
	defer func() { c.Close() }()
	for _, name := range r.st.Partials {
		if err := dropPartial(ctx, c, name); err != nil {
			return err
		}
	}
	all, err := sight(ctx, r.p, r.src, r.o.Memory, func(done, total int64, at binlog.Position) {
		r.progress(func(p *Progress) {
			*p = Progress{Phase: PhasePartial, Unit: "bytes", Done: done, Total: total, Position: at}
		})
	})
	if err != nil {
		return err
	}
	r.st.Partials = nil
	for _, x := range all {
		r.st.Partials = append(r.st.Partials, x.name)
	}
	if err := r.cp.save(ctx, r.st); err != nil {
		return err
	}
	for _, x := range all {
		if x.lost == "" {
			r.progress(func(p *Progress) {
				*p = Progress{Phase: PhasePartial, Unit: "tables", Done: int64(len(r.result.Partial)), Total: int64(len(all))}
			})
			err := x.write(ctx, c, r.p)
			switch {
			case err == nil:
				r.result.Partial = append(r.result.Partial, x.result())
				continue
			case ctx.Err() != nil, target.Transient(err), errors.Is(err, target.ErrDiskFull):
				return err
			}
			// The server does not take it. The rest of the restore does not hang on it.
			if err := dropPartial(ctx, c, x.name); err != nil {
				return err
			}
			x.lost = err.Error()
		}
		r.incomplete("%s", x.notTold())
	}
	return nil
}

// PhasePartial is reported while partial tables are made.
const PhasePartial = "partial tables"

func dropPartial(ctx context.Context, c *target.Conn, name string) error {
	return c.Exec(ctx, "DROP TABLE IF EXISTS "+quoteDB(name))
}

// write makes the table and its rows.
func (x *sighting) write(ctx context.Context, c *target.Conn, p *plan.Plan) error {
	if err := c.Run(ctx, p.Into, x.rows.Create(x.name, x.comment(p)), partialSession); err != nil {
		return err
	}
	head := x.rows.Head(quoteDB(p.Into) + "." + quoteDB(x.name))
	var buf []byte
	rows, zeros := 0, 0
	send := func() error {
		if rows == 0 {
			return nil
		}
		_, err := c.ExecRows(ctx, buf, zeros)
		buf, rows, zeros = buf[:0], 0, 0
		return err
	}
	err := x.rows.Rows(func(values []byte, errors int) error {
		if rows > 0 && len(buf)+len(values) > batchBytes {
			if err := send(); err != nil {
				return err
			}
		}
		if rows == 0 {
			buf = append(buf, head...)
		} else {
			buf = append(buf, ',')
		}
		buf = append(buf, values...)
		rows++
		zeros += errors
		return nil
	})
	if err != nil {
		return err
	}
	return send()
}

// partialSession is what the statement of a partial table is written for.
var partialSession = []string{"SET NAMES utf8mb4", "SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"}

// partials reads the partial tables for a dump, in what memory the folds leave.
func (b *rebuild) partials(ctx context.Context) error {
	if !b.p.WantsPartial() || b.p.Start.IsZero() {
		return nil
	}
	all, err := sight(ctx, b.p, b.src, b.o.Memory-b.fold.bytes, func(done, total int64, at binlog.Position) {
		b.at = Progress{Phase: PhasePartial, Unit: "bytes", Done: done, Total: total, Position: at}
		b.report()
	})
	for _, x := range all {
		if x.lost != "" {
			b.result.Incomplete = append(b.result.Incomplete, x.notTold())
			continue
		}
		b.sighted = append(b.sighted, x)
		b.result.Partial = append(b.result.Partial, x.result())
	}
	return err
}

// dumpPartial makes the partial tables in the dump, dumpPartialRows their rows: in a dump every table comes before the first row.
func (b *rebuild) dumpPartial(out *folder.Folder) error {
	for _, x := range b.sighted {
		if err := out.Table(x.name, []folder.Statement{{Set: slices.Clone(partialSession), SQL: x.rows.Create(x.name, x.comment(b.p))}}); err != nil {
			return err
		}
	}
	return nil
}

func (b *rebuild) dumpPartialRows(out *folder.Folder) error {
	for _, x := range b.sighted {
		head := x.rows.Head(quoteDB(x.name))
		if err := x.rows.Rows(func(values []byte, _ int) error { return out.Row(x.name, head, values) }); err != nil {
			return err
		}
	}
	return nil
}
