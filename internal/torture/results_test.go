package torture

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// row is a line of the table.
type row struct {
	fault, route, server string
	tried, right         int
}

// count notes one try.
func (r *row) count(wrong string) {
	r.tried++
	if wrong == "" {
		r.right++
	}
}

// results are what the tests of this run have tried.
type results struct {
	mu   sync.Mutex
	rows []row
}

// add is for tests that came to an end or failed; of a row that was not tried there is nothing to say.
func (s *results) add(t *testing.T, rows ...row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rows {
		t.Logf("%s, %s, %s: %d tried, %d right", r.fault, r.route, r.server, r.tried, r.right)
		if r.tried > 0 {
			s.rows = append(s.rows, r)
		}
	}
}

// Marks around the table in docs/reliability.md.
const (
	tableBegins = "<!-- make torture writes from here -->\n"
	tableEnds   = "<!-- to here -->\n"
)

// write puts the table into a page, in place of the one that it has, server by server.
func (s *results) write(path string, seed uint64) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), tableBegins)
	_, after, ok2 := strings.Cut(rest, tableEnds)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the marks of the table", path)
	}
	slices.SortStableFunc(s.rows, func(a, b row) int { return -cmp.Compare(a.server, b.server) })
	var b strings.Builder
	tried, right := 0, 0
	b.WriteString("| fault | route | server | tried | right |\n|---|---|---|---:|---:|\n")
	for _, r := range s.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d |\n", r.fault, r.route, r.server, r.tried, r.right)
		tried, right = tried+r.tried, right+r.right
	}
	fmt.Fprintf(&b, "| all | | | %d | %d |\n", tried, right)
	fmt.Fprintf(&b, "\nSeed %d.\n", seed)
	return os.WriteFile(path, []byte(before+tableBegins+b.String()+tableEnds+after), 0o644)
}
