package filter

import (
	"regexp"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

var (
	numbering = regexp.MustCompile(`(?i)\bAUTO_INCREMENT\b\s*(?:[^=\s\d]|$)`)
	drawing   = regexp.MustCompile(`(?is)\bADD\b.*\bDEFAULT\b.*?\b((?:UUID|UUID_SHORT|UUID_V4|UUID_V7|SYS_GUID|RAND|RANDOM_BYTES|USER|SESSION_USER|SYSTEM_USER|CONNECTION_ID|DATABASE|SCHEMA|LAST_INSERT_ID|SYSDATE)\s*\(|CURRENT_USER\b|CURRENT_ROLE\b)`)
)

// AddsNumbers reports an ALTER TABLE that may give numbers to rows that are there.
func AddsNumbers(st *schema.Statement, q *binlog.Query) bool {
	return st.Verb == schema.AlterTable && numbering.Match(q.SQL)
}

// DrawnFrom is the function by which an ALTER TABLE may fill a new column, if it is one whose results are not in the log; "" if there is none. MySQL refuses
// such statements where it logs rows.
func DrawnFrom(st *schema.Statement, q *binlog.Query) string {
	if m := drawing.FindSubmatch(q.SQL); st.Verb == schema.AlterTable && m != nil {
		return strings.ToUpper(strings.Trim(string(m[1]), "( \t\n")) + "()"
	}
	return ""
}
