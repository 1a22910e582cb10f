package verify

import (
	"context"
	"fmt"
	"strings"

	"lifeboat/internal/schema"
)

// definitions compares what SHOW CREATE TABLE says, the next AUTO_INCREMENT value aside, which is a note:
// it counts what was tried, not what is there.
func (d *digester) definitions(ctx context.Context, left, right Side, t *Table) error {
	l, r := left.Server, right.Server
	if l.MariaDB != r.MariaDB || l.Number/100 != r.Number/100 {
		t.Notes = append(t.Notes, "definitions are not compared between "+l.Name()+" and "+r.Name()+": these servers print them differently")
		return nil
	}
	ltext, lauto, err := showCreate(ctx, left, t.Name)
	if err != nil {
		return err
	}
	rtext, rauto, err := showCreate(ctx, right, t.Name)
	if err != nil {
		return err
	}
	if a, b, differ := firstDifference(ltext, rtext); differ {
		t.Difference = fmt.Sprintf("defined differently: %q on the target, %q on the other side", a, b)
	}
	if lauto != rauto {
		t.Notes = append(t.Notes, fmt.Sprintf("next AUTO_INCREMENT value: %s on the target, %s on the other side", orNone(lauto), orNone(rauto)))
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func showCreate(ctx context.Context, s Side, table string) (text, auto string, err error) {
	c, err := s.Server.Conn(ctx, s.Database)
	if err != nil {
		return "", "", err
	}
	defer c.Close()
	var name, create string
	if err := c.Row(ctx, "SHOW CREATE TABLE "+schema.QuoteIdent(table), &name, &create); err != nil {
		return "", "", fmt.Errorf("on %s: %w", s.Server.Name(), err)
	}
	text, auto = cutAutoIncrement(create)
	return text, auto, nil
}

// cutAutoIncrement takes the option AUTO_INCREMENT=n out of a CREATE TABLE, wherever it does not stand
// inside quotes.
func cutAutoIncrement(create string) (rest, value string) {
	const option = " AUTO_INCREMENT="
	for i := 0; i < len(create); i++ {
		switch c := create[i]; {
		case c == '\'' || c == '"' || c == '`':
			i += quoted(create[i:], c) - 1
		case strings.HasPrefix(create[i:], option):
			from := i + len(option)
			to := from
			for to < len(create) && '0' <= create[to] && create[to] <= '9' {
				to++
			}
			return create[:i] + create[to:], create[from:to]
		}
	}
	return create, ""
}

// quoted is the length of the quoted text that s begins with.
func quoted(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote != '`':
			i++
		case s[i] == quote:
			if i+1 < len(s) && s[i+1] == quote {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(s)
}

// firstDifference gives the first lines that differ.
func firstDifference(a, b string) (string, string, bool) {
	left, right := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(left), len(right)) {
		var l, r string
		if i < len(left) {
			l = strings.TrimSpace(left[i])
		}
		if i < len(right) {
			r = strings.TrimSpace(right[i])
		}
		if l != r {
			return l, r, true
		}
	}
	return "", "", false
}

// objects compares what else there is, by name: views, triggers, routines and events.
func objects(ctx context.Context, left, right Side) (out []Object, err error) {
	sets := [2]map[string]bool{}
	for i, s := range []Side{left, right} {
		names, err := s.Server.Bodies(ctx, s.Database)
		if err != nil {
			return nil, err
		}
		sets[i] = map[string]bool{}
		for n := range names {
			sets[i][n] = true
			if i == 1 && !sets[0][n] {
				out = append(out, Object{n, "only on the other side"})
			}
		}
	}
	for n := range sets[0] {
		if !sets[1][n] {
			out = append(out, Object{n, "only on the target"})
		}
	}
	return out, nil
}
