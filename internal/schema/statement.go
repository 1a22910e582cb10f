package schema

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnknownStatement marks a statement whose verb or objects Classify cannot name.
var ErrUnknownStatement = errors.New("statement not understood")

// ObjectKind is the kind of an object.
type ObjectKind uint8

// The kinds of objects. What is only read is KindTable even if it is a view.
const (
	KindTable ObjectKind = iota
	KindView
	KindTrigger
	KindProcedure
	KindFunction
	KindEvent
	KindDatabase
	KindSequence
	KindPackage
	KindLibrary
)

var objectKinds = [...]string{"table", "view", "trigger", "procedure", "function", "event", "database", "sequence", "package", "library"}

func (k ObjectKind) String() string {
	if int(k) < len(objectKinds) {
		return objectKinds[k]
	}
	return fmt.Sprintf("ObjectKind(%d)", uint8(k))
}

// Role says what part an object plays in its statement.
type Role uint8

// The roles of objects.
const (
	Target        Role = iota // created, altered, dropped, written to
	RenameFrom                // followed by its RenameTo
	RenameTo                  // for ALTER … RENAME the old name is the Target
	Like                      // the model of CREATE TABLE … LIKE
	Source                    // read, in the FROM of a query
	Reference                 // named and not changed: the parent of a foreign key, a MERGE table's part
	TriggerTable              // the table that a trigger belongs to
	ExchangeTable             // swaps rows with a partition, or becomes one, or comes of one
)

var roles = [...]string{"target", "rename from", "rename to", "like", "source", "reference", "trigger table", "exchange table"}

func (r Role) String() string {
	if int(r) < len(roles) {
		return roles[r]
	}
	return fmt.Sprintf("Role(%d)", uint8(r))
}

// Object is something that a statement names. DB and Name are unquoted and UTF-8,
// as the default database of the Query event is. DB is "" for the default database.
//
// A database itself has its name in both DB and Name, with the same spans; both
// are "" where ALTER DATABASE leaves it out and means the default database.
type Object struct {
	Kind     ObjectKind
	DB, Name string
	Role     Role

	// Undecoded tells that a name holds characters beyond ASCII in a character set
	// other than UTF-8, latin1 and binary: DB and Name are bytes of that set, and
	// comparing them with UTF-8 names says nothing. Refuse such a statement, or
	// ask a server.
	Undecoded bool

	// Where the two stand in the statement, with their quotes; 0, 0 for no qualifier.
	DBStart, DBEnd, NameStart, NameEnd int
}

// Database returns the object's database, given the default database.
func (o Object) Database(defaultDB string) string {
	if o.DB == "" {
		return defaultDB
	}
	return o.DB
}

func (o Object) String() string {
	if o.DB == "" || o.Kind == KindDatabase {
		return QuoteIdent(o.Name)
	}
	return QuoteIdent(o.DB) + "." + QuoteIdent(o.Name)
}

// Span is a part of a statement, sql[Start:End]; empty if there is no such part.
type Span struct{ Start, End int }

// Empty reports whether the statement has no such part.
func (s Span) Empty() bool { return s.End <= s.Start }

// Definer is a DEFINER = … clause, from its first to its last byte.
type Definer struct {
	User, Host string
	Current    bool // CURRENT_USER or CURRENT_ROLE, and no name
	Start, End int
}

// AlterInfo tells what an ALTER TABLE does. Names are unquoted.
type AlterInfo struct {
	// Actions in the order of the statement, such as "ADD COLUMN", "MODIFY
	// COLUMN", "DROP PRIMARY KEY", "RENAME", "ENGINE".
	Actions []string

	DropColumns       []string
	DropPartition     []string // or "ALL"
	TruncatePartition []string // or "ALL"
	ExchangePartition string
	ConvertPartition  string // MariaDB: becomes a table of its own
	DiscardTablespace bool   // of the table or of partitions
	ImportTablespace  bool
	Ignore            bool    // rows that a new unique key or type does not allow are left out or changed
	RenameTo          *Object // also in Objects
	RenameColumns     []ColumnRename
}

// ColumnRename is a column's old and new name, which CHANGE may leave the same.
type ColumnRename struct{ From, To string }

// Destructive reports whether rows or column values are lost or leave the table.
func (a AlterInfo) Destructive() bool {
	return len(a.DropColumns) > 0 || len(a.DropPartition) > 0 || len(a.TruncatePartition) > 0 ||
		a.ExchangePartition != "" || a.ConvertPartition != "" || a.DiscardTablespace || a.ImportTablespace
}

// Statement is what Classify found.
type Statement struct {
	Verb    Verb
	Objects []Object

	Temporary, IfExists, IfNotExists, OrReplace bool

	Alter   AlterInfo // of ALTER TABLE
	Definer Definer   // of views and stored programs

	// StartTransaction is the clause that MySQL 8.0.21 and later log in the
	// CREATE TABLE of a CREATE TABLE … SELECT; without it the statement commits.
	StartTransaction Span
	// Body is the query of a view, of CREATE TABLE … SELECT and INSERT … SELECT,
	// and all that follows the header of a trigger, routine or event. The names
	// inside the body of a stored program are not in Objects.
	Body Span

	Index       string // of CREATE INDEX and DROP INDEX
	Savepoint   string
	XID         XID    // of XA
	OnePhase    bool   // XA COMMIT … ONE PHASE: there was no PREPARE
	SetVariable string // MariaDB's SET STATEMENT … FOR in front: its assignments

	// GeneratedByServer tells of the remark that servers add to statements no
	// client sent, such as the DROP of a temporary table at the session's end.
	GeneratedByServer bool
}

// XID names an XA transaction; the parts are bytes.
type XID struct {
	GTRID, BQUAL string
	FormatID     int64
}

// Target returns the first object that the statement creates, changes or removes.
func (s Statement) Target() (Object, bool) {
	for _, o := range s.Objects {
		if o.Role == Target || o.Role == RenameFrom {
			return o, true
		}
	}
	return Object{}, false
}

// Touches reports whether one of the statement's objects is in the database db,
// whatever its role. What the body of a stored program names does not count,
// and an Undecoded name never matches.
func (s Statement) Touches(db, defaultDB string) bool {
	for _, o := range s.Objects {
		if o.Database(defaultDB) == db {
			return true
		}
	}
	return false
}

// Undecoded reports whether an object's name cannot be compared; see Object.
func (s Statement) Undecoded() bool {
	for _, o := range s.Objects {
		if o.Undecoded {
			return true
		}
	}
	return false
}

// Destructive reports whether the statement removes rows by removing what holds
// them: DROP, TRUNCATE, MariaDB's CREATE OR REPLACE, and some of ALTER TABLE.
// Whether the objects existed (IF EXISTS) or matter (Temporary) is not asked here.
func (s Statement) Destructive() bool {
	switch s.Verb {
	case DropDatabase, DropTable, DropSequence, TruncateTable:
		return true
	case CreateDatabase, CreateTable, CreateTableLike, CreateTableSelect, CreateSequence:
		return s.OrReplace
	case AlterTable:
		return s.Alter.Destructive()
	}
	return false
}

// unknown reports what stands at byte offset at of sql, and how sql begins.
func unknown(sql []byte, at int, why string) error {
	return fmt.Errorf("%w: %s at byte %d of %q", ErrUnknownStatement, why, at, excerpt(sql))
}

// excerpt is the beginning of a statement, without passwords it may hold.
func excerpt(sql []byte) string {
	const most = 80
	head := sql[:min(len(sql), most)]
	if text := strings.ToLower(string(head)); strings.Contains(text, "identified") || strings.Contains(text, "password") {
		return maskStrings(head)
	}
	if len(sql) > most {
		return string(head) + "…"
	}
	return string(head)
}

func maskStrings(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		if c == '\'' || c == '"' {
			out.WriteString("'…")
			break
		}
		out.WriteByte(c)
	}
	return out.String()
}
