package replay

import (
	"context"
	"fmt"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
)

// laterDefaults says which tables of a base that was loaded by other means have a collation that the source's server does not know: a client that loads the
// dump of an older server leaves utf8mb4 to the target's default. Rows compare otherwise there than on the source, and unique keys with them.
func (r *runner) laterDefaults(ctx context.Context) error {
	if !r.p.BaseLoaded || r.format == nil {
		return nil
	}
	found := map[string][]string{}
	var tables []string
	query := "SELECT TABLE_NAME, COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS JOIN information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME) WHERE TABLE_SCHEMA = " + target.Quote(r.p.Into) +
		" AND TABLE_TYPE = 'BASE TABLE' AND COLLATION_NAME IS NOT NULL ORDER BY TABLE_NAME, ORDINAL_POSITION"
	err := r.ddl.Each(ctx, query, func(scan func(...any) error) error {
		var table, column, collation string
		if err := scan(&table, &column, &collation); err != nil || !r.wants(table) || !unknownTo(r.format, collation) {
			return err
		}
		if found[table] == nil {
			tables = append(tables, table)
		}
		found[table] = append(found[table], column+" ("+collation+")")
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the collations of %s on the target: %w", r.p.Into, err)
	}
	for _, table := range tables {
		r.incomplete("table %s of the base that was loaded: server %s of the log does not know the collation of %s: the client that loaded the dump left it to this server's default, and text compares otherwise than on the source; restore from the dump itself with --snapshot, or alter the columns",
			table, r.format.ServerVersion, strings.Join(found[table], ", "))
	}
	return nil
}

// unknownTo reports a collation that a server is too old for, or of the other family: those of Unicode 9 came with MySQL 8.0 (MariaDB 11.4.5 knows their names), those of Unicode 14 with
// MariaDB 10.10.
func unknownTo(f *binlog.Format, collation string) bool {
	_, rest, _ := strings.Cut(collation, "_")
	switch n := f.VersionNumber(); {
	case n == 0:
		return false
	case strings.Contains(rest, "0900") && f.MariaDB:
		return n < 110405
	case strings.Contains(rest, "0900"):
		return n < 80000
	case strings.HasPrefix(rest, "uca1400"):
		return !f.MariaDB || n < 101000
	}
	return false
}
