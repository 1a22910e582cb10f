package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/target/scratch"
	"lifeboat/internal/ui/text"
)

// errNotProved says that the restored database is not the wiped one, or that something changed which must not.
var errNotProved = errors.New("the proof does not hold")

type options struct {
	root         string
	keep         bool
	transactions int
}

// seed makes every demo the same as far as sessions that race can be.
const seed = 20240229

// story is what its parts know of each other.
type story struct {
	*teller
	opts     options
	lifeboat string
	programs rig.Programs
	dir      string // everything that the demo writes

	source, target *scratch.Server
	shop, spare    *sql.DB  // sessions on them
	given          []string // databases that the new target has by itself
	backup         string
	reference      string // a dump from just before the wipe, for lifeboat verify
	copies         []string
	seal           string          // of backup and copies
	before         rig.Fingerprint // the shop just before the wipe
	crm            rig.Fingerprint // on the source when the restore begins
	wiped          int64           // rows
	incident       string          // the wipe's id
}

// run tells the whole story, and clears everything away at its end, whatever the end is.
func run(ctx context.Context, w io.Writer, o options) (err error) {
	s := &story{teller: &teller{w: w, began: time.Now()}, opts: o}
	defer func() {
		err = errors.Join(err, s.clear())
	}()
	parts := []struct {
		title string
		tell  func(context.Context) error
	}{
		{"A shop in production", s.production},
		{"The nightly backup", s.nightly},
		{"A day of business", s.business},
		{"A changed CI setting", s.wipe},
		{"What operations has", s.archive},
		{"lifeboat audit: what happened?", s.audit},
		{"lifeboat restore --dry-run: what would be done?", s.dryRun},
		{"lifeboat restore, killed half-way", s.restore},
		{"The same command again", s.resume},
		{"The proof", s.proof},
	}
	if err := s.prepare(); err != nil {
		return err
	}
	for _, p := range parts {
		s.chapter(p.title)
		if err := p.tell(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
	return nil
}

func (s *story) prepare() error {
	root, err := filepath.Abs(s.opts.root)
	if err != nil {
		return err
	}
	s.lifeboat = filepath.Join(root, "bin", "lifeboat")
	if _, err := os.Stat(s.lifeboat); err != nil {
		return fmt.Errorf("%w: run `make build` first", err)
	}
	if s.programs, err = rig.Find(root, "mysql-9.7", "mariadb-10.11"); err != nil {
		return err
	}
	s.dir, err = os.MkdirTemp("", "lifeboat-demo-")
	return err
}

func (s *story) clear() error {
	var errs []error
	for _, db := range []*sql.DB{s.shop, s.spare} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	for _, server := range []*scratch.Server{s.source, s.target} {
		if server != nil {
			errs = append(errs, server.Close())
		}
	}
	switch {
	case s.dir == "":
	case s.opts.keep && s.seal != "":
		fmt.Fprintf(s.w, "\nThe backup and the binlogs stay in %s; remove that folder when you are done. To try lifeboat on them:\n", s.dir)
		s.shell(rig.Line(append([]string{"LIFEBOAT_MYSQLD=" + s.programs.Server.Path}, s.command("restore", "--scratch")...)...))
	default:
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

func (s *story) production(ctx context.Context) error {
	s.say("Starting two throwaway servers and filling one of them …")
	s.say("")
	var err error
	if s.source, err = scratch.Start(ctx, s.programs.Options(s.dir, s.binlogArgs()...)); err != nil {
		return err
	}
	if s.target, err = scratch.Start(ctx, s.programs.Options(s.dir)); err != nil {
		return err
	}
	if s.shop, err = rig.Open(s.source.DSN(), ""); err != nil {
		return err
	}
	if s.spare, err = rig.Open(s.target.DSN(), ""); err != nil {
		return err
	}
	if s.given, err = databases(ctx, s.spare); err != nil {
		return err
	}
	if err := build(ctx, s.shop, rand.New(rand.NewPCG(seed, 0))); err != nil {
		return err
	}
	if err := s.shop.Close(); err != nil { // from now on sessions are in shop
		return err
	}
	if s.shop, err = rig.Open(s.source.DSN(), "shop"); err != nil {
		return err
	}
	shop, err := rig.Take(ctx, s.shop, "shop")
	if err != nil {
		return err
	}
	s.say("A throwaway %s %s stands in for production; its binary log is on, in ROW format. It holds the database shop (%s rows: customers, products, "+
		"orders with their items and payments, foreign keys, decimals, JSON, enums, timestamps, Chinese text, a view and a trigger), and beside it crm, which has nothing to do with any of this "+
		"and must stay as it is. A second, empty server waits as the place to restore to.",
		s.source.Family(), s.source.Version(), text.Count(shop.Rows()))
	return nil
}

// binlogArgs are the options of a production server: small files, as a shop of this size would not fill large ones.
func (s *story) binlogArgs() []string {
	args := []string{"--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--max-binlog-size=4M"}
	if !s.programs.MariaDB() { // which always has GTIDs
		args = append(args, "--gtid-mode=ON", "--enforce-gtid-consistency=ON")
	}
	return args
}

func (s *story) business(ctx context.Context) error {
	const sessions = 8
	began := time.Now()
	count, err := traffic{db: s.shop, sessions: sessions, each: s.opts.transactions / sessions, seed: seed, customers: customers, orders: orders, products: products}.run(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began)
	s.say("Customers order, pay, return things and edit their profiles: %s transactions by %d sessions at once, in %s. A few more were rolled back (%s), as happens.",
		text.Count(count.committed.Load()), sessions, text.Duration(took), text.Count(count.failed.Load()))
	s.before, err = rig.Take(ctx, s.shop, "shop")
	if err != nil {
		return err
	}
	if err := s.dumpReference(ctx); err != nil {
		return err
	}
	s.say("")
	s.say("For the proof at the end the demo now reads every row of every table and notes a hash of each table. lifeboat never sees these notes.")
	s.say("")
	s.table(describe(s.before))
	return nil
}

func describe(f rig.Fingerprint) [][]string {
	var rows [][]string
	for _, name := range f.Names() {
		count := ""
		if f[name].Rows > 0 {
			count = text.Counted(f[name].Rows, "row")
		}
		rows = append(rows, []string{name, count, f[name].Digest})
	}
	return rows
}

func (s *story) wipe(ctx context.Context) error {
	tests, err := rig.Open(s.source.DSN(), "shop") // a process of its own has a session of its own
	if err != nil {
		return err
	}
	statements, err := unitTests(ctx, tests)
	if err := errors.Join(err, tests.Close()); err != nil {
		return err
	}
	const sessions = 4
	count, err := traffic{db: s.shop, sessions: sessions, each: 500, seed: seed + 1, customers: 20, orders: 20, products: 20}.run(ctx)
	if err != nil {
		return err
	}
	after, err := rig.Take(ctx, s.shop, "shop")
	if err != nil {
		return err
	}
	s.wiped = s.before.Rows()
	s.say("Somebody changes a CI setting, and the unit tests run against production. They do what unit tests do: one session drops the shop's five tables, creates them anew and inserts test rows, "+
		"%d statements in a fraction of a second. Nobody notices yet: the shop's other sessions go on and write %s more transactions into the new tables.",
		statements, text.Count(count.committed.Load()))
	s.say("")
	s.say("Then a page looks wrong. This is what is left:")
	s.say("")
	s.table(describe(after))
	return nil
}
