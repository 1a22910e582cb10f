package gtid

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Set is a set of GTIDs of one family. The zero value is the empty set, ready for use.
// Methods that change a set are not safe for concurrent use.
type Set struct {
	family  Family
	mysql   map[source][]interval
	domains map[uint32]GTID // MariaDB: the last GTID of each domain
}

// interval is inclusive on both ends.
type interval struct{ first, last uint64 }

// Family tells whose GTIDs the set holds; None for an empty set.
func (s *Set) Family() Family { return s.family }

// IsEmpty reports whether the set holds nothing.
func (s *Set) IsEmpty() bool { return len(s.mysql) == 0 && len(s.domains) == 0 }

// ParseSet reads a set as servers and dumps write it: MySQL "uuid:1-5:7,uuid:tag:1-3", over several
// lines if need be, or a MariaDB position "0-1-49,1-2-3". Empty text is the empty set.
func ParseSet(text string) (Set, error) {
	var s Set
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		var err error
		if strings.Contains(part, ":") {
			err = s.parseMySQL(part)
		} else {
			var g GTID
			if g, err = parseMariaDB(part); err == nil {
				err = s.Add(g)
			}
		}
		if err != nil {
			return Set{}, err
		}
	}
	return s, nil
}

func (s *Set) parseMySQL(part string) error {
	fields := strings.Split(part, ":")
	u, err := parseUUID(fields[0])
	if err != nil {
		return err
	}
	if s.family == MariaDB {
		return fmt.Errorf("%w: %q mixes MySQL and MariaDB identifiers", ErrSyntax, part)
	}
	src := source{uuid: u}
	for _, f := range fields[1:] {
		f = strings.TrimSpace(f)
		if f == "" {
			return fmt.Errorf("%w: empty interval in %q", ErrSyntax, part)
		}
		if f[0] < '0' || f[0] > '9' {
			src.tag = strings.ToLower(f)
			continue
		}
		a, b, ranged := strings.Cut(f, "-")
		if !ranged {
			b = a
		}
		first, e1 := strconv.ParseUint(strings.TrimSpace(a), 10, 63)
		last, e2 := strconv.ParseUint(strings.TrimSpace(b), 10, 63)
		if e1 != nil || e2 != nil || first == 0 || last < first {
			return fmt.Errorf("%w: interval %q in %q", ErrSyntax, f, part)
		}
		s.addInterval(src, interval{first, last})
	}
	return nil
}

// Add puts g into the set. It refuses to mix families. Adding in order of commit is O(1).
func (s *Set) Add(g GTID) error {
	if g.IsZero() {
		return nil
	}
	if s.family != None && s.family != g.Family {
		return fmt.Errorf("%w: %s is of the other server family", ErrSyntax, g)
	}
	if g.Family == MySQL {
		s.addInterval(source{g.UUID, g.Tag}, interval{g.Seq, g.Seq})
		return nil
	}
	s.family = MariaDB
	if s.domains == nil {
		s.domains = map[uint32]GTID{}
	}
	if old, ok := s.domains[g.Domain]; !ok || old.Seq <= g.Seq {
		s.domains[g.Domain] = g
	}
	return nil
}

func (s *Set) addInterval(src source, n interval) {
	s.family = MySQL
	if s.mysql == nil {
		s.mysql = map[source][]interval{}
	}
	list := s.mysql[src]
	if k := len(list); k > 0 && n.first == list[k-1].last+1 {
		list[k-1].last = n.last
		return
	}
	i, _ := slices.BinarySearchFunc(list, n, func(a, b interval) int { return cmp.Compare(a.first, b.first) })
	list = slices.Insert(list, i, n)
	out := list[:0]
	for _, v := range list {
		if k := len(out); k > 0 && v.first <= out[k-1].last+1 {
			out[k-1].last = max(out[k-1].last, v.last)
			continue
		}
		out = append(out, v)
	}
	s.mysql[src] = out
}

// Union puts every GTID of o into s.
func (s *Set) Union(o Set) error {
	for src, list := range o.mysql {
		if s.family == MariaDB {
			return fmt.Errorf("%w: cannot join MySQL and MariaDB sets", ErrSyntax)
		}
		for _, n := range list {
			s.addInterval(src, n)
		}
	}
	for _, g := range o.domains {
		if err := s.Add(g); err != nil {
			return err
		}
	}
	return nil
}

// Contains reports whether g is in the set. A MariaDB set contains all that came before its position in
// the same domain.
func (s *Set) Contains(g GTID) bool {
	if g.Family == MariaDB {
		last, ok := s.domains[g.Domain]
		return ok && g.Seq <= last.Seq
	}
	return covers(s.mysql[source{g.UUID, g.Tag}], interval{g.Seq, g.Seq})
}

// ContainsSet reports whether every GTID of o is in s. The empty set is in every set.
func (s *Set) ContainsSet(o Set) bool {
	for src, list := range o.mysql {
		for _, n := range list {
			if !covers(s.mysql[src], n) {
				return false
			}
		}
	}
	for _, g := range o.domains {
		if !s.Contains(g) {
			return false
		}
	}
	return true
}

func covers(list []interval, n interval) bool {
	i, found := slices.BinarySearchFunc(list, n, func(a, b interval) int { return cmp.Compare(a.first, b.first) })
	if !found {
		i--
	}
	return i >= 0 && list[i].first <= n.first && n.last <= list[i].last
}

// Minus returns what s holds and o does not. For MariaDB it is the domains in which s is ahead of o.
func (s *Set) Minus(o Set) Set {
	var out Set
	for src, list := range s.mysql {
		for _, n := range list {
			for _, hole := range subtract(n, o.mysql[src]) {
				out.addInterval(src, hole)
			}
		}
	}
	for d, g := range s.domains {
		if last, ok := o.domains[d]; !ok || last.Seq < g.Seq {
			if out.domains == nil {
				out.domains = map[uint32]GTID{}
			}
			out.family, out.domains[d] = MariaDB, g
		}
	}
	return out
}

func subtract(n interval, list []interval) []interval {
	var out []interval
	for _, v := range list {
		if v.last < n.first || v.first > n.last {
			continue
		}
		if v.first > n.first {
			out = append(out, interval{n.first, v.first - 1})
		}
		if v.last >= n.last {
			return out
		}
		n.first = v.last + 1
	}
	return append(out, n)
}

// Clone returns a copy that shares nothing with s.
func (s *Set) Clone() Set {
	var out Set
	_ = out.Union(*s) // one family by construction
	return out
}

// Equal reports whether both sets hold the same GTIDs.
func (s *Set) Equal(o Set) bool { return s.ContainsSet(o) && o.ContainsSet(*s) }

// String writes the set in the server's form, sorted, on one line.
func (s *Set) String() string {
	var parts []string
	srcs := make([]source, 0, len(s.mysql))
	for src := range s.mysql {
		srcs = append(srcs, src)
	}
	slices.SortFunc(srcs, func(a, b source) int {
		return cmp.Or(bytes.Compare(a.uuid[:], b.uuid[:]), cmp.Compare(a.tag, b.tag))
	})
	for _, src := range srcs {
		t := src.String()
		for _, n := range s.mysql[src] {
			t += ":" + strconv.FormatUint(n.first, 10)
			if n.last > n.first {
				t += "-" + strconv.FormatUint(n.last, 10)
			}
		}
		parts = append(parts, t)
	}
	doms := make([]GTID, 0, len(s.domains))
	for _, g := range s.domains {
		doms = append(doms, g)
	}
	slices.SortFunc(doms, func(a, b GTID) int { return cmp.Compare(a.Domain, b.Domain) })
	for _, g := range doms {
		parts = append(parts, g.String())
	}
	return strings.Join(parts, ",")
}

// MarshalText writes the set's text form for JSON.
func (s Set) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Set) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSet(string(b))
	return err
}
