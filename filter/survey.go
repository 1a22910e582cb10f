package filter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
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
	Migrations  []StatementRef // drops that ended a table copy: nothing is lost
	Findings    []Finding
	GTIDs       gtid.Set // of the transactions read
	Totals      Totals
	Void        map[binlog.Position]string  // transactions without effect, by their start, and why
	VoidRanges  map[binlog.Position][]Range // parts undone by ROLLBACK TO, by their transaction's start
	XA          map[binlog.Position]XA      // distributed transactions, by the start of their rows
	Stop        binlog.Position             // start of the first transaction left out; zero: read to the end
	LastInBase  binlog.Position             // start of the last transaction that the base holds already
	ChangesRead int64                       // row events and statements before Stop
	Collations  map[string]uint16           // of databases, where a statement's session tells; ids

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
	LastTime                   time.Time
	Lifetimes                  []StatementRef
	Missing                    binlog.Position // where it is first changed while neither base nor log made it; zero: nowhere
	FromLog                    bool            // its rows now all come from the log: it was created there
	Partial                    bool            // some row image lacks columns (binlog_row_image is not FULL)
	PartialJSON                binlog.Position // first partial JSON update
}

// StatementRef points at a statement of the log.
type StatementRef struct {
	Verb     string
	Pos, End binlog.Position
	GTID     gtid.GTID
	Time     time.Time
	Thread   uint32
	SQL      string // an excerpt
	Tables   []string
}

// Finding is something a DBA must know before trusting a restore of this range.
type Finding struct {
	Code string // statement-format, unknown-statement, incident-event, xa-undecided, rolled-back, partial-json
	Pos  binlog.Position
	Text string
	// Blocks means that what follows cannot be restored exactly unless the user accepts it.
	Blocks bool
}

// Options steer a survey.
type Options struct {
	From     binlog.Position                   // where to begin, between transactions; zero: at the start
	InBase   func(tx *binlog.Transaction) bool // transactions that the base already holds; may be nil
	BaseRows map[TableName]int64               // rows of the base, for judging what a deletion took
	Stop     Stop
	Progress func(at binlog.Position) // called now and then; may be nil
}

// Scan reads the whole chain once. Damage in a file ends the scan there with a finding of the archive's;
// it is returned as the error beside the survey of what came before.
func Scan(ctx context.Context, files []binlog.File, scope Scope, o Options) (*Survey, error) {
	r, err := binlog.NewReader(files, o.From)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s := newScanner(scope, o)
	for n := 0; ; n++ {
		it, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var damage *binlog.ReadError
			if !errors.As(err, &damage) {
				return nil, err
			}
			s.survey.To = damage.Pos
			return s.survey, errors.Join(err, s.finish())
		}
		if o.Progress != nil && n%4096 == 0 {
			o.Progress(it.Pos)
		}
		if err := s.item(&it); err != nil {
			return nil, err
		}
	}
	return s.survey, s.finish()
}

// scanner is the state of one reading.
type scanner struct {
	survey    *Survey
	o         Options
	format    *binlog.Format
	stop      stopFinder
	tx        *txState
	prepared  map[string]binlog.Position // XA id → start of its rows
	incidents incidentTracker
	rows      binlog.RowReader
	changes   int64                  // of the open transaction
	frozen    map[TableName]*History // the histories as of a stop that names an incident
}

// txState gathers one transaction until its end is known.
type txState struct {
	inBase     bool
	rows       map[TableName]*rowCount
	others     int64 // row events out of scope
	statements []statement
	savepoints []savepoint
	undone     []Range
}

type rowCount struct {
	inserted, updated, deleted int64
	first                      binlog.Position
	partial                    bool
	partialJSON                binlog.Position
}

func (c *rowCount) all() int64 { return c.inserted + c.updated + c.deleted }

type statement struct {
	ref     StatementRef
	st      schema.Statement
	objects []schema.Object
	inScope bool
	effect  bool // false: it is known to have changed nothing
	user    string
}

type savepoint struct {
	name string
	at   binlog.Position
}

func newScanner(scope Scope, o Options) *scanner {
	s := &scanner{o: o, prepared: map[string]binlog.Position{}, stop: stopFinder{stop: o.Stop}}
	s.survey = &Survey{Scope: scope, From: o.From, Databases: map[string]int64{}, Tables: map[TableName]*History{},
		Collations: map[string]uint16{}, Void: map[binlog.Position]string{}, VoidRanges: map[binlog.Position][]Range{}, XA: map[binlog.Position]XA{}}
	s.incidents = newIncidentTracker(s.survey, o.BaseRows)
	return s
}

func (s *scanner) item(it *binlog.Item) error {
	s.survey.Totals.Events++
	switch it.Kind {
	case binlog.FileStart:
		s.format = it.Format
		s.survey.Format = *it.Format
		if s.survey.From.IsZero() {
			s.survey.From = binlog.Position{File: it.Pos.File, Offset: 4}
		}
	case binlog.FileEnd:
		s.survey.To = it.End
		if it.Ending.InTx {
			s.survey.through += s.changes
			s.changes = 0
			s.survey.Void[it.Ending.TxFrom] = "its end is missing"
			s.tx = nil
		}
	case binlog.Begin:
		s.tx = &txState{inBase: s.o.InBase != nil && s.o.InBase(it.Tx)}
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
	s.survey.Findings = append(s.survey.Findings, Finding{Code: code, Pos: pos, Blocks: blocks, Text: fmt.Sprintf(format, args...)})
}

func (s *scanner) rowEvent(it *binlog.Item) error {
	t := it.Rows.Table
	s.survey.Databases[t.Database]++
	if !s.survey.Scope.Has(t.Database, t.Table) {
		s.tx.others++
		return nil
	}
	name := TableName{t.Database, t.Table}
	if s.tx.rows == nil {
		s.tx.rows = map[TableName]*rowCount{}
	}
	c := s.tx.rows[name]
	if c == nil {
		c = &rowCount{first: it.Pos}
		s.tx.rows[name] = c
	}
	if it.Rows.Partial {
		// Its rows cannot be walked; one that is there is enough to know.
		c.partialJSON, c.updated = it.Pos, c.updated+1
		return nil
	}
	if !it.Rows.AllColumns() {
		c.partial = true
	}
	n, err := s.count(it)
	switch it.Rows.Kind {
	case binlog.Insert:
		c.inserted += n
	case binlog.Update:
		c.updated += n
	case binlog.Delete:
		c.deleted += n
	}
	return err
}

func (s *scanner) count(it *binlog.Item) (n int64, err error) {
	s.rows.Reset(it.Rows)
	for {
		more, err := s.rows.Next()
		if err != nil {
			return n, &binlog.ReadError{Pos: it.Pos, Kind: binlog.ErrCorrupt, Detail: err.Error()}
		}
		if !more {
			return n, nil
		}
		n++
	}
}

func (s *scanner) statement(it *binlog.Item) error {
	q := it.Query
	if c := q.Vars.DatabaseCollation; c != 0 && s.survey.Collations[q.Database] == 0 {
		s.survey.Collations[q.Database] = c
	}
	ref := StatementRef{Pos: it.Tx.Start, End: it.End, GTID: it.Tx.GTID, Time: it.Tx.Committed, Thread: q.ThreadID, SQL: Excerpt(q.SQL, 200)}
	st, err := schema.Classify(q.SQL, ReadingMode(q, s.format))
	if err != nil {
		s.unknown(it, err)
		return nil
	}
	ref.Verb = st.Verb.String()
	switch {
	case st.Verb == schema.XACommit:
		s.decide(q.SQL, it.Tx.Start, true)
		return nil
	case st.Verb == schema.XARollback:
		s.decide(q.SQL, it.Tx.Start, false)
		return nil
	}
	one := statement{ref: ref, st: st, objects: Touched(&st, q), user: user(q)}
	for _, o := range one.objects {
		if o.DB != "" {
			s.survey.Databases[o.DB]++
		}
	}
	one.inScope = s.survey.Scope.InScope(&st, q) && !st.Temporary
	one.effect = s.hadEffect(&one, q)
	for _, o := range one.objects {
		if (o.Kind == schema.KindTable || o.Kind == schema.KindDatabase) && s.survey.Scope.HasDatabase(o.DB) {
			one.ref.Tables = append(one.ref.Tables, o.Name)
		}
	}
	if st.Verb.IsDML() && (one.inScope || q.LoadData && s.survey.Scope.HasDatabase(q.Database)) {
		s.find("statement-format", it.Pos, true, "a change logged as a statement, not as rows: %s", ref.SQL)
	}
	s.tx.statements = append(s.tx.statements, one)
	return nil
}

// unknown records a statement that could not be read. It matters only if it can concern the scope.
func (s *scanner) unknown(it *binlog.Item, err error) {
	q := it.Query
	db := s.survey.Scope.Database
	near := db == "" || q.Database == db || strings.Contains(string(q.SQL), db)
	for _, d := range q.Vars.UpdatedDBs {
		near = near || d == db
	}
	s.find("unknown-statement", it.Pos, near && !System(q.Database), "%v", err)
}

func user(q *binlog.Query) string {
	if q.Vars.InvokerUser == "" {
		return ""
	}
	return q.Vars.InvokerUser + "@" + q.Vars.InvokerHost
}

// hadEffect tells whether a logged DDL statement changed anything: servers also log those that did not.
func (s *scanner) hadEffect(one *statement, q *binlog.Query) bool {
	if q.ErrorCode != 0 && one.st.Verb != schema.DropTable {
		return false
	}
	if q.Vars.Alter == binlog.AlterStart || q.Vars.Alter == binlog.AlterRollback {
		return false
	}
	if !one.st.IfExists && !one.st.IfNotExists {
		return true
	}
	if !s.format.MariaDB && s.format.VersionNumber() >= 80000 && q.Vars.HasDDLXID {
		return true
	}
	for _, o := range one.objects {
		if o.Kind != schema.KindTable {
			return true
		}
		if s.incidents.state(TableName{o.DB, o.Name}).presence != absent {
			return true
		}
	}
	return false
}

func (s *scanner) rollbackTo(it *binlog.Item) {
	if s.tx == nil {
		return
	}
	for i := len(s.tx.savepoints) - 1; i >= 0; i-- {
		if sp := s.tx.savepoints[i]; sp.name == it.Name {
			s.tx.savepoints = s.tx.savepoints[:i+1]
			s.tx.undone = append(s.tx.undone, Range{sp.at, it.Pos})
			return
		}
	}
	s.find("rolled-back", it.Pos, true, "ROLLBACK TO %s names a savepoint that the log does not have", it.Name)
}

func (s *scanner) decide(sql []byte, at binlog.Position, commit bool) {
	id := xaID(sql)
	start, ok := s.prepared[id]
	if !ok {
		if commit {
			s.find("xa-undecided", at, true, "XA COMMIT %s: its rows were prepared before the first position read", id)
		}
		return
	}
	delete(s.prepared, id)
	if !commit {
		s.survey.Void[start] = "rolled back (XA ROLLBACK)"
		return
	}
	s.survey.XA[start] = XA{ID: id, Decided: at}
}

// xaID is the part of an XA statement that names the transaction, in one spelling.
func xaID(sql []byte) string {
	f := strings.Fields(string(sql))
	if len(f) < 3 {
		return ""
	}
	return strings.ToLower(strings.Join(f[2:], ""))
}
