package replay

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/replay/plan"
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

// most is how many rows of a table are looked at.
func (s *storedRows) most() int {
	if s.shape.Key == nil {
		return 4 // to find one, all are read
	}
	return 64
}

// sample keeps what a change leaves of a row.
func (r *runner) sample(t *route, kind binlog.Change, rows *binlog.Rows, at *binlog.RowReader) {
	if len(t.shape.Stored) == 0 {
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
	if kind != binlog.Delete && len(s.rows) < s.most() && rows.AllColumns() && !rows.Partial {
		key, _ := s.keyOf(&at.New)
		s.rows[key] = bytes.Clone(at.New.Raw)
	}
}

// keyOf is a row's key, if its image has it; without a key the whole image.
func (s *storedRows) keyOf(im *binlog.Image) (key string, known bool) {
	if s.shape.Key == nil {
		return string(im.Raw), true
	}
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

// checkStored lists tables whose stored columns came out otherwise than on the source, and those of which that cannot be told.
func (r *runner) checkStored(ctx context.Context) error {
	looked := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.stored)) {
		there, err := r.holdStored(ctx, name, r.stored[name])
		if err != nil {
			return err
		}
		looked[name] = there > 0
	}
	return r.unlookedStored(ctx, looked)
}

// holdStored holds a table's rows against the target, and tells how many of them were there.
func (r *runner) holdStored(ctx context.Context, name string, s *storedRows) (there int64, err error) {
	var query []byte
	var im binlog.Image
	same, present := int64(0), s.tm.AllColumns()
	for _, img := range s.rows {
		if err := im.Cut(s.tm, present, img); err != nil {
			return 0, err
		}
		if query, err = s.shape.AppendStoredCheck(query[:0], &im); err != nil {
			return 0, err
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
			return 0, err
		}
	}
	if same < there {
		r.incomplete("table %s: %d of %d rows looked at have other values in generated columns than the log shows: the source's sessions computed them otherwise than this server does, in UTC; %s", name, there-same, there, computeAnew(name))
	}
	return there, nil
}

func computeAnew(table string) string {
	return fmt.Sprintf("compute them anew in a session that has the source's time_zone and sql_mode, by ALTER TABLE %s FORCE, ALGORITHM=COPY", schema.QuoteIdent(table))
}

// unlookedStored lists the tables that the log gave rows, that depend on a time zone, and of which no row was held against the target: a run that
// goes on has not read what the one before it did.
func (r *runner) unlookedStored(ctx context.Context, looked map[string]bool) error {
	names, err := r.srv.GeneratedTables(ctx, r.p.Into)
	if err != nil {
		return err
	}
	for _, name := range names {
		n := r.st.Rows.get(name)
		if looked[name] || n.Inserted+n.Updated == 0 {
			continue
		}
		text, err := r.srv.ShowCreate(ctx, r.p.Into, name)
		if err != nil {
			return err
		}
		if !plan.ZoneDependent(text) {
			continue
		}
		err = r.ddl.Each(ctx, "SELECT 1 FROM "+quoteDB(r.p.Into)+"."+quoteDB(name)+" LIMIT 1", func(func(...any) error) error {
			r.incomplete("table %s: its generated columns depend on the time zone of the source's sessions, and no row could be held against the log to tell whether it was UTC, as it is here; if it was not, %s", name, computeAnew(name))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
