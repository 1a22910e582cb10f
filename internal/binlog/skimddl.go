package binlog

import (
	"bytes"
	"time"

	"lifeboat/internal/binlog/gtid"
)

// Logged is one statement of a log, kept.
type Logged struct {
	Pos, End Position  // of its transaction's start, and after the event
	GTID     gtid.GTID // zero: it has none
	Time     time.Time // when the statement began; UTC
	Format   *Format   // of the file, for reading it
	Query              // SQL is a copy
}

// Most of what one file's DDL may take. A log with more is not one that is to be looked through at this speed.
const (
	mostKept     = 4 << 20 // bytes of a file's statements
	mostKeptEach = 256 << 10
)

// keepDDL keeps a statement that makes, changes or drops something, and counts the others.
func (k *Skim) keepDDL(fr *Frame, sql []byte) error {
	if !ddl(sql) {
		k.Changes++
		return nil
	}
	if !k.keep {
		return nil
	}
	if len(sql) > mostKeptEach || k.kept+len(sql) > mostKept {
		k.DDLLeftOut++
		return nil
	}
	var q Query
	if err := parseQuery(&q, fr.Body, k.scan.format); err != nil {
		return err
	}
	k.kept += len(sql)
	q.SQL = bytes.Clone(sql)
	one := Logged{Pos: k.pos(fr.Offset), End: k.pos(fr.End()), Time: fr.Time(), Format: k.scan.format, Query: q}
	switch {
	case k.tx.open:
		one.Pos.Offset, one.GTID = k.tx.from, k.tx.id
	case k.opening:
		one.Pos.Offset, one.GTID = k.openingPos, k.id
	}
	k.DDL = append(k.DDL, one)
	return nil
}

// ddl tells by its first word, behind comments, whether a statement is CREATE, ALTER, DROP, TRUNCATE or RENAME. It looks into comments
// that servers execute.
func ddl(sql []byte) bool {
	for {
		sql = bytes.TrimLeft(sql, " \t\r\n\v\f(;")
		end := -1
		switch {
		case bytes.HasPrefix(sql, []byte("/*!")), bytes.HasPrefix(sql, []byte("/*M!")):
			sql = bytes.TrimLeft(sql[bytes.IndexByte(sql, '!')+1:], "0123456789")
			continue
		case bytes.HasPrefix(sql, []byte("/*")):
			if end = bytes.Index(sql, []byte("*/")); end >= 0 {
				end += 2
			}
		case bytes.HasPrefix(sql, []byte("*/")): // the end of an executed comment
			end = 2
		case bytes.HasPrefix(sql, []byte("#")), bytes.HasPrefix(sql, []byte("--")):
			if end = bytes.IndexByte(sql, '\n'); end >= 0 {
				end++
			}
		default:
			for _, word := range [...]string{"CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME"} {
				if len(sql) > len(word) && bytes.EqualFold(sql[:len(word)], []byte(word)) && !letter(sql[len(word)]) {
					return true
				}
			}
			return false
		}
		if end < 0 {
			return false
		}
		sql = sql[end:]
	}
}

func letter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' || b == '_' }

// partialImages tells from a row event's head, behind its flags, whether its images lack columns. A damaged head is for the reader of
// rows to name.
func partialImages(typ EventType, b []byte) bool {
	if typ == PartialUpdateRows {
		return true
	}
	kind, v2, _, _ := rowsLayout(typ)
	c := cursor{b: b}
	if v2 {
		if n := int(c.uint(2)); n > 2 {
			c.bytes(n - 2)
		}
	}
	n := int(min(c.packed(), maxColumns))
	bitmaps := 1
	if kind == Update {
		bitmaps = 2
	}
	for range bitmaps {
		bits := c.bytes((n + 7) / 8)
		if c.short {
			return false
		}
		for i, x := range bits {
			mask := byte(0xff)
			if i == n/8 { // servers set the bits that no column has, or do not
				mask >>= 8 - n%8
			}
			if x&mask != mask {
				return true
			}
		}
	}
	return false
}
