package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"lifeboat/internal/target"
)

// perTable is what a job knows by name. It remembers which names have changed since it was last written, so that a checkpoint costs
// what changed, however many tables there are.
type perTable[V any] struct {
	of      map[string]V
	changed map[string]bool
}

func (p *perTable[V]) get(name string) V { return p.of[name] }

func (p *perTable[V]) has(name string) bool {
	_, ok := p.of[name]
	return ok
}

func (p *perTable[V]) len() int { return len(p.of) }

func (p *perTable[V]) all() iter.Seq2[string, V] { return maps.All(p.of) }

func (p *perTable[V]) set(name string, v V) {
	if p.of == nil {
		p.of = map[string]V{}
	}
	p.of[name] = v
	p.touch(name)
}

func (p *perTable[V]) remove(name string) {
	if p.has(name) {
		delete(p.of, name)
		p.touch(name)
	}
}

func (p *perTable[V]) clear() {
	for name := range p.of {
		p.remove(name)
	}
}

func (p *perTable[V]) touch(name string) {
	if p.changed == nil {
		p.changed = map[string]bool{}
	}
	p.changed[name] = true
}

// part is a perTable as the checkpoint sees it.
type part interface {
	names() []string                          // that changed
	value(name string) (text []byte, _ error) // nil: it is no more
	read(name string, text []byte) error
	written()
}

func (p *perTable[V]) names() []string { return slices.Sorted(maps.Keys(p.changed)) }

func (p *perTable[V]) value(name string) ([]byte, error) {
	v, ok := p.of[name]
	if !ok {
		return nil, nil
	}
	return json.Marshal(v)
}

func (p *perTable[V]) read(name string, text []byte) error {
	var v V
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	p.set(name, v)
	return nil
}

func (p *perTable[V]) written() { p.changed = nil }

// parts are what lies in rows of its own, by the kind that the rows have.
func (st *State) parts() map[string]part {
	return map[string]part{"created": &st.Created, "serial base": &st.SerialBase, "auto": &st.Auto, "rows": &st.Rows, "lane": &st.Lanes, "altered": &st.Altered,
		"moved": &st.Moved, "later": &st.LaterIndexes, "programs": &st.Objects, "reached": &st.Reached, "unfit": &st.Unfit}
}

// partBytes is about how much of the parts goes into one statement.
const partBytes = 256 << 10

// saveParts writes what changed into the transaction that is open.
func (cp *checkpoint) saveParts(ctx context.Context, st *State) error {
	set := list{begin: "REPLACE INTO " + checkpointDB + ".part (db, kind, name, value) VALUES ", between: ","}
	gone := list{begin: "DELETE FROM " + checkpointDB + ".part WHERE db = " + target.Quote(cp.db) + " AND (", between: " OR ", end: ")"}
	parts := st.parts()
	for _, kind := range slices.Sorted(maps.Keys(parts)) {
		for _, name := range parts[kind].names() {
			text, err := parts[kind].value(name)
			if err != nil {
				return err
			}
			to, item := &gone, fmt.Sprintf("kind = %s AND name = x'%x'", target.Quote(kind), name)
			if text != nil {
				to, item = &set, fmt.Sprintf("(%s,%s,x'%x',x'%x')", target.Quote(cp.db), target.Quote(kind), name, text)
			}
			if err := to.add(ctx, cp.c, item); err != nil {
				return err
			}
		}
	}
	return errors.Join(set.send(ctx, cp.c), gone.send(ctx, cp.c))
}

// list is a statement that is sent when it is long enough.
type list struct {
	begin, between, end string
	text                []byte
}

func (l *list) add(ctx context.Context, c *target.Conn, item string) error {
	if len(l.text) == 0 {
		l.text = append(l.text, l.begin...)
	} else {
		l.text = append(l.text, l.between...)
	}
	if l.text = append(l.text, item...); len(l.text) < partBytes {
		return nil
	}
	return l.send(ctx, c)
}

func (l *list) send(ctx context.Context, c *target.Conn) error {
	if len(l.text) == 0 {
		return nil
	}
	_, err := c.ExecBytes(ctx, append(l.text, l.end...))
	l.text = nil
	return err
}

// loadParts reads them all.
func (cp *checkpoint) loadParts(ctx context.Context, st *State) error {
	parts := st.parts()
	err := cp.c.Each(ctx, "SELECT kind, name, value FROM "+checkpointDB+".part WHERE db = "+target.Quote(cp.db), func(scan func(...any) error) error {
		var kind, name string
		var text []byte
		if err := scan(&kind, &name, &text); err != nil {
			return err
		}
		if parts[kind] == nil {
			return cp.damaged(fmt.Errorf("a row of kind %q", kind))
		}
		if err := parts[kind].read(name, text); err != nil {
			return cp.damaged(fmt.Errorf("%s of %q: %w", kind, name, err))
		}
		return nil
	})
	for _, p := range parts {
		p.written()
	}
	return err
}
