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
	"strings"
	"testing"
)

// servers is where `make servers` unpacks them.
const servers = "../../.servers"

// printed is what a server's own program says of a file.
type printed struct {
	at                        []uint64 // where events begin
	inserts, updates, deletes int
	events                    []printedEvent
}

// printedEvent is one event in the program's words.
type printedEvent struct {
	at    uint64
	label string // of its type
	sql   string // of a Query
}

// labels are the programs' words for types of events that have another name here.
var labels = map[string]string{
	"Anonymous_GTID": "Anonymous_Gtid", "GTID": "Gtid", "Previous-GTIDs": "Previous_gtids", "Start": "Format_desc", "Transaction_Payload": "Transaction_payload",
	"Execute_load_query": "Load", "Binlog": "event type 161" /* checkpoint */, "Ignorable": "event type 100", /* Aurora's */
	"Query_compressed": "Query", "Write_compressed_rows": "Write_rows", "Update_compressed_rows": "Update_rows", "Delete_compressed_rows": "Delete_rows", "XID": "XA_prepare",
}

// header is the line in which a program says where an event is and what.
var header = regexp.MustCompile(`(?m)^# at (\d+)\n#\d{6} +[\d:]+ +server id \d+ +end_log_pos \d+ (?:CRC32 0x[0-9a-f]+ )?\s*([A-Za-z_][A-Za-z_-]*).*$`)

// ending is what a program adds behind the last event.
var ending = regexp.MustCompile(`(?s)(?:\nSET @@SESSION.GTID_NEXT= 'AUTOMATIC'|\nDELIMITER ;|\n# End of log file|\nROLLBACK /\* added by).*$`)

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
	all := header.FindAllSubmatchIndex(out, -1)
	for i, m := range all {
		n, err := strconv.ParseUint(string(out[m[2]:m[3]]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		end := len(out)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		body := ending.ReplaceAll(out[m[1]:end], nil)
		body, _, _ = bytes.Cut(body, []byte("\n# at ")) // of an event that the program keeps until its statement
		parts := bytes.Split(bytes.TrimSuffix(bytes.TrimSpace(body), []byte("/*!*/;")), []byte("/*!*/;\n"))
		p.events = append(p.events, printedEvent{n, string(out[m[4]:m[5]]), string(bytes.TrimSpace(parts[len(parts)-1]))})
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

// found is an event as it is read here.
type found struct {
	typ EventType
	sql string // of a Query
}

func events(t *testing.T, f corpusFile) map[uint64]found {
	t.Helper()
	out := map[uint64]found{}
	for s := NewScanner(bytes.NewReader(f.b), f.name); ; {
		fr, err := s.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", f.path, err)
		}
		e := found{typ: fr.Type}
		if fr.Type == QueryEvent {
			var q Query
			if err := parseQuery(&q, fr.Body, s.format); err != nil {
				t.Fatalf("%s: %v", f.path, err)
			}
			e.sql = string(bytes.TrimSpace(q.SQL))
		}
		out[fr.Offset] = e
	}
}

// heldAgainst compares what is read here of a file with what a program printed of it, and counts the statements.
func heldAgainst(t *testing.T, f corpusFile, program string, p *printed) (statements int) {
	t.Helper()
	c := read(t, Position{}, memory{f.name, f.b})
	if c.err != nil {
		t.Fatalf("%s: %v", f.path, c.err)
	}
	if c.inserts != p.inserts || c.updates != p.updates || c.deletes != p.deletes {
		t.Errorf("%s: %d, %d, %d rows; %s prints %d, %d, %d", f.path, c.inserts, c.updates, c.deletes, filepath.Base(program), p.inserts, p.updates, p.deletes)
	}
	here := events(t, f)
	packed := false // the program says of a payload's events that they are where it ends
	for _, e := range p.events {
		got := here[e.at]
		want, ok := labels[e.label]
		if !ok {
			want = e.label
		}
		switch {
		case packed:
			packed = e.label != "Xid"
		case e.label == "CRC": // of Begin_load_query there is a checksum and no name
		case got.typ == QueryEvent && (e.label == "Intvar" || e.label == "Rand"), got.typ == TableMapEvent && e.label == "Annotate_rows": // printed where what they go before is
		case got.typ == MariaGTIDListEvent && e.label == "Gtid": // list
		case got.typ.String() != want:
			t.Errorf("%s: event at %d is %s, %s says %s", f.path, e.at, got.typ, filepath.Base(program), e.label)
		case got.typ == QueryEvent:
			if statements++; got.sql != strings.TrimPrefix(e.sql, "### ") { // of an ALTER in two phases
				t.Errorf("%s: statement at %d\n%q\n%s prints\n%q", f.path, e.at, got.sql, filepath.Base(program), e.sql)
			}
		case got.typ == TransactionPayload:
			packed = true
		}
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
	return statements
}

// The servers' own programs see the same events at the same offsets, of the same types and with the same statements, BEGIN and COMMIT
// among them, and the same rows.
func TestCorpusAgainstServersPrograms(t *testing.T) {
	mysql := filepath.Join(servers, "mysql-9.7/bin/mysqlbinlog")
	maria := filepath.Join(servers, "mariadb-10.11/bin/mariadb-binlog")
	for _, p := range []string{mysql, maria} {
		if _, err := os.Stat(p); err != nil {
			t.Skipf("%s is not there; make servers", p)
		}
	}
	compared := 0
	statements := 0
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
		statements += heldAgainst(t, f, program, p)
	}
	if compared < 60 || statements < 500 {
		t.Errorf("only %d files with %d statements could be compared", compared, statements)
	}
}
