package plan

import "fmt"

// Kept is a plan as data, with what its JSON alone is without.
type Kept struct {
	Plan       *Plan `json:"plan"`
	LowerNames bool  `json:"lower_names"`
}

// Keep gives what Reopen takes.
func (p *Plan) Keep() *Kept { return &Kept{p, p.LowerNames} }

// Reopen gives the plan, if it still is what it was when it was made.
func (k *Kept) Reopen() (*Plan, error) {
	p := k.Plan
	if p == nil || p.Schema != Schema {
		return nil, fmt.Errorf("not a plan of schema %s", Schema)
	}
	was := p.Digest
	if err := p.seal(); err != nil {
		return nil, err
	}
	if p.Digest != was {
		return nil, fmt.Errorf("a plan with digest %s has %s", was, p.Digest)
	}
	p.LowerNames = k.LowerNames
	return p, nil
}
