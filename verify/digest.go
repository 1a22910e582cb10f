package verify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
)

// digester makes the checksums, with a digest function that both servers have.
type digester struct {
	function string // a SQL format of one string
}

// newDigester finds the function. MySQL 9.6 moved MD5 into a component; servers built without TLS lack SHA2.
func newDigester(ctx context.Context, servers ...*target.Server) (*digester, error) {
	for _, f := range []struct{ format, want string }{
		{"SHA2(%s,256)", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"MD5(%s)", "900150983cd24fb0d6963f7d28e17f72"},
	} {
		all := true
		for _, s := range servers {
			ok, err := has(ctx, s, fmt.Sprintf("SELECT "+f.format, "'abc'"), f.want)
			if err != nil {
				return nil, err
			}
			all = all && ok
		}
		if all {
			return &digester{f.format}, nil
		}
	}
	return nil, errors.New("the two servers have no digest function in common, neither SHA2 nor MD5")
}

func has(ctx context.Context, s *target.Server, query, want string) (bool, error) {
	c, err := s.Conn(ctx, "")
	if err != nil {
		return false, err
	}
	defer c.Close()
	var got sql.NullString
	if err := c.Row(ctx, query, &got); err != nil {
		if target.Code(err) != 0 {
			return false, nil // the server answered: it does not know the function
		}
		return false, err
	}
	return got.String == want, nil
}

// Sum is what one side holds.
type Sum struct {
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"`
}

// rowExpression is a SQL expression for a row: its columns, separated. NULL is N, which no rendering is.
func (d *digester) rowExpression(left, right *schema.Table) (expr string, notes []string) {
	var parts []string
	for i := range left.Columns {
		l, r := &left.Columns[i], &right.Columns[i]
		if l.RowPeriod || r.RowPeriod {
			notes = append(notes, fmt.Sprintf("column %s was left out: the server sets it when a row is written", l.Name))
			continue
		}
		name := schema.QuoteIdent(l.Name)
		parts = append(parts, fmt.Sprintf("IF(%s IS NULL,'N',%s)", name, d.value(name, l, r)))
	}
	if len(parts) == 0 {
		return "''", notes
	}
	return "CONCAT(" + strings.Join(parts, ",',',") + ")", notes
}

// value renders one column that is not NULL. Long values enter as their digest, so that no packet limit
// applies to them.
func (d *digester) value(name string, l, r *schema.Column) string {
	digest := func(x string) string { return fmt.Sprintf(d.function, x) }
	kind := strings.ToLower(l.DataType)
	if (kind == "json") != (strings.ToLower(r.DataType) == "json") {
		kind = "json" // the one server keeps as text what the other parses
	}
	switch kind {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year":
		return "CAST(" + name + " AS CHAR)"
	case "float", "double":
		// In double precision the shortest digits that give the same value back; a product, unlike a sum,
		// keeps the sign of zero.
		return "CAST(" + name + "*1e0 AS CHAR)"
	case "bit":
		return "CAST(" + name + "+0 AS UNSIGNED)"
	case "date", "time", "datetime", "timestamp", "uuid", "inet4", "inet6":
		return "CAST(" + name + " AS CHAR)"
	case "enum", "set":
		return "CONCAT(CAST(" + name + "+0 AS UNSIGNED),':',HEX(" + name + "))"
	case "char", "varchar", "binary", "varbinary", "tinytext", "tinyblob":
		return "HEX(" + name + ")"
	case "json":
		return digest("CAST(" + name + " AS CHAR CHARACTER SET utf8mb4)")
	}
	return digest(name)
}

// sum reads one table once. The digest is cut into two numbers of 64 bits that are summed exactly, each on
// its own.
func (d *digester) sum(ctx context.Context, s Side, table, row string) (Sum, error) {
	c, err := s.Server.Conn(ctx, "")
	if err != nil {
		return Sum{}, err
	}
	defer c.Close()
	h := fmt.Sprintf(d.function, row)
	part := func(from int) string {
		return fmt.Sprintf("IFNULL(SUM(CAST(CONV(SUBSTRING(%s,%d,16),16,10) AS UNSIGNED)),0)", h, from)
	}
	query := fmt.Sprintf("SELECT COUNT(*), COUNT(%s), %s, %s FROM %s.%s", h, part(1), part(17), schema.QuoteIdent(s.Database), schema.QuoteIdent(table))
	var rows, digested int64
	var a, b string
	if err := c.Row(ctx, query, &rows, &digested, &a, &b); err != nil {
		return Sum{}, fmt.Errorf("on %s: %w", s.Server.Name(), err)
	}
	if rows != digested {
		return Sum{}, fmt.Errorf("on %s: %d of %d rows have no checksum; is a value longer than max_allowed_packet?", s.Server.Name(), rows-digested, rows)
	}
	return Sum{Rows: rows, Checksum: a + "-" + b}, nil
}
