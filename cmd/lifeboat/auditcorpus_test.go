package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/archive"
	"lifeboat/internal/testserver"
	"lifeboat/internal/ui/text"
)

// Every binlog of the corpus is audited by itself: none crashes, text fits its columns, the outcome is the one noted, and it is the one of the servers'
// own tools: a file is good exactly where one of them reads it to its end with checksums verified, but for what apart lists.
func TestAuditOfTheCorpus(t *testing.T) {
	root := filepath.Join(testserver.Root(t), "..", "shared", "corpus", "binlogs")
	if _, err := os.Stat(root); err != nil {
		t.Skip("there is no corpus")
	}
	var got bytes.Buffer
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		a := auditJSON(t, "--binlogs", path)
		o := audited(t, "--binlogs", path)
		if o.code != a.ExitCode {
			t.Errorf("%s: exit %d, and %d in JSON", name, o.code, a.ExitCode)
		}
		for line := range strings.Lines(o.out) {
			// A command line or a path may be longer than any page.
			if w := text.Width(strings.TrimSuffix(line, "\n")); w > 100 && !strings.Contains(line, root) {
				t.Errorf("%s: %d columns: %s", name, w, line)
			}
		}
		why, known := apart[filepath.ToSlash(name)]
		if read := readByTool(t, path); (read == (a.ExitCode == 0)) == known {
			t.Errorf("%s: exit %d, and that a server's tool reads it is %t; noted: %q", name, a.ExitCode, read, why)
		}
		fmt.Fprintf(&got, "%s\t%d\t%s\t%d incidents, %d tables, %d losses\n", filepath.ToSlash(name), o.code, a.Verdict, len(a.Incidents), len(a.Tables), len(a.Losses))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "audit", "corpus.tsv")
	if *update {
		write(t, file, got.Bytes())
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("not as in %s (-update writes it anew):\n%s", file, got.String())
	}
}

// All binlogs of the corpus together are refused by name, and every file that is one server's log is told to be it, once.
func TestAuditOfTheCorpusTogether(t *testing.T) {
	root := filepath.Join(testserver.Root(t), "..", "shared", "corpus", "binlogs")
	folders, err := os.ReadDir(root)
	if err != nil {
		t.Skip("there is no corpus")
	}
	var args []string
	for _, f := range folders {
		args = append(args, "--binlogs", filepath.Join(root, f.Name()))
	}
	o := audited(t, args...).want(t, exitFailed)
	if !strings.Contains(o.err, "binary logs of several servers") || !strings.Contains(o.err, "give only the folders or files of one of them with --binlogs") {
		t.Errorf("the refusal does not say why, or what to do:\n%s", o.err)
	}
	_, err = archive.Open(t.Context(), rootsOf(args), archive.Options{})
	var several *archive.SeveralLogs
	if !errors.As(err, &several) || len(several.Logs) < 20 {
		t.Fatalf("%v", err)
	}
	listed := strings.Split(o.err, "\n")
	seen := map[string]bool{}
	for _, l := range several.Logs {
		title := slices.Index(listed, "  "+text.Line(logTitle(&l)))
		if title < 0 {
			t.Errorf("not told: %s", logTitle(&l))
		}
		for _, f := range logFolders(&l) {
			if !slices.Contains(listed, "      "+f) {
				t.Errorf("not told: %s", f)
			}
		}
		for _, f := range l.Files {
			if f.Format.ServerID != l.ServerID {
				t.Errorf("%s is of server %d, told to be of %d", f.Path, f.Format.ServerID, l.ServerID)
			}
			for _, c := range f.Copies {
				if own := filepath.Dir(l.Files[0].Path); filepath.Dir(c.Path) != own { // each folder is another project's, and so other servers'
					t.Errorf("%s is joined to the log in %s", c.Path, own)
				}
				if seen[c.Path] {
					t.Errorf("%s is told twice", c.Path)
				}
				seen[c.Path] = true
			}
		}
	}
	if len(seen) < 60 {
		t.Errorf("of the corpus only %d files are told", len(seen))
	}
}

func rootsOf(args []string) (out []string) {
	for i := 1; i < len(args); i += 2 {
		out = append(out, args[i])
	}
	return out
}

// apart lists where audit and the servers' own tools differ, and why.
var apart = map[string]string{
	"osheroff+mysql-binlog-connector-java/mysql-bin.aurora-padding":            "zeros behind the last event: mysqlbinlog stops there in silence, audit calls the end torn",
	"Meituan-Dianping+MyFlash/_history__e0825ebe_binlog_output_base.flashback": "mariadb-binlog reads on though the checksum of an event is not that of its bytes; mysqlbinlog refuses it",
}

// readByTool reports that mysqlbinlog or mariadb-binlog reads the file without an error.
func readByTool(t *testing.T, path string) bool {
	t.Helper()
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		if exec.Command(testserver.Bin(t, kind, "mysqlbinlog"), "--no-defaults", "--verify-binlog-checksum", path).Run() == nil {
			return true
		}
	}
	return false
}
