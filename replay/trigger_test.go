package replay

import (
	"fmt"
	"testing"

	"lifeboat/internal/schema"
)

// TestCascadeParents holds what of a parent's changes sets actions off.
func TestCascadeParents(t *testing.T) {
	chain := map[string][]schema.ForeignKey{"b": {{RefTable: "a", OnDelete: "SET NULL", OnUpdate: "NO ACTION"}}, "c": {{RefTable: "b", RefColumns: []string{"x"}, OnDelete: "NO ACTION", OnUpdate: "CASCADE"}},
		"d": {{RefTable: "c", OnDelete: "CASCADE", OnUpdate: "NO ACTION"}}}
	if got := fmt.Sprint(cascadeParents(chain)); got != "map[a:{true []} b:{false [x]} c:{true []}]" {
		t.Errorf("parents: %s", got)
	}
}
