package binlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Query is a statement as the log holds it, with the session settings it ran under.
type Query struct {
	ThreadID  uint32
	ErrorCode uint16
	Database  string // the session's default database; not necessarily the one the statement is about
	SQL       []byte // in the client's character set; valid until the next item is read
	Vars      QueryVars
	LoadData  bool // LOAD DATA: the rows were in a file that the log carries in pieces
	Context   bool // Intvar, Rand or User_var events came before it: a statement-format change
}

// QueryVars are a Query event's status variables: what the statement's meaning depends on. A Has field
// tells whether the log said so. Numbers of the variables are those of the servers' Query_event.
type QueryVars struct {
	HasFlags2          bool
	Flags2             uint32 // OPTION_* bits
	HasSQLMode         bool
	SQLMode            uint64
	HasCharset         bool
	ClientCollation    uint16 // collation id; its character set is character_set_client
	ConnCollation      uint16
	ServerCollation    uint16
	DatabaseCollation  uint16 // 0: not said
	AutoIncrement      uint16 // 0: not said
	AutoIncrementStart uint16
	TimeZone           string
	InvokerUser        string
	InvokerHost        string
	UpdatedDBs         []string
	UpdatedDBsTooMany  bool // more than the event can name
	Microseconds       uint32
	ExplicitTimestamp  int8 // -1: not said
	DDLXID             uint64
	HasDDLXID          bool   // MySQL 8: InnoDB's DDL took effect
	UTF8MB4Collation   uint16 // default_collation_for_utf8mb4; 0: not said
	RequirePrimaryKey  int8   // -1: not said
	// CharsetCollations is MariaDB's character_set_collations, the collations by their ids. A server that has it and does not say it has none in it.
	CharsetCollations []uint16
	Alter             AlterPhase
	AlterSeq          uint64 // of the START that a COMMIT or ROLLBACK ends
	Unknown           byte   // the first variable not understood; those after it are unread. 0: none
}

// AlterPhase is MariaDB's two-phase ALTER (10.8 and later): only a commit, or no phase, has effect.
type AlterPhase uint8

// Phases, as the flags of status variable 0x82 name them.
const (
	AlterWhole AlterPhase = iota
	AlterStart
	AlterCommit
	AlterRollback
)

// Session options in Flags2 that matter to a replay.
const (
	OptionNoForeignKeyChecks = 1 << 26
	OptionRelaxedUnique      = 1 << 27
	OptionNotAutocommit      = 1 << 19
	OptionAutoIsNull         = 1 << 14
	// optionExplicitTimestamp is MariaDB's; MySQL has a status variable for it.
	optionExplicitTimestamp = 1 << 24
)

// SaysExplicitTimestamp reports a server, by its version's number, in which explicit_defaults_for_timestamp is a session's, and logged where it matters (MySQL
// 5.7, MDEV-29225). In what others log it is to be taken for OFF, their default, as MariaDB's replicas do (MDEV-29078).
func SaysExplicitTimestamp(mariaDB bool, number int) bool {
	if !mariaDB {
		return number >= 50700
	}
	for _, since := range []int{100517, 100609, 100705, 100804, 100902} {
		if number/100 == since/100 {
			return number >= since
		}
	}
	return number >= 101000
}

func parseQuery(q *Query, body []byte, format *Format) error {
	// thread id (4), execution time (4), length of the database's name (1), error (2), and since 5.0.4
	// length of the status variables (2)
	if len(body) < 13 {
		return fmt.Errorf("a Query event of %d bytes", len(body))
	}
	last := q.Database
	*q = Query{
		ThreadID:  binary.LittleEndian.Uint32(body),
		ErrorCode: binary.LittleEndian.Uint16(body[9:]),
	}
	dbLen, varsLen := int(body[8]), int(binary.LittleEndian.Uint16(body[11:]))
	rest := body[13:]
	if len(rest) < varsLen+dbLen+1 {
		return fmt.Errorf("a Query event whose parts are longer than it")
	}
	if err := q.Vars.parse(rest[:varsLen], format); err != nil {
		return err
	}
	if db := rest[varsLen : varsLen+dbLen]; string(db) == last {
		q.Database = last // nearly always
	} else {
		q.Database = string(db)
	}
	q.SQL = rest[varsLen+dbLen+1:]
	return nil
}

func (v *QueryVars) parse(b []byte, format *Format) error {
	v.ExplicitTimestamp, v.RequirePrimaryKey = -1, -1
	c := cursor{b: b}
	for len(c.b) > 0 && !c.short {
		code := c.byte()
		if !v.one(code, &c, format) {
			v.Unknown = code
			return nil
		}
	}
	if c.short {
		return fmt.Errorf("status variables of a Query event end early")
	}
	if v.HasFlags2 && format.MariaDB && SaysExplicitTimestamp(true, format.VersionNumber()) {
		v.ExplicitTimestamp = int8(v.Flags2 / optionExplicitTimestamp & 1)
	}
	return nil
}

// one reads the variable named by code; false means that its length is not known.
func (v *QueryVars) one(code byte, c *cursor, format *Format) bool {
	switch code {
	case 0:
		v.HasFlags2, v.Flags2 = true, uint32(c.uint(4))
	case 1:
		v.HasSQLMode, v.SQLMode = true, c.uint(8)
	case 2: // catalog, ends in NUL
		c.bytes(int(c.byte()))
		c.byte()
	case 3:
		v.AutoIncrement, v.AutoIncrementStart = uint16(c.uint(2)), uint16(c.uint(2))
	case 4:
		v.HasCharset = true
		v.ClientCollation, v.ConnCollation, v.ServerCollation = uint16(c.uint(2)), uint16(c.uint(2)), uint16(c.uint(2))
	case 5:
		v.TimeZone = string(c.bytes(int(c.byte())))
	case 6: // catalog without NUL
		c.bytes(int(c.byte()))
	case 7: // lc_time_names
		c.bytes(2)
	case 8:
		v.DatabaseCollation = uint16(c.uint(2))
	case 9: // tables of a multi-table update
		c.bytes(8)
	case 10: // bytes written by the source
		c.bytes(4)
	case 11:
		v.InvokerUser = string(c.bytes(int(c.byte())))
		v.InvokerHost = string(c.bytes(int(c.byte())))
	case 12:
		v.databases(c)
	case 13:
		v.Microseconds = uint32(c.uint(3))
	default:
		if format.MariaDB {
			return v.mariaDB(code, c)
		}
		return v.mySQL(code, c)
	}
	return true
}

func (v *QueryVars) databases(c *cursor) {
	n := c.byte()
	if n == 254 {
		v.UpdatedDBsTooMany = true
		return
	}
	for range n {
		i := bytes.IndexByte(c.b, 0)
		if i < 0 {
			c.short = true
			return
		}
		v.UpdatedDBs = append(v.UpdatedDBs, string(c.bytes(i)))
		c.byte()
	}
}

func (v *QueryVars) mySQL(code byte, c *cursor) bool {
	switch code {
	case 14: // commit timestamps of an older protocol
		c.bytes(8)
	case 16:
		v.ExplicitTimestamp = int8(c.byte())
	case 17:
		v.HasDDLXID, v.DDLXID = true, c.uint(8)
	case 18:
		v.UTF8MB4Collation = uint16(c.uint(2))
	case 19:
		v.RequirePrimaryKey = int8(c.byte())
	case 20: // default_table_encryption
		c.byte()
	default:
		return false
	}
	return true
}

func (v *QueryVars) mariaDB(code byte, c *cursor) bool {
	switch code {
	case 128: // sub-second part of now()
		v.Microseconds = uint32(c.uint(3))
	case 129: // XID of a DDL
		c.bytes(8)
	case 130:
		switch flags := c.byte(); {
		case flags&2 != 0:
			v.Alter = AlterStart
		case flags&4 != 0:
			v.Alter, v.AlterSeq = AlterCommit, c.uint(8)
		case flags&8 != 0:
			v.Alter, v.AlterSeq = AlterRollback, c.uint(8)
		}
	case 131:
		for n := c.byte(); n > 0 && !c.short; n-- {
			c.uint(2) // the character set's own default, which names it
			v.CharsetCollations = append(v.CharsetCollations, uint16(c.uint(2)))
		}
	default:
		return false
	}
	return true
}

// cursor reads little-endian fields; past the end it yields zeros and remembers that it was short.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) bytes(n int) []byte {
	if n < 0 || len(c.b) < n {
		c.short = true
		c.b = nil
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) byte() byte {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint(n int) (v uint64) {
	for i, b := range c.bytes(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// packed reads a length-encoded integer.
func (c *cursor) packed() uint64 {
	switch b := c.byte(); b {
	case 252:
		return c.uint(2)
	case 253:
		return c.uint(3)
	case 254:
		return c.uint(8)
	case 251, 255:
		c.short = true
		return 0
	default:
		return uint64(b)
	}
}
