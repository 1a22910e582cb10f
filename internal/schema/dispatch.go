package schema

import "bytes"

// statement reads one statement from its first word on.
func (p *parser) statement() error {
	t := p.peek(0)
	switch {
	case t.Kind == EOF || p.isPunct(t, ';'):
		p.st.Verb = Empty
		return p.end()
	case p.isPunct(t, '('):
		return p.parenthesised()
	case t.Kind != Ident:
		return p.fail("no statement begins")
	}
	if p.label() {
		return p.compound()
	}
	p.pos++
	switch upper(p.text(t)) {
	case "CREATE":
		return p.create()
	case "ALTER":
		return p.alter()
	case "DROP":
		return p.dropStatement()
	case "RENAME":
		return p.rename()
	case "TRUNCATE":
		return p.truncate()
	case "INSERT":
		return p.insert(Insert)
	case "REPLACE":
		return p.insert(Replace)
	case "UPDATE":
		return p.update()
	case "DELETE":
		return p.delete()
	case "LOAD":
		return p.load()
	case "CALL":
		p.st.Verb = Call
		if err := p.object(KindProcedure, Target); err != nil {
			return err
		}
		return p.rest()
	case "WITH":
		return p.with()
	case "SELECT", "VALUES", "TABLE":
		p.pos--
		return p.query(Select)
	case "SET":
		return p.set()
	case "USE":
		p.st.Verb = Use
		if err := p.database(Reference); err != nil {
			return err
		}
		return p.end()
	}
	p.pos--
	if done, err := p.transaction(); done {
		return err
	}
	return p.administration()
}

func upper(b []byte) string {
	if len(b) > 32 { // no keyword is longer
		return ""
	}
	var buf [32]byte
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
	}
	return string(buf[:len(b)])
}

func (p *parser) parenthesised() error {
	k := 0
	for p.atPunct(k, '(') && k < 64 {
		k++
	}
	if !p.at(k, "SELECT", "WITH", "VALUES", "TABLE") {
		return p.fail("no query in the parenthesis")
	}
	return p.query(Select)
}

// label reads "label:" in front of a block.
func (p *parser) label() bool {
	if !p.isName(p.peek(0)) || !p.atPunct(1, ':') || !p.at(2, "BEGIN", "LOOP", "WHILE", "REPEAT", "FOR") {
		return false
	}
	p.pos += 2
	return true
}

// compound is a block outside a stored program, which MariaDB runs. What it does
// to rows is logged apart, statement by statement.
func (p *parser) compound() error {
	p.st.Verb = Compound
	if err := p.body(); err != nil {
		return err
	}
	tail := p.sql[p.st.Body.Start:p.st.Body.End]
	for _, word := range bytes.Fields(tail[max(0, len(tail)-200):]) {
		if upper(bytes.TrimRight(word, ";")) == "END" {
			return nil
		}
	}
	return unknown(p.sql, p.st.Body.Start, "a block without END")
}

func (p *parser) set() error {
	switch {
	case p.at(0, "STATEMENT") && !p.atPunct(1, '=') && !p.atPunct(1, ':'):
		return p.setStatement()
	case p.at(0, "PASSWORD"):
		p.st.Verb = SetPassword
	case p.at(0, "ROLE") && !p.atPunct(1, '=') && !p.atPunct(1, ':'), p.at(0, "DEFAULT") && p.at(1, "ROLE"):
		p.st.Verb = SetRole
	default:
		p.st.Verb = Set
		if k := p.peek(0).Kind; k != Ident && k != QuotedIdent && k != Variable {
			return p.fail("nothing to set")
		}
	}
	return p.rest()
}

// setStatement is MariaDB's SET STATEMENT a = 1, b = 2 FOR statement.
func (p *parser) setStatement() error {
	p.pos++
	first := p.peek(0)
	for !p.at(0, "FOR") {
		t := p.peek(0)
		switch {
		case t.Kind == EOF || p.isPunct(t, ';'):
			return p.fail("no FOR after SET STATEMENT")
		case p.isPunct(t, '('):
			if err := p.parens(); err != nil {
				return err
			}
		default:
			p.pos++
		}
	}
	if p.peek(0).Start == first.Start {
		return p.fail("no variable after SET STATEMENT")
	}
	if p.st.SetVariable != "" {
		return p.fail("SET STATEMENT twice")
	}
	p.st.SetVariable = string(p.sql[first.Start:p.last().End])
	p.pos++
	return p.statement()
}

func (p *parser) truncate() error {
	p.st.Verb = TruncateTable
	p.oneOf("TABLE")
	if err := p.object(KindTable, Target); err != nil {
		return err
	}
	p.wait()
	return p.end()
}

func (p *parser) rename() error {
	if p.seq("USER") {
		p.st.Verb = RenameUser
		return p.rest()
	}
	if !p.oneOf("TABLE", "TABLES") {
		return p.fail("RENAME of an unknown kind")
	}
	p.st.Verb = RenameTable
	p.ifExists()
	for {
		if err := p.object(KindTable, RenameFrom); err != nil {
			return err
		}
		p.wait()
		if err := p.expect("TO"); err != nil {
			return err
		}
		if err := p.object(KindTable, RenameTo); err != nil {
			return err
		}
		if !p.punct(',') {
			return p.end()
		}
	}
}

// transaction reads statements that begin, end or divide a transaction.
func (p *parser) transaction() (bool, error) {
	switch {
	case p.seq("BEGIN"):
		p.oneOf("WORK")
		if p.peek(0).Kind != EOF && !p.atPunct(0, ';') || p.atPunct(0, ';') && p.peek(1).Kind != EOF {
			return true, p.compound()
		}
		p.st.Verb = Begin
		return true, p.end()
	case p.seq("START", "TRANSACTION"):
		p.st.Verb = Begin
		return true, p.rest()
	case p.seq("COMMIT"):
		p.st.Verb = Commit
		return true, p.completion()
	case p.seq("ROLLBACK"):
		p.oneOf("WORK")
		if !p.seq("TO") {
			p.st.Verb = Rollback
			return true, p.completion()
		}
		p.oneOf("SAVEPOINT")
		return true, p.savepoint(RollbackTo)
	case p.seq("SAVEPOINT"):
		return true, p.savepoint(Savepoint)
	case p.seq("RELEASE", "SAVEPOINT"):
		return true, p.savepoint(ReleaseSavepoint)
	case p.seq("XA"):
		return true, p.xa()
	}
	return false, nil
}

// completion reads what may follow COMMIT and ROLLBACK.
func (p *parser) completion() error {
	p.oneOf("WORK")
	if p.seq("AND") {
		p.oneOf("NO")
		if err := p.expect("CHAIN"); err != nil {
			return err
		}
	}
	if p.at(0, "NO", "RELEASE") {
		p.oneOf("NO")
		if err := p.expect("RELEASE"); err != nil {
			return err
		}
	}
	return p.end()
}

func (p *parser) savepoint(v Verb) error {
	p.st.Verb = v
	t := p.peek(0)
	if t.Kind != Ident && t.Kind != QuotedIdent {
		return p.fail("no savepoint")
	}
	p.pos++
	p.st.Savepoint = p.unquote(t)
	return p.end()
}
