package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/target"
	"lifeboat/internal/target/folder"
	"lifeboat/internal/target/live"
	"lifeboat/internal/ui"
)

// liveBase is a server that holds the base. It is read once, into a dump in a folder for temporary files: what was planned is then what is
// restored, and a restore that was stopped goes on with it.
type liveBase struct {
	dsn      string // complete; "" for none
	patience *target.Options
	spool    string // the folder; "" before it is there
	file     string // the dump in it
	keep     bool   // it is needed to go on
}

const liveScheme = "mysql://"

// readLive reads --snapshot where it names a server. What is left of it has no password.
func (s *source) readLive(c *cli.Context) error {
	rest, ok := strings.CutPrefix(s.snapshot, liveScheme)
	if !ok {
		return nil
	}
	if s.scope.Database == "" {
		return usagef("name the database: --database NAME")
	}
	dsn := rest
	if !strings.Contains(rest, "(") {
		u, err := url.Parse(s.snapshot)
		if err != nil || u.Host == "" {
			return usagef("--snapshot: write mysql://user@host:3306/ or mysql://root@unix(/path/mysqld.sock)/")
		}
		host := u.Host
		if u.Port() == "" {
			host += ":3306"
		}
		dsn = "tcp(" + host + ")/"
		if u.User != nil {
			password, _ := u.User.Password()
			dsn = u.User.Username() + ":" + password + "@" + dsn
		}
	}
	login, err := readLogin(c, "snapshot", "LIFEBOAT_SNAPSHOT_PASSWORD", "LIFEBOAT_PASSWORD")
	if err != nil {
		return err
	}
	if !strings.Contains(dsn, "/") {
		dsn += "/"
	}
	if s.live.dsn, err = login.Complete(dsn); err != nil {
		return usagef("--snapshot: write mysql://user@host:3306/ or mysql://root@unix(/path/mysqld.sock)/")
	}
	public, err := target.PublicDSN(dsn)
	if err != nil {
		return usagef("--snapshot: %w", err)
	}
	s.snapshot = liveScheme + public
	if c.IsSet("connect-timeout") || c.IsSet("network-timeout") || c.IsSet("tls-ca") {
		s.live.patience, err = readPatience(c)
	}
	return err
}

// readServer reads the base from its server, if it is on one; from here on it is a dump.
func (s *source) readServer(ctx context.Context, m *meter) (err error) {
	if s.live.dsn == "" || s.live.spool != "" {
		return nil
	}
	srv, err := openServer(ctx, "--snapshot", s.live.dsn, s.live.patience)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.Close()) }()
	from, err := live.Open(ctx, srv, s.scope.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if s.live.spool, err = os.MkdirTemp("", "lifeboat-base-"); err != nil {
		return err
	}
	out, err := folder.Create(filepath.Join(s.live.spool, "base"), folder.Options{Format: folder.SQL, Compress: true, Database: s.scope.Database, Version: srv.Version, MariaDB: srv.MariaDB,
		Number: srv.Number, Position: from.Position, GTIDs: from.GTIDs})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Discard()) }()
	if err := from.Write(ctx, out, func(n int64) { m.update(ui.State{Phase: phaseLive, Rows: n}) }); err != nil {
		return err
	}
	manifest, err := out.Publish()
	if err != nil {
		return err
	}
	m.p.Message(fmt.Sprintf("the base was read from %s into %s", srv.Name(), s.live.spool))
	s.live.file = filepath.Join(s.live.spool, "base", manifest.Files[0].Name)
	return nil
}

// path is what is read as the snapshot.
func (s *source) path() string {
	if s.live.file != "" {
		return s.live.file
	}
	return s.snapshot
}

// again names the snapshot for a command line that goes on, or begins anew.
func (s *source) again() string {
	if s.live.keep {
		return s.path()
	}
	return s.snapshot
}

// sweep removes what was read from a server, unless it is still needed.
func (s *source) sweep() error {
	if s.live.spool == "" || s.live.keep {
		return nil
	}
	return os.RemoveAll(s.live.spool)
}
