package target

import (
	"slices"
	"strconv"
	"strings"
)

// Session is what a dump says of the session its statements want; "" leaves the server's own.
type Session struct {
	SQLMode   string
	Client    string // character_set_client
	Collation string // collation_connection
	TimeZone  string
	// What decides how a CREATE TABLE reads that does not say it all: explicit_defaults_for_timestamp, default_collation_for_utf8mb4, and the ids of
	// character_set_collations.
	ExplicitTimestamp, UTF8MB4Collation string
	CharsetCollations                   []uint16
}

// SessionSettings writes the session as SET statements. Foreign keys stay unchecked: a dump's tables come
// in any order.
func (s *Server) SessionSettings(v Session) []string {
	mode := Quote(s.modesKnown(v.SQLMode))
	if n, err := strconv.ParseUint(v.SQLMode, 10, 64); err == nil { // as StatementSettings writes it, into dumps too
		mode = strconv.FormatUint(n&s.knownModes(), 10)
	}
	set := []string{
		"SET SESSION sql_mode=" + mode,
		"SET SESSION foreign_key_checks=0",
	}
	if n, err := strconv.ParseUint(v.Client, 10, 16); err == nil { // as earlier versions of StatementSettings wrote it
		v.Client = s.clientCharset(uint16(n))
	}
	if v.Client != "" {
		set = append(set, "SET NAMES "+word(v.Client))
	}
	if v.Collation != "" {
		set = append(set, "SET SESSION collation_connection="+word(v.Collation))
	}
	if v.TimeZone != "" {
		set = append(set, "SET SESSION time_zone="+Quote(v.TimeZone))
	}
	return s.appendDefaults(set, &defaults{word(v.ExplicitTimestamp), word(v.UTF8MB4Collation), v.CharsetCollations})
}

// word keeps a character set's name from being anything else.
func word(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, name)
}

// modesKnown leaves out the modes that MySQL 8 no longer takes; none of them changes what is stored.
func (s *Server) modesKnown(modes string) string {
	if s.MariaDB || s.Number < 80000 {
		return modes
	}
	gone := []string{"NO_AUTO_CREATE_USER", "DB2", "MAXDB", "MSSQL", "MYSQL323", "MYSQL40", "ORACLE", "POSTGRESQL", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS"}
	kept := slices.DeleteFunc(strings.Split(modes, ","), func(m string) bool { return slices.Contains(gone, strings.ToUpper(strings.TrimSpace(m))) })
	return strings.Join(kept, ",")
}
