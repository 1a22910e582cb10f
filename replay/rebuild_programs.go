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
	for _, o := range list {
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
