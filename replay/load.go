package replay

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// analyzeFrom is how many rows of a table a window must touch for its statistics to be made again.
const analyzeFrom = 100

// analyze has the target measure the tables that a window looks rows up in. InnoDB does so by itself, but seconds after the
// rows came: of a table that was just loaded it knows nothing, takes it for empty, and tries every key of a batch on every row
// instead of looking it up by its index. The statistics take milliseconds, whatever the table's size.
func (r *runner) analyze(ctx context.Context, f *fold) error {
	var names []string
	for name, t := range f.tables {
		if strings.EqualFold(t.shape.Def.Engine, "InnoDB") && (len(t.entries) >= analyzeFrom || t.looked || !r.analyzed[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		t := f.tables[name]
		if t.merged != nil && !t.merged.plain.Load() || !t.looked && !slices.ContainsFunc(t.entries, func(e entry) bool { return e.was || e.gone }) {
			continue // nothing to look up
		}
		if err := r.analyzeTable(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) analyzeTable(ctx context.Context, t *tableFold) error {
	if err := r.ddl.Exec(ctx, "ANALYZE NO_WRITE_TO_BINLOG TABLE "+t.shape.Name()); err != nil {
		return fmt.Errorf("making the statistics of %s: %w", t.shape.Name(), err)
	}
	r.analyzed[t.name] = true
	return nil
}
