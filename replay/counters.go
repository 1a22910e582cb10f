package replay

import (
	"context"
	"fmt"
	"strings"

	"lifeboat/internal/schema"
)

// counters puts AUTO_INCREMENT where the source had it, also when the last rows were deleted again.
func (r *runner) counters(ctx context.Context) error {
	for table, last := range r.st.Auto.all() {
		def, err := r.srv.Table(ctx, r.p.Into, table)
		if err != nil {
			return err
		}
		if def == nil {
			continue
		}
		for _, c := range def.Columns {
			if !c.AutoIncrement {
				continue
			}
			name := quoteDB(r.p.Into) + "." + quoteDB(table)
			var top uint64
			if err := r.ddl.Row(ctx, "SELECT IFNULL(MAX(IF("+quoteDB(c.Name)+">0,"+quoteDB(c.Name)+",0)),0) FROM "+name, &top); err != nil {
				return err
			}
			if top < last {
				if err := r.ddl.Exec(ctx, fmt.Sprintf("ALTER TABLE %s AUTO_INCREMENT=%d", name, nextAuto(&c, last))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// nextAuto is what a counter says when last was its greatest value: it stays at the greatest that the column holds.
func nextAuto(c *schema.Column, last uint64) uint64 {
	bits := map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}[strings.ToLower(c.DataType)]
	if bits > 0 && !c.Unsigned {
		bits--
	}
	if bits > 0 && last >= 1<<bits-1 {
		return last
	}
	return last + 1
}
