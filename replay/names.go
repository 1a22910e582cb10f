package replay

import (
	"fmt"
	"strings"

	"lifeboat/internal/target"
	"lifeboat/replay/plan"
)

// namesFit refuses a target that would keep tables under other names than log and snapshot call them by: what it says of their foreign keys would be about
// tables that the log does not know. And one that takes names as they are typed, where the source did not.
func namesFit(p *plan.Plan, srv *target.Server) error {
	switch {
	case !srv.LowerNames && p.LowerNames:
		return fmt.Errorf("%w: the source keeps names in lower case (lower_case_table_names is not 0), and its statements name tables otherwise: restore onto a server that does so, too", plan.ErrInexact)
	case !srv.LowerNames:
		return nil
	}
	const what = "%w: the target keeps names in lower case (lower_case_table_names is not 0), and %s has capitals: restore onto a server where it is 0, as it was on the source"
	if strings.ToLower(p.Into) != p.Into {
		return fmt.Errorf(what+", or give another name (--into)", plan.ErrInexact, "database "+p.Into)
	}
	for i := range p.Routes {
		// What only statements call so may have been called otherwise in the table itself.
		if t := &p.Routes[i]; strings.ToLower(t.Name) != t.Name && (t.Base == plan.BaseSnapshot || t.Inserted+t.Updated+t.Deleted > 0) {
			return fmt.Errorf(what, plan.ErrInexact, "table "+t.Name)
		}
	}
	return nil
}
