package report

import (
	"fmt"
	"slices"
	"strings"
)

// BasePlan is one of several backups, and what is taken from it.
type BasePlan struct {
	Path, At string
	Tables   []string
	Why      map[string]string // by table
	Programs bool              // views, routines and events
	Unused   string            // why nothing is taken
}

func (b *BasePlan) text() string {
	if len(b.Tables) == 0 && !b.Programs {
		return fmt.Sprintf("%s, at %s: not used: %s", b.Path, b.At, b.Unused)
	}
	var parts []string
	for _, why := range b.reasons() {
		var names []string
		for _, t := range b.Tables {
			if b.Why[t] == why {
				names = append(names, t)
			}
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", strings.Join(names, ", "), why))
	}
	if b.Programs {
		parts = append(parts, "views, routines and events")
	}
	return fmt.Sprintf("%s, at %s: %s", b.Path, b.At, strings.Join(parts, "; "))
}

func (b *BasePlan) reasons() (out []string) {
	for _, t := range b.Tables {
		if why := b.Why[t]; !slices.Contains(out, why) {
			out = append(out, why)
		}
	}
	return out
}
