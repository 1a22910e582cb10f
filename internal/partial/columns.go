package partial

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/value"
)

// column is how one column is written.
type column struct {
	name    string
	sql     string // its type
	charset string // of text; "" for bytes and what is no text
	number  bool   // an ENUM or SET whose members the log does not tell, as the number that it is stored as
	signs   bool   // an integer that may be unsigned: the log does not say
	bytes   bool   // text or bytes: the log does not say
}

// describe gives a column the name and type that the log tells, or the nearest that holds its values as they are: without its character set
// text is bytes, and without its members an ENUM is a number.
func describe(tm *binlog.TableMap, i int) (column, error) {
	v, said := &tm.Columns[i], &tm.Said[i]
	c := column{name: fmt.Sprintf("c%d", i+1)}
	if tm.Names != nil {
		c.name = tm.Names[i]
	}
	set := value.CharsetOf(said.Collation)
	bytesOnly := set.Name == "" || set.Name == "binary"
	typ := v.Real()
	c.bytes = set.Name == "" && isString(typ)
	if whole, ok := integers[typ]; ok {
		c.sql, c.signs = whole, !tm.HasSignedness
		if v.Unsigned {
			c.sql += " UNSIGNED"
		}
		return c, nil
	}
	if name, ok := plain[typ]; ok {
		c.sql = name
		return c, nil
	}
	switch typ {
	case value.TypeTimestamp2, value.TypeDatetime2, value.TypeTime2:
		c.sql = [...]string{"TIMESTAMP", "DATETIME", "TIME"}[typ-value.TypeTimestamp2]
		if v.Meta > 0 {
			c.sql += fmt.Sprintf("(%d)", v.Meta)
		}
	case value.TypeNewDecimal:
		c.sql = fmt.Sprintf("DECIMAL(%d,%d)", v.Meta&0xff, v.Meta>>8)
	case value.TypeBit:
		c.sql = fmt.Sprintf("BIT(%d)", v.Meta&0xff+v.Meta>>8*8)
	case value.TypeEnum, value.TypeSet:
		c.members(typ, v, said)
	case value.TypeString, value.TypeVarchar, value.TypeVarString, value.TypeVarcharCompressed:
		c.short(v, set)
	case value.TypeTinyBlob, value.TypeBlob, value.TypeMediumBlob, value.TypeLongBlob, value.TypeBlobCompressed:
		if v.Meta < 1 || v.Meta > 4 {
			return c, fmt.Errorf("a length of %d bytes: %w", v.Meta, value.ErrCorrupt)
		}
		c.sql = [...]string{"TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"}[v.Meta-1]
		if !bytesOnly {
			c.sql, c.charset = strings.TrimSuffix(c.sql, "BLOB")+"TEXT", set.Name
		}
	case value.TypeGeometry:
		c.sql = "GEOMETRY"
		if said.Geometry < len(geometries) {
			c.sql = geometries[said.Geometry]
		}
	case value.TypeVector:
		c.sql = "LONGBLOB"
		if said.Vector > 0 {
			c.sql = fmt.Sprintf("VECTOR(%d)", said.Vector)
		}
	default:
		return c, fmt.Errorf("%s: %w", v, value.ErrUnsupported)
	}
	return c, nil
}

// short is a column of CHAR, VARCHAR, BINARY or VARBINARY. BINARY pads with zeros what it is given: where the log does not say that it is no CHAR,
// VARBINARY keeps the value.
func (c *column) short(v *value.Column, set value.Charset) {
	longest, char := int(v.Meta), v.Real() == value.TypeString
	if char {
		longest = v.Longest()
	}
	switch {
	case set.Name == "" || set.Name == "binary" && !char:
		c.sql = fmt.Sprintf("VARBINARY(%d)", longest)
	case set.Name == "binary":
		c.sql = fmt.Sprintf("BINARY(%d)", longest)
	case char:
		c.sql, c.charset = fmt.Sprintf("CHAR(%d)", longest/set.Width), set.Name
	default:
		c.sql, c.charset = fmt.Sprintf("VARCHAR(%d)", longest/set.Width), set.Name
	}
}

func isString(typ byte) bool {
	switch typ {
	case value.TypeString, value.TypeVarchar, value.TypeVarString, value.TypeVarcharCompressed,
		value.TypeTinyBlob, value.TypeBlob, value.TypeMediumBlob, value.TypeLongBlob, value.TypeBlobCompressed:
		return true
	}
	return false
}

var integers = map[byte]string{value.TypeTiny: "TINYINT", value.TypeShort: "SMALLINT", value.TypeInt24: "MEDIUMINT", value.TypeLong: "INT", value.TypeLongLong: "BIGINT"}

var plain = map[byte]string{value.TypeFloat: "FLOAT", value.TypeDouble: "DOUBLE", value.TypeTimestamp: "TIMESTAMP", value.TypeDatetime: "DATETIME", value.TypeTime: "TIME",
	value.TypeDate: "DATE", value.TypeNewDate: "DATE", value.TypeYear: "YEAR", value.TypeJSON: "JSON"}

var geometries = [...]string{"GEOMETRY", "GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"}

// members gives an ENUM or SET its members, where they can be written in any session.
func (c *column) members(typ byte, v *value.Column, said *binlog.Said) {
	set := value.CharsetOf(said.Collation).Name
	sayable := len(said.Members) > 0 && set != "" && set != "binary"
	for _, m := range said.Members {
		sayable = sayable && !strings.ContainsFunc(m, func(r rune) bool { return r < ' ' || r > '~' || r == '\\' })
	}
	switch {
	case sayable && typ == value.TypeEnum:
		c.sql = "ENUM(" + quotedList(said.Members) + ")"
	case sayable:
		c.sql = "SET(" + quotedList(said.Members) + ")"
	case typ == value.TypeSet:
		c.sql, c.number = "BIGINT UNSIGNED", true
		return
	default:
		c.sql, c.number = "SMALLINT UNSIGNED", true
		return
	}
	c.charset = set
}

func quotedList(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return strings.Join(out, ",")
}

// Create is the statement that makes the table, for a session whose client speaks utf8mb4. comment says what it is; of more than a table's
// comment may hold the end is cut.
func (t *Table) Create(name, comment string) []byte {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + schema.QuoteIdent(name) + " (\n")
	for i := range t.columns {
		b.WriteString("  " + t.definition(i) + ",\n")
	}
	text := strings.TrimSuffix(b.String(), ",\n")
	if key := t.keyClause(); key != "" {
		text += ",\n  " + key
	}
	return []byte(text + "\n) DEFAULT CHARSET=utf8mb4 COMMENT=" + quotedComment(comment))
}

func (t *Table) definition(i int) string {
	c := &t.columns[i]
	s := schema.QuoteIdent(c.name) + " " + c.sql
	inKey := slices.Contains(t.tm.PrimaryKey, i)
	if c.charset != "" {
		s += " CHARACTER SET " + c.charset
		if inKey { // whatever the collation was, values that it told apart are apart
			s += " COLLATE " + c.charset + "_bin"
		}
	}
	switch {
	case inKey && strings.HasPrefix(c.sql, "TIMESTAMP"):
		return s + " NOT NULL DEFAULT '2000-01-01 00:00:00'"
	case inKey || !t.tm.IsNullable(i) && !strings.HasPrefix(c.sql, "TIMESTAMP"):
		return s + " NOT NULL"
	}
	return s + " NULL" // servers make up a default for a TIMESTAMP that is NOT NULL
}

// keyClause is the primary key, or an index where the primary key's collation may tell apart what the one here does not.
func (t *Table) keyClause() string {
	if !t.keyed() {
		return ""
	}
	var parts []string
	for n, i := range t.tm.PrimaryKey {
		p := schema.QuoteIdent(t.columns[i].name)
		if prefix := t.tm.KeyPrefix[n]; prefix > 0 {
			p += fmt.Sprintf("(%d)", prefix)
		}
		parts = append(parts, p)
	}
	list := "(" + strings.Join(parts, ",") + ")"
	if t.padded() {
		return "KEY " + list
	}
	return "PRIMARY KEY " + list
}

// padded reports that text of the key ends in a space, which the collation that stands in for the unknown one does not see.
func (t *Table) padded() bool {
	var im binlog.Image
	for _, i := range t.tm.PrimaryKey {
		c := &t.columns[i]
		if c.charset == "" {
			continue
		}
		if strings.HasPrefix(c.charset, "utf16") || strings.HasPrefix(c.charset, "utf32") || c.charset == "ucs2" {
			return true
		}
		for _, e := range t.entries {
			if e.n == 0 || t.cut(&im, e.image) != nil {
				continue // Rows says what is wrong with it
			}
			if b := im.Cols[i]; len(b) > 0 && b[len(b)-1] == ' ' {
				return true
			}
		}
	}
	return false
}

const longestComment = 1024 // characters: of 2048, so that no server counts otherwise

func quotedComment(s string) string {
	if r := []rune(s); len(r) > longestComment {
		s = string(r[:longestComment])
	}
	return "'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(s) + "'"
}

// Head begins an INSERT into the table.
func (t *Table) Head(qualified string) string {
	names := make([]string, len(t.columns))
	for i := range names {
		names[i] = schema.QuoteIdent(t.columns[i].name)
	}
	return "INSERT INTO " + qualified + " (" + strings.Join(names, ",") + ") VALUES "
}

// Rows hands out every row as its values in parentheses, for a session of SET NAMES binary and time zone +00:00; zeros is how many of them are the
// error value of an ENUM, which servers store only outside strict mode. What it hands out is valid until the next call.
func (t *Table) Rows(row func(values []byte, zeros int) error) error {
	var im binlog.Image
	var buf []byte
	for _, e := range t.entries {
		if e.n == 0 {
			continue
		}
		if err := t.cut(&im, e.image); err != nil {
			return err
		}
		zeros := 0
		buf = append(buf[:0], '(')
		for i := range t.columns {
			if i > 0 {
				buf = append(buf, ',')
			}
			if im.State[i] != binlog.Present {
				buf = append(buf, "NULL"...)
				continue
			}
			var err error
			if buf, err = t.tm.Columns[i].AppendLiteral(buf, im.Cols[i]); err != nil {
				return fmt.Errorf("column %s: %w", t.columns[i].name, err)
			}
			if !t.columns[i].number && t.tm.Columns[i].StoresWithWarning(im.Cols[i]) {
				zeros++
			}
		}
		buf = append(buf, ')')
		for range e.n {
			if err := row(buf, zeros); err != nil {
				return err
			}
		}
	}
	return nil
}

// Caveats say what the table's columns are not, a phrase each.
func (t *Table) Caveats() (out []string) {
	if t.tm.Names == nil {
		out = append(out, "the log does not name its columns (binlog_row_metadata is not FULL), so they are numbered")
	}
	if !t.keyed() {
		out = append(out, "the log does not name its key")
	}
	var numbers, signs, texts []string
	for i := range t.columns {
		if t.columns[i].bytes {
			texts = append(texts, t.columns[i].name)
		}
		if t.columns[i].number {
			numbers = append(numbers, t.columns[i].name)
		}
		if t.columns[i].signs && t.negative(i) {
			signs = append(signs, t.columns[i].name)
		}
	}
	if len(numbers) > 0 {
		out = append(out, "ENUM and SET are the numbers they are stored as: "+strings.Join(numbers, ", "))
	}
	if len(texts) > 0 {
		out = append(out, "the log does not say which character set these have, if they are text: "+strings.Join(texts, ", "))
	}
	if len(signs) > 0 {
		out = append(out, "the log does not say whether these are signed, and if they are not, their negative values are great ones: "+strings.Join(signs, ", "))
	}
	return out
}

// negative reports a value of an integer column that would be another if the column were unsigned.
func (t *Table) negative(i int) bool {
	var im binlog.Image
	for _, e := range t.entries {
		if e.n == 0 || t.cut(&im, e.image) != nil {
			continue
		}
		if b := im.Cols[i]; len(b) > 0 && b[len(b)-1]&0x80 != 0 {
			return true
		}
	}
	return false
}
