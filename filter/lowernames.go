package filter

import (
	"cmp"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// LowerNames is the code of the finding that names are read in lower case.
const LowerNames = "lower-case-names"

// A server that keeps names in lower case (lower_case_table_names is not 0) logs its rows under them, and its statements as they were typed. No log says which servers
// do. But a statement that certainly did something to a table of which nobody has heard, where there is one but for the capitals, tells; unless rows of some table
// with capitals tell otherwise.

// capitals are the names with capitals in statements that had an effect, each with the first that names it.
type capitals struct {
	touched map[TableName]namedAt // neither the base's nor made by the log
	made    map[TableName]namedAt
	apart   bool // the base, or the log's rows, have such a table: the source tells names apart
}

type namedAt struct {
	name TableName
	pos  binlog.Position
	text string
}

func newCapitals() capitals {
	return capitals{touched: map[TableName]namedAt{}, made: map[TableName]namedAt{}}
}

func (t TableName) lower() TableName {
	return TableName{strings.ToLower(t.DB), strings.ToLower(t.Name)}
}

// note remembers what a statement names that the base does not hold.
func (c *capitals) note(s *scanner, one *statement) {
	if c.apart || s.o.LowerNames || s.tx.inBase || !one.effect || !one.certain || one.st.Temporary || !one.st.Verb.IsDDL() || one.st.Verb == schema.CreateDatabase {
		return
	}
	for _, o := range one.objects {
		name := TableName{o.DB, o.Name}
		switch {
		case o.Kind == schema.KindDatabase:
			name.Name = ""
		case o.Kind != schema.KindTable:
			continue
		}
		if o.Undecoded || name == name.lower() || System(o.DB) {
			continue
		}
		_, made := c.made[name]
		switch {
		case o.Role == schema.RenameTo || o.Role == schema.Target && creates(one.st.Verb):
			keepFirst(c.made, name, one)
		case (o.Role == schema.Target || o.Role == schema.RenameFrom) && !made && s.incidents.look(name).presence != present:
			keepFirst(c.touched, name, one)
		}
	}
}

func creates(v schema.Verb) bool {
	return v == schema.CreateTable || v == schema.CreateTableLike || v == schema.CreateTableSelect
}

func keepFirst(in map[TableName]namedAt, name TableName, one *statement) {
	if _, ok := in[name]; !ok {
		in[name] = namedAt{name, one.ref.Pos, one.ref.SQL}
	}
}

// evidence is the first statement that shows names to be kept in lower case; nil where none does.
func (c *capitals) evidence(s *scanner) (first *namedAt) {
	known := map[TableName]bool{} // tables, and databases without a table's name
	for n := range s.o.BaseRows {
		c.apart = c.apart || n != n.lower()
		known[n], known[TableName{DB: n.DB}] = true, true
	}
	if c.apart {
		return nil
	}
	strays := map[TableName]bool{} // with rows that come from nowhere
	for n, h := range s.survey.Tables {
		if h.Inserted+h.Updated+h.Deleted > 0 || h.Partial {
			strays[n] = !h.FromLog && !known[n]
			known[n], known[TableName{DB: n.DB}] = true, true
		}
	}
	look := func(named map[TableName]namedAt, among map[TableName]bool) {
		for n, at := range named {
			if among[n.lower()] && (first == nil || cmp.Or(at.pos.Compare(first.pos), cmp.Compare(n.DB, first.name.DB), cmp.Compare(n.Name, first.name.Name)) < 0) {
				first = &at // of one statement's names the same each time: the finding tells it
			}
		}
	}
	look(c.touched, known)
	look(c.made, strays)
	return first
}
