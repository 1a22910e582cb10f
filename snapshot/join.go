package snapshot

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
)

// Join makes one backup of the database db out of several: the tables that take[i] names come from parts[i], with their triggers, and
// what belongs to no table (the database itself, views, routines, events) from parts[rest]. It has no coordinates: each table has those of
// its part. Offsets count on from one part to the next.
func Join(db string, parts []*Snapshot, take []map[string]bool, rest int) (*Snapshot, error) {
	x := &Index{Format: "several", MariaDB: parts[0].index.MariaDB, ServerVersion: parts[rest].index.ServerVersion, Databases: []string{db}, Complete: true}
	var paths []string
	sum := sha256.New()
	for i, p := range parts {
		part := p.index
		if part.MariaDB != x.MariaDB {
			return nil, fmt.Errorf("%s and %s are of different kinds of server, MySQL and MariaDB: they cannot be the base of one restore", parts[0].index.Path, part.Path)
		}
		paths = append(paths, part.Path)
		fmt.Fprintf(sum, "%s %t\n", part.Fingerprint, i == rest)
		x.Size += part.Size
		x.Complete = x.Complete && part.Complete
		x.CompleteUnknown = x.CompleteUnknown || part.CompleteUnknown
		for _, t := range part.Tables {
			if name := t.Name; p.of(db, t.DB) && (take[i][name] || t.View && i == rest) {
				t.DB = db
				x.Tables = append(x.Tables, t)
				fmt.Fprintf(sum, "%q\n", name)
			}
		}
		for _, t := range part.Sequences {
			if p.of(db, t.DB) && take[i][t.Name] {
				t.DB = db
				x.Sequences = append(x.Sequences, t)
			}
		}
		for _, n := range part.Notes {
			x.Notes = append(x.Notes, part.Path+": "+n)
		}
	}
	x.Unread = parts[rest].index.Unread
	for _, created := range parts[rest].index.Created {
		if parts[rest].of(db, created.Name) {
			x.Created = []Created{{db, created.Default}}
		}
	}
	x.Path, x.Fingerprint = strings.Join(paths, ", "), fmt.Sprintf("%x", sum.Sum(nil))
	return &Snapshot{format: &joined{db: db, parts: parts, take: take, rest: rest}, index: x}, nil
}

// of reports that what a backup says of the database named is of db.
func (s *Snapshot) of(db, named string) bool { return named == db || named == "" || s.index.Nameless }

// Of is the Index of the part that a table comes from: its own, but for a backup that was joined of several.
func (s *Snapshot) Of(table string) *Index {
	if j, ok := s.format.(*joined); ok {
		for i, names := range j.take {
			if names[table] {
				return j.parts[i].index
			}
		}
	}
	return s.index
}

// joined is the format of a backup made of several.
type joined struct {
	db    string
	parts []*Snapshot
	take  []map[string]bool
	rest  int
}

func (j *joined) index(context.Context, string, func(done, total int64)) (*Index, error) {
	return nil, fmt.Errorf("%w: a joined backup is not opened", ErrUnsupported)
}

func (j *joined) statements(ctx context.Context, db string, visit func(Statement) error) error {
	before := int64(0)
	for i, p := range j.parts {
		err := p.Statements(ctx, db, func(s Statement) error {
			if !j.wants(i, &s) {
				return nil
			}
			s.Offset += before
			return visit(s)
		})
		if err != nil {
			return err
		}
		before += p.index.Size
	}
	return nil
}

// wants reports that a statement of the part i is given out.
func (j *joined) wants(i int, s *Statement) bool {
	switch s.Part {
	case PartTrigger:
		return j.take[i][s.Table]
	case PartTable:
		return j.take[i][s.Object] || s.Placeholder && i == j.rest
	case PartRows, PartKeys, PartSequence:
		return j.take[i][s.Object]
	case PartOther:
		return j.take[i][s.Object] || s.Object == "" && i == j.rest
	}
	return i == j.rest
}
