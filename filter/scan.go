package filter

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
)

// Scan reads the whole chain once, and again if that shows names to be kept in lower case. Damage in a file ends the scan there with a finding of the archive's;
// it is returned as the error beside the survey of what came before.
func Scan(ctx context.Context, files []binlog.File, scope Scope, o Options) (*Survey, error) {
	if p := o.Stop.Position; o.Stop.Given && !p.IsZero() && !slices.ContainsFunc(files, func(f binlog.File) bool { return f.Name() == p.File }) {
		return nil, noSuchFile(p, files)
	}
	counted := o.Timeline.clone()
	s := newScanner(scope, o)
	err := s.scan(ctx, files)
	first := s.capitals.evidence(s)
	if first == nil {
		return s.result(err)
	}
	if o.LowerNames = true; counted != nil {
		*o.Timeline = *counted
	}
	s = newScanner(scope, o)
	err = s.scan(ctx, files)
	s.at = nil // the finding is of no transaction
	name := cmp.Or(first.name.Name, first.name.DB)
	s.find(LowerNames, first.pos, false, "the source keeps names in lower case (lower_case_table_names is not 0), and they are read so: a statement names %s, which is %s everywhere else: %s", name, strings.ToLower(name), first.text)
	return s.result(err)
}

// result is the survey, unless it could not be made.
func (s *scanner) result(err error) (*Survey, error) {
	if err != nil {
		return s.damaged(err)
	}
	return s.survey, s.finish(true)
}

// scan reads up to the end, or to an error.
func (s *scanner) scan(ctx context.Context, files []binlog.File) error {
	r, err := binlog.Open(ctx, files, s.o.From, binlog.ReadOptions{Workers: s.o.Workers, Count: s.survey.Scope.Has, LowerNames: s.o.LowerNames})
	if err != nil {
		return err
	}
	defer r.Close()
	for n := 0; ; n++ {
		it, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if it.Kind == binlog.Begin && !s.o.End.IsZero() && it.Pos.Compare(s.o.End) >= 0 {
			return nil
		}
		if s.o.Progress != nil && n%4096 == 0 {
			s.o.Progress(it.Pos)
		}
		if err := s.item(&it); err != nil {
			return err
		}
	}
}

// damaged ends the survey where the log cannot be read; of another error there is none.
func (s *scanner) damaged(err error) (*Survey, error) {
	var at *binlog.ReadError
	if !errors.As(err, &at) {
		return nil, err
	}
	s.survey.To = at.Pos
	return s.survey, errors.Join(err, s.finish(false))
}
