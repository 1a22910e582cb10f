package schema

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what Classify says into testdata")

// TestClassify reads testdata/*.txt: a mode in brackets if it is not the zero
// one, a statement, "----", and what Classify finds in it.
func TestClassify(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			for _, c := range strings.Split(strings.TrimSuffix(string(data), "\n\n"), "\n\n") {
				input, want, ok := strings.Cut(c, "\n----\n")
				if !ok {
					input, want = strings.TrimSuffix(c, "\n----"), ""
				}
				mode, sql := parseMode(t, input)
				st, err := Classify([]byte(sql), mode)
				got := describe(st, sql)
				if err != nil {
					got = "error: " + err.Error()
					if !errors.Is(err, ErrUnknownStatement) {
						t.Errorf("%s\nerror is not ErrUnknownStatement: %v", sql, err)
					}
				}
				fmt.Fprintf(&out, "%s\n----\n%s\n\n", input, got)
				if !*update && got != want {
					t.Errorf("%s\ngot:\n%s\nwant:\n%s", input, got, want)
				}
			}
			if *update {
				if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// parseMode reads a first line such as [mariadb 101119 ansi], and Go's escapes
// in a statement that begins with a quote.
func parseMode(t *testing.T, input string) (Mode, string) {
	var m Mode
	if line, rest, ok := strings.Cut(input, "\n"); ok && strings.HasPrefix(line, "[") {
		input = rest
		for _, word := range strings.Fields(strings.Trim(line, "[]")) {
			switch v, err := strconv.Atoi(word); {
			case err == nil:
				m.Version = v
			case word == "mariadb":
				m.MariaDB = true
			case word == "ansi":
				m.ANSIQuotes = true
			case word == "nobackslash":
				m.NoBackslashEscapes = true
			case word == "lower":
				m.LowerCaseNames = true
			default:
				m.Charset = word
			}
		}
	}
	if strings.HasPrefix(input, `"`) {
		s, err := strconv.Unquote(input)
		if err != nil {
			t.Fatalf("%s: %v", input, err)
		}
		input = s
	}
	return m, input
}

func describe(s Statement, sql string) string {
	var b strings.Builder
	b.WriteString(s.Verb.String())
	flags := []struct {
		set  bool
		name string
	}{
		{s.Temporary, "temporary"}, {s.IfExists, "if exists"}, {s.IfNotExists, "if not exists"},
		{s.OrReplace, "or replace"}, {s.GeneratedByServer, "by server"}, {s.OnePhase, "one phase"},
		{s.Destructive(), "destructive"},
	}
	for _, f := range flags {
		if f.set {
			b.WriteString(", " + f.name)
		}
	}
	for _, o := range s.Objects {
		fmt.Fprintf(&b, "\n  %s %s %q", o.Role, o.Kind, o.Name)
		if o.DB != "" && o.Kind != KindDatabase {
			fmt.Fprintf(&b, " in %q", o.DB)
		}
		if o.DBEnd > 0 {
			fmt.Fprintf(&b, " [%s]", sql[o.DBStart:o.DBEnd])
		}
		fmt.Fprintf(&b, " [%s]", sql[o.NameStart:o.NameEnd])
		if o.Undecoded {
			b.WriteString(" undecoded")
		}
	}
	a := s.Alter
	line := func(name string, set bool, v any) {
		if set {
			fmt.Fprintf(&b, "\n  %s: %v", name, v)
		}
	}
	line("actions", len(a.Actions) > 0, strings.Join(a.Actions, ", "))
	line("drops columns", len(a.DropColumns) > 0, a.DropColumns)
	line("drops partitions", len(a.DropPartition) > 0, a.DropPartition)
	line("truncates partitions", len(a.TruncatePartition) > 0, a.TruncatePartition)
	line("exchanges partition", a.ExchangePartition != "", a.ExchangePartition)
	line("converts partition", a.ConvertPartition != "", a.ConvertPartition)
	line("discards tablespace", a.DiscardTablespace, true)
	line("imports tablespace", a.ImportTablespace, true)
	line("renames to", a.RenameTo != nil, a.RenameTo)
	line("renames columns", len(a.RenameColumns) > 0, a.RenameColumns)
	if d := s.Definer; d.End > 0 {
		fmt.Fprintf(&b, "\n  definer: %q @ %q current %v [%s]", d.User, d.Host, d.Current, sql[d.Start:d.End])
	}
	line("start transaction", !s.StartTransaction.Empty(), sql[s.StartTransaction.Start:s.StartTransaction.End])
	line("body", !s.Body.Empty(), sql[s.Body.Start:s.Body.End])
	line("index", s.Index != "", s.Index)
	line("savepoint", s.Savepoint != "", s.Savepoint)
	line("xid", s.XID != XID{}, fmt.Sprintf("%q %q %d", s.XID.GTRID, s.XID.BQUAL, s.XID.FormatID))
	line("set statement", s.SetVariable != "", s.SetVariable)
	return visible(b.String())
}

// visible keeps the golden files UTF-8.
func visible(s string) string {
	return strings.ToValidUTF8(s, `\x??`)
}
