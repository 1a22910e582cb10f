package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

// apart lists where audit and the servers' own tools differ, and why.
var apart = map[string]string{
	"osheroff+mysql-binlog-connector-java/mysql-bin.aurora-padding":            "zeros behind the last event: mysqlbinlog stops there in silence, audit calls the end torn",
	"Meituan-Dianping+MyFlash/_history__e0825ebe_binlog_output_base.flashback": "mariadb-binlog reads on though the checksum of an event is not that of its bytes; mysqlbinlog refuses it",
	"pingcap+tiflow/_history__09ca36b6_mysql-bin.000001":                       "the tools print rows of MariaDB's old temporal types without knowing their size",
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
