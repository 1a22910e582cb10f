package scratch_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

// eachKind runs the kinds side by side: most of the time is servers waiting for themselves.
func eachKind(t *testing.T, test func(t *testing.T, kind string)) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func text(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	var value string
	if err := db.QueryRow(query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func absent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s should be gone: %v", path, err)
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		t.Errorf("left behind: %s", filepath.Join(dir, entry.Name()))
	}
}

func TestStopKillRestart(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		begun := time.Now()
		s := testserver.Start(t, kind)
		t.Logf("up in %v: %v %s", time.Since(begun).Round(time.Millisecond), s.Family(), s.Version())
		db := testserver.Open(t, s)
		exec(t, db, "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO d.t VALUES (1)")

		if err := s.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if alive(s.PID()) {
			t.Error("it still runs after Stop")
		}
		if err := s.Restart(context.Background()); err != nil {
			t.Fatal(err)
		}
		exec(t, db, "INSERT INTO d.t VALUES (2)")
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := s.Explain(errors.New("bad connection")); !strings.Contains(err.Error(), "ended while it was in use") || !strings.Contains(err.Error(), s.LogFile()) {
			t.Errorf("%v", err)
		}
		if err := s.Restart(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := text(t, db, "SELECT GROUP_CONCAT(a ORDER BY a) FROM d.t"); got != "1,2" {
			t.Errorf("rows %s after a crash, want 1,2", got)
		}
		pid := s.PID()
		if err := s.Restart(context.Background()); err != nil || s.PID() == pid {
			t.Errorf("Restart of a running server: %v, process %d after %d", err, s.PID(), pid)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		if alive(s.PID()) {
			t.Error("it still runs after Close")
		}
		empty(t, filepath.Dir(s.Folder()))
		if err := s.Restart(context.Background()); !errors.Is(err, scratch.ErrClosed) {
			t.Errorf("Restart after Close: %v", err)
		}
	})
}

func TestSettings(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		o := testserver.Options(t, kind)
		o.Args = []string{"--lower-case-table-names=1"}
		o.BufferPool = 256 << 20
		s, err := scratch.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		db := testserver.Open(t, s)
		for name, want := range map[string]string{
			"skip_networking": "1", "log_bin": "0", "event_scheduler": "OFF", "innodb_flush_log_at_trx_commit": "2",
			"sync_binlog": "0", "innodb_doublewrite": "0", "innodb_buffer_pool_size": "268435456", "local_infile": "1",
			"lower_case_table_names": "1", "innodb_flush_method": "nosync", "max_allowed_packet": "1073741824",
		} {
			got := text(t, db, "SELECT @@"+name)
			if got == "OFF" && want == "0" {
				got = "0"
			}
			if got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		if redo := map[string]string{testserver.MySQL97: "innodb_redo_log_capacity", testserver.MariaDB1011: "innodb_log_file_size"}[kind]; redo != "" {
			if got := text(t, db, "SELECT @@"+redo); got != "134217728" {
				t.Errorf("%s is %s, want half the buffer pool", redo, got)
			}
		}
		exec(t, db, "CREATE DATABASE Abc")
		if got := text(t, db, "SELECT schema_name FROM information_schema.schemata WHERE schema_name='abc'"); got != "abc" {
			t.Errorf("lower_case_table_names has no effect: %s", got)
		}
	})
}

func TestWithoutTemplate(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		o := testserver.Options(t, kind)
		o.TemplateDir = ""
		begun := time.Now()
		s, err := scratch.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("up in %v", time.Since(begun).Round(time.Millisecond))
		if got := text(t, testserver.Open(t, s), "SELECT CURRENT_USER()"); got != "root@localhost" {
			t.Error(got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		empty(t, o.Dir)
	})
}

func TestTemplateIsMadeOnceAndSharesNoIdentity(t *testing.T) {
	o := testserver.Options(t, testserver.MySQL97)
	o.TemplateDir = filepath.Join(t.TempDir(), "templates")
	var wg sync.WaitGroup
	ids := make([]string, 3)
	for i := range ids {
		wg.Go(func() {
			s, err := scratch.Start(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = text(t, testserver.Open(t, s), "SELECT @@server_uuid")
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if ids[0] == "" || ids[0] == ids[1] || ids[1] == ids[2] || ids[0] == ids[2] {
		t.Errorf("server UUIDs %q", ids)
	}
	empty(t, o.Dir)
	if made, err := filepath.Glob(filepath.Join(o.TemplateDir, "*")); err != nil || len(made) != 2 {
		t.Errorf("%q %v, want one template and its lock", made, err)
	}
}

func TestContextEndsTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := testserver.Options(t, testserver.MariaDB1011)
	s, err := scratch.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-s.Done()
	if err := s.Close(); err != nil { // waits for the end of the cleaning
		t.Error(err)
	}
	empty(t, o.Dir)
}

func TestInterruptedStart(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		for _, step := range []struct{ name, file string }{
			{"while the data folder is made", "server.log"},
			{"while it starts", "server.pid"},
		} {
			t.Run(kind+" "+step.name, func(t *testing.T) {
				o := testserver.Options(t, kind)
				if step.file == "server.log" {
					o.TemplateDir = ""
				}
				ctx, cancel := context.WithCancelCause(context.Background())
				go func() {
					for ctx.Err() == nil {
						if found, err := filepath.Glob(filepath.Join(o.Dir, "*", step.file)); err != nil || len(found) > 0 {
							cancel(errors.New("Ctrl-C"))
						}
						time.Sleep(time.Millisecond)
					}
				}()
				s, err := scratch.Start(ctx, o)
				if err == nil { // the last step may win the race; the context still ends the server
					<-s.Done()
					err = s.Close()
					if err != nil {
						t.Error(err)
					}
				} else if !strings.Contains(err.Error(), "Ctrl-C") {
					t.Error(err)
				}
				empty(t, o.Dir)
			})
		}
	}
}

func TestLongAndOddPaths(t *testing.T) {
	for name, sub := range map[string]string{"long": strings.Repeat("abcdefghi/", 12), "odd": "a (b) @c?d=é"} {
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, kind string) {
				o := testserver.Options(t, kind)
				o.Dir = filepath.Join(o.Dir, sub)
				if err := os.MkdirAll(o.Dir, 0o700); err != nil {
					t.Fatal(err)
				}
				s, err := scratch.Start(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(s.Socket(), o.Dir) {
					t.Errorf("socket %s", s.Socket())
				}
				text(t, testserver.Open(t, s), "SELECT 1")
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				absent(t, filepath.Dir(s.Socket()))
				empty(t, o.Dir)
			})
		})
	}
}

func TestRefusedOption(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		o := testserver.Options(t, kind, "--no-such-option=1")
		_, err := scratch.Start(t.Context(), o)
		if err == nil {
			t.Fatal("it started")
		}
		for _, want := range []string{"did not start", "unknown", "no-such-option=1", o.Binary} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in: %v", want, err)
			}
		}
		logs, _ := filepath.Glob(filepath.Join(o.Dir, "*", "server.log"))
		if len(logs) != 1 || !strings.Contains(err.Error(), logs[0]) {
			t.Errorf("the log %q is not named in: %v", logs, err)
		}
		data, _ := filepath.Glob(filepath.Join(o.Dir, "*", "data"))
		if len(data) > 0 {
			t.Errorf("left behind: %q", data)
		}
	})
}

func TestExplainLeavesOtherErrorsAlone(t *testing.T) {
	s := testserver.Start(t, testserver.MariaDB1011)
	_, err := testserver.Open(t, s).Exec("SELECT * FROM nowhere.t")
	if err == nil || s.Explain(err) != err || s.Explain(nil) != nil {
		t.Errorf("%v became %v", err, s.Explain(err))
	}
}

func TestKeepAndOpen(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		o := testserver.Options(t, kind)
		o.Keep = true
		o.Args = []string{"--innodb-flush-method=nosync"} // nobody pulls the plug here, and it saves seconds
		s, err := scratch.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		db := testserver.Open(t, s)
		if got := text(t, db, "SELECT @@innodb_doublewrite"); got != "1" && got != "ON" {
			t.Errorf("doublewrite %s in a folder that is kept", got)
		}
		exec(t, db, "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO d.t VALUES (7)")
		if _, err := scratch.Open(t.Context(), s.Folder(), o); err == nil || !strings.Contains(err.Error(), "in use by another lifeboat") {
			t.Errorf("opened twice: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := scratch.Open(t.Context(), s.Folder(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if got := text(t, testserver.Open(t, again), "SELECT a FROM d.t"); got != "7" {
			t.Error(got)
		}
	})
	if _, err := scratch.Open(t.Context(), t.TempDir(), scratch.Options{Binary: testserver.Server(t, testserver.MySQL97)}); err == nil {
		t.Error("opened a folder of another kind")
	}
}

func TestFind(t *testing.T) {
	for kind, want := range map[string]scratch.Family{testserver.MySQL97: scratch.MySQL, testserver.MariaDB1011: scratch.MariaDB, testserver.MySQL56: scratch.MySQL} {
		path := testserver.Server(t, kind)
		for _, explicit := range []string{path, filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
			bin, err := scratch.Find(explicit)
			if err != nil || bin.Path != path || bin.Family != want || bin.Version == "" || !strings.HasPrefix(bin.BaseDir, filepath.Dir(filepath.Dir(path))) {
				t.Errorf("%s: %+v %v", explicit, bin, err)
			}
		}
		t.Setenv("PATH", filepath.Dir(path)+":"+os.Getenv("PATH"))
		if bin, err := scratch.Find(""); err != nil || bin.Path != path {
			t.Errorf("in PATH: %+v %v", bin, err)
		}
		t.Setenv("PATH", "/usr/bin:/bin")
	}
	for explicit, want := range map[string]string{"/no/such/mysqld": "LIFEBOAT_MYSQLD", t.TempDir(): "LIFEBOAT_MYSQLD", "/bin/echo": "not a MySQL or MariaDB server", "/bin/false": "does not tell its version"} {
		if bin, err := scratch.Find(explicit); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", explicit, bin, err, want)
		}
	}
}

func TestDSN(t *testing.T) {
	s := testserver.Start(t, testserver.MariaDB1011)
	if want := "root@unix(" + s.Socket() + ")/"; s.DSN() != want {
		t.Errorf("%s, want %s", s.DSN(), want)
	}
}
