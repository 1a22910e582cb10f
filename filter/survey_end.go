package filter

import (
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// end closes a transaction: only now is it known whether it had effect.
func (s *scanner) end(it *binlog.Item) error {
	tx, state := it.Tx, s.tx
	s.tx = nil
	if state == nil {
		return nil
	}
	s.survey.before = s.survey.through
	s.survey.through += s.changes
	s.changes = 0
	t := &s.survey.Totals
	t.Transactions++
	if s.survey.First.IsZero() {
		s.survey.First = tx.Committed
	}
	s.survey.Last = tx.Committed
	if err := s.survey.GTIDs.Add(tx.GTID); err != nil {
		s.find("gtid", tx.Start, true, "%v", err)
	}
	found := s.stop.found
	if err := s.stop.transaction(tx, it.End); err != nil {
		return err
	}
	if s.stop.found && !found {
		s.survey.ChangesRead = s.survey.before
		if s.stop.at == it.End {
			s.survey.ChangesRead = s.survey.through
		}
	}
	if state.inBase {
		s.survey.LastInBase = tx.Start
		t.InBase++
		return nil
	}
	t.Rows += state.others
	if it.Kind == binlog.Rollback && len(state.rows) > 0 {
		s.survey.Void[tx.Start] = "rolled back"
		return nil
	}
	if it.Kind == binlog.Prepare {
		s.prepared[strings.ToLower(strings.ReplaceAll(tx.XA, " ", ""))] = tx.Start
		s.survey.XA[tx.Start] = XA{ID: tx.XA}
	}
	if len(state.undone) > 0 {
		s.survey.VoidRanges[tx.Start] = state.undone
		s.find("rolled-back", tx.Start, false, "part of this transaction was undone by ROLLBACK TO SAVEPOINT")
	}
	s.incidents.transaction(tx, it.End, state)
	s.record(it, state)
	return nil
}

// record files a transaction under its tables, unless it lies behind the stop.
func (s *scanner) record(it *binlog.Item, state *txState) {
	stop := &s.o.Stop
	if s.stop.found && (!stop.After || s.stop.at != it.End) && it.Tx.Start.Compare(s.stop.at) >= 0 {
		return
	}
	inc := s.incidents.named(stop)
	if inc != nil && !stop.After {
		if s.frozen == nil {
			s.frozen = s.survey.Tables
		}
		return
	}
	for name, c := range state.rows {
		s.survey.Totals.Rows += c.all()
		s.survey.Totals.RowsInScope += c.all()
		h := s.history(name)
		h.add(c, it)
		if !c.partialJSON.IsZero() && h.PartialJSON.IsZero() {
			h.PartialJSON = c.partialJSON
		}
		if h.Missing.IsZero() && s.incidents.state(name).origin == fromNowhere {
			h.Missing = c.first
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
		h.FirstChange = c.first
	}
	h.LastChange, h.LastTime = it.End, it.Time
}

// settle files a statement under the tables it is about.
func (s *scanner) settle(one *statement) {
	if !one.inScope || !one.st.Verb.IsDDL() {
		return
	}
	s.survey.Statements = append(s.survey.Statements, one.ref)
	if !one.effect {
		return
	}
	for _, o := range one.objects {
		if o.Kind != schema.KindTable || !s.survey.Scope.Has(o.DB, o.Name) {
			continue
		}
		switch o.Role {
		case schema.Like, schema.Source, schema.Reference:
		default:
			name := TableName{o.DB, o.Name}
			h := s.history(name)
			h.Lifetimes = append(h.Lifetimes, one.ref)
			switch origin := s.incidents.state(name).origin; {
			case origin == fromLog:
				h.FromLog = true
			case origin == fromNowhere && h.Missing.IsZero() && one.st.Verb != schema.DropTable:
				h.Missing = one.ref.Pos
			}
		}
	}
}

// finish names what stayed open at the end of the log, and resolves a stop that names an incident.
func (s *scanner) finish() error {
	if s.frozen != nil {
		s.survey.Tables = s.frozen
	}
	for id, start := range s.prepared {
		s.survey.Void[start] = "prepared, and neither committed nor rolled back"
		s.find("xa-undecided", start, false, "distributed transaction %s was prepared, and neither committed nor rolled back in this log: its rows are left out", id)
	}
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
	found := s.stop.found
	if err := s.stop.finish(s.survey.To); err != nil {
		return err
	}
	if !found {
		s.survey.ChangesRead = s.survey.through
	}
	s.survey.Stop = s.stop.at
	return nil
}
