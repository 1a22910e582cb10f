package torture

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// TestChangingSnapshot changes the dump when the log was surveyed, before its rows are read. That is noticed, and with the dump as it was
// the same command goes on.
func TestChangingSnapshot(t *testing.T) {
	kind := testserver.MariaDB1011
	s := tinyScene(t, kind)
	to := testserver.Start(t, kind)
	db := testserver.Open(t, to)
	whole, err := os.ReadFile(s.dump)
	must(t, err)
	for name, change := range map[string]func() error{
		"is cut short": func() error { return os.Truncate(s.dump, int64(len(whole)/2)) },
		"is emptied":   func() error { return os.Truncate(s.dump, 0) },
		"vanishes":     func() error { return os.Remove(s.dump) },
		"has other rows": func() error {
			return os.WriteFile(s.dump, bytes.Replace(whole, []byte("'other',2"), []byte("'othes',2"), 1), 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			exec1(t, db, "DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS _lifeboat")
			args := s.args(&routes()[0], to.DSN())
			args[slices.Index(args, "none")] = "json"
			code, said := changed(t, args, change)
			t.Logf("exit %d: %s", code, lastLine(said))
			if code == 0 {
				t.Error("it was not noticed")
			}
			must(t, os.WriteFile(s.dump, whole, 0o644))
			lifeboat(t, t.TempDir(), nil, s.args(&routes()[0], to.DSN())...).want(t, 0)
			if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, t.TempDir())); len(d) > 0 {
				t.Errorf("in the end: %v", d)
			}
		})
	}
}
