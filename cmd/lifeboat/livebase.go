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

// liveBase is a server that holds the base, or one of several. It is read once, into a dump in a folder for temporary files: what was planned is then
// what is restored, and a restore that was stopped goes on with it.
type liveBase struct {
	given    string // what --snapshot says, without a password
	dsn      string // complete
	patience *target.Options
	spool    string // the folder; "" before it is there
	file     string // the dump in it
}

const liveScheme = "mysql://"

// readLive reads --snapshot where it names servers. What is left of it has no passwords.
func (s *source) readLive(c *cli.Context) error {
	given := []*string{&s.snapshot}
	if len(s.bases) > 0 {
		given = nil
		for i := range s.bases {
			given = append(given, &s.bases[i].path)
		}
	}
	var all []string
	for _, g := range given {
		if strings.HasPrefix(*g, liveScheme) {
			l, err := parseLive(c, *g)
			if err != nil {
				return err
			}
			if s.scope.Database == "" {
				return usagef("name the database: --database NAME")
			}
			*g = l.given
			s.live = append(s.live, l)
		}
		all = append(all, *g)
	}
	s.snapshot = strings.Join(all, ", ")
	return nil
}

// parseLive reads one of them.
func parseLive(c *cli.Context, given string) (*liveBase, error) {
	form := usagef("--snapshot: write mysql://user@host:3306/ or mysql://root@unix(/path/mysqld.sock)/")
	dsn := strings.TrimPrefix(given, liveScheme)
	if !strings.Contains(dsn, "(") {
		u, err := url.Parse(given)
		if err != nil || u.Host == "" {
			return nil, form
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
		return nil, err
	}
	if !strings.Contains(dsn, "/") {
		dsn += "/"
	}
	l := &liveBase{}
	if l.dsn, err = login.Complete(dsn); err != nil {
		return nil, form
	}
	public, err := target.PublicDSN(dsn)
	if err != nil {
		return nil, usagef("--snapshot: %w", err)
	}
	l.given = liveScheme + public
	if c.IsSet("connect-timeout") || c.IsSet("network-timeout") || c.IsSet("tls-ca") {
		l.patience, err = readPatience(c)
	}
	return l, err
}

// readServers reads what lies on servers; from here on these are dumps.
func (s *source) readServers(ctx context.Context, m *meter) error {
	for _, l := range s.live {
		if err := l.read(ctx, s.scope.Database, m); err != nil {
			return err
		}
	}
	return nil
}

func (l *liveBase) read(ctx context.Context, database string, m *meter) (err error) {
	if l.spool != "" {
		return nil
	}
	srv, err := openServer(ctx, "--snapshot", l.dsn, l.patience)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.Close()) }()
	from, err := live.Open(ctx, srv, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if l.spool, err = os.MkdirTemp("", "lifeboat-base-"); err != nil {
		return err
	}
	out, err := folder.Create(filepath.Join(l.spool, "base"), folder.Options{Format: folder.SQL, Compress: true, Database: database, Version: srv.Version, MariaDB: srv.MariaDB,
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
	m.p.Message(fmt.Sprintf("the base was read from %s into %s", srv.Name(), l.spool))
	l.file = filepath.Join(l.spool, "base", manifest.Files[0].Name)
	return nil
}

// file is what is read of what --snapshot names.
func (s *source) file(given string) string {
	for _, l := range s.live {
		if l.given == given && l.file != "" {
			return l.file
		}
	}
	return given
}

// again names a snapshot for a command line that goes on, or begins anew.
func (s *source) again(given string) string {
	if s.keepLive {
		return s.file(given)
	}
	return given
}

// sweep removes what was read from servers, unless it is still needed.
func (s *source) sweep() (err error) {
	for _, l := range s.live {
		if l.spool != "" && !s.keepLive {
			err = errors.Join(err, os.RemoveAll(l.spool))
		}
	}
	return err
}
