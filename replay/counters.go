package replay

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/replay/cascade"
)

// counters puts AUTO_INCREMENT where the source had it, also when the last rows were deleted again; and behind the last row, where updates gave rows
// their values: InnoDB before MySQL 8.0 does not move it then.
func (r *runner) counters(ctx context.Context) error {
	tables := maps.Collect(r.st.Auto.all())
	updated := maps.Collect(r.st.Moved.all())
	for table := range r.st.Lanes.all() {
		updated[table]++
	}
	for table := range updated {
		tables[table] = r.st.Auto.get(table)
	}
	for table, last := range tables {
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
			if err := r.ddl.Row(ctx, "SELECT CAST(IFNULL(MAX(IF("+quoteDB(c.Name)+">0,"+quoteDB(c.Name)+",0)),0) AS UNSIGNED) FROM "+name, &top); err != nil {
				return err
			}
			if top >= last && (updated[table] == 0 || !strings.EqualFold(def.Engine, "InnoDB")) {
				continue
			}
			// The counter may be higher than any row that the log shows: the backup says so, or a statement did.
			now, err := r.counter(ctx, table)
			if err != nil {
				return err
			}
			if next := nextAuto(&c, max(top, last)); max(top, last) > 0 && now < next {
				if err := r.ddl.Exec(ctx, fmt.Sprintf("ALTER TABLE %s AUTO_INCREMENT=%d", name, next)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

var autoIncrement = regexp.MustCompile(`\bAUTO_INCREMENT=(\d+)`)

// counter is what a table's next row gets, as far as its definition shows it.
func (r *runner) counter(ctx context.Context, table string) (uint64, error) {
	text, err := r.srv.ShowCreate(ctx, r.p.Into, table)
	if err != nil {
		return 0, err
	}
	if at := strings.LastIndex(text, "\n)"); at >= 0 {
		if m := autoIncrement.FindStringSubmatch(text[at:]); m != nil {
			return strconv.ParseUint(m[1], 10, 64)
		}
	}
	return 0, nil
}

// nextAuto is what a counter says when last was its greatest value: it stays at the greatest that the column holds.
func nextAuto(c *schema.Column, last uint64) uint64 {
	bits := 8 * cascade.FixedBytes(c)
	if bits > 0 && !c.Unsigned {
		bits--
	}
	if bits > 0 && last >= 1<<bits-1 {
		return last
	}
	return last + 1
}
