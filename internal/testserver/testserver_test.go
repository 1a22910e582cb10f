package testserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSourceWritesRowBinlogs(t *testing.T) {
	for _, kind := range AllKinds() {
		t.Run(kind, func(t *testing.T) {
			s := Source(t, kind, append(GTID(kind), "--max-binlog-size=4096")...)
			db := Open(t, s)
			if _, err := db.Exec("CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY, b TEXT); INSERT INTO d.t VALUES (1,'x')"); err != nil {
				t.Fatal(err)
			}
			for i := range 4 {
				if _, err := db.Exec("INSERT INTO d.t VALUES (?,REPEAT('y',3000))", i+2); err != nil {
					t.Fatal(err)
				}
			}
			for _, file := range []string{"binlog.000001", "binlog.000002", "binlog.000003"} {
				if _, err := os.Stat(filepath.Join(s.DataDir(), file)); err != nil {
					t.Error(err)
				}
			}
			out, err := exec.Command(Bin(t, kind, "mysqlbinlog"), "--no-defaults", "-v", filepath.Join(s.DataDir(), "binlog.000001")).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "### INSERT INTO `d`.`t`") || !strings.Contains(string(out), "GTID") {
				t.Errorf("mysqlbinlog: %v\n%s", err, out)
			}
			dump := exec.Command(Bin(t, kind, "mysqldump"), "--no-defaults", "-uroot", "-S", s.Socket(), "--single-transaction", "d")
			out, err = dump.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "INSERT INTO `t` VALUES") {
				t.Errorf("mysqldump: %v\n%s", err, out)
			}
			out, err = exec.Command(Bin(t, kind, "mysql"), "--no-defaults", "-uroot", "-S", s.Socket(), "-N", "-e", "SELECT COUNT(*) FROM d.t").CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "5" {
				t.Errorf("mysql: %v %q", err, out)
			}
		})
	}
}

func TestSysbench(t *testing.T) {
	for _, kind := range AllKinds() {
		t.Run(kind, func(t *testing.T) {
			s := Start(t, kind)
			if _, err := Open(t, s).Exec("CREATE DATABASE sbtest"); err != nil {
				t.Fatal(err)
			}
			for _, step := range [][]string{{"prepare"}, {"--events=20", "--time=0", "run"}} {
				args := append([]string{"oltp_write_only", "--mysql-socket=" + s.Socket(), "--mysql-user=root", "--tables=1", "--table-size=100", "--rand-type=pareto"}, step...)
				if out, err := exec.Command(Tool(t, "sysbench"), args...).CombinedOutput(); err != nil {
					t.Fatalf("sysbench %v: %v\n%s", step, err, out)
				}
			}
		})
	}
}
