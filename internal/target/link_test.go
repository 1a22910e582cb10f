package target_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
)

// quick are limits that a test can wait for. They only say when something is given up, so a slow machine cannot fail a test
// that they pass.
func quick() *target.Options {
	return &target.Options{Connect: 10 * time.Second, Silence: 400 * time.Millisecond, Statement: time.Minute}
}

// enough is far more than any of these faults may take to be noticed, and far less than a system's own limits.
const enough = 50 * time.Second

func servers(t *testing.T, test func(t *testing.T, p *testserver.Proxy, direct string)) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		t.Run(kind, func(t *testing.T) {
			s := testserver.Start(t, kind, "--loose-innodb-lock-wait-timeout=50")
			test(t, testserver.NewProxy(t, s.Socket()), s.DSN())
		})
	}
}

// TestSilence loses a session's traffic without telling anyone: each fault is noticed in time, and named.
func TestSilence(t *testing.T) {
	servers(t, func(t *testing.T, p *testserver.Proxy, _ string) {
		for _, f := range []testserver.Fault{testserver.CutBefore, testserver.CutAfter, testserver.Stall, testserver.Silence} {
			t.Run(f.String(), func(t *testing.T) {
				p.Arm(testserver.NoFault, 0, false)
				srv, err := target.Open(t.Context(), p.DSN(), quick())
				if err != nil {
					t.Fatal(err)
				}
				defer srv.Close()
				c, err := srv.Conn(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				p.Arm(f, 0, false)
				start := time.Now()
				err = c.Exec(t.Context(), "DO 1")
				if !errors.Is(err, target.ErrUnreached) || !target.Transient(err) {
					t.Errorf("it says %v", err)
				}
				if took := time.Since(start); took > enough {
					t.Errorf("it took %v", took)
				}
				t.Logf("after %v: %v", time.Since(start).Round(time.Millisecond), err)
			})
		}
	})
}

// TestLongStatement runs statements that are silent for much longer than the limit of silence: none is cut, unless it is one of rows and
// has a limit of its own.
func TestLongStatement(t *testing.T) {
	servers(t, func(t *testing.T, p *testserver.Proxy, _ string) {
		o := quick()
		o.Statement = 2 * time.Second
		srv, err := target.Open(t.Context(), p.DSN(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		c, err := srv.Conn(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { c.Close() }()
		if err := c.Run(t.Context(), "", []byte("DO SLEEP(3)"), nil); err != nil {
			t.Errorf("a long statement was cut: %v", err)
		}
		start := time.Now()
		_, err = c.ExecBytes(t.Context(), []byte("DO SLEEP(60)"))
		if took := time.Since(start); !errors.Is(err, target.ErrUnreached) || !strings.Contains(err.Error(), "within 2s") || took > enough {
			t.Errorf("after %v: %v", took, err)
		}
		// An interrupt is heard while the server is being asked, too.
		c.Close()
		if c, err = srv.Conn(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if err := c.Run(ctx, "", []byte("DO SLEEP(60)"), nil); err == nil || time.Since(start) > enough {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestNeverAnswers meets a server that takes connections and says nothing.
func TestNeverAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := quick()
	o.Connect = 500 * time.Millisecond
	start := time.Now()
	_, err = target.Open(t.Context(), "root:planted-secret@tcp("+l.Addr().String()+")/", o)
	if !errors.Is(err, target.ErrUnreached) || time.Since(start) > enough {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if strings.Contains(err.Error(), "planted-secret") {
		t.Errorf("the password is in %v", err)
	}
}

// TestOddServer sets what a server gives each session by default to what would spoil a restore.
func TestOddServer(t *testing.T) {
	servers(t, func(t *testing.T, p *testserver.Proxy, direct string) {
		admin, err := target.Open(t.Context(), direct, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		a, err := admin.Conn(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		for _, q := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, at TIMESTAMP NULL)",
			"SET GLOBAL sql_mode='ANSI,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES'", "SET GLOBAL time_zone='-11:00'", "SET GLOBAL autocommit=0",
			"SET GLOBAL completion_type=2", "SET GLOBAL wait_timeout=1", "SET GLOBAL TRANSACTION READ ONLY", "SET GLOBAL sql_select_limit=1", "SET GLOBAL sql_safe_updates=1"} {
			if err := a.Exec(t.Context(), q); err != nil {
				t.Logf("%s: %v", q, err) // not every server has every one
			}
		}
		srv, err := target.Open(t.Context(), p.DSN(), quick())
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		c, err := srv.Conn(t.Context(), "d")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.ExecRows(t.Context(), []byte("INSERT INTO t VALUES (1,'1970-01-01 00:00:01'),(2,NULL)"), 0); err != nil {
			t.Fatal(err)
		}
		var n, at int64
		if err := a.Row(t.Context(), "SELECT COUNT(*), MAX(UNIX_TIMESTAMP(at)) FROM d.t", &n, &at); err != nil || n != 2 || at != 1 {
			t.Errorf("%d rows, the time is %d: %v", n, at, err)
		}
		def, err := srv.Table(t.Context(), "d", "t")
		if err != nil || len(def.Columns) != 2 {
			t.Errorf("%v, %v", def, err)
		}
		if text, err := srv.ShowCreate(t.Context(), "d", "t"); err != nil || !strings.Contains(text, "`id`") {
			t.Errorf("%s, %v", text, err)
		}
	})
}

// TestContextEnds ends contexts at two thousand moments of a session's life: it is never the connection's fault.
func TestContextEnds(t *testing.T) {
	servers(t, func(t *testing.T, _ *testserver.Proxy, direct string) {
		srv, err := target.Open(t.Context(), direct, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		ask := func(ctx context.Context) error {
			c, err := srv.Conn(ctx, "mysql") // it asks a dozen times itself
			if err != nil {
				return err
			}
			defer c.Close()
			return c.Exec(ctx, "DO 1")
		}
		start := time.Now()
		if err := ask(t.Context()); err != nil {
			t.Fatal(err)
		}
		took := time.Since(start)
		const moments = 2000
		ended := 0
		for n := range moments {
			ctx, cancel := context.WithCancel(t.Context())
			timer := time.AfterFunc(took*time.Duration(n)/moments, cancel)
			err := ask(ctx)
			timer.Stop()
			cancel()
			switch {
			case errors.Is(err, context.Canceled):
				ended++
			case err != nil:
				t.Fatalf("moment %d: %v", n, err)
			}
		}
		if ended == 0 {
			t.Error("no context ended in time")
		}
		t.Logf("%d of %d ended", ended, moments)
	})
}

// TestNoGoroutineStays opens, breaks and closes sessions, and counts what is left.
func TestNoGoroutineStays(t *testing.T) {
	s := testserver.Start(t, testserver.MariaDB1011)
	before := runtime.NumGoroutine()
	func() {
		p := testserver.NewProxy(t, s.Socket())
		defer p.Close()
		for _, f := range []testserver.Fault{testserver.NoFault, testserver.CutBefore, testserver.CutAfter, testserver.Stall, testserver.Silence} {
			p.Arm(testserver.NoFault, 0, false)
			srv, err := target.Open(t.Context(), p.DSN(), quick())
			if err != nil {
				t.Fatal(err)
			}
			c, err := srv.Conn(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			p.Arm(f, 0, false)
			if err := c.Exec(t.Context(), "DO 1"); (err == nil) != (f == testserver.NoFault) {
				t.Errorf("%s: %v", f, err)
			}
			c.Close()
			srv.Close()
		}
	}()
	for end := time.Now().Add(enough); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			buf := make([]byte, 64<<10)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}
