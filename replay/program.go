package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// Program is a view, trigger, routine or event. They are made when the rows are in: a trigger would fire
// again, an event would run in the middle, and a view may name tables that do not exist yet.
type Program struct {
	Kind  string // as schema.ObjectKind prints it
	Name  string
	Table string // of a trigger
	Texts []ProgramText
}

// ProgramText is one statement that makes or alters the program, with the session it was written in and how to read it.
type ProgramText struct {
	SQL  []byte
	Set  []string
	Mode schema.Mode
}

// programs keeps the definitions in the order in which they were made.
type programs struct{ list []Program }

func (p *programs) find(kind, name string) int {
	return slices.IndexFunc(p.list, func(o Program) bool { return o.Kind == kind && o.Name == name })
}

// define replaces what was known of the program.
func (p *programs) define(o Program) {
	p.remove(o.Kind, o.Name)
	p.list = append(p.list, o)
}

// alter adds a later statement to the program.
func (p *programs) alter(kind, name string, t ProgramText) {
	if i := p.find(kind, name); i >= 0 {
		p.list[i].Texts = append(p.list[i].Texts, t)
	}
}

func (p *programs) remove(kind, name string) {
	if i := p.find(kind, name); i >= 0 {
		p.list = slices.Delete(p.list, i, i+1)
	}
}

// dropTable forgets the triggers of a table that is gone.
func (p *programs) dropTable(name string) {
	p.list = slices.DeleteFunc(p.list, func(o Program) bool { return o.Kind == schema.KindTrigger.String() && o.Table == name })
}

// renameTable lets the triggers of a table follow it, as the server does: each is made on the table as it is called at the end.
func (p *programs) renameTable(from, to string) error {
	for i := range p.list {
		o := &p.list[i]
		if o.Kind != schema.KindTrigger.String() || o.Table != from {
			continue
		}
		o.Table = to
		if err := o.rename(schema.TriggerTable, to); err != nil {
			return err
		}
	}
	return nil
}

// renameViews follows a RENAME TABLE of nothing but views, which are not on the target yet. It reports false for any other.
func (p *programs) renameViews(st *schema.Statement) (bool, error) {
	for _, o := range st.Objects {
		if o.Role == schema.RenameFrom && p.find(schema.KindView.String(), o.Name) < 0 {
			return false, nil
		}
	}
	was := -1
	for _, o := range st.Objects {
		switch o.Role {
		case schema.RenameFrom:
			was = p.find(schema.KindView.String(), o.Name)
		case schema.RenameTo:
			if was < 0 {
				return false, fmt.Errorf("view %s is renamed twice in one statement", o.Name)
			}
			p.list[was].Name = o.Name
			if err := p.list[was].rename(schema.Target, o.Name); err != nil {
				return false, err
			}
		}
	}
	return was >= 0, nil
}

// rename gives the object of a role another name in the program's texts.
func (o *Program) rename(role schema.Role, to string) error {
	o.Texts = slices.Clone(o.Texts)
	for k := range o.Texts {
		t := &o.Texts[k]
		st, err := schema.Classify(t.SQL, t.Mode)
		if err == nil {
			t.SQL, err = schema.RenameObject(t.SQL, &st, t.Mode, role, to)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", o.Kind, o.Name, err)
		}
	}
	return nil
}

// statement follows a logged statement about a program. It reports false for any other statement.
func (p *programs) statement(st *schema.Statement, text ProgramText) bool {
	var kind schema.ObjectKind
	var drop, alter bool
	switch st.Verb {
	case schema.CreateView:
		kind = schema.KindView
	case schema.AlterView:
		kind, text.SQL = schema.KindView, createInstead(text)
	case schema.CreateTrigger:
		kind = schema.KindTrigger
	case schema.CreateProcedure:
		kind = schema.KindProcedure
	case schema.CreateFunction:
		kind = schema.KindFunction
	case schema.CreateEvent:
		kind = schema.KindEvent
	case schema.CreatePackage, schema.CreatePackageBody:
		kind = schema.KindPackage
	case schema.AlterProcedure:
		kind, alter = schema.KindProcedure, true
	case schema.AlterFunction:
		kind, alter = schema.KindFunction, true
	case schema.AlterEvent:
		kind, alter = schema.KindEvent, true
	case schema.DropView:
		kind, drop = schema.KindView, true
	case schema.DropTrigger:
		kind, drop = schema.KindTrigger, true
	case schema.DropProcedure:
		kind, drop = schema.KindProcedure, true
	case schema.DropFunction:
		kind, drop = schema.KindFunction, true
	case schema.DropEvent:
		kind, drop = schema.KindEvent, true
	case schema.DropPackage, schema.DropPackageBody:
		kind, drop = schema.KindPackage, true
	default:
		return false
	}
	table := ""
	for _, o := range st.Objects {
		if o.Role == schema.TriggerTable {
			table = o.Name
		}
	}
	was := ""
	for _, o := range st.Objects {
		if i := p.find(kind.String(), was); o.Role == schema.RenameTo && i >= 0 {
			p.list[i].Name = o.Name // ALTER EVENT … RENAME TO: what is said of it from here on names it so
		}
		if o.Role != schema.Target {
			continue
		}
		switch {
		case drop:
			p.remove(kind.String(), o.Name)
		case alter:
			p.alter(kind.String(), o.Name, text)
			was = o.Name
		case st.IfNotExists && p.find(kind.String(), o.Name) >= 0:
		default:
			p.define(Program{Kind: kind.String(), Name: o.Name, Table: table, Texts: []ProgramText{text}})
		}
	}
	return true
}

// dumped follows a statement of the snapshot about a program, run under set.
func (p *programs) dumped(s snapshot.Statement, set []string, plan *plan.Plan, mariaDB bool) error {
	mode := s.Mode()
	mode.MariaDB = mariaDB
	st, err := schema.Classify(s.SQL, mode)
	if err != nil {
		return fmt.Errorf("snapshot, offset %d: %w", s.Offset, err)
	}
	text := slices.Clone(s.SQL)
	if plan.Into != plan.Database {
		if text, _, err = schema.Rewrite(text, mode, plan.Database, plan.Into); err != nil {
			return fmt.Errorf("snapshot, offset %d: %w", s.Offset, err)
		}
	}
	if !p.statement(&st, ProgramText{SQL: text, Set: set, Mode: mode}) {
		return fmt.Errorf("snapshot, offset %d: %s is not a view, trigger, routine or event", s.Offset, st.Verb)
	}
	return nil
}

// createInstead makes a CREATE VIEW of an ALTER VIEW, which says all that a view is: what it altered need not be possible any more.
func createInstead(t ProgramText) []byte {
	first, err := schema.NewScanner(t.SQL, t.Mode).Next()
	if err != nil || !strings.EqualFold(string(t.SQL[first.Start:first.End]), "ALTER") {
		return t.SQL
	}
	return slices.Concat(t.SQL[:first.Start], []byte("CREATE"), t.SQL[first.End:])
}

// create makes all of them on the target, again and again while that makes progress, since views and
// routines may name one another. What still fails is returned as text, one line each.
func (p *programs) create(ctx context.Context, srv *target.Server, db, definer string) (failed, missing []string, err error) {
	if len(p.list) == 0 {
		return nil, nil, nil
	}
	c, err := srv.Conn(ctx, db)
	if err != nil {
		return nil, nil, err
	}
	defer func() { c.Close() }()
	owners, err := readDefiners(ctx, c, definer)
	if err != nil {
		return nil, nil, err
	}
	left := p.list
	for len(left) > 0 {
		var again []Program
		failed = failed[:0]
		for _, o := range left {
			err := p.one(ctx, c, db, o, owners)
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			if target.Transient(err) || errors.Is(err, target.ErrDiskFull) {
				return nil, nil, err // of the target, not of the program: it is made by the next try
			}
			if err != nil {
				again = append(again, o)
				failed = append(failed, fmt.Sprintf("%s %s could not be made: %v", o.Kind, o.Name, err))
			}
		}
		if len(again) == len(left) {
			break
		}
		left = again
	}
	return failed, owners.lines(), nil
}

// one makes a program anew, so that a second try after a stop finds nothing in its way.
func (p *programs) one(ctx context.Context, c *target.Conn, db string, o Program, owners *definers) error {
	if err := c.Exec(ctx, "DROP "+o.Kind+" IF EXISTS "+quoteDB(db)+"."+quoteDB(o.Name)); err != nil && o.Kind != schema.KindView.String() {
		return err
	}
	for _, t := range o.Texts {
		text, err := owners.owned(&o, t)
		if err != nil {
			return err
		}
		if err := c.Run(ctx, db, text, t.Set); err != nil {
			return err
		}
	}
	return nil
}
