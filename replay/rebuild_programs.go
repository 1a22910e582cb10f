package replay

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/internal/target/folder"
)

// writePrograms writes routines before what may call them, and events, which run, last.
func (b *rebuild) writePrograms(out *folder.Folder) error {
	last := []string{schema.KindView.String(), schema.KindTrigger.String(), schema.KindEvent.String()}
	list := byDependence(b.programs.list)
	owners := &definers{instead: b.p.Definer, all: b.p.Definer != "", blind: true}
	slices.SortStableFunc(list, func(x, y Program) int { return slices.Index(last, x.Kind) - slices.Index(last, y.Kind) })
	lost := b.lostViews()
	for _, o := range list {
		if name := lost[strings.ToLower(o.Name)]; name != "" && o.Kind == schema.KindView.String() {
			b.result.Incomplete = append(b.result.Incomplete, fmt.Sprintf("view %s could not be made: it reads %s, which does not exist at the stop point; it is left out of the dump", o.Name, name))
			continue
		}
		var texts []folder.Statement
		for _, t := range o.Texts {
			text, err := owners.owned(&o, t)
			if err != nil {
				return fmt.Errorf("%s %s: %w", o.Kind, o.Name, err)
			}
			texts = append(texts, folder.Statement{Set: t.Set, SQL: text})
		}
		if err := out.Program(o.Kind, o.Name, o.Table, texts); err != nil {
			return fmt.Errorf("%s %s: %w", o.Kind, o.Name, err)
		}
	}
	return nil
}

// lostViews are the views that nobody can make, by name in lower case, with what each reads and misses.
func (b *rebuild) lostViews() map[string]string {
	lost := map[string]string{}
	for _, o := range byDependence(b.programs.list) {
		if name := b.unreadable(&o, lost); name != "" {
			lost[strings.ToLower(o.Name)] = name
		}
	}
	return lost
}

// unreadable names what a view reads and what is not there: a table or a column that has gone, or a view in lost. Its server keeps such a view, and none makes it
// anew: a dump's load would stop at it.
func (b *rebuild) unreadable(o *Program, lost map[string]string) string {
	if o.Kind != schema.KindView.String() || len(o.Texts) == 0 {
		return ""
	}
	last := o.Texts[len(o.Texts)-1]
	st, err := schema.Classify(last.SQL, last.Mode)
	if err != nil {
		return "" // the server that loads it judges
	}
	for _, x := range st.Objects {
		if x.Role != schema.Source || x.Kind != schema.KindTable || x.DB != "" && x.DB != b.p.Into {
			continue
		}
		isView := slices.ContainsFunc(b.programs.list, func(p Program) bool { return p.Kind == o.Kind && strings.EqualFold(p.Name, x.Name) })
		t := b.named(x.Name)
		if lost[strings.ToLower(x.Name)] != "" || !isView && (t == nil || t.unsure != "") { // what columns that one has is not known
			return x.Name
		}
	}
	return b.goneColumn(&st, last)
}

// goneColumn names a column that a view reads and that none of its tables has. It judges only what is plain: one SELECT of tables alone, whose definitions
// were followed, and columns that are named with their table, as servers print them. The server that loads a dump judges the rest.
func (b *rebuild) goneColumn(st *schema.Statement, text ProgramText) string {
	names, plain := schema.QualifiedColumns(text.SQL, st, text.Mode)
	if !plain {
		return ""
	}
	var tables []*rebuilt
	for _, x := range st.Objects {
		if x.Role != schema.Source {
			continue
		}
		t := b.named(x.Name)
		if x.Kind != schema.KindTable || x.DB != "" && x.DB != b.p.Into || t == nil || t.unsure != "" {
			return ""
		}
		tables = append(tables, t)
	}
	for _, name := range names {
		if !slices.ContainsFunc(tables, func(t *rebuilt) bool { _, ok := t.def.Column(name); return ok }) {
			return "column " + name
		}
	}
	return ""
}

// byDependence puts views behind the views that they read.
func byDependence(list []Program) (out []Program) {
	view := schema.KindView.String()
	state := map[string]int{} // 1: under way, 2: done
	var visit func(o Program)
	visit = func(o Program) {
		if o.Kind == view {
			if state[o.Name] != 0 {
				return
			}
			state[o.Name] = 1
			for _, t := range o.Texts {
				st, err := schema.Classify(t.SQL, t.Mode)
				for i := 0; err == nil && i < len(st.Objects); i++ {
					name := st.Objects[i].Name
					if n := slices.IndexFunc(list, func(p Program) bool { return p.Kind == view && strings.EqualFold(p.Name, name) }); st.Objects[i].Role == schema.Source && n >= 0 {
						visit(list[n])
					}
				}
			}
			state[o.Name] = 2
		}
		out = append(out, o)
	}
	for _, o := range list {
		visit(o)
	}
	return out
}
