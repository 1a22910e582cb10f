package filter

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/internal/schema"
)

// Survey is what one reading of a log tells: the same reading serves audit, plan and restore.
type Survey struct {
	Scope       Scope
	From, To    binlog.Position // To is the end of the last file read
	First, Last time.Time
	Format      binlog.Format // of the last file
	Databases   map[string]int64
	Tables      map[TableName]*History
	Statements  []StatementRef // that change something in scope, in log order
	Incidents   []*Incident
	Harmless    []Harmless // what looks like a loss and is none; the first of them
	HarmlessAll int64      // how many there were
	Findings    []Finding
	GTIDs       gtid.Set // of the transactions read
	Totals      Totals
	Void        map[binlog.Position]string  // transactions without effect, by their start, and why
	VoidRanges  map[binlog.Position][]Range // parts undone by ROLLBACK TO, by their transaction's start
	XA          map[binlog.Position]XA      // distributed transactions, by the start of their rows
	Temporary   []binlog.Position           // statements that change rows of temporary tables only
	Beyond      map[TableName]Beyond        // tables out of scope that lost rows, or had some changed
	Timestamps  binlog.Position             // of the first statement that may make a TIMESTAMP column and does not say explicit_defaults_for_timestamp
	SystemZone  binlog.Position             // of the first statement whose effect goes by its server's own time zone
	Computed    []StatementRef              // ALTER TABLE that may make values of rows that are not in the log
	Outlived    []*Outlived                 // what may have been made under a default that only its session knew
	Stop        binlog.Position             // start of the first transaction left out; zero: read to the end
	LastInBase  binlog.Position             // start of the last transaction that the base holds already
	LastParted  binlog.Position             // start of the last one that some of several backups hold
	BaseEnd     binlog.Position             // its end
	BaseTime    time.Time                   // when that was committed
	Began       time.Time                   // when the first transaction that the base does not hold was committed
	ChangesRead int64                       // row events and statements before Stop

	before, through int64 // changes before and through the transaction at hand
}

// Totals counts what was read.
type Totals struct {
	Events, Transactions int64
	InBase               int64 // transactions that the base already holds
	Rows, RowsInScope    int64 // Rows counts rows in scope and row events out of it
}

// Range is the part of a file from one position to another.
type Range struct{ From, To binlog.Position }

// XA is the fate of a distributed transaction.
type XA struct {
	ID      string
	Decided binlog.Position // of its XA COMMIT; zero while it is not known to be committed
}

// History is what happened to one table.
type History struct {
	TableName
	Inserted, Updated, Deleted int64
	FirstChange, LastChange    binlog.Position
	FirstTime, LastTime        time.Time // when those were committed
	Lifetimes                  []Lifetime
	MissingTime                time.Time       // when that was
	Gone                       bool            // it does not exist where reading ended
	Missing                    binlog.Position // where it is first changed while neither base nor log made it; zero: nowhere
	FromLog                    bool            // its rows now all come from the log: it was created there
	Partial                    bool            // some row image lacks columns (binlog_row_image is not FULL)
	PartialJSON                Moment          // start of the first transaction with a partial JSON update
}

// StatementRef points at a statement of the log.
type StatementRef struct {
	Verb     string
	Pos, End binlog.Position
	GTID     gtid.GTID
	Time     time.Time
	Thread   uint32
	User     string // where the log has it: user@host
	SQL      string // an excerpt
	Tables   []string
}

// Harmless is a statement that looks as if it destroyed data and did not.
type Harmless struct {
	StatementRef
	Why string // see the Why constants
}

// Why a statement is harmless.
const (
	WhyTableCopy = "the end of a table copy"
	WhyNothing   = "it found nothing to drop"
	WhyTemporary = "a temporary table"
	WhyOwn       = "a table that its own session had just made"
	WhyEmpty     = "an empty table"
)

// mostHarmless bounds how many are kept: a server logs one for every session that leaves temporary tables.
const mostHarmless = 200

func (s *Survey) harmless(one *statement, why string) {
	s.HarmlessAll++
	if len(s.Harmless) < mostHarmless {
		s.Harmless = append(s.Harmless, Harmless{one.ref, why})
	}
}

// Finding is something a DBA must know before trusting a restore of this range.
type Finding struct {
	Time time.Time
	Code string // bases-differ, statement-format, unknown-statement, incident-event, xa-undecided, rolled-back, reaches-out, system-versioned, unsupported-values, database-not-named
	Pos  binlog.Position
	Text string
	// Start and GTID are of the transaction that it is in.
	Start binlog.Position
	GTID  gtid.GTID
	// Tables are those that it concerns, where it is known to concern no other.
	Tables []TableName
	// Blocks means that what follows cannot be restored exactly unless the user accepts it.
	Blocks bool
}

// Options steer a survey.
type Options struct {
	From     binlog.Position                   // where to begin, between transactions; zero: at the start
	InBase   func(tx *binlog.Transaction) bool // transactions that the base already holds; may be nil
	BaseRows map[TableName]int64               // rows of the base, for judging what a deletion took
	// BaseUnsure says that the base is of unknown date: its tables count, the numbers of its rows do not.
	BaseUnsure bool
	Bases      *Bases // what each backup holds, where there are several
	// Defaults are the default character sets of databases, as the base says them.
	Defaults map[string]schema.TextDefault
	Stop     Stop
	End      binlog.Position          // read no transaction that begins there or later; zero: read all
	Timeline *Timeline                // counts the changes read; may be nil
	Progress func(at binlog.Position) // called now and then; may be nil
	Workers  int                      // see binlog.ReadOptions
	// LowerNames says that the source keeps names in lower case, however its statements write them.
	LowerNames bool
}

// scanner is the state of one reading.
type scanner struct {
	survey    *Survey
	o         Options
	format    *binlog.Format
	stop      stopFinder
	tx        *txState
	at        *binlog.Transaction      // at hand
	prepared  map[schema.XID]*prepared // distributed transactions whose fate is not known yet
	incidents incidentTracker
	temp      tempTables
	defaults  *defaults
	maps      map[*binlog.TableMap]*table
	unread    map[TableName]*unread
	capitals  capitals
	spare     *txState               // of a transaction that is over
	changes   int64                  // of the open transaction
	now       time.Time              // of the item at hand
	lifetimes int                    // counted so far
	frozen    map[TableName]*History // the histories as of a stop that names an incident
}

// prepared is a distributed transaction between its XA PREPARE and what decides it.
type prepared struct {
	id    string
	start binlog.Position
	state *txState
}

// txState gathers one transaction until its end is known.
type txState struct {
	inBase     bool
	parted     bool        // some of several backups hold it
	held       []TableName // whose rows here are in their backup
	rows       changed
	others     int64 // row events out of scope
	statements []statement
	savepoints []savepoint
	since      []rowEvent // row events in scope since the first savepoint
	undone     []Range
}

// rowEvent is what one event added to a table's count.
type rowEvent struct {
	at   binlog.Position
	name TableName
	kind binlog.Change
	n    int64
}

func (s *scanner) newTx(inBase bool) *txState {
	x := s.spare
	if s.spare = nil; x == nil {
		return &txState{inBase: inBase}
	}
	x.rows.reset()
	*x = txState{inBase: inBase, rows: x.rows, since: x.since[:0], savepoints: x.savepoints[:0]}
	return x
}

type statement struct {
	ref     StatementRef
	st      schema.Statement
	objects []schema.Object
	inScope bool
	mode    schema.Mode
	effect  bool        // false: it is known to have changed nothing
	certain bool        // the log proves that it changed something
	dropped []TableName // by DROP DATABASE
}

type savepoint struct {
	name string
	at   binlog.Position
}

func newScanner(scope Scope, o Options) *scanner {
	s := &scanner{o: o, capitals: newCapitals(), temp: tempTables{}, defaults: newDefaults(o.Defaults), maps: map[*binlog.TableMap]*table{}, unread: map[TableName]*unread{}, prepared: map[schema.XID]*prepared{}, stop: newStopFinder(o)}
	s.survey = &Survey{Scope: scope, From: o.From, Databases: map[string]int64{}, Tables: map[TableName]*History{}, Beyond: map[TableName]Beyond{},
		Void: map[binlog.Position]string{}, VoidRanges: map[binlog.Position][]Range{}, XA: map[binlog.Position]XA{}}
	s.incidents = newIncidentTracker(s.survey, &o)
	return s
}

func (s *scanner) item(it *binlog.Item) error {
	s.survey.Totals.Events++
	s.now = it.Time
	if s.at = it.Tx; it.Tx != nil {
		s.now = it.Tx.Committed
	}
	switch it.Kind {
	case binlog.FileStart:
		s.format = it.Format
		s.survey.Format = *it.Format
		if it.Format.Created != 0 {
			s.incidents.restarted()
			clear(s.temp)
			if s.o.From.File != it.Pos.File || s.o.From.Offset <= 4 { // else what is read begins later
				s.defaults.restarted()
			}
		}
		if s.survey.From.IsZero() {
			s.survey.From = binlog.Position{File: it.Pos.File, Offset: 4}
		}
	case binlog.FileEnd:
		return s.fileEnd(it)
	case binlog.Begin:
		s.tx = s.newTx(s.o.InBase != nil && s.o.InBase(it.Tx))
		s.tx.parted = s.o.Bases.Parts(it.Tx)
	case binlog.RowChange:
		s.changes++
		return s.rowEvent(it)
	case binlog.Statement:
		s.changes++
		return s.statement(it)
	case binlog.Savepoint:
		if s.tx != nil {
			s.tx.savepoints = append(s.tx.savepoints, savepoint{it.Name, it.End})
		}
	case binlog.RollbackTo:
		s.rollbackTo(it)
	case binlog.Commit, binlog.Rollback, binlog.Prepare:
		return s.end(it)
	case binlog.Incident:
		s.find("incident-event", it.Pos, true, "the server itself says that events are missing here (%s)", it.Name)
	}
	return nil
}

func (s *scanner) find(code string, pos binlog.Position, blocks bool, format string, args ...any) {
	f := Finding{Time: s.now, Code: code, Pos: pos, Blocks: blocks, Text: fmt.Sprintf(format, args...)}
	if s.at != nil {
		f.Start, f.GTID = s.at.Start, s.at.GTID
	}
	s.survey.Findings = append(s.survey.Findings, f)
}

func (s *scanner) rowEvent(it *binlog.Item) error {
	t := s.table(it.Rows.Table)
	t.events++
	if !t.inScope {
		s.tx.others++
		s.beyond(t, it)
		return nil
	}
	name := t.name
	s.defaults.rows(name, it.Rows.Table)
	if s.tx.parted && s.o.Bases.Table(it.Tx, name.Name) {
		if !slices.Contains(s.tx.held, name) {
			s.tx.held = append(s.tx.held, name)
		}
		return nil
	}
	c := s.tx.rows.table(name, it.Pos)
	if it.Rows.Partial {
		c.partialJSON = it.Pos
	}
	if !it.Rows.AllColumns() {
		c.partial = true
	}
	n, err := it.Rows.Count, it.Rows.CountErr
	if errors.Is(err, binlog.ErrUnsupported) {
		s.cannotRead(name, it)
		n, err = 0, nil // it is not known how many they are
	}
	c.add(it.Rows.Kind, n)
	s.tx.remember(rowEvent{it.Pos, name, it.Rows.Kind, n})
	if err != nil {
		return &binlog.ReadError{Pos: it.Pos, Kind: binlog.ErrCorrupt, Detail: err.Error()}
	}
	return nil
}

// table is what a table map means to this survey.
type table struct {
	name    TableName
	inScope bool
	events  int64   // not yet counted for its database
	seen    [2]bool // out of scope: that it lost rows, that some were changed; see beyond
}

// Beyond is where a table out of scope first lost a row, and where one of its rows was first changed: foreign keys may have changed
// rows in scope with it.
type Beyond struct{ Deleted, Updated binlog.Position }

// beyond notes changes to tables out of scope.
func (s *scanner) beyond(t *table, it *binlog.Item) {
	kind := 0
	if it.Rows.Kind == binlog.Update {
		kind = 1
	}
	if it.Rows.Kind == binlog.Insert || t.seen[kind] || s.tx.inBase || System(t.name.DB) {
		return
	}
	t.seen[kind] = true
	b := s.survey.Beyond[t.name]
	if at := []*binlog.Position{&b.Deleted, &b.Updated}[kind]; at.IsZero() {
		*at = s.at.Start
	}
	s.survey.Beyond[t.name] = b
}

// mostMaps bounds how many table maps are remembered.
const mostMaps = 10_000

func (s *scanner) table(tm *binlog.TableMap) *table {
	t := s.maps[tm]
	if t == nil {
		if len(s.maps) >= mostMaps {
			s.countDatabases()
		}
		t = &table{name: TableName{tm.Database, tm.Table}, inScope: s.survey.Scope.Has(tm.Database, tm.Table)}
		s.maps[tm] = t
		s.capitals.apart = s.capitals.apart || t.name != t.name.lower()
	}
	return t
}

// countDatabases adds row events to their databases' counts, and forgets the table maps.
func (s *scanner) countDatabases() {
	for _, t := range s.maps {
		if t.events > 0 {
			s.survey.Databases[t.name.DB] += t.events
		}
	}
	clear(s.maps)
}

// remember keeps what a ROLLBACK TO may take back.
func (x *txState) remember(e rowEvent) {
	if len(x.savepoints) > 0 {
		x.since = append(x.since, e)
	}
}
