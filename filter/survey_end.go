package filter

import (
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
	t := &s.survey.Totals
	t.Transactions++
	if s.survey.First.IsZero() {
		s.survey.First = tx.Committed
	}
	s.survey.Last = tx.Committed
	if err := s.survey.GTIDs.Add(tx.GTID); err != nil {
		s.find("gtid", tx.Start, true, "%v", err)
	}
	if err := s.stop.transaction(tx, it.End); err != nil {
		return err
	}
	if state.inBase {
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
	for name, c := range state.rows {
		t.Rows += c.all()
		t.RowsInScope += c.all()
		s.history(name).add(c, it)
		if !c.partialJSON.IsZero() && s.survey.Tables[name].Updated > 0 {
			s.survey.Tables[name].PartialJSON = c.partialJSON
		}
	}
	for i := range state.statements {
		s.settle(&state.statements[i])
	}
	s.incidents.transaction(tx, it.End, state)
	return nil
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
			h := s.history(TableName{o.DB, o.Name})
			h.Lifetimes = append(h.Lifetimes, one.ref)
		}
	}
}

// finish names what stayed open at the end of the log, and resolves a stop that names an incident.
func (s *scanner) finish() error {
	for id, start := range s.prepared {
		s.survey.Void[start] = "prepared, and neither committed nor rolled back"
		s.find("xa-undecided", start, false, "distributed transaction %s was prepared, and neither committed nor rolled back in this log: its rows are left out", id)
	}
	if id := s.o.Stop.Incident; s.o.Stop.Given && id != "" {
		inc, err := s.survey.Incident(id)
		if err != nil {
			return err
		}
		s.survey.Stop = inc.Start
		if s.o.Stop.After {
			s.survey.Stop = inc.End
		}
		return nil
	}
	if err := s.stop.finish(s.survey.To); err != nil {
		return err
	}
	s.survey.Stop = s.stop.at
	return nil
}

// Complete reports whether the log holds the table's whole life from its creation on, so that no base
// is needed: true when its first lifetime event creates it before any row changed.
func (h *History) Complete() bool {
	if len(h.Lifetimes) == 0 {
		return false
	}
	first := h.Lifetimes[0]
	if !h.FirstChange.IsZero() && h.FirstChange.Compare(first.Pos) < 0 {
		return false
	}
	return strings.HasPrefix(first.Verb, "CREATE")
}
