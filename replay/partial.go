package replay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/partial"
	"lifeboat/internal/schema"
	"lifeboat/replay/plan"
)

// PartialTable is a table that neither backup nor log made, as far as the log shows its rows.
type PartialTable struct {
	Of      string          `json:"of"`   // the table's name at the stop point
	Name    string          `json:"name"` // the name it was given here
	Rows    int64           `json:"rows"`
	From    binlog.Position `json:"from"` // of its first change
	To      binlog.Position `json:"to"`   // of its last
	Caveats []string        `json:"caveats"`
}

// sighting is a table without a base over a stretch of log in which its columns stay what they are.
type sighting struct {
	of, name string
	rows     *partial.Table
	from, to binlog.Position
	cut      string // the statement behind which it goes on as another; "" for the last
	lost     string // why its rows are not told
}

// sightings reads the log for the rows of tables without a base. It is a reading of its own, after the restore's: they depend on nothing else.
type sightings struct {
	pass
	counts Counts
	format *binlog.Format
	exists map[string]bool        // tables that base or log made, which the restore has
	seen   map[string][]*sighting // by the table's name now, in log order
	taken  map[string]bool        // names that anything has or had, in lower case
	rows   binlog.RowReader
	memory int64
	bytes  int64
}

// sight gathers them. memory bounds what their rows take.
func sight(ctx context.Context, p *plan.Plan, src Source, memory int64, report func(done, total int64, at binlog.Position)) ([]*sighting, error) {
	s := &sightings{exists: map[string]bool{}, seen: map[string][]*sighting{}, taken: map[string]bool{}, memory: memory}
	s.pass = pass{p: p, count: &s.counts}
	if src.Snapshot != nil {
		for _, t := range slices.Concat(src.Snapshot.Index().Tables, src.Snapshot.Index().Sequences) {
			if t.DB == "" || t.DB == p.Database {
				s.taken[strings.ToLower(t.Name)] = true
				s.exists[t.Name] = !t.View
			}
		}
	}
	for _, t := range p.Routes {
		s.taken[strings.ToLower(t.Name)] = true
	}
	if err := s.read(ctx, src, p.Start, report, s.item); err != nil {
		return nil, err
	}
	return s.named(), nil
}

func (s *sightings) item(it *binlog.Item) error {
	switch it.Kind {
	case binlog.FileStart:
		s.format = it.Format
	case binlog.Begin:
		s.begin(it)
	case binlog.RowChange:
		if s.rowStep(it) {
			return s.change(it)
		}
	case binlog.Statement:
		st, err := s.meaning(it, s.format)
		if st == nil {
			return err
		}
		s.statement(st, it)
	case binlog.Commit, binlog.Rollback, binlog.Prepare:
		s.end(it)
	}
	return nil
}

// change takes the rows of an event, if they are of a table without a base.
func (s *sightings) change(it *binlog.Item) error {
	tm := it.Rows.Table
	if tm.Database != s.p.Database || s.exists[tm.Table] || !s.p.Scope().Has(tm.Database, tm.Table) {
		return nil
	}
	x := s.of(tm, it.Pos)
	x.to = it.Pos
	if x.lost == "" && (!it.Rows.AllColumns() || it.Rows.Partial) {
		s.lose(x, "the log holds incomplete row images of it (binlog_row_image is not FULL, or binlog_row_value_options is set)")
	}
	if x.lost != "" {
		return nil
	}
	if err := x.rows.Learn(tm); err != nil {
		return err
	}
	before := x.rows.Bytes()
	s.rows.Reset(it.Rows)
	for {
		more, err := s.rows.Next()
		if err != nil {
			return &binlog.ReadError{Pos: it.Pos, Kind: kindOf(err), Detail: err.Error()}
		}
		if !more {
			break
		}
		if err := x.rows.Change(it.Rows.Kind, &s.rows); err != nil {
			return err
		}
	}
	if s.bytes += x.rows.Bytes() - before; s.bytes > s.memory {
		s.lose(x, fmt.Sprintf("its rows, with those of other partial tables, take more than %d MiB, which is the share of --memory that they get: give more", s.memory>>20))
	}
	return nil
}

// of is the sighting that a table map's rows go to.
func (s *sightings) of(tm *binlog.TableMap, at binlog.Position) *sighting {
	all := s.seen[tm.Table]
	if n := len(all); n > 0 {
		switch last := all[n-1]; {
		case last.cut != "":
		case last.rows == nil || last.rows.Takes(tm):
			return last
		default:
			last.cut = "a change of its columns that is not in the log"
		}
	}
	x := &sighting{from: at}
	var err error
	if x.rows, err = partial.New(tm); err != nil {
		x.rows, x.lost = nil, err.Error()
	}
	s.seen[tm.Table] = append(all, x)
	return x
}

// lose gives a sighting's rows up: it is listed, and no part of it is made.
func (s *sightings) lose(x *sighting, why string) {
	x.lost = why
	s.bytes -= x.rows.Bytes()
	x.rows.Clear()
}

// forget drops what was seen of a table that is gone.
func (s *sightings) forget(table string) {
	for _, x := range s.seen[table] {
		if x.rows != nil {
			s.bytes -= x.rows.Bytes()
		}
	}
	delete(s.seen, table)
}

// statement follows tables through DDL.
func (s *sightings) statement(st *schema.Statement, it *binlog.Item) {
	var from *schema.Object
	objects := filter.Touched(st, it.Query)
	for i := range objects {
		o := &objects[i]
		if o.DB != s.p.Database {
			continue
		}
		s.taken[strings.ToLower(o.Name)] = true
		switch {
		case o.Kind == schema.KindDatabase && st.Verb == schema.DropDatabase:
			clear(s.exists)
			clear(s.seen)
			s.bytes = 0
		case o.Kind != schema.KindTable && o.Kind != schema.KindSequence:
		case o.Role == schema.RenameTo && from != nil:
			s.rename(from.Name, o.Name)
			from = nil
		case o.Role == schema.Target || o.Role == schema.RenameFrom:
			from = o
			s.target(st, o.Name, it)
		}
	}
}

// target follows a statement about a table.
func (s *sightings) target(st *schema.Statement, table string, it *binlog.Item) {
	switch st.Verb {
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect, schema.CreateSequence:
		if !st.IfNotExists {
			s.forget(table) // of an earlier table of that name
		}
		s.exists[table] = true
	case schema.DropTable, schema.DropSequence:
		s.forget(table)
		s.exists[table] = false
	case schema.TruncateTable:
		for _, x := range s.seen[table] {
			if x.rows != nil {
				s.bytes -= x.rows.Bytes()
				x.rows.Clear()
			}
		}
	case schema.AlterTable:
		if all := s.seen[table]; len(all) > 0 && !keepsColumns(st) {
			all[len(all)-1].cut = fmt.Sprintf("%s at %s", filter.Excerpt(it.Query.SQL, 100), it.Pos)
		}
	}
}

// keepsColumns reports an ALTER TABLE that leaves rows and columns as they are.
func keepsColumns(st *schema.Statement) bool {
	return !slices.ContainsFunc(st.Alter.Actions, func(action string) bool {
		switch action {
		case "ADD INDEX", "DROP INDEX", "RENAME INDEX", "ALTER INDEX", "ADD FOREIGN KEY", "DROP FOREIGN KEY", "ADD CHECK", "DROP CHECK", "DROP CONSTRAINT", "ALTER CONSTRAINT",
			"ALTER COLUMN", "ORDER BY", "ENABLE KEYS", "DISABLE KEYS", "FORCE", "RENAME", "ENGINE", "COMMENT", "AUTO_INCREMENT", "ROW_FORMAT", "ALGORITHM", "LOCK":
			return false
		}
		return true
	})
}

// rename lets what was seen follow its table.
func (s *sightings) rename(from, to string) {
	s.forget(to)
	if all := s.seen[from]; all != nil {
		s.seen[to] = all
		delete(s.seen, from)
	}
	s.exists[to] = s.exists[from]
	s.exists[from] = false
}

// named gives each its name: the last of a table the plain one, those before a change of columns a number.
func (s *sightings) named() (out []*sighting) {
	for _, table := range slices.Sorted(maps.Keys(s.seen)) {
		all := s.seen[table]
		for i, x := range all {
			x.of = table
			plain := plan.PartialName(table)
			x.name = plain
			n := 1
			if i < len(all)-1 {
				x.name = fmt.Sprintf("%s_%d", plain, n)
			}
			for ; s.taken[strings.ToLower(x.name)]; n++ {
				x.name = fmt.Sprintf("%s_%d", plain, n)
			}
			s.taken[strings.ToLower(x.name)] = true
			out = append(out, x)
		}
	}
	return out
}

// comment says in the table itself what it is.
func (x *sighting) comment(p *plan.Plan) string {
	c := fmt.Sprintf("NOT THE WHOLE TABLE %s.%s: the rows that its binlog shows from %s to %s, as they were last; rows that did not change in it are missing, and so is all of the definition that the binlog does not tell. Made by lifeboat.",
		p.Database, x.of, x.from, x.to)
	if x.cut != "" {
		c += " As it was before " + x.cut + "."
	}
	return c
}

// result is the sighting for the report.
func (x *sighting) result() PartialTable {
	r := PartialTable{Of: x.of, Name: x.name, Rows: x.rows.Len(), From: x.from, To: x.to, Caveats: x.rows.Caveats()}
	if x.cut != "" {
		r.Caveats = append(r.Caveats, "it is the table before "+x.cut+"; rows that changed later are in another partial table")
	}
	return r
}

// notTold says that a table's rows are not offered.
func (x *sighting) notTold() string {
	return fmt.Sprintf("table %s: no partial table was made of its rows: %s", x.of, x.lost)
}
