package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target/folder"
	"lifeboat/internal/value"
	"lifeboat/snapshot"
)

// cell is one column's value of a row on its way: from the snapshot, from a row image, or a constant.
type cell struct {
	kind    cellKind
	raw     []byte // of an image
	column  *value.Column
	literal snapshot.Literal
	text    string // of a constant
}

type cellKind uint8

const (
	computed cellKind = iota // by the server: nothing is written
	null
	ofImage
	dumped
	constant
)

// flow carries rows of one table through its stages to where they go.
type flow struct {
	t     *rebuilt
	emit  func(*flow) error // takes f.row at the end
	out   *folder.Folder
	head  string
	image binlog.Image
	from  *dumpedRows // nil: none was
	lot   *lot        // nil: all entries are in memory
	row   []cell
	next  []cell
	// of the row under way: it is the snapshot's, and the log changed it, or deleted it
	ofBase, touched, removed bool
	key                      []byte
	text                     []byte
}

// dumpedRows is the INSERT whose rows are under way.
type dumpedRows struct {
	tuples  *snapshot.Tuples
	charset string
	mode    schema.Mode
	value   []byte
}

func (b *rebuild) write(ctx context.Context, out *folder.Folder) (res *Result, err error) {
	lot := b.lot()
	defer func() { err = errors.Join(err, lot.close()) }()
	if b.database != "" {
		out.DatabaseOptions(b.database)
	}
	var names []string
	for n := range b.tables {
		names = append(names, n)
	}
	slices.Sort(names)
	flows := map[string]*flow{} // by the snapshot's table
	var all []*flow
	for _, n := range names {
		t := b.tables[n]
		if err := out.Table(n, t.statements()); err != nil {
			return nil, err
		}
		f := newFlow(t, lot, (*flow).write)
		f.dumpTo(out)
		if err := f.begin(); err != nil {
			return nil, err
		}
		all = append(all, f)
		if t.base != "" {
			flows[t.base] = f
		}
	}
	if err := b.dumpPartial(out); err != nil {
		return nil, err
	}
	if err := b.pour(ctx, flows); err != nil {
		return nil, err
	}
	for _, f := range all {
		if err := f.rest(); err != nil {
			return nil, fmt.Errorf("table %s: %w", f.t.name, err)
		}
		b.tally(f.t)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if err := b.dumpPartialRows(out); err != nil {
		return nil, err
	}
	if err := b.writePrograms(out); err != nil {
		return nil, err
	}
	b.found = slices.DeleteFunc(b.found, func(d doubt) bool { return d.n == 0 })
	b.result.doubts(b.found, &b.places, b.p.Exact)
	b.result.Incomplete = append(b.result.Incomplete, b.p.Incomplete...)
	for _, name := range slices.Sorted(maps.Keys(b.tables)) {
		for _, line := range b.p.UnsaidAlong(name, b.tables[name].def.ForeignKeys) {
			if !slices.Contains(b.result.Incomplete, line) {
				b.result.Incomplete = append(b.result.Incomplete, line)
			}
		}
	}
	return &b.result, checkSum(b.p, &b.result.Counts)
}

// statements make the empty table, its AUTO_INCREMENT counter behind what the log saw.
func (t *rebuilt) statements() []folder.Statement {
	out := slices.Clone(t.made)
	for i := range t.def.Columns {
		if c := &t.def.Columns[i]; c.AutoIncrement && t.counter >= max(t.def.Counter, 1) {
			out = append(out, folder.Statement{SQL: fmt.Appendf(nil, "ALTER TABLE %s AUTO_INCREMENT=%d", schema.QuoteIdent(t.name), nextAuto(c, t.counter))})
		}
	}
	return out
}

func (b *rebuild) tally(t *rebuilt) {
	n := b.count.table(t.name)
	for _, s := range t.stages {
		if s.rows == nil {
			continue
		}
		n.Upserts += s.out.upserts
		n.Removed += s.out.removed
		b.count.Written += s.out.upserts + s.out.removed
		b.found = append(b.found, doubt{table: t.name, kind: doubtMissing, n: s.out.missing, first: s.out.first})
	}
}

func newFlow(t *rebuilt, lot *lot, emit func(*flow) error) *flow {
	return &flow{t: t, lot: lot, emit: emit}
}

// dumpTo says where write writes.
func (f *flow) dumpTo(out *folder.Folder) {
	t := f.t
	f.out = out
	var names []string
	for i := range t.def.Columns {
		if t.def.Columns[i].Writable() {
			names = append(names, schema.QuoteIdent(t.def.Columns[i].Name))
		}
	}
	f.head = "INSERT INTO " + schema.QuoteIdent(t.name) + " (" + strings.Join(names, ",") + ") VALUES"
}

// pour streams the snapshot's rows.
func (b *rebuild) pour(ctx context.Context, flows map[string]*flow) error {
	if b.src.Snapshot == nil {
		return nil
	}
	b.at = Progress{Phase: "write dump", Unit: "bytes", Total: b.src.Snapshot.Index().Size}
	return b.src.Snapshot.Statements(ctx, b.p.Database, func(s snapshot.Statement) error {
		f := flows[s.Object]
		if s.Part != snapshot.PartRows || f == nil {
			return nil
		}
		n, err := f.pour(&s)
		if err != nil {
			return fmt.Errorf("snapshot, offset %d, table %s: %w", s.Offset, s.Object, err)
		}
		b.count.BaseRows += n
		b.at.Rows, b.at.Done = b.at.Rows+n, s.Offset
		b.report()
		return nil
	})
}

// pour sends the rows of one INSERT through.
func (f *flow) pour(s *snapshot.Statement) (n int64, err error) {
	mode := s.Mode()
	d := &dumpedRows{charset: s.ClientCharset, mode: mode}
	if d.charset == "" {
		d.charset = dumpCharset
	}
	if !singleOrUTF8(d.charset) {
		return 0, needsServer("a dump in %s", d.charset)
	}
	if mode.NoBackslashEscapes {
		return 0, needsServer("a dump without backslash escapes")
	}
	if z := s.TimeZone; z != "" && z != "+00:00" && slices.ContainsFunc(f.t.first().Columns, func(c schema.Column) bool { return c.DataType == "timestamp" }) {
		return 0, needsServer("TIMESTAMP values in time zone %s", z)
	}
	if d.tuples, err = snapshot.NewTuples(s.SQL, mode); err != nil {
		return 0, err
	}
	places, err := f.places(d.tuples.Columns())
	if err != nil {
		return 0, err
	}
	f.from = d
	for ; ; n++ {
		row, err := d.tuples.Next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if len(row) != len(places) {
			return n, fmt.Errorf("a row of %d values for %d columns", len(row), len(places))
		}
		f.row = append(f.row[:0], make([]cell, len(f.t.first().Columns))...)
		for i, l := range row {
			f.row[places[i]] = cell{kind: dumped, literal: l}
			switch {
			case l.Kind == snapshot.Null:
				f.row[places[i]].kind = null
			case l.Kind == snapshot.Expression:
				return n, needsServer("a value that is no literal: %s", l.Text)
			}
		}
		f.ofBase, f.touched, f.removed = true, false, false
		f.t.dumped.all.Add(1)
		if err := f.send(0, false); err != nil {
			return n, err
		}
	}
}

// account counts what became of a row of the snapshot.
func (f *flow) account() {
	switch {
	case !f.ofBase:
	case f.removed:
		f.t.dumped.removed.Add(1)
	case f.touched:
		f.t.dumped.replaced.Add(1)
	}
}

// first is the table's definition where its rows begin.
func (t *rebuilt) first() *schema.Table {
	if t.began != nil {
		return t.began
	}
	return t.def
}

// places are the columns that an INSERT's values are for.
func (f *flow) places(names []string) (out []int, err error) {
	def := f.t.first()
	if names == nil {
		for i := range def.Columns {
			out = append(out, i)
		}
		return out, nil
	}
	for _, n := range names {
		i := def.ColumnNumber(n)
		if i < 0 {
			return nil, fmt.Errorf("there is no column %s", n)
		}
		out = append(out, i)
	}
	return out, nil
}

// send carries f.row through the stages from number i on, and writes it if it is there at the end. After its own
// stage's fold a row goes on with what ALTER TABLE made of it.
func (f *flow) send(i int, folded bool) error {
	for ; i < len(f.t.stages); i++ {
		s := f.t.stages[i]
		if !folded && s.rows != nil {
			what, err := f.fold(i)
			if err != nil || what == parked {
				return err
			}
			if f.removed = what == gone; f.removed {
				f.account()
				return nil
			}
		}
		folded = false
		if s.alter != nil {
			f.alter(s.alter)
		}
	}
	f.account()
	return f.emit(f)
}

func (f *flow) canonical(dst []byte, c *cell, col *value.Column) ([]byte, error) {
	switch c.kind {
	case ofImage:
		return c.column.AppendCanonical(dst, c.raw)
	case dumped:
		d := f.from
		return appendDumpedKey(dst, d.tuples, &c.literal, col, d.charset, &d.value)
	}
	return dst, fmt.Errorf("a key of a value that is not given: %w", value.ErrUnsupported)
}

// take makes f.row of an entry's image.
func (f *flow) take(s *stage, e *entry) error {
	if s.rows.part != nil {
		return f.takePart(s, e)
	}
	if err := f.image.Cut(s.rows.tm, s.rows.present, e.img); err != nil {
		return err
	}
	f.row = f.row[:0]
	for i := range s.rows.shape.Columns {
		c := cell{kind: ofImage, raw: f.image.Cols[i], column: &s.rows.shape.Columns[i]}
		switch {
		case !s.rows.shape.Def.Columns[i].Writable():
			c.kind = computed
		case f.image.State[i] == binlog.Null:
			c.kind = null
		}
		f.row = append(f.row, c)
	}
	return nil
}

func (f *flow) alter(a *schema.Altered) {
	f.next = f.next[:0]
	for i, from := range a.From {
		switch {
		case from >= 0:
			f.next = append(f.next, f.row[from])
		case a.Fill[i] == "":
			f.next = append(f.next, cell{kind: computed})
		case a.Fill[i] == "NULL":
			f.next = append(f.next, cell{kind: null})
		default:
			f.next = append(f.next, cell{kind: constant, text: a.Fill[i]})
		}
	}
	f.row, f.next = f.next, f.row
}

// write renders the row for a session that takes bytes as they are.
func (f *flow) write() (err error) {
	f.text = append(f.text[:0], '(')
	for i := range f.t.def.Columns {
		def := &f.t.def.Columns[i]
		if !def.Writable() {
			continue
		}
		if len(f.text) > 1 {
			f.text = append(f.text, ',')
		}
		c := &f.row[i]
		switch c.kind {
		case null:
			f.text = append(f.text, "NULL"...)
		case ofImage:
			if f.text, err = c.column.AppendLiteral(f.text, c.raw); err != nil {
				return fmt.Errorf("column %s: %w", def.Name, err)
			}
		case dumped:
			if c.literal.Kind == snapshot.String && c.literal.Charset == "" && f.from.charset != "binary" && isText(def) {
				f.text = append(append(f.text, '_'), f.from.charset...)
			}
			f.text = append(f.text, c.literal.Text...)
		case constant:
			if strings.HasPrefix(c.text, "'") && isText(def) {
				f.text = append(f.text, "_utf8mb4"...)
			}
			f.text = append(f.text, c.text...)
		default:
			return needsServer("column %s has no value in the dump", def.Name)
		}
	}
	f.text = append(f.text, ')')
	return f.out.Row(f.t.name, f.head, f.text)
}

// isText reports a column whose strings have a character set.
func isText(c *schema.Column) bool {
	switch c.DataType {
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json", "uuid", "inet4", "inet6":
		return true
	}
	return false
}
