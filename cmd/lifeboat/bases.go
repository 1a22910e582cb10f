package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"lifeboat/internal/report"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// namedBase is one of several backups, with the tables that are to be taken from it whatever the others hold.
type namedBase struct {
	path   string
	tables []string
}

// readSnapshots reads --snapshot, which may be repeated, and name a table's backup: TABLE=PATH.
func (s *source) readSnapshots(values []string) error {
	var bases []namedBase
	named := map[string]string{}
	for _, v := range values {
		table := ""
		if name, path, found := strings.Cut(v, "="); found && name != "" && !strings.ContainsAny(name, "/.:") {
			if _, err := os.Stat(v); err != nil {
				table, v = name, path
			}
		}
		i := slices.IndexFunc(bases, func(b namedBase) bool { return b.path == v })
		if i < 0 {
			i = len(bases)
			bases = append(bases, namedBase{path: v})
		}
		if table == "" {
			continue
		}
		if other, twice := named[table]; twice && other != v {
			return usagef("--snapshot names two backups for table %s: %s and %s", table, other, v)
		}
		named[table] = v
		bases[i].tables = append(bases[i].tables, table)
	}
	var paths []string
	for _, b := range bases {
		paths = append(paths, b.path)
	}
	s.snapshot = strings.Join(paths, ", ")
	if len(bases) < 2 {
		if len(named) > 0 {
			return usagef("--snapshot TABLE=PATH chooses among several backups: give the others too, or PATH alone")
		}
		return nil
	}
	s.bases = bases
	switch {
	case s.scope.Database == "":
		return usagef("several backups are for one database: --database NAME")
	case s.position != "auto" && s.position != "unknown":
		return usagef("with several backups --snapshot-position is auto, or unknown for those that do not say where they were taken")
	}
	return nil
}

// given are the flags' values.
func (s *source) given() (out []string) {
	for _, b := range s.bases {
		if len(b.tables) == 0 {
			out = append(out, s.again(b.path))
		}
		for _, t := range b.tables {
			out = append(out, t+"="+s.again(b.path))
		}
	}
	return out
}

// openBases reads several backups.
func openBases(ctx context.Context, s *source, m *meter) (out []plan.Backup, err error) {
	for _, b := range s.bases {
		x, err := snapshot.Open(ctx, s.file(b.path), s.scope.Database, m.bytes(phaseSnapshot))
		if err != nil {
			return nil, ofFlag("--snapshot", err)
		}
		out = append(out, plan.Backup{Snapshot: x, Tables: b.tables})
	}
	return out, nil
}

// baseOf is the base of a plan: the only backup, nil where none was given, or what the plan takes of several.
func baseOf(p *plan.Plan, only *snapshot.Snapshot, several []plan.Backup) (*snapshot.Snapshot, error) {
	if len(several) == 0 {
		return only, nil
	}
	return p.Joined(several)
}

// backupsOf lists the backups that were read.
func backupsOf(only *snapshot.Snapshot, several []plan.Backup) (out []*snapshot.Snapshot) {
	if only != nil {
		return []*snapshot.Snapshot{only}
	}
	for _, b := range several {
		out = append(out, b.Snapshot)
	}
	return out
}

// followBases takes the backups of a saved plan.
func (j *job) followBases(p *plan.Plan) error {
	var values []string
	position := "auto"
	for i, b := range p.Bases {
		values = append(values, b.Path)
		if !b.Exact && b.Unused == "" {
			position = "unknown"
		}
		for _, t := range p.Routes {
			if t.From == i+1 && t.FromWhy == plan.WhyNamed {
				values = append(values, t.Name+"="+b.Path)
			}
		}
	}
	j.position = position
	return j.readSnapshots(values)
}

func basesPart(p *plan.Plan) (out []report.BasePlan) {
	for _, b := range p.Bases {
		one := report.BasePlan{Path: b.Path, At: "unknown", Tables: b.Tables, Programs: b.Programs, Unused: b.Unused, Why: map[string]string{}}
		switch {
		case !b.GTIDs.IsEmpty():
			one.At = "GTIDs " + b.GTIDs.String()
		case !b.Position.IsZero():
			one.At = b.Position.String()
		}
		for _, t := range p.Routes {
			if t.From > 0 && slices.Contains(b.Tables, t.Name) {
				one.Why[t.Name] = t.FromWhy
			}
		}
		out = append(out, one)
	}
	return out
}
