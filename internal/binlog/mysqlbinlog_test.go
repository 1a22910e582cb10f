package binlog

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// servers is where `make servers` unpacks them.
const servers = "../../.servers"

// printed is what a server's own program says of a file.
type printed struct {
	at                        []uint64 // where events begin
	inserts, updates, deletes int
}

func printLog(t *testing.T, program, path string) (*printed, error) {
	t.Helper()
	cmd := exec.Command(program, "--no-defaults", "-v", "--base64-output=decode-rows", path)
	out, err := cmd.Output()
	p := &printed{
		inserts: bytes.Count(out, []byte("\n### INSERT INTO")),
		updates: bytes.Count(out, []byte("\n### UPDATE")),
		deletes: bytes.Count(out, []byte("\n### DELETE FROM")),
	}
	for _, m := range regexp.MustCompile(`(?m)^# at (\d+)$`).FindAllSubmatch(out, -1) {
		n, err := strconv.ParseUint(string(m[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		p.at = append(p.at, n)
	}
	return p, err
}

// offsets is where a Scanner finds events, and where the last one ends: the program counts the events of a
// compressed payload as being there.
func offsets(t *testing.T, f corpusFile) []uint64 {
	t.Helper()
	s := NewScanner(bytes.NewReader(f.b), f.name)
	var at []uint64
	for {
		fr, err := s.Next()
		if errors.Is(err, io.EOF) {
			return append(at, s.Offset())
		}
		if err != nil {
			t.Fatalf("%s: %v", f.path, err)
		}
		at = append(at, fr.Offset)
	}
}

// The servers' own programs see the same events at the same offsets, and the same rows.
func TestCorpusAgainstServersPrograms(t *testing.T) {
	mysql := filepath.Join(servers, "mysql-9.7/bin/mysqlbinlog")
	maria := filepath.Join(servers, "mariadb-10.11/bin/mariadb-binlog")
	for _, p := range []string{mysql, maria} {
		if _, err := os.Stat(p); err != nil {
			t.Skipf("%s is not there; make servers", p)
		}
	}
	compared := 0
	for _, f := range corpusFiles(t) {
		c := read(t, Position{}, memory{f.name, f.b})
		if c.err != nil {
			continue
		}
		k, err := SkimFile(bytes.NewReader(f.b), f.name)
		if err != nil {
			t.Fatal(err)
		}
		program := mysql
		if k.First.MariaDB {
			program = maria
		}
		p, err := printLog(t, program, filepath.Join(corpus, "binlogs", f.path))
		if err != nil { // MySQL's has forgotten the events of 5.1 and 5.5
			program = maria
			p, err = printLog(t, program, filepath.Join(corpus, "binlogs", f.path))
		}
		if err != nil {
			t.Logf("%s: its program fails on it: %v", f.path, err)
			continue
		}
		compared++
		if c.inserts != p.inserts || c.updates != p.updates || c.deletes != p.deletes {
			t.Errorf("%s: %d, %d, %d rows; %s prints %d, %d, %d", f.path, c.inserts, c.updates, c.deletes, filepath.Base(program), p.inserts, p.updates, p.deletes)
		}
		at := offsets(t, f)
		for _, off := range p.at {
			if _, ok := slices.BinarySearch(at, off); !ok {
				t.Errorf("%s: %s finds an event at %d", f.path, filepath.Base(program), off)
			}
		}
		if len(p.at) == 0 {
			t.Errorf("%s: %s prints no events", f.path, filepath.Base(program))
		}
	}
	if compared < 60 {
		t.Errorf("only %d files could be compared", compared)
	}
}
