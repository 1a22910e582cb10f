package cascade

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
	"lifeboat/internal/value"
)

// TestAlike asks each server about each of its collations that is thought to be known: two texts are the same to it exactly if their forms are.
func TestAlike(t *testing.T) {
	for _, kind := range testserver.AllKinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := testserver.Open(t, testserver.Start(t, kind))
			exec := func(query string) {
				t.Helper()
				if _, err := db.Exec(query); err != nil {
					t.Fatalf("%.200s: %v", query, err)
				}
			}
			exec("CREATE DATABASE shop")
			names := "SELECT COLLATION_NAME FROM information_schema.COLLATIONS"
			if testserver.IsMariaDB(kind) {
				names = "SELECT FULL_COLLATION_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"
			}
			seen := map[Likeness]int{}
			for _, name := range dbstate.Texts(t, db, names) {
				l := LikenessOf(&schema.Column{DataType: "varchar", Collation: name[0]})
				if seen[l]++; l == noLikeness {
					continue
				}
				for _, table := range []string{"one", "two"} {
					exec("CREATE TABLE shop." + table + " (a VARCHAR(12) COLLATE " + name[0] + ", form VARBINARY(20))")
					exec("INSERT INTO shop." + table + " VALUES " + someTexts(t, l))
				}
				wrong := dbstate.Texts(t, db, "SELECT CONCAT(x.a, ' and ', y.a) FROM shop.one x JOIN shop.two y WHERE (x.a = y.a) <> (x.form = y.form) LIMIT 5")
				if len(wrong) > 0 {
					t.Errorf("%s: not what their forms say: %q", name[0], wrong)
				}
				exec("DROP TABLE shop.one, shop.two")
			}
			if seen[letters] < 4 || seen[caseless] < 8 || seen[noLikeness] < 20 {
				t.Errorf("collations by likeness: %v", seen)
			}
		})
	}
}

// someTexts are rows of a text and its form: each printable character, and short texts, of which many are others but for a letter or its case.
func someTexts(t *testing.T, l Likeness) string {
	r := rand.New(rand.NewPCG(1, 2))
	var all []string
	for c := byte('!'); c <= '~'; c++ {
		all = append(all, string(c), "a"+string(c), string(c)+"a", "x"+string(c)+"y")
	}
	for range 300 {
		n := 1 + r.IntN(5)
		text := make([]byte, n)
		for i := range text {
			text[i] = "aAbBcChHlLjJnNyYiIsSzZ -_0"[r.IntN(26)]
		}
		if text[n-1] != ' ' {
			all = append(all, string(text))
		}
	}
	var rows []string
	for _, text := range all {
		form, ok := l.Append(nil, []byte(text))
		if !ok {
			t.Fatalf("%q has no form", text)
		}
		rows = append(rows, fmt.Sprintf("('%s',x'%x')", strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text), form))
	}
	return strings.Join(rows, ",")
}

// TestForms holds what has no form, and takes the forms of several columns apart again.
func TestForms(t *testing.T) {
	for _, text := range []string{"a ", " ", "\x7f", "a\tb", "\x00", "\u00e9", "a\xff"} {
		for _, l := range []Likeness{letters, caseless} {
			if form, ok := l.Append(nil, []byte(text)); ok {
				t.Errorf("%q has the form %q", text, form)
			}
		}
	}
	var cols []value.Column
	for _, kind := range []string{"varchar", "smallint", "binary", "decimal", "char", "date"} {
		cols = append(cols, target.KeyColumn(&schema.Column{DataType: kind, Type: kind}))
	}
	like := []Likeness{caseless, Fixed, octets, Fixed, letters, Fixed}
	contents := []string{"aZ", "\x01\x02", "\x00 \xff", "\x80\x00\x00\x00\x07", "", "\x81\xd5\x0f"}
	form := ""
	for i, l := range like {
		raw, ok := l.Append([]byte(form), []byte(contents[i]))
		if form = string(raw); !ok {
			t.Fatal(i)
		}
	}
	for cut := range len(form) {
		rest, err := form[:cut], error(nil)
		for i, l := range like {
			if _, rest, err = l.Cut(rest, &cols[i]); err != nil {
				break
			}
		}
		if err == nil {
			t.Errorf("%q was taken apart", form[:cut])
		}
	}
	contents[0] = "az"
	for i, l := range like {
		var content string
		var err error
		if content, form, err = l.Cut(form, &cols[i]); err != nil || content != contents[i] {
			t.Errorf("column %d: %q, %v", i, content, err)
		}
	}
}

// TestKeyTexts holds the keys that a query answers to those of a log's images: the same definition, the same bytes.
func TestKeyTexts(t *testing.T) {
	def := &schema.Table{Columns: []schema.Column{
		{Name: "a", Type: "varchar(63)", DataType: "varchar", Charset: "utf8mb4"}, {Name: "b", Type: "varchar(64)", DataType: "varchar", Charset: "utf8mb4"},
		{Name: "c", Type: "char(255)", DataType: "char", Charset: "latin1"}, {Name: "d", Type: "char(255)", DataType: "char", Charset: "utf8mb3"},
		{Name: "e", Type: "binary(16)", DataType: "binary"}, {Name: "f", Type: "varbinary(300)", DataType: "varbinary"}, {Name: "g", Type: "char(1)", DataType: "char", Charset: "ascii"}}}
	images := []value.Column{{Type: 15, Meta: 252}, {Type: 15, Meta: 256}, {Type: 254, Meta: 0xfffe}, {Type: 254, Meta: 0xfdde}, {Type: 254, Meta: 0x10fe}, {Type: 15, Meta: 300}, {Type: 254, Meta: 0x01fe}}
	shape := target.KeyShape(def)
	for i := range images {
		if got := shape.Columns[i]; got.Type != images[i].Type || got.Meta != images[i].Meta {
			t.Errorf("%s: type %d, %#04x, want %#04x", def.Columns[i].Type, got.Type, got.Meta, images[i].Meta)
		}
	}
	for _, c := range []struct {
		column int
		answer string
		raw    string
	}{{0, "ab ", "\x03ab "}, {1, "ab", "\x02\x00ab"}, {2, "ab  ", "\x02ab"}, {3, "ab", "\x02\x00ab"}, {4, "a\x00b" + strings.Repeat("\x00", 13), "\x03a\x00b"}, {5, "a\x00", "\x02\x00a\x00"}, {6, "", "\x00"},
		{5, strings.Repeat("x", 300), "\x2c\x01" + strings.Repeat("x", 300)}} {
		col := &shape.Columns[c.column]
		raw, err := col.AppendAnswer(nil, []byte(c.answer))
		if err != nil || string(raw) != c.raw {
			t.Errorf("%s: %q is %q, want %q", def.Columns[c.column].Type, c.answer, raw, c.raw)
		}
		if content, err := col.Content(raw); err != nil || !bytes.HasPrefix([]byte(c.answer), content) {
			t.Errorf("%s: %q holds %q, %v", def.Columns[c.column].Type, raw, content, err)
		}
	}
}
