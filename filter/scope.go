// Package filter decides what of a log is wanted: which database and tables, from where to where, and
// what destroyed data on the way. It marks; what it leaves out is counted, never hidden.
package filter

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
)

// TableName is a table's full name as the log writes it.
type TableName struct{ DB, Name string }

// String writes db.name, for people.
func (t TableName) String() string { return t.DB + "." + t.Name }

// Scope is the part of the server that is wanted. The zero Scope is everything but the servers' own
// databases.
type Scope struct {
	Database string   // "" means all
	Tables   []string // only these, if any
	Exclude  []string // but not these
}

// HasDatabase reports whether tables of db can be in scope.
func (s Scope) HasDatabase(db string) bool {
	if s.Database == "" {
		return !System(db)
	}
	return s.Database == db
}

// Has reports whether the table is in scope.
func (s Scope) Has(db, table string) bool {
	if !s.HasDatabase(db) || slices.Contains(s.Exclude, table) {
		return false
	}
	return len(s.Tables) == 0 || slices.Contains(s.Tables, table)
}

// Whole reports that no table of the database is left out.
func (s Scope) Whole() bool { return len(s.Tables) == 0 && len(s.Exclude) == 0 }

// System reports the servers' own databases, which are never restored.
func System(db string) bool {
	switch strings.ToLower(db) {
	case "mysql", "sys", "information_schema", "performance_schema":
		return true
	}
	return false
}

// SQL modes that change how a statement is read (sql_mode bits of both families).
const (
	modeANSIQuotes         = 1 << 2
	modeNoBackslashEscapes = 1 << 20
)

// ReadingMode tells how to read a logged statement's quotes and comments.
func ReadingMode(q *binlog.Query, f *binlog.Format) schema.Mode {
	return schema.Mode{
		ANSIQuotes:         q.Vars.SQLMode&modeANSIQuotes != 0,
		NoBackslashEscapes: q.Vars.SQLMode&modeNoBackslashEscapes != 0,
		MariaDB:            f.MariaDB,
		Version:            f.VersionNumber(),
		Charset:            charsetName(q.Vars.ClientCollation),
	}
}

// Touched lists what a statement names, with the session's database filled in.
func Touched(st *schema.Statement, q *binlog.Query) []schema.Object {
	out := slices.Clone(st.Objects)
	for i := range out {
		if out[i].DB == "" && out[i].Kind != schema.KindDatabase {
			out[i].DB = q.Database
		}
		if out[i].Kind == schema.KindDatabase && out[i].DB == "" {
			out[i].DB = out[i].Name
		}
	}
	return out
}

// InScope reports whether a statement changes something that the scope wants. Sources that are only
// read (LIKE, SELECT, REFERENCES) do not count.
func (s Scope) InScope(st *schema.Statement, q *binlog.Query) bool {
	for _, o := range Touched(st, q) {
		switch o.Role {
		case schema.Like, schema.Source, schema.Reference, schema.TriggerTable:
			continue
		}
		switch o.Kind {
		case schema.KindDatabase:
			if s.HasDatabase(o.DB) {
				return true
			}
		case schema.KindTable, schema.KindSequence:
			if s.Has(o.DB, o.Name) {
				return true
			}
		default:
			if s.HasDatabase(o.DB) && s.Whole() {
				return true
			}
		}
	}
	return false
}

// Excerpt shortens a statement for a report: one line, at most n bytes.
func Excerpt(sql []byte, n int) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(sql[:min(len(sql), 4*n)]), "?")), " ")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n-1], "") + "…"
	}
	return s
}

// MarshalText makes TableName usable as a key in JSON.
func (t TableName) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%s.%s", t.DB, t.Name), nil
}
