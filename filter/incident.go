package filter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/internal/schema"
)

// Incident is a wipe: statements of one session, close together, that destroyed data in scope.
type Incident struct {
	ID         string
	Kind       string          // of its first statement: see the Kind constants
	Start, End binlog.Position // from its first transaction to the end of its last
	GTID       gtid.GTID
	Time, Last time.Time
	Thread     uint32 // 0: the log does not say, so the session's other writes are not known
	ServerID   uint32
	User       string
	Tables     []string
	RowsLost   int64 // at least so many, where Exact is false
	Exact      bool
	Statements []IncidentStatement
	// Session holds the start of every transaction in scope of that session from Start on, until it
	// paused for longer than wipePause.
	Session      []binlog.Position
	SessionAfter Writes
	OthersAfter  Writes

	totalsAt        Writes
	before, through int64 // changes of the log before Start and through End
}

// Kinds of incidents.
const (
	KindDropDatabase = "drop-database"
	KindDropTable    = "drop-table"
	KindTruncate     = "truncate"
	KindAlter        = "alter"
	KindReplaceTable = "replace-table"
	KindMassDelete   = "mass-delete"
	KindMassUpdate   = "mass-update"
)

// IncidentStatement is one step of a wipe.
type IncidentStatement struct {
	StatementRef
	Kind     string // an incident kind, or "create" for what was made in place of the lost
	RowsLost int64
}

// Writes counts what was written in scope.
type Writes struct {
	Transactions, Rows int64
	Last               binlog.Position
}

const (
	// wipePause ends a wipe: what the same session does after so long a pause is something else.
	wipePause = 10 * time.Minute
	// massRows is the least number of rows that one transaction must take to be looked at.
	massRows = 100
	// massRowsUnknown is the same for a table whose size is not known.
	massRowsUnknown = 1000
)

// Incident finds one by id.
func (s *Survey) Incident(id string) (*Incident, error) {
	var known []string
	for _, i := range s.Incidents {
		if i.ID == id {
			return i, nil
		}
		known = append(known, i.ID)
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("incident:%s: %w: no incident was found in what was read", id, ErrNoSuchPoint)
	}
	return nil, fmt.Errorf("incident:%s: %w: the incidents found are %s", id, ErrNoSuchPoint, strings.Join(known, ", "))
}

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
	rows     int64
	known    bool    // rows is exact
	maker    session // who created it in this log
	leftover bool    // the old half of a rename swap
}

type session struct{ server, thread uint32 }

type incidentTracker struct {
	survey *Survey
	tables map[TableName]*tableState
	active map[session]*Incident
	total  Writes
}

func newIncidentTracker(s *Survey, base map[TableName]int64) incidentTracker {
	t := incidentTracker{survey: s, tables: map[TableName]*tableState{}, active: map[session]*Incident{}}
	for name, rows := range base {
		t.tables[name] = &tableState{presence: present, origin: fromBase, rows: rows, known: true}
	}
	return t
}

func (t *incidentTracker) state(name TableName) *tableState {
	st := t.tables[name]
	if st == nil {
		st = &tableState{}
		t.tables[name] = st
	}
	return st
}

// named is the incident that a stop names, once it has been found.
func (t *incidentTracker) named(stop *Stop) *Incident {
	if !stop.Given || stop.Incident == "" {
		return nil
	}
	for _, i := range t.survey.Incidents {
		if i.ID == stop.Incident {
			return i
		}
	}
	return nil
}

// transaction judges one transaction that took effect.
func (t *incidentTracker) transaction(tx *binlog.Transaction, end binlog.Position, state *txState) {
	who := session{tx.ServerID, tx.ThreadID}
	var rows int64
	inScope := len(state.rows) > 0
	for i := range state.statements {
		one := &state.statements[i]
		if one.inScope {
			inScope = true
		}
		if one.effect {
			t.statement(tx, end, who, one)
		}
	}
	for name, c := range state.rows {
		rows += c.all()
		t.changes(tx, end, who, name, c)
	}
	if !inScope {
		return
	}
	t.total.Transactions++
	t.total.Rows += rows
	t.total.Last = end
	t.follow(tx, end, who, rows)
}

// follow adds a session's later writes to its wipe.
func (t *incidentTracker) follow(tx *binlog.Transaction, end binlog.Position, who session, rows int64) {
	inc := t.active[who]
	for _, i := range t.survey.Incidents {
		if i != inc {
			i.others(t.total)
		}
	}
	if inc == nil || who.thread == 0 {
		return
	}
	if tx.Committed.Sub(inc.Last) > wipePause {
		delete(t.active, who)
		inc.others(t.total)
		return
	}
	inc.Last = tx.Committed
	inc.Session = append(inc.Session, tx.Start)
	inc.SessionAfter.Transactions++
	inc.SessionAfter.Rows += rows
	inc.SessionAfter.Last = end
	inc.others(t.total)
}

func (i *Incident) others(total Writes) {
	i.OthersAfter.Transactions = total.Transactions - i.totalsAt.Transactions - i.SessionAfter.Transactions
	i.OthersAfter.Rows = total.Rows - i.totalsAt.Rows - i.SessionAfter.Rows
	i.OthersAfter.Last = total.Last
}

// statement follows DDL through the tables' states and files what destroys data.
func (t *incidentTracker) statement(tx *binlog.Transaction, end binlog.Position, who session, one *statement) {
	switch one.st.Verb {
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect:
		t.create(tx, end, who, one)
	case schema.DropTable:
		t.drop(tx, end, who, one)
	case schema.DropDatabase:
		t.dropDatabase(tx, end, who, one)
	case schema.TruncateTable:
		for _, name := range t.targets(one) {
			st := t.state(name)
			t.lose(tx, end, who, one, KindTruncate, []TableName{name}, st.rows, st.known)
			*st = tableState{presence: present, origin: st.origin, known: true, maker: st.maker}
		}
	case schema.RenameTable:
		t.rename(one.objects)
	case schema.AlterTable:
		if one.st.Alter.Destructive() {
			t.lose(tx, end, who, one, KindAlter, t.targets(one), 0, false)
		}
		t.rename(one.objects)
	}
}

// targets are the tables in scope that a statement is about.
func (t *incidentTracker) targets(one *statement) (out []TableName) {
	for _, o := range one.objects {
		if o.Kind == schema.KindTable && o.Role == schema.Target && t.survey.Scope.Has(o.DB, o.Name) {
			out = append(out, TableName{o.DB, o.Name})
		}
	}
	return out
}

func (t *incidentTracker) create(tx *binlog.Transaction, end binlog.Position, who session, one *statement) {
	if one.st.Temporary {
		return
	}
	for _, name := range t.targets(one) {
		st := t.state(name)
		if one.st.OrReplace && st.presence != absent && st.rows > 0 {
			t.lose(tx, end, who, one, KindReplaceTable, []TableName{name}, st.rows, st.known)
		} else if one.st.IfNotExists && st.presence == present {
			continue
		} else if inc := t.active[who]; inc != nil && who.thread != 0 && slices.Contains(inc.Tables, name.Name) {
			inc.Statements = append(inc.Statements, IncidentStatement{StatementRef: one.ref, Kind: "create"})
			inc.End, inc.through = end, t.survey.through
		}
		*st = tableState{presence: present, origin: fromLog, known: true, maker: who}
	}
}

func (t *incidentTracker) drop(tx *binlog.Transaction, end binlog.Position, who session, one *statement) {
	if one.st.Temporary {
		return
	}
	var lost []TableName
	var rows int64
	exact := true
	for _, name := range t.targets(one) {
		st := t.state(name)
		switch {
		case one.st.IfExists && st.presence == absent:
		case st.leftover:
			t.survey.Migrations = append(t.survey.Migrations, one.ref)
		case st.presence == present && who.thread != 0 && st.maker == who && t.active[who] == nil:
			// A session's own working table, made and dropped by it.
		default:
			lost = append(lost, name)
			rows += st.rows
			exact = exact && st.known
		}
		*st = tableState{presence: absent}
	}
	if len(lost) > 0 {
		t.lose(tx, end, who, one, KindDropTable, lost, rows, exact)
	}
}

func (t *incidentTracker) dropDatabase(tx *binlog.Transaction, end binlog.Position, who session, one *statement) {
	for _, o := range one.objects {
		if o.Kind != schema.KindDatabase || !t.survey.Scope.HasDatabase(o.DB) {
			continue
		}
		var lost []TableName
		var rows int64
		exact := true
		for name, st := range t.tables {
			if name.DB == o.DB && st.presence != absent {
				if t.survey.Scope.Has(name.DB, name.Name) {
					lost = append(lost, name)
					rows += max(st.rows, 0)
					exact = exact && st.known
				}
				*st = tableState{presence: absent}
			}
		}
		slices.SortFunc(lost, func(a, b TableName) int { return strings.Compare(a.Name, b.Name) })
		t.lose(tx, end, who, one, KindDropDatabase, lost, rows, exact)
	}
}

// rename moves the states of tables, in the order of the statement. A table whose name another one
// takes over in the same statement is what a migration leaves behind.
func (t *incidentTracker) rename(objects []schema.Object) {
	var from *schema.Object
	taken := map[TableName]bool{}
	var moved []TableName // new names, pairwise with old
	var old []TableName
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
			st := *t.state(a)
			st.presence = present
			*t.state(b) = st
			*t.state(a) = tableState{presence: absent}
			taken[b] = true
			moved, old = append(moved, b), append(old, a)
			from = nil
		}
	}
	for i, b := range moved {
		if taken[old[i]] {
			t.state(b).leftover = true
		}
	}
}

// changes follows a table's size and files a transaction that took most of it.
func (t *incidentTracker) changes(tx *binlog.Transaction, end binlog.Position, who session, name TableName, c *rowCount) {
	st := t.state(name)
	before := st.rows
	st.presence = present
	st.rows += c.inserted - c.deleted
	kind, took := KindMassDelete, c.deleted-c.inserted
	if c.updated > took {
		kind, took = KindMassUpdate, c.updated
	}
	switch {
	case took < massRows:
		return
	case st.known && took*2 <= before:
		return
	case !st.known && (took < massRowsUnknown || took*2 <= before):
		return
	}
	one := &statement{ref: StatementRef{Verb: kind, Pos: tx.Start, End: end, GTID: tx.GTID, Time: tx.Committed, Thread: tx.ThreadID,
		SQL: fmt.Sprintf("(%d rows of %s in one transaction)", took, name.Name), Tables: []string{name.Name}}}
	t.lose(tx, end, who, one, kind, []TableName{name}, took, true)
}

// lose files a loss: as a step of the session's wipe, or as a new incident.
func (t *incidentTracker) lose(tx *binlog.Transaction, end binlog.Position, who session, one *statement, kind string, tables []TableName, rows int64, exact bool) {
	if len(tables) == 0 && kind != KindDropDatabase {
		return
	}
	inc := t.active[who]
	if inc == nil || who.thread == 0 || tx.Committed.Sub(inc.Last) > wipePause {
		inc = &Incident{ID: strconv.Itoa(len(t.survey.Incidents) + 1), Kind: kind, Start: tx.Start, GTID: tx.GTID, Time: tx.Committed,
			Thread: who.thread, ServerID: who.server, Exact: true, totalsAt: t.total, before: t.survey.before}
		t.survey.Incidents = append(t.survey.Incidents, inc)
		t.active[who] = inc
	}
	if one.user != "" {
		inc.User = one.user
	}
	inc.End, inc.Last, inc.through = end, tx.Committed, t.survey.through
	inc.RowsLost += max(rows, 0)
	inc.Exact = inc.Exact && exact
	for _, name := range tables {
		if !slices.Contains(inc.Tables, name.Name) {
			inc.Tables = append(inc.Tables, name.Name)
		}
	}
	inc.Statements = append(inc.Statements, IncidentStatement{StatementRef: one.ref, Kind: kind, RowsLost: max(rows, 0)})
}
