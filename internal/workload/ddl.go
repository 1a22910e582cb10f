package workload

import (
	"context"
	"database/sql"
	"fmt"
)

// ddl is the schedule of one session's DDL statements. Rounds go on from run to run, so that names do not repeat.
type ddl struct{ round, step, left, done int }

// due reports whether the next statement's turn has come after done of share transactions.
func (d *ddl) due(done, share int) bool {
	return d.left > 0 && done*(d.done+d.left+1) >= share*(d.done+1)
}

// ddlRound is the first round that no earlier run has begun: each leaves a column later_n.
func ddlRound(ctx context.Context, db *sql.DB, name string) (n int, err error) {
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '"+name+"' AND COLUMN_NAME LIKE 'later\\_%'").Scan(&n)
	return n, err
}

// steps are the statements of round n.
func steps(destructive bool, n int) []string {
	list := []string{
		fmt.Sprintf("ALTER TABLE account ADD COLUMN later_%d VARCHAR(20) NOT NULL DEFAULT '后来'", n),
		"RENAME TABLE queue TO queue_swap, queue_next TO queue, queue_swap TO queue_next",
		fmt.Sprintf("CREATE TABLE side_%d (id INT NOT NULL AUTO_INCREMENT, v VARCHAR(30), PRIMARY KEY (id))", n),
		fmt.Sprintf("ALTER TABLE event_log ADD INDEX day_%d (day)", n),
		fmt.Sprintf("INSERT INTO side_%d (v) VALUES ('one'), ('二'), (NULL)", n),
		fmt.Sprintf("ALTER TABLE legacy ADD COLUMN front_%d INT NULL FIRST", n),
		fmt.Sprintf("CREATE TABLE copy_%d LIKE measure", n),
		"ALTER TABLE tag MODIFY note VARCHAR(120) NULL",
		fmt.Sprintf("ALTER TABLE event_log DROP INDEX day_%d", n),
		fmt.Sprintf("UPDATE side_%d SET v = CONCAT(IFNULL(v, ''), '!')", n),
		fmt.Sprintf("ALTER TABLE account ALTER COLUMN later_%d SET DEFAULT 'x'", n),
		fmt.Sprintf("RENAME TABLE side_%d TO aside_%d", n, n),
	}
	if destructive {
		list = append(list, fmt.Sprintf("ALTER TABLE legacy DROP COLUMN front_%d", n), "TRUNCATE TABLE trail", fmt.Sprintf("DROP TABLE aside_%d", n))
	}
	return list
}

func (s *session) runDDL(ctx context.Context) error {
	list := steps(s.o.Destructive, s.ddl.round)
	q := list[s.ddl.step]
	if s.ddl.step++; s.ddl.step == len(list) {
		s.ddl.round, s.ddl.step = s.ddl.round+1, 0
	}
	s.ddl.left--
	s.ddl.done++
	for {
		_, err := s.conn.ExecContext(ctx, q)
		if err == nil {
			s.n.ddl.Add(1)
			return nil
		}
		// An online ALTER of MySQL 5.6 gives up with "Duplicate entry" when a row goes and comes while it runs.
		if !passing(err) && number(err) != errDuplicate {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
}
