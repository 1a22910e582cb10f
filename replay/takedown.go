package replay

import (
	"context"
	"fmt"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
)

// takeDown removes the programs of a base that was loaded by other means, to make them again at the end as those of a snapshot are:
// a trigger would fire for each row, an event would run in the middle, and what the log says of a program must find it. They are noted
// in the checkpoint before the first of them is dropped. Of a part of the tables only the triggers are in the way.
func (r *runner) takeDown(ctx context.Context) error {
	if len(r.programs.list) == 0 {
		mode := schema.Mode{MariaDB: r.srv.MariaDB, Version: r.srv.Number}
		list, err := r.srv.ProgramTexts(ctx, r.p.Into)
		if err != nil {
			return fmt.Errorf("reading the views, triggers, routines and events of %s on the target: %w", r.p.Into, err)
		}
		for _, o := range list {
			if !r.p.Scope().Whole() && (o.Kind != schema.KindTrigger.String() || !r.wants(o.Table)) {
				continue
			}
			m := mode
			m.ANSIQuotes, m.NoBackslashEscapes = strings.Contains(o.Session.SQLMode, "ANSI_QUOTES"), strings.Contains(o.Session.SQLMode, "NO_BACKSLASH_ESCAPES")
			r.programs.list = append(r.programs.list, Program{Kind: o.Kind, Name: o.Name, Table: o.Table,
				Texts: []ProgramText{{SQL: []byte(o.SQL), Set: r.srv.SessionSettings(o.Session), Mode: m}}})
		}
		r.st.keepPrograms(r.programs.list)
		if err := r.cp.save(ctx, r.st); err != nil {
			return err
		}
	}
	for _, o := range r.programs.list {
		err := r.ddl.Exec(ctx, "DROP "+o.Kind+" IF EXISTS "+quoteDB(r.p.Into)+"."+quoteDB(o.Name))
		if err != nil && target.Code(err) != errNoTable { // a trigger whose table has gone
			return fmt.Errorf("taking down %s %s for the time of the restore: %w", o.Kind, o.Name, err)
		}
	}
	return nil
}

const errNoTable = 1146
