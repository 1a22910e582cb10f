package target

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Options are how patient the sessions of a target are, and whom they trust. Zero values mean the defaults.
type Options struct {
	// Connect limits reaching the server and logging in, together. The default is 10 s.
	Connect time.Duration
	// Silence is how long the server may take nothing and say nothing before another session asks it whether the
	// statement still runs. While it does, there is no limit but Statement's. The default is 30 s.
	Silence time.Duration
	// Statement limits one statement that writes or reads rows. DDL has no limit, as long as the server works on it. The
	// default is 30 min.
	Statement time.Duration
	// CA is a file of certificates in PEM. If given, the server must prove its name with one that they signed.
	CA string
}

func (o *Options) orDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{{&out.Connect, 10 * time.Second}, {&out.Silence, 30 * time.Second}, {&out.Statement, 30 * time.Minute}} {
		if *d.value <= 0 {
			*d.value = d.usual
		}
	}
	return out
}

// writePiece is how many bytes are sent under one deadline: a slow line may take long for a large statement, as long
// as it moves.
const writePiece = 64 << 10

// readPiece is how many bytes are read at once; servers write 16 KiB at a time.
const readPiece = 32 << 10

// link is the connection of one session. Every read and write has a deadline. A read that hears nothing asks
// the server, over another session, whether it still works on the statement: a long ALTER is silent too.
type link struct {
	net.Conn
	s     *Server
	hard  bool        // of the asking session itself: silence is the end
	ready atomic.Bool // logged in; until then the limit is the connector's

	in   []byte // room for what the server says, read at once: the driver asks for 4 KiB at a time
	left []byte // of it, what the driver has not asked for yet

	hello []byte // the beginning of the server's greeting, until id is known
	id    uint32 // of the session, as the server counts
	idle  int    // answers in a row that the server waits for us while we wait for it
	why   atomic.Pointer[string]

	open  context.Context // until Close: asking after a statement ends with it
	close context.CancelFunc
}

// linkKey finds, in a context, where the dialled link goes.
type linkKey struct{}

// hardKey marks a context of the asking session.
type hardKey struct{}

// connector opens sessions under the limit of Options.Connect.
type connector struct {
	inner driver.Connector
	s     *Server
}

func (c *connector) Driver() driver.Driver { return c.inner.Driver() }

// Connect dials and logs in. A server that takes connections and never speaks is given up like one that cannot be reached.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, c.s.o.Connect)
	defer cancel()
	var l *link
	conn, err := c.inner.Connect(context.WithValue(limited, linkKey{}, &l))
	if err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("no answer to the login within %v", c.s.o.Connect)
		}
		return nil, err
	}
	l.ready.Store(true)
	if out, ok := ctx.Value(linkKey{}).(**link); ok {
		*out = l
		c.s.remember(l)
	}
	return conn, nil
}

// dial opens the connection itself, with keepalives: they end an idle session whose peer is gone.
func (s *Server) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	third := s.o.Silence / 3
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: max(third, time.Second), Interval: max(third/2, time.Second), Count: 4},
		Control: func(network, _ string, c syscall.RawConn) error { return limitUnacknowledged(network, c, s.o.Silence) }}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l := &link{Conn: conn, s: s}
	l.open, l.close = context.WithCancel(context.Background())
	_, l.hard = ctx.Value(hardKey{}).(bool)
	if out, ok := ctx.Value(linkKey{}).(**link); ok {
		*out = l
	}
	return l, nil
}

// SyscallConn lets the driver look whether an idle connection was closed.
func (l *link) SyscallConn() (syscall.RawConn, error) {
	c, ok := l.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return c.SyscallConn()
}

// Close ends the connection, and what is being asked about it.
func (l *link) Close() error {
	l.close()
	return l.Conn.Close()
}

func (l *link) Read(p []byte) (int, error) {
	if len(l.left) == 0 && len(p) >= readPiece {
		return l.read(p)
	}
	if len(l.left) == 0 {
		if l.in == nil {
			l.in = make([]byte, readPiece)
		}
		n, err := l.read(l.in)
		if l.left = l.in[:n]; n == 0 {
			return 0, err
		}
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	return n, nil
}

func (l *link) read(p []byte) (int, error) {
	for {
		if l.ready.Load() {
			if err := l.SetReadDeadline(time.Now().Add(l.s.o.Silence)); err != nil {
				return 0, l.failed(err)
			}
		}
		n, err := l.Conn.Read(p)
		if n > 0 {
			l.idle = 0
			l.greeting(p[:n])
			return n, err
		}
		if err == nil {
			return n, err
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || l.hard || !l.ready.Load() {
			return n, l.failed(err)
		}
		if err := l.s.stillWorks(l); err != nil {
			return 0, l.failed(err)
		}
	}
}

func (l *link) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		if l.ready.Load() {
			if err := l.SetWriteDeadline(time.Now().Add(l.s.o.Silence)); err != nil {
				return n, l.failed(err)
			}
		}
		var k int
		k, err = l.Conn.Write(p[:min(len(p), writePiece)])
		n, p = n+k, p[k:]
	}
	if err != nil {
		err = l.failed(err)
	}
	return n, err
}

// failed keeps the reason: the driver says of every broken connection only that it is one.
func (l *link) failed(err error) error {
	text := err.Error()
	switch {
	case errors.Is(err, io.EOF):
		text = "the server closed the connection"
	case errors.Is(err, os.ErrDeadlineExceeded):
		text = fmt.Sprintf("nothing moved for %v", l.s.o.Silence)
	case errors.Is(err, net.ErrClosed):
		return err // by us
	}
	l.why.CompareAndSwap(nil, &text)
	return err
}

// greeting takes the session's number from the server's first packet (protocol 10: header of 4 bytes, 10, version as a
// C string, then 4 bytes of thread id, https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html).
func (l *link) greeting(p []byte) {
	const longest = 256
	if l.id != 0 || len(l.hello) >= longest {
		return
	}
	l.hello = append(l.hello, p[:min(len(p), longest)]...)
	if len(l.hello) < 5 || l.hello[4] != 10 {
		return
	}
	for i := 5; i+5 <= len(l.hello); i++ {
		if l.hello[i] == 0 {
			l.id = binary.LittleEndian.Uint32(l.hello[i+1:])
			return
		}
	}
}

// isLost reports the errors of a connection that broke, as opposed to an answer of the server.
func isLost(err error) bool {
	return errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
