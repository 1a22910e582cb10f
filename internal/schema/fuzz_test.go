package schema

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// seeds adds every statement of the golden files.
func seeds(f *testing.F, add func(sql string)) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range strings.Split(string(data), "\n\n") {
			sql, _, _ := strings.Cut(c, "\n----")
			add(sql)
		}
	}
}

// fuzzMode makes a mode of the bits of a number.
func fuzzMode(bits uint8) Mode {
	charsets := [...]string{"", "gbk", "latin1", "gb18030"}
	versions := [...]int{0, 50600, 80404, 101119}
	return Mode{
		ANSIQuotes: bits&1 != 0, NoBackslashEscapes: bits&2 != 0, MariaDB: bits&4 != 0, LowerCaseNames: bits&8 != 0,
		Charset: charsets[bits>>4&3], Version: versions[bits>>6],
	}
}

// FuzzClassify looks for panics, and for spans that are not where they are said to be.
func FuzzClassify(f *testing.F) {
	seeds(f, func(sql string) { f.Add([]byte(sql), uint8(0)); f.Add([]byte(sql), uint8(4)) })
	f.Fuzz(func(t *testing.T, sql []byte, bits uint8) {
		m := fuzzMode(bits)
		st, err := Classify(sql, m)
		if err != nil {
			return
		}
		if st.Verb == Unknown {
			t.Fatalf("%q: unknown without an error", sql)
		}
		p := newParser(sql, m)
		for _, o := range st.Objects {
			for _, span := range []struct {
				name       string
				start, end int
			}{{o.DB, o.DBStart, o.DBEnd}, {o.Name, o.NameStart, o.NameEnd}} {
				if span.end == 0 {
					continue
				}
				if got := nameAt(t, p, span.start, span.end); !m.LowerCaseNames && got != span.name {
					t.Fatalf("%q: span says %q, object %q", sql, got, span.name)
				}
			}
		}
		if st.Body.End > len(sql) || st.Definer.End > len(sql) || st.StartTransaction.End > len(sql) {
			t.Fatalf("%q: span past the end", sql)
		}
	})
}

// nameAt reads a span as a name of its own; after a dot, so that 1e5 is one too.
func nameAt(t *testing.T, p *parser, start, end int) string {
	alone := append([]byte("x."), p.sql[start:end]...)
	s := NewScanner(alone, Mode{ANSIQuotes: true, Charset: p.mode.Charset, MariaDB: true})
	var tok Token
	for range 3 {
		var err error
		if tok, err = s.Next(); err != nil {
			t.Fatalf("%q: %q is no name: %v", p.sql, p.sql[start:end], err)
		}
	}
	if tok.End != len(alone) || (tok.Kind != Ident && tok.Kind != QuotedIdent) {
		t.Fatalf("%q: %q is no name, but a %s", p.sql, p.sql[start:end], tok.Kind)
	}
	tok.Start, tok.End = start, end
	return p.unquote(tok)
}

// FuzzRewrite checks that a rewritten statement is the same statement on another database.
func FuzzRewrite(f *testing.F) {
	seeds(f, func(sql string) { f.Add([]byte(sql), uint8(0), "a"); f.Add([]byte(sql), uint8(4), "db") })
	f.Fuzz(func(t *testing.T, sql []byte, bits uint8, from string) {
		m := fuzzMode(bits)
		before, err := Classify(sql, m)
		if err != nil || from == "" {
			return
		}
		const to = "into`it"
		out, _, err := Rewrite(sql, m, from, to)
		if err != nil {
			return // the part of an INSERT that Classify does not read
		}
		after, err := Classify(out, m)
		if err != nil {
			t.Fatalf("%q became %q: %v", sql, out, err)
		}
		if after.Verb != before.Verb || len(after.Objects) != len(before.Objects) {
			t.Fatalf("%q became %q: %s %v, was %s %v", sql, out, after.Verb, after.Objects, before.Verb, before.Objects)
		}
		if m.LowerCaseNames {
			from = lower(from)
		}
		for i, b := range before.Objects {
			a := after.Objects[i]
			if b.DBEnd > 0 && b.DB == from {
				b.DB = to
				if b.Kind == KindDatabase {
					b.Name = to
				}
			} else if b.DBEnd == 0 && a.DBEnd == 0 && b.DB == from {
				b.DB = to // a foreign key's parent, which is where its child is
			}
			if a.DB != b.DB || a.Name != b.Name || a.Role != b.Role || a.Kind != b.Kind {
				t.Fatalf("%q became %q: object %d is %+v, was %+v", sql, out, i, a, b)
			}
		}
	})
}

// FuzzKeep checks that what is kept of a statement names the objects to keep, and no others.
func FuzzKeep(f *testing.F) {
	seeds(f, func(sql string) { f.Add([]byte(sql), uint8(0)) })
	f.Fuzz(func(t *testing.T, sql []byte, bits uint8) {
		m := fuzzMode(bits)
		before, err := Classify(sql, m)
		if err != nil {
			return
		}
		keep := func(o Object) bool { return o.DB != "a" }
		out, err := Keep(sql, m, keep)
		if err != nil || out == nil {
			return
		}
		after, err := Classify(out, m)
		if err != nil {
			t.Fatalf("%q became %q: %v", sql, out, err)
		}
		var want []string
		for _, o := range before.Objects {
			if o.Role == Reference || keep(o) {
				want = append(want, o.String())
			}
		}
		var got []string
		for _, o := range after.Objects {
			got = append(got, o.String())
		}
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Fatalf("%q became %q: names %v, want %v", sql, out, got, want)
		}
	})
}
