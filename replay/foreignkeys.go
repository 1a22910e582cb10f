package replay

import (
	"cmp"
	"context"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/replay/cascade"
	"lifeboat/replay/plan"
)

// foreignKeys is what the lanes depend on, as of the last DDL statement.
type foreignKeys struct {
	serial  map[string]string
	along   *cascade.Along
	parents map[string]setOff
	named   map[string]bool // tables that foreign keys refer to, in lower case
	tied    map[string]bool // and those that have foreign keys
}

func (r *runner) loadForeignKeys(ctx context.Context) error {
	if r.fks != nil {
		return nil
	}
	fks, err := r.srv.ForeignKeys(ctx, r.p.Into)
	if err != nil {
		return err
	}
	r.fks = &foreignKeys{tied: map[string]bool{}}
	for child, keys := range fks {
		r.fks.tied[strings.ToLower(child)] = true
		for i := range keys {
			r.fks.tied[strings.ToLower(keys[i].RefTable)] = true
		}
	}
	if cascade.Logged(r.format.MariaDB, r.format.VersionNumber()) {
		return nil
	}
	for child, keys := range fks {
		if r.wants(child) {
			for _, line := range r.p.UnsaidAlong(child, keys) {
				r.incomplete("%s", line)
			}
		}
	}
	r.fks.parents, r.fks.named = cascadeParents(fks), map[string]bool{}
	for _, keys := range fks {
		for i := range keys {
			r.fks.named[strings.ToLower(keys[i].RefTable)] = true
		}
	}
	acts := map[string]cascade.Activity{}
	for table := range r.fks.parents {
		if acts[table], err = r.activity(ctx, table); err != nil {
			return err
		}
	}
	did := func(t string) cascade.Activity { return acts[t] }
	r.fks.serial = cascade.Serial(fks, r.format.MariaDB, r.format.VersionNumber(), did)
	return r.loadAlong(ctx, fks, did)
}

// loadAlong finds the tables that fold although foreign keys with actions tie them together. Over a base of unknown date none does: it may be
// as it was at any place of the log.
func (r *runner) loadAlong(ctx context.Context, fks map[string][]schema.ForeignKey, acts func(string) cascade.Activity) error {
	if !r.p.Exact || r.st.Serial || len(r.fks.serial) == 0 {
		return nil
	}
	defs := map[string]*schema.Table{}
	for name := range r.fks.serial {
		def, err := r.srv.Table(ctx, r.p.Into, name)
		if err != nil {
			return err
		}
		defs[name] = def
	}
	r.fks.along = cascade.GoAlong(fks, r.fks.serial, []string{r.p.Into}, func(name string) (*schema.Table, string) {
		def := defs[name]
		if def == nil {
			return nil, ""
		}
		_, keyed := def.RowKey()
		return def, cmp.Or(r.ownReason(name, def, keyed), r.st.Unfit.get(name))
	}, acts, r.p.InPart)
	return nil
}

// activity is what the log does to the rows of a table that foreign keys with actions refer to.
func (r *runner) activity(ctx context.Context, table string) (cascade.Activity, error) {
	a := r.p.Activity(table, true)
	if !a.Updates || a.Moves {
		return a, nil
	}
	def, err := r.srv.Table(ctx, r.p.Into, table)
	if err != nil {
		return a, err
	}
	if def == nil { // dropped, with checks off: its children keep the foreign key
		a.Moves = true
		return a, nil
	}
	_, keyed := def.RowKey()
	a.Moves = r.st.Serial || r.st.Moved.get(table) >= mostMoves(r.p, table) || plan.KeyReason(def, keyed) != "" || r.p.InPart(table) && r.partReason(def) != ""
	return a, nil
}
