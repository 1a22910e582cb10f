// Package gtid holds global transaction identifiers of both server families and sets of them.
//
// MySQL writes uuid:number, since 8.3 also uuid:tag:number; MariaDB writes domain-server-sequence.
// A MySQL set is a list of intervals for each (uuid, tag). A MariaDB set is a position: for each
// domain the last sequence number, which contains every earlier one of that domain.
package gtid

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrSyntax marks text that is no GTID or GTID set.
var ErrSyntax = errors.New("not a GTID set")

// Family tells whose identifiers a GTID or a set holds.
type Family uint8

// The two families; None is the zero GTID (an anonymous transaction) or the empty set.
const (
	None Family = iota
	MySQL
	MariaDB
)

// GTID names one transaction. It is comparable; the zero value is "no GTID".
type GTID struct {
	Family Family
	UUID   [16]byte // MySQL
	Tag    string   // MySQL 8.3 and later, lower case, else empty
	Domain uint32   // MariaDB
	Server uint32   // MariaDB
	Seq    uint64   // transaction number (MySQL) or sequence number (MariaDB)
}

// IsZero reports whether g names no transaction.
func (g GTID) IsZero() bool { return g.Family == None }

// String writes g as its server would; the zero GTID is the empty string.
func (g GTID) String() string {
	switch g.Family {
	case MySQL:
		return source{g.UUID, g.Tag}.String() + ":" + strconv.FormatUint(g.Seq, 10)
	case MariaDB:
		return fmt.Sprintf("%d-%d-%d", g.Domain, g.Server, g.Seq)
	}
	return ""
}

// Parse reads one GTID of either family.
func Parse(s string) (GTID, error) {
	s = strings.TrimSpace(s)
	if d := strings.Split(s, "-"); len(d) == 3 {
		return parseMariaDB(s)
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return GTID{}, fmt.Errorf("%w: %q", ErrSyntax, s)
	}
	seq, err := strconv.ParseUint(s[i+1:], 10, 63)
	if err != nil || seq == 0 {
		return GTID{}, fmt.Errorf("%w: %q has no transaction number", ErrSyntax, s)
	}
	id, tag, _ := strings.Cut(s[:i], ":")
	u, err := parseUUID(id)
	if err != nil {
		return GTID{}, err
	}
	return GTID{Family: MySQL, UUID: u, Tag: strings.ToLower(tag), Seq: seq}, nil
}

// UnmarshalText and MarshalText give a GTID its text form in JSON.
func (g *GTID) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*g = GTID{}
		return nil
	}
	*g, err = Parse(string(b))
	return err
}

// MarshalText writes the text form; see String.
func (g GTID) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

func parseMariaDB(s string) (GTID, error) {
	p := strings.Split(s, "-")
	if len(p) != 3 {
		return GTID{}, fmt.Errorf("%w: %q", ErrSyntax, s)
	}
	dom, e1 := strconv.ParseUint(p[0], 10, 32)
	srv, e2 := strconv.ParseUint(p[1], 10, 32)
	seq, e3 := strconv.ParseUint(p[2], 10, 64)
	if e1 != nil || e2 != nil || e3 != nil {
		return GTID{}, fmt.Errorf("%w: %q is not domain-server-sequence", ErrSyntax, s)
	}
	g := GTID{Family: MariaDB, Domain: uint32(dom), Server: uint32(srv), Seq: seq}
	if g.String() != s { // 2026-010-10 is a date mistyped
		return GTID{}, fmt.Errorf("%w: %q has a number with a leading zero", ErrSyntax, s)
	}
	return g, nil
}

func parseUUID(s string) (u [16]byte, err error) {
	s = strings.TrimSpace(s)
	h := strings.ReplaceAll(s, "-", "")
	if len(h) != 32 {
		return u, fmt.Errorf("%w: %q is not a server UUID", ErrSyntax, s)
	}
	if _, err := hex.Decode(u[:], []byte(h)); err != nil {
		return u, fmt.Errorf("%w: %q is not a server UUID", ErrSyntax, s)
	}
	return u, nil
}

// source is who numbered a MySQL transaction: sets keep one list of intervals for each.
type source struct {
	uuid [16]byte
	tag  string
}

func (s source) String() string {
	h := hex.EncodeToString(s.uuid[:])
	t := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	if s.tag != "" {
		t += ":" + s.tag
	}
	return t
}
