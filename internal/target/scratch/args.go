package scratch

import (
	"fmt"
	"path/filepath"
	"strings"
)

// initOptions are those server options that have to be the same when the data folder is made.
var initOptions = []string{"lower-case-table-names", "innodb-page-size", "innodb-data-file-path", "innodb-undo-tablespaces"}

// optionName is the name in an argument: --log_bin=x and --skip-log-bin are both log-bin.
func optionName(arg string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	name = strings.ReplaceAll(name, "_", "-")
	for _, prefix := range []string{"loose-", "skip-", "disable-", "enable-"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}

func hasOption(args []string, name string) bool {
	for _, arg := range args {
		if optionName(arg) == name {
			return true
		}
	}
	return false
}

// initArgs picks from args what the making of the data folder needs to know.
func initArgs(args []string) []string {
	var picked []string
	for _, arg := range args {
		for _, name := range initOptions {
			if optionName(arg) == name {
				picked = append(picked, arg)
			}
		}
	}
	return picked
}

// relaxed are the options of a data folder that nobody needs after a power cut. What a transaction wrote is
// handed to the operating system at its commit, so that it outlives the server, if not the machine.
func relaxed() []string {
	return []string{"--innodb-doublewrite=0", "--innodb-flush-method=nosync"}
}

// redo is the option for a redo log that keeps a bulk load from waiting for pages to be written: half the buffer pool, at most
// 1 GiB. With it a doublewrite costs nothing that could be measured; with the default of 100 MB it costs a sixth.
// Servers that fill a log with zeros when its size changes keep their default.
func redo(bin Binary, bufferPool int64) []string {
	size := min(bufferPool/2, 1<<30)
	version, err := number(bin.Version)
	switch {
	case err != nil || size <= 100<<20:
		return nil
	case bin.Family == MariaDB && version >= 100500:
		return []string{fmt.Sprintf("--innodb-log-file-size=%d", size)}
	case bin.Family == MySQL && version >= 80030:
		return []string{fmt.Sprintf("--innodb-redo-log-capacity=%d", size)}
	}
	return nil
}

// serverArgs is the whole command line for the data folder of f.
func serverArgs(bin Binary, f *folder, o Options) []string {
	args := []string{
		"--no-defaults",
		"--datadir=" + f.data(),
		"--tmpdir=" + f.tmp(),
		"--socket=" + f.socket(),
		"--pid-file=" + filepath.Join(f.path, "server.pid"),
		"--secure-file-priv=" + f.tmp(),
		"--skip-networking",
		"--skip-name-resolve",
		"--loose-mysqlx=0",
		"--loose-performance-schema=0",
		// Events of a restored database must not change what was restored. MySQL 8 runs them unless told.
		"--event-scheduler=0",
		"--local-infile=1",
		"--max-allowed-packet=1G",
		"--innodb-flush-log-at-trx-commit=2",
		"--sync-binlog=0",
		"--innodb-buffer-pool-dump-at-shutdown=0",
		"--innodb-buffer-pool-load-at-startup=0",
		fmt.Sprintf("--innodb-buffer-pool-size=%d", o.BufferPool),
	}
	if !o.Keep {
		args = append(args, relaxed()...)
	}
	if !hasOption(o.Args, "log-bin") {
		args = append(args, "--skip-log-bin")
	}
	args = append(args, redo(bin, o.BufferPool)...)
	args = append(args, asUser()...)
	return append(args, o.Args...)
}
