package filter

import (
	"bytes"
	"regexp"
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

func (s *scanner) statement(it *binlog.Item) error {
	ref := StatementRef{Pos: it.Tx.Start, End: it.End, GTID: it.Tx.GTID, Time: it.Tx.Committed, Thread: it.Query.ThreadID, SQL: Excerpt(it.Query.SQL, 200)}
	st, q, err := Understood(it.Query, s.format)
	it.Query = q
	if err != nil {
		s.unknown(it, err.Error())
		return nil
	}
	ref.Verb = st.Verb.String()
	ref.User = user(q)
	one := statement{ref: ref, st: st, objects: Touched(&st, q), mode: ReadingMode(q, s.format)}
	s.temp.statement(&one, q)
	for _, o := range one.objects {
		if o.DB != "" && !o.Undecoded {
			s.survey.Databases[o.DB]++
		}
	}
	if st.Undecoded() && !st.Verb.IsAccount() && !st.Verb.IsSession() {
		s.unknown(it, "its names are in a character set that cannot be compared: "+ref.SQL)
		return nil
	}
	one.inScope = s.survey.Scope.InScope(&st, q) && !st.Temporary
	one.effect, one.certain = s.hadEffect(&one, q)
	s.capitals.note(s, &one)
	if doubt := s.defaults.statement(&one, q, s.format); doubt != nil && one.inScope && !s.tx.inBase {
		s.survey.Outlived = append(s.survey.Outlived, doubt)
	}
	for _, o := range one.objects {
		if (o.Kind == schema.KindTable || o.Kind == schema.KindDatabase) && s.survey.Scope.HasDatabase(o.DB) {
			one.ref.Tables = append(one.ref.Tables, o.Name)
		}
	}
	if s.tx.parted && one.inScope && one.effect {
		held, parted := s.o.Bases.Statement(it.Tx, s.survey.Scope.Database, &st, q)
		switch {
		case held:
			return nil
		case parted:
			s.find(BasesDiffer, it.Tx.Start, true, "a statement that some of the backups hold and others do not (give one of them alone, or take all of its tables from one: --snapshot TABLE=PATH): %s", one.ref.SQL)
		}
	}
	s.judge(it, &one)
	s.tx.statements = append(s.tx.statements, one)
	return nil
}

// judge names what keeps a statement from being replayed exactly.
func (s *scanner) judge(it *binlog.Item, one *statement) {
	q := it.Query
	switch {
	case s.tx.inBase:
	case one.st.Verb.IsDML() && s.temp.only(one, q):
		one.inScope = false
		s.survey.Temporary = append(s.survey.Temporary, it.Pos)
	case one.st.Verb.IsDML() && (one.inScope || s.reaches(one, q)):
		s.find("statement-format", it.Tx.Start, true, "a change logged as a statement, not as rows: %s", one.ref.SQL)
		s.concerns(one, q)
	case one.inScope && one.effect && (one.st.Alter.ImportTablespace || one.st.Verb == schema.ImportTable):
		s.find("rows-not-logged", it.Tx.Start, true, "rows that came from a file of the server and are not in the log: %s", one.ref.SQL)
	case one.inScope && one.effect && one.st.Verb.IsDDL():
		s.judgeDDL(it, one)
	}
}

// judgeDDL names DDL whose effect the log does not hold: tables that come from beyond the scope or leave it, and MariaDB's
// system versioning, which stamps rows with the server's clock. Neither can be accepted as incomplete: what follows needs it.
func (s *scanner) judgeDDL(it *binlog.Item, one *statement) {
	q := it.Query
	if _, err := s.survey.Scope.Kept(&one.st, q, s.format); err != nil {
		s.find(BeyondScope, it.Tx.Start, true, "a statement that also concerns what is not to be restored, and cannot be taken apart: %s", one.ref.SQL)
	}
	if !s.format.MariaDB && s.format.VersionNumber() < 50700 && one.st.Verb == schema.CreateTable && unnamed.Match(q.SQL) && !bytes.Contains(q.SQL, []byte(" ENGINE=")) {
		s.find(UnnamedDatabase, it.Tx.Start, false, "this server logs CREATE TABLE … LIKE a temporary table without the name of the database, so this one may be another database's, and one too many here: %s", one.ref.SQL)
		s.concerns(one, q)
	}
	defines := one.st.Verb == schema.CreateTable || one.st.Verb == schema.AlterTable
	if defines && s.survey.Timestamps.IsZero() && !binlog.SaysExplicitTimestamp(s.format.MariaDB, s.format.VersionNumber()) && timestampWord.Match(q.SQL) {
		s.survey.Timestamps = it.Tx.Start
	}
	if q.Vars.TimeZone == "SYSTEM" && s.survey.SystemZone.IsZero() && (defines || one.st.Verb == schema.CreateEvent || one.st.Verb == schema.AlterEvent) {
		s.survey.SystemZone = it.Tx.Start
	}
	if AddsNumbers(&one.st, q) || one.st.Alter.Ignore || DrawnFrom(&one.st, q) != "" {
		s.survey.Computed = append(s.survey.Computed, one.ref)
	}
	if s.format.MariaDB && defines && versioning.Match(q.SQL) {
		s.find(SystemVersioned, it.Tx.Start, true, "a table with system versioning, whose history is not in the log: %s", one.ref.SQL)
	}
}

// Codes of findings that a plan treats by themselves. UnnamedDatabase is of no account where the table has rows.
const (
	BeyondScope     = "reaches-out"
	BasesDiffer     = "bases-differ"
	SystemVersioned = "system-versioned"
	UnnamedDatabase = "database-not-named"
)

// Final reports codes of findings that no restore can go past, whatever the user accepts.
func Final(code string) bool {
	return code == BeyondScope || code == BasesDiffer || code == SystemVersioned || code == UnsupportedValues
}

// unnamed finds the text that MySQL before 5.7 logs for CREATE TABLE … LIKE a temporary table: its own, and without the database even where
// that is not the session's. Of CREATE TABLE … SELECT it is the same, but rows follow.
var unnamed = regexp.MustCompile("(?s)^CREATE TABLE (IF NOT EXISTS )?`[^`]+` \\(\n  .*\n\\)[^\n]*$")

var timestampWord = regexp.MustCompile(`(?i)\bTIMESTAMP\b`)

var versioning = regexp.MustCompile(`(?i)\b(WITH|ADD)\s+SYSTEM\s+VERSIONING\b`)

// concerns says which tables the last finding is about, where the statement names all that it changes.
func (s *scanner) concerns(one *statement, q *binlog.Query) {
	f := &s.survey.Findings[len(s.survey.Findings)-1]
	switch one.st.Verb {
	case schema.Insert, schema.Replace, schema.Update, schema.Delete, schema.LoadData, schema.CreateTable:
	default:
		return // a routine, say, may change any table
	}
	if q.Vars.UpdatedDBsTooMany || len(q.Vars.UpdatedDBs) > 1 {
		return
	}
	for _, o := range one.objects {
		if o.Kind == schema.KindTable && o.Role == schema.Target && !o.Undecoded {
			f.Tables = append(f.Tables, TableName{o.DB, o.Name})
		}
	}
}

// reaches reports a change that may concern the scope without naming it: through a trigger or a routine,
// or by rows from a file.
func (s *scanner) reaches(one *statement, q *binlog.Query) bool {
	in := s.survey.Scope.HasDatabase
	named := slices.ContainsFunc(one.objects, func(o schema.Object) bool { return o.Kind == schema.KindTable && in(o.DB) })
	switch one.st.Verb {
	case schema.Call, schema.Do, schema.Select, schema.Compound:
		return in(q.Database) || named || slices.ContainsFunc(q.Vars.UpdatedDBs, in) || q.Vars.UpdatedDBsTooMany
	}
	return !named && (slices.ContainsFunc(q.Vars.UpdatedDBs, in) || q.Vars.UpdatedDBsTooMany) || q.LoadData && in(q.Database)
}

// unknown records a statement that could not be read. It matters only if it can concern the scope.
func (s *scanner) unknown(it *binlog.Item, why string) {
	if s.tx.inBase {
		return
	}
	q, scope := it.Query, s.survey.Scope
	near := scope.HasDatabase(q.Database) || slices.ContainsFunc(q.Vars.UpdatedDBs, scope.HasDatabase) || q.Vars.UpdatedDBsTooMany ||
		q.LoadData && q.Database == ""
	if db := scope.Database; db != "" {
		near = near || bytes.Contains(q.SQL, []byte(db))
	}
	s.find("unknown-statement", it.Tx.Start, near, "%s", why)
}

func user(q *binlog.Query) string {
	if q.Vars.InvokerUser == "" {
		return ""
	}
	return q.Vars.InvokerUser + "@" + q.Vars.InvokerHost
}

// Failed reports a statement that the server logged though it failed and did nothing. A DROP of several tables may have
// dropped some before it failed: servers before MySQL 8 drop one after the other.
func Failed(st *schema.Statement, q *binlog.Query) bool {
	const unknownTable = 1051 // those that there were have gone
	switch {
	case q.ErrorCode == 0:
		return false
	case st.Verb != schema.DropTable:
		return true
	}
	return q.ErrorCode != unknownTable && len(st.Objects) == 1
}

// hadEffect tells whether a logged DDL statement changed anything, since servers also log those that did
// not, and whether the log proves it. Since MySQL 8 the log has a transaction number for whatever the
// data dictionary takes part in: databases and InnoDB's tables, but not MyISAM's. MariaDB does not log a
// CREATE … IF NOT EXISTS that found its table.
func (s *scanner) hadEffect(one *statement, q *binlog.Query) (effect, certain bool) {
	switch {
	case Failed(&one.st, q), q.Vars.Alter == binlog.AlterStart, q.Vars.Alter == binlog.AlterRollback:
		return false, false
	case q.Vars.HasDDLXID, !one.st.IfExists && !one.st.IfNotExists && q.ErrorCode == 0:
		return true, true
	}
	atomic := !s.format.MariaDB && s.format.VersionNumber() >= 80000
	switch one.st.Verb {
	case schema.CreateDatabase, schema.DropDatabase:
		return !atomic, false
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect, schema.CreateSequence:
		for _, o := range one.objects {
			if o.Role == schema.Target {
				was := s.incidents.look(TableName{o.DB, o.Name}).presence
				effect = effect || was == absent || was == unknown && !atomic
			}
		}
		return effect, s.format.MariaDB
	}
	known := false
	for _, o := range one.objects {
		if o.Kind != schema.KindTable && o.Kind != schema.KindSequence {
			return true, false
		}
		switch s.incidents.look(TableName{o.DB, o.Name}).presence {
		case present:
			return true, true
		case unknown:
			known = known || !atomic
		}
	}
	return known, false
}

func (s *scanner) rollbackTo(it *binlog.Item) {
	if s.tx == nil {
		return
	}
	for i := len(s.tx.savepoints) - 1; i >= 0; i-- {
		sp := s.tx.savepoints[i]
		if sp.name != it.Name {
			continue
		}
		s.tx.savepoints = s.tx.savepoints[:i+1]
		s.tx.undone = append(s.tx.undone, Range{sp.at, it.Pos})
		s.tx.takeBack(sp.at)
		return
	}
	if !s.tx.inBase {
		s.find("rolled-back", it.Pos, true, "ROLLBACK TO %s names a savepoint that the log does not have", it.Name)
	}
}

// takeBack uncounts the rows from a savepoint on.
func (x *txState) takeBack(from binlog.Position) {
	keep := x.since[:0]
	for _, e := range x.since {
		if e.at.Compare(from) < 0 {
			keep = append(keep, e)
			continue
		}
		c := x.rows.table(e.name, e.at)
		c.add(e.kind, -e.n)
		if c.all() == 0 {
			x.rows.remove(e.name)
		}
	}
	x.since = keep
}

// xid is a distributed transaction's id as the log's XA statements write it.
func xid(text string) (schema.XID, error) {
	st, err := schema.Classify([]byte("XA PREPARE "+text), schema.Mode{})
	return st.XID, err
}

// decide follows an XA COMMIT or XA ROLLBACK. Only now do the rows count that were prepared before.
func (s *scanner) decide(it *binlog.Item, one *statement) (*prepared, bool) {
	commit := one.st.Verb == schema.XACommit
	p, ok := s.prepared[one.st.XID]
	if !ok {
		if commit && !one.st.OnePhase {
			s.find("xa-undecided", it.Tx.Start, true, "%s: its rows were prepared before what is read, and are not in the base", one.ref.SQL)
		}
		return nil, false
	}
	delete(s.prepared, one.st.XID)
	if !commit {
		s.survey.Void[p.start] = "rolled back (XA ROLLBACK)"
		return nil, false
	}
	for _, name := range p.state.held {
		if !s.o.Bases.Table(it.Tx, name.Name) {
			s.find("xa-undecided", it.Tx.Start, true, "%s: its rows of %s were prepared before their backup was taken, and are not in it", one.ref.SQL, name.Name)
		}
	}
	s.survey.XA[p.start] = XA{ID: p.id, Decided: it.Tx.Start}
	return p, true
}
