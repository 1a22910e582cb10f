package acceptance

import (
	"os"
	"path/filepath"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// flip changes one bit in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	content[len(content)/2] ^= 1
	must(t, os.WriteFile(path, content, 0o644))
}

// copyOf makes another copy of the archive.
func (s *scene) copyOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range binlogs(t, s.archive) {
		copyFile(t, f, filepath.Join(dir, filepath.Base(f)))
	}
	return dir
}

func (s *scene) from(archives ...string) []string {
	var args []string
	for _, a := range archives {
		args = append(args, "--binlogs", a)
	}
	return args
}

// TestDamagedCopies restores from an archive that is damaged in every way that still allows it, and in those that do not.
func TestDamagedCopies(t *testing.T) {
	s := disaster(t, testserver.MySQL97, traffic{transactions: 3000, ddl: 10, rows: 1000, args: []string{"--max-binlog-size=1M"}})
	to, db := s.fresh(t)
	args := func(archives ...string) []string {
		return append(s.from(archives...), "--snapshot", s.dump, "--database", shop, "--stop-before", "incident:1", "--target", to.DSN(), "--progress", "none")
	}
	try := func(t *testing.T, code int, archives ...string) *outcome {
		t.Helper()
		before := map[string]string{}
		for _, a := range archives {
			for _, f := range binlogs(t, a) {
				content, err := os.ReadFile(f)
				must(t, err)
				before[f] = string(content)
			}
		}
		o := lifeboat(t, append([]string{"restore"}, args(archives...)...)...).want(t, code)
		for f, content := range before {
			if now, err := os.ReadFile(f); err != nil || string(now) != content {
				t.Errorf("%s changed: %v", f, err)
			}
		}
		if code != 0 {
			if got := databases(t, db); got != "" {
				t.Fatalf("a refused restore left the databases %q on the target", got)
			}
			return o
		}
		dbstate.Same(t, db, shop, s.want)
		if _, err := db.Exec("DROP DATABASE " + shop); err != nil {
			t.Fatal(err)
		}
		return o
	}
	files := binlogs(t, s.archive)
	middle := filepath.Base(files[len(files)/2])
	later := filepath.Base(files[len(files)/2+1])

	t.Run("one copy damaged", func(t *testing.T) {
		bad := s.copyOf(t)
		flip(t, filepath.Join(bad, middle))
		try(t, 0, bad, s.archive)
	})
	t.Run("each copy damaged elsewhere", func(t *testing.T) {
		a, b := s.copyOf(t), s.copyOf(t)
		flip(t, filepath.Join(a, middle))
		flip(t, filepath.Join(b, later))
		must(t, os.Remove(filepath.Join(b, filepath.Base(files[len(files)/2-1]))))
		try(t, 0, a, b)
	})
	t.Run("both damaged in one file", func(t *testing.T) {
		a, b := s.copyOf(t), s.copyOf(t)
		flip(t, filepath.Join(a, middle))
		flip(t, filepath.Join(b, middle))
		try(t, 11, a, b).says(t, middle)
	})
	t.Run("no copy has a file", func(t *testing.T) {
		a := s.copyOf(t)
		must(t, os.Remove(filepath.Join(a, middle)))
		try(t, 10, a).says(t, middle)
	})
	t.Run("a file cut short", func(t *testing.T) {
		a := s.copyOf(t)
		must(t, os.Truncate(filepath.Join(a, middle), fileSize(t, filepath.Join(a, middle))*2/3))
		try(t, 10, a).says(t, middle)
	})
	t.Run("damage behind the stop point", func(t *testing.T) {
		a := s.copyOf(t)
		must(t, os.Truncate(filepath.Join(a, filepath.Base(files[len(files)-1])), 60))
		try(t, 0, a)
	})
}
