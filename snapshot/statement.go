package snapshot

import "fmt"

// Part says what a statement of a backup is for.
type Part uint8

// The parts. A loader runs tables, rows, views and the rest in order, or keeps
// triggers, events and views for the end; it leaves out PartServer, and may leave
// out keys and databases.
const (
	PartSession  Part = iota // SET of session and user variables, COMMIT, and comments only
	PartDatabase             // DROP, CREATE and ALTER DATABASE, USE
	PartTable                // DROP and CREATE of a table, or of a view's placeholder (Placeholder)
	PartRows                 // INSERT and REPLACE
	PartKeys                 // ALTER TABLE … DISABLE KEYS and ENABLE KEYS, LOCK and UNLOCK TABLES
	PartView
	PartTrigger
	PartRoutine // procedures, functions, packages, libraries
	PartEvent
	PartSequence // MariaDB: DROP, CREATE and the SELECT SETVAL that follows
	PartServer   // the server's affairs, never to be run: coordinates, GLOBAL variables, SQL_LOG_BIN, accounts, plugins
	PartOther    // any other, to be run where it stands: CREATE INDEX, ALTER TABLE, ANALYZE TABLE
)

var parts = [...]string{"session", "database", "table", "rows", "keys", "view", "trigger", "routine", "event", "sequence", "server", "other"}

func (p Part) String() string {
	if int(p) < len(parts) {
		return parts[p]
	}
	return fmt.Sprintf("Part(%d)", uint8(p))
}

// Statement is one statement of a backup, without its delimiter.
type Statement struct {
	Part   Part
	DB     string // the database it is about: its own qualifier, or that of the last USE
	Object string // table, view, trigger, … ; unquoted
	Table  string // of a trigger

	// SQL is valid only during the visit. It may hold any bytes, in ClientCharset.
	SQL    []byte
	Offset int64 // in the uncompressed file
	Rows   int   // of PartRows: the rows that it gives by VALUES

	// Drop says that it is a DROP … of Object.
	Drop bool
	// Placeholder marks what a dump says of a view before the view itself comes,
	// so that views can refer to one another. Dumps give views by name, not by
	// dependence: a loader either runs placeholders too, or creates the views
	// last and tries those again that failed for want of another.
	Placeholder bool

	// Session settings in force at the statement, as the backup made them; ""
	// if it makes none. sql_mode may well be set to nothing: see SQLModeSet.
	SQLMode             string
	SQLModeSet          bool
	ClientCharset       string // character_set_client
	CollationConnection string
	TimeZone            string
	ExplicitTimestamp   string   // explicit_defaults_for_timestamp
	CharsetCollations   []uint16 // ids of MariaDB's character_set_collations, in a dump that lifeboat wrote
	UTF8MB4Collation    string   // default_collation_for_utf8mb4
	// DatabaseCollation is what ALTER DATABASE gave the database around routines
	// and triggers created under another; "" for the database's own.
	DatabaseCollation string
}
