package soak

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeboat/internal/target/scratch"
	"lifeboat/internal/testserver"
)

// bench is the servers of a kind: sources with and without GTIDs, and a target. They serve one script after the other.
type bench struct {
	t       testing.TB
	kind    string // of the source
	to      string // kind of the target
	sources map[bool]*server
	dst     *server
	dir     string
}

type server struct {
	*scratch.Server
	db *sql.DB
}

const noSync = "--innodb-flush-method=nosync" // no test here outlives its servers

func newBench(t testing.TB, kind string) *bench { return newBenchOnto(t, kind, kind) }

// newBenchOnto restores onto another kind of server.
func newBenchOnto(t testing.TB, kind, to string) *bench {
	dst := testserver.Start(t, to, noSync)
	return &bench{t: t, kind: kind, to: to, sources: map[bool]*server{}, dst: &server{dst, testserver.Open(t, dst)}, dir: t.TempDir()}
}

func (b *bench) source(gtid bool) *server {
	if b.sources[gtid] == nil {
		args := []string{noSync}
		if gtid {
			args = append(args, testserver.GTID(b.kind)...)
		}
		s := testserver.Source(b.t, b.kind, args...)
		b.sources[gtid] = &server{s, testserver.Open(b.t, s)}
		b.sources[gtid].db.SetMaxIdleConns(0) // a session serves once: what it was set to must not reach another
	}
	return b.sources[gtid]
}

// restart gives up a source that has crashed, as MySQL 9.7.4 does now and then, and reports whether it has.
func (b *bench) restart(s *script) bool {
	src := b.sources[s.gtid]
	if src == nil || src.db.PingContext(b.t.Context()) == nil {
		return false
	}
	delete(b.sources, s.gtid)
	return true
}

// scene is what a script left behind.
type scene struct {
	archive   string // folder of binlogs
	dump      string // "" where none was taken
	start     string // where the dump was taken
	charset   string // of the database then
	loaded    bool   // it has been put on the target
	stop      string
	want      *state         // nil: the database was gone in the end
	errors    map[string]int // of statements that the source refused, by their number and how they begin
	statement int
	broken    []string // indexes of which the source's own server says that they are
}

func exec1(ctx context.Context, db *sql.DB, queries ...string) error {
	for _, q := range queries {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

// drop removes a database, whatever refers to its tables from the other one.
func drop(name string) string {
	return "SET SESSION foreign_key_checks=0; DROP DATABASE IF EXISTS " + name + "; SET SESSION foreign_key_checks=1"
}

// end is where the source's log ends.
func (b *bench) end(ctx context.Context, src *server) (string, error) {
	query := "SHOW MASTER STATUS"
	if b.kind == testserver.MySQL97 {
		query = "SHOW BINARY LOG STATUS"
	}
	r, err := ask(ctx, src.db, query)
	if err != nil {
		return "", err
	}
	return r[0][0] + ":" + r[0][1], nil
}

// play runs a script on its source, and collects what is left.
func (b *bench) play(ctx context.Context, s *script) (*scene, error) {
	src := b.source(s.gtid)
	dir, err := os.MkdirTemp(b.dir, "scene")
	if err != nil {
		return nil, err
	}
	sc := &scene{archive: filepath.Join(dir, "archive"), errors: map[string]int{}}
	if err := exec1(ctx, src.db, drop(database), drop(neighbour), "FLUSH LOGS"); err != nil {
		return nil, err
	}
	first, err := b.end(ctx, src)
	if err != nil {
		return nil, err
	}
	complaints, err := os.Stat(src.LogFile())
	if err != nil {
		return nil, err
	}
	back, err := setGlobals(ctx, src, s.globals)
	if err != nil {
		return nil, err
	}
	if err := b.run(ctx, src, s, sc, filepath.Join(dir, "base.sql")); err != nil {
		return nil, err
	}
	if err := exec1(ctx, src.db, back...); err != nil {
		return nil, err
	}
	if sc.broken, err = brokenIndexes(src.LogFile(), complaints.Size()); err != nil {
		return nil, err
	}
	return sc, b.finish(ctx, src, sc, first)
}

// finish notes the state and where the log is, and copies the script's binlogs.
func (b *bench) finish(ctx context.Context, src *server, sc *scene, first string) error {
	given, err := settle(ctx, src)
	if err != nil {
		return err
	}
	if sc.stop, err = b.end(ctx, src); err != nil {
		return err
	}
	if sc.want, err = b.state(ctx, src.db, database); err != nil {
		return err
	}
	if sc.want != nil {
		for t, c := range sc.want.auto {
			// Where a column has a default as well, the value given is not the counter's.
			c.known = given[t] > 0 && c.next <= given[t]+1
			sc.want.auto[t] = c
		}
	}
	undecided, err := ask(ctx, src.db, "XA RECOVER")
	if err != nil {
		return err
	}
	for _, x := range undecided {
		if err := exec1(ctx, src.db, "XA ROLLBACK '"+x[3]+"'"); err != nil {
			return err
		}
	}
	if err := exec1(ctx, src.db, drop(database), drop(neighbour), "FLUSH LOGS"); err != nil {
		return err
	}
	file, _, _ := strings.Cut(first, ":")
	if err := collect(src.DataDir(), sc.archive, file); err != nil {
		return err
	}
	last, err := b.end(ctx, src)
	if err != nil {
		return err
	}
	file, _, _ = strings.Cut(last, ":")
	return exec1(ctx, src.db, "PURGE BINARY LOGS TO '"+file+"'")
}

// settle has each counter give a value that the log then knows, and says which, where that could be done.
func settle(ctx context.Context, src *server) (map[string]uint64, error) {
	c, err := src.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	list, err := ask(ctx, c, "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='"+database+"' AND EXTRA LIKE '%auto_increment%'")
	if err != nil {
		return nil, err
	}
	for _, q := range []string{"SET sql_mode='', foreign_key_checks=0, lock_wait_timeout=1, innodb_lock_wait_timeout=1"} {
		if _, err := c.ExecContext(ctx, q); err != nil {
			return nil, err
		}
	}
	given := map[string]uint64{}
	for _, l := range list {
		r, err := c.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s.%s () VALUES ()", database, l[0]))
		if err != nil {
			continue
		}
		id, err := r.LastInsertId()
		if err != nil || id == 0 {
			continue
		}
		if _, err := c.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s.%s WHERE %s = %d", database, l[0], l[1], id)); err == nil {
			given[l[0]] = uint64(id)
		}
	}
	return given, nil
}

func setGlobals(ctx context.Context, src *server, list []string) (back []string, err error) {
	for _, g := range list {
		name, _, _ := strings.Cut(g, "=")
		old, err := ask(ctx, src.db, "SELECT @@GLOBAL."+name)
		if err != nil {
			return nil, err
		}
		value := old[0][0]
		if _, err := strconv.Atoi(value); err != nil {
			value = "'" + value + "'"
		}
		back = append(back, "SET GLOBAL "+name+"="+value)
		if err := exec1(ctx, src.db, "SET GLOBAL "+g); err != nil {
			return nil, err
		}
	}
	return back, nil
}

func collect(from, to, first string) error {
	list, err := filepath.Glob(filepath.Join(from, "binlog.0*"))
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, path := range slices.DeleteFunc(list, func(f string) bool { return filepath.Base(f) < first }) {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(path)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a statement of one session may hold up the others. One that waits for a lock goes on beside them.
const patience = 20 * time.Millisecond

// run plays the statements in their order, each in its session. Statements that fail are part of the workload.
func (b *bench) run(ctx context.Context, src *server, s *script, sc *scene, dump string) error {
	var mu sync.Mutex
	queues := map[int]chan string{}
	done := map[int]chan struct{}{}
	pending := map[int]int{}
	var all sync.WaitGroup
	defer func() {
		for _, q := range queues {
			close(q)
		}
		all.Wait()
	}()
	for _, q := range s.statements {
		if q.base {
			// No dump is right while a table is being altered: let those that wait for a lock come to their end.
			for session := range pending {
				for ; pending[session] > 0; pending[session]-- {
					<-done[session]
				}
			}
			if err := b.takeDump(ctx, src, s, sc, dump); err != nil {
				return err
			}
			continue
		}
		if queues[q.session] == nil {
			c, err := src.db.Conn(ctx)
			if err != nil {
				return err
			}
			if _, err := c.ExecContext(ctx, "SET innodb_lock_wait_timeout=1, lock_wait_timeout=1"); err != nil {
				return err
			}
			queue, finished := make(chan string, len(s.statements)), make(chan struct{}, len(s.statements))
			queues[q.session], done[q.session] = queue, finished
			all.Go(func() {
				defer c.Close()
				for sql := range queue {
					_, err := c.ExecContext(ctx, sql)
					if errors.Is(err, driver.ErrBadConn) {
						err = nil
					}
					mu.Lock()
					if sc.statement++; err != nil {
						verb, _, _ := strings.Cut(sql, " ")
						number, _, _ := strings.Cut(err.Error(), ":")
						sc.errors[verb+": "+number]++
					}
					mu.Unlock()
					finished <- struct{}{}
				}
			})
		}
		queues[q.session] <- q.sql
		pending[q.session]++
		wait := 10 * time.Second
		if len(queues) > 1 {
			wait = patience
		}
		select {
		case <-done[q.session]:
			pending[q.session]--
		case <-time.After(wait):
		}
	}
	return nil
}

// takeDump takes the base. Where the dump program fails, for a view whose table has gone, there is none: the log holds everything.
func (b *bench) takeDump(ctx context.Context, src *server, s *script, sc *scene, path string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var err error
	if sc.start, err = b.end(ctx, src); err != nil {
		return err
	}
	info, err := ask(ctx, src.db, "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='"+database+"'")
	if err != nil || len(info) == 0 {
		return err
	}
	sc.charset = fmt.Sprintf(" CHARACTER SET %s COLLATE %s", info[0][0], info[0][1])
	charset := "utf8mb4"
	if b.kind == testserver.MySQL56 {
		charset = "utf8"
	}
	args := []string{"--no-defaults", "-uroot", "-S", src.Socket(), "--single-transaction", "--routines", "--triggers", "--events", testserver.Coordinates(b.kind),
		"--default-character-set=" + charset, "--result-file=" + path}
	if s.route.Databases {
		args = append(args, "--databases")
	}
	if exec.CommandContext(ctx, testserver.Bin(b.t, b.kind, "mysqldump"), append(args, database)...).Run() != nil {
		return ctx.Err()
	}
	sc.dump = path
	// Sessions that wait for a lock may go on meanwhile: the dump itself knows where it was taken.
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if m := coordinates.FindSubmatch(text); m != nil {
		sc.start = string(m[1]) + ":" + string(m[2])
	}
	return nil
}

var coordinates = regexp.MustCompile(`_LOG_FILE='([^']+)', (?:MASTER|SOURCE)_LOG_POS=(\d+)`)
