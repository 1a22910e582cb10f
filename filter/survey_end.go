package filter

import (
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// fileEnd notes where a file ends. A transaction that is open there has no end: nothing of it counts.
func (s *scanner) fileEnd(it *binlog.Item) error {
	s.survey.To = it.End
	s.stop.ends[it.End.File] = it.End.Offset
	if !it.Ending.InTx {
		return nil
	}
	s.advance()
	s.survey.Void[it.Ending.TxFrom] = "its end is missing"
	tx := binlog.Transaction{Start: it.Ending.TxFrom}
	if it.Tx != nil {
		tx = *it.Tx
	}
	s.tx = nil
	return s.stopAt(&tx, it.End)
}

// advance counts the changes of the transaction at hand.
func (s *scanner) advance() {
	s.survey.before = s.survey.through
	s.survey.through += s.changes
	s.changes = 0
}

func (s *scanner) stopAt(tx *binlog.Transaction, end binlog.Position) error {
	found := s.stop.found
	if err := s.stop.transaction(tx, end); err != nil {
		return err
	}
	if s.stop.found && !found {
		s.survey.ChangesRead = s.survey.before
		if s.stop.at == end {
			s.survey.ChangesRead = s.survey.through
		}
	}
	return nil
}

// end closes a transaction: only now is it known whether it had effect.
func (s *scanner) end(it *binlog.Item) error {
	tx, state := it.Tx, s.tx
	s.tx = nil
	if state == nil {
		return nil
	}
	if it.Kind != binlog.Prepare {
		defer func(x *txState) { s.spare = x }(state)
	}
	s.advance()
	t := &s.survey.Totals
	t.Transactions++
	if s.survey.First.IsZero() {
		s.survey.First = tx.Committed
	}
	s.survey.Last = tx.Committed
	if err := s.survey.GTIDs.Add(tx.GTID); err != nil {
		s.find("gtid", tx.Start, true, "%v", err)
	}
	if err := s.stopAt(tx, it.End); err != nil {
		return err
	}
	if state.parted {
		s.survey.LastParted = tx.Start
	}
	if state.inBase {
		s.survey.LastInBase, s.survey.BaseEnd, s.survey.BaseTime = tx.Start, it.End, tx.Committed
		t.InBase++
		return nil
	}
	if s.survey.Began.IsZero() {
		s.survey.Began = tx.Committed
	}
	t.Rows += state.others
	rowsAt := tx.Start
	switch {
	case it.Kind == binlog.Rollback && !lasting(state):
		s.rolledBack(it, state)
		return nil
	case it.Kind == binlog.Prepare:
		return s.prepare(it, state)
	case len(state.statements) == 1:
		switch one := &state.statements[0]; one.st.Verb {
		case schema.XACommit, schema.XARollback:
			p, ok := s.decide(it, one)
			if !ok {
				return nil
			}
			rowsAt, state = p.start, p.state
		}
	}
	s.undone(tx, state)
	s.incidents.transaction(tx, it.End, rowsAt, state)
	s.record(it, state)
	return nil
}

// lasting reports a transaction that nothing can undo, although it ends in a ROLLBACK: MariaDB logs so the DROP of a table by a CREATE OR REPLACE … SELECT that failed.
func lasting(state *txState) bool {
	return len(state.rows.list) == 0 && slices.ContainsFunc(state.statements, func(one statement) bool { return one.st.Verb == schema.DropTable && !one.st.Temporary })
}

// rolledBack notes a transaction that was logged and undone. Servers write one with its ROLLBACK when it
// did what cannot be undone; before 5.6 these could be rows of MyISAM, among rows that were undone.
func (s *scanner) rolledBack(it *binlog.Item, state *txState) {
	if len(state.rows.list) == 0 {
		return
	}
	s.survey.Void[it.Tx.Start] = "rolled back"
	if !s.format.MariaDB && s.format.VersionNumber() < 50600 {
		s.find("rolled-back", it.Tx.Start, true, "a transaction that was rolled back, which may hold rows of tables that cannot roll back (MyISAM)")
	}
}

func (s *scanner) prepare(it *binlog.Item, state *txState) error {
	id, err := xid(it.Tx.XA)
	if err != nil {
		return &binlog.ReadError{Pos: it.Pos, Kind: binlog.ErrCorrupt, Detail: err.Error()}
	}
	s.prepared[id] = &prepared{id: it.Tx.XA, start: it.Tx.Start, state: state}
	s.survey.XA[it.Tx.Start] = XA{ID: it.Tx.XA}
	s.undone(it.Tx, state)
	return nil
}

func (s *scanner) undone(tx *binlog.Transaction, state *txState) {
	if len(state.undone) == 0 {
		return
	}
	s.survey.VoidRanges[tx.Start] = state.undone
	s.find("rolled-back", tx.Start, false, "part of this transaction was undone by ROLLBACK TO SAVEPOINT")
	state.undone = nil
}

// record files a transaction under its tables, unless it lies behind the stop.
func (s *scanner) record(it *binlog.Item, state *txState) {
	stop := &s.o.Stop
	if s.stop.found && it.Tx.Start.Compare(s.stop.at) >= 0 {
		return
	}
	inc := s.incidents.named(stop)
	if inc != nil && !stop.After {
		if s.frozen == nil {
			s.frozen = s.survey.Tables
		}
		return
	}
	tables := state.rows.all()
	for i := range tables {
		c := &tables[i]
		name := c.name
		s.survey.Totals.Rows += c.all()
		s.survey.Totals.RowsInScope += c.all()
		h := s.history(name)
		h.add(c, it)
		s.o.Timeline.add(name, it.Time, c)
		if !c.partialJSON.IsZero() && h.PartialJSON.IsZero() {
			h.PartialJSON = Moment{it.Tx.Start, it.Time}
		}
		if h.Missing.IsZero() && s.incidents.state(name).origin == fromNowhere {
			h.Missing, h.MissingTime = c.first, it.Time
		}
	}
	for i := range state.statements {
		s.settle(&state.statements[i])
	}
	if inc != nil && inc.End == it.End {
		s.frozen = copyHistories(s.survey.Tables)
	}
}

func copyHistories(m map[TableName]*History) map[TableName]*History {
	out := make(map[TableName]*History, len(m))
	for name, h := range m {
		c := *h
		c.Lifetimes = slices.Clone(h.Lifetimes)
		out[name] = &c
	}
	return out
}

func (s *scanner) history(name TableName) *History {
	h := s.survey.Tables[name]
	if h == nil {
		h = &History{TableName: name}
		s.survey.Tables[name] = h
	}
	return h
}

func (h *History) add(c *rowCount, it *binlog.Item) {
	h.Inserted += c.inserted
	h.Updated += c.updated
	h.Deleted += c.deleted
	h.Partial = h.Partial || c.partial
	if h.FirstChange.IsZero() {
		h.FirstChange, h.FirstTime = c.first, it.Time
	}
	h.LastChange, h.LastTime = it.End, it.Time
}

// settle files a statement under the tables it is about.
func (s *scanner) settle(one *statement) {
	if !one.inScope || !one.effect || !one.st.Verb.IsDDL() {
		return
	}
	s.survey.Statements = append(s.survey.Statements, one.ref)
	for _, name := range one.dropped {
		h := s.history(name)
		h.Lifetimes = append(h.Lifetimes, s.numbered(Lifetime{StatementRef: one.ref, Event: EventDrop}))
	}
	for i, o := range one.objects {
		if o.Kind != schema.KindTable && o.Kind != schema.KindSequence || !s.survey.Scope.Has(o.DB, o.Name) {
			continue
		}
		switch o.Role {
		case schema.Like, schema.Source, schema.Reference, schema.TriggerTable:
			continue
		}
		name := TableName{o.DB, o.Name}
		h := s.history(name)
		h.Lifetimes = append(h.Lifetimes, s.numbered(one.lifetime(i)))
		st := s.incidents.state(name)
		switch {
		case st.presence == absent: // gone: what was known of its rows holds for those
		case st.origin == fromNowhere && h.Missing.IsZero():
			h.Missing, h.MissingTime = one.ref.Pos, one.ref.Time
		default:
			h.FromLog = st.origin == fromLog
		}
	}
}

func (s *scanner) numbered(l Lifetime) Lifetime {
	s.lifetimes++
	l.Seq = s.lifetimes
	return l
}

// lifetime tells what a statement did to the table that is its i-th object.
func (one *statement) lifetime(i int) Lifetime {
	l := Lifetime{StatementRef: one.ref, Event: EventAlter}
	other := func(i int) {
		if i >= 0 && i < len(one.objects) {
			l.Other = TableName{one.objects[i].DB, one.objects[i].Name}
		}
	}
	switch o := &one.objects[i]; {
	case o.Role == schema.RenameFrom:
		l.Event = EventRenameTo
		other(i + 1)
	case o.Role == schema.RenameTo:
		l.Event = EventRenameFrom
		other(i - 1)
	case one.st.Alter.RenameTo != nil && o.Role == schema.Target:
		l.Event, l.Other = EventRenameTo, TableName{one.st.Alter.RenameTo.DB, one.st.Alter.RenameTo.Name}
		if l.Other.DB == "" {
			l.Other.DB = o.DB
		}
	default:
		l.Event = eventOf(one.st.Verb)
	}
	return l
}

func eventOf(v schema.Verb) string {
	switch v {
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect, schema.CreateSequence:
		return EventCreate
	case schema.DropTable, schema.DropSequence, schema.DropDatabase:
		return EventDrop
	case schema.TruncateTable:
		return EventTruncate
	}
	return EventAlter
}

// finish names what stayed open at the end of the log, and resolves the stop. whole: the end was reached.
func (s *scanner) finish(whole bool) error {
	s.countDatabases()
	if s.frozen != nil {
		s.survey.Tables = s.frozen
	}
	s.incidents.finish()
	for name, h := range s.survey.Tables {
		h.Gone = s.incidents.look(name).presence == absent
	}
	for _, p := range s.prepared {
		s.survey.Void[p.start] = "prepared, and neither committed nor rolled back"
		s.find("xa-undecided", p.start, false, "distributed transaction %s was prepared, and neither committed nor rolled back in this log: its rows are left out", p.id)
	}
	for i := range s.survey.Findings {
		if f := &s.survey.Findings[i]; f.Code == "incident-event" && f.Pos.Compare(s.survey.LastInBase) < 0 {
			f.Blocks = false // the base was taken later
		}
	}
	s.findUnread()
	slices.SortStableFunc(s.survey.Findings, func(a, b Finding) int { return a.Pos.Compare(b.Pos) })
	if err := s.resolve(whole); err != nil {
		return err
	}
	if at := s.survey.Stop; !at.IsZero() {
		s.survey.Statements = slices.DeleteFunc(s.survey.Statements, func(r StatementRef) bool { return r.Pos.Compare(at) >= 0 })
	}
	return nil
}

func (s *scanner) resolve(whole bool) error {
	if id := s.o.Stop.Incident; s.o.Stop.Given && id != "" {
		inc, err := s.survey.Incident(id)
		if err != nil {
			return err
		}
		s.survey.Stop, s.survey.ChangesRead = inc.Start, inc.before
		if s.o.Stop.After {
			s.survey.Stop, s.survey.ChangesRead = inc.End, inc.through
		}
		return nil
	}
	if !s.stop.found {
		s.survey.ChangesRead = s.survey.through
	}
	if err := s.stop.finish(s.survey.To, whole); err != nil {
		return err
	}
	s.survey.Stop = s.stop.at
	return nil
}
