// Package workload makes traffic on a real server: ten tables and a few more of mixed types, and concurrent sessions that
// change them in ways that are easy to restore wrongly. Acceptance tests and the benchmark use it.
//
// Each session's statements follow from the seed alone. How sessions interleave does not, unless there is only one.
package workload

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Options say how much traffic there is, and of which kind.
type Options struct {
	Seed         uint64
	Transactions int // to commit, over all sessions
	Sessions     int // at a time; 0 means 4
	// Rows is the number of keys in use in each of the larger tables; 0 means 5000. Create fills about half of them.
	Rows int
	// DDL is the number of statements run in between that change tables and lose nothing: columns and indexes added, tables
	// made and swapped by RENAME.
	DDL int
	// Destructive lets DDL also lose data: DROP COLUMN, TRUNCATE, DROP TABLE.
	Destructive bool
	// Lossy allows values that a dump as text does not carry exactly: FLOATs of more than six digits, and dates and decimals
	// inside JSON. Rows of a base must do without.
	Lossy bool
}

func (o Options) withDefaults() Options {
	if o.Sessions <= 0 {
		o.Sessions = 4
	}
	if o.Rows <= 0 {
		o.Rows = 5000
	}
	return o
}

// Stats count what became of the transactions.
type Stats struct {
	Committed  int64
	RolledBack int64 // on purpose
	Refused    int64 // by a unique or a foreign key
	Retried    int64 // after a deadlock
	DDL        int64
}

// Run commits o.Transactions transactions in the database that Create has made. With multiStatements=true in db's data source
// name, a transaction takes one round trip.
func Run(ctx context.Context, db *sql.DB, name string, o Options) (Stats, error) {
	o = o.withDefaults()
	srv, err := describe(ctx, db)
	if err != nil {
		return Stats{}, err
	}
	var n counters
	round, err := ddlRound(ctx, db, name)
	if err != nil {
		return Stats{}, err
	}
	g, gctx := errgroup.WithContext(ctx)
	for k := range o.Sessions {
		s := &session{o: o, srv: srv, name: name, rand: rand.New(rand.NewPCG(o.Seed, uint64(k))), number: k, n: &n}
		s.share = o.Transactions / o.Sessions
		if k < o.Transactions%o.Sessions {
			s.share++
		}
		if k == 0 {
			s.ddl = ddl{round: round, left: o.DDL}
		}
		g.Go(func() error {
			if err := s.open(gctx, db); err != nil {
				return err
			}
			defer s.close()
			return s.run(gctx)
		})
	}
	err = g.Wait()
	if err == nil {
		err = settle(ctx, db, name)
	}
	return n.stats(), err
}

// settle gives each AUTO_INCREMENT counter a value that the log knows, and deletes the row that got it: rolled back
// insertions, which move counters, are in no log.
func settle(ctx context.Context, db *sql.DB, name string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, q := range []string{
		"USE " + name,
		"INSERT INTO document (title) VALUES ('last')",
		"DELETE FROM document WHERE id = LAST_INSERT_ID()",
		"INSERT INTO customer (id, name, city) VALUES (0, 'nobody', 'nowhere')",
		"INSERT INTO orders (customer, number, total) VALUES (0, -1, 0)",
		"DELETE FROM orders WHERE id = LAST_INSERT_ID()",
		"DELETE FROM customer WHERE id = 0",
	} {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

type counters struct{ committed, rolledBack, refused, retried, ddl atomic.Int64 }

func (c *counters) stats() Stats {
	return Stats{Committed: c.committed.Load(), RolledBack: c.rolledBack.Load(), Refused: c.refused.Load(), Retried: c.retried.Load(), DDL: c.ddl.Load()}
}

// session is one client with its own sequence of random numbers.
type session struct {
	o      Options
	srv    server
	name   string
	number int
	share  int // transactions to commit
	rand   *rand.Rand
	conn   *sql.Conn
	ddl    ddl
	n      *counters
	script []string // the statements of the transaction being written
	whole  []byte
}

func (s *session) open(ctx context.Context, db *sql.DB) (err error) {
	if s.conn, err = db.Conn(ctx); err != nil {
		return err
	}
	zone, isolation := "+00:00", "REPEATABLE READ"
	if s.number%2 == 1 {
		zone, isolation = "+08:00", "READ COMMITTED"
	}
	for _, q := range []string{
		"USE " + s.name,
		"SET SESSION sql_mode='STRICT_TRANS_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'",
		"SET SESSION time_zone='" + zone + "'",
		"SET SESSION TRANSACTION ISOLATION LEVEL " + isolation,
		"SET SESSION innodb_lock_wait_timeout=20",
	} {
		if _, err := s.conn.ExecContext(ctx, q); err != nil {
			s.close()
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

// close ends the session: its time zone and sql_mode are not for others in the pool.
func (s *session) close() {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	s.conn.Close()
}

func (s *session) run(ctx context.Context) error {
	for done := 0; done < s.share; {
		if s.ddl.due(done, s.share) {
			if err := s.runDDL(ctx); err != nil {
				return err
			}
		}
		kept := s.write()
		err := s.commit(ctx)
		switch {
		case err == nil && kept:
			done++
			s.n.committed.Add(1)
		case err == nil:
			s.n.rolledBack.Add(1)
		case refused(err):
			s.n.refused.Add(1)
		default:
			return fmt.Errorf("session %d: %s: %w", s.number, excerpt(strings.Join(s.script, "; ")), err)
		}
	}
	return nil
}

// write makes the script of one transaction, and reports whether it is to last.
func (s *session) write() (kept bool) {
	s.script = append(s.script[:0], "BEGIN")
	for range 1 + s.rand.IntN(3) {
		if s.oneIn(16) {
			s.add("SAVEPOINT here")
			s.move()
			if s.oneIn(2) {
				s.add("ROLLBACK TO SAVEPOINT here")
			} else {
				s.add("RELEASE SAVEPOINT here")
			}
			continue
		}
		s.move()
	}
	if s.oneIn(25) {
		s.add("ROLLBACK")
		return false
	}
	s.add("COMMIT")
	return true
}

// commit runs the script, again after each deadlock.
func (s *session) commit(ctx context.Context) error {
	for {
		err := s.exec(ctx)
		if err == nil {
			return nil
		}
		if _, back := s.conn.ExecContext(ctx, "ROLLBACK"); back != nil {
			return errors.Join(err, back)
		}
		if !passing(err) {
			return err
		}
		s.n.retried.Add(1)
	}
}

func (s *session) exec(ctx context.Context) error {
	if !s.srv.multi {
		for _, q := range s.script {
			if _, err := s.conn.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	}
	s.whole = s.whole[:0]
	for _, q := range s.script {
		s.whole = append(append(s.whole, q...), ';', '\n')
	}
	_, err := s.conn.ExecContext(ctx, string(s.whole))
	return err
}

func (s *session) add(q string) { s.script = append(s.script, q) }

func (s *session) addf(format string, args ...any) { s.add(fmt.Sprintf(format, args...)) }

func (s *session) oneIn(n int) bool { return s.rand.IntN(n) == 0 }

func excerpt(q string) string {
	const most = 400
	if len(q) > most {
		return q[:most] + " …"
	}
	return q
}
