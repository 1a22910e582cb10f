package filter

import (
	"fmt"
	"maps"
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
	Tables     []string // with their database where the scope is all of them
	RowsLost   int64    // at least so many, where Exact is false
	Exact      bool
	Statements []IncidentStatement
	// Session holds the start of every transaction in scope of that session from Start on, until it
	// paused for longer than wipePause. A distributed one appears by its rows and by its XA COMMIT.
	Session []binlog.Position
	// SessionBefore is what that session wrote before, without a pause longer than wipePause. Zero where Thread is.
	SessionBefore Writes
	SessionFrom   time.Time // when it began to
	SessionAfter  Writes    // of that session, beside the statements of the wipe
	OthersAfter   Writes

	steps, totalsAt Writes // of the wipe's own statements; of everybody up to Start
	before, through int64  // changes of the log before Start and through End
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

func (w *Writes) add(rows int64, end binlog.Position) {
	w.Transactions++
	w.Rows += rows
	w.Last = end
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

type session struct{ server, thread uint32 }

// change is a transaction that took effect, as the tracker judges it.
type change struct {
	tx     *binlog.Transaction
	end    binlog.Position
	who    session
	starts []binlog.Position // of the transaction and, for a distributed one, of its rows
}

type incidentTracker struct {
	survey *Survey
	tables map[TableName]*tableState
	whole  map[string]bool // databases of which every table is known: one not in tables does not exist
	active map[session]*Incident
	step   *Incident // that the transaction at hand is a step of
	total  Writes
	people map[session]*person

	// The end of the last transaction, of the last one of another incident's session, and whose they were.
	last, other   binlog.Position
	lastI, otherI *Incident
}

func newIncidentTracker(s *Survey, o *Options) incidentTracker {
	t := incidentTracker{survey: s, tables: map[TableName]*tableState{}, whole: map[string]bool{}, active: map[session]*Incident{}, people: map[session]*person{}}
	for name, rows := range o.BaseRows {
		if !s.Scope.Has(name.DB, name.Name) {
			continue // a restore does not load it
		}
		if o.BaseUnsure {
			t.tables[name] = &tableState{presence: present, origin: fromBase}
			continue
		}
		t.whole[name.DB] = true
		t.tables[name] = &tableState{presence: present, origin: fromBase, rows: rows, known: true}
	}
	return t
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

// current is the wipe that a session is at, unless it has paused for too long.
func (t *incidentTracker) current(c *change) *Incident {
	if c.who.thread == 0 {
		return nil
	}
	inc := t.active[c.who]
	if inc != nil && c.tx.Committed.Sub(inc.Last) > wipePause {
		delete(t.active, c.who)
		return nil
	}
	return inc
}

// restarted forgets whose sessions are whose: a server that starts numbers them anew.
func (t *incidentTracker) restarted() {
	clear(t.active)
	clear(t.people)
	for _, st := range t.tables {
		st.maker = session{}
	}
}

// transaction judges one transaction that took effect. rowsAt is where its rows lie: its own start, but
// for a distributed transaction, that of its first part.
func (t *incidentTracker) transaction(tx *binlog.Transaction, end binlog.Position, rowsAt binlog.Position, state *txState) {
	c := &change{tx: tx, end: end, who: session{tx.ServerID, tx.ThreadID}, starts: []binlog.Position{tx.Start}}
	if rowsAt != tx.Start {
		c.starts = []binlog.Position{rowsAt, tx.Start}
	}
	t.step = nil
	var rows int64
	tables := state.rows.all()
	inScope := len(tables) > 0
	for i := range state.statements {
		one := &state.statements[i]
		inScope = inScope || one.inScope
		t.known(c, one)
		switch {
		case one.effect:
			t.statement(c, one)
		case one.inScope && (one.st.Verb == schema.DropTable || one.st.Verb == schema.DropDatabase):
			t.survey.harmless(one, WhyNothing)
		}
	}
	for i := range tables {
		rows += tables[i].all()
		t.changes(c, tables[i].name, &tables[i])
	}
	if inScope {
		t.follow(c, rows)
	}
}

// person is what is known of a session, apart from wipes.
type person struct {
	user        string
	wrote       Writes // without a pause longer than wipePause
	first, last time.Time
}

// mostPeople bounds how many sessions are remembered: of more, those that have paused are forgotten.
const mostPeople = 10_000

func (t *incidentTracker) person(c *change) *person {
	p := t.people[c.who]
	if p == nil {
		if len(t.people) >= mostPeople {
			maps.DeleteFunc(t.people, func(_ session, p *person) bool { return c.tx.Committed.Sub(p.last) > wipePause })
		}
		if len(t.people) >= mostPeople {
			clear(t.people) // a server with so many sessions at once
		}
		p = &person{}
		t.people[c.who] = p
	}
	return p
}

// known notes a session's user where a statement tells it.
func (t *incidentTracker) known(c *change, one *statement) {
	if one.ref.User == "" || c.who.thread == 0 {
		return
	}
	t.person(c).user = one.ref.User
	if inc := t.active[c.who]; inc != nil {
		inc.User = one.ref.User
	}
}

// wrote counts what a session wrote in scope.
func (t *incidentTracker) wrote(c *change, rows int64) {
	if c.who.thread == 0 {
		return
	}
	p := t.person(c)
	if c.tx.Committed.Sub(p.last) > wipePause {
		p.wrote, p.first = Writes{}, c.tx.Committed
	}
	p.wrote.add(rows, c.end)
	p.last = c.tx.Committed
}

// follow adds a session's transaction to its wipe.
func (t *incidentTracker) follow(c *change, rows int64) {
	t.total.add(rows, c.end)
	t.wrote(c, rows)
	inc := t.step
	if inc != nil {
		inc.steps.add(rows, c.end)
	} else if inc = t.current(c); inc != nil {
		inc.SessionAfter.add(rows, c.end)
	}
	if inc != nil {
		inc.Last = c.tx.Committed
		inc.Session = append(inc.Session, c.starts...)
	}
	if t.lastI != inc {
		t.other, t.otherI = t.last, t.lastI
	}
	t.last, t.lastI = c.end, inc
}

// finish counts what others wrote since each incident.
func (t *incidentTracker) finish() {
	for _, i := range t.survey.Incidents {
		o := &i.OthersAfter
		o.Transactions = t.total.Transactions - i.totalsAt.Transactions - i.steps.Transactions - i.SessionAfter.Transactions
		o.Rows = t.total.Rows - i.totalsAt.Rows - i.steps.Rows - i.SessionAfter.Rows
		if o.Transactions == 0 {
			continue
		}
		if o.Last = t.last; t.lastI == i {
			o.Last = t.other
		}
	}
}

// lose files a loss: as a step of the session's wipe, or as a new incident.
func (t *incidentTracker) lose(c *change, one *statement, kind string, tables []TableName, rows int64, exact bool) {
	if len(tables) == 0 && kind != KindDropDatabase {
		return
	}
	inc := t.step
	if inc == nil {
		inc = t.current(c)
	}
	if inc == nil {
		inc = &Incident{ID: strconv.Itoa(len(t.survey.Incidents) + 1), Kind: kind, Start: c.tx.Start, GTID: c.tx.GTID, Time: c.tx.Committed,
			Thread: c.who.thread, ServerID: c.who.server, Exact: true, totalsAt: t.total, before: t.survey.before}
		if p := t.people[c.who]; p != nil {
			inc.User = p.user
			if c.tx.Committed.Sub(p.last) <= wipePause {
				inc.SessionBefore, inc.SessionFrom = p.wrote, p.first
			}
		}
		t.survey.Incidents = append(t.survey.Incidents, inc)
		if c.who.thread != 0 {
			t.active[c.who] = inc
		}
	}
	if one.ref.User != "" {
		inc.User = one.ref.User
	}
	t.advance(inc, c, IncidentStatement{StatementRef: one.ref, Kind: kind, RowsLost: max(rows, 0)})
	inc.RowsLost += max(rows, 0)
	inc.Exact = inc.Exact && exact
	for _, name := range tables {
		if label := t.label(name); !slices.Contains(inc.Tables, label) {
			inc.Tables = append(inc.Tables, label)
		}
	}
}

// advance adds a step to a wipe.
func (t *incidentTracker) advance(inc *Incident, c *change, s IncidentStatement) {
	t.step = inc
	inc.End, inc.Last, inc.through = c.end, c.tx.Committed, t.survey.through
	inc.Statements = append(inc.Statements, s)
}

func (t *incidentTracker) label(name TableName) string {
	if t.survey.Scope.Database == "" {
		return name.String()
	}
	return name.Name
}
