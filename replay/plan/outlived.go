package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/value"
)

// outlived settles what was made under a default character set that only its session knew. How wide the log says the columns of a table's rows
// are tells of most tables which one that was: then the table is made so. What is left is made as a replica would, under the database's default,
// and said; the result counts as incomplete where the rows show that it was another, and where the session is known to be an older one.
func (pl *planner) outlived(ctx context.Context) error {
	p := pl.p
	if err := pl.beforeBase(ctx); err != nil {
		return err
	}
	var other, older, unsure []*filter.Outlived
	for _, o := range pl.survey.Outlived {
		if len(o.Old) == 0 || !p.Stop.IsZero() && o.Pos.Compare(p.Stop) >= 0 || p.Skips(o.Pos, o.GTID) ||
			!o.Gone.IsZero() && (p.Stop.IsZero() || o.Gone.Compare(p.Stop) < 0) {
			continue
		}
		old, fits := widths(o)
		switch {
		case old != nil:
			if p.OldDefaults == nil {
				p.OldDefaults = map[string]schema.TextDefault{}
			}
			p.OldDefaults[o.Pos.String()] = *old
			p.Findings = append(p.Findings, fmt.Sprintf("table %s, made at %s: its rows show that its session still had the default character set that database %s had before %s, and it gets that one (%s)",
				o.Name.Name, o.Pos, o.Name.DB, o.Changed, old.Clause()))
		case fits == onlyNew:
		case fits == notNew:
			other = append(other, o)
		case o.Older:
			older = append(older, o)
		default:
			unsure = append(unsure, o)
		}
	}
	if len(other) > 0 {
		p.Incomplete = append(p.Incomplete, inDoubt(other, "had")+"; their rows in the log show it: the session that made them still had the database's default of before, and here they have the new one, as on a replica; "+
			"leave them out with --exclude-table, or give a snapshot that says CREATE DATABASE")
	}
	if len(older) > 0 {
		p.Incomplete = append(p.Incomplete, inDoubt(older, "may have had")+"; the session that made them was connected before the database's default changed, and the log does not tell which one it had: "+
			"here they have the new one, as on a replica; compare with what is known of the source")
	}
	if len(unsure) > 0 {
		p.Findings = append(p.Findings, inDoubt(unsure, "may have had")+"; they have it only if the session that made them was connected before the database's default changed, and wrote nothing until then")
	}
	return nil
}

// beforeBase reads the log from the server's last start to the base, where a session may have come from there.
func (pl *planner) beforeBase(ctx context.Context) error {
	files := pl.q.Archive.Files
	last := pl.q.Archive.Index(pl.p.Start.File)
	if !pl.survey.Early() || last < 0 {
		return nil
	}
	first := last
	for first > 0 && files[first].Format.Created == 0 {
		first--
	}
	err := pl.survey.Before(ctx, Files(pl.q.Archive)[first:last+1], binlog.Position{File: files[first].Name(), Offset: 4}, pl.p.Start)
	var damage *binlog.ReadError
	if errors.As(err, &damage) {
		pl.p.Findings = append(pl.p.Findings, fmt.Sprintf("the log before the base cannot be read, so it is not known whether sessions from then still had an older default character set: %v", err))
		return nil
	}
	return err
}

// inDoubt lists statements by what they made, and where.
func inDoubt(list []*filter.Outlived, had string) string {
	const most = 10
	var parts []string
	for _, o := range list[:min(most, len(list))] {
		var old []string
		for _, d := range o.Old {
			if old = append(old, d.Clause()); d == (schema.TextDefault{}) {
				old[len(old)-1] = "one that neither log nor snapshot says"
			}
		}
		parts = append(parts, fmt.Sprintf("%s %s at %s (%s now, %s before %s)", o.Kind, o.Name.Name, o.Pos, o.New.Clause(), strings.Join(old, " or "), o.Changed))
	}
	if n := len(list) - len(parts); n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return fmt.Sprintf("%d of the objects that the log makes %s another character set on the source: %s", len(list), had, strings.Join(parts, ", "))
}

// What the widths of a table's text columns in the log say of the default that it was made under.
type widthsSay int

const (
	nothing widthsSay = iota
	onlyNew
	notNew
)

// widths finds which default a table was made under. old is set where that is the one that fits, and it is not the database's of then.
func widths(o *filter.Outlived) (old *schema.TextDefault, say widthsSay) {
	if o.Rows == nil {
		return nil, nothing
	}
	fits := fitting(o, append([]schema.TextDefault{o.New}, o.Old...))
	switch sure := !slices.Contains(o.Old, schema.TextDefault{}); {
	case len(fits) == 0 || fits[0] != o.New && !(sure && len(fits) == 1 && value.MostBytes(fits[0].Set()) > 0):
		return nil, notNew
	case fits[0] != o.New:
		return &fits[0], notNew
	case sure && len(fits) == 1 && value.MostBytes(o.New.Set()) > 0:
		return nil, onlyNew
	}
	return nil, nothing
}

// fitting are those of the defaults under which the statement makes columns as wide as the log's.
func fitting(o *filter.Outlived, of []schema.TextDefault) (fits []schema.TextDefault) {
	def, err := schema.ParseCreateTable(o.Text, o.Mode)
	if err != nil || len(def.Columns) != len(o.Rows.Columns) {
		return of // its text does not tell
	}
	for _, d := range of {
		most := value.MostBytes(d.Set())
		fit := true
		for i := range def.Columns {
			c := &def.Columns[i]
			if most == 0 || c.Charset != "" {
				continue
			}
			switch logged := &o.Rows.Columns[i]; {
			case c.DataType == "varchar" && logged.Real() == value.TypeVarchar:
				fit = fit && int(logged.Meta) == c.Length()*most
			case c.DataType == "char" && logged.Real() == value.TypeString:
				fit = fit && logged.Longest() == c.Length()*most
			}
		}
		if fit {
			fits = append(fits, d)
		}
	}
	return fits
}
