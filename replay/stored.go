package replay

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
)

// The server computes generated columns, and stores some. An expression over a TIMESTAMP depends on the session's time zone, others on sql_mode or
// the server's version; and no log says what session wrote a row. But its images hold what the source had stored: some of them are held against the
// target in the end.

// storedRows are the last images of some rows of a table.
type storedRows struct {
	shape *target.Shape
	tm    *binlog.TableMap
	rows  map[string][]byte // by key
	key   []byte
}

// mostStored is how many rows of a table are looked at.
const mostStored = 64

// sample keeps what a change leaves of a row.
func (r *runner) sample(t *route, kind binlog.Change, rows *binlog.Rows, at *binlog.RowReader) {
	if len(t.shape.Stored) == 0 || t.shape.Key == nil {
		return
	}
	s := r.stored[t.name]
	if s == nil {
		if r.stored == nil {
			r.stored = map[string]*storedRows{}
		}
		s = &storedRows{shape: t.shape, tm: rows.Table, rows: map[string][]byte{}}
		r.stored[t.name] = s
	}
	if kind != binlog.Insert {
		if key, known := s.keyOf(&at.Old); known {
			delete(s.rows, key)
		} else {
			clear(s.rows)
		}
	}
	if kind != binlog.Delete && len(s.rows) < mostStored && rows.AllColumns() && !rows.Partial {
		key, _ := s.keyOf(&at.New)
		s.rows[key] = bytes.Clone(at.New.Raw)
	}
}

// keyOf is a row's key, if its image has it.
func (s *storedRows) keyOf(im *binlog.Image) (key string, known bool) {
	if slices.ContainsFunc(s.shape.Key, func(i int) bool { return im.State[i] != binlog.Present }) {
		return "", false
	}
	s.key = joinKey(s.key[:0], s.shape, im)
	return string(s.key), true
}

// forgetStored forgets the tables of a statement.
func (r *runner) forgetStored(st *schema.Statement, q *binlog.Query) {
	if st.Verb == schema.DropDatabase {
		r.stored = nil
	}
	for _, o := range filter.Touched(st, q) {
		delete(r.stored, o.Name)
	}
}

// checkStored lists tables whose stored columns came out otherwise than on the source.
func (r *runner) checkStored(ctx context.Context) error {
	var query []byte
	var im binlog.Image
	for _, name := range slices.Sorted(maps.Keys(r.stored)) {
		s, there, same := r.stored[name], int64(0), int64(0)
		present := s.tm.AllColumns()
		for _, img := range s.rows {
			err := im.Cut(s.tm, present, img)
			if err == nil {
				query, err = s.shape.AppendStoredCheck(query[:0], &im)
			}
			if err != nil {
				return err
			}
			err = r.ddl.Each(ctx, string(query), func(scan func(...any) error) error {
				var n, as int64
				err := scan(&n, &as)
				there, same = there+n, same+as
				return err
			})
			if target.Code(err) != 0 { // the rows are right for all that
				r.incomplete("table %s: its generated columns could not be held against the log: %v", name, err)
				break
			}
			if err != nil {
				return err
			}
		}
		if same < there {
			r.incomplete("table %s: %d of %d rows looked at have other values in generated columns than the log shows: the source's sessions computed them otherwise than this server does, in UTC; compute them anew in a session that has the source's time_zone and sql_mode, by ALTER TABLE %s FORCE, ALGORITHM=COPY", name, there-same, there, name)
		}
	}
	return nil
}
