package scratch

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOptionName(t *testing.T) {
	for arg, want := range map[string]string{
		"--log-bin":                  "log-bin",
		"--log_bin=binlog":           "log-bin",
		"--skip-log-bin":             "log-bin",
		"--loose-skip-log-bin":       "log-bin",
		"--log-bin-index=x":          "log-bin-index",
		"--lower_case_table_names=1": "lower-case-table-names",
	} {
		if got := optionName(arg); got != want {
			t.Errorf("%s: %s, want %s", arg, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for version, want := range map[string]int{"9.7.4-2": 90704, "5.6.24": 50624, "10.11.18-MariaDB-0+deb12u1": 101118, "8.0.36-log": 80036} {
		if got, err := number(version); err != nil || got != want {
			t.Errorf("%s: %d %v, want %d", version, got, err, want)
		}
	}
	for _, version := range []string{"", "9", "9.7", "x.1.2"} {
		if n, err := number(version); err == nil {
			t.Errorf("%q: %d, want an error", version, n)
		}
	}
}

func TestSettings(t *testing.T) {
	help := "x  Ver 9\n  --basedir=name  Path to\nVariables (--variable-name=value)\nand boolean options\n---------------- ------\nbasedir      /opt/a b/\nport         0\n\nTo see more\n"
	got := settingsIn([]byte(help))
	if got["basedir"] != "/opt/a b/" || got["port"] != "0" || got["--basedir=name"] != "" {
		t.Errorf("%v", got)
	}
}

func TestBufferPool(t *testing.T) {
	for memory, want := range map[int64]int64{0: 512 << 20, 128 << 20: 64 << 20, 4 << 30: 1 << 30, 64 << 30: 2 << 30} {
		if got := bufferPool(memory); got != want {
			t.Errorf("%d: %d, want %d", memory, got, want)
		}
	}
	if memory() < 64<<20 && memory() != 0 {
		t.Errorf("this machine has %d bytes of memory?", memory())
	}
}

func TestGist(t *testing.T) {
	many := strings.Repeat("2026 [ERROR] one\n", 50) + "2026 [ERROR] [MY-010119] [Server] Aborting\n2026 [Note] bye\n"
	for _, c := range []struct{ log, want string }{
		{"", ""},
		{"a\nb\n", "a\n    b"},
		{"a [Note] x\n2026 0 [ERROR] no room\nb [Note] end\n", "2026 0 [ERROR] no room"},
		{many, strings.TrimSuffix(strings.Repeat("2026 [ERROR] one\n    ", logLines), "\n    ")},
		{"bad \xff byte\n", "bad ? byte"},
		{strings.Repeat("z", 1000), strings.Repeat("z", 400) + "…"},
	} {
		if got := gist([]byte(c.log)); got != c.want {
			t.Errorf("%.40q:\n got %q\nwant %q", c.log, got, c.want)
		}
	}
}

func TestSweepTakesOnlyWhatIsAbandoned(t *testing.T) {
	parent := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	held, err := newFolder(parent, false)
	must(err)
	left, err := newFolder(parent, false)
	must(err)
	must(left.unlock())
	kept, err := newFolder(parent, true)
	must(err)
	must(kept.unlock())
	torn, err := newFolder(parent, false)
	must(err)
	must(os.WriteFile(filepath.Join(torn.path, stateName), []byte(`{"pid"`), 0o600))
	must(torn.unlock())
	foreign := filepath.Join(parent, prefix+"foreign") // no lock file: not made by newFolder
	must(os.Mkdir(foreign, 0o700))
	other := filepath.Join(parent, "other")
	must(os.Mkdir(other, 0o700))
	must(os.WriteFile(filepath.Join(other, lockName), nil, 0o600))
	must(os.Symlink(other, filepath.Join(parent, prefix+"link")))
	young, old := filepath.Join(parent, prefix+"1"+unfinished), filepath.Join(parent, prefix+"2"+unfinished)
	for _, dir := range []string{young, old} {
		must(os.Mkdir(dir, 0o700))
		must(os.WriteFile(filepath.Join(dir, lockName), nil, 0o600))
	}
	hourAgo := time.Now().Add(-time.Hour)
	must(os.Chtimes(old, hourAgo, hourAgo))

	sweep(parent, slog.New(slog.DiscardHandler))

	for path, want := range map[string]bool{held.path: true, left.path: false, kept.path: true, torn.path: false,
		foreign: true, other: true, young: true, old: false} {
		if _, err := os.Lstat(path); (err == nil) != want {
			t.Errorf("%s: there %v, want %v", filepath.Base(path), err == nil, want)
		}
	}
	if _, err := openFolder(held.path); !errors.Is(err, errInUse) {
		t.Errorf("opening a folder in use: %v", err)
	}
	must(held.release())
	if _, err := os.Lstat(held.path); err == nil {
		t.Error("released, but still there")
	}
}
