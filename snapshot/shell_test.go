package snapshot_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/snapshot"
)

func asItIs(text string) string { return text }

func TestShell(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			src := newSource(t, kind)
			src.programs = asItIs
			run(t, src.conn(t), "DROP TABLE IF EXISTS shop.seq") // MySQL Shell knows no sequences
			run(t, src.conn(t), "CREATE TABLE shop.`a@b %c/d` (`x y` INT PRIMARY KEY, b BIT(12), g GEOMETRY); INSERT INTO shop.`a@b %c/d` VALUES (1, b'101010101010', ST_GeomFromText('POINT(1 2)')), (2, NULL, NULL)")
			for name, o := range map[string]testserver.ShellOptions{
				"instance": {Schemas: []string{"other", "shop"}, ChunkRows: 10}, "schemas": {Schemas: []string{"shop"}, Plain: true, Hex: true}, "tables": {Schemas: []string{"shop"}, ChunkRows: 7, Tables: true},
				"newer": {Schemas: []string{"other", "shop"}, ChunkRows: 10, Newer: true},
			} {
				t.Run(name, func(t *testing.T) {
					position, gtids := src.position(t), src.gtids(t)
					dir := filepath.Join(t.TempDir(), "dump")
					testserver.ShellDump(t, src.db, dir, o)
					snap := openDir(t, dir, "shop")
					idx := snap.Index()
					src.checkTables(t, idx, "shop", true)
					if !idx.Complete || idx.Coordinates.Position != position || idx.Coordinates.GTIDs.String() != strings.ReplaceAll(gtids, "\n", "") || idx.MariaDB != (kind == testserver.MariaDB1011) {
						t.Errorf("index %+v", idx)
					}
					if name != "tables" {
						src.reload(t, snap, true)
					}
				})
			}
		})
	}
}

// TestShellDamaged: of a dump that is not whole, the file is named.
func TestShellDamaged(t *testing.T) {
	src := newSource(t, testserver.MySQL97)
	whole := filepath.Join(t.TempDir(), "dump")
	testserver.ShellDump(t, src.db, whole, testserver.ShellOptions{Schemas: []string{"shop"}, ChunkRows: 10, Plain: true, Newer: true})
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
	}
	edit := func(name, from, to string) func(string) error {
		return func(dir string) error {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			if !strings.Contains(string(text), from) {
				return errors.New("nothing to change")
			}
			return os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(string(text), from, to, 1)), 0o600)
		}
	}
	for _, c := range []struct {
		name  string
		harm  func(dir string) error
		kind  error
		words string
	}{
		{"not finished", remove("@.done.json"), snapshot.ErrIncomplete, "@.done.json"},
		{"no table json", remove("shop@plain.json"), snapshot.ErrIncomplete, "shop@plain.json"},
		{"no definition", remove("shop@plain.sql"), snapshot.ErrIncomplete, "shop@plain.sql"},
		{"no triggers", remove("shop@plain.triggers.sql"), snapshot.ErrIncomplete, "shop@plain.triggers.sql"},
		{"no view", remove("shop@v1.sql"), snapshot.ErrIncomplete, "shop@v1.sql"},
		{"no chunk", remove("shop@plain@1.tsv"), snapshot.ErrIncomplete, "shop@plain@1.tsv"},
		{"no last chunk", remove("shop@plain@@3.tsv"), snapshot.ErrIncomplete, "shop@plain@3.tsv"},
		{"chunk cut between rows", edit("shop@plain@1.tsv", "1010\t", "\t"), snapshot.ErrCorrupt, "@.done.json counts"},
		{"chunk cut inside a row", func(dir string) error { return os.Truncate(filepath.Join(dir, "shop@bin@0.tsv"), 30) }, snapshot.ErrIncomplete, "inside a row"},
		{"bad base64", edit("shop@bin@0.tsv", "=", "*"), snapshot.ErrCorrupt, "decoded"},
		{"fields", edit("shop@plain.json", `"n",`, `"n","more",`), snapshot.ErrUnsupported, "fields"},
		{"decoder", edit("shop@bin.json", "FROM_BASE64", "ROT13"), snapshot.ErrUnsupported, "ROT13"},
		{"no events", remove("shop.events.sql"), snapshot.ErrIncomplete, "shop.events.sql"},
		{"no routines", remove("shop.routines.sql"), snapshot.ErrIncomplete, "shop.routines.sql"},
		{"rows counted", edit("@.done.json", `"plain": 3`, `"plain": 1003`), snapshot.ErrIncomplete, "@.done.json counts"},
		{"a capability of the future", edit("@.json", "multifile_schema_ddl", "telepathy"), snapshot.ErrUnsupported, `"telepathy"`},
		{"in a folder of it", func(dir string) error {
			return errors.Join(edit("@.json", "multifile_schema_ddl", "dump_dir_redirection")(dir), os.Remove(filepath.Join(dir, "@.done.json")))
		}, snapshot.ErrUnsupported, "/dump"},
		{"rows outside of it", edit("@.json", "multifile_schema_ddl", "innodb_vector_store"), snapshot.ErrUnsupported, "vector store"},
		{"bad json", edit("@.json", "{", "["), snapshot.ErrCorrupt, "@.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			if err := c.harm(dir); err != nil {
				t.Fatal(err)
			}
			s, err := snapshot.Open(t.Context(), dir, "shop", nil)
			if err == nil { // what the index does not decode
				err = s.Statements(t.Context(), "shop", func(snapshot.Statement) error { return nil })
			}
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTab(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			src := newSource(t, kind, "--secure-file-priv=")
			src.programs = asItIs
			c := src.conn(t)
			run(t, c, "DROP TABLE IF EXISTS shop.seq")
			run(t, c, "DROP PROCEDURE shop.p1; DROP FUNCTION shop.f1; DROP EVENT shop.e1") // --tab gives them out beside the folder
			run(t, c, "CREATE TABLE shop.latin (id INT PRIMARY KEY, t VARCHAR(20) CHARACTER SET latin1, e ENUM('é','x') CHARACTER SET latin1 DEFAULT 'é', b BIT(12), g GEOMETRY, f FLOAT, u TEXT CHARACTER SET gbk) DEFAULT CHARSET=latin1;"+
				"INSERT INTO shop.latin VALUES (1, 'müß', 'é', b'110101010101', ST_GeomFromText('POINT(1 2)'), 1.5, '誠\\''), (2, NULL, NULL, NULL, NULL, NULL, NULL)")
			for _, args := range [][]string{nil, {"--skip-comments"}} {
				t.Run(strings.Join(append([]string{"with"}, args...), ""), func(t *testing.T) {
					dir := filepath.Join(t.TempDir(), "dump")
					if err := os.Mkdir(dir, 0o777); err != nil {
						t.Fatal(err)
					}
					tool := kind
					if kind == testserver.MySQL56 {
						tool = testserver.MySQL97
					}
					args := append([]string{"--no-defaults", "-uroot", "--socket=" + src.server.Socket(), "--tab=" + dir}, args...)
					if out, err := exec.CommandContext(t.Context(), testserver.Bin(t, tool, "mysqldump"), append(args, "shop")...).CombinedOutput(); err != nil {
						t.Fatalf("%v: %s", err, out)
					}
					snap := openDir(t, dir, "shop")
					idx := snap.Index()
					src.checkTables(t, idx, "shop", true)
					if len(args) == 4 && (!idx.Complete || idx.Nameless || idx.Taken.IsZero()) || len(args) == 5 && (!idx.CompleteUnknown || !idx.Nameless) {
						t.Errorf("index %+v", idx)
					}
					src.reload(t, snap, true)
				})
			}
		})
	}
}
