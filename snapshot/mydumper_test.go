package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/snapshot"
)

// mydumper makes a folder with the real tool.
func (s *source) mydumper(t *testing.T, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dump")
	testserver.DumpFolder(t, dir, append([]string{"--socket=" + s.server.Socket(), "--user=root", "--database=shop", "--triggers", "--routines", "--events", "--threads=2"}, args...)...)
	return dir
}

// openDir opens a folder and holds it to leaving the folder as it is.
func openDir(t *testing.T, dir, db string) *snapshot.Snapshot {
	t.Helper()
	before := hashDir(t, dir)
	s, err := snapshot.Open(t.Context(), dir, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	if after := hashDir(t, dir); !slices.Equal(before, after) {
		t.Error("reading changed the folder")
	}
	return snapshot.Reopened(t, s, db)
}

func hashDir(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Name(), string(text))
	}
	return out
}

// mydumperPrograms leaves out what the tool loses of programs: the sql_mode, and that a line ends right behind a semicolon.
func mydumperPrograms(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "; \n", ";\n"), "\n")
	for i, line := range lines {
		lines[i] = sqlModes.ReplaceAllString(line, "")
	}
	return strings.Join(lines, "\n")
}

var sqlModes = regexp.MustCompile(`\t(([A-Z_]+,)*(STRICT_TRANS_TABLES|NO_ENGINE_SUBSTITUTION|NO_AUTO_VALUE_ON_ZERO)|)\t`)

func TestMydumper(t *testing.T) {
	for _, kind := range testserver.AllKinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			src := newSource(t, kind)
			src.programs = mydumperPrograms
			run(t, src.conn(t), "DROP TRIGGER shop.tr2") // the tool keeps no sql_mode, and this one needs its own
			for i, args := range [][]string{nil, {"--compress"}, {"--rows=10"}, {"--statement-size=1000", "--chunk-filesize=1"}, {"--trx-consistency-only"}} {
				t.Run(strings.Join(append([]string{"with"}, args...), ""), func(t *testing.T) {
					position, gtids := src.position(t), src.gtids(t)
					dir := src.mydumper(t, args...)
					snap := openDir(t, dir, "shop")
					idx := snap.Index()
					src.checkTables(t, idx, "shop", true)
					if !idx.Complete || idx.Format != "mydumper" || idx.Taken.IsZero() {
						t.Errorf("complete %v, format %q, taken %v", idx.Complete, idx.Format, idx.Taken)
					}
					if kind != testserver.MySQL97 && (idx.Coordinates.Position != position || idx.Coordinates.GTIDs.String() != strings.ReplaceAll(gtids, "\n", "")) {
						t.Errorf("coordinates %+v, the server was at %v, %s", idx.Coordinates, position, gtids)
					}
					if kind == testserver.MySQL97 && idx.Coordinates.Source != "" {
						t.Errorf("mydumper 0.10 asks 9.7 in words that it no longer knows, yet there are coordinates: %+v", idx.Coordinates)
					}
					src.reload(t, snap, i%2 == 0)
				})
			}
		})
	}
}

// TestMydumperDamaged: what a folder lacks is told as far as it can be.
func TestMydumperDamaged(t *testing.T) {
	src := newSource(t, testserver.MariaDB1011)
	whole := src.mydumper(t, "--compress")
	for _, c := range []struct {
		name  string
		harm  func(dir string) error
		kind  error
		words string
	}{
		{"not finished", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "metadata"), []byte("Started dump at: 2026-11-24 15:35:14\nSHOW MASTER STATUS:\n\tLog: binlog.000001\n\tPos: 826968\n\tGTID:0-1-169\n\n"), 0o600)
		}, snapshot.ErrIncomplete, "Finished dump at"},
		{"partial", func(dir string) error {
			return os.Rename(filepath.Join(dir, "metadata"), filepath.Join(dir, "metadata.partial"))
		}, snapshot.ErrIncomplete, "did not finish"},
		{"file cut", func(dir string) error { return os.Truncate(filepath.Join(dir, "shop.plain.sql.gz"), 200) }, snapshot.ErrIncomplete, "shop.plain.sql.gz"},
		{"file empty", func(dir string) error { return os.Truncate(filepath.Join(dir, "shop.plain.sql.gz"), 0) }, snapshot.ErrNotDump, "shop.plain.sql.gz"},
		{"load data", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "shop.plain.00000.dat"), []byte("1\t2\n"), 0o600)
		}, snapshot.ErrUnsupported, "LOAD DATA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			if err := c.harm(dir); err != nil {
				t.Fatal(err)
			}
			_, err := snapshot.Open(t.Context(), dir, "shop", nil)
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
		})
	}
}
