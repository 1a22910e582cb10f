// Package schema says what a SQL statement does and to which objects, and
// describes tables.
//
// Classify names verb and objects of every statement found in a binlog Query
// event or a dump, from a tokenizer of its own: published grammars reject a
// good part of the DDL that real servers log. It reads no more of a statement
// than that takes, so it accepts statements that a server would refuse; but a
// statement whose verb or objects it cannot name is an error, never a guess.
package schema

import "strings"

// Bits of sql_mode as a number, the same in both families, that decide how statements read.
const (
	SQLModeANSIQuotes         = 1 << 2
	SQLModeNoBackslashEscapes = 1 << 20
)

// Mode tells how to read a statement: what the Query event's status variables
// (sql_mode, character_set_client) and the server's version say of it.
// The zero Mode is a MySQL server of unknown version with the default sql_mode.
type Mode struct {
	ANSIQuotes         bool // "x" is an identifier
	NoBackslashEscapes bool
	// MariaDB tells whose rules hold for /*!NNNNN */ and /*M! */ comments.
	MariaDB bool
	// Version is the server's, such as 80404 or 101119. Versioned comments for
	// newer servers are comments. If it is 0, versioned comments are read as
	// code, except those that no server of the kind runs (such as /*!99999 */).
	Version int
	// Charset is the client character set's name. It matters for those whose
	// characters may hold a quote or backslash as second byte (gbk, gb18030,
	// big5, sjis, cp932), and for those with a no-break space, which separates
	// words (latin1 and others); "" is one without either, such as utf8mb4.
	Charset string
	// LowerCaseNames is for servers with lower_case_table_names other than 0:
	// names of databases and tables are given in lower case.
	LowerCaseNames bool
}

// multibyte holds, for a character set in which a byte of ASCII may be a part of a
// character, which bytes begin and which continue a double-byte character.
type multibyte struct {
	lead, trail func(byte) bool
	fourByte    bool // gb18030: a digit as second byte makes four bytes
}

func between(b, lo, hi byte) bool { return lo <= b && b <= hi }

// charsetBytes returns nil for character sets that need no care.
// The ranges are those of the server's strings/ctype-*.c.
func charsetBytes(name string) *multibyte {
	switch strings.ToLower(name) {
	case "gbk":
		return &multibyte{
			lead:  func(b byte) bool { return between(b, 0x81, 0xfe) },
			trail: func(b byte) bool { return between(b, 0x40, 0x7e) || between(b, 0x80, 0xfe) },
		}
	case "gb18030":
		return &multibyte{
			lead:     func(b byte) bool { return between(b, 0x81, 0xfe) },
			trail:    func(b byte) bool { return between(b, 0x40, 0x7e) || between(b, 0x80, 0xfe) },
			fourByte: true,
		}
	case "big5":
		return &multibyte{
			lead:  func(b byte) bool { return between(b, 0xa1, 0xf9) },
			trail: func(b byte) bool { return between(b, 0x40, 0x7e) || between(b, 0xa1, 0xfe) },
		}
	case "sjis", "cp932":
		return &multibyte{
			lead:  func(b byte) bool { return between(b, 0x81, 0x9f) || between(b, 0xe0, 0xfc) },
			trail: func(b byte) bool { return between(b, 0x40, 0x7e) || between(b, 0x80, 0xfc) },
		}
	}
	return nil
}

// noBreakSpace returns the byte above 0x7f that servers take for white space in a
// single-byte character set. Measured on MySQL 9.7.4 and MariaDB 10.11, which agree.
func noBreakSpace(charset string) byte {
	switch strings.ToLower(charset) {
	case "latin1", "latin2", "latin5", "latin7", "cp1250", "dec8", "greek", "hebrew", "armscii8", "geostd8":
		return 0xa0
	case "cp852", "cp866", "keybcs2":
		return 0xff
	}
	return 0
}

// length returns the length of the character that begins b, in bytes.
func (c *multibyte) length(b []byte) int {
	if len(b) < 2 || !c.lead(b[0]) {
		return 1
	}
	if c.trail(b[1]) {
		return 2
	}
	if c.fourByte && len(b) >= 4 && between(b[1], '0', '9') && between(b[2], 0x81, 0xfe) && between(b[3], '0', '9') {
		return 4
	}
	return 1
}
