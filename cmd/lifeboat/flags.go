package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/internal/disk"
	"lifeboat/internal/report"
	"lifeboat/internal/target"
	"lifeboat/internal/ui"
	"lifeboat/snapshot"
)

// envName is the environment variable of a flag.
func envName(flag string) []string {
	return []string{"LIFEBOAT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

func stringFlag(name, value, usage string) *cli.StringFlag {
	return &cli.StringFlag{Name: name, Value: value, Usage: usage, EnvVars: envName(name)}
}

func listFlag(name, usage string) *cli.StringSliceFlag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, EnvVars: envName(name)}
}

func boolFlag(name, usage string) *cli.BoolFlag {
	return &cli.BoolFlag{Name: name, Usage: usage, EnvVars: envName(name)}
}

// list reads a repeatable flag. Its environment variable holds one value a line.
func list(c *cli.Context, name string) (out []string) {
	for _, v := range c.StringSlice(name) {
		for line := range strings.SplitSeq(v, "\n") {
			if line != "" {
				out = append(out, line)
			}
		}
	}
	return out
}

// source is what is read, and which part of it is wanted.
type source struct {
	binlogs  []string
	snapshot string      // the paths of several with commas between
	bases    []namedBase // where there are several
	position string      // of the snapshot
	scope    filter.Scope
	live     []*liveBase // those of snapshot or bases that are servers
	keepLive bool        // what was read from them is needed to go on
}

func sourceFlags() []cli.Flag {
	return []cli.Flag{
		listFlag("binlogs", "a copy of the binlog archive: a folder or a file `PATH`; repeatable"),
		listFlag("snapshot", "the full backup `PATH`: a dump file (plain, .gz, .zst) or folder; or a server that holds it, mysql://user@host:3306/; repeatable: each table is taken from the newest that fits, or from the one that TABLE=PATH names"),
		stringFlag("snapshot-position", "auto", "where in the log the backup was taken: auto, unknown, FILE:POS, a GTID set, or the folder of a physical backup `PLACE`"),
		stringFlag("database", "", "the database `NAME`"),
		listFlag("table", "only this table `NAME`; repeatable"),
		listFlag("exclude-table", "leave this table out `NAME`; repeatable"),
		durationFlag("read-timeout", disk.Patience, "`TIME` without an answer from the disk that binlogs or backup are on, until it is given up"),
	}
}

func readSource(c *cli.Context) (source, error) {
	s := source{
		binlogs: list(c, "binlogs"), position: c.String("snapshot-position"),
		scope: filter.Scope{Database: c.String("database"), Tables: list(c, "table"), Exclude: list(c, "exclude-table")},
	}
	if c.Duration("read-timeout") <= 0 {
		return s, usagef("--read-timeout: a time greater than 0, such as 30s or 5m")
	}
	c.Context = disk.Within(c.Context, c.Duration("read-timeout"))
	if len(s.binlogs) == 0 {
		return s, usagef("name the binlogs: --binlogs PATH")
	}
	if err := s.readSnapshots(list(c, "snapshot")); err != nil {
		return s, err
	}
	if err := s.readLive(c); err != nil {
		return s, err
	}
	if filter.System(s.scope.Database) {
		return s, usagef("%s is the server's own database, which lifeboat does not restore", s.scope.Database)
	}
	if info, err := os.Stat(s.position); err == nil && info.IsDir() {
		at, err := snapshot.PhysicalPosition(s.position)
		if err != nil {
			return s, fmt.Errorf("--snapshot-position: %w", err)
		}
		s.position = at.String()
	}
	switch s.position {
	case "auto", "unknown":
	default:
		if _, err := binlog.ParsePosition(s.position); err != nil {
			if _, err := gtid.ParseSet(s.position); err != nil {
				return s, usagef("--snapshot-position %q: write auto, unknown, FILE:POS or a GTID set", s.position)
			}
		}
	}
	return s, nil
}

// bounds is where a restore ends and what it leaves out.
type bounds struct {
	stop filter.Stop
	skip []string
}

func boundFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("stop-before", "", "end before this `PLACE`: incident:ID, FILE:POS, a GTID or a time (UTC unless it has a zone)"),
		stringFlag("stop-after", "", "end after this `PLACE`, or at the end of the log: end"),
		listFlag("skip", "leave these transactions out: a GTID set (MariaDB: GTIDs, each for one transaction) or incident:ID `WHAT`; repeatable"),
		stringFlag("into", "", "restore under this other `NAME`"),
		stringFlag("definer", "", "make views and programs whose DEFINER the target lacks (in a dump: all) with this `ACCOUNT` instead: USER@HOST or CURRENT_USER"),
		boolFlag("base-loaded", "the target already holds the backup's rows: apply only the log"),
		boolFlag("drop-existing", "drop the database on the target first if it exists"),
		boolFlag("allow-incomplete", "go on where part of the log cannot be restored, and exit with 3"),
		boolFlag("partial-tables", "of a table that neither backup nor log made, make NAME__lifeboat_partial of the rows that the log shows"),
	}
}

func readBounds(c *cli.Context) (b bounds, err error) {
	before, after := c.String("stop-before"), c.String("stop-after")
	flag, spec := "--stop-before", before
	switch {
	case before != "" && after != "":
		return b, usagef("give one of --stop-before and --stop-after")
	case before == "end":
		return b, usagef("to read to the end write --stop-after end")
	case after != "":
		flag, spec = "--stop-after", after
	}
	if spec != "" {
		p, err := filter.ParsePoint(spec)
		if err != nil {
			return b, usagef("%s: %w", flag, err)
		}
		b.stop = filter.Stop{Point: p, After: after != "", Given: true}
	}
	b.skip = list(c, "skip")
	for _, s := range b.skip {
		if id, ok := strings.CutPrefix(s, "incident:"); ok && id != "" {
			continue
		}
		if set, err := gtid.ParseSet(s); err != nil || set.IsEmpty() {
			return b, usagef("--skip %q: write incident:ID or a GTID set", s)
		}
	}
	return b, nil
}

// effort is what the work may take of the machine.
type effort struct {
	workers int
	memory  int64 // bytes of the process
}

const (
	leastWorkers, mostWorkers = 4, 16
	leastMemory               = 16 << 20
	// besideFold is what a process takes that reads ahead, loads rows over some sessions and holds a full fold, in bytes.
	besideFold = 96 << 20
)

// fold is the fold's share of the memory: all but what goes beside it, or half of a small one.
func (e effort) fold() int64 { return e.memory - min(e.memory/2, besideFold) }

// bound has the heap collected as often as it takes to keep the process within its memory, or within what a small one's fold and all beside it take, until
// the work is done. Without it garbage may take as much again as what is in use. A lower GOMEMLIMIT stands.
func (e effort) bound() (done func()) {
	before := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(e.fold()+besideFold, before))
	return func() { debug.SetMemoryLimit(before) }
}

func effortFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "workers", Usage: "connections that work at the same time `N` (default: one for each core, 4 to 16)", EnvVars: envName("workers"), DefaultText: "cores"},
		stringFlag("memory", "512MiB", "memory of the process `SIZE`"),
	}
}

func readEffort(c *cli.Context) (e effort, err error) {
	e.workers = c.Int("workers")
	if !c.IsSet("workers") {
		e.workers = min(max(runtime.GOMAXPROCS(0), leastWorkers), mostWorkers)
	}
	if e.workers < 1 || e.workers > 256 {
		return e, usagef("--workers %d: use 1 to 256", e.workers)
	}
	if e.memory, err = parseSize(c.String("memory")); err != nil {
		return e, usagef("--memory: %w", err)
	}
	if e.memory < leastMemory {
		return e, usagef("--memory %s: use at least 16MiB", c.String("memory"))
	}
	return e, nil
}

func durationFlag(name string, value time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Name: name, Value: value, Usage: usage, EnvVars: envName(name)}
}

// patienceFlags are how long a server is waited for.
func patienceFlags() []cli.Flag {
	return []cli.Flag{
		durationFlag("connect-timeout", 10*time.Second, "`TIME` to reach a server and log in"),
		durationFlag("network-timeout", 30*time.Second, "`TIME` without a sign of life until a server is asked, over another connection, whether it still works"),
		durationFlag("statement-timeout", 30*time.Minute, "`TIME` for one statement that writes rows; DDL has no limit while the server works on it"),
		stringFlag("tls-ca", "", "speak TLS, and verify the server's name with the certificates in this `FILE`; tls=true in the DSN takes the system's"),
	}
}

func retryFlag() cli.Flag {
	return durationFlag("retry-for", 5*time.Minute, "`TIME` to go on trying while the target is away, read-only or full and nothing gets done; 0: stop at once")
}

func readPatience(c *cli.Context) (*target.Options, error) {
	o := &target.Options{Connect: c.Duration("connect-timeout"), Silence: c.Duration("network-timeout"), Statement: c.Duration("statement-timeout"), CA: c.String("tls-ca")}
	for _, name := range []string{"connect-timeout", "network-timeout", "statement-timeout"} {
		if c.Duration(name) <= 0 {
			return nil, usagef("--%s: a time greater than 0, such as 30s or 5m", name)
		}
	}
	if c.Duration("retry-for") < 0 {
		return nil, usagef("--retry-for: a time such as 5m, or 0")
	}
	return o, nil
}

func progressFlag() cli.Flag {
	return stringFlag("progress", "auto", "how progress is shown `FORM`: auto, plain, json or none")
}

func readProgress(c *cli.Context) (ui.Mode, error) {
	m, err := ui.ParseMode(c.String("progress"))
	if err != nil {
		return m, usagef("--progress: %w", err)
	}
	return m, nil
}

// output is the form of a report, and where it goes.
type output struct {
	format string
	file   string // "": standard output
}

// forms are those that a command's report may have.
func forms(more ...string) []string { return append([]string{report.Text, report.JSON}, more...) }

func formatFlag(value string, more ...string) cli.Flag {
	return stringFlag("format", value, "the report's `FORM`: "+anyOf(forms(more...)))
}

// anyOf writes "a, b or c".
func anyOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func fileFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the report to this `FILE`", EnvVars: envName("output")}
}

// readOutput reads both. A command that knows further forms than text and JSON names them.
func readOutput(c *cli.Context, more ...string) (output, error) {
	o := output{format: c.String("format"), file: c.String("output")}
	if !slices.Contains(forms(more...), o.format) {
		return o, usagef("--format %q: use %s", o.format, anyOf(forms(more...)))
	}
	return o, nil
}

// reportFile finds what would keep the report from being written, before anything is read for it.
func (o *output) reportFile(e *env) error {
	if o.file == "" {
		if o.format == report.HTML && e.stdoutTerminal {
			return usagef("--format html is a page for a browser: write it to a file with -o report.html")
		}
		return nil
	}
	if info, err := os.Stat(o.file); err == nil && info.IsDir() {
		return usagef("--output %s is a folder: name a file", o.file)
	}
	if _, err := os.Stat(filepath.Dir(o.file)); err != nil {
		return usagef("--output: %w", err)
	}
	return nil
}

func flags(groups ...[]cli.Flag) []cli.Flag { return slices.Concat(groups...) }
