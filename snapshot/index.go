package snapshot

import (
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/internal/schema"
)

// Created is a database that a backup makes, and the default character set that it gives it: the zero value is the server's.
type Created struct {
	Name    string
	Default schema.TextDefault
}

// Index is everything that one sequential pass over a backup tells.
type Index struct {
	Path          string
	Format        string // "mysqldump", "mariadb-dump", or "SQL script" if no tool's header says
	ServerVersion string // as the header has it, such as "9.7.4" or "10.11.19-MariaDB-0+deb12u1"
	Host          string
	MariaDB       bool // the server it was taken from

	// Taken is the time on the "Dump completed" line. Dumps do not tell its
	// zone: it is the local time of the machine that made the dump, held here as
	// if it were UTC. Zero if there is none.
	Taken time.Time

	// Complete says that the backup was seen to its own end mark. A file made
	// without any (--compact, SQL scripts) cannot prove it: CompleteUnknown.
	// A file that lacks the mark it should have is not opened at all.
	Complete        bool
	CompleteUnknown bool

	Coordinates Coordinates

	Databases []string  // all that the backup holds, in its order
	Created   []Created // those of them whose CREATE DATABASE it holds
	Tables    []Table   // of the databases asked for, in the backup's order; views too

	Sequences []Table // MariaDB's, likewise, with nothing but their names

	// Nameless says that no database is named anywhere (--compact,
	// --skip-comments): what the backup holds is given out under the name that
	// the caller asked for, or "".
	Nameless bool

	Size        int64  // uncompressed, in bytes
	Fingerprint string // SHA-256 of the uncompressed bytes, in hex

	Charset string // from SET NAMES; "" if the backup sets none
	// TimeZone is that of TIMESTAMP values in rows, "" if the backup sets none:
	// then it is +00:00 (--compact), or LocalTimes is set.
	TimeZone string
	// LocalTimes says that TIMESTAMP values in rows are in the time zone of the
	// backup's server, which it does not name (--skip-tz-utc; tzUtc: false).
	LocalTimes bool

	// Unread are objects that the backup names and lifeboat does not restore, each with its kind.
	Unread []string

	// Notes are what a person should know before relying on the backup, each a
	// sentence with its offset.
	Notes []string
}

// Coordinates say which place in the log the backup belongs to.
type Coordinates struct {
	Position binlog.Position // zero if none is given
	GTIDs    gtid.Set        // GTID_PURGED (MySQL) or gtid_slave_pos (MariaDB)

	// Source is where they were found: the first line of each statement and its
	// offset. It is empty if there are none.
	Source string

	// Upstream says that Position is of the server that the dumped one
	// replicated from (--dump-replica, --dump-slave), as far as the text tells.
	Upstream bool
}

// Table is a table or view of a backup.
type Table struct {
	DB, Name string
	Rows     int64 // counted in INSERT … VALUES
	Bytes    int64 // of those statements
	Create   string
	View     bool

	// HasData says that the backup covers the table's rows. An empty table has
	// data too where the backup shows that its rows were dumped; of a table
	// without rows in a dump with neither comments nor LOCK TABLES it cannot.
	HasData bool
	Where   string // mysqldump --where: only rows that fulfil this were dumped
}
