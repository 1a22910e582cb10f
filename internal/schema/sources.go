package schema

import "strings"

// collector finds the tables in the FROM clauses of a query, and in the table
// references of a multi-table UPDATE or DELETE, without a grammar: it keeps, for
// each parenthesis, whether it stands where a table is named.
type collector struct {
	p      *parser
	levels []level
}

type level struct {
	sawSelect bool // FROM begins the tables
	inFrom    bool // commas and JOIN lead to another table
	expect    bool // a table, or a parenthesis of them, comes next
	inWith    bool // commas lead to another common table expression
	role      Role
}

func newCollector(p *parser) *collector {
	return &collector{p: p, levels: []level{{role: Source}}}
}

// query reads a whole statement that is a query.
func (p *parser) query(v Verb) error {
	p.st.Verb = v
	return newCollector(p).run()
}

// queryBody reads a query to the end of the statement, as its body.
func (p *parser) queryBody() error {
	start := p.peek(0).Start
	if p.peek(0).Kind == EOF {
		return p.fail("no query")
	}
	err := newCollector(p).run()
	p.st.Body = Span{start, p.last().End}
	return err
}

// tableRefs reads table references and what follows them, to the statement's end.
func (p *parser) tableRefs() error {
	c := newCollector(p)
	c.levels[0] = level{inFrom: true, expect: true, role: Target}
	before := len(p.st.Objects)
	if err := c.run(); err != nil {
		return err
	}
	for _, o := range p.st.Objects[before:] {
		if o.Role == Target {
			return nil
		}
	}
	return p.fail("no table to change")
}

func (c *collector) top() *level { return &c.levels[len(c.levels)-1] }

func (c *collector) run() error {
	p := c.p
	for {
		t, lv := p.peek(0), c.top()
		switch {
		case t.Kind == EOF && len(c.levels) > 1:
			return p.fail("parenthesis without an end")
		case t.Kind == EOF:
			return nil
		case p.isPunct(t, ';'):
			return p.end()
		case p.isPunct(t, '('):
			inner := level{role: Source}
			if lv.expect {
				inner = level{inFrom: true, expect: true, role: lv.role}
			}
			lv.expect = false
			c.levels = append(c.levels, inner)
		case p.isPunct(t, ')'):
			if len(c.levels) == 1 {
				return p.fail("parenthesis without a beginning")
			}
			c.levels = c.levels[:len(c.levels)-1]
		case p.isPunct(t, ',') && lv.inWith:
			c.cte(1)
		case p.isPunct(t, ','):
			lv.expect = lv.inFrom
		case p.isPunct(t, '{') && lv.expect: // { OJ a LEFT JOIN b … }
			p.drop()
		case p.isPunct(p.last(), '.'): // a name, whatever word it is
		case lv.inWith && len(c.levels) == 1 && p.at(0, "UPDATE"):
			p.next()
			return p.update()
		case lv.inWith && len(c.levels) == 1 && p.at(0, "DELETE"):
			p.next()
			return p.delete()
		case t.Kind == Ident && c.keyword(lv):
		case lv.expect && (p.isName(t) || p.isPunct(t, '.')):
			if err := c.table(lv); err != nil {
				return err
			}
			continue
		}
		p.drop()
	}
}

// keyword notes what a word of the query means for the tables after it.
func (c *collector) keyword(lv *level) bool {
	p := c.p
	switch upper(p.text(p.peek(0))) {
	case "SELECT":
		*lv = level{sawSelect: true, role: Source}
	case "FROM":
		if lv.sawSelect {
			*lv = level{inFrom: true, expect: true, role: lv.role}
		}
	case "TABLE":
		*lv = level{inFrom: true, expect: true, role: Source}
	case "JOIN", "STRAIGHT_JOIN":
		lv.expect = lv.inFrom
	case "WITH":
		if p.at(1, "RECURSIVE") {
			p.drop()
		}
		c.cte(1)
	case "USE", "FORCE", "IGNORE":
		if lv.inFrom && p.at(1, "INDEX", "KEY") {
			c.indexHint()
		}
	case "FOR":
		lv.inFrom = lv.inFrom && p.at(1, "SYSTEM_TIME")
	case "ON":
		lv.inFrom = lv.inFrom && !p.at(1, "DUPLICATE")
	case "LATERAL":
	case "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "WINDOW", "PROCEDURE",
		"INTO", "SET", "LOCK", "OFFSET", "FETCH", "RETURNING", "QUALIFY":
		lv.inFrom, lv.expect = false, false
	default:
		return false
	}
	return true
}

// cte notes the name that WITH or a comma after it defines, if one does, at token k.
func (c *collector) cte(k int) {
	p := c.p
	name := p.peek(k)
	if !p.isName(name) || !(p.at(k+1, "AS") || p.atPunct(k+1, '(')) {
		return
	}
	c.top().inWith = true
	if p.ctes == nil {
		p.ctes = make(map[string]bool)
	}
	p.ctes[strings.ToLower(p.unquote(name))] = true
}

// indexHint moves to the parenthesis of USE INDEX FOR JOIN (a, b).
func (c *collector) indexHint() {
	for k := 0; k < 6 && !c.p.atPunct(1, '('); k++ {
		c.p.drop()
	}
}

// table reads one table. What looks like none is an error only where rows change.
func (c *collector) table(lv *level) error {
	p := c.p
	lv.expect = false
	o, err := p.name(KindTable, lv.role)
	if err != nil {
		if lv.role == Source {
			return nil
		}
		return err
	}
	isCTE := p.ctes[strings.ToLower(o.Name)] || strings.EqualFold(o.Name, "DUAL")
	if p.atPunct(0, '(') || (o.DBEnd == 0 && isCTE) { // a table function such as JSON_TABLE
		return nil
	}
	p.add(o)
	return nil
}
