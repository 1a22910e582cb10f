package target

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/value"
)

// Shape joins a table's definition on the target with what the log says of its columns: it renders row
// images into statements. It never changes once made, and is safe for concurrent use.
type Shape struct {
	Def      *schema.Table
	Columns  []value.Column
	Writable []int // columns that may be given values, in table order
	Key      []int // columns of the row key; nil for a table without one
	Uniques  bool  // other unique keys exist: an upsert could meet another row
	Stored   []int // generated columns that are stored, in the row or in an index, but those of floating point

	enums  []int    // ENUM columns: see EnumZeros
	name   string   // quoted, with the database
	quoted []string // column names
	insert string   // INSERT INTO … (…) VALUES
	update string   // ON DUPLICATE KEY UPDATE …
}

// NewShape checks that log and definition agree, and says where they do not.
func NewShape(def *schema.Table, tm *binlog.TableMap) (*Shape, error) {
	if len(def.Columns) != len(tm.Types) {
		return nil, fmt.Errorf("%w: %s.%s has %d columns, the log's rows have %d", ErrShape, def.DB, def.Name, len(def.Columns), len(tm.Types))
	}
	s := &Shape{Def: def, Columns: slices.Clone(tm.Columns), name: schema.QuoteIdent(def.DB) + "." + schema.QuoteIdent(def.Name)}
	var names []string
	for i := range def.Columns {
		d := &def.Columns[i]
		if tm.Names != nil && !strings.EqualFold(tm.Names[i], d.Name) {
			return nil, fmt.Errorf("%w: column %d of %s.%s is %s, in the log %s", ErrShape, i+1, def.DB, def.Name, d.Name, tm.Names[i])
		}
		if !agrees(tm.Types[i], d) {
			return nil, fmt.Errorf("%w: column %s of %s.%s is %s, in the log it is of type %d", ErrShape, d.Name, def.DB, def.Name, d.Type, tm.Types[i])
		}
		c := &s.Columns[i]
		c.Unsigned, c.Charset, c.DataType = d.Unsigned, d.Charset, d.DataType
		s.quoted = append(s.quoted, schema.QuoteIdent(d.Name))
		if d.DataType == "enum" {
			s.enums = append(s.enums, i)
		}
		if stored(def, d) && d.DataType != "float" && d.DataType != "double" {
			s.Stored = append(s.Stored, i)
		}
		if d.Writable() {
			s.Writable = append(s.Writable, i)
			names = append(names, d.Name)
		}
	}
	s.setKey()
	s.insert = "INSERT INTO " + s.name + " (" + identList(names) + ") VALUES "
	s.update = s.upsertTail()
	return s, nil
}

// setKey finds the columns by which rows are known.
func (s *Shape) setKey() {
	key, ok := s.Def.RowKey()
	if !ok {
		return
	}
	for _, part := range key.Columns {
		i := s.Def.ColumnNumber(part.Name)
		if i < 0 {
			s.Key = nil
			break
		}
		s.Key = append(s.Key, i)
	}
	for _, k := range s.Def.UniqueKeys() {
		s.Uniques = s.Uniques || k.Name != key.Name
	}
}

// KeyShape knows no more of a table's rows than their keys, which KeyColumn knows: enough to delete them.
func KeyShape(def *schema.Table) *Shape {
	s := &Shape{Def: def, Columns: make([]value.Column, len(def.Columns)), name: schema.QuoteIdent(def.DB) + "." + schema.QuoteIdent(def.Name)}
	for i := range def.Columns {
		s.Columns[i] = KeyColumn(&def.Columns[i])
		s.quoted = append(s.quoted, schema.QuoteIdent(def.Columns[i].Name))
	}
	s.setKey()
	return s
}

// SameKey reports that the other shape's images have the bytes of a key the same way.
func (s *Shape) SameKey(o *Shape) bool {
	return slices.Equal(s.Key, o.Key) && !slices.ContainsFunc(s.Key, func(i int) bool {
		return s.Columns[i].Type != o.Columns[i].Type || s.Columns[i].Meta != o.Columns[i].Meta
	})
}

// KeyColumn is how a log's table map describes a column of a key, in tables made since MySQL 5.6.4 and MariaDB 10.1. Of FLOAT and DOUBLE, two of whose values are equal (0 and -0), and
// of what no key has the type is zero. (How Meta holds the length of text over 255 bytes: see value.Column.)
func KeyColumn(d *schema.Column) value.Column {
	c := value.Column{Unsigned: d.Unsigned, Charset: d.Charset, DataType: d.DataType}
	kind := strings.ToLower(d.DataType)
	switch kind {
	case "char", "varchar", "binary", "varbinary":
		longest := d.Length() * max(1, value.MostBytes(d.Charset))
		if c.Type, c.Meta = value.TypeVarchar, uint16(longest); !strings.HasPrefix(kind, "var") {
			c.Type, c.Meta = value.TypeString, uint16(value.TypeString^longest&0x300>>4)|uint16(longest)<<8
		}
	case "decimal":
		precision, scale := d.Digits()
		c.Type, c.Meta = value.TypeNewDecimal, uint16(precision)|uint16(scale)<<8
	case "uuid", "inet6":
		c.Type, c.Meta = value.TypeString, sized(value.TypeString, 16)
	case "inet4":
		c.Type, c.Meta = value.TypeString, sized(value.TypeString, 4)
	case "enum":
		c.Type, c.Meta = value.TypeString, sized(value.TypeEnum, 1+d.MemberCount()/256)
	case "set":
		c.Type, c.Meta = value.TypeString, sized(value.TypeSet, setSize(d.MemberCount()))
	case "bit":
		c.Type, c.Meta = value.TypeBit, uint16(d.Length()%8)|uint16(d.Length()/8)<<8
	case "datetime", "timestamp", "time":
		c.Type = map[string]byte{"datetime": value.TypeDatetime2, "timestamp": value.TypeTimestamp2, "time": value.TypeTime2}[kind]
		c.Meta = uint16(d.Fraction())
	default:
		c.Type = map[string]byte{"tinyint": value.TypeTiny, "smallint": value.TypeShort, "mediumint": value.TypeInt24, "int": value.TypeLong, "bigint": value.TypeLongLong,
			"date": value.TypeDate, "year": value.TypeYear}[kind]
	}
	return c
}

// setSize is in how many bytes a SET of so many members is stored.
func setSize(members int) int {
	if members > 32 {
		return 8
	}
	return (members + 7) / 8
}

// sized is Meta of what a table map has as TypeString.
func sized(typ byte, size int) uint16 { return uint16(typ) | uint16(size)<<8 }

// stored reports a generated column whose values lie somewhere, as whoever wrote the row computed them.
func stored(def *schema.Table, c *schema.Column) bool {
	return c.Generated == schema.GeneratedStored || c.Generated == schema.GeneratedVirtual && slices.ContainsFunc(def.Keys, func(k schema.Key) bool {
		return slices.ContainsFunc(k.Columns, func(p schema.KeyPart) bool { return strings.EqualFold(p.Name, c.Name) })
	})
}

func (s *Shape) upsertTail() string {
	var b strings.Builder
	b.WriteString(" ON DUPLICATE KEY UPDATE ")
	n := 0
	for _, i := range s.Writable {
		if slices.Contains(s.Key, i) {
			continue
		}
		if n > 0 {
			b.WriteByte(',')
		}
		n++
		b.WriteString(s.quoted[i] + "=VALUES(" + s.quoted[i] + ")")
	}
	if n == 0 { // every column is in the key
		k := s.quoted[s.firstKey()]
		b.WriteString(k + "=VALUES(" + k + ")")
	}
	return b.String()
}

func (s *Shape) firstKey() int {
	if len(s.Key) > 0 {
		return s.Key[0]
	}
	return 0
}

// The type bytes of table maps, by the data types that the servers log so.
func agrees(typ byte, d *schema.Column) bool {
	if (typ == value.TypeTimestamp || typ == value.TypeDatetime || typ == value.TypeTime) && strings.Contains(d.Type, "(") {
		return false // MariaDB's old format of fractions: the log does not tell their width
	}
	want := []byte(nil)
	switch strings.ToLower(d.DataType) {
	case "tinyint", "boolean":
		want = []byte{1}
	case "smallint":
		want = []byte{2}
	case "mediumint":
		want = []byte{9}
	case "int", "integer":
		want = []byte{3}
	case "bigint":
		want = []byte{8}
	case "float":
		want = []byte{4}
	case "double", "real":
		want = []byte{5}
	case "decimal", "numeric":
		want = []byte{246, 0}
	case "timestamp":
		want = []byte{7, 17}
	case "datetime":
		want = []byte{12, 18}
	case "time":
		want = []byte{11, 19}
	case "date":
		want = []byte{10, 14}
	case "year":
		want = []byte{13}
	case "bit":
		want = []byte{16}
	case "char", "binary", "enum", "set", "uuid", "inet4", "inet6":
		want = []byte{254, 247, 248}
	case "varchar", "varbinary":
		want = []byte{15, 253, 141}
	case "tinyblob", "blob", "mediumblob", "longblob", "tinytext", "text", "mediumtext", "longtext":
		want = []byte{252, 140, 249, 250, 251}
	case "json":
		want = []byte{245, 252}
	case "vector":
		want = []byte{242, 252, 15}
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection":
		want = []byte{255}
	default:
		return false
	}
	return slices.Contains(want, typ)
}
