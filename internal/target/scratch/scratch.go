// Package scratch starts a MySQL or MariaDB server found on this machine as a throwaway instance: in a folder of its own,
// reachable over a unix socket only, with durability off. It stops the server and clears the folder away: when
// asked, when the context ends, and after a crash of lifeboat at the next start.
//
// It installs nothing and touches no server that it did not start.
package scratch

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Options say which server to start, where and how. The zero value is usable.
type Options struct {
	Binary       string        // path of mysqld or mariadbd, or of a folder that holds one; empty: see Find
	Dir          string        // parent of the instance's folder; empty: os.TempDir()
	BufferPool   int64         // InnoDB buffer pool in bytes; 0: a quarter of the memory, at most 2 GiB
	Args         []string      // further server options, such as --log-bin; they win over this package's
	Keep         bool          // the folder outlives the server and lifeboat, and its files a crash; see Open
	TemplateDir  string        // where initialised data folders are kept for copying; empty: make one at each start
	StartTimeout time.Duration // for making the data folder, and again for the start; 0: 3 minutes
	Logger       *slog.Logger  // nil: silent
}

func (o Options) filled() (Options, error) {
	if o.Dir == "" {
		o.Dir = os.TempDir()
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, err
	}
	// The server compares paths with those that it resolved itself.
	if o.Dir, err = filepath.EvalSymlinks(dir); err != nil {
		return o, fmt.Errorf("scratch server: %w", err)
	}
	if o.BufferPool == 0 {
		o.BufferPool = bufferPool(memory())
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 3 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// bufferPool is the buffer pool for a machine of that much memory, in bytes; 0 stands for an unknown machine.
func bufferPool(memory int64) int64 {
	if memory <= 0 {
		return 512 << 20
	}
	return max(64<<20, min(memory/4, 2<<30))
}

// Server is a scratch server. Its methods may be called from several goroutines.
type Server struct {
	bin  Binary
	opts Options
	stop func() bool // ends the watch over Start's context

	mu      sync.Mutex // held while the server is started or ended
	folder  *folder
	proc    *process
	version string
	offset  int64 // where the log of the running server begins
	closed  bool
}

// ErrClosed says that the server's folder is gone.
var ErrClosed = errors.New("the scratch server was closed")

// Start starts a server on a fresh data folder and waits until it answers. When ctx ends, the server is ended as by Close.
// Folders that a crashed lifeboat left below o.Dir are cleared away first.
func Start(ctx context.Context, o Options) (*Server, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	bin, err := Find(o.Binary)
	if err != nil {
		return nil, err
	}
	sweep(o.Dir, o.Logger)
	f, err := newFolder(o.Dir, o.Keep)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if o.TemplateDir != "" {
		err = fromTemplate(ctx, bin, f, o)
	} else {
		err = initialize(ctx, bin, f, o)
	}
	if err != nil {
		return nil, errors.Join(err, discard(ctx, f))
	}
	o.Logger.Debug("data folder made", "folder", f.path, "seconds", time.Since(begun).Seconds())
	return run(ctx, bin, f, o)
}

// Open starts a server again on the folder (see Folder) that an earlier one with Options.Keep left. o.Dir and o.TemplateDir
// are not used; the other options should be those of the first start.
func Open(ctx context.Context, path string, o Options) (*Server, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	o.Dir, o.Keep = filepath.Dir(path), true
	if o, err = o.filled(); err != nil {
		return nil, err
	}
	bin, err := Find(o.Binary)
	if err != nil {
		return nil, err
	}
	f, err := openFolder(filepath.Join(o.Dir, filepath.Base(path)))
	if err != nil {
		return nil, fmt.Errorf("scratch server: %w", err)
	}
	// The server of a lifeboat that was killed may still be shutting down.
	if err := f.endServer(o.StartTimeout); err != nil {
		return nil, errors.Join(fmt.Errorf("scratch server: %w", err), f.unlock())
	}
	if err := f.placeSocket(); err != nil {
		return nil, errors.Join(fmt.Errorf("scratch server: %w", err), f.unlock())
	}
	return run(ctx, bin, f, o)
}

func run(ctx context.Context, bin Binary, f *folder, o Options) (*Server, error) {
	s := &Server{bin: bin, opts: o, folder: f}
	begun := time.Now()
	if err := s.launch(ctx); err != nil {
		if o.Keep {
			return nil, errors.Join(err, f.release())
		}
		return nil, errors.Join(err, discard(ctx, f))
	}
	o.Logger.Info("scratch server is up", "server", bin.Family.String()+" "+s.version, "socket", f.socket(),
		"folder", f.path, "seconds", time.Since(begun).Seconds())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = context.AfterFunc(ctx, func() {
		if err := s.Close(); err != nil {
			o.Logger.Warn("ending the scratch server", "error", err)
		}
	})
	return s, nil
}

// discard removes a folder in which nothing came up. Only the log stays, which the error that led here names, until
// the next sweep; after an interrupt nobody will read it.
func discard(ctx context.Context, f *folder) error {
	if ctx.Err() != nil {
		return f.remove()
	}
	return errors.Join(os.RemoveAll(f.data()), os.RemoveAll(f.tmp()), f.removeSocketDir(), f.unlock())
}

// launch starts the process and waits until it answers. The caller holds mu, or nobody else knows of s.
func (s *Server) launch(ctx context.Context) error {
	log, offset, err := openLog(s.folder)
	if err != nil {
		return err
	}
	defer log.Close() // the server has its own
	// What a killed server leaves would be taken for the new one's.
	if err := os.Remove(s.folder.socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("scratch server: %w", err)
	}
	cmd := exec.Command(s.bin.Path, serverArgs(s.bin, s.folder, s.opts)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, s.folder.path
	cmd.SysProcAttr = attributes(s.opts.Keep)
	p, err := launch(cmd)
	if err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	s.proc, s.offset = p, offset
	s.folder.state.PID = p.pid
	if err := s.folder.writeState(); err != nil {
		return errors.Join(fmt.Errorf("scratch server: %w", err), p.kill())
	}
	if err := s.await(ctx); err != nil {
		return errors.Join(err, p.kill())
	}
	return nil
}

// await asks until the server answers, ends, or runs out of time.
func (s *Server) await(ctx context.Context) error {
	const what = "did not start"
	connector, err := mysql.NewConnector(s.config())
	if err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	limit := time.NewTimer(s.opts.StartTimeout)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for n := 1; ; n++ {
		select {
		case <-s.proc.done:
			return failure(s.folder, s.bin, s.offset, what, exitText(s.proc.err))
		case <-ctx.Done():
			return fmt.Errorf("scratch server: %w", context.Cause(ctx))
		case <-limit.C:
			return failure(s.folder, s.bin, s.offset, what, fmt.Errorf("no answer after %v (%w)", s.opts.StartTimeout, last))
		case <-tick.C:
		}
		if last = db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&s.version); last == nil {
			return nil
		}
		// A server that finds its disk full may wait for room rather than end.
		if n%50 == 0 && noRoom.Match(logFrom(s.folder.log(), s.offset)) {
			return failure(s.folder, s.bin, s.offset, what, errors.New("it waits for room"))
		}
	}
}

func exitText(err error) error {
	if err == nil {
		return errors.New("it ended with exit status 0")
	}
	return err
}

func (s *Server) config() *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr = "root", "unix", s.Socket()
	cfg.Logger = &mysql.NopLogger{}
	return cfg
}

// DSN is the server's address as github.com/go-sql-driver/mysql reads it, without a database: root@unix(/tmp/x/s)/.
func (s *Server) DSN() string { return s.config().FormatDSN() }

// Socket is the path of the server's unix socket.
func (s *Server) Socket() string { return s.folder.socket() }

// Folder is the instance's own folder, which Open takes.
func (s *Server) Folder() string { return s.folder.path }

// DataDir is the server's data folder, where its binlogs are too.
func (s *Server) DataDir() string { return s.folder.data() }

// LogFile is where the server writes its messages.
func (s *Server) LogFile() string { return s.folder.log() }

// Version is what the server answers to SELECT VERSION().
func (s *Server) Version() string { return s.version }

// Family is the server's family.
func (s *Server) Family() Family { return s.bin.Family }

// Binary is the program that runs.
func (s *Server) Binary() Binary { return s.bin }

// PID is the process id of the server that was started last.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc.pid
}

// Done is closed when the server that was started last has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc.done
}

// crashTime is how long a server may take from its last word on a connection to its end.
const crashTime = 5 * time.Second

// Explain adds to an error that a statement met what the server logged about it, if the server has died or its disk
// is full (the error then is ErrDiskFull too). Any other error it returns as it is.
func (s *Server) Explain(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && (errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn)) {
		// The connection breaks before the dying server is quite gone.
		select {
		case <-s.proc.done:
		case <-time.After(crashTime):
		}
	}
	switch {
	case err == nil || s.closed:
		return err
	case !s.proc.running():
		return failure(s.folder, s.bin, s.offset, "ended while it was in use", err)
	case noRoom.Match(logFrom(s.folder.log(), s.offset)) || noRoom.MatchString(err.Error()):
		return failure(s.folder, s.bin, s.offset, "cannot write", err)
	}
	return err
}

// Stop lets the server shut down in order and keeps its folder, for Restart or for reading; Close then removes it. A server waits
// 2 s for connections that are still open. If ctx ends first, the server is killed.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shutdown(ctx)
}

func (s *Server) shutdown(ctx context.Context) error {
	if err := s.proc.signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	select {
	case <-s.proc.done:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("scratch server: not shut down in time, killed: %w", context.Cause(ctx)), s.proc.kill())
	}
}

// Kill ends the server with SIGKILL, as a crash would, and keeps its folder. The kernel may cut the write of a page short then, so who
// wants to Restart after it needs Options.Keep or --innodb-doublewrite=1.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc.kill()
}

// Restart starts the server again on the same data, under the same socket; if it still runs, it is stopped in order first.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.shutdown(ctx); err != nil {
		return err
	}
	return s.launch(ctx)
}

// Close ends the server and removes its folder. With Options.Keep it shuts the server down in order and leaves the folder.
// Closing twice is no error.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.stop != nil {
		s.stop()
	}
	if s.opts.Keep {
		ctx, cancel := context.WithTimeout(context.Background(), s.opts.StartTimeout)
		defer cancel()
		return errors.Join(s.shutdown(ctx), s.folder.release())
	}
	return errors.Join(s.proc.kill(), s.folder.release())
}
