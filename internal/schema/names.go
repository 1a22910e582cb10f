package schema

import "strings"

// QuoteIdent returns name as a back-quoted identifier, which every sql_mode accepts.
func QuoteIdent(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// SystemSchema reports whether the database is one that the server keeps for itself.
func SystemSchema(db string) bool {
	switch strings.ToLower(db) {
	case "mysql", "information_schema", "performance_schema", "sys":
		return true
	}
	return false
}

func (m Mode) utf8() bool {
	switch strings.ToLower(m.Charset) {
	case "", "utf8", "utf8mb3", "utf8mb4", "binary", "ascii":
		return true
	}
	return false
}

// decodes reports whether names in the mode's character set can be made UTF-8.
func (m Mode) decodes() bool { return m.utf8() || strings.EqualFold(m.Charset, "latin1") }

// cp1252 holds what the server's latin1 has at 0x80 to 0x9f; the five bytes that
// cp1252 leaves open stand for themselves.
var cp1252 = [32]rune{
	0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f,
	0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
}

// decode makes a name UTF-8 where the character set is latin1; see decodes.
func (m Mode) decode(b []byte) string {
	if m.utf8() || !strings.EqualFold(m.Charset, "latin1") {
		return string(b)
	}
	var out strings.Builder
	for _, c := range b {
		r := rune(c)
		if 0x80 <= c && c <= 0x9f {
			r = cp1252[c-0x80]
		}
		out.WriteRune(r)
	}
	return out.String()
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
