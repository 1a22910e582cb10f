package filter

import (
	"fmt"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
)

// UnsupportedValues is the code of rows that cannot be read though they are undamaged.
const UnsupportedValues = "unsupported-values"

// unread are the row events of one table that cannot be read.
type unread struct {
	start  binlog.Position // of the first one's transaction: a restore can stop there, and not at the event
	gtid   gtid.GTID
	time   time.Time
	events int64
	why    error
}

// cannotRead remembers a row event of a table in scope.
func (s *scanner) cannotRead(name TableName, it *binlog.Item) {
	if s.tx.inBase {
		return
	}
	u := s.unread[name]
	if u == nil {
		u = &unread{start: it.Tx.Start, gtid: it.Tx.GTID, time: s.now, why: it.Rows.CountErr}
		s.unread[name] = u
	}
	u.events++
}

// findUnread makes one finding of all that cannot be read of a table.
func (s *scanner) findUnread() {
	for name, u := range s.unread {
		what := "a row event cannot be read"
		if u.events > 1 {
			what = fmt.Sprintf("%d row events cannot be read, from here on", u.events)
		}
		s.survey.Findings = append(s.survey.Findings, Finding{Time: u.time, Code: UnsupportedValues, Pos: u.start, Start: u.start, GTID: u.gtid, Tables: []TableName{name}, Blocks: true,
			Text: fmt.Sprintf("%s: %v", what, u.why)})
	}
}
