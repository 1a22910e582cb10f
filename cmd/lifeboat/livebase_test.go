package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/replay/plan"
)

// A server that holds the base is read in one snapshot, with its place in the log, and nothing of it stays behind; its password is never shown.
func TestLiveBase(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			s := disaster(t, kind)
			t.Setenv("TMPDIR", t.TempDir())
			const secret = "s3cr3t-word"
			db := testserver.Open(t, s.server)
			if _, err := db.Exec("SET SESSION sql_log_bin=0; CREATE USER reader@localhost IDENTIFIED BY '" + secret + "'; GRANT ALL ON *.* TO reader@localhost"); err != nil {
				t.Fatal(err)
			}
			to := testserver.Start(t, kind)
			base := "mysql://reader:" + secret + "@unix(" + s.server.Socket() + ")/"
			args := []string{"restore", "--binlogs", s.server.DataDir(), "--snapshot", base, "--database", "crm", "--target", to.DSN(), "--progress", "plain", "--stop-after", "end"}
			o := lifeboat(t, append(args, "--verify")...).want(t, 0, "DONE", "THE SAME", "the base was read from reader@unix(")
			if strings.Contains(o.String()[strings.Index(o.String(), "exit "):], secret) {
				t.Errorf("the password is shown:\n%s", o)
			}
			lifeboat(t, "verify", "--database", "crm", "--target", to.DSN(), "--against", s.server.DSN(), "--progress", "none").want(t, 0, "THE SAME", "1 table")
			if left, err := filepath.Glob(filepath.Join(os.TempDir(), "lifeboat-base-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			// shop was wiped before the snapshot, which cannot be used for what was before.
			lifeboat(t, "plan", "--binlogs", s.binlogs(), "--snapshot", base, "--database", "shop", "--stop-before", "incident:1", "--progress", "none").want(t, 1)
			lifeboat(t, "plan", "--binlogs", s.binlogs(), "--snapshot", "mysql://nobody@127.0.0.1:1/", "--database", "shop", "--progress", "none").want(t, 1, "--snapshot")
		})
	}
}

// What a dump without a server refuses, one by way of a scratch server does.
func TestFolderByScratch(t *testing.T) {
	t.Parallel()
	s := disaster(t, testserver.MySQL97)
	dir := filepath.Join(t.TempDir(), "out")
	args := []string{"restore", "--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--progress", "none", "--stop-before", "incident:1", "--snapshot-position", "unknown", "--output", dir}
	lifeboat(t, args...).want(t, 1, "--scratch")
	mysqld := testserver.Bin(t, testserver.MySQL97, "mysqld")
	lifeboat(t, append(args, "--scratch", "--mysqld", mysqld, "--verify")...).want(t, 0, "DONE", "by way of a", "is complete", "THE SAME")
	checkManifest(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, "shop.sql"))
	if err != nil {
		t.Fatal(err)
	}
	to := testserver.Start(t, testserver.MySQL97)
	s.feed(t, to, text)
	s.same(t, to)
	lifeboat(t, append(args, "--scratch", "--mysqld", mysqld)...).want(t, 1, "exists already")
}

// Some tables were dropped, and the server still holds the others: it is one of several bases, and the newest for what it holds.
func TestLiveBaseAmongSeveral(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			s := newTwoBackups(t, kind)
			t.Setenv("TMPDIR", t.TempDir())
			t.Setenv("LIFEBOAT_SNAPSHOT_PASSWORD", "s3cr3t-word")
			s.exec(t, "SET SESSION sql_log_bin=0;\nCREATE USER reader@localhost IDENTIFIED BY 's3cr3t-word';\nGRANT ALL ON *.* TO reader@localhost;\nSET SESSION sql_log_bin=1")
			to := testserver.Start(t, kind)
			server := "mysql://reader@unix(" + s.server.Socket() + ")/"
			with := func(command string, more ...string) []string {
				return append([]string{command, "--binlogs", s.binlogs(), "--snapshot", s.old, "--snapshot", s.new, "--snapshot", server, "--database", "shop", "--progress", "plain", "--stop-after", "end", "--skip", s.last(t)}, more...)
			}
			o := lifeboat(t, with("plan")...).want(t, 0)
			p := &plan.Plan{}
			if err := json.Unmarshal([]byte(o.out), p); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.Bases[0].Tables, " ") + " | " + strings.Join(p.Bases[1].Tables, " ") + " | " + strings.Join(p.Bases[2].Tables, " "); got != "a gone | b d | c nokey" {
				t.Errorf("the picks: %s\n%s", got, o)
			}
			lifeboat(t, with("restore", "--target", to.DSN(), "--into", "picked", "--verify")...).want(t, 0, "DONE", "THE SAME", "the base was read from reader@unix(")
			s.equal(t, "kept2", to, "picked")

			// A saved plan names what was read from the server, which stays for it.
			saved := filepath.Join(t.TempDir(), "plan.json")
			lifeboat(t, with("plan", "--snapshot", "c="+s.old, "--into", "saved", "-o", saved)...).want(t, 1, "has no such table")
			lifeboat(t, with("plan", "--snapshot", "nokey="+server, "--into", "saved", "-o", saved)...).want(t, 0)
			lifeboat(t, "restore", "--plan", saved, "--binlogs", s.binlogs(), "--target", to.DSN(), "--progress", "none").want(t, 0, "DONE")
			s.equal(t, "kept2", to, "saved")
			left, err := filepath.Glob(filepath.Join(os.TempDir(), "lifeboat-base-*"))
			if err != nil || len(left) != 1 {
				t.Errorf("what the plan names: %v, %v", left, err)
			}
		})
	}
}

// last is the GTID of the last transaction.
func (s *twoBackups) last(t *testing.T) string {
	t.Helper()
	query := "SELECT @@gtid_binlog_pos"
	if !testserver.IsMariaDB(s.kind) {
		query = "SELECT CONCAT(@@server_uuid, ':', SUBSTRING_INDEX(@@global.gtid_executed, '-', -1))"
	}
	var gtid string
	if err := s.db.QueryRow(query).Scan(&gtid); err != nil {
		t.Fatal(err)
	}
	return gtid
}
