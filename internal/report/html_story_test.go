package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// story is the day that lifeboat exists for, as a report: a shop whose CI ran its unit tests against production, of which a
// backup from two weeks before and two damaged copies of the binlogs are left.
func story() *Audit {
	day := func(n int, clock string) time.Time {
		t, err := time.Parse("2006-01-02 15:04:05", fmt.Sprintf("2026-03-%02d %s", n, clock))
		if err != nil {
			panic(err) // a typo in this file
		}
		return t
	}
	first, last, wiped := day(2, "00:00:04"), day(19, "11:02:40"), day(19, "09:41:07")
	a := &Audit{
		Tool: "lifeboat v0.2.0", Generated: day(19, "11:20:00"), Database: "shop", Databases: []string{"crm", "shop"},
		Verdict: "complete, with 1 incident", Text: "No gap from mysql-bin.000412:4 to mysql-bin.000447:51220917. 1 incident destroyed data.",
		Restorable: &Range{Earliest: Point{"mysql-bin.000414:157", day(3, "02:00:11")}, Latest: Point{"mysql-bin.000447:51220917", last}},
		Snapshot: &SnapshotPart{Path: "/backup/full-2026-03-03.sql.zst", Format: "mysqldump", Server: "8.0.36", Taken: "2026-03-03 03:00:11 (its server's zone)", Complete: Yes,
			Position: "mysql-bin.000414:157", GTIDs: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-48120077", Tables: 8, Rows: 2184220},
	}
	for i := range 36 {
		name := fmt.Sprintf("mysql-bin.%06d", 412+i)
		width := last.Sub(first) / 36
		f := FileRow{Name: name, Path: "/mnt/nas/binlogs/" + name, Server: "8.0.36", ServerID: "1", Bytes: 100<<20 + int64(i)*977, First: first.Add(time.Duration(i) * width), Last: first.Add(time.Duration(i+1) * width).Add(-time.Second),
			Transactions: 40000 + int64(i)*311, Checksum: "CRC32", State: "intact", End: "rotate",
			Copies: []Copy{{Path: "/mnt/nas/binlogs/" + name, State: "intact", Used: true}, {Path: "/mnt/offsite/binlogs/" + name, State: "intact"}}}
		if i == 17 {
			f.Copies[0] = Copy{Path: f.Copies[0].Path, State: "corrupt", Detail: "mysql-bin.000429:31338201: the checksum of the event does not match"}
			f.Copies[1].Used, f.Path = true, f.Copies[1].Path
			a.Findings = append(a.Findings, Finding{Code: "corrupt", Severity: "note", Position: "mysql-bin.000429:31338201", Path: "/mnt/nas/binlogs/mysql-bin.000429", Text: "one copy of mysql-bin.000429 is damaged; another is intact and used"})
		}
		a.Archive.Files = append(a.Archive.Files, f)
		a.Archive.Bytes += f.Bytes
		a.Archive.Transactions += f.Transactions
	}
	a.Archive.Files[35].End = "stop"
	a.Archive.Roots, a.Archive.From, a.Archive.To, a.Archive.First, a.Archive.Last = []string{"/mnt/nas/binlogs", "/mnt/offsite/binlogs"}, "mysql-bin.000412:4", "mysql-bin.000447:51220917", first, last
	a.storyTables(day, wiped)
	in := Incident{ID: "1", Kind: "drop-table", Position: "mysql-bin.000447:20117742", End: "mysql-bin.000447:20431809", GTID: "3e11fa47-71ca-11e1-9e33-c80aa9429562:49677120", Time: wiped, Last: wiped.Add(41 * time.Second),
		Thread: 88213, ServerID: 1, User: "ci@10.20.0.31", RowsLost: 2316408, Exact: true, SessionAfter: Writes{214, 1890}, OthersAfter: Writes{61, 74}, StopBefore: "incident:1"}
	for i, t := range a.Tables {
		in.Tables = append(in.Tables, t.Name)
		at := wiped.Add(time.Duration(i) * 5 * time.Second)
		in.Statements = append(in.Statements, Statement{Position: fmt.Sprintf("mysql-bin.000447:%d", 20117742+i*2213), Time: at, Kind: "drop-table", SQL: "DROP TABLE IF EXISTS `" + t.Name + "`", RowsLost: t.BaseRows + t.Inserted - t.Deleted},
			Statement{Position: fmt.Sprintf("mysql-bin.000447:%d", 20117942+i*2213), Time: at, Kind: "create-table", SQL: "CREATE TABLE `" + t.Name + "` (`id` bigint unsigned NOT NULL AUTO_INCREMENT, `created_at` timestamp NULL, PRIMARY KEY (`id`))"})
		a.Tables[i].Lifetimes = append(t.Lifetimes,
			Lifetime{Event: LifeDrop, Position: in.Statements[2*i].Position, Time: at, Thread: in.Thread, User: in.User, SQL: in.Statements[2*i].SQL, Incident: "1"},
			Lifetime{Event: LifeCreate, Position: in.Statements[2*i+1].Position, Time: at, Thread: in.Thread, User: in.User, SQL: in.Statements[2*i+1].SQL, Incident: "1"})
	}
	a.Incidents = []Incident{in}
	a.Losses = []string{"incident 1 at mysql-bin.000447:20117742 is in the range: a restore to the end of the log would repeat it"}
	const files = "lifeboat restore --binlogs /mnt/nas/binlogs --binlogs /mnt/offsite/binlogs --snapshot /backup/full-2026-03-03.sql.zst --database shop "
	a.Commands = []Command{{"Restore the state just before incident 1", files + "--stop-before incident:1 --target DSN"},
		{"Restore it to the end of the log, without what the session of incident 1 did", files + "--skip incident:1 --stop-after end --target DSN"}}
	a.Timeline.Marks = []Mark{{Kind: MarkSnapshot, Time: day(3, "02:00:11"), Position: "mysql-bin.000414:157", Text: "the state that the snapshot holds"},
		{Kind: MarkIncident, Time: wiped, Until: in.Last, Position: in.Position, ID: "1", Text: "drop-table of audit_log, cart_items, customers, order_items, orders and 3 more"}}
	return a
}

// storyTables fills in the tables and their changes over time: busy days, quiet nights.
func (a *Audit) storyTables(day func(int, string) time.Time, wiped time.Time) {
	random := rand.New(rand.NewPCG(1, 2))
	from, width := day(2, "00:00:00"), 2*time.Hour
	a.Timeline = &Timeline{From: from, To: from.Add(210 * width), Seconds: int64(width.Seconds()), Buckets: 210}
	for _, t := range []struct {
		name    string
		base    int64
		i, u, d float64 // changes in a busy stretch
		from    int     // the first bucket
	}{
		{"audit_log", 911204, 900, 0, 0, 0}, {"cart_items", 20411, 700, 120, 640, 0}, {"customers", 148220, 12, 60, 0, 0}, {"order_items", 801552, 260, 20, 2, 0},
		{"orders", 301410, 110, 240, 0, 0}, {"product_prices", 1201, 0, 45, 0, 0}, {"sessions", 222, 400, 900, 380, 0}, {"vouchers", 0, 8, 3, 1, 74},
	} {
		row := TableRow{Database: "shop", Name: t.name, Base: BaseSnapshot, BaseRows: t.base, Lane: "fold", Images: ImagesFull,
			Restorable: []Range{{Earliest: Point{"mysql-bin.000414:157", day(3, "02:00:11")}, Latest: Point{"mysql-bin.000447:51220917", day(19, "11:02:40")}}}}
		if t.from > 0 {
			made := from.Add(time.Duration(t.from) * width)
			row.Base, row.BasePosition, row.BaseTime = BaseLog, "mysql-bin.000424:77120", made
			row.Lifetimes = []Lifetime{{Event: LifeCreate, Position: row.BasePosition, Time: made, Thread: 31, User: "deploy@10.20.0.4", SQL: "CREATE TABLE `vouchers` (`id` bigint NOT NULL, `code` varchar(32), PRIMARY KEY (`id`))"}}
			row.Restorable[0].Earliest = Point{row.BasePosition, made}
			a.Changes = append(a.Changes, Statement{Position: row.BasePosition, Time: made, Kind: "create table", SQL: row.Lifetimes[0].SQL, Tables: []string{"vouchers"}})
		}
		if t.name == "customers" {
			at := day(11, "21:30:00")
			row.Lifetimes = []Lifetime{{Event: LifeAlter, Position: "mysql-bin.000431:8812345", Time: at, Thread: 44, User: "deploy@10.20.0.4", SQL: "ALTER TABLE `customers` ADD COLUMN `phone` varchar(20)"}}
			a.Changes = append(a.Changes, Statement{Position: "mysql-bin.000431:8812345", Time: at, Kind: "alter table", SQL: row.Lifetimes[0].SQL, Tables: []string{"customers"}})
		}
		s := Series{Database: "shop", Name: t.name, Buckets: []Bucket{}}
		for i := t.from; i < 210; i++ {
			at := from.Add(time.Duration(i) * width)
			if at.After(wiped.Add(2 * time.Hour)) {
				break
			}
			busy := 0.06 + math.Pow(math.Max(0, math.Sin((float64(at.Hour())-5)/19*math.Pi)), 2)
			if w := at.Weekday(); w == time.Saturday || w == time.Sunday {
				busy *= 0.4
			}
			n := func(x float64) int64 { return int64(x * 9 * busy * (0.7 + 0.6*random.Float64())) }
			b := Bucket{i, n(t.i), n(t.u), n(t.d)}
			if b.Inserted+b.Updated+b.Deleted > 0 {
				s.Buckets = append(s.Buckets, b)
				row.Inserted, row.Updated, row.Deleted, row.LastChange = row.Inserted+b.Inserted, row.Updated+b.Updated, row.Deleted+b.Deleted, at.Add(40*time.Minute)
			}
		}
		a.Tables, a.Timeline.Tables = append(a.Tables, row), append(a.Timeline.Tables, s)
	}
}

// crowd is a large and hostile report: 500 tables, 200 incidents, names that mean to break out, gaps and damage.
func crowd() *Audit {
	a := story()
	a.Database, a.Verdict, a.ExitCode = "", "damaged, with 200 incidents", 11
	a.Text = "mysql-bin.000420:1234: the checksum does not match. </script><script>fail()</script>"
	a.Losses = []string{"<b>3 statements</b> that were logged as text", hostile[0]}
	for i := range 500 {
		name := fmt.Sprintf("t%03d", i)
		if i < len(hostile) {
			name = hostile[i]
		}
		row := TableRow{Database: "shop\u202e", Name: name, Base: []string{BaseSnapshot, BaseLog, BaseNone}[i%3], BaseRows: int64(i * 7919 % 100000), Lane: "fold", Images: ImagesFull}
		s := Series{Database: row.Database, Name: name, Buckets: []Bucket{}}
		if i%5 != 4 {
			for b := i % 13; b < 210; b += 1 + i%7 {
				s.Buckets = append(s.Buckets, Bucket{b, int64(i * b % 900), int64(b % 50), int64(i % 9)})
				row.Inserted += int64(i * b % 900)
			}
			row.LastChange = a.Timeline.To.Add(-time.Duration(i) * time.Minute)
			a.Timeline.Tables = append(a.Timeline.Tables, s)
		}
		if row.Base == BaseNone {
			row.IncompleteFrom = &Point{"mysql-bin.000420:1", a.Archive.First.Add(time.Duration(i) * 20 * time.Minute)}
			row.Note = "not made in the log before mysql-bin.000420:1"
		}
		a.Tables = append(a.Tables, row)
	}
	for i := range 199 {
		in := a.Incidents[0]
		in.ID, in.Kind, in.Thread, in.User, in.Exact = fmt.Sprint(i+2), []string{"drop-table", "truncate", "mass-delete"}[i%3], uint32(i), hostile[i%len(hostile)], i%2 == 0
		in.Time = a.Archive.First.Add(time.Duration(i) * 110 * time.Minute)
		in.Last, in.RowsLost = in.Time.Add(time.Duration(i)*time.Second), int64(i*i*31%7777)
		in.Tables = []string{a.Tables[i].Name, a.Tables[i+1].Name}
		in.Statements = []Statement{{Position: "mysql-bin.000420:99", Time: in.Time, SQL: "DROP TABLE " + hostile[i%len(hostile)]}}
		a.Incidents = append(a.Incidents, in)
		a.Timeline.Marks = append(a.Timeline.Marks, Mark{Kind: MarkIncident, Time: in.Time, Until: in.Last, ID: in.ID, Text: in.Kind + " of " + hostile[i%len(hostile)]})
	}
	gap := a.Archive.First.Add(60 * time.Hour)
	a.Timeline.Marks = append(a.Timeline.Marks, Mark{Kind: MarkGap, Time: gap, Until: gap.Add(20 * time.Hour), Text: "mysql-bin.000418 is in no copy"},
		Mark{Kind: MarkCorrupt, Time: gap.Add(40 * time.Hour), Text: hostile[1]})
	slices.SortStableFunc(a.Timeline.Marks, func(a, b Mark) int { return a.Time.Compare(b.Time) })
	a.Findings = append(a.Findings, Finding{Code: "gap", Severity: "gap", Position: "mysql-bin.000417:9", Text: "mysql-bin.000418 is in no copy", Remedy: "find it: " + hostile[2]},
		Finding{Code: "corrupt", Severity: "corrupt", Position: "mysql-bin.000420:1234", Path: "/mnt/" + hostile[1], Text: "the checksum does not match"})
	a.Archive.Files[8].State = "corrupt"
	a.Archive.Files[8].Copies[0].State, a.Archive.Files[8].Copies[0].Detail = "corrupt", hostile[3]
	a.Commands = append(a.Commands, Command{"Break out " + hostile[1], "lifeboat audit --binlogs '/a/" + hostile[0] + "'"}, Command{"Control", "lifeboat audit --database 'a\x1b[2Jb\u202e'"})
	return a
}

// hostile are names and values that would do harm if they were taken for markup or code.
var hostile = []string{
	`</script><script>fail()</script>`, `"><img src=x onerror=fail()>`, `' onmouseover='fail()`, "a\nb\x00c\x1b[31m\u2028d", `<!--<script>`, `{{.Tool}}`, `${fail()}`, `javascript:fail()`, "\u202etxt.exe", "订单备注", "جدول",
	`&lt;b&gt;`, "\xff\xfe", `]]>`, "a_very_long_table_name_that_goes_on_and_on_to_the_sixty_fourth_c", `\u003c/script\u003e`, "`;DROP TABLE x;--",
}
