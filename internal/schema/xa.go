package schema

import (
	"encoding/hex"
	"strconv"
)

func (p *parser) xa() error {
	switch {
	case p.oneOf("START", "BEGIN"):
		p.st.Verb = XAStart
	case p.seq("END"):
		p.st.Verb = XAEnd
	case p.seq("PREPARE"):
		p.st.Verb = XAPrepare
	case p.seq("COMMIT"):
		p.st.Verb = XACommit
	case p.seq("ROLLBACK"):
		p.st.Verb = XARollback
	case p.seq("RECOVER"):
		p.st.Verb = XARecover
		return p.rest()
	default:
		return p.fail("XA command unknown")
	}
	if err := p.xid(); err != nil {
		return err
	}
	p.st.OnePhase = p.seq("ONE", "PHASE")
	if p.seq("SUSPEND") {
		p.seq("FOR", "MIGRATE")
	} else {
		p.oneOf("JOIN", "RESUME", "FORCE")
	}
	return p.end()
}

// xid reads gtrid[, bqual[, formatID]]. The format is 1 if it is left out.
func (p *parser) xid() error {
	x := XID{FormatID: 1}
	var err error
	if x.GTRID, err = p.bytes(); err != nil {
		return err
	}
	if p.punct(',') {
		if x.BQUAL, err = p.bytes(); err != nil {
			return err
		}
	}
	if p.punct(',') {
		t := p.peek(0)
		if x.FormatID, err = strconv.ParseInt(string(p.text(t)), 0, 64); err != nil || t.Kind != Number {
			return p.fail("no format of the transaction identifier")
		}
		p.pos++
	}
	p.st.XID = x
	return nil
}

// bytes reads 'text', X'hex' or 0xhex.
func (p *parser) bytes() (string, error) {
	t := p.peek(0)
	b := p.text(t)
	var digits []byte
	switch {
	case t.Kind == String && (b[0] == '\'' || b[0] == '"'):
		p.pos++
		return p.unquote(t), nil
	case t.Kind == String && b[0]|0x20 == 'x':
		digits = b[2 : len(b)-1]
	case t.Kind == Number && len(b) > 2 && b[1] == 'x':
		digits = b[2:]
	default:
		return "", p.fail("no transaction identifier")
	}
	out := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(out, digits); err != nil {
		return "", p.fail("hexadecimal digits expected")
	}
	p.pos++
	return string(out), nil
}
