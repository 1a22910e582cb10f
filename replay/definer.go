package replay

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/schema"
	"lifeboat/internal/target"
)

// CurrentUser is the definer that makes whoever restores the owner.
const CurrentUser = "CURRENT_USER"

// ParseDefiner reads what --definer names, as the SQL that follows DEFINER=.
func ParseDefiner(s string) (string, error) {
	if s == "" || strings.EqualFold(s, CurrentUser) {
		return strings.ToUpper(s), nil
	}
	user, host, ok := strings.Cut(s, "@")
	if i := strings.LastIndexByte(s, '@'); ok {
		user, host = s[:i], s[i+1:]
	}
	trim := func(s string) string { return strings.Trim(s, "'`\"") }
	if user, host = trim(user), trim(host); !ok || user == "" || host == "" || strings.ContainsAny(user+host, "'`\"\\") {
		return "", fmt.Errorf("%q: write USER@HOST, or CURRENT_USER", s)
	}
	return schema.QuoteIdent(user) + "@" + schema.QuoteIdent(host), nil
}

// definers gives other owners to programs whose own are not on the target.
type definers struct {
	instead string          // SQL; "" leaves them as they are
	known   map[string]bool // accounts, as user@host
	blind   bool            // the accounts could not be asked for: the user may not read them
	all     bool            // there is no target: each is replaced
	missing map[string][]string
}

// account is how a definer is looked up.
func account(d schema.Definer) string {
	host := d.Host
	if host == "" {
		host = "%"
	}
	return d.User + "@" + strings.ToLower(host)
}

// readDefiners asks the target for its accounts.
func readDefiners(ctx context.Context, c *target.Conn, instead string) (*definers, error) {
	d := &definers{instead: instead, known: map[string]bool{}, missing: map[string][]string{}}
	err := c.Each(ctx, "SELECT User, Host FROM mysql.user", func(scan func(...any) error) error {
		var user, host string
		if err := scan(&user, &host); err != nil {
			return err
		}
		d.known[account(schema.Definer{User: user, Host: host})] = true
		return nil
	})
	if target.Code(err) != 0 {
		d.blind = true // what cannot be seen is not missing
		return d, nil
	}
	return d, err
}

// owned is a program's text with an owner that is there, if another was asked for. A missing one is remembered.
func (d *definers) owned(o *Program, t ProgramText) ([]byte, error) {
	st, err := schema.Classify(t.SQL, t.Mode)
	if err != nil {
		return nil, err
	}
	if st.Definer.End == 0 || st.Definer.Current {
		return t.SQL, nil
	}
	if !d.all && (d.blind || d.known[account(st.Definer)]) {
		return t.SQL, nil
	}
	if d.instead == "" {
		who, what := account(st.Definer), o.Kind+" "+o.Name
		if !slices.Contains(d.missing[who], what) {
			d.missing[who] = append(d.missing[who], what)
		}
		return t.SQL, nil
	}
	return slices.Concat(t.SQL[:st.Definer.Start], []byte("DEFINER="+d.instead), t.SQL[st.Definer.End:]), nil
}

// lines say what is missing, and the remedy.
func (d *definers) lines() (out []string) {
	for who, what := range d.missing {
		names := what
		if len(names) > 5 {
			names = append(slices.Clone(names[:5]), fmt.Sprintf("and %d more", len(what)-5))
		}
		out = append(out, fmt.Sprintf("the target has no account %s, the DEFINER of %s: they fail when they are used; create it there, or restore with --definer USER@HOST or --definer %s",
			who, strings.Join(names, ", "), CurrentUser))
	}
	slices.Sort(out)
	return out
}
