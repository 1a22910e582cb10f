// Package oracle proves restores against real servers: it runs a workload, wipes, restores by every route there is, and compares
// with what was there, value by value. The workloads are testdata/cases; docs/correctness.md maps hazards to them. It has tests only.
package oracle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeboat/internal/testserver"
)

// oracleCase is one file of testdata/cases. Its head has lines of "key: value"; then come the sections "-- base --", run before the
// backup, and "-- log --", run after it, and perhaps "-- after --", run behind the stop. A statement ends with a semicolon at the end of a line. Before it may stand, in this
// order: [KIND …] for the kinds of servers that run it, sN: for another session than s1, & for one that is not waited for until its session's
// next statement or the section's end, and ! for a statement that must fail.
//
// Keys: servers (kinds, default all), hazards (numbers), args (server options), global (NAME=VALUE on the source), session (NAME=VALUE in
// each session of the log), tables and exclude (of the scope), into (another name), routes (a choice of them), archive (what becomes of the
// copied files, see shapes), first (the number of the first binlog). "variant [KIND …] NAME: --ARG global:NAME=VALUE session:NAME=VALUE …" runs
// the case once more under other settings (archive:SHAPE is one, too), by the shorter routes; in what follows a variant may stand for a KIND. "refused [KIND …] TEXT", "incomplete [KIND …] TEXT" and "orphans [KIND …] COUNT"
// say what must happen instead of a complete restore, "says [KIND …] TEXT" what the plan must mention; lost names tables that are not compared then,
// folded those that must not take the serial lane but by its own route; dumped says that it takes no server.
// "wrong [KIND …] TEXT" is a known difference: the case fails when it has gone. "tool differs [KIND …] WHY" says that mysqlbinlog into
// mysql does not give the right state, "no tool [KIND …] WHY" that it cannot be asked.
type oracleCase struct {
	name              string
	kinds             []string
	args              []string
	hazards           []string
	global, session   []string
	archive, first    string
	variants          []variant
	tables, exclude   []string
	into              string
	routes            []string
	lost, folded      []string
	expectations      []expectation
	base, log, after  []statement
	allowIncompletion bool
	dumped            bool
	variant           string // that it is
	noTool            bool   // the plain run has asked it
}

type expectation struct {
	what  string // refused, incomplete, orphans, wrong, tool differs, no tool, says
	kinds []string
	text  string
}

// variant is other settings for the same script.
type variant struct {
	name  string
	kinds []string
	words []string
}

// under is the case as the variant runs it. A fold of everything and a window for each event are enough there.
func (c *oracleCase) under(v variant) *oracleCase {
	o := *c
	o.name = c.name + "," + v.name
	o.args, o.global, o.session = slices.Clone(c.args), slices.Clone(c.global), slices.Clone(c.session)
	for _, w := range v.words {
		switch {
		case strings.HasPrefix(w, "--"):
			o.args = append(o.args, w)
		case strings.HasPrefix(w, "archive:"):
			o.archive, o.routes = strings.TrimPrefix(w, "archive:"), []string{"fresh"}
		case strings.HasPrefix(w, "session:"):
			o.session = append(o.session, strings.TrimPrefix(w, "session:"))
		default:
			o.global = append(o.global, strings.TrimPrefix(w, "global:"))
		}
	}
	if len(o.routes) == 0 {
		o.routes = []string{"fresh", "tiny"}
	}
	o.variant, o.noTool = v.name, true
	return &o
}

type statement struct {
	line    int
	session string
	fails   bool
	async   bool
	kinds   []string
	sql     string
}

// meant reports that a list of kinds means a kind. What is said of MariaDB 10.11 holds for 11.8.
func meant(kinds []string, kind string) bool {
	return slices.Contains(kinds, kind) || kind == testserver.MariaDB118 && slices.Contains(kinds, testserver.MariaDB1011)
}

// expect is the text of an expectation for the variant, or else for the kind.
func (c *oracleCase) expect(what, kind string) (string, bool) {
	for _, who := range []string{c.variant, kind} {
		for _, e := range c.expectations {
			if e.what == what && meant(e.kinds, who) {
				return e.text, true
			}
		}
	}
	return "", false
}

func readCase(path string) (*oracleCase, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &oracleCase{name: strings.TrimSuffix(filepath.Base(path), ".case"), kinds: testserver.Kinds()}
	var section *[]statement
	var open statement
	for n, line := range strings.Split(string(text), "\n") {
		at := func(err error) error { return fmt.Errorf("%s:%d: %w", path, n+1, err) }
		line = strings.TrimRight(line, " \r")
		switch {
		case strings.HasPrefix(line, "# ") || line == "#" || line == "" && open.sql == "":
		case line == "-- base --":
			section = &c.base
		case line == "-- log --":
			section = &c.log
		case line == "-- after --":
			section = &c.after
		case section == nil:
			if err := c.head(line); err != nil {
				return nil, at(err)
			}
		default:
			if open.sql == "" {
				open.line = n + 1
			} else {
				open.sql += "\n"
			}
			open.sql += line
			if !strings.HasSuffix(line, ";") {
				continue
			}
			if err := open.prefixes(); err != nil {
				return nil, at(err)
			}
			*section = append(*section, open)
			open = statement{}
		}
	}
	if open.sql != "" {
		return nil, fmt.Errorf("%s:%d: the statement does not end with a semicolon", path, open.line)
	}
	if len(c.hazards) == 0 || len(c.log) == 0 {
		return nil, fmt.Errorf("%s: a case needs hazards and a log", path)
	}
	return c, c.check(path)
}

// check looks for names that nothing has.
func (c *oracleCase) check(path string) error {
	names := testserver.AllKinds()
	shaped := []string{c.archive}
	for _, v := range c.variants {
		names = append(names, v.name)
		shaped = append(shaped, c.under(v).archive)
	}
	for _, e := range c.expectations {
		for _, k := range e.kinds {
			if !slices.Contains(names, k) {
				return fmt.Errorf("%s: there is no kind of server and no variant named %s", path, k)
			}
		}
	}
	for _, shape := range shaped {
		if shape != "" && shapes()[shape] == nil {
			return fmt.Errorf("%s: there is no shape of an archive named %q", path, shape)
		}
	}
	return nil
}

func (c *oracleCase) head(line string) error {
	for _, what := range []string{"refused", "incomplete", "orphans", "wrong", "tool differs", "no tool", "says"} {
		if rest, ok := strings.CutPrefix(line, what+" ["); ok {
			kinds, text, ok := strings.Cut(rest, "]")
			if !ok || strings.TrimSpace(text) == "" {
				return fmt.Errorf("write %s [KIND …] TEXT", what)
			}
			list := strings.Fields(kinds)
			if kinds == "*" {
				list = testserver.Kinds()
			}
			c.expectations = append(c.expectations, expectation{what, list, strings.TrimSpace(text)})
			return nil
		}
	}
	if rest, ok := strings.CutPrefix(line, "variant ["); ok {
		kinds, text, _ := strings.Cut(rest, "]")
		name, words, ok := strings.Cut(text, ":")
		if !ok {
			return fmt.Errorf("write variant [KIND …] NAME: SETTING …")
		}
		v := variant{strings.TrimSpace(name), strings.Fields(kinds), strings.Fields(words)}
		if kinds == "*" {
			v.kinds = testserver.Kinds()
		}
		c.variants = append(c.variants, v)
		return checkKinds(v.kinds)
	}
	key, value, _ := strings.Cut(line, ":")
	words := strings.Fields(value)
	switch key {
	case "servers":
		c.kinds = words
		return checkKinds(words)
	case "hazards":
		c.hazards = words
	case "args":
		c.args = words
	case "global":
		c.global = append(c.global, strings.TrimSpace(value))
	case "session":
		c.session = append(c.session, strings.TrimSpace(value))
	case "archive":
		c.archive = strings.TrimSpace(value)
	case "first":
		c.first = strings.TrimSpace(value)
	case "tables":
		c.tables = words
	case "exclude":
		c.exclude = words
	case "into":
		c.into = strings.TrimSpace(value)
	case "routes":
		c.routes = words
	case "lost":
		c.lost = words
	case "folded":
		c.folded = words
	case "dumped":
		c.dumped = true
	case "allow-incomplete":
		c.allowIncompletion = true
	default:
		return fmt.Errorf("no such key: %s", line)
	}
	return nil
}

func checkKinds(list []string) error {
	for _, k := range list {
		if !slices.Contains(testserver.AllKinds(), k) {
			return fmt.Errorf("there is no kind of server named %s", k)
		}
	}
	return nil
}

func (s *statement) prefixes() error {
	s.session, s.kinds = "s1", testserver.Kinds()
	if rest, ok := strings.CutPrefix(s.sql, "["); ok {
		kinds, text, _ := strings.Cut(rest, "] ")
		s.kinds, s.sql = strings.Fields(kinds), text
	}
	if name, text, ok := strings.Cut(s.sql, ": "); ok && len(name) == 2 && name[0] == 's' {
		s.session, s.sql = name, text
	}
	s.sql, s.async = strings.CutPrefix(s.sql, "&")
	s.sql, s.fails = strings.CutPrefix(s.sql, "!")
	s.sql = strings.TrimSuffix(strings.TrimSpace(s.sql), ";")
	return checkKinds(s.kinds)
}
