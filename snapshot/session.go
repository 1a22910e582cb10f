package snapshot

import (
	"strconv"
	"strings"

	"lifeboat/internal/schema"
)

// session follows the variables that a backup sets: triggers and routines come
// between SETs that save, change and restore them.
type session struct {
	vars map[string]setting // system variables in lower case
	user map[string]setting // user variables, @ included, in lower case
	// collations are the ids of character_set_collations, as lifeboat's own dumps give them.
	collations []uint16
}

// setting is a variable's value; known is false for the server's own, which the
// backup does not tell.
type setting struct {
	text  string
	known bool
}

func newSession() session {
	return session{vars: map[string]setting{}, user: map[string]setting{}}
}

// set carries out a SET statement. server reports whether it assigns anything
// that is not the session's own.
func (s *session) set(words []word, m schema.Mode) (server bool) {
	for _, a := range assignments(words[1:]) {
		if s.assign(a, m) {
			server = true
		}
	}
	return server
}

// word is a token with its text.
type word struct {
	kind schema.TokenKind
	text string
}

func (w word) is(keyword string) bool {
	return w.kind == schema.Ident && strings.EqualFold(w.text, keyword)
}

func tokens(sql []byte, m schema.Mode) ([]word, error) {
	var words []word
	sc := schema.NewScanner(sql, m)
	for {
		t, err := sc.Next()
		if err != nil {
			return nil, err
		}
		if t.Kind == schema.EOF {
			return words, nil
		}
		words = append(words, word{t.Kind, string(sql[t.Start:t.End])})
	}
}

// assignments cuts at the commas that are outside parentheses.
func assignments(words []word) [][]word {
	var all [][]word
	depth, from := 0, 0
	for i, w := range words {
		switch w.text {
		case "(":
			depth++
		case ")":
			depth--
		case ",":
			if depth == 0 && w.kind == schema.Punct {
				all = append(all, words[from:i])
				from = i + 1
			}
		}
	}
	return append(all, words[from:])
}

func (s *session) assign(a []word, m schema.Mode) (server bool) {
	if len(a) == 0 {
		return false
	}
	switch {
	case a[0].is("names") && len(a) >= 2:
		s.names(a, m)
		return false
	case len(a) >= 3 && (a[0].is("character") && a[1].is("set") || a[0].is("charset")):
		cs := s.value(a[len(a)-1:], m)
		s.vars["character_set_client"], s.vars["character_set_results"] = cs, cs
		return false
	case a[0].is("password"), a[0].is("role"), a[0].is("default"):
		return true
	}
	scope := ""
	if len(a) > 1 && a[0].kind == schema.Ident && a[1].kind == schema.Ident {
		scope, a = strings.ToLower(a[0].text), a[1:]
	}
	eq := 1
	for eq < len(a) && a[eq].text != "=" {
		eq++ // := is two
	}
	name := strings.ToLower(a[0].text)
	if n, ok := strings.CutPrefix(name, "@@"); ok {
		scope, name = "session", n
		if sc, rest, dotted := strings.Cut(n, "."); dotted {
			scope, name = sc, rest
		}
	}
	var v setting
	if eq < len(a) {
		v = s.value(a[eq+1:], m)
	}
	switch {
	case scope == "global", scope == "persist", scope == "persist_only":
		return true
	case name == "character_set_collations":
		s.collations = numbers(a[min(eq, len(a)):])
	case strings.HasPrefix(name, "@"):
		s.user[name] = v
	default:
		s.vars[name] = v
	}
	return name == "sql_log_bin" || name == "gtid_next" || name == "wsrep_on"
}

// numbers are those among words.
func numbers(words []word) (out []uint16) {
	for _, w := range words {
		if n, err := strconv.ParseUint(w.text, 10, 16); err == nil && w.kind == schema.Number {
			out = append(out, uint16(n))
		}
	}
	return out
}

// names carries out NAMES charset [COLLATE collation].
func (s *session) names(a []word, m schema.Mode) {
	cs := s.value(a[1:2], m)
	cs.text = strings.ToLower(cs.text)
	for _, v := range []string{"character_set_client", "character_set_results", "character_set_connection"} {
		s.vars[v] = cs
	}
	s.vars["collation_connection"] = setting{} // the character set's default, which the server knows
	if len(a) >= 4 && a[2].is("collate") {
		s.vars["collation_connection"] = s.value(a[3:4], m)
	}
}

// value evaluates what stands right of an assignment; expressions are not known.
func (s *session) value(v []word, m schema.Mode) setting {
	if len(v) > 0 && v[0].kind == schema.String {
		var text strings.Builder
		for _, w := range v { // strings side by side are one
			if w.kind != schema.String {
				return setting{}
			}
			text.WriteString(unquoteString(w.text, m))
		}
		return setting{text.String(), true}
	}
	if len(v) != 1 {
		return setting{}
	}
	switch w := v[0]; w.kind {
	case schema.Ident:
		if w.is("default") {
			return setting{}
		}
		return setting{w.text, true}
	case schema.Number:
		return setting{w.text, true}
	case schema.Variable:
		name := strings.ToLower(w.text)
		if n, ok := strings.CutPrefix(name, "@@"); ok {
			return s.vars[n[strings.LastIndexByte(n, '.')+1:]]
		}
		return s.user[name]
	}
	return setting{}
}

func (s *session) get(name string) string { return s.vars[name].text }

// mode is how statements read under the session's settings.
func (s *session) mode(mariadb bool) schema.Mode {
	m := schema.Mode{MariaDB: mariadb, Charset: s.get("character_set_client")}
	if n, err := strconv.ParseUint(s.get("sql_mode"), 10, 64); err == nil { // as lifeboat's own dumps have it, from a log
		m.ANSIQuotes, m.NoBackslashEscapes = n&schema.SQLModeANSIQuotes != 0, n&schema.SQLModeNoBackslashEscapes != 0
		return m
	}
	for name := range strings.SplitSeq(strings.ToUpper(s.get("sql_mode")), ",") {
		switch strings.TrimSpace(name) {
		case "NO_BACKSLASH_ESCAPES":
			m.NoBackslashEscapes = true
		case "ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL":
			m.ANSIQuotes = true
		}
	}
	return m
}

// unquoteString gives the value of a string literal.
func unquoteString(lit string, m schema.Mode) string {
	if len(lit) < 2 {
		return lit
	}
	if lit[0] != '\'' && lit[0] != '"' {
		lit = lit[1:] // N'x'
	}
	quote, body := lit[0], lit[1:len(lit)-1]
	var out strings.Builder
	for i := 0; i < len(body); i++ {
		c := body[i]
		if i+1 < len(body) && (c == '\\' && !m.NoBackslashEscapes || c == quote) {
			i++
			c = unescape(body[i])
		}
		out.WriteByte(c)
	}
	return out.String()
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'Z':
		return 0x1a
	}
	return c
}
