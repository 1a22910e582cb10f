package replay

import (
	"testing"

	"lifeboat/internal/schema"
)

// TestAddedColumns holds that a column that is added is NULL or a constant, as the statement says: verify compares the first by name.
func TestAddedColumns(t *testing.T) {
	f := &flow{row: []cell{{kind: dumped}, {kind: null}}}
	f.alter(&schema.Altered{From: []int{1, -1, 0, -1, -1}, Fill: []string{"", "NULL", "", "'NULL'", ""}})
	want := []cellKind{null, null, dumped, constant, computed}
	for i, kind := range want {
		if f.row[i].kind != kind {
			t.Errorf("column %d is of kind %d, want %d", i, f.row[i].kind, kind)
		}
	}
	row := &Row{f}
	if !row.Null(1) || row.Null(3) {
		t.Error("the word NULL and the value are taken for each other")
	}
}
