package schema

import (
	"bytes"
	"fmt"
)

// noServer is what a comment's version is at least if no server of the kind
// runs it: /*!99999 */ is a habit, and mariadb-dump's first line is /*M!999999.
const (
	noMySQL   = 99999
	noMariaDB = 999999
)

// skipBlank moves over white space and comments, and over the delimiters of
// versioned comments whose contents are code.
func (s *Scanner) skipBlank() error {
	for s.pos < s.end {
		switch c := s.sql[s.pos]; {
		case s.space(c):
			s.pos++
		case c == '#', c == '-' && s.at(s.pos+1) == '-' && (s.at(s.pos+2) <= ' ' || s.at(s.pos+2) == 0x7f):
			n := bytes.IndexByte(s.sql[s.pos:s.end], '\n')
			if n < 0 {
				s.pos = s.end
			} else {
				s.pos += n + 1
			}
		case c == '/' && s.at(s.pos+1) == '*':
			if err := s.comment(); err != nil {
				return err
			}
		case c == '*' && s.inCode && s.at(s.pos+1) == '/':
			s.inCode = false
			s.pos += 2
		default:
			return nil
		}
		s.afterDot = false
	}
	return nil
}

func (s *Scanner) comment() error {
	i := s.pos + 2
	mariadbOnly := s.mode.MariaDB && s.at(i) == 'M' && s.at(i+1) == '!'
	if s.at(i) != '!' && !mariadbOnly {
		n := bytes.Index(s.sql[i:s.end], []byte("*/"))
		if n < 0 {
			return fmt.Errorf("%w comment", ErrUnterminated)
		}
		s.remark = Span{i, i + n}
		s.pos = i + n + 2
		return nil
	}
	i++
	if mariadbOnly {
		i++
	}
	version, digits := s.commentVersion(i)
	if digits == 0 || s.runs(version, mariadbOnly) {
		s.pos = i + digits
		s.inCode = true
		s.region++
		return nil
	}
	return s.skipVersioned(i)
}

// commentVersion reads the five or six digits at i. Fewer are no version.
func (s *Scanner) commentVersion(i int) (version, digits int) {
	most := 6
	if !s.mode.MariaDB && s.mode.Version != 0 && s.mode.Version < 80000 {
		most = 5
	}
	for digits < most && isDigit(s.at(i+digits)) {
		version = version*10 + int(s.at(i+digits)-'0')
		digits++
	}
	if digits < 5 {
		return 0, 0
	}
	return version, digits
}

// runs tells whether the server runs a comment of that version. MariaDB leaves
// out what is meant for MySQL 5.7 and later, unless the comment is its own kind.
func (s *Scanner) runs(version int, mariadbOnly bool) bool {
	if s.mode.MariaDB && !mariadbOnly && version >= 50700 && version <= 99999 {
		return false
	}
	if s.mode.Version != 0 {
		return version <= s.mode.Version
	}
	if s.mode.MariaDB {
		return version < noMariaDB
	}
	return version < noMySQL
}

// skipVersioned skips a versioned comment that is not run; it may hold plain ones.
func (s *Scanner) skipVersioned(i int) error {
	for ; i < s.end; i++ {
		switch {
		case s.sql[i] == '*' && s.at(i+1) == '/':
			s.pos = i + 2
			return nil
		case s.sql[i] == '/' && s.at(i+1) == '*':
			n := bytes.Index(s.sql[i+2:s.end], []byte("*/"))
			if n < 0 {
				return fmt.Errorf("%w comment", ErrUnterminated)
			}
			i += n + 3
		}
	}
	return fmt.Errorf("%w versioned comment", ErrUnterminated)
}
