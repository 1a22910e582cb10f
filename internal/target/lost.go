package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// sessionState is a line of the server's process list.
type sessionState struct {
	id            uint32
	host, command string
}

// processes reads the list of sessions that the user may see: always its own.
func (s *Server) processes(ctx context.Context) ([]sessionState, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, hardKey{}, true), s.o.Connect+s.o.Silence)
	defer cancel()
	rows, err := s.watch.QueryContext(ctx, "SHOW PROCESSLIST")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []sessionState
	for rows.Next() {
		var p sessionState
		into := make([]any, len(names))
		for i, n := range names {
			switch strings.ToLower(n) {
			case "id":
				into[i] = &p.id
			case "host":
				into[i] = &p.host
			case "command":
				into[i] = &p.command
			default:
				into[i] = new(any)
			}
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// unsure is how often a server that answers, but has no connection left to be asked over, is given the benefit of the doubt.
const unsure = 10

// stillWorks asks the server over another session whether the link's statement still runs.
func (s *Server) stillWorks(l *link) error {
	list, err := s.processes(l.open)
	if Code(err) == errTooManyConnections && l.idle < unsure {
		l.idle++
		return nil
	}
	if err != nil {
		return fmt.Errorf("no answer for %v, nor to a second session: %w", s.o.Silence, err)
	}
	for _, p := range list {
		switch {
		case p.id != l.id:
		case p.command == "Sleep":
			// Its answer may be on the way, once.
			if l.idle++; l.idle > 1 {
				return fmt.Errorf("no answer for %v: it was lost on the way", 2*s.o.Silence)
			}
			return nil
		default:
			l.idle = 0
			return nil
		}
	}
	return fmt.Errorf("no answer for %v, and the server has ended the session", s.o.Silence)
}

// session names a session for as long as the server keeps it.
type session struct {
	id   uint32
	host string // as the process list has it; "" where that does not tell
}

// remember notes a session, so that Reap finds it if its connection breaks in a way that the server does not notice.
func (s *Server) remember(l *link) {
	if a, ok := l.LocalAddr().(*net.TCPAddr); ok {
		s.mu.Lock()
		s.opened = append(s.opened, session{l.id, a.String()})
		s.mu.Unlock()
	}
}

// Reap ends, on the server, what is left there of the sessions opened so far. A server that did not see a
// connection break would keep their locks for hours. Call it when none of them is in use any more.
func (s *Server) Reap(ctx context.Context) error {
	s.mu.Lock()
	opened := s.opened
	s.opened = nil
	s.mu.Unlock()
	if len(opened) == 0 {
		return nil
	}
	list, err := s.processes(ctx)
	if err != nil {
		s.mu.Lock()
		s.opened = append(s.opened, opened...)
		s.mu.Unlock()
		return s.explain(ctx, err)
	}
	for _, p := range list {
		for _, o := range opened {
			if p.id != o.id || p.host != o.host {
				continue
			}
			if _, err := s.watch.ExecContext(ctx, fmt.Sprintf("KILL %d", p.id)); err != nil && Code(err) != errNoSuchThread {
				return s.explain(ctx, err)
			}
		}
	}
	return nil
}

// Numbers of server errors.
const (
	errTooManyConnections = 1040
	errNoSuchThread       = 1094
)

// Transient reports errors that may pass by themselves, so that going on from the checkpoint a little later is worth
// a try: a lost connection, a restart, a server that is read-only or full of connections for now, deadlocks and lock waits.
func Transient(err error) bool {
	if errors.Is(err, ErrUnreached) || Retryable(err) {
		return true
	}
	var me *mysql.MySQLError
	if !errors.As(err, &me) {
		return false
	}
	switch me.Number {
	case errTooManyConnections, 1203, 1226, // max_user_connections, a resource limit of the account
		1053, 1077, 1079, // shutdown
		1158, 1159, 1160, 1161, 1184, // the server's view of a broken connection
		1317, 1927, 3169, 4031, // killed, interrupted, thrown out for idleness
		1206, 1637, 3168, // lock table full, too many transactions, not ready
		1792, 1836: // read-only
		return true
	case 1290:
		return strings.Contains(me.Message, "read-only") || strings.Contains(me.Message, "read_only")
	}
	return false
}
