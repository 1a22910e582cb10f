package torture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

// ended is what a run of the program did.
type ended struct {
	code int
	said string
	peak int64 // resident memory at most, bytes
}

// lifeboat runs the program to its end, in a folder of its own. more is added to its environment.
func lifeboat(t *testing.T, dir string, more []string, args ...string) ended {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIFEBOAT_") }), more...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	peak, err := testserver.Peak(cmd)
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return ended{cmd.ProcessState.ExitCode(), out.String(), peak}
}

func (e ended) want(t *testing.T, code int, words ...string) ended {
	t.Helper()
	if e.code != code {
		t.Fatalf("exit %d, want %d:\n%s", e.code, code, e.said)
	}
	for _, w := range words {
		if !strings.Contains(e.said, w) {
			t.Errorf("it does not say %q:\n%s", w, e.said)
		}
	}
	return e
}

// hostile are names that break out of any place where somebody forgot to quote them.
var hostile = []string{
	"back`tick", "quote'", `double"`, "a;DROP TABLE victim;-- x", "../../escape", "new\nline", `back\slash`, "/*!50000 x */", "$(touch pwned)", "`;SELECT 1;`", "%s%n", "<script>",
}

func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// TestHostileNames restores tables and columns of such names, through a dump and a log, and finds nothing written outside of its
// place, and every input as it was.
func TestHostileNames(t *testing.T) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			src := testserver.Source(t, kind)
			db := testserver.Open(t, src)
			exec1(t, db, "CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4; CREATE TABLE shop.victim (id INT PRIMARY KEY); INSERT INTO shop.victim VALUES (1)")
			for i, name := range hostile {
				column := quoted(hostile[len(hostile)-1-i])
				create := "CREATE TABLE shop." + quoted(name) + " (id INT PRIMARY KEY, " + column + " VARCHAR(80), UNIQUE KEY " + quoted("k"+name) + " (" + column + "))"
				if i%2 == 1 { // without a key: the serial lane
					create = "CREATE TABLE shop." + quoted(name) + " (id INT, " + column + " VARCHAR(80))"
				}
				exec1(t, db, create)
				if _, err := db.Exec("INSERT INTO shop."+quoted(name)+" VALUES (1, ?), (2, 'b')", name); err != nil {
					t.Fatal(err)
				}
			}
			dump := filepath.Join(dir, "dump '`$(touch pwned).sql")
			if out, err := exec.Command(testserver.Bin(t, kind, "mysqldump"), "--no-defaults", "-uroot", "-S", src.Socket(), "--single-transaction", testserver.Coordinates(kind), "--result-file="+dump, "shop").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for i, name := range hostile {
				column := quoted(hostile[len(hostile)-1-i])
				exec1(t, db, "UPDATE shop."+quoted(name)+" SET "+column+"='changed' WHERE id=2; DELETE FROM shop."+quoted(name)+" WHERE id=1; ALTER TABLE shop."+quoted(name)+" ADD more INT")
				if _, err := db.Exec("INSERT INTO shop."+quoted(name)+" VALUES (3, ?, 3)", name); err != nil {
					t.Fatal(err)
				}
			}
			rows := filepath.Join(dir, "rows")
			must(t, os.Mkdir(rows, 0o755))
			binlogs := filepath.Join(dir, "bin logs")
			must(t, os.Mkdir(binlogs, 0o755))
			want := shape(t, src.Socket())
			exec1(t, db, "FLUSH LOGS")
			files, err := filepath.Glob(filepath.Join(src.DataDir(), "binlog.0*"))
			must(t, err)
			for _, f := range files {
				text, err := os.ReadFile(f)
				must(t, err)
				must(t, os.WriteFile(filepath.Join(binlogs, filepath.Base(f)), text, 0o444))
			}
			before := listing(t, dir)
			to := testserver.Start(t, kind)
			place2 := "../../into `;DROP"
			for _, into := range []string{"shop", place2} {
				lifeboat(t, dir, nil, "restore", "--binlogs", binlogs, "--snapshot", dump, "--database", "shop", "--into", into, "--target", to.DSN(), "--progress", "none").want(t, 0)
			}
			if got := shape(t, to.Socket()); got != want {
				t.Errorf("the target holds\n%s\nwant\n%s", got, want)
			}
			lifeboat(t, dir, nil, "audit", "--binlogs", binlogs, "--snapshot", dump, "--database", "shop", "--progress", "none").want(t, 0)
			if after := listing(t, dir); after != before {
				t.Errorf("files changed from\n%s\nto\n%s", before, after)
			}
			names := dbstate.Texts(t, testserver.Open(t, to), "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '"+place2+"'")
			if names[0][0] != dbstate.Texts(t, db, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop'")[0][0] {
				t.Errorf("under another name there are %v tables", names)
			}
		})
	}
}

// shape is all there is in the shop, as text.
func shape(t *testing.T, socket string) string {
	t.Helper()
	db := testserver.OpenSocket(t, socket)
	var b strings.Builder
	for _, r := range dbstate.Texts(t, db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop' ORDER BY HEX(TABLE_NAME)") {
		b.WriteString(dbstate.Texts(t, db, "SHOW CREATE TABLE shop."+quoted(r[0]))[0][1])
		for _, line := range dbstate.Texts(t, db, "SELECT * FROM shop."+quoted(r[0])+" ORDER BY id") {
			b.WriteString("\n" + strings.Join(line, "|"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// listing is every file under dir, with its size, mode and a part of what is in it.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + " " + string(rune('0'+len(text)%10)) + "\n")
		return nil
	}))
	return b.String()
}

// TestHostileDump puts what a client would run into a dump: nothing of it is run, and none of it is passed over in silence.
func TestHostileDump(t *testing.T) {
	kind := testserver.MariaDB1011
	s := newScene(t, kind, "FULL")
	dir := t.TempDir()
	text, err := os.ReadFile(s.dump)
	must(t, err)
	i := bytes.Index(text, []byte("DROP TABLE IF EXISTS"))
	if i < 0 {
		t.Fatal("the dump has no table")
	}
	secret := filepath.Join(dir, "secret")
	must(t, os.WriteFile(secret, []byte("1\tplanted\n"), 0o600))
	to := testserver.Start(t, kind)
	for _, line := range []string{
		"\\! touch " + dir + "/pwned\n", "system touch " + dir + "/pwned\n", "SOURCE " + secret + "\n", "\\. " + secret + "\n",
		"LOAD DATA LOCAL INFILE '" + secret + "' INTO TABLE account;\n", "LOAD DATA INFILE '" + secret + "' INTO TABLE account;\n",
		"DROP DATABASE mysql;\n", "CREATE DATABASE pwned;\n", "GRANT ALL ON *.* TO pwned@'%' IDENTIFIED BY 'x';\n", "SET GLOBAL read_only=1;\n",
	} {
		bad := filepath.Join(dir, "bad.sql")
		must(t, os.WriteFile(bad, slices.Concat(text[:i], []byte(line), text[i:]), 0o644))
		db := testserver.Open(t, to)
		exec1(t, db, "DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS _lifeboat")
		e := lifeboat(t, dir, nil, "restore", "--binlogs", s.binlogs, "--snapshot", bad, "--database", shop, "--target", to.DSN(), "--progress", "none")
		if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
			t.Fatalf("%q was run", line)
		}
		if strings.Contains(e.said, "planted") {
			t.Errorf("%q: a file was read: %s", line, e.said)
		}
		got := dbstate.Texts(t, db, "SELECT (SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='pwned'), (SELECT COUNT(*) FROM mysql.user WHERE user='pwned'), @@global.read_only, (SELECT COUNT(*) > 20 FROM information_schema.TABLES WHERE TABLE_SCHEMA='mysql')")[0]
		if strings.Join(got, " ") != "0 0 0 1" {
			t.Errorf("%q was run: %v\n%s", line, got, e.said)
		}
		t.Logf("%q: exit %d: %s", strings.TrimSpace(line), e.code, firstLine(e.said))
		if e.code == 0 {
			rows := t.TempDir()
			if d := dbstate.Differences(s.want, dbstate.Capture(t, db, shop, rows)); len(d) > 0 {
				t.Errorf("%q: done, but %v", line, d)
			}
		}
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// TestBombs reads files that grow to gigabytes, and lengths that no file could have, in little memory.
func TestBombs(t *testing.T) {
	s := newScene(t, testserver.MariaDB1011, "FULL")
	const bound = 300 << 20
	first, err := filepath.Glob(filepath.Join(s.binlogs, "binlog.0*"))
	must(t, err)
	head, err := os.ReadFile(first[0])
	must(t, err)
	for name, pack := range map[string]func(io.Writer) io.WriteCloser{
		"gz":  func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"zst": func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
	} {
		for what, prefix := range map[string][]byte{"binlog.000001": head, "dump.sql": []byte("-- MySQL dump 10.13  Distrib 8.0.30\n\nINSERT INTO `account` VALUES (1,'")} {
			t.Run(what+"."+name, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, what+"."+name)
				f, err := os.Create(path)
				must(t, err)
				z := pack(f)
				_, err = z.Write(prefix)
				must(t, err)
				zeros := make([]byte, 1<<20)
				if what == "dump.sql" {
					zeros = bytes.Repeat([]byte("a"), 1<<20)
				}
				for range 1 << 10 {
					_, err = z.Write(zeros)
					must(t, err)
				}
				must(t, z.Close())
				must(t, f.Close())
				args := []string{"audit", "--binlogs", s.binlogs, "--snapshot", path, "--database", shop, "--progress", "none"}
				if what != "dump.sql" {
					args = []string{"audit", "--binlogs", path, "--progress", "none"}
				}
				e := lifeboat(t, dir, nil, args...)
				t.Logf("exit %d, %d MiB: %s", e.code, e.peak>>20, firstLine(e.said))
				if e.code == 0 || strings.Contains(e.said, "goroutine ") {
					t.Errorf("exit %d:\n%s", e.code, e.said)
				}
				if e.peak > bound && !testserver.Race {
					t.Errorf("it took %d MiB", e.peak>>20)
				}
			})
		}
	}
	t.Run("lengths", func(t *testing.T) {
		for at := 4; at < min(len(head), 4+200); at++ {
			dir := t.TempDir()
			bad := bytes.Clone(head)
			binary.LittleEndian.PutUint32(bad[at:], 0xfffffff0)
			path := filepath.Join(dir, "binlog.000001")
			must(t, os.WriteFile(path, bad, 0o644))
			e := lifeboat(t, dir, nil, "audit", "--binlogs", path, "--progress", "none")
			if e.peak > bound && !testserver.Race || strings.Contains(e.said, "goroutine ") || e.code == 0 && !bytes.Equal(bad, head) && at < 4+19 {
				t.Errorf("at %d: exit %d, %d MiB\n%s", at, e.code, e.peak>>20, e.said)
			}
		}
	})
}
