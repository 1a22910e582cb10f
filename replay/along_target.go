package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeboat/internal/target"
	"lifeboat/replay/cascade"
)

// victim is a row of the target that goes along: its key, and what others may refer to it by, for each foreign key; nil is NULL.
type victim struct {
	key  []byte
	refs [][]byte
}

// lookAlong looks the rows of the target up that go along, all that wait and what goes along with those.
//
// What is found is kept in the checkpoint: while the window is written, the target is no longer as it was at its beginning.
func (r *runner) lookAlong(ctx context.Context) error {
	g := &r.going
	for g.count > 0 {
		for _, k := range inOrder(g.values) {
			waiting := g.values[k]
			delete(g.values, k)
			g.count -= len(waiting)
			if err := r.lookFor(ctx, k, waiting); err != nil {
				return fmt.Errorf("rows that go along by foreign key %s: %w", k.ID, err)
			}
		}
	}
	return nil
}

// inOrder are the foreign keys of a map, by name: what is done for each is done in the same order by each run.
func inOrder[V any](of map[*cascade.Key]V) []*cascade.Key {
	return slices.SortedFunc(maps.Keys(of), func(a, b *cascade.Key) int { return strings.Compare(a.ID, b.ID) })
}

func (r *runner) lookFor(ctx context.Context, k *cascade.Key, waiting map[string]place) error {
	for some := range slices.Chunk(slices.Sorted(maps.Keys(waiting)), mostGoing) {
		found, err := r.victims(ctx, k, some)
		if err != nil {
			return err
		}
		if r.going.asked[k] == nil {
			r.going.asked[k] = map[string]bool{}
		}
		rows := 0
		for _, v := range some {
			r.going.asked[k][v] = true
			r.fold.bytes += int64(len(v)) + holderCost
			rows += len(found[v])
			for i := range found[v] {
				if err := r.victim(k, &found[v][i], waiting[v]); err != nil {
					return err
				}
			}
		}
		r.going.found(len(some), rows)
	}
	return nil
}

// victim takes a row of the target along, unless the fold knows it: what became of that is decided. If the log inserts it, it went before that.
func (r *runner) victim(k *cascade.Key, v *victim, at place) error {
	t, children := r.alongFold(k.Child), r.fks.along.Children[k.Child]
	if len(v.refs) != len(children) {
		return r.cp.damaged(errVictim)
	}
	if e, _, _ := t.locate(v.key); e != nil && !t.leavesOut(e, k) {
		if !e.was {
			e.was, e.left = true, true
		}
		return nil
	}
	if k.Forgets {
		r.going.forgot[k] = append(r.going.forgot[k], string(v.key))
		r.fold.bytes += int64(len(v.key)) + holderCost
		return nil
	}
	r.sized(t, func() { t.remove(t.entry(v.key, true, at)) })
	for i, child := range children {
		if v.refs[i] == nil {
			continue
		}
		if err := r.takeAlong(child, string(v.refs[i]), at); err != nil {
			return err
		}
	}
	return nil
}

// leavesOut reports the entry of a row that is as it was on the target in what it refers to by a foreign key: the log shows other columns of it.
func (t *tableFold) leavesOut(e *entry, k *cascade.Key) bool {
	return t.part != nil && !e.gone && !e.whole() && !showsAll(e.img, k.Columns)
}

// victims are the target's rows that refer to some values, as they were at the window's beginning.
func (r *runner) victims(ctx context.Context, k *cascade.Key, values []string) (map[string][]victim, error) {
	if r.st.To != nil && r.result.Resumed {
		return r.knownVictims(ctx, k, values)
	}
	if g := &r.going; !g.clean {
		if err := r.ddl.Exec(ctx, "DELETE FROM "+checkpointDB+".along WHERE db = "+target.Quote(r.p.Into)); err != nil {
			return nil, err
		}
		g.clean = true
	}
	out, err := r.readWhole(ctx, k)
	if err == nil && out == nil {
		out, err = r.ask(ctx, k, values)
	}
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		if err := r.keep(ctx, k.ID, v, out[v]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// knownVictims are those that an earlier run found, which has begun to write the window since.
func (r *runner) knownVictims(ctx context.Context, k *cascade.Key, values []string) (map[string][]victim, error) {
	g := &r.going
	if g.kept == nil {
		var err error
		if g.kept, err = r.cp.victims(ctx); err != nil {
			return nil, err
		}
	}
	out := map[string][]victim{}
	for _, v := range values {
		rows, asked := g.kept[k.ID+"\x00"+v]
		if !asked {
			return nil, fmt.Errorf("the log has changed: an earlier run did not come to this; drop databases %s and %s on the target to begin anew", checkpointDB, r.p.Into)
		}
		out[v] = rows
	}
	return out, nil
}

// wholeAfter is how many questions about a table's rows make it worth to read all of them, and victimCost about what each takes in memory then.
const (
	wholeAfter = 200
	victimCost = 200
)

// readWhole reads all of a table's rows, if it was asked often and they take no more than a quarter of the fold's share. Otherwise the result is nil.
func (r *runner) readWhole(ctx context.Context, k *cascade.Key) (map[string][]victim, error) {
	w := r.going.whole[k]
	if w == nil {
		w = &whole{}
		r.going.whole[k] = w
	}
	if w.asked++; w.asked <= wholeAfter || w.tried {
		return w.rows, nil
	}
	w.tried = true
	rows, most := int64(0), r.o.Memory/4/victimCost
	t := r.alongFold(k.Child)
	if err := r.ddl.Row(ctx, fmt.Sprintf("SELECT COUNT(*) FROM (SELECT 1 FROM %s LIMIT %d) some", t.shape.Name(), most+1), &rows); err != nil || rows > most {
		return nil, err
	}
	all, err := r.ask(ctx, k, nil)
	if other := (*unfit)(nil); errors.As(err, &other) { // it may be of a row that nothing happens to
		return nil, nil
	}
	w.rows = all
	r.fold.bytes += rows * victimCost
	return w.rows, err
}

// ask reads from the target the rows that refer to some values; without values, all that refer to any.
func (r *runner) ask(ctx context.Context, k *cascade.Key, values []string) (map[string][]victim, error) {
	t := r.alongFold(k.Child)
	if !r.analyzed[k.Child] { // otherwise a table that was just loaded is read whole each time: see analyze
		if err := r.analyzeTable(ctx, t); err != nil {
			return nil, err
		}
	}
	query := selection{shape: t.shape}
	query.add(t.shape.Key)
	query.add(k.Columns)
	children := r.fks.along.Children[k.Child]
	for _, c := range children {
		query.add(c.Refs)
	}
	text, err := query.text(k, values)
	if err != nil {
		return nil, err
	}
	out := map[string][]victim{}
	err = r.ddl.Each(ctx, text, func(scan func(...any) error) error {
		query.at = 0
		if err := scan(query.dest...); err != nil {
			return err
		}
		held, one, err := query.victim(k, children)
		if err == nil && held != nil {
			out[string(held)] = append(out[string(held)], one)
		}
		return err
	})
	return out, err
}

// victim is the row at hand, and what it refers to; nil for NULL.
func (s *selection) victim(k *cascade.Key, children []*cascade.Key) (held []byte, one victim, err error) {
	if one.key, err = s.key(len(s.shape.Key)); err != nil {
		return nil, one, err
	}
	if held, err = s.value(k); err != nil || held == nil {
		return nil, one, err
	}
	for _, c := range children {
		ref, err := s.value(c)
		if err != nil {
			return nil, one, err
		}
		one.refs = append(one.refs, ref)
	}
	return held, one, nil
}

// forget sets what rows of the target refer to to NULL, of those that the window's log does not write: the others' images say what they hold.
func (r *runner) forget(ctx context.Context) error {
	for _, k := range inOrder(r.going.forgot) {
		t := r.alongFold(k.Child)
		shape := t.shape
		var sets []string
		for _, i := range k.Columns {
			sets = append(sets, quoteDB(shape.Def.Columns[i].Name)+"=NULL")
		}
		for i := range shape.Def.Columns { // a foreign key's action does not move ON UPDATE CURRENT_TIMESTAMP
			if c := &shape.Def.Columns[i]; c.Writable() && (c.DataType == "timestamp" || c.DataType == "datetime") {
				sets = append(sets, quoteDB(c.Name)+"="+quoteDB(c.Name))
			}
		}
		for keys := range slices.Chunk(r.going.forgot[k], batchDeletes) {
			rows, err := t.match(keys)
			if err == nil {
				err = r.ddl.Exec(ctx, "UPDATE "+shape.Name()+" SET "+strings.Join(sets, ", ")+" WHERE "+rows)
			}
			if err != nil {
				return fmt.Errorf("what foreign key %s sets to NULL: %w", k.ID, err)
			}
		}
	}
	return nil
}

// match is the condition that a row has one of some keys.
func (t *tableFold) match(keys []string) (string, error) {
	var out []byte
	var cols [][]byte
	var err error
	for n, key := range keys {
		if n > 0 {
			out = append(out, " OR "...)
		}
		if cols, err = t.cutKey(key, cols); err != nil {
			return "", err
		}
		if out, err = t.shape.AppendKeyMatch(out, cols); err != nil {
			return "", err
		}
	}
	return string(out), nil
}

// forgetKnown leaves to the fold what it knows by now.
func (r *runner) forgetKnown() {
	for k, keys := range r.going.forgot {
		t := r.alongFold(k.Child)
		r.going.forgot[k] = slices.DeleteFunc(keys, func(key string) bool {
			e, _, _ := t.locate([]byte(key))
			return e != nil && !t.leavesOut(e, k)
		})
	}
}
