package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/target/scratch"
)

// MariaDB 10.11 crashes when it is told to read files that its relay log index names but it did not write. So a second server serves the
// binlogs, the replica fetches all of them first, which does not count, and then its parallel applier reads its own relay logs.

// replicaUser is who fetches the binlogs; the server that serves them is reached from this machine only.
const replicaUser = "replica"

// replicaServer are the options of a MariaDB server that applies with several workers. Conflicts are tried again, as in its documentation.
func replicaServer() []string {
	return []string{"--server-id=2", "--relay-log=relay", "--relay-log-index=relay.index", "--skip-slave-start", "--slave-parallel-threads=4",
		"--slave-parallel-mode=optimistic", "--slave-parallel-max-queued=16777216"}
}

// byReplica loads the base, fetches the binlogs and measures their application.
func (b *bench) byReplica(ctx context.Context, server *scratch.Server) (s sample, err error) {
	children := childrenTime()
	defer func() { s.tool = childrenTime() - children }()
	if s.base, err = b.loadBase(ctx, server); err != nil {
		return s, err
	}
	source, port, err := b.serve(ctx)
	if err != nil {
		return s, fmt.Errorf("the server of the binlogs: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	change := fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='%s', MASTER_LOG_FILE='%s', MASTER_LOG_POS=%d, MASTER_USE_GTID=no",
		port, replicaUser, b.archive.Binlogs[0], b.archive.Offset)
	for _, q := range []string{change, "START SLAVE IO_THREAD"} {
		if err := execute(ctx, server.DSN(), q); err != nil {
			return s, err
		}
	}
	// The server that serves has begun a file of its own behind the archive's.
	last := b.archive.Binlogs[len(b.archive.Binlogs)-1]
	err = b.replicated(ctx, server, func(row map[string]string) bool {
		return row["Master_Log_File"] > last && strings.Contains(row["Slave_IO_State"], "Waiting for master to send event")
	})
	if err != nil {
		return s, err
	}
	began := time.Now()
	if err := execute(ctx, server.DSN(), "START SLAVE SQL_THREAD"); err != nil {
		return s, err
	}
	err = b.replicated(ctx, server, func(row map[string]string) bool {
		return row["Relay_Master_Log_File"] == row["Master_Log_File"] && row["Exec_Master_Log_Pos"] == row["Read_Master_Log_Pos"]
	})
	if err != nil {
		return s, err
	}
	s.replay = time.Since(began)
	return s, execute(ctx, server.DSN(), "STOP SLAVE")
}

// replicated waits for a state of the replica.
func (b *bench) replicated(ctx context.Context, server *scratch.Server, reached func(row map[string]string) bool) error {
	for {
		row, err := b.status(ctx, server, "SHOW SLAVE STATUS")
		if err != nil {
			return err
		}
		if said := row["Last_SQL_Error"] + row["Last_IO_Error"]; said != "" {
			return errors.New(said)
		}
		if reached(row) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// serve starts a server that has the archive's binlogs for its own.
func (b *bench) serve(ctx context.Context) (source *scratch.Server, port int, err error) {
	if port, err = freePort(); err != nil {
		return nil, 0, err
	}
	source, err = b.start(ctx, "--log-bin=binlog", "--server-id=1", "--skip-networking=0", "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port))
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, source.Close())
		}
	}()
	user := "'" + replicaUser + "'@'127.0.0.1'"
	for _, q := range []string{"CREATE USER " + user, "GRANT REPLICATION SLAVE ON *.* TO " + user} {
		if err := execute(ctx, source.DSN(), q); err != nil {
			return nil, 0, err
		}
	}
	if err := source.Stop(ctx); err != nil {
		return nil, 0, err
	}
	own, err := filepath.Glob(filepath.Join(source.DataDir(), "binlog.*"))
	if err != nil {
		return nil, 0, err
	}
	for _, name := range own {
		if err := os.Remove(name); err != nil {
			return nil, 0, err
		}
	}
	for _, name := range b.archive.Binlogs {
		if err := rig.CopyFile(b.archive.binlog(name), filepath.Join(source.DataDir(), name)); err != nil {
			return nil, 0, err
		}
	}
	names := slices.Clone(b.archive.Binlogs)
	for i := range names {
		names[i] = "./" + names[i] + "\n"
	}
	if err := os.WriteFile(filepath.Join(source.DataDir(), "binlog.index"), []byte(strings.Join(names, "")), 0o644); err != nil {
		return nil, 0, err
	}
	return source, port, source.Restart(ctx)
}

// freePort is a port of this machine that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
