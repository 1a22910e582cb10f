package scratch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Family is the line of servers that a binary belongs to.
type Family int

// The families that lifeboat can start.
const (
	MySQL Family = iota + 1
	MariaDB
)

func (f Family) String() string {
	switch f {
	case MySQL:
		return "MySQL"
	case MariaDB:
		return "MariaDB"
	}
	return fmt.Sprintf("Family(%d)", int(f))
}

// Binary is a server program found on this machine.
type Binary struct {
	Path    string
	Family  Family
	Version string // as the program says it, such as 9.7.4-2 or 10.11.18-MariaDB
	BaseDir string // the installation that it takes its files from
	share   []string
}

// ErrNoServer says that this machine has no server program that lifeboat could start.
var ErrNoServer = errors.New("no MySQL or MariaDB server program found")

var versionText = regexp.MustCompile(`\bVer (\S+)`)

// Find looks for a server program: explicit if it is not empty (a program, or a folder that holds one),
// else in PATH, else where packages put it. Each found program is run once to ask for its version.
func Find(explicit string) (Binary, error) {
	if explicit != "" {
		info, err := os.Stat(explicit)
		if err != nil {
			return Binary{}, fmt.Errorf("%w: %w; check LIFEBOAT_MYSQLD", ErrNoServer, err)
		}
		if !info.IsDir() {
			return inspect(explicit)
		}
		return firstOf(programsIn(explicit, filepath.Join(explicit, "bin"), filepath.Join(explicit, "sbin"),
			filepath.Join(explicit, "libexec")), explicit)
	}
	var paths []string
	for _, name := range programNames {
		if path, err := exec.LookPath(name); err == nil {
			paths = append(paths, path)
		}
	}
	paths = append(paths, programsIn("/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin",
		"/usr/local/libexec", "/usr/local/mysql/bin", "/opt/mysql/bin", "/opt/homebrew/bin")...)
	return firstOf(paths, "PATH and the usual folders")
}

var programNames = []string{"mysqld", "mariadbd"}

func programsIn(folders ...string) []string {
	var found []string
	for _, folder := range folders {
		for _, name := range programNames {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				found = append(found, path)
			}
		}
	}
	return found
}

func firstOf(paths []string, where string) (Binary, error) {
	var problems []error
	for _, path := range paths {
		bin, err := inspect(path)
		if err == nil {
			return bin, nil
		}
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return Binary{}, fmt.Errorf("%w that works: %w", ErrNoServer, errors.Join(problems...))
	}
	return Binary{}, fmt.Errorf("%w in %s: set LIFEBOAT_MYSQLD to the path of a mysqld or mariadbd", ErrNoServer, where)
}

// inspect asks the program what it is.
func inspect(path string) (Binary, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Binary{}, err
	}
	out, err := ask(path, "--no-defaults", "--version")
	if err != nil {
		return Binary{}, fmt.Errorf("%s does not tell its version: %w", path, err)
	}
	m := versionText.FindSubmatch(out)
	if m == nil {
		return Binary{}, fmt.Errorf("%s is not a MySQL or MariaDB server: --version printed %q", path, bytes.TrimSpace(out))
	}
	bin := Binary{Path: path, Family: MySQL, Version: string(m[1])}
	if bytes.Contains(out, []byte("MariaDB")) {
		bin.Family = MariaDB
	}
	if _, err := number(bin.Version); err != nil {
		return Binary{}, fmt.Errorf("%s: %w", path, err)
	}
	// --help makes the program print its settings and exit; it needs no data folder.
	out, err = ask(path, append([]string{"--no-defaults"}, append(asUser(), "--verbose", "--help")...)...)
	if err != nil {
		return Binary{}, fmt.Errorf("%s does not tell its settings: %w", path, err)
	}
	settings := settingsIn(out)
	bin.BaseDir = settings["basedir"]
	if bin.BaseDir == "" {
		bin.BaseDir = filepath.Dir(filepath.Dir(path))
	}
	bin.share = []string{settings["lc-messages-dir"]}
	for _, sub := range []string{"share/mysql", "share/mariadb", "share"} {
		bin.share = append(bin.share, filepath.Join(bin.BaseDir, sub))
	}
	return bin, nil
}

func ask(path string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && stderr.Len() > 0 {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return out, err
}

// settingsIn reads the table of names and values at the end of what --verbose --help prints.
func settingsIn(help []byte) map[string]string {
	settings := map[string]string{}
	table := false
	for lines := bufio.NewScanner(bytes.NewReader(help)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "-----") {
			table = true
			continue
		}
		if name, value, ok := strings.Cut(line, " "); table && ok {
			settings[name] = strings.TrimSpace(value)
		}
	}
	return settings
}

// number is the version as MySQL writes it in numbers: 50624, 90704, 101118.
func number(version string) (int, error) {
	m := regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)`).FindStringSubmatch(version)
	if m == nil {
		return 0, fmt.Errorf("version %q is not of the form 1.2.3", version)
	}
	n := 0
	for _, part := range m[1:] {
		v, err := strconv.Atoi(part)
		if err != nil {
			return 0, fmt.Errorf("version %q: %w", version, err)
		}
		n = n*100 + v
	}
	return n, nil
}

// asUser is the option without which a server refuses to run for root.
func asUser() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}
