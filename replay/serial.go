package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
)

// serial writes the changes of tables that do not fold, each as a statement, in log order, in one
// session; insertions into one table that follow each other go together. Its mark commits with its rows, so no change is ever made twice.
type serial struct {
	c       *target.Conn
	job     string
	buf     []byte
	pending int    // statements in the open transaction
	until   Cursor // everything up to here is written once the transaction commits
	mark    mark
	missing map[string]*doubt // by table: what was looked for and not found in the open transaction
	nulled  []nulled
	deleted map[[16]byte]bool // by the open statement, see note
	now     int64             // the session's clock, if it was set: seconds
	open    gathered
}

// gathered are insertions that have not been sent yet, as one INSERT.
type gathered struct {
	shape *target.Shape
	text  []byte
	rows  int
}

const serialBatch = 1000 // statements to a transaction

func openSerial(ctx context.Context, srv *target.Server, job string) (*serial, error) {
	c, err := srv.Conn(ctx, "")
	if err != nil {
		return nil, err
	}
	m, err := readMark(ctx, c, job, serialLane)
	if err != nil {
		c.Close()
		return nil, err
	}
	m.stage = serialStage
	return &serial{c: c, job: job, mark: m, missing: map[string]*doubt{}, deleted: map[[16]byte]bool{}}, nil
}

func (s *serial) close() { s.c.Close() }

// seen reports whether the event that the cursor stands behind was written before a stop. Inside a transaction the mark may be
// that very cursor.
func (s *serial) seen(at Cursor) bool { return !s.mark.at.IsZero() && !s.mark.at.Before(at) }

// change writes one row change.
func (s *serial) change(ctx context.Context, shape *target.Shape, rows *binlog.Rows, r *binlog.RowReader, at place, cascades *trigger, replaced bool) error {
	if rows.Kind == binlog.Insert && gathers(shape, rows, r) {
		return s.gather(ctx, shape, &r.New)
	}
	if err := s.send(ctx); err != nil {
		return err
	}
	text, err := shape.AppendOne(s.buf[:0], rows.Kind, &r.Old, &r.New, replaced)
	if err != nil || text == nil {
		return err
	}
	s.buf = text
	if s.pending == 0 {
		if err := s.c.Begin(ctx); err != nil {
			return err
		}
	}
	s.pending++
	// Checks are on for what sets an action off, and for nothing else: what else they look at may be out of scope, or not written yet.
	if err := s.c.ForeignKeys(ctx, cascades.by(rows, r)); err != nil {
		return err
	}
	zeros := 0
	if rows.Kind != binlog.Delete {
		zeros = shape.EnumZeros(&r.New)
	}
	n, err := s.write(ctx, text, zeros)
	if err != nil {
		return fmt.Errorf("table %s: %w", shape.Name(), err)
	}
	if n == 0 && rows.Kind == binlog.Delete && s.goneBefore(shape, r) {
		return nil
	}
	s.note(shape, rows, r)
	if n == 0 && rows.Kind == binlog.Delete {
		if n, err = s.deleteNulled(ctx, shape, r); err != nil {
			return fmt.Errorf("table %s: %w", shape.Name(), err)
		}
	}
	if n == 0 {
		d := s.missing[shape.Def.Name]
		if d == nil {
			d = &doubt{table: shape.Def.Name, kind: doubtMissing, first: at}
			s.missing[shape.Def.Name] = d
		}
		d.n++
		return nil
	}
	s.mark.n1++
	return nil
}

// gathers reports an insertion that can be part of a larger one: of a complete row, into a table that takes back a statement that fails half-way.
func gathers(shape *target.Shape, rows *binlog.Rows, r *binlog.RowReader) bool {
	return rows.AllColumns() && !rows.Partial && !shape.Def.Sequence && strings.EqualFold(shape.Def.Engine, "InnoDB") && shape.EnumZeros(&r.New) == 0
}

// gather takes one insertion of a complete row. Nothing is looked up in between, so that the order among them does not show.
func (s *serial) gather(ctx context.Context, shape *target.Shape, row *binlog.Image) (err error) {
	if s.open.shape != shape || len(s.open.text) > batchBytes {
		if err := s.send(ctx); err != nil {
			return err
		}
		s.open.shape, s.open.text = shape, shape.AppendInsert(s.open.text[:0])
	}
	if s.pending == 0 {
		if err := s.c.Begin(ctx); err != nil {
			return err
		}
	}
	if s.open.rows > 0 {
		s.open.text = append(s.open.text, ',')
	}
	s.pending++
	s.open.rows++
	s.open.text, err = shape.AppendRow(s.open.text, row)
	return err
}

// send runs what was gathered.
func (s *serial) send(ctx context.Context) error {
	o := &s.open
	if o.rows == 0 {
		return nil
	}
	if err := s.c.ForeignKeys(ctx, false); err != nil { // as for every insertion, see change
		return err
	}
	n, err := s.c.ExecBytes(ctx, o.text)
	if err != nil {
		return fmt.Errorf("table %s, the last %d rows inserted before this: %w", o.shape.Name(), o.rows, err)
	}
	if n != int64(o.rows) {
		return fmt.Errorf("table %s: the target made %d rows of %d", o.shape.Name(), n, o.rows)
	}
	s.mark.n1 += n
	o.shape, o.rows = nil, 0
	return nil
}

// clock sets the session's time to the event's, as a replica does: a column that an incomplete image leaves
// out may take the current time by default.
func (s *serial) clock(ctx context.Context, at time.Time) error {
	if s.now == at.Unix() {
		return nil
	}
	if err := s.c.Exec(ctx, fmt.Sprintf("SET SESSION timestamp=%d", at.Unix())); err != nil {
		return err
	}
	s.now = at.Unix()
	return nil
}

// write runs one change. Strict mode makes an error of a value that would not be stored as it is; only the
// ENUM values that strict mode refuses need the warnings looked at.
func (s *serial) write(ctx context.Context, text []byte, zeros int) (int64, error) {
	if zeros > 0 {
		return s.c.ExecRows(ctx, text, zeros)
	}
	return s.c.ExecBytes(ctx, text)
}

// passed says that everything before the cursor has been given to change.
func (s *serial) passed(ctx context.Context, at Cursor) error {
	s.until = at
	if s.pending >= serialBatch {
		return s.flush(ctx)
	}
	return nil
}

// flush commits what is pending, with its mark.
func (s *serial) flush(ctx context.Context) error {
	if s.pending == 0 {
		return nil
	}
	if err := s.send(ctx); err != nil {
		return err
	}
	s.mark.at = s.until
	for _, d := range s.missing {
		if err := writeDoubts(ctx, s.c, s.job, serialLane, []doubt{*d}); err != nil {
			return err
		}
	}
	clear(s.missing)
	if err := writeMark(ctx, s.c, s.job, serialLane, s.mark); err != nil {
		return err
	}
	if err := s.c.Commit(ctx); err != nil {
		return errors.Join(fmt.Errorf("the serial lane stopped before %s", s.until), err)
	}
	s.pending = 0
	return nil
}
