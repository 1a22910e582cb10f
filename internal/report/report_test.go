package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/ui/text"
)

var update = flag.Bool("update", false, "write the golden files anew")

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2024-05-"+clock)
	if err != nil {
		panic(err) // a typo in this file
	}
	return t
}

func healthy() *Audit {
	a := &Audit{
		Tool: "lifeboat v0.1.0", Generated: at("04 07:00:00"), Database: "shop", Databases: []string{"shop", "crm"},
		Verdict: "complete", Text: "The log has no gap from binlog.000001:4 to binlog.000012:71203, every table has a base, and nothing destructive happened to shop.",
		Commands: []Command{{"Restore it next to the original, to try", "lifeboat restore --binlogs /backup/binlogs --binlogs /mnt/copy2/binlogs --snapshot '/backup/full dump --all.sql.zst' --database shop --into shop_test --target 'root@unix(/run/mysqld.sock)/'"}},
		Tables: []TableRow{
			{Database: "shop", Name: "customers", Base: BaseSnapshot, BaseRows: 20000, Inserted: 1200, Updated: 340, LastChange: at("03 23:58:59"), Lane: "fold"},
			{Database: "shop", Name: "orders", Base: BaseSnapshot, BaseRows: 1234567, Inserted: 50321, Updated: 120004, Deleted: 12, LastChange: at("03 23:59:59"), Lane: "fold"},
			{Database: "shop", Name: "订单备注", Base: BaseLog, BasePosition: "binlog.000004:1200", Inserted: 5, LastChange: at("02 11:00:00"), Lane: "serial", Note: "no key"},
		},
		Snapshot: &SnapshotPart{Path: "/backup/full dump --all.sql.zst", Format: "mysqldump", Server: "MySQL 8.0.36", Taken: "2024-05-01 02:00:00 (its server's zone)", Complete: Yes,
			Position: "binlog.000002:157", GTIDs: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5000", Tables: 3, Rows: 1254567},
		Archive: ArchivePart{Roots: []string{"/backup/binlogs", "/mnt/copy2/binlogs"}, Bytes: 12 << 30, Transactions: 400000,
			From: "binlog.000001:4", To: "binlog.000012:71203", First: at("01 00:00:00"), Last: at("03 23:59:59")},
	}
	a.Restorable = &Range{Earliest: Point{"binlog.000002:157", at("01 02:00:00")}, Latest: Point{"binlog.000012:71203", at("03 23:59:59")}}
	for i := range a.Tables {
		a.Tables[i].Restorable, a.Tables[i].Images = []Range{*a.Restorable}, ImagesFull
	}
	made := at("02 10:59:00")
	a.Tables[2].Restorable[0].Earliest, a.Tables[2].BaseTime = Point{"binlog.000004:1400", made}, made
	a.Tables[2].Lifetimes = []Lifetime{{Event: LifeCreate, Position: "binlog.000004:1200", Time: made, Thread: 17, SQL: "CREATE TABLE `订单备注` (a int)"}}
	a.Timeline = &Timeline{From: at("01 00:00:00"), To: at("04 00:00:00"), Seconds: 1800, Buckets: 144, Tables: []Series{{"shop", "orders", []Bucket{{3, 400, 2, 0}, {143, 1, 0, 9}}}},
		Marks: []Mark{{Kind: MarkSnapshot, Time: at("01 02:00:00"), Position: "binlog.000002:157", Text: "the state that the snapshot holds"}}}
	for i := range 12 {
		name := fmt.Sprintf("binlog.%06d", i+1)
		a.Archive.Files = append(a.Archive.Files, FileRow{Name: name, Path: "/backup/binlogs/" + name, Server: "8.0.36", Bytes: 1 << 30, Transactions: 33333,
			First: at("01 00:00:00").Add(time.Duration(i) * 6 * time.Hour), Last: at("01 05:59:59").Add(time.Duration(i) * 6 * time.Hour), Checksum: "CRC32", State: "intact", End: "rotate",
			Copies: []Copy{{Path: "/backup/binlogs/" + name, State: "intact", Used: true}, {Path: "/mnt/copy2/binlogs/" + name, State: "intact"}}})
	}
	return a
}

func wipe() *Audit {
	a := healthy()
	a.Verdict, a.Text = "complete, with a wipe", "The log has no gap. One incident destroyed data in shop; a restore can stop just before it."
	in := Incident{ID: "wipe-1", Kind: "drop-table", Position: "binlog.000009:88123", End: "binlog.000009:91000", GTID: "3e11fa47-71ca-11e1-9e33-c80aa9429562:301234",
		Time: at("03 02:14:07"), Last: at("03 02:14:11"), Thread: 811, ServerID: 1, User: "ci@10.0.3.7", Tables: []string{"shop.customers", "shop.orders", "shop.订单备注"},
		RowsLost: 1284000, Exact: true, SessionFrom: at("03 02:14:01"), SessionBefore: Writes{2, 7}, SessionAfter: Writes{40, 1200}, OthersAfter: Writes{1, 1}, StopBefore: "incident:wipe-1"}
	for i, sql := range []string{"DROP TABLE IF EXISTS `orders`\n  -- by \x1b[31mfixtures", "CREATE TABLE `orders` (\n  `id` bigint NOT NULL AUTO_INCREMENT, `customer_id` bigint NOT NULL, `total` decimal(12,2), PRIMARY KEY (`id`))",
		"DROP TABLE `customers`", "CREATE TABLE `customers` (id int)", "DROP TABLE `订单备注`", "CREATE TABLE `订单备注` (id int)", "TRUNCATE TABLE a", "TRUNCATE TABLE b"} {
		in.Statements = append(in.Statements, Statement{Position: fmt.Sprintf("binlog.000009:%d", 88123+i*200), Time: at("03 02:14:07").Add(time.Duration(i) * time.Second / 2), Kind: "drop-table", SQL: sql})
	}
	rows := in
	rows.ID, rows.Kind, rows.Exact, rows.User, rows.Thread, rows.GTID, rows.StopBefore = "wipe-2", "mass-delete", false, "", 0, "", "incident:wipe-2"
	rows.Statements, rows.Tables, rows.Last, rows.SessionAfter, rows.OthersAfter = nil, []string{"shop.orders"}, rows.Time, Writes{}, Writes{}
	a.Incidents = []Incident{in, rows}
	a.Commands = []Command{{"Restore the state just before the wipe", "lifeboat restore --database shop --stop-before incident:wipe-1 --binlogs /backup/binlogs"},
		{"Leave the wipe's own transactions out and keep what others wrote since", "lifeboat restore --database shop --skip incident:wipe-1"}}
	return a
}

func gap() *Audit {
	a := healthy()
	a.Restorable.Latest, a.Restorable.Ends = Point{"binlog.000004:1073741824", at("01 23:59:59")}, "gap"
	for i := range a.Tables {
		a.Tables[i].Restorable[0].Latest, a.Tables[i].Restorable[0].Ends = a.Restorable.Latest, "gap"
	}
	a.Tables[2].Restorable = []Range{{Earliest: Point{"binlog.000007:157", at("02 13:00:00")}, Latest: Point{"binlog.000012:71203", at("03 23:59:59")}}}
	a.Cover = &Cover{From: at("01 00:00:00"), To: at("04 07:00:00"), Missing: []Missing{{at("01 23:59:59"), at("02 06:00:00"), "gap"}, {at("03 23:59:59"), at("04 07:00:00"), "the log ends there"}}}
	a.Verdict, a.Text, a.ExitCode = "incomplete (gap)", "binlog.000005 is in no copy: 33,333 transactions are missing.", 10
	a.Archive.Files = append(a.Archive.Files[:4:4], a.Archive.Files[5:]...)
	a.Archive.Files[7].Copies[1].State, a.Archive.Files[7].Copies[1].Detail = "corrupt", "checksum of the event at 1,234 does not match"
	a.Findings = []Finding{
		{Code: "in-use", Severity: "note", Position: "binlog.000012:71203", Text: "The last file was in use; it ends between transactions."},
		{Code: "corrupt", Severity: "warning", Path: "/mnt/copy2/binlogs/binlog.000009", Text: "One copy of binlog.000009 is damaged; the other is intact and used."},
		{Code: "gap", Severity: "gap", Position: "binlog.000004:1073741824", Text: "binlog.000004 names binlog.000005 as its successor, but the next file is binlog.000006. GTIDs 3e11fa47-71ca-11e1-9e33-c80aa9429562:133333-166665 are in no file.",
			Remedy: "Find binlog.000005 in another copy and add its folder with --binlogs, or end the restore before it with --stop-before binlog.000004:1073741824."},
	}
	a.Commands = nil
	a.Snapshot.Complete, a.Snapshot.Position, a.Snapshot.GTIDs, a.Snapshot.Notes = Unknown, "", "", []string{"It was made with --compact."}
	return a
}

func torn() *Audit {
	a := healthy()
	a.Verdict, a.Text, a.ExitCode = "torn end", "The last file ends inside a transaction.", 10
	a.Archive.Files = a.Archive.Files[:3]
	a.Archive.Files[2].State, a.Archive.Files[2].Last = "torn", at("02 01:00:00")
	a.Archive.Files[2].Copies = []Copy{{Path: "/backup/binlogs/binlog.000003", State: "torn", Detail: "ends inside an event at 71,219", Used: true}}
	a.Findings = []Finding{{Code: "torn", Severity: "gap", Position: "binlog.000003:71203", Path: "/backup/binlogs/binlog.000003",
		Text: "The file ends inside a transaction that began at 71,203.", Remedy: "Copy the file again from the server, or restore up to its last whole transaction."}}
	return a
}

func noSnapshot() *Audit {
	a := healthy()
	a.Verdict, a.Text, a.ExitCode = "incomplete", "8 of 30 tables have no base.", 3
	a.Timeline, a.Database, a.Snapshot, a.Archive.Files, a.Commands = nil, "", nil, a.Archive.Files[:1], nil
	a.Tables = nil
	for i := range 30 {
		row := TableRow{Database: "shop", Name: fmt.Sprintf("t%02d", i), Base: BaseLog, Inserted: int64(i * 1000)}
		row.Restorable = []Range{*a.Restorable}
		if i%4 == 0 {
			row.Base, row.Restorable = BaseNone, nil
			row.IncompleteFrom = &Point{"binlog.000001:4", at("01 00:00:00")}
		}
		a.Tables = append(a.Tables, row)
	}
	a.Changes = []Statement{{Position: "binlog.000001:1200", Time: at("01 03:04:05"), SQL: "ALTER TABLE shop.t01 ADD COLUMN note text", Note: "runs in its place"}}
	return a
}

func restore() *Restore {
	return &Restore{
		Tool: "lifeboat v0.1.0", Outcome: "done", Database: "shop", Into: "shop_test", Target: "root@unix(/run/mysqld.sock), MySQL 9.7.4",
		State: "binlog.000009:88123, just before incident wipe-1", Started: at("04 07:10:00"), Ended: at("04 07:11:05"), Seconds: 65.4, Windows: 3,
		Tables: []TableRestore{
			{Name: "customers", BaseRows: 20000, Inserted: 1200, Updated: 340, Upserts: 1500, Lane: "fold"},
			{Name: "orders", BaseRows: 1234567, Inserted: 50321, Updated: 120004, Deleted: 12, Upserts: 98000, Deletes: 12, Lane: "fold"},
			{Name: "订单备注", Inserted: 5, Serial: 5, Lane: "serial", Why: "it has no key"},
		},
		Sum:   Account("row events and statements", 400000, 171882, 12000, 216000, 118),
		Notes: []string{"The target's own binary log was off for lifeboat's sessions."},
	}
}

func incomplete() *Restore {
	r := restore()
	r.Outcome, r.ExitCode, r.Resumed, r.Into = "done, but incomplete", 3, true, "shop"
	r.Text = "Check the rows below against another copy before the database goes back into use."
	r.OrphanRows, r.Orphans = 2, []string{"orders, update at binlog.000007:5512: no row with id=17", "orders, update at binlog.000007:9912: no row with id=18"}
	r.Incomplete = []string{"invoices has no base: the snapshot does not hold it and its CREATE is not in the log"}
	r.Sum.Read++
	r.Sum.Closes = false
	r.Commands = []Command{{"Compare with another restore", "lifeboat verify --database shop"}}
	for i := range 30 {
		r.Tables = append(r.Tables, TableRestore{Name: fmt.Sprintf("t%02d", i), BaseRows: int64(i), Lane: "fold"})
	}
	return r
}

func plan() *Plan {
	return &Plan{
		Database: "shop", Into: "shop", Target: "a scratch server", Snapshot: "/backup/full.sql.zst", SnapshotAt: "binlog.000002:157",
		From: "binlog.000002:157", To: "binlog.000009:88123", Why: "before incident wipe-1", Files: 8, Bytes: 8 << 30, Workers: 4, Memory: 256 << 20,
		Tables: []TablePlan{{"customers", BaseSnapshot, 20000, 1540, "fold", ""}, {"order_lines", BaseLog, 0, 12, "serial", "its foreign key to orders cascades, and the log has no cascaded rows"}},
		DDL:    []Statement{{Position: "binlog.000004:1200", Time: at("02 11:00:00"), SQL: "ALTER TABLE customers ADD COLUMN phone varchar(20)"}},
		Notes:  []string{"The target's own binary log is off for lifeboat's sessions."}, Warnings: []string{"Two statements were logged as text and are applied as such."},
	}
}

func refused() *Plan {
	p := plan()
	p.Refused = "The log holds the incident wipe-1 inside the range, and neither a stop nor a skip was given. Choose one of these:"
	p.Snapshot, p.Tables, p.DDL, p.Warnings = "", nil, nil, nil
	p.Commands = wipe().Commands
	return p
}

func TestGolden(t *testing.T) {
	audit := func(a *Audit, color bool) func(*bytes.Buffer, string) error {
		return func(w *bytes.Buffer, format string) error { return WriteAudit(w, a, format, color) }
	}
	done := func(r *Restore) func(*bytes.Buffer, string) error {
		return func(w *bytes.Buffer, format string) error { return WriteRestore(w, r, format, false) }
	}
	planned := func(p *Plan) func(*bytes.Buffer, string) error {
		return func(w *bytes.Buffer, _ string) error { return WritePlan(w, p, false) }
	}
	for _, c := range []struct {
		file  string
		write func(*bytes.Buffer, string) error
	}{
		{"healthy.txt", audit(healthy(), false)}, {"healthy.json", audit(healthy(), true)},
		{"wipe.txt", audit(wipe(), false)}, {"wipe.color.txt", audit(wipe(), true)}, {"wipe.json", audit(wipe(), false)},
		{"gap.txt", audit(gap(), false)}, {"torn.txt", audit(torn(), false)}, {"nosnapshot.txt", audit(noSnapshot(), false)},
		{"restore.txt", done(restore())}, {"restore.json", done(restore())}, {"incomplete.txt", done(incomplete())},
		{"plan.txt", planned(plan())}, {"refused.txt", planned(refused())},
	} {
		t.Run(c.file, func(t *testing.T) {
			format := JSON
			if strings.HasSuffix(c.file, ".txt") {
				format = Text
			}
			var got bytes.Buffer
			if err := c.write(&got, format); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", c.file)
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("not as in %s (-update writes it anew):\n%s", file, got.String())
			}
		})
	}
}

// Text fits its columns and holds no control characters, whatever was in the log; a healthy archive fits a screen.
func TestTextIsFitForATerminal(t *testing.T) {
	texts := map[string]func(*bytes.Buffer) error{}
	for name, a := range map[string]*Audit{"healthy": healthy(), "wipe": wipe(), "gap": gap(), "torn": torn(), "no snapshot": noSnapshot()} {
		texts[name] = func(w *bytes.Buffer) error { return WriteAudit(w, a, Text, false) }
	}
	texts["restore"] = func(w *bytes.Buffer) error { return WriteRestore(w, incomplete(), Text, false) }
	texts["plan"] = func(w *bytes.Buffer) error { return WritePlan(w, plan(), false) }
	for name, write := range texts {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			if w := text.Width(line); w > columns {
				t.Errorf("%s: %d columns: %s", name, w, line)
			}
			if line != strings.TrimRight(line, " ") || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
				t.Errorf("%s: blanks at the end or control characters: %q", name, line)
			}
		}
		if n := strings.Count(out.String(), "\n"); name == "healthy" && n > 40 {
			t.Errorf("a healthy archive takes %d lines, more than a screen", n)
		}
	}
}

func TestJSONKeepsAllAndTextFoldsNothingThatMatters(t *testing.T) {
	var out bytes.Buffer
	want := gap()
	if err := WriteAudit(&out, want, JSON, false); err != nil {
		t.Fatal(err)
	}
	var got Audit
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want.Schema = AuditSchema
	want.Incidents, want.Commands, want.Changes, want.Losses, want.Migrations = []Incident{}, []Command{}, []Statement{}, []string{}, []Statement{} // [], never null
	for i := range want.Tables {
		want.Tables[i].Lifetimes, want.Tables[i].Restorable = some(want.Tables[i].Lifetimes), some(want.Tables[i].Restorable)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("JSON does not carry the whole report:\n%+v\nwant\n%+v", &got, want)
	}
	out.Reset()
	if err := WriteAudit(&out, want, Text, false); err != nil {
		t.Fatal(err)
	}
	for _, f := range want.Archive.Files {
		if shown := strings.Contains(out.String(), "\n  "+f.Name+" "); !sound(f) && !shown {
			t.Errorf("%s has a damaged copy and is folded away", f.Name)
		}
	}
}

// However large an archive is, the report fits on a screen where nothing is wrong.
func TestALargeHealthyAuditFitsOnAScreen(t *testing.T) {
	a := healthy()
	for i := range 300 {
		x := a.Tables[1]
		x.Name = fmt.Sprintf("t%d", i)
		a.Tables = append(a.Tables, x)
		a.Changes = append(a.Changes, Statement{Position: fmt.Sprintf("binlog.000002:%d", i), Time: at("02 10:59:00"), SQL: "CREATE TABLE t (a int)"})
		f := a.Archive.Files[5]
		f.Name, f.Compressed, f.Anonymous, f.GTIDs = fmt.Sprintf("binlog.%06d", 13+i), int64(i+1), 1, "x:1"
		a.Archive.Files = append(a.Archive.Files, f)
	}
	var out bytes.Buffer
	if err := WriteAudit(&out, a, Text, false); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n > 50 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}

func TestAccountCloses(t *testing.T) {
	if !Account("rows", 10, 4, 3, 2, 1).Closes {
		t.Error("10 = 4+3+2+1 does not close")
	}
	if Account("rows", 11, 4, 3, 2, 1).Closes {
		t.Error("11 = 4+3+2+1 closes")
	}
}

func TestCommandSplitsOutsideQuotes(t *testing.T) {
	got := flagWords("lifeboat restore --snapshot '/a b --c.sql' --into x")
	want := []string{"lifeboat restore", "--snapshot '/a b --c.sql'", "--into x"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

type brokenWriter struct{}

var errFull = errors.New("disk full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errFull }

func TestErrorsComeBack(t *testing.T) {
	if err := WriteAudit(brokenWriter{}, healthy(), Text, false); !errors.Is(err, errFull) {
		t.Errorf("a failed write gives %v", err)
	}
	if err := WriteAudit(brokenWriter{}, healthy(), HTML, false); !errors.Is(err, errFull) {
		t.Errorf("a failed write of a page gives %v", err)
	}
	if err := WriteAudit(&bytes.Buffer{}, healthy(), "xml", false); err == nil {
		t.Error("an unknown format passes")
	}
}
