package verify

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/replay"
)

// definedDifferently gives the first thing in which a table's definition is not what base and log say. Where the same kind of server printed both,
// columns must read the same. Else, and where the log changed a column, what its statement says is held against what the server
// made of it, and what the statement leaves to the server is not compared.
func definedDifferently(x *replay.ExpectedTable, found *schema.Table, printedLike bool) string {
	for i := range x.Def.Columns {
		want, is := &x.Def.Columns[i], &found.Columns[i]
		var base *schema.Column
		if x.Base != nil && printedLike {
			base, _ = x.Base.Column(want.Name)
		}
		if base != nil && base.Text == want.Text && want.Text != "" && base.Nullable == want.Nullable {
			if a, b := plainText(is.Text), plainText(want.Text); a != b {
				return fmt.Sprintf("column %s is defined as %q on the target, in %s as %q", want.Name, a, baseAndLog, b)
			}
			continue
		}
		if a, b, what := columnDiffers(want, is); what != "" {
			return fmt.Sprintf("column %s: %s is %q on the target, in %s %q", want.Name, what, a, baseAndLog, b)
		}
	}
	if x.IndexesFollowed {
		if d := keysDiffer(x.Def, found); d != "" {
			return d
		}
	}
	return foreignKeysDiffer(x.Def, found)
}

// ownCharset is what servers print or leave out as they like where it is the table's own.
var ownCharset = regexp.MustCompile(` (CHARACTER SET|COLLATE) \w+`)

func plainText(s string) string { return ownCharset.ReplaceAllString(s, "") }

// columnDiffers compares what a statement says of a column with what a server printed.
func columnDiffers(want, is *schema.Column) (a, b, what string) {
	yes := strconv.FormatBool
	switch {
	case is.DataType != want.DataType && !sameType(is.DataType, want.DataType):
		return is.DataType, want.DataType, "its type"
	case lengthMatters(want.DataType) && strings.Contains(is.Type, "(") && strings.Contains(want.Type, "(") && squeeze(is.Type) != squeeze(want.Type):
		return is.Type, want.Type, "its type"
	case !slices.Equal(is.Members, want.Members):
		return strings.Join(is.Members, ","), strings.Join(want.Members, ","), "the list of its members"
	case is.Unsigned != want.Unsigned:
		return yes(is.Unsigned), yes(want.Unsigned), "UNSIGNED"
	case is.Generated != want.Generated:
		return is.Generated, want.Generated, "GENERATED"
	case is.Nullable != want.Nullable && want.DataType != "timestamp" && want.Generated == "":
		return yes(is.Nullable), yes(want.Nullable), "NULL"
	case is.AutoIncrement != want.AutoIncrement:
		return yes(is.AutoIncrement), yes(want.AutoIncrement), "AUTO_INCREMENT"
	case !sameDefault(want, is):
		return orNone(is.Default), orNone(want.Default), "its default"
	}
	return "", "", ""
}

func sameType(a, b string) bool {
	if strings.HasSuffix(a, "geometrycollection") || strings.HasPrefix(a, "geomcoll") {
		return strings.HasPrefix(b, "geom")
	}
	return a == "longtext" && b == "json" // MariaDB
}

// lengthMatters tells types whose parentheses hold a length from those whose digits are for display.
func lengthMatters(dataType string) bool {
	switch dataType {
	case "decimal", "char", "varchar", "binary", "varbinary", "time", "datetime", "timestamp", "bit":
		return true
	}
	return false
}

func squeeze(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, ",", ", ")), "")
}

// sameDefault compares two DEFAULT clauses as far as their first word goes.
func sameDefault(want, is *schema.Column) bool {
	a, b := plainDefault(want.Default), plainDefault(is.Default)
	if want.DataType == "timestamp" || !want.Nullable && !strings.Contains(strings.ToUpper(want.Text), "NOT NULL") {
		return true // a session's settings and zone decide, or a key has made it NOT NULL
	}
	if first := want.Default; first != "" && a != "current_timestamp" && (first[0]|0x20 >= 'a' && first[0]|0x20 <= 'z') {
		return true // a function, or TRUE
	}
	if a == b || strings.HasPrefix(a, "(") || strings.HasPrefix(b, "(") {
		return true
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return x == y
	}
	// A server prints constants of other kinds in its own way: b'1', x'41', 0x41, TRUE, '2024-1-2'. What is not ASCII depends on the session.
	odd := func(s string) bool {
		return strings.ContainsAny(s, `'\`) || strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) || strings.HasPrefix(s, "0x") || s == "true" || s == "false"
	}
	return odd(a) || odd(b) || want.DataType == "date" || want.DataType == "datetime" || want.DataType == "time"
}

// plainDefault writes the time as one word, and constants without quotes.
func plainDefault(s string) string {
	switch word := strings.ToLower(s); word {
	case "null":
		return ""
	case "now", "localtime", "localtimestamp", "current_timestamp", "current_timestamp()":
		return "current_timestamp"
	case "true", "false":
		return word
	}
	if len(s) > 1 && (s[0] == '\'' || s[0] == '"') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

func keysDiffer(want, found *schema.Table) string {
	list := func(t *schema.Table) (out []string) {
		for _, k := range t.Keys {
			kind := "key"
			if k.Primary {
				kind = "primary key"
			} else if k.Unique {
				kind = "unique key"
			}
			var cols []string
			for _, c := range k.Columns {
				cols = append(cols, strings.ToLower(c.Name))
			}
			out = append(out, kind+" ("+strings.Join(cols, ", ")+")")
		}
		return out
	}
	a, b := list(found), list(want)
	for _, k := range b {
		if !slices.Contains(a, k) {
			return fmt.Sprintf("the %s of %s is missing on the target", k, baseAndLog)
		}
	}
	for _, k := range a {
		// A foreign key brings its own.
		if !slices.Contains(b, k) && (!strings.HasPrefix(k, "key") || len(found.ForeignKeys) == 0) {
			return fmt.Sprintf("the target has a %s that is not in %s", k, baseAndLog)
		}
	}
	return ""
}

func foreignKeysDiffer(want, found *schema.Table) string {
	list := func(t *schema.Table) (out []string) {
		action := strings.NewReplacer("NO ACTION", "", "RESTRICT", "")
		for _, f := range t.ForeignKeys {
			out = append(out, strings.ToLower(fmt.Sprintf("foreign key (%s) of %s (%s) %s", strings.Join(f.Columns, ", "), f.RefTable, strings.Join(f.RefColumns, ", "), action.Replace(f.OnDelete+" "+f.OnUpdate))))
		}
		return out
	}
	a, b := list(found), list(want)
	for _, k := range b {
		if !slices.Contains(a, k) {
			return fmt.Sprintf("the %s of %s is missing on the target", strings.TrimSpace(k), baseAndLog)
		}
	}
	for _, k := range a {
		if !slices.Contains(b, k) {
			return fmt.Sprintf("the target has a %s that is not in %s", strings.TrimSpace(k), baseAndLog)
		}
	}
	return ""
}

// programs compares views, triggers, routines and events by name, and the bodies of those that servers keep as they were written.
func (a *against) programs(ctx context.Context) (out []Object, err error) {
	bodies, err := a.side.Server.Bodies(ctx, a.side.Database)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	lost := a.e.LostViews()
	for _, p := range a.e.Programs() {
		name := p.Kind + " " + p.Name
		known[strings.ToLower(name)] = true
		body, there := find(bodies, name)
		switch {
		case !there && p.Kind == schema.KindView.String() && lost[strings.ToLower(p.Name)] != "":
		case !there:
			out = append(out, Object{name, "only in " + baseAndLog})
		case body != "" && len(p.Texts) == 1 && !holds(p.Texts[0].SQL, body):
			out = append(out, Object{name, "its text is another on the target"})
		}
	}
	for name := range bodies {
		if !known[strings.ToLower(name)] {
			out = append(out, Object{name, "only on the target"})
		}
	}
	return out, nil
}

func find(bodies map[string]string, name string) (string, bool) {
	if b, ok := bodies[name]; ok {
		return b, true
	}
	for n, b := range bodies {
		if strings.EqualFold(n, name) {
			return b, true
		}
	}
	return "", false
}

// holds reports that a body is in the statement that makes it. Text beyond ASCII may be in other character sets, and is not looked for.
func holds(sql []byte, body string) bool {
	for i := range body {
		if body[i] >= 0x80 {
			return true
		}
	}
	return bytes.Contains(bytes.Join(bytes.Fields(sql), nil), bytes.Join(bytes.Fields([]byte(body)), nil))
}
