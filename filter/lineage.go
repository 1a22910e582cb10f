package filter

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeboat/internal/schema"
)

// origin tells where a table's rows come from.
type origin uint8

const (
	fromNowhere origin = iota // neither the base nor the log made it
	fromBase
	fromLog
)

type presence uint8

const (
	unknown presence = iota
	present
	absent
)

// tableState follows one table through the log.
type tableState struct {
	presence presence
	origin   origin
	rows     int64 // at least so many, where they are not known
	known    bool  // rows is exact
	maker    session
	made     time.Time
	shared   bool // somebody beside the maker wrote to it
	unsure   bool // somebody wrote to it, and the log does not say who
	leftover bool // the old half of a rename swap
}

// state is a table's, for changing it.
func (t *incidentTracker) state(name TableName) *tableState {
	st := t.tables[name]
	if st == nil {
		n := t.look(name)
		st = &n
		t.tables[name] = st
	}
	return st
}

// look is a table's state without remembering that it was asked for.
func (t *incidentTracker) look(name TableName) tableState {
	if st := t.tables[name]; st != nil {
		return *st
	}
	if t.whole[name.DB] {
		return tableState{presence: absent, known: true}
	}
	return tableState{}
}

// own tells a session's own working table: it made it, nobody else wrote to it, and it is not at a wipe.
// Where the log does not say who writes, it is so for as long as a wipe may pause.
func (t *incidentTracker) own(c *change, st *tableState) bool {
	if st.presence != present || st.maker.thread == 0 || st.shared || t.active[st.maker] != nil {
		return false
	}
	fresh := c.tx.Committed.Sub(st.made) <= wipePause
	if c.who.thread == 0 {
		return fresh
	}
	return st.maker == c.who && (fresh || !st.unsure)
}

// statement follows DDL through the tables' states and files what destroys data.
func (t *incidentTracker) statement(c *change, one *statement) {
	switch one.st.Verb {
	case schema.CreateDatabase:
		t.createDatabase(c, one)
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect, schema.CreateSequence:
		t.create(c, one)
	case schema.DropTable, schema.DropSequence:
		t.drop(c, one)
	case schema.DropDatabase:
		t.dropDatabase(c, one)
	case schema.TruncateTable:
		t.truncate(c, one)
	case schema.RenameTable:
		t.rename(one.objects)
	case schema.AlterTable:
		t.alter(c, one)
		t.rename(one.objects)
	}
}

// targets are the tables in scope that a statement is about.
func (t *incidentTracker) targets(one *statement) (out []TableName) {
	for _, o := range one.objects {
		if (o.Kind == schema.KindTable || o.Kind == schema.KindSequence) && o.Role == schema.Target && t.survey.Scope.Has(o.DB, o.Name) {
			out = append(out, TableName{o.DB, o.Name})
		}
	}
	return out
}

func (t *incidentTracker) create(c *change, one *statement) {
	if one.st.Temporary {
		return
	}
	for _, name := range t.targets(one) {
		st := t.state(name)
		inc := t.current(c)
		switch {
		case one.st.OrReplace && st.presence != absent && !(st.known && st.rows == 0) && !t.own(c, st):
			t.lose(c, one, KindReplaceTable, []TableName{name}, st.rows, st.known)
		case one.st.IfNotExists && (st.presence == present || st.presence == unknown && !one.certain):
			continue
		case inc != nil && slices.Contains(inc.Tables, t.label(name)):
			t.advance(inc, c, IncidentStatement{StatementRef: one.ref, Kind: "create"})
		}
		*st = tableState{presence: present, origin: fromLog, known: true, maker: c.who, made: c.tx.Committed}
	}
}

func (t *incidentTracker) createDatabase(c *change, one *statement) {
	for _, o := range one.objects {
		if o.Kind != schema.KindDatabase || !t.survey.Scope.HasDatabase(o.DB) {
			continue
		}
		if one.st.OrReplace {
			t.dropDatabase(c, one)
		}
		if !one.st.IfNotExists || one.certain || one.st.OrReplace {
			t.whole[o.DB] = true
		}
		if inc := t.current(c); inc != nil && inc.Kind == KindDropDatabase {
			t.advance(inc, c, IncidentStatement{StatementRef: one.ref, Kind: "create"})
		}
	}
}

func (t *incidentTracker) drop(c *change, one *statement) {
	if one.st.Temporary {
		t.survey.harmless(one, WhyTemporary)
		return
	}
	var lost []TableName
	var rows int64
	exact := true
	some := t.someExist(one)
	for _, name := range t.targets(one) {
		st := t.state(name)
		switch {
		case st.presence == absent && (some || !one.certain): // it found only some of its tables
		case st.leftover, st.origin == fromLog && helper(name.Name):
			t.survey.harmless(one, WhyTableCopy)
		case t.own(c, st):
			t.survey.harmless(one, WhyOwn)
		default:
			lost = append(lost, name)
			rows += max(st.rows, 0)
			exact = exact && st.known && st.presence == present
		}
		*st = tableState{presence: absent, known: true}
	}
	if len(lost) > 0 {
		t.lose(c, one, KindDropTable, lost, rows, exact)
	}
}

// someExist reports a statement that may have found only some of the tables it names: of two, one of
// which does not exist, a DROP without IF EXISTS drops the other and is logged with both.
func (t *incidentTracker) someExist(one *statement) bool {
	return slices.ContainsFunc(one.objects, func(o schema.Object) bool {
		return t.look(TableName{o.DB, o.Name}).presence != absent
	})
}

// helper tells the tables that gh-ost and pt-online-schema-change make to work with, by name.
func helper(name string) bool {
	if !strings.HasPrefix(name, "_") {
		return false
	}
	return strings.HasSuffix(name, "_ghc") || strings.HasSuffix(name, "_gho") || strings.HasSuffix(name, "_new")
}

func (t *incidentTracker) dropDatabase(c *change, one *statement) {
	for _, o := range one.objects {
		if o.Kind != schema.KindDatabase || !t.survey.Scope.HasDatabase(o.DB) {
			continue
		}
		var lost []TableName
		var rows int64
		exact := t.whole[o.DB]
		for name, st := range t.tables {
			if name.DB != o.DB {
				continue
			}
			if st.presence == present && t.survey.Scope.Has(name.DB, name.Name) {
				lost = append(lost, name)
				rows += max(st.rows, 0)
				exact = exact && st.known && st.presence == present
			}
			if st.presence == present && t.survey.Scope.Has(name.DB, name.Name) {
				one.dropped = append(one.dropped, name)
			}
			*st = tableState{presence: absent, known: true}
		}
		if len(lost) == 0 && t.whole[o.DB] {
			continue // nothing was in it
		}
		t.whole[o.DB] = true
		slices.SortFunc(lost, func(a, b TableName) int { return strings.Compare(a.Name, b.Name) })
		t.lose(c, one, KindDropDatabase, lost, rows, exact)
	}
}

func (t *incidentTracker) truncate(c *change, one *statement) {
	for _, name := range t.targets(one) {
		st := t.state(name)
		switch {
		case st.known && st.rows == 0:
			t.survey.harmless(one, WhyEmpty)
		case t.own(c, st):
			t.survey.harmless(one, WhyOwn)
		default:
			t.lose(c, one, KindTruncate, []TableName{name}, st.rows, st.known)
		}
		st.presence, st.rows, st.known = present, 0, true
	}
}

func (t *incidentTracker) alter(c *change, one *statement) {
	a := &one.st.Alter
	rowsMove := len(a.DropPartition) > 0 || len(a.TruncatePartition) > 0 || a.ExchangePartition != "" || a.ConvertPartition != "" ||
		a.DiscardTablespace || a.ImportTablespace
	var lost []TableName
	for _, name := range t.targets(one) {
		st := t.state(name)
		st.presence = present
		empty := st.known && st.rows == 0 && !a.ImportTablespace && a.ExchangePartition == ""
		if a.Destructive() && !empty && !t.own(c, st) {
			lost = append(lost, name)
		}
		if rowsMove && !empty {
			st.rows, st.known = 0, false
		}
	}
	t.lose(c, one, KindAlter, lost, 0, false)
	for _, o := range one.objects {
		if o.Role == schema.ExchangeTable && t.survey.Scope.Has(o.DB, o.Name) {
			st := t.state(TableName{o.DB, o.Name})
			st.rows, st.known = 0, false
			if a.ConvertPartition != "" {
				*st = tableState{presence: present, origin: t.look(first(t.targets(one))).origin}
			}
		}
	}
}

func first(names []TableName) TableName {
	if len(names) == 0 {
		return TableName{}
	}
	return names[0]
}

// rename moves the states of tables, in the order of the statement. A table whose name another one
// takes over in the same statement is what a migration leaves behind, if the other one holds its rows.
func (t *incidentTracker) rename(objects []schema.Object) {
	var from *schema.Object
	var moved, old []TableName // new names, pairwise with old
	for i := range objects {
		o := &objects[i]
		switch o.Role {
		case schema.RenameFrom, schema.Target: // ALTER … RENAME has a target
			from = o
		case schema.RenameTo:
			if from == nil {
				continue
			}
			a, b := TableName{from.DB, from.Name}, TableName{o.DB, o.Name}
			st := t.look(a)
			st.presence = present
			*t.state(b) = st
			*t.state(a) = tableState{presence: absent, known: true}
			moved, old = append(moved, b), append(old, a)
			from = nil
		}
	}
	for i, b := range moved {
		if slices.Contains(moved, old[i]) {
			before, after := t.state(b), t.look(old[i])
			before.leftover = after.rows*2 >= before.rows && (after.rows > 0 || before.known && before.rows == 0)
		}
	}
}

// changes follows a table's size and files a transaction that took most of it.
func (t *incidentTracker) changes(c *change, name TableName, n *rowCount) {
	st := t.state(name)
	own := t.own(c, st)
	before := st.rows
	st.presence = present
	st.rows += n.inserted - n.deleted
	switch {
	case c.who.thread == 0:
		st.unsure = true
	case c.who != st.maker:
		st.shared = true
	}
	kind, took := KindMassDelete, n.deleted-n.inserted
	if n.updated > took {
		kind, took = KindMassUpdate, n.updated
		before += n.inserted
	}
	switch {
	case took < massRows, took*2 <= before, own:
		return
	case !st.known && took < massRowsUnknown:
		return
	}
	one := &statement{ref: StatementRef{Verb: kind, Pos: c.tx.Start, End: c.end, GTID: c.tx.GTID, Time: c.tx.Committed, Thread: c.who.thread,
		SQL: fmt.Sprintf("(%d rows of %s in one transaction)", took, name.Name), Tables: []string{name.Name}}}
	t.lose(c, one, kind, []TableName{name}, took, true)
}
