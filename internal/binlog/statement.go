package binlog

import (
	"bytes"
	"fmt"
)

func (r *Reader) query(fr *Frame, pos, end Position) error {
	q := &r.control // most statements only structure transactions
	if err := parseQuery(q, fr.Body, r.scan.format); err != nil {
		return err
	}
	var err error
	if fr.Type == QueryCompressed {
		if q.SQL, err = inflate(q.SQL); err != nil {
			return err
		}
	}
	q.Context, r.context = r.context, false
	switch verb, arg := control(q.SQL); verb {
	case "BEGIN":
		if !r.opening.known || r.tx == nil {
			r.abandon(pos)
			r.begin(fr, pos, end, q.ThreadID)
		}
	case "COMMIT":
		r.thread(q)
		r.finish(Commit, pos, end)
	case "ROLLBACK":
		r.thread(q)
		r.finish(Rollback, pos, end)
	case "SAVEPOINT":
		r.emit(Item{Kind: Savepoint, Pos: pos, End: end, Time: fr.Time(), Tx: r.tx, Name: arg})
	case "ROLLBACK TO":
		r.emit(Item{Kind: RollbackTo, Pos: pos, End: end, Time: fr.Time(), Tx: r.tx, Name: arg})
	case "XA START":
		if r.tx == nil {
			r.begin(fr, pos, end, q.ThreadID)
		}
		r.thread(q)
		r.amend(func(tx *Transaction) { tx.XA = arg })
	case "XA END":
	default:
		kept := *q
		r.statement(fr, &kept, pos, end)
	}
	return nil
}

func (r *Reader) thread(q *Query) {
	if r.tx != nil && r.tx.ThreadID == 0 {
		r.amend(func(tx *Transaction) { tx.ThreadID = q.ThreadID })
	}
}

// statement yields any other statement: inside the open transaction, or as one of its own.
func (r *Reader) statement(fr *Frame, q *Query, pos, end Position) {
	alone := r.tx == nil
	if alone {
		r.begin(fr, pos, end, q.ThreadID)
	}
	r.thread(q)
	r.emit(Item{Kind: Statement, Pos: pos, End: end, Time: fr.Time(), Tx: r.tx, Query: q})
	// MySQL 8.0.21 and later write CREATE TABLE … SELECT as a statement that opens a transaction.
	if alone && !bytes.HasSuffix(q.SQL, []byte("START TRANSACTION")) {
		r.finish(Commit, pos, end)
	}
}

func (r *Reader) load(fr *Frame, pos, end Position) error {
	switch fr.Type {
	case ExecuteLoadQueryEvent, LoadEvent, NewLoadEvent, ExecLoadEvent:
	default:
		return nil // the pieces of the file; the statement comes after them
	}
	q := &Query{LoadData: true, SQL: []byte("LOAD DATA")}
	if fr.Type == ExecuteLoadQueryEvent {
		// a Query event's head, then file id (4), name's span (4+4), duplicate handling (1)
		if len(fr.Body) < 26 {
			return fmt.Errorf("a LOAD DATA event of %d bytes", len(fr.Body))
		}
		joined := append(bytes.Clone(fr.Body[:13]), fr.Body[26:]...)
		if err := parseQuery(q, joined, r.scan.format); err != nil {
			return err
		}
		q.LoadData = true
	}
	r.statement(fr, q, pos, end)
	return nil
}

func (r *Reader) incident(fr *Frame, pos, end Position) {
	c := cursor{b: fr.Body}
	number := c.uint(2)
	message := string(c.bytes(int(c.byte())))
	r.emit(Item{Kind: Incident, Pos: pos, End: end, Time: fr.Time(), Tx: r.tx, Name: fmt.Sprintf("incident %d: %s", number, message)})
}

// control recognises the statements that structure transactions, as servers write them.
func control(sql []byte) (verb, arg string) {
	if len(sql) > 300 {
		return "", ""
	}
	s := bytes.TrimRight(sql, "; \t\r\n\x00")
	for _, v := range [...]string{"BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "SAVEPOINT", "XA START", "XA BEGIN", "XA END"} {
		if len(s) < len(v) || !bytes.EqualFold(s[:len(v)], []byte(v)) {
			continue
		}
		rest := s[len(v):]
		if len(rest) > 0 && rest[0] != ' ' {
			continue
		}
		rest = bytes.TrimSpace(rest)
		switch v {
		case "START TRANSACTION":
			return "BEGIN", ""
		case "XA BEGIN":
			return "XA START", string(rest)
		case "ROLLBACK":
			if len(rest) > 2 && bytes.EqualFold(rest[:2], []byte("TO")) {
				rest = bytes.TrimSpace(rest[2:])
				if f := bytes.Fields(rest); len(f) > 1 && bytes.EqualFold(f[0], []byte("SAVEPOINT")) {
					rest = f[1]
				}
				return "ROLLBACK TO", string(rest)
			}
			return v, ""
		case "SAVEPOINT", "XA START", "XA END":
			return v, string(rest)
		}
		if len(rest) == 0 || bytes.EqualFold(rest, []byte("WORK")) {
			return v, ""
		}
	}
	return "", ""
}
