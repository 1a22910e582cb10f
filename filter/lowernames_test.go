package filter

import (
	"testing"

	"lifeboat/internal/binlog"
)

// TestEvidenceIsTheSameEachTime: of the names in one statement, the finding always tells the same.
func TestEvidenceIsTheSameEachTime(t *testing.T) {
	at := binlog.Position{File: "binlog.000001", Offset: 400}
	for range 50 {
		c, s := newCapitals(), &scanner{survey: &Survey{}}
		s.o.BaseRows = map[TableName]int64{{"shop", "orders"}: 1, {"shop", "item"}: 1, {"shop", "rest"}: 1}
		for _, n := range []string{"Rest", "Orders", "Item"} {
			name := TableName{"shop", n}
			c.touched[name] = namedAt{name: name, pos: at}
		}
		if first := c.evidence(s); first == nil || first.name.Name != "Item" {
			t.Fatalf("%+v", first)
		}
	}
}
