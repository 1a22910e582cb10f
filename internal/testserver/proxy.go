package testserver

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Fault is what a Proxy does to the connection on which a client's message arrives.
type Fault int

// The faults.
const (
	NoFault   Fault = iota
	CutBefore       // the connection ends, and the server never sees the message
	CutAfter        // the server does what it is told, and the connection ends before its answer
	Stall           // nothing passes on this connection any more, in either direction, and nobody is told
	Silence         // nothing passes on any connection, and new ones get no answer, until Heal
	Delay           // each message from here on takes Proxy.Lag longer
	Hook            // what Proxy.Do was given runs, and then the message passes
	Refuse          // a query is answered with an error of the server's kind, and the server never sees it; another message is CutBefore
)

func (f Fault) String() string {
	return [...]string{"none", "cut before", "cut after", "stall", "silence", "delay", "hook", "refuse"}[f]
}

// Proxy stands between a client and a server's socket and does one fault at one message. It counts messages, which is what
// a client sends before it waits for an answer, over all connections; with Commits, only those that commit.
type Proxy struct {
	Lag time.Duration

	socket string
	listen net.Listener

	mu      sync.Mutex
	do      func() // for Hook
	fault   Fault
	at      int
	commits bool
	count   int
	done    bool // the fault was done
	slow    bool
	healed  chan struct{} // closed unless there is Silence
	conns   map[net.Conn]bool
	closed  bool
}

// NewProxy listens on a port of its own and leads to the server's socket. It ends with the test.
func NewProxy(t testing.TB, socket string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	healed := make(chan struct{})
	close(healed)
	p := &Proxy{Lag: 2 * time.Millisecond, socket: socket, listen: l, healed: healed, conns: map[net.Conn]bool{}}
	go p.serve()
	t.Cleanup(p.Close)
	return p
}

// DSN names the server as seen through the proxy.
func (p *Proxy) DSN() string { return p.As("root") }

// As is DSN for another user, perhaps with :password.
func (p *Proxy) As(user string) string { return fmt.Sprintf("%s@tcp(%s)/", user, p.listen.Addr()) }

// Arm makes the proxy count from 0 and do the fault at message number at, once.
func (p *Proxy) Arm(f Fault, at int, commits bool) {
	p.Heal()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.at, p.commits, p.count, p.done, p.slow = f, at, commits, 0, false, false
}

// Do sets what Hook does.
func (p *Proxy) Do(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.do = do
}

// hook runs without the lock: what it does may ask the proxy.
func (p *Proxy) hook() {
	p.mu.Lock()
	do := p.do
	p.mu.Unlock()
	do()
}

// Done tells how many messages were counted since Arm, and whether the fault was done.
func (p *Proxy) Done() (count int, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count, p.done
}

// Heal ends Silence. What was held back stays lost.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.healed:
	default:
		close(p.healed)
		for c := range p.conns { // they lost something: nothing can be right on them
			c.Close()
		}
	}
}

// Close ends the proxy and every connection through it.
func (p *Proxy) Close() {
	p.listen.Close()
	p.Heal()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) serve() {
	for {
		c, err := p.listen.Accept()
		if err != nil {
			return
		}
		go p.lead(c)
	}
}

func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	return !p.closed
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	c.Close()
}

// lead copies both ways until one side ends.
func (p *Proxy) lead(client net.Conn) {
	defer p.drop(client)
	if !p.keep(client) {
		return
	}
	<-p.gate() // a new connection gets no answer while there is silence
	server, err := net.Dial("unix", p.socket)
	if err != nil {
		return
	}
	defer p.drop(server)
	if !p.keep(server) {
		return
	}
	w := &way{p: p, client: client, server: server, stalled: make(chan struct{}), muted: make(chan struct{})}
	ended := make(chan struct{}, 2)
	go func() { w.requests(); ended <- struct{}{} }()
	go func() { w.answers(); ended <- struct{}{} }()
	<-ended
}

func (p *Proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.healed
}

// way is one connection led through.
type way struct {
	p              *Proxy
	client, server net.Conn
	stalled        chan struct{} // closed by Stall
	muted          chan struct{} // closed by CutAfter: the next answer ends the connection
}

// decide counts a message and returns the fault to do to it.
func (p *Proxy) decide(message []byte) (f Fault, lag time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slow {
		lag = p.Lag
	}
	if p.done || p.fault == NoFault || p.commits && !bytes.HasSuffix(message, []byte("COMMIT")) {
		if !p.commits || bytes.HasSuffix(message, []byte("COMMIT")) {
			p.count++
		}
		return NoFault, lag
	}
	if p.count++; p.count <= p.at {
		return NoFault, lag
	}
	p.done = true
	switch p.fault {
	case Silence:
		p.healed = make(chan struct{})
	case Delay:
		p.slow = true
		return NoFault, p.Lag
	}
	return p.fault, lag
}

func (w *way) requests() {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.client.Read(buf)
		if n > 0 {
			f, lag := w.p.decide(buf[:n])
			if lag > 0 {
				time.Sleep(lag) // a slow line, not a wait for something
			}
			switch f {
			case CutBefore:
				return
			case Refuse:
				if !w.refuse(buf[:n]) {
					return
				}
				continue
			case CutAfter:
				close(w.muted)
			case Hook:
				w.p.hook()
			case Stall:
				close(w.stalled)
				io.Copy(io.Discard, w.client) // taken and lost, until the client gives up
				return
			}
			if healed := w.p.gate(); !w.pass(healed) {
				return
			}
			if _, err := w.server.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// refuse answers a query with an error that says nothing of whether another try helps; false: the message is not a query. See
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_err_packet.html
func (w *way) refuse(message []byte) bool {
	const header, query = 4, 3 // COM_QUERY
	size := len(message) - header
	if size < 1 || message[3] != 0 || message[header] != query || int(message[0])|int(message[1])<<8|int(message[2])<<16 != size {
		return false
	}
	answer := "\xff\x51\x04#HY000refused by the test" // 1105, ER_UNKNOWN_ERROR
	_, err := w.client.Write(append([]byte{byte(len(answer)), 0, 0, 1}, answer...))
	return err == nil
}

// pass holds a message back for ever where there is silence; Heal then ends the connection.
func (w *way) pass(healed <-chan struct{}) bool {
	select {
	case <-healed:
		return true
	default:
		<-healed
		return false
	}
}

func (w *way) answers() {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.server.Read(buf)
		select {
		case <-w.stalled:
			io.Copy(io.Discard, w.server)
			return
		case <-w.muted:
			return
		default:
		}
		if n > 0 {
			if !w.pass(w.p.gate()) {
				return
			}
			if _, err := w.client.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
