package schema

import (
	"errors"
	"fmt"
	"slices"
)

// ErrCannotSplit marks a statement of which Keep cannot keep a part exactly.
var ErrCannotSplit = errors.New("statement cannot be split")

// ErrCannotRewrite marks a statement whose database Rewrite cannot rename exactly.
var ErrCannotRewrite = errors.New("statement cannot be rewritten")

type edit struct {
	start, end int
	text       string
}

// apply makes the edits, which do not overlap.
func apply(sql []byte, edits []edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int { return a.start - b.start })
	out := make([]byte, 0, len(sql)+64)
	pos := 0
	for _, e := range edits {
		out = append(out, sql[pos:e.start]...)
		out = append(out, e.text...)
		pos = e.end
	}
	return append(out, sql[pos:]...)
}

// Rewrite returns the statement with the database from renamed to, wherever it
// qualifies an object. Names without a qualifier are in the default database,
// which is the caller's to change; text inside strings is left alone.
//
// In the body of a query, and in expressions, a qualifier of three-part names and
// of functions is renamed too. In the body of a stored program any name equal to
// from that is followed by a dot is taken for the database. bodyChanges counts
// the changes in bodies: a caller may want to show them, since there the name
// might have been a table or an alias.
func Rewrite(sql []byte, m Mode, from, to string) (out []byte, bodyChanges int, err error) {
	p, err := parse(sql, m)
	if err != nil {
		return nil, 0, err
	}
	if m.LowerCaseNames {
		from = lower(from)
	}
	var edits []edit
	for _, o := range p.st.Objects {
		if o.Undecoded {
			return nil, 0, fmt.Errorf("%w: it names %q in the character set %s", ErrCannotRewrite, o.String(), m.Charset)
		}
		if o.DBEnd > 0 && o.DB == from {
			edits = append(edits, edit{o.DBStart, o.DBEnd, QuoteIdent(to)})
		}
	}
	more, bodyChanges, err := p.qualifiers(from, to, edits)
	if err != nil {
		return nil, 0, err
	}
	edits = append(edits, more...)
	if len(edits) > 0 {
		if err := encodable(m, to); err != nil {
			return nil, 0, err
		}
	}
	return apply(sql, edits), bodyChanges, nil
}

// RenameObject returns the text of a statement that was classified as st with its first object of a role under another name: a RENAME
// TABLE takes the triggers of a table along, and renames views.
func RenameObject(sql []byte, st *Statement, m Mode, role Role, to string) ([]byte, error) {
	if err := encodable(m, to); err != nil {
		return nil, err
	}
	for _, o := range st.Objects {
		if o.Role == role {
			return apply(sql, []edit{{o.NameStart, o.NameEnd, QuoteIdent(to)}}), nil
		}
	}
	return sql, nil
}

// encodable refuses names that would need conversion to the statement's character set.
func encodable(m Mode, name string) error {
	if m.utf8() || ascii(name) {
		return nil
	}
	return fmt.Errorf("%w: the name %q is not ASCII, and the statement is in %s", ErrCannotRewrite, name, m.Charset)
}

// qualifiers finds the database's name where no object of the header stands.
func (p *parser) qualifiers(from, to string, done []edit) ([]edit, int, error) {
	if !p.st.Verb.IsDDL() && !p.st.Verb.IsDML() {
		return nil, 0, nil
	}
	known := make(map[int]bool, len(done))
	for _, e := range done {
		known[e.start] = true
	}
	program := p.hasProgram()
	var edits []edit
	changes := 0
	w := window{scan: NewScanner(p.sql, p.mode)}
	for {
		if err := w.advance(); err != nil {
			return nil, 0, unknown(p.sql, w.scan.pos, err.Error())
		}
		t := w.toks[1]
		if t.Kind == EOF {
			return edits, changes, nil
		}
		if !p.isQualifier(&w, from) || known[t.Start] {
			continue
		}
		inBody := t.Start >= p.st.Body.Start && t.Start < p.st.Body.End
		if (inBody && program && p.qualifiesName(&w)) || p.isPunct(w.toks[4], '.') || p.isPunct(w.toks[4], '(') {
			edits = append(edits, edit{t.Start, t.End, QuoteIdent(to)})
			if inBody {
				changes++
			}
		}
	}
}

// hasProgram reports whether the body holds statements, and not one query.
func (p *parser) hasProgram() bool {
	switch p.st.Verb {
	case CreateView, AlterView, CreateTableSelect, Insert, Replace:
		return false
	}
	return true
}

// isQualifier reports whether the window's middle token is from, followed by a dot and a name.
func (p *parser) isQualifier(w *window, from string) bool {
	t := w.toks[1]
	if (t.Kind != Ident && t.Kind != QuotedIdent) || p.isPunct(w.toks[0], '.') || !p.isPunct(w.toks[2], '.') {
		return false
	}
	return p.fold(KindDatabase, p.unquote(t)) == from
}

// qualifiesName tells shop.t from shop.*, which in a query is a table's columns; but
// GRANT … ON shop.* is about a database.
func (p *parser) qualifiesName(w *window) bool {
	return !p.isPunct(w.toks[3], '*') || p.isWord(w.toks[0], "ON")
}

// window shows a token with the one before and the three after it.
type window struct {
	scan    *Scanner
	toks    [5]Token
	started bool
}

func (w *window) advance() error {
	n := 1
	if !w.started {
		n, w.started = 4, true
	}
	for range n {
		copy(w.toks[:], w.toks[1:])
		t, err := w.scan.Next()
		if err != nil {
			return err
		}
		w.toks[4] = t
	}
	return nil
}

// Keep returns the part of a statement that concerns the objects for which keep
// is true: of DROP TABLE and RENAME TABLE the names (a pair of RENAME stays or
// goes as one), of any other statement all or nothing. It returns nil if nothing
// is left, and ErrCannotSplit if a statement reaches across the line, such as a
// RENAME from one side to the other. The parents of foreign keys are not asked about.
func Keep(sql []byte, m Mode, keep func(Object) bool) ([]byte, error) {
	p, err := parse(sql, m)
	if err != nil {
		return nil, err
	}
	var items []item
	kept := 0
	for _, o := range p.st.Objects {
		if o.Role == Reference {
			continue
		}
		it := item{object: o, kept: keep(o)}
		if it.kept {
			kept++
		}
		items = append(items, it)
	}
	switch {
	case kept == len(items):
		return sql, nil
	case kept == 0:
		return nil, nil
	}
	groups, err := p.groups(items)
	if err != nil {
		return nil, err
	}
	var list []byte
	for _, g := range groups {
		if !g.kept {
			continue
		}
		if len(list) > 0 {
			list = append(list, ", "...)
		}
		list = append(list, sql[g.Start:g.End]...)
	}
	whole := edit{groups[0].Start, groups[len(groups)-1].End, string(list)}
	return apply(sql, []edit{whole}), nil
}

type item struct {
	object Object
	kept   bool
}

type group struct {
	Span
	kept bool
}

// groups returns the parts that stay or go as one.
func (p *parser) groups(items []item) ([]group, error) {
	cannot := func(why string) error { return fmt.Errorf("%w: %s: %q", ErrCannotSplit, why, excerpt(p.sql)) }
	var groups []group
	switch p.st.Verb {
	case DropTable, DropView, DropSequence:
		for _, it := range items {
			groups = append(groups, group{it.object.span(), it.kept})
		}
	case RenameTable:
		for i := 0; i+1 < len(items); i += 2 {
			from, to := items[i], items[i+1]
			if from.kept != to.kept {
				return nil, cannot(fmt.Sprintf("it renames %s to %s", from.object, to.object))
			}
			groups = append(groups, group{Span{from.object.span().Start, to.object.span().End}, from.kept})
		}
	default:
		return nil, cannot("it names objects on both sides")
	}
	if !p.sameRegion(groups[0].Start, groups[len(groups)-1].End) {
		return nil, cannot("a versioned comment begins or ends between its objects")
	}
	return groups, nil
}

func (o Object) span() Span {
	if o.DBEnd > 0 {
		return Span{o.DBStart, o.NameEnd}
	}
	return Span{o.NameStart, o.NameEnd}
}

// sameRegion reports whether all tokens of the span are outside versioned
// comments, or in the same one.
func (p *parser) sameRegion(start, end int) bool {
	region := -1
	for _, t := range p.toks {
		if t.Start < start || t.Start >= end {
			continue
		}
		if region >= 0 && t.region != region {
			return false
		}
		region = t.region
	}
	return true
}
