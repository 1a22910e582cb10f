package snapshot

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// builder makes the Index from the statements as they pass.
type builder struct {
	d      *reader
	db     string // wanted, "" for all
	tables []*tableFacts
	byID   map[tableID]*tableFacts
	last   *tableFacts // of the statement before
}

// tableFacts is a table with what only the builder needs to know.
type tableFacts struct {
	Table
	creates []created
}

// created is one CREATE of a name; views have two.
type created struct {
	offset int64
	view   bool
	dummy  bool // looks like a placeholder: a dump's real views have a DEFINER
}

func newBuilder(d *reader, db string) *builder {
	return &builder{d: d, db: db, byID: map[tableID]*tableFacts{}}
}

// run reads to the end.
func (b *builder) run() (*Index, error) {
	b.d.only = b.db
	for {
		st, err := b.d.next()
		if err == io.EOF {
			return b.finish()
		}
		if err != nil {
			return nil, err
		}
		b.add(st, b.d.size)
	}
}

func (b *builder) table(db, name string) *tableFacts {
	if b.last != nil && b.last.Name == name && b.last.DB == db {
		return b.last
	}
	id := tableID{db, name}
	t := b.byID[id]
	if t == nil {
		t = &tableFacts{Table: Table{DB: db, Name: name}}
		b.byID[id] = t
		b.tables = append(b.tables, t)
	}
	b.last = t
	return t
}

// add takes in a statement of size bytes.
func (b *builder) add(st Statement, size int64) {
	switch st.Part {
	case PartRows:
		t := b.table(st.DB, st.Object)
		t.Rows += int64(st.Rows)
		t.Bytes += size
		b.data(t)
	case PartKeys:
		if st.Object != "" {
			if t := b.byID[tableID{st.DB, st.Object}]; t != nil {
				b.data(t)
			}
		}
	case PartSequence:
		if idx := &b.d.facts; !st.Drop && (b.db == "" || st.DB == "" || st.DB == b.db) &&
			!slices.ContainsFunc(idx.Sequences, func(t Table) bool { return t.DB == st.DB && t.Name == st.Object }) {
			idx.Sequences = append(idx.Sequences, Table{DB: st.DB, Name: st.Object})
		}
	case PartTable, PartView:
		if st.Drop {
			return
		}
		t := b.table(st.DB, st.Object)
		t.Create = string(st.SQL)
		t.creates = append(t.creates, created{st.Offset, st.Part == PartView, !strings.Contains(t.Create, "DEFINER")})
	}
}

func (b *builder) data(t *tableFacts) {
	t.HasData = true
	if b.d.dataFor == t.Name && t.Where == "" {
		t.Where = b.d.where
	}
}

// finish checks that the dump is whole.
func (b *builder) finish() (*Index, error) {
	d := b.d
	idx := &d.facts
	if d.statement == 0 && !d.header {
		return nil, d.fail(-1, ErrNotDump, "it holds no statement")
	}
	if err := b.complete(idx); err != nil {
		return nil, err
	}
	if idx.Format == "" {
		idx.Format = "SQL script"
	}
	if d.conflict {
		idx.Coordinates.Position, idx.Coordinates.Upstream = Coordinates{}.Position, false
		idx.Coordinates.GTIDs = Coordinates{}.GTIDs
		b.note("it gives coordinates that contradict one another, so none are used: %s", strings.ReplaceAll(idx.Coordinates.Source, "\n", "; "))
	}
	if c := idx.Coordinates; !c.GTIDs.IsEmpty() && c.Position.IsZero() && !idx.MariaDB {
		b.note("it gives a GTID set and no binlog position (no --source-data): if the server was written to while it was made, the set may name transactions whose rows it lacks")
	}
	b.names(idx)
	b.list(idx)
	return idx, nil
}

// list gives the Index the tables that were asked for.
func (b *builder) list(idx *Index) {
	for _, t := range b.tables {
		t.HasData = t.HasData || idx.Format == "lifeboat" // which writes nothing of a table without rows but its definition
		if last := len(t.creates) - 1; last >= 0 && t.creates[last].view {
			t.View, t.HasData = true, false
			if b.d.header && last == 0 && t.creates[0].dummy {
				b.note("of view %q it holds only the placeholder, at byte %d: the server could not show the view", t.Name, t.creates[0].offset)
			}
		}
		if t.Where != "" {
			b.note("of table %q it holds only the rows that fulfil %s", t.Name, t.Where)
		}
		if idx.Nameless {
			t.DB = b.db
		}
		if b.db == "" || t.DB == b.db {
			idx.Tables = append(idx.Tables, t.Table)
		}
	}
}

// complete looks for the dump's end mark, of which there are two.
func (b *builder) complete(idx *Index) error {
	d := b.d
	const remedy = "take another copy of the dump, or make it again"
	switch {
	case d.header && d.completed:
		idx.Complete = true
	case d.header:
		return d.fail(d.s.here(), ErrIncomplete, "the file ends without \"-- Dump completed\": %s", remedy)
	case d.footer == footerDue:
		return d.fail(d.s.here(), ErrIncomplete, "the file ends without restoring @OLD_SQL_NOTES, which a dump does last: %s", remedy)
	case d.footer == footerSeen:
		idx.Complete = true
	default:
		idx.CompleteUnknown = true
		b.note("it carries no end mark (--compact, or not made by a dump tool), so whether it is whole cannot be told")
	}
	return nil
}

// names decides what to do with statements that stand before any database was named.
func (b *builder) names(idx *Index) {
	nameless := slices.ContainsFunc(b.tables, func(t *tableFacts) bool { return t.DB == "" })
	switch {
	case len(idx.Databases) == 0:
		idx.Nameless = true
		if b.db != "" {
			idx.Databases = []string{b.db}
		}
		b.note("it names no database (--compact or --skip-comments): its tables are taken for those of the database asked for")
	case nameless:
		b.note("some tables stand before the first USE: they belong to no database of this backup")
	}
}

func (b *builder) note(format string, args ...any) {
	b.d.facts.Notes = append(b.d.facts.Notes, fmt.Sprintf(format, args...))
}

// placeholders returns, for each view, where its placeholder ends.
func (b *builder) placeholders() map[tableID]int64 {
	views := map[tableID]int64{}
	for id, t := range b.byID {
		if !t.View {
			continue
		}
		n := len(t.creates)
		switch {
		case n > 1:
			views[id] = t.creates[n-2].offset
		case b.d.header && t.creates[0].dummy:
			views[id] = t.creates[0].offset
		default:
			views[id] = -1
		}
	}
	return views
}
