package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/target/scratch"
)

// applierServer are the options of a server that takes the binlogs for relay logs.
func applierServer(w *workload) []string {
	// It has another id than the source: a replica passes over events of its own.
	set := []string{"--server-id=2", "--relay-log=relay", "--relay-log-index=relay.index", "--skip-replica-start", "--replica-parallel-workers=4",
		"--replica-preserve-commit-order=OFF"}
	if w.many {
		set = append(set, "--replicate-do-db="+database)
	}
	return set
}

// byApplier loads the base and lets the server's own replication applier read the binlogs as relay logs. The restart
// that this takes does not count.
func (b *bench) byApplier(ctx context.Context, server *scratch.Server) (s sample, err error) {
	before, children := processorTime(server.PID()), childrenTime()
	defer func() { s.tool = childrenTime() - children }()
	if s.base, err = b.loadBase(ctx, server); err != nil {
		return s, err
	}
	s.server = processorTime(server.PID()) - before // of the process that ends here
	if err := server.Stop(ctx); err != nil {
		return s, err
	}
	var index strings.Builder
	for i, name := range b.archive.Binlogs {
		relay := fmt.Sprintf("relay.%06d", i+1)
		fmt.Fprintf(&index, "./%s\n", relay)
		if err := rig.CopyFile(b.archive.binlog(name), filepath.Join(server.DataDir(), relay)); err != nil {
			return s, err
		}
	}
	if err := os.WriteFile(filepath.Join(server.DataDir(), "relay.index"), []byte(index.String()), 0o644); err != nil {
		return s, err
	}
	if err := server.Restart(ctx); err != nil {
		return s, err
	}
	s.server += before // measure takes it off again
	change := fmt.Sprintf("CHANGE REPLICATION SOURCE TO RELAY_LOG_FILE='relay.000001', RELAY_LOG_POS=%d, SOURCE_HOST='x'", b.archive.Offset)
	if err := execute(ctx, server.DSN(), change); err != nil {
		return s, err
	}
	began := time.Now()
	if err := execute(ctx, server.DSN(), "START REPLICA SQL_THREAD"); err != nil {
		return s, err
	}
	if err := b.applied(ctx, server); err != nil {
		return s, err
	}
	err = execute(ctx, server.DSN(), "STOP REPLICA SQL_THREAD") // waits for the workers
	s.replay = time.Since(began)
	return s, err
}

// applied waits until the applier has read all relay logs.
func (b *bench) applied(ctx context.Context, server *scratch.Server) error {
	for {
		row, err := b.status(ctx, server, "SHOW REPLICA STATUS")
		if err != nil {
			return err
		}
		if row["Last_SQL_Error"] != "" {
			return errors.New(row["Last_SQL_Error"])
		}
		if strings.Contains(row["Replica_SQL_Running_State"], "has read all relay log") {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// status is the one row of a SHOW statement.
func (b *bench) status(ctx context.Context, server *scratch.Server, query string) (map[string]string, error) {
	db, err := rig.Open(server.DSN(), "")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	cells, into := make([]*string, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	out := map[string]string{}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i, n := range names {
			if cells[i] != nil {
				out[n] = *cells[i]
			}
		}
	}
	return out, rows.Err()
}

// processorTime is what a process has used of the processors; 0 if it is gone or the system does not tell.
func processorTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	const user, system, perSecond = 11, 12, 100 // of what follows the name; in ticks of Linux
	if len(fields) <= system {
		return 0
	}
	u, _ := strconv.ParseInt(fields[user], 10, 64)
	s, _ := strconv.ParseInt(fields[system], 10, 64)
	return time.Duration(u+s) * time.Second / perSecond
}

// childrenTime is what the client programs that have ended have used.
func childrenTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// load is the machine's load average of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	first, _, found := strings.Cut(string(text), " ")
	if err != nil || !found {
		return "not known"
	}
	return first
}
