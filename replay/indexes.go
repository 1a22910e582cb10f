package replay

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/schema"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// InnoDB builds an index of rows that are there by sorting, and fills its pages from left to right. Kept up while rows come, an index whose
// order is not theirs is searched for each of them, and read and written over and over where it does not fit into the buffer pool.
// So the merge takes the plain indexes of larger tables away while these are empty, and adds them when the rows are there.
//
// Unique keys stay: what collides must collide where it is written. So do all indexes of tables with foreign keys, which need some.

// LaterIndexes are what a table lacks while its rows are loaded.
type LaterIndexes struct {
	Create string   // the table as SHOW CREATE prints it, complete
	Keys   []string // the lines of it that are taken away
}

// indexesLaterFrom is the size of a table's rows in the snapshot, in bytes, from which building its indexes afterwards pays for two ALTER TABLE.
const indexesLaterFrom = 8 << 20

func (o *Options) indexesLaterFrom() int64 {
	if o.IndexesLaterFrom > 0 {
		return o.IndexesLaterFrom
	}
	return indexesLaterFrom
}

// dropIndexes takes away what is built when the rows are there. The intent is noted first: a stop leaves a note of every index that is gone.
func (r *runner) dropIndexes(ctx context.Context) error {
	bound, err := r.srv.ForeignKeyTables(ctx, r.p.Into)
	if err != nil {
		return err
	}
	for _, t := range r.src.Snapshot.Index().Tables {
		if t.View || !r.wants(t.Name) || t.Bytes < r.o.indexesLaterFrom() || slices.Contains(bound, t.Name) || r.otherCase(t.Name) {
			continue
		}
		if err := r.dropIndexesOf(ctx, &t); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) dropIndexesOf(ctx context.Context, t *snapshot.Table) error {
	later, noted := r.st.LaterIndexes.get(t.Name), r.st.LaterIndexes.has(t.Name)
	if !noted {
		def, err := r.srv.Table(ctx, r.p.Into, t.Name)
		if err != nil || def == nil || plan.Unmergeable(def) != "" {
			return err
		}
		if _, keyed := def.RowKey(); !keyed {
			return nil // its rows are looked for by all they hold
		}
		create, err := r.srv.ShowCreate(ctx, r.p.Into, t.Name)
		if err != nil {
			return err
		}
		later = LaterIndexes{Create: create, Keys: plainKeys(def, create)}
		if len(later.Keys) == 0 {
			return nil
		}
		r.st.LaterIndexes.set(t.Name, later)
		if err := r.cp.save(ctx, r.st); err != nil {
			return err
		}
	}
	_, there, err := r.indexesOf(ctx, t.Name, &later)
	if err != nil {
		return err
	}
	for i, line := range there {
		there[i] = "DROP KEY " + keyLine.FindStringSubmatch(line)[1]
	}
	return r.alter(ctx, t.Name, there)
}

// indexesOf tells which of a table's later indexes are missing, and which are there.
func (r *runner) indexesOf(ctx context.Context, name string, later *LaterIndexes) (missing, there []string, err error) {
	now, err := r.srv.ShowCreate(ctx, r.p.Into, name)
	if err != nil {
		return nil, nil, err
	}
	lines := keyLines(now)
	for _, k := range later.Keys {
		if slices.Contains(lines, k) {
			there = append(there, k)
		} else {
			missing = append(missing, k)
		}
	}
	return missing, there, nil
}

// alter makes several changes to a table's indexes in one go, on a session of its own.
func (r *runner) alter(ctx context.Context, name string, changes []string) error {
	if len(changes) == 0 {
		return nil
	}
	c, err := r.srv.Conn(ctx, "")
	if err != nil {
		return err
	}
	defer c.Close()
	text := "ALTER TABLE " + quoteDB(r.p.Into) + "." + quoteDB(name) + " " + strings.Join(changes, ", ")
	if err := c.Run(ctx, "", []byte(text), nil); err != nil {
		return fmt.Errorf("indexes of table %s: %w", name, err)
	}
	return nil
}

// addIndexes builds what was taken away, several tables side by side, and makes sure that each table is what it was.
func (r *runner) addIndexes(ctx context.Context) error {
	if r.st.LaterIndexes.len() == 0 {
		return nil
	}
	before := r.at
	r.progress(func(p *Progress) {
		*p = Progress{Phase: "build indexes", Unit: "tables", Total: int64(r.st.LaterIndexes.len())}
	})
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.st.Workers)
	for name, later := range r.st.LaterIndexes.all() {
		g.Go(func() error {
			if err := r.addIndexesOf(gctx, name, &later); err != nil {
				return err
			}
			r.progress(func(p *Progress) { p.Done++ })
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	r.progress(func(p *Progress) { *p = before })
	r.st.LaterIndexes.clear() // saved with the step that this ends
	return nil
}

func (r *runner) addIndexesOf(ctx context.Context, name string, later *LaterIndexes) error {
	missing, _, err := r.indexesOf(ctx, name, later)
	if err != nil {
		return err
	}
	for i, line := range missing {
		missing[i] = "ADD " + line
	}
	if err := r.alter(ctx, name, missing); err != nil {
		return err
	}
	now, err := r.srv.ShowCreate(ctx, r.p.Into, name)
	if err != nil {
		return err
	}
	if want := withoutCounter(later.Create); withoutCounter(now) != want {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.incomplete("table %s: its definition reads otherwise since its indexes were built behind the rows: it was %s", name, want)
	}
	return nil
}

// keyLine is the line of a plain index in what SHOW CREATE TABLE prints. An index of another name or with a comment that is not
// plain text is left alone.
var keyLine = regexp.MustCompile("^KEY (`[0-9A-Za-z_$]+`) \\([ -~]+$")

// keyLines are the lines of a table's text, without indentation and comma.
func keyLines(create string) []string {
	lines := strings.Split(create, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(strings.TrimSpace(l), ",")
	}
	return lines
}

// plainKeys are the lines of the indexes that can wait: those without which the server would not have the table are left out. Where a
// line cannot wait, those behind it cannot either, since the order in which they stand is that in which they were made.
func plainKeys(def *schema.Table, create string) (out []string) {
	for _, l := range keyLines(create) {
		waits := keyLine.MatchString(l) && !countsBy(def, keyLine.FindStringSubmatch(l)[1])
		switch {
		case waits:
			out = append(out, l)
		case len(out) > 0 && keyed.MatchString(l):
			return nil
		}
	}
	return out
}

var keyed = regexp.MustCompile("^([A-Z]+ )?KEY ")

// countsBy reports an index, given by its quoted name, that an AUTO_INCREMENT column needs.
func countsBy(def *schema.Table, name string) bool {
	for _, k := range def.Keys {
		if schema.QuoteIdent(k.Name) != name {
			continue
		}
		return slices.ContainsFunc(k.Columns, func(p schema.KeyPart) bool {
			c, ok := def.Column(p.Name)
			return ok && c.AutoIncrement
		})
	}
	return true // not known: it stays
}

var counterOption = regexp.MustCompile(` AUTO_INCREMENT=[0-9]+`)

// withoutCounter is a table's text without the counter, which rows move.
func withoutCounter(create string) string { return counterOption.ReplaceAllString(create, "") }
