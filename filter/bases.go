package filter

import (
	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/internal/schema"
)

// Bases says, where the base is made of several backups of one database, which of them each table is taken from, and so which
// changes of it are to be left to that backup. nil is a base of one piece.
type Bases struct {
	Ends []BaseEnd
	Of   map[string]int // by table: which of Ends
	Rest int            // of views, routines and events
}

// BaseEnd is how far into the log a backup reaches. The zero BaseEnd is of unknown date, and holds nothing for certain.
type BaseEnd struct {
	Position binlog.Position
	GTIDs    gtid.Set // used where it is not empty
}

func (e *BaseEnd) holds(tx *binlog.Transaction) bool {
	if !e.GTIDs.IsEmpty() {
		return e.GTIDs.Contains(tx.GTID)
	}
	return !e.Position.IsZero() && tx.Start.Compare(e.Position) < 0
}

// All reports that every backup holds a transaction.
func (b *Bases) All(tx *binlog.Transaction) bool {
	if b == nil {
		return false
	}
	for i := range b.Ends {
		if !b.Ends[i].holds(tx) {
			return false
		}
	}
	return len(b.Ends) > 0
}

// Parts reports that some backups hold a transaction, and others do not.
func (b *Bases) Parts(tx *binlog.Transaction) bool {
	if b == nil {
		return false
	}
	held := 0
	for i := range b.Ends {
		if b.Ends[i].holds(tx) {
			held++
		}
	}
	return held > 0 && held < len(b.Ends)
}

// Table reports that the backup that a table is taken from holds a transaction. One that is in no backup comes from the log alone,
// from the place on at which the oldest backup ends.
func (b *Bases) Table(tx *binlog.Transaction, name string) bool {
	if i, ok := b.Of[name]; ok {
		return b.Ends[i].holds(tx)
	}
	return b.All(tx)
}

// Statement reports whether the backups of everything that a statement is about hold it (held), or those of some of it (parted): then
// the others would miss it, or get it twice.
func (b *Bases) Statement(tx *binlog.Transaction, db string, st *schema.Statement, q *binlog.Query) (held, parted bool) {
	yes, no := 0, 0
	count := func(h bool) {
		if h {
			yes++
		} else {
			no++
		}
	}
	switch st.Verb {
	case schema.DropDatabase, schema.DropTrigger:
		return false, true // a trigger's table is not in the statement
	case schema.CreateDatabase, schema.AlterDatabase:
		return false, st.OrReplace // where there are tables, it makes none and drops none
	}
	for _, o := range Touched(st, q) {
		switch {
		case o.DB != db || o.Role == schema.Source:
		case o.Kind == schema.KindTable, o.Kind == schema.KindSequence:
			count(b.Table(tx, o.Name))
		case o.Kind == schema.KindTrigger: // as its table
		default:
			count(b.Ends[b.Rest].holds(tx))
		}
	}
	return yes > 0 && no == 0, yes > 0 && no > 0
}
