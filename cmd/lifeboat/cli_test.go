package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/replay"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
	"lifeboat/verify"
)

func TestUsageErrors(t *testing.T) {
	good := []string{"restore", "--binlogs", "x", "--database", "d", "--target", "root@unix(/s)/"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"frobnicate"}, `no command "frobnicate"`},
		{[]string{"help", "frobnicate"}, `no command "frobnicate"`},
		{[]string{"--frob"}, "no flag --frob"},
		{[]string{"audit"}, "--binlogs PATH"},
		{[]string{"audit", "--binlog", "x"}, "did you mean --binlogs"},
		{[]string{"audit", "--binlogs"}, "binlogs"},
		{[]string{"audit", "--binlogs", "x", "y"}, `"y"`},
		{[]string{"audit", "--binlogs", "x", "--format", "xml"}, "text, json or html"},
		{[]string{"plan", "--binlogs", "x", "--database", "d", "--format", "html"}, "text or json"},
		{[]string{"audit", "--binlogs", "x", "-o", "/"}, "is a folder"},
		{[]string{"audit", "--binlogs", "x", "-o", "/no/such/folder/report.html"}, "no such file"},
		{[]string{"audit", "--binlogs", "x", "--progress", "loud"}, "--progress"},
		{[]string{"audit", "--binlogs", "x", "--snapshot-position", "yesterday"}, "--snapshot-position"},
		{[]string{"audit", "--binlogs", "x", "--database", "mysql"}, "server's own"},
		{[]string{"plan", "--binlogs", "x"}, "--database NAME"},
		{[]string{"restore", "--binlogs", "x", "--database", "d"}, "--target DSN, --scratch or --output DIR"},
		{append(good, "--stop-before", "tuesday"), "is not a place in a log"},
		{append(good, "--stop-before", "incident:"), "names no incident"},
		{append(good, "--stop-before", "end"), "--stop-after end"},
		{append(good, "--stop-before", "a.1:4", "--stop-after", "end"), "one of --stop-before and --stop-after"},
		{append(good, "--skip", "everything"), "--skip"},
		{append(good, "--workers", "0"), "--workers 0"},
		{append(good, "--workers", "many"), "--help lists the flags"},
		{append(good, "--memory", "lots"), "512MiB"},
		{append(good, "--memory", "1K"), "at least 16MiB"},
		{append(good, "--scratch"), "one of --target, --scratch and --output"},
		{append(good, "--hold"), "--hold is for --scratch"},
		{append(good, "--output", "dir"), "one of --target, --scratch and --output"},
		{append(good, "--into", "mysql"), "--into mysql"},
		{append(good, "--base-loaded", "--drop-existing"), "contradict"},
		{append(good, "--base-loaded", "--snapshot", "s"), "--base-loaded"},
		{[]string{"restore", "--binlogs", "x", "--database", "d", "--target", "somewhere"}, "not understood"},
		{[]string{"verify", "--target", "root@unix(/s)/"}, "--against DSN"},
		{[]string{"verify", "--target", "root@unix(/s)/", "--against", "root@unix(/s)/"}, "--database NAME"},
		{[]string{"verify", "--target", "root@unix(/s)/", "--binlogs", "x", "--against", "root@unix(/s)/"}, "not both"},
		{[]string{"verify", "--target", "root@unix(/s)/", "--binlogs", "x", "--snapshot", "s"}, "--database NAME"},
		{[]string{"verify", "--target", "root@unix(/s)/", "--binlogs", "x", "--database", "d", "--sample", "200%"}, "--sample"},
		{[]string{"verify", "--target", "root@unix(/s)/", "--against", "root@unix(/s)/", "--database", "d", "--sample", "5%"}, "--sample"},
		{[]string{"restore", "--binlogs", "x", "--database", "d", "--output", "o", "--verify"}, "--verify reads a server"},
		{[]string{"restore", "--binlogs", "x", "--database", "d", "--target", "root@unix(/s)/", "--base-loaded", "--verify"}, "--verify needs the backup"},
		{[]string{"completion"}, "bash, zsh or fish"},
		{[]string{"completion", "csh"}, "csh"},
	} {
		lifeboat(t, c.args...).oneLine(t).want(t, exitUsage, c.want)
	}
	if o := lifeboat(t).want(t, exitUsage, "COMMANDS"); o.out != "" {
		t.Errorf("help that was not asked for is on stdout:\n%s", o)
	}
	lifeboat(t, "restore", "--help").want(t, 0, "--stop-before", "LIFEBOAT_STOP_BEFORE", "incident:ID")
	lifeboat(t, "version").want(t, 0, "lifeboat v0-test\n")
	o := lifeboat(t, "restore", "--progress", "json", "--frob")
	var line map[string]any
	if err := json.Unmarshal([]byte(o.err), &line); err != nil || line["exit_code"] != float64(exitUsage) || line["type"] != "error" {
		t.Errorf("%v\n%s", err, o)
	}
}

// TestSideBySide parses command lines at the same time: under the race detector it shows whether they share anything.
func TestSideBySide(t *testing.T) {
	for _, args := range [][]string{{"restore", "--help"}, {"help", "restore"}, {"--help"}, {"completion", "fish"}, {"audit", "--frob"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			if o := lifeboat(t, args...); !strings.Contains(o.out, "--") && o.code != exitUsage {
				t.Error(o)
			}
		})
	}
}

func TestFlagsFromTheEnvironment(t *testing.T) {
	t.Setenv("LIFEBOAT_BINLOGS", "/nowhere/a\n/nowhere/b")
	t.Setenv("LIFEBOAT_PROGRESS", "none")
	lifeboat(t, "audit").oneLine(t).want(t, exitFailed, "/nowhere/a")
	lifeboat(t, "audit", "--binlogs", "/elsewhere").oneLine(t).want(t, exitFailed, "/elsewhere") // a flag wins
	t.Setenv("LIFEBOAT_WORKERS", "many")
	lifeboat(t, "plan", "--database", "d").oneLine(t).want(t, exitUsage)
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0}, {errors.New("x"), 1}, {errUsage, 64}, {errInterrupted, 130}, {errIncomplete, 3}, {verify.ErrDifferent, 12},
		{plan.ErrGap, 10}, {plan.ErrCorrupt, 11}, {plan.ErrIncidents, 1}, {replay.ErrHolds, 1},
		{&binlog.ReadError{Kind: binlog.ErrTorn}, 10}, {&binlog.ReadError{Kind: binlog.ErrCorrupt}, 11}, {binlog.ErrEncrypted, 10}, {binlog.ErrUnsupported, 10},
		{archive.ErrNoBinlogs, 10}, {archive.ErrAmbiguous, 1}, {snapshot.ErrIncomplete, 10}, {snapshot.ErrCorrupt, 11},
		{fmt.Errorf("%w in x (%w)", archive.ErrNoBinlogs, binlog.ErrCorrupt), 11}, {&reported{errArchiveGap}, 10}, {&incidentRefusal{err: plan.ErrIncidents}, 1},
	} {
		if got := exitCode(c.err); got != c.code {
			t.Errorf("%v: %d, want %d", c.err, got, c.code)
		}
		if c.err != nil {
			if got := exitCode(fmt.Errorf("in b.000001: %w", c.err)); got != c.code {
				t.Errorf("wrapped, %v: %d, want %d", c.err, got, c.code)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"16777216": 16 << 20, "512MiB": 512 << 20, "512M": 512 << 20, "512 mb": 512 << 20, "1GiB": 1 << 30, "2g": 2 << 30, "64K": 64 << 10, "7B": 7, "1T": 1 << 40,
		"": 0, "M": 0, "0": 0, "-5M": 0, "1.5G": 0, "1X": 0, "1MM": 0, "9999999999999G": 0, "MiB5": 0} {
		got, err := parseSize(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
}

// A line for a shell gives the shell the same words back.
func TestCommandLinesSurviveAShell(t *testing.T) {
	words := []string{"plain/path-1.2", "with space", "it's", `back\slash`, `"quoted"`, "$HOME", "`id`", "客户", "a;b&c|d", "*?[x]", "~", "root@unix(/run/x.sock)/", "new\nline", "!x", "#y"}
	line := newCommandLine("restore").flags("table", words).flag("empty", "").on("off", false).on("on", true).String()
	out, err := exec.Command("sh", "-c", `lifeboat() { for w; do printf '%s\0' "$w"; done; }; `+line).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"restore"}
	for _, w := range words {
		want = append(want, "--table", w)
	}
	want = append(want, "--on")
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestDefaultsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my.cnf")
	write(t, path, []byte("# x\n[mysqld]\nuser=mysql\n[client]\nuser = app\npassword=\"p#w \\\\ x\" # not this\nport=3307\n[mysql]\nhost=wrong\n[client]\nhost=db.example # ours\nloose-thing\n"))
	l, err := readDefaults(path)
	if want := (target.Login{User: "app", Password: `p#w \ x`, Port: "3307", Host: "db.example"}); err != nil || l != want {
		t.Errorf("%+v, %v, want %+v", l, err, want)
	}
	for dsn, want := range map[string]string{
		"/":                           `app:p#w \ x@tcp(db.example:3307)/`,
		"":                            `app:p#w \ x@tcp(db.example:3307)/`,
		"tcp(h:1)/":                   `app:p#w \ x@tcp(h:1)/`,
		"root@unix(/s)/":              `root:p#w \ x@unix(/s)/`,
		"root:own@unix(/a/b)/x?tls=1": `root:own@unix(/a/b)/x?tls=1`,
	} {
		got, err := l.Complete(dsn)
		if want = strings.Replace(want, "tls=1", "tls=true", 1); err != nil || strings.Replace(got, "tls=1", "tls=true", 1) != want {
			t.Errorf("%q: %q, %v, want %q", dsn, got, err, want)
		}
	}
	if got, err := (target.Login{Socket: "/run/s", Host: "localhost"}).Complete("u@/"); err != nil || got != "u@unix(/run/s)/" {
		t.Errorf("%q, %v", got, err)
	}
	write(t, path, []byte("[mysqld]\nuser=x\n"))
	if _, err := readDefaults(path); err == nil || !strings.Contains(err.Error(), "[client]") {
		t.Error(err)
	}
}

// A password that is planted in every place where one can stand turns up nowhere.
func TestPasswordsAreNeverShown(t *testing.T) {
	const secret = "hunter-2-secret"
	s := disaster(t, testserver.MySQL97)
	db := testserver.Open(t, s.server)
	if _, err := db.Exec("CREATE USER op@localhost IDENTIFIED BY '" + secret + "'; GRANT ALL ON *.* TO op@localhost"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	defaults := filepath.Join(dir, "my.cnf")
	write(t, defaults, []byte("[client]\nuser=op\npassword="+secret+"\n"))
	bare := strings.Replace(s.server.DSN(), "root@", "op@", 1)
	full := strings.Replace(s.server.DSN(), "root@", "op:"+secret+"@", 1)
	from := []string{"--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop"}
	for _, c := range []struct {
		name, env string
		args      []string
		code      int
	}{
		{"refused for incidents", "", append([]string{"restore", "--target", full, "--into", "a1"}, from...), 1},
		{"a dry run", "", append([]string{"restore", "--target", full, "--into", "a1", "--stop-before", "incident:1", "--dry-run"}, from...), 0},
		{"done", "", append([]string{"restore", "--target", full, "--into", "a1", "--stop-before", "incident:1"}, from...), 0},
		{"done, as JSON", secret, append([]string{"restore", "--target", bare, "--into", "a2", "--stop-before", "incident:1", "--format", "json", "--progress", "json"}, from...), 0},
		{"by a defaults file", "", append([]string{"restore", "--target", bare, "--defaults-file", defaults, "--into", "a3", "--stop-before", "incident:1"}, from...), 0},
		{"the database is there", secret, append([]string{"restore", "--target", bare, "--into", "a3", "--stop-before", "incident:1"}, from...), 1},
		{"wrong password", secret + "!", append([]string{"restore", "--target", bare, "--into", "a4", "--stop-before", "incident:1"}, from...), 1},
		{"a name that is none", "", append([]string{"restore", "--target", "op:" + secret + "@nowhere", "--into", "a4"}, from...), exitUsage},
		{"another name that is none", "", append([]string{"restore", "--target", "op:" + secret + "@tcp(nowhere:x:y", "--into", "a4"}, from...), exitUsage},
		{"nobody listens", "", append([]string{"restore", "--target", "op:" + secret + "@tcp(127.0.0.1:1)/", "--into", "a4"}, from...), 1},
		{"a bad option", "", append([]string{"restore", "--target", "op:" + secret + "@tcp(127.0.0.1:1)/?timeout=" + secret, "--into", "a4"}, from...), exitUsage},
		{"in place of a number", "", append([]string{"restore", "--workers", secret}, from...), exitUsage},
		{"verify", "", []string{"verify", "--target", full, "--against", full, "--database", "a1", "--against-database", "kept"}, 0},
		{"verify by a variable", secret, []string{"verify", "--target", bare, "--against", bare, "--database", "a1", "--against-database", "kept", "--format", "json"}, 0},
		{"verify with nobody", "", []string{"verify", "--target", full, "--against", "op:" + secret + "@tcp(127.0.0.1:1)/", "--database", "a1"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env != "" {
				t.Setenv("LIFEBOAT_PASSWORD", c.env)
			}
			o := lifeboat(t, c.args...).want(t, c.code)
			if strings.Contains(o.out+o.err, secret) {
				t.Errorf("stdout:\n%s\nstderr:\n%s", o.out, o.err)
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		o := lifeboat(t, "completion", shell).want(t, 0, "lifeboat")
		path, err := exec.LookPath(shell)
		if err != nil {
			continue // the script is still printed; only a shell can say more of it
		}
		script := filepath.Join(t.TempDir(), "script")
		write(t, script, []byte(o.out))
		if out, err := exec.Command(path, "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "lifeboat"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line, want := range map[string]string{"lifeboat re": "restore", "lifeboat restore --stop-b": "--stop-before"} {
		words := strings.Fields(line)
		cmd := exec.Command("bash", "-c", fmt.Sprintf(`source <(lifeboat completion bash); COMP_WORDS=(%s); COMP_CWORD=%d; _lifeboat_complete; echo "${COMPREPLY[@]}"`, line, len(words)-1))
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%q completes to %q, %v", line, out, err)
		}
	}
}
